//! Service notices: an interruption (terms 9-1), a discontinuation in whole or part (terms 10), a known outage.
//!
//! A notice in force changes what answers say, and never whether one is sent. It either stands in place of the answer
//! (of all of it, or of the matters that it covers) or is told on top of it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::context::Context;

/// A notice of a desk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Unique at the desk: `maintenance-2026-12`.
    pub id: String,
    pub kind: NoticeKind,
    /// In force from then on.
    pub from: Timestamp,
    /// In force before this moment; none: until it is stopped.
    pub until: Option<Timestamp>,
    /// The last day of the desk, or of these matters: of a discontinuation.
    pub date: Option<Date>,
    /// Clauses it covers; none: everything.
    pub clauses: Vec<String>,
    /// Template of its paragraph, without `notices/`; none: that of its kind.
    pub template: Option<String>,
    /// What is said, in Japanese.
    pub text: String,
    /// The same for those who write English; none: the template says what it can.
    pub english: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// Mail is not handled for now.
    Interruption,
    /// The desk, or a part of it, ends: told until its last day, and from then on in place of answers.
    Discontinuation,
    /// Something is known not to work: told in place of the matters it covers, else on top of every answer.
    Outage,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 3] = [NoticeKind::Interruption, NoticeKind::Discontinuation, NoticeKind::Outage];

    pub fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Interruption => "interruption",
            NoticeKind::Discontinuation => "discontinuation",
            NoticeKind::Outage => "outage",
        }
    }
}

impl Notice {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }

    /// Name of its paragraph's template.
    pub fn template(&self) -> String {
        format!("notices/{}", self.template.as_deref().unwrap_or(self.kind.as_str()))
    }

    /// Does it stand in place of what it covers, or is it only told?
    pub fn replaces(&self, today: Date) -> bool {
        match self.kind {
            NoticeKind::Interruption => true,
            NoticeKind::Discontinuation => self.date.is_none_or(|date| date < today),
            NoticeKind::Outage => !self.clauses.is_empty(),
        }
    }

    fn covers(&self, clause: &str) -> bool {
        self.clauses.iter().any(|covered| covered == clause)
    }
}

/// Notices in force: those that stand in place of what they cover, and those that are told.
fn in_force<'a>(ctx: &'a Context, replacing: bool) -> impl Iterator<Item = &'a Notice> {
    let today = ctx.rules.calendar.date(ctx.now);
    ctx.notices.iter().filter(move |notice| notice.is_in_force(ctx.now) && notice.replaces(today) == replacing)
}

/// What stands in place of every answer.
pub fn in_place_of_all<'a>(ctx: &'a Context) -> Option<&'a Notice> {
    in_force(ctx, true).find(|notice| notice.clauses.is_empty())
}

/// What stands in place of the words about this clause.
pub fn in_place_of<'a>(ctx: &'a Context, clause: &str) -> Option<&'a Notice> {
    in_force(ctx, true).find(|notice| notice.covers(clause))
}

/// What is told on top of an answer about these clauses.
pub fn told<'a>(ctx: &'a Context, clauses: &'a [String]) -> impl Iterator<Item = &'a Notice> {
    let concerned = |notice: &Notice| notice.clauses.is_empty() || clauses.iter().any(|clause| notice.covers(clause));
    in_force(ctx, false).filter(move |notice| concerned(notice))
}

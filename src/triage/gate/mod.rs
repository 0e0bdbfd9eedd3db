//! May a robot answer this mail at all? The rules R1 to R28.
//!
//! Three verdicts: a robot may answer; a person sees it, but nothing is answered by itself; or it is a bounce or an
//! own loop, which is recorded and never becomes an inquiry. A wrong "person" costs minutes, a wrong answer can
//! loop: so doubt goes to a person, and only what is certain is sunk. Rules that need a second rule before a mail is
//! sunk (R2, R10) need nothing special: all rules are judged, and the worst verdict wins.
//!
//! Judged elsewhere, or not yet:
//! - R25 (sender not authenticated): it limits *what* may be said, not whether; the verdict stage judges it with
//!   [`reply_target`].

pub mod address;
mod content;
mod headers;
mod history;
mod password;
mod sender;
mod subject;
mod target;
mod title;

pub use content::OwnText;
pub use password::{brings_password, is_password_notice};
pub use sender::is_mail_system;
pub use subject::base_subject;
pub use target::{Target, reply_target};
pub use title::title;

use super::context::Context;
use super::decision::{AuthLevel, Gate, GateHit, GateVerdict};
use super::inquiry::Inquiry;

/// Everything a rule may look at.
struct Facts<'a> {
    inquiry: &'a Inquiry,
    ctx: &'a Context<'a>,
    authenticated: AuthLevel,
    text: OwnText,
}

/// A rule's verdict and what it saw: no text of the body, no full address. None: the rule does not fire.
type Finding = Option<(GateVerdict, String)>;
type Rule = fn(&Facts) -> Finding;

/// In the order of the rulebook.
const RULES: &[(&str, Rule)] = &[
    ("R1", headers::null_sender),
    ("R2", headers::auto_submitted),
    ("R3", headers::mailing_list),
    ("R4", content::report),
    ("R5", headers::precedence),
    ("R6", headers::response_suppress),
    ("R7", headers::vendor_marker),
    ("R8", headers::list_software),
    ("R9", sender::robot_address),
    ("R10", sender::robot_name),
    ("R11", sender::ourselves),
    ("R12", history::own_message),
    ("R13", sender::not_addressed),
    ("R14", sender::unclear_author),
    ("R15", headers::too_many_hops),
    ("R16", subject::robot_subject),
    ("R17", content::no_inquiry),
    ("R18", headers::spam),
    ("R19", history::stale_or_handled),
    ("R20", history::duplicate),
    ("R21", history::over_budget),
    ("R22", history::thread_answered),
    ("R23", history::bounced),
    ("R24", sender::implausible_address),
    ("R26", headers::forwarded_by_rule),
    ("R27", content::unreadable),
    ("R28", content::robot_text),
];

/// Judges all rules; the worst verdict of those that fire is the gate's. `text`: of this very mail.
pub fn judge(inquiry: &Inquiry, text: OwnText, ctx: &Context, authenticated: AuthLevel) -> Gate {
    let facts = Facts { inquiry, ctx, authenticated, text };
    let hits: Vec<GateHit> = RULES.iter().filter_map(|(id, rule)| Some(hit(id, rule(&facts)?))).collect();
    let verdict = hits.iter().map(|hit| hit.verdict).max().unwrap_or(GateVerdict::Answer);
    Gate { verdict, hits }
}

fn hit(rule: &str, (verdict, detail): (GateVerdict, String)) -> GateHit {
    GateHit { rule: rule.to_string(), verdict, detail }
}

fn human(detail: impl Into<String>) -> (GateVerdict, String) {
    (GateVerdict::Human, detail.into())
}

fn sink(detail: impl Into<String>) -> (GateVerdict, String) {
    (GateVerdict::Sink, detail.into())
}

//! What we say: the variables of the templates, and the headers that tie an answer to its question.

use jiff::Timestamp;
use serde::Serialize;

use super::calendar::say_date;
use super::context::{Context, Department};
use super::decision::{Reply, Route};
use super::dialogue::Dialogue;
use super::flow::reply::{FlowText, text};
use super::inquiry::{Inquiry, Mailbox};
use super::message_id;
use super::needs;
use super::notice::{self, Notice};
use super::own_words::OwnWords;
use super::pack::{Clause, ClauseKind, Link};
use super::receipt;
use super::sentence::{is_english, subject_start};
use super::template::TemplateError;
use super::together::is_also_asked;
use super::urgent::Alarm;

/// Templates that the history looks for: they are not repeated to one person within seven days.
pub const ASK_CONTRACT: &str = "ask-contract";
pub const REDIRECT: &str = "redirect";
/// The words in front of a mail that is passed on to a partner.
pub const FORWARD: &str = "forward";

/// RFC 5322 §2.1.1 allows 998 characters a line; longer subjects help nobody.
const SUBJECT_CHARS: usize = 200;
/// Message-IDs longer than this are not repeated (RFC 5322 §2.1.1).
const ID_BYTES: usize = 900;

/// Everything a template may use; nothing else exists (docs/rules.md lists it).
#[derive(Debug, Clone, Serialize)]
pub struct Variables<'a> {
    pub desk_name: &'a str,
    pub signature: &'a str,
    pub pack_name: &'a str,
    /// The customer's subject without its `Re:`, "" if none.
    pub subject: &'a str,
    pub parts: Vec<PartText<'a>>,
    /// 「11月24日(火) 10:00」, in English "10:00 on Tuesday, 24 November"; or none while the desk is open.
    pub opening: Option<String>,
    pub partner: Option<PartnerText<'a>>,
    pub reference: Option<&'a str>,
    /// Paragraphs of the notices in force, to stand on top; of the template `notice` the one it is about.
    pub notices: Vec<String>,
    /// 「11月25日(水) 15:00」: by when staff usually answer (terms 6-1); none if the desk names no such time.
    pub guide: Option<String>,
    /// `2026-11-20`, for the filters that count days.
    pub today: String,
    /// The customer is led through a flow.
    pub flow: Option<FlowText<'a>>,
    /// The mail is of a kind that staff must see at once.
    pub urgent: Option<&'a Alarm>,
    /// Lines for staff: only in the template `staff`, else empty.
    pub memo: &'a [String],
    /// The customer writes English.
    pub english: bool,
}

/// One matter of the mail and what we say about it.
#[derive(Debug, Clone, Serialize)]
pub struct PartText<'a> {
    pub clause: &'a str,
    pub title: &'a str,
    /// `in-scope`, `out-of-scope`, or `notice` if a notice stands in place of the usual words.
    pub kind: &'static str,
    pub text: String,
    /// What staff need to know and the mail does not say, as the customer is asked for it.
    pub needs: Vec<&'a str>,
    pub links: Vec<LinkText<'a>>,
    pub department: Option<DepartmentText<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkText<'a> {
    pub title: &'a str,
    pub url: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct DepartmentText<'a> {
    pub name: &'a str,
    pub contact: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct PartnerText<'a> {
    pub name: &'a str,
    pub contact: &'a str,
    pub hours: Option<&'a str>,
    /// On the day on which the answer goes out.
    pub phone_support: bool,
}

/// Variables of the paragraph templates `parts/<clause>`.
#[derive(Debug, Clone, Serialize)]
pub struct PartVariables<'a> {
    pub title: &'a str,
    pub links: &'a [LinkText<'a>],
    pub department: Option<DepartmentText<'a>>,
    pub today: &'a str,
    /// Of the clause of a flow, where the customer is led through it.
    pub flow: Option<&'a FlowText<'a>>,
    pub english: bool,
}

/// Variables of the paragraph templates `notices/<kind>`.
#[derive(Debug, Clone, Serialize)]
pub struct NoticeVariables<'a> {
    pub desk_name: &'a str,
    pub text: &'a str,
    /// The same in English, if there is one.
    pub text_english: Option<&'a str>,
    /// 「12月5日(土) 00:00」
    pub from: String,
    pub until: Option<String>,
    /// 「3月31日(水)」: the last day.
    pub date: Option<String>,
    /// The last day is over.
    pub over: bool,
    /// Titles of the clauses it covers; empty: everything.
    pub matters: Vec<&'a str>,
    pub english: bool,
}

/// What an answer is made of, beyond the mail and its context.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    pub template: &'a str,
    pub to: Mailbox,
    /// Clauses it speaks about; empty for answers that say nothing about the matter.
    pub scopes: &'a [String],
    pub route: &'a Route,
    /// When to send; none: at once.
    pub at: Option<Timestamp>,
    pub dialogue: Option<&'a Dialogue<'a>>,
    /// The mail is urgent.
    pub alarm: Option<&'a Alarm>,
    /// Of drafts for staff.
    pub memo: &'a [String],
}

/// Builds an answer, complete but for its date.
pub fn compose(answer: Answer, own: &OwnWords, ctx: &Context) -> Result<Reply, TemplateError> {
    let inquiry = own.inquiry;
    let Answer { template, to, scopes, route, at, dialogue, alarm, memo } = answer;
    let english = is_english(inquiry);
    let pack = &ctx.rules.pack;
    let clauses = scopes.iter().filter_map(|id| pack.clause(id));
    let today = ctx.rules.calendar.date(ctx.now).to_string();
    let flow = dialogue.map(|dialogue| steps(dialogue, at, english, ctx));
    let of_clause = |clause: &Clause| flow.as_ref().filter(|_| dialogue.is_some_and(|d| d.flow.clause == clause.id));
    let parts =
        clauses.map(|clause| part(clause, of_clause(clause), own, &today, english, ctx)).collect::<Result<_, _>>()?;
    let shown: Vec<&Notice> = match template {
        "notice" => notice::in_place_of_all(ctx).into_iter().collect(),
        REDIRECT | FORWARD => Vec::new(),
        _ => notice::told(ctx, scopes).collect(),
    };
    let notices = shown.into_iter().map(|notice| paragraph(notice, english, ctx)).collect::<Result<_, _>>()?;
    let parent = inquiry.message_id.clone().filter(|id| usable_id(id));
    // Whoever fills in a form must not have us send his words to somebody else.
    let subject = if inquiry.form.is_some() { String::new() } else { receipt::unmarked(&inquiry.subject) };
    let subject = subject.as_str();
    let known = ctx.history.case.as_ref().map(|case| case.reference.as_str());
    let reference = known.or(ctx.receipt.as_deref());
    let variables = Variables {
        desk_name: &ctx.desk.name,
        signature: &ctx.desk.signature,
        pack_name: &pack.name,
        subject: subject[subject_start(subject)..].trim(),
        parts,
        opening: at.map(|at| ctx.rules.calendar.say(at, english)),
        partner: route.partner.as_deref().and_then(|id| partner(id, at, ctx)),
        reference,
        notices,
        guide: guide(at, english, ctx),
        today: today.clone(),
        flow: flow.clone(),
        urgent: alarm,
        memo,
        english,
    };
    Ok(Reply {
        template: template.into(),
        to,
        at,
        until: None,
        follows: dialogue.is_some_and(|dialogue| dialogue.goes_on),
        subject: marked(reply_subject(subject, english), reference, ctx),
        body: ctx.rules.templates.render(template, &variables)?,
        message_id: message_id::of_reply(inquiry, template, ctx),
        references: references(inquiry, parent.as_deref()),
        in_reply_to: parent,
    })
}

/// The mail with which an inquiry is passed on to the partner to whom its answer sends the customer; none if the partner
/// takes none.
pub fn forward(redirect: &Reply, route: &Route, own: &OwnWords, ctx: &Context) -> Result<Option<Reply>, TemplateError> {
    let partner = route.partner.as_deref().and_then(|id| ctx.register.partner(id));
    let Some((partner, address)) = partner.and_then(|partner| Some((partner, partner.forward_to.as_ref()?))) else {
        return Ok(None);
    };
    let to = Mailbox { name: partner.name.clone(), address: address.clone() };
    let answer =
        Answer { template: FORWARD, to, scopes: &[], route, at: redirect.at, dialogue: None, alarm: None, memo: &[] };
    let written = compose(answer, own, ctx)?;
    let subject = written.subject.replacen("Re: ", "Fwd: ", 1);
    // The customer's thread is not the partner's.
    Ok(Some(Reply { subject, in_reply_to: None, references: Vec::new(), ..written }))
}

/// A dialogue as the templates see it, with the last day for an answer.
fn steps<'a>(dialogue: &'a Dialogue, at: Option<Timestamp>, english: bool, ctx: &Context) -> FlowText<'a> {
    let calendar = &ctx.rules.calendar;
    let days = dialogue.flow.close_after;
    let last = days.and_then(|days| calendar.end_of_business_day(at.unwrap_or(ctx.now), days));
    text(&dialogue.state, dialogue.flow, english, last.map(|last| say_date(calendar.date(last), english)))
}

/// By when staff usually answer, counted from when they begin.
fn guide(at: Option<Timestamp>, english: bool, ctx: &Context) -> Option<String> {
    let calendar = &ctx.rules.calendar;
    let by = calendar.after_open_time(at.unwrap_or(ctx.now), ctx.desk.guide?)?;
    Some(calendar.say(by, english))
}

/// The words of a notice.
fn paragraph(notice: &Notice, english: bool, ctx: &Context) -> Result<String, TemplateError> {
    let pack = &ctx.rules.pack;
    let matters = notice.clauses.iter().filter_map(|id| pack.clause(id)).map(|clause| clause.title.as_str());
    let variables = NoticeVariables {
        desk_name: &ctx.desk.name,
        text: &notice.text,
        text_english: notice.english.as_deref(),
        from: ctx.rules.calendar.say(notice.from, english),
        until: notice.until.map(|until| ctx.rules.calendar.say_end(until, english)),
        date: notice.date.map(|day| say_date(day, english)),
        over: notice.replaces(ctx.rules.calendar.date(ctx.now)),
        matters: matters.collect(),
        english,
    };
    Ok(ctx.rules.templates.render(&notice.template(), &variables)?.trim_end().to_owned())
}

fn part<'a>(
    clause: &'a Clause,
    flow: Option<&FlowText<'_>>,
    own: &OwnWords,
    today: &str,
    english: bool,
    ctx: &'a Context,
) -> Result<PartText<'a>, TemplateError> {
    let links: Vec<LinkText> = clause.links.iter().map(|Link { title, url }| LinkText { title, url }).collect();
    let department = clause.department.as_ref().and_then(|key| ctx.desk.departments.get(key));
    let department = department.map(|Department { name, contact }| DepartmentText { name, contact });
    let (text, kind) = match notice::in_place_of(ctx, &clause.id) {
        Some(notice) => (paragraph(notice, english, ctx)?, "notice"),
        None => {
            let (title, links, department) = (&clause.title, &links, department.clone());
            let variables = PartVariables { title, links, department, today, flow, english };
            let kind = if clause.kind == ClauseKind::InScope { "in-scope" } else { "out-of-scope" };
            (ctx.rules.templates.render(&format!("parts/{}", clause.id), &variables)?, kind)
        }
    };
    // Other mail that waited may have told it, and whoever is led through steps has enough to do.
    let needs = match kind == "notice" || flow.is_some() || is_also_asked(&clause.id, ctx) {
        true => Vec::new(),
        false => needs::missing(own, &clause.id, &ctx.rules.asks, english),
    };
    let text = text.trim_end().into();
    Ok(PartText { clause: &clause.id, title: &clause.title, kind, text, needs, links, department })
}

fn partner<'a>(id: &str, at: Option<jiff::Timestamp>, ctx: &'a Context) -> Option<PartnerText<'a>> {
    let partner = ctx.register.partner(id)?;
    let day = at.unwrap_or(ctx.now).to_zoned(ctx.rules.calendar.zone.clone()).date();
    let phone_support = partner.phone_support.as_ref().is_some_and(|contract| contract.valid.holds(day));
    let hours = partner.hours.as_deref();
    Some(PartnerText { name: &partner.name, contact: &partner.contact, hours, phone_support })
}

/// Replies to it join the case, also where they name no thread.
fn marked(subject: String, reference: Option<&str>, ctx: &Context) -> String {
    match reference {
        Some(reference) => format!("{subject} {}", receipt::mark(reference, &ctx.desk.secret)),
        None => subject,
    }
}

/// `Re: ` and the customer's subject without its own reply marks.
fn reply_subject(subject: &str, english: bool) -> String {
    let base = subject[subject_start(subject)..].trim();
    let base = match (base.is_empty(), english) {
        (true, true) => "Your inquiry",
        (true, false) => "お問い合わせの件",
        (false, _) => base,
    };
    let mut short: String = base.chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS).collect();
    if base.chars().count() > SUBJECT_CHARS {
        short.push('…');
    }
    format!("Re: {short}")
}

/// An id that can stand in a header: printable ASCII without spaces and brackets, with an `@`.
fn usable_id(id: &str) -> bool {
    id.len() <= ID_BYTES && id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// RFC 5322 §3.6.4: the parent's References (else its single In-Reply-To), then the parent.
fn references(inquiry: &Inquiry, parent: Option<&str>) -> Vec<String> {
    let mut chain: Vec<String> = match (inquiry.references.is_empty(), inquiry.in_reply_to.as_slice()) {
        (false, _) => inquiry.references.clone(),
        (true, [only]) => vec![only.clone()],
        (true, _) => Vec::new(),
    };
    chain.extend(parent.map(str::to_string));
    chain.retain(|id| usable_id(id));
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_keeps_one_mark_and_no_control_characters() {
        let cases = [
            ("設定について", "Re: 設定について"),
            ("RE: Re：設定", "Re: 設定"),
            ("", "Re: お問い合わせの件"),
            ("a\r\nBcc: x", "Re: aBcc: x"),
        ];
        for (subject, expected) in cases {
            assert_eq!(reply_subject(subject, false), expected);
        }
        assert_eq!(reply_subject(&"長".repeat(300), false).chars().count(), 4 + SUBJECT_CHARS + 1);
    }

    #[test]
    fn references_hold_only_ids_that_fit_a_header() {
        let ids = ["a@b", "evil\r\nBcc: x@y", "no-at", "c@d"].map(String::from).to_vec();
        let inquiry = Inquiry { references: ids, ..Inquiry::default() };
        assert_eq!(references(&inquiry, Some("e@f")), ["a@b", "c@d", "e@f"]);
    }
}

//! Urgent kinds: what the terms want to be told "directly and at once", as a stolen password. Staff are alerted when the
//! mail comes, out of hours too, and the customer gets the first instructions.

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::decision::{Alert, Reason, Reply, Route};
use super::flow::words::union;
use super::inquiry::Mailbox;
use super::own_words::OwnWords;
use super::pack::Term;
use super::pattern::Pattern;
use super::reply::{Answer, compose};
use super::template::TemplateError;

/// The mail to staff.
pub const ALERT: &str = "alert";
/// The first instructions, a part of the mails to the customer.
pub const INSTRUCTIONS: &str = "urgent";
/// The name under which a case remembers that staff were alerted: once is enough.
pub const REMEMBERED: &str = "alerted";

/// A kind of mail that staff must see at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Urgent {
    /// 「パスワードの盗難・不正使用」
    pub title: String,
    /// 「利用約款 第13条第7項」
    pub article: String,
    /// Seen in a sentence of the mail.
    pub words: Vec<Term>,
    /// Not counted in a sentence that has one of these.
    pub unless: Vec<Term>,
}

/// An urgent kind made ready for reading mails.
#[derive(Debug)]
pub struct UrgentBook {
    pub urgent: Urgent,
    words: Option<Pattern>,
    unless: Option<Pattern>,
}

/// What was found in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    pub title: String,
    pub article: String,
}

impl UrgentBook {
    pub fn compile(urgent: Urgent) -> UrgentBook {
        UrgentBook { words: union(&urgent.words), unless: union(&urgent.unless), urgent }
    }

    fn is_told(&self, text: &str) -> bool {
        let is = |regex: &Option<Pattern>| regex.as_ref().is_some_and(|regex| regex.is_match(text));
        is(&self.words) && !is(&self.unless)
    }
}

/// The first urgent kind that the customer's words of today tell.
pub fn alarm(own: &OwnWords, kinds: &[UrgentBook]) -> Option<Alarm> {
    let told = |book: &&UrgentBook| own.texts().any(|text| book.is_told(text));
    let Urgent { title, article, .. } = &kinds.iter().find(told)?.urgent;
    Some(Alarm { title: title.clone(), article: article.clone() })
}

/// Are staff to be alerted, or do they know already?
pub fn is_new(ctx: &Context) -> bool {
    let known = ctx.history.case.as_ref().is_some_and(|case| case.state.contains_key(REMEMBERED));
    ctx.release.is_none() && !known
}

/// For staff.
pub fn reason(alarm: &Alarm) -> Reason {
    let reason = |code: &str, text: String| Reason { code: code.into(), text };
    reason("urgent", format!("【至急】{}のおそれがあります（{}）", alarm.title, alarm.article))
}

/// The mail to the desk's alert address; none if it has none. It says nothing of the mail but its receipt number.
pub fn alert(alarm: &Alarm, own: &OwnWords, route: &Route, ctx: &Context) -> Result<Option<Reply>, TemplateError> {
    let Some(address) = &ctx.desk.alert else { return Ok(None) };
    let to = Mailbox { name: String::new(), address: address.clone() };
    let answer =
        Answer { template: ALERT, to, scopes: &[], route, at: None, dialogue: None, alarm: Some(alarm), memo: &[] };
    let written = compose(answer, own, ctx)?;
    let subject = format!("【至急】{} {}", alarm.title, receipt(ctx));
    // The customer's thread is not that of staff.
    Ok(Some(Reply { subject, in_reply_to: None, references: Vec::new(), ..written }))
}

/// What the desk's command is told; none if it has none.
pub fn command(alarm: &Alarm, ctx: &Context) -> Option<Alert> {
    let Alarm { title, article } = alarm.clone();
    (!ctx.desk.alert_command.is_empty()).then(|| Alert { title, article, receipt: receipt(ctx).to_owned() })
}

fn receipt<'a>(ctx: &'a Context) -> &'a str {
    let known = ctx.history.case.as_ref().map(|case| case.reference.as_str());
    known.or(ctx.receipt.as_deref()).unwrap_or_default()
}

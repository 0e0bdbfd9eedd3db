//! Rules about what was before: our own mail, what the mailbox says, and what we sent (R12, R19–R23).

use jiff::SignedDuration;

use super::{Facts, Finding, human, sink};
use crate::triage::dialogue::{self, MOST_ANSWERS};
use crate::triage::message_id;

/// A `Date` further ahead than this is no clock that runs a little fast.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(24);
/// Flags that say: somebody has this mail in hand (RFC 9051 §2.3.2).
const HANDLED: &[&str] = &["\\Answered", "\\Deleted", "\\Draft"];

/// R12: our own mail came back. A customer's reply only names our id in `In-Reply-To`, and is welcome.
pub fn own_message(facts: &Facts) -> Finding {
    let ours = |id: &str| message_id::is_ours(id.trim().trim_matches(['<', '>']), &facts.ctx.desk.secret);
    if facts.ctx.history.own_message || facts.inquiry.message_id.as_deref().is_some_and(ours) {
        return Some(sink("Message-ID: issued here"));
    }
    let mut tokens = facts.inquiry.header("X-Madoguchi-Loop").peekable();
    tokens.peek()?;
    // A token that we did not sign: another installation of this program, so a robot all the same.
    Some(if tokens.any(ours) { sink("X-Madoguchi-Loop: signed here") } else { human("X-Madoguchi-Loop: another's") })
}

/// R19: somebody has it in hand, or it is too old (a full INBOX on the first start, a restored backup).
pub fn stale_or_handled(facts: &Facts) -> Finding {
    let (ctx, seen) = (facts.ctx, &facts.ctx.seen);
    let handled = seen.flags.iter().find(|flag| is_handled(flag, &ctx.desk.label_prefix));
    if let Some(flag) = handled {
        return Some(human(format!("flag {flag}")));
    }
    if ctx.release.as_ref().is_some_and(|release| release.gone) {
        return Some(human("no longer in the mailbox"));
    }
    let arrived_before = |limit| seen.internal_date.is_some_and(|arrived| arrived < limit);
    if seen.not_before.is_some_and(arrived_before) {
        return Some(human("arrived before the desk was activated"));
    }
    let too_old =
        |age: SignedDuration| seen.internal_date.is_some_and(|at| ctx.first_decided().duration_since(at) > age);
    if ctx.desk.max_age.is_some_and(too_old) {
        return Some(human("older than the desk's limit"));
    }
    let ahead = facts.inquiry.date.is_some_and(|date| date.duration_since(ctx.now) > CLOCK_SKEW);
    ahead.then(|| human("Date: in the future"))
}

/// A flag that says so, or a keyword of ours (keywords are case-insensitive, RFC 9051 §2.3.2).
fn is_handled(flag: &str, label_prefix: &str) -> bool {
    let ours = flag.get(..label_prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(label_prefix));
    HANDLED.iter().any(|known| known.eq_ignore_ascii_case(flag)) || (ours && !label_prefix.is_empty())
}

/// R20: decided before; a second answer would be one too many (RFC 5436 §2.7).
pub fn duplicate(facts: &Facts) -> Finding {
    facts.ctx.history.duplicate.then(|| sink("already decided"))
}

/// R21: the budgets of sender and domain, and the desk's breaker.
pub fn over_budget(facts: &Facts) -> Finding {
    let mut standing = facts.ctx.history.standing;
    // A dialogue has a limit of its own, and the customer who is led must not be left alone in the middle.
    if dialogue::is_open(facts.ctx) {
        standing.to_sender = 0;
    }
    facts.ctx.desk.budgets.exceeded(&standing).map(human)
}

/// R22: one automatic answer a thread; whoever writes again was not helped by the first. This is also what stops two
/// robots that answer each other with fresh ids and no headers: their subject stays the same. A customer who is led
/// through steps writes again because we asked: his dialogue has a limit of its own.
pub fn thread_answered(facts: &Facts) -> Finding {
    let sent = facts.ctx.history.answers_in_thread;
    let most = if dialogue::is_open(facts.ctx) { MOST_ANSWERS } else { 1 };
    (sent >= most).then(|| human(format!("{sent} automatic answers in this thread")))
}

/// R23: an answer could not get there.
pub fn bounced(facts: &Facts) -> Finding {
    facts.ctx.history.standing.bounced.then(|| human("mail to this sender was refused for good"))
}

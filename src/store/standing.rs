//! What went out to whom: budgets of senders and domains, addresses that bounced (mail-safety A3, R21–R23).
//!
//! Counted twice. When a mail is decided, everything counts that went out or will: so two mails cannot be promised the
//! same answer. Right before an answer is sent, only what went out counts: so what waits does not hold up itself.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::breaker::is_open;
use super::case::Answers;
use super::effect::{Effect, EffectRow, Outcome};
use super::effects::payload;
use super::error::{Fault, StoreError};
use super::history::HistoryQuery;
use super::values::Ms;
use super::{EffectId, MailId, Store};
use crate::triage::auth::domain::organisation;
use crate::triage::budget::Standing;
use crate::triage::decision::Reply;
use crate::triage::gate::address::untagged;
use crate::triage::gate::base_subject;

const SENDER_WINDOW: SignedDuration = SignedDuration::from_hours(24);
const DOMAIN_WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// A thread that names no ids is known by its subject for so long (RFC 5230 §4.1: seven days).
const SUBJECT_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);
const BOUNCE_WINDOW: SignedDuration = SignedDuration::from_hours(61 * 24);

/// Longest subject that is told apart, in characters: our answers cut longer ones.
const SUBJECT_CHARS: usize = 100;

impl Store {
    /// How the people concerned by a queued answer stand now, this answer not counted: the worse of who wrote and whom
    /// it goes to. `of_domain` as in [`HistoryQuery`].
    ///
    /// # Errors
    /// [`StoreError::NoSuchMail`] if the store has no such mail.
    pub async fn standing(&self, row: &EffectRow, of_domain: bool, now: Timestamp) -> Result<Standing, StoreError> {
        let row = row.clone();
        self.thread.read(move |tx| standing_of_row(tx, &row, of_domain, now)).await
    }
}

pub(super) fn standing_of_row(
    tx: &Transaction<'_>,
    row: &EffectRow,
    of_domain: bool,
    now: Timestamp,
) -> Result<Standing, Fault> {
    let (to, follows) = match &row.effect {
        Effect::Send(reply) | Effect::Close(reply) => (Some(reply.to.address.clone()), reply.follows),
        _ => (None, false),
    };
    let standing = standing_now(tx, row, to, of_domain, now)?;
    // Inside a dialogue the sender's budget does not count.
    Ok(if follows { Standing { to_sender: 0, ..standing } } else { standing })
}

/// The end of time: an answer that has not gone out.
const UNSENT: i64 = i64::MAX;

const INSERT: &str = "
    INSERT INTO answer_to (desk, whom, effect_id, at) VALUES (?1, ?2, ?3, 9223372036854775807)
    ON CONFLICT DO NOTHING";

/// Without those of the mail itself, so that asking again gives the same. Counted apart: a large organisation has
/// thousands, and they all stand in one index. CROSS JOIN keeps the order: from the few effects of the mail.
const PROMISED: &str = "
    SELECT (SELECT count(*) FROM answer_to WHERE desk = ?1 AND whom = ?2 AND at > ?3)
         - (SELECT count(*) FROM effect e CROSS JOIN answer_to a ON a.effect_id = e.id
            WHERE e.mail_id = ?4 AND a.desk = ?1 AND a.whom = ?2 AND a.at > ?3)";

/// No acknowledgements: they are no answers. The newest 100 only: far above what is ever allowed.
const UNDER_SUBJECT: &str = concat!(
    "SELECT e.id, json_extract(",
    payload!(),
    ", '$.template') FROM answer_to a JOIN effect e ON e.id = a.effect_id
     WHERE a.desk = ?1 AND a.whom = ?2 AND a.at > ?3 AND e.mail_id <> ?4 AND json_extract(",
    payload!(),
    ", '$.until') IS NULL
     LIMIT 100"
);

const WENT_OUT: &str = "
    SELECT count(*) FROM answer_to
    WHERE desk = ?1 AND whom = ?2 AND at > ?3 AND at < 9223372036854775807 AND effect_id <> ?4";

const SET_TIME: &str = "UPDATE answer_to SET at = ?2 WHERE effect_id = ?1";

/// An answer that was sent without having been begun here went out now.
const NOT_BEGUN: &str = "SELECT EXISTS (SELECT 1 FROM answer_to WHERE effect_id = ?1 AND at > ?2)";

const SETTLE_TIME: &str = "UPDATE answer_to SET at = ?2 WHERE effect_id = ?1 AND at > ?2";

/// What was not begun surely did not go out.
const FORGET_UNSENT: &str = "DELETE FROM answer_to WHERE effect_id = ?1 AND at = 9223372036854775807";

const FORGET: &str = "DELETE FROM answer_to WHERE effect_id = ?1";

const BOUNCE: &str = "
    INSERT INTO bounced (desk, address, at, reason) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (desk, address) DO UPDATE SET at = excluded.at, reason = excluded.reason";

const BOUNCED: &str = "SELECT EXISTS (SELECT 1 FROM bounced WHERE desk = ?1 AND address = ?2 AND at > ?3)";

const DECIDED: &str = "INSERT INTO answer_decided (desk, at) VALUES (?1, ?2)";

const COUNT_HOUR: &str = "
    INSERT INTO answer_hour (desk, hour, answers) VALUES (?1, ?2, 1)
    ON CONFLICT (desk, hour) DO UPDATE SET answers = answers + 1";

const WRITER: &str = "SELECT desk, sender FROM mail WHERE id = ?1";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[
    INSERT,
    PROMISED,
    UNDER_SUBJECT,
    WENT_OUT,
    SET_TIME,
    NOT_BEGUN,
    SETTLE_TIME,
    FORGET_UNSENT,
    FORGET,
    BOUNCE,
    BOUNCED,
    DECIDED,
    COUNT_HOUR,
    WRITER,
];

/// The key of an organisation; none for free mail.
fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    Some(format!("@{}", organisation(domain)?))
}

/// The key of a thread that names no ids. A space: no address has one, and no two keys are mixed up.
fn under_subject(address: &str, subject: &str) -> Option<String> {
    let subject: String = base_subject(subject).chars().take(SUBJECT_CHARS).collect();
    (!subject.is_empty()).then(|| format!("{} {subject}", untagged(address)))
}

/// Writes down whom a new answer concerns.
pub(super) fn note_answer(
    tx: &Transaction<'_>,
    desk: &str,
    sender: &str,
    reply: &Reply,
    effect: EffectId,
) -> Result<(), Fault> {
    for address in [sender, &reply.to.address] {
        let mut keys = [Some(untagged(address)), domain_of(address), under_subject(address, &reply.subject)];
        // An acknowledgement is no answer: person and thread still get one.
        if reply.until.is_some() {
            keys = [None, domain_of(address), None];
        }
        if reply.follows {
            keys[0] = None;
        }
        for whom in keys.into_iter().flatten() {
            tx.prepare_cached(INSERT)?.execute((desk, whom, effect))?;
        }
    }
    Ok(())
}

/// Answers that a desk decides: by their moment and by the hour.
pub(super) fn count_answer(tx: &Transaction<'_>, desk: &str, now: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(DECIDED)?.execute((desk, Ms(now)))?;
    tx.prepare_cached(COUNT_HOUR)?.execute((desk, hour(now)))?;
    Ok(())
}

/// Hours since 1970.
pub(super) fn hour(time: Timestamp) -> i64 {
    time.as_second().div_euclid(3600)
}

pub(super) fn standing_of(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    now: Timestamp,
) -> Result<Standing, Fault> {
    let sender = &query.sender;
    let promised = |whom: Option<String>, window| promised(tx, desk, whom, now - window, query.mail);
    Ok(Standing {
        to_sender: promised(Some(untagged(sender)), SENDER_WINDOW)?,
        to_domain: promised(domain_of(sender).filter(|_| query.of_domain), DOMAIN_WINDOW)?,
        breaker_open: is_open(tx, desk)?,
        bounced: bounced(tx, desk, sender, now)?,
    })
}

/// Answers to the same person under the same subject.
pub(super) fn answers_under_subject(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    now: Timestamp,
) -> Result<Answers, Fault> {
    let Some(whom) = under_subject(&query.sender, &query.subject) else { return Ok(Answers::new()) };
    let mut statement = tx.prepare_cached(UNDER_SUBJECT)?;
    let values = (desk, whom, Ms(now - SUBJECT_WINDOW), query.mail);
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn promised(
    tx: &Transaction<'_>,
    desk: &str,
    whom: Option<String>,
    since: Timestamp,
    mail: MailId,
) -> Result<u32, Fault> {
    let Some(whom) = whom else { return Ok(0) };
    Ok(tx.prepare_cached(PROMISED)?.query_row((desk, whom, Ms(since), mail), |row| row.get(0))?)
}

fn bounced(tx: &Transaction<'_>, desk: &str, address: &str, now: Timestamp) -> Result<bool, Fault> {
    let values = (desk, untagged(address), Ms(now - BOUNCE_WINDOW));
    Ok(tx.prepare_cached(BOUNCED)?.query_row(values, |row| row.get(0))?)
}

fn standing_now(
    tx: &Transaction<'_>,
    row: &EffectRow,
    to: Option<String>,
    of_domain: bool,
    now: Timestamp,
) -> Result<Standing, Fault> {
    let mail = row.mail_id;
    let writer = tx.prepare_cached(WRITER)?.query_row([mail], |row| Ok((row.get(0)?, row.get(1)?)));
    let (desk, sender): (String, Option<String>) = match writer {
        Err(rusqlite::Error::QueryReturnedNoRows) => return Err(Fault::NoSuchMail(mail)),
        other => other?,
    };
    let mut standing = Standing { breaker_open: is_open(tx, &desk)?, ..Standing::default() };
    let went_out = |whom: Option<String>, window| -> Result<u32, Fault> {
        let Some(whom) = whom else { return Ok(0) };
        let values = (&desk, whom, Ms(now - window), row.id);
        Ok(tx.prepare_cached(WENT_OUT)?.query_row(values, |row| row.get(0))?)
    };
    // Nearly always the same.
    let to = to.filter(|to| sender.as_deref().is_none_or(|sender| !sender.eq_ignore_ascii_case(to)));
    for address in sender.into_iter().chain(to) {
        standing.to_sender = standing.to_sender.max(went_out(Some(untagged(&address)), SENDER_WINDOW)?);
        standing.to_domain =
            standing.to_domain.max(went_out(domain_of(&address).filter(|_| of_domain), DOMAIN_WINDOW)?);
        standing.bounced |= bounced(tx, &desk, &address, now)?;
    }
    Ok(standing)
}

/// Notes that an effect begins: from now on it may have gone out.
pub(super) fn begun(tx: &Transaction<'_>, effect: EffectId, now: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(SET_TIME)?.execute((effect, Ms(now)))?;
    Ok(())
}

/// Notes what the end of an effect says about what went out. Nothing is to be noted of effects that are no sends.
pub(super) fn ended(tx: &Transaction<'_>, effect: EffectId, outcome: &Outcome, now: Timestamp) -> Result<(), Fault> {
    match outcome {
        Outcome::Done { .. } => {
            // Seldom; to ask first costs less than to change nothing.
            if tx.prepare_cached(NOT_BEGUN)?.query_row((effect, Ms(now)), |row| row.get(0))? {
                tx.prepare_cached(SETTLE_TIME)?.execute((effect, Ms(now)))?;
            }
        }
        Outcome::Held { .. } => _ = tx.prepare_cached(FORGET_UNSENT)?.execute([effect])?,
        Outcome::RetryAt { .. } => _ = tx.prepare_cached(SET_TIME)?.execute((effect, UNSENT))?,
        Outcome::Failed { .. } | Outcome::GivenUp { .. } => forget(tx, effect)?,
    }
    Ok(())
}

/// It surely did not go out, or it came back.
pub(super) fn forget(tx: &Transaction<'_>, effect: EffectId) -> Result<(), Fault> {
    tx.prepare_cached(FORGET)?.execute([effect])?;
    Ok(())
}

/// Notes that mail to this address was refused for good.
pub(super) fn refused(
    tx: &Transaction<'_>,
    desk: &str,
    address: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    tx.prepare_cached(BOUNCE)?.execute((desk, untagged(address), Ms(now), reason))?;
    Ok(())
}

//! Cases: which one a mail joins, what it remembers, and what was sent in it.
//!
//! A mail joins a case by its thread or by a subject that we signed, and only if it comes from the person whose case it
//! is: a receipt number alone, or somebody else who answers in the thread, opens a case of its own. Mail of one person
//! that waits for the opening is one case, whatever its threads.

use std::collections::HashMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction};

use super::decisions::MailMeta;
use super::effects::payload;
use super::error::{Fault, StoreError};
use super::history::HistoryQuery;
use super::queue;
use super::values::Ms;
use super::{EffectId, MailId, Store};
use crate::triage::context::Case;
use crate::triage::decision::Decision;
use crate::triage::gate::address::untagged;

/// The same text is not sent to one person again within so long (RFC 5230 §4.1: seven days).
const REPEAT_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Answers with their templates.
pub(super) type Answers = HashMap<EffectId, String>;

impl Store {
    /// The number of the next case that the desk opens on this day, from 1.
    pub async fn next_case(&self, desk: &str, day: Date) -> Result<u32, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| next_case(tx, &desk, day)).await
    }

    /// The case of a mail that was decided, if it has one.
    pub async fn case_of(&self, mail: MailId) -> Result<Option<Case>, StoreError> {
        self.thread.read(move |tx| case_of(tx, mail)).await
    }

    /// Has nobody written in the mail's case since?
    pub async fn is_last_of_case(&self, mail: MailId) -> Result<bool, StoreError> {
        let last = move |tx: &Transaction<'_>| {
            let later: bool = tx.prepare_cached(LATER_IN_CASE)?.query_row([mail], |row| row.get(0))?;
            Ok(!later)
        };
        self.thread.read(last).await
    }

    /// What a case remembers, with its receipt number.
    pub async fn case(&self, reference: &str) -> Result<Option<Case>, StoreError> {
        let reference = reference.to_owned();
        self.thread.read(move |tx| read(tx, &reference, None)).await
    }
}

const COUNTED: &str = "SELECT cases FROM case_count WHERE desk = ?1 AND day = ?2";

const COUNT: &str = "
    INSERT INTO case_count (desk, day, cases) VALUES (?1, ?2, 1)
    ON CONFLICT (desk, day) DO UPDATE SET cases = cases + 1";

const OPEN: &str = "
    INSERT INTO inquiry_case (ref, desk, person, opened_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";

const READ: &str = "SELECT state FROM inquiry_case WHERE ref = ?1";

/// Is there mail of the case that does not wait for the opening?
const IN_HAND: &str = "
    SELECT EXISTS (
        SELECT 1 FROM decision d
        WHERE d.case_ref = ?1 AND d.mail_id IS NOT ?2 AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.mail_id = d.mail_id))";

const REMEMBER: &str = "UPDATE inquiry_case SET state = ?2 WHERE ref = ?1";

const OF_MAIL: &str = "SELECT case_ref FROM decision WHERE mail_id = ?1";

const LATER_IN_CASE: &str = "
    SELECT EXISTS (
        SELECT 1 FROM decision d JOIN decision own ON own.case_ref = d.case_ref
        WHERE own.mail_id = ?1 AND d.mail_id > ?1)";

const OF_THREAD: &str = "
    SELECT c.ref FROM thread_case t JOIN inquiry_case c ON c.ref = t.case_ref
    WHERE t.desk = ?1 AND t.message_id = ?2 AND c.desk = ?1 AND c.person = ?3";

/// Whoever reports about it: the id is ours and signed.
const OF_OURS: &str = "SELECT case_ref FROM thread_case WHERE desk = ?1 AND message_id = ?2";

const OF_PERSON: &str = "SELECT ref FROM inquiry_case WHERE ref = ?1 AND desk = ?2 AND person = ?3";

/// No acknowledgements: they are no answers. The newest 100 only: far above what is ever allowed.
const SENT: &str = concat!(
    "SELECT e.id, json_extract(",
    payload!(),
    ", '$.template') FROM decision d JOIN effect e ON e.mail_id = d.mail_id
     WHERE d.case_ref = ?1 AND e.mail_id <> ?2 AND e.kind = 'send' AND e.state <> 'failed' AND json_extract(",
    payload!(),
    ", '$.until') IS NULL
     LIMIT 100"
);

const RECENT: &str = concat!(
    "SELECT EXISTS (
         SELECT 1 FROM answer_to a JOIN effect e ON e.id = a.effect_id
         WHERE a.desk = ?1 AND a.whom = ?2 AND a.at > ?3 AND e.mail_id <> ?4 AND json_extract(",
    payload!(),
    ", '$.template') = ?5)"
);

#[cfg(test)]
pub(super) const SQL: &[&str] = &[
    COUNTED,
    COUNT,
    OPEN,
    READ,
    IN_HAND,
    REMEMBER,
    OF_MAIL,
    LATER_IN_CASE,
    OF_THREAD,
    OF_OURS,
    OF_PERSON,
    SENT,
    RECENT,
];

pub(super) fn next_case(tx: &Transaction<'_>, desk: &str, day: Date) -> Result<u32, Fault> {
    let values = (desk, day.to_string());
    let opened: Option<u32> = tx.prepare_cached(COUNTED)?.query_row(values, |row| row.get(0)).optional()?;
    Ok(opened.unwrap_or(0) + 1)
}

pub(super) fn case_of(tx: &Transaction<'_>, mail: MailId) -> Result<Option<Case>, Fault> {
    of_mail(tx, mail)?.map_or(Ok(None), |reference| read(tx, &reference, None))
}

/// The case of a mail: its own if it was decided before, else that of the nearest mail of its thread that belongs to one
/// of the sender's, else the one that its subject names with our signature, else that of the sender's mail that waits. A
/// report about a mail of ours belongs to that mail's case.
pub(super) fn the_case(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    thread: &[&str],
) -> Result<Option<Case>, Fault> {
    let found = match of_mail(tx, query.mail)? {
        None => joined(tx, desk, query, thread)?,
        own => own,
    };
    found.map_or(Ok(None), |reference| read(tx, &reference, Some(query.mail)))
}

fn of_mail(tx: &Transaction<'_>, mail: MailId) -> Result<Option<String>, Fault> {
    let found: Option<Option<String>> = tx.prepare_cached(OF_MAIL)?.query_row([mail], |row| row.get(0)).optional()?;
    Ok(found.flatten())
}

fn joined(tx: &Transaction<'_>, desk: &str, query: &HistoryQuery, thread: &[&str]) -> Result<Option<String>, Fault> {
    if let Some(ours) = &query.bounced {
        return Ok(tx.prepare_cached(OF_OURS)?.query_row((desk, ours), |row| row.get(0)).optional()?);
    }
    let person = untagged(&query.sender);
    if person.is_empty() {
        return Ok(None);
    }
    let mut statement = tx.prepare_cached(OF_THREAD)?;
    for id in thread.iter().rev() {
        let found: Option<String> = statement.query_row((desk, id, &person), |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let signed: Option<String> =
        tx.prepare_cached(OF_PERSON)?.query_row((&query.signed_case, desk, &person), |row| row.get(0)).optional()?;
    match signed {
        None => queue::case_of(tx, desk, &query.sender, query.mail),
        signed => Ok(signed),
    }
}

/// `but_for`: the mail whose own place in the case does not count.
fn read(tx: &Transaction<'_>, reference: &str, but_for: Option<MailId>) -> Result<Option<Case>, Fault> {
    let state: Option<String> = tx.prepare_cached(READ)?.query_row([reference], |row| row.get(0)).optional()?;
    let Some(state) = state else { return Ok(None) };
    let in_hand: bool = tx.prepare_cached(IN_HAND)?.query_row((reference, but_for), |row| row.get(0))?;
    Ok(Some(Case { reference: reference.to_owned(), state: serde_json::from_str(&state)?, waits: !in_hand }))
}

/// Answers sent (or to be sent) to other mails of a case.
pub(super) fn sent_in_case(tx: &Transaction<'_>, reference: &str, mail: MailId) -> Result<Answers, Fault> {
    let mut statement = tx.prepare_cached(SENT)?;
    let rows = statement.query_map((reference, mail), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Did the sender get this text within the last days?
pub(super) fn recently(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    template: &str,
    now: Timestamp,
) -> Result<bool, Fault> {
    let values = (desk, untagged(&query.sender), Ms(now - REPEAT_WINDOW), query.mail, template);
    Ok(tx.prepare_cached(RECENT)?.query_row(values, |row| row.get(0))?)
}

/// Opens the decision's case if it is new, and writes down what it is to remember.
pub(super) fn note_case(
    tx: &Transaction<'_>,
    desk: &str,
    meta: &MailMeta,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(reference) = &decision.case else { return Ok(()) };
    let values = (reference, desk, untagged(&meta.sender), Ms(now));
    if tx.prepare_cached(OPEN)?.execute(values)? > 0
        && let Some(day) = meta.day
    {
        tx.prepare_cached(COUNT)?.execute((desk, day.to_string()))?;
    }
    if decision.case_state.is_empty() {
        return Ok(());
    }
    let Some(mut case) = read(tx, reference, None)? else { return Ok(()) };
    case.state.extend(decision.case_state.clone());
    tx.prepare_cached(REMEMBER)?.execute((reference, serde_json::to_string(&case.state)?))?;
    Ok(())
}

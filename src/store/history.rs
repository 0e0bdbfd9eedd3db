//! What earlier mail and answers mean for a new mail: duplicates, own mail, budgets, the case (mail-safety R12, R20–R22).

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction};

use super::decisions::{MailMeta, thread_ids};
use super::error::{Fault, StoreError};
use super::values::Ms;
use super::{EffectId, MailId, Store};
use crate::triage::context::History;

/// Whose history is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    pub mail: MailId,
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Address of the sender; its case is ignored.
    pub sender: String,
    /// Ids of `References` and `In-Reply-To`, oldest first, without angle brackets.
    pub thread: Vec<String>,
}

impl HistoryQuery {
    pub fn new(mail: MailId, meta: &MailMeta) -> HistoryQuery {
        let MailMeta { message_id, sender, thread } = meta.clone();
        HistoryQuery { mail, message_id, sender, thread }
    }
}

/// How far apart the two mails of a pair arrive at most.
const PAIR: SignedDuration = SignedDuration::from_mins(60);

/// The window of [`History::answers_to_sender`].
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// The history of a mail of this desk. An answer counts from the moment it is decided, in whatever state it is
    /// unless it failed: what was held may have gone out.
    pub async fn history(&self, desk: &str, query: &HistoryQuery, now: Timestamp) -> Result<History, StoreError> {
        let (desk, query) = (desk.to_owned(), query.clone());
        self.thread.read(move |tx| history(tx, &desk, &query, now)).await
    }
}

impl Store {
    /// The mail that this one follows: the newest earlier one of its thread, else the sender's newest of the hour
    /// before. For the second mail of a pair "encrypted attachment, then its password".
    pub async fn mail_before(&self, desk: &str, query: &HistoryQuery) -> Result<Option<MailId>, StoreError> {
        let (desk, query) = (desk.to_owned(), query.clone());
        self.thread.read(move |tx| mail_before(tx, &desk, &query)).await
    }
}

const SAME_BYTES: &str = "
    SELECT EXISTS (
        SELECT 1 FROM mail WHERE desk = ?1 AND sha256 = (SELECT sha256 FROM mail WHERE id = ?2) AND id < ?2)";

const SAME_MESSAGE_ID: &str =
    "SELECT EXISTS (SELECT 1 FROM mail WHERE desk = ?1 AND message_id = ?2 AND sender = ?3 AND id < ?4)";

/// Of any desk: desks of one installation must not answer each other.
const OWN_MESSAGE: &str = "SELECT EXISTS (SELECT 1 FROM effect WHERE message_id = ?1)";

// Both look at the newest 100 answers only: far above any budget, and the same work for a sender of ten years.

const IN_THREAD: &str = "
    SELECT e.id FROM answer_thread a JOIN effect e ON e.id = a.effect_id
    WHERE a.desk = ?1 AND a.message_id = ?2 AND e.mail_id <> ?3 AND e.state <> 'failed'
    ORDER BY a.effect_id DESC LIMIT 100";

/// One that waits for its time counts as of then, one that was sent as of its last start.
const TO_SENDER: &str = "
    SELECT count(*) FROM (
        SELECT effect_id FROM answer_to WHERE desk = ?1 AND address = ?2 ORDER BY effect_id DESC LIMIT 100) a
    JOIN effect e ON e.id = a.effect_id
    WHERE e.mail_id <> ?3 AND e.state <> 'failed' AND max(e.created_at, e.due_at, coalesce(e.started_at, 0)) > ?4";

const CASE: &str = "SELECT case_ref FROM thread_case WHERE desk = ?1 AND message_id = ?2";

const OF_THREAD: &str = "SELECT max(id) FROM mail WHERE desk = ?1 AND message_id = ?2 AND id < ?3";

/// Among the newest 200 mails of the desk before this one: such pairs are minutes apart.
const OF_SENDER: &str = "
    SELECT max(a.id) FROM (
        SELECT id, sender, coalesce(internal_date, seen_at) AS at FROM mail
        WHERE desk = ?1 AND id < ?2 ORDER BY id DESC LIMIT 200) a
    WHERE a.sender = ?3 AND a.at >= (SELECT coalesce(internal_date, seen_at) - ?4 FROM mail WHERE id = ?2)";

#[cfg(test)]
pub(super) const SQL: &[&str] =
    &[SAME_BYTES, SAME_MESSAGE_ID, OWN_MESSAGE, IN_THREAD, TO_SENDER, CASE, OF_THREAD, OF_SENDER];

pub(super) fn history(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    now: Timestamp,
) -> Result<History, Fault> {
    let thread = thread_ids(query.message_id.as_deref(), &query.thread);
    Ok(History {
        duplicate: duplicate(tx, desk, query)?,
        own_message: own_message(tx, query)?,
        answers_in_thread: answers_in_thread(tx, desk, query.mail, &thread)?,
        answers_to_sender: tx
            .prepare_cached(TO_SENDER)?
            .query_row((desk, person(&query.sender), query.mail, Ms(now - WINDOW)), |row| row.get(0))?,
        case: case(tx, desk, &thread)?,
        ppap_first: None,
    })
}

fn mail_before(tx: &Transaction<'_>, desk: &str, query: &HistoryQuery) -> Result<Option<MailId>, Fault> {
    let mut statement = tx.prepare_cached(OF_THREAD)?;
    for id in thread_ids(None, &query.thread).iter().rev() {
        let found: Option<MailId> = statement.query_row((desk, id, query.mail), |row| row.get(0))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    if query.sender.is_empty() {
        return Ok(None);
    }
    let values = (desk, query.mail, query.sender.to_lowercase(), PAIR.as_millis() as i64);
    Ok(tx.prepare_cached(OF_SENDER)?.query_row(values, |row| row.get(0))?)
}

fn duplicate(tx: &Transaction<'_>, desk: &str, query: &HistoryQuery) -> Result<bool, Fault> {
    let same_bytes: bool = tx.prepare_cached(SAME_BYTES)?.query_row((desk, query.mail), |row| row.get(0))?;
    match &query.message_id {
        Some(id) if !same_bytes => {
            let mut statement = tx.prepare_cached(SAME_MESSAGE_ID)?;
            Ok(statement.query_row((desk, id, query.sender.to_lowercase(), query.mail), |row| row.get(0))?)
        }
        _ => Ok(same_bytes),
    }
}

/// Whom budgets are counted for: lower case, without a plus-tag (mail-safety A3), so that nobody gets more answers by
/// writing as `taro+1@`, `taro+2@` …
pub(super) fn person(address: &str) -> String {
    let address = address.to_lowercase();
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or(local)),
        None => address,
    }
}

fn own_message(tx: &Transaction<'_>, query: &HistoryQuery) -> Result<bool, Fault> {
    match &query.message_id {
        Some(id) => Ok(tx.prepare_cached(OWN_MESSAGE)?.query_row([id], |row| row.get(0))?),
        None => Ok(false),
    }
}

fn answers_in_thread(tx: &Transaction<'_>, desk: &str, mail: MailId, thread: &[&str]) -> Result<u32, Fault> {
    let mut answers = HashSet::new();
    let mut statement = tx.prepare_cached(IN_THREAD)?;
    for id in thread {
        let mut rows = statement.query((desk, id, mail))?;
        while let Some(row) = rows.next()? {
            answers.insert(row.get::<_, EffectId>(0)?);
        }
    }
    Ok(u32::try_from(answers.len()).unwrap_or(u32::MAX))
}

/// Of the nearest mail of the thread that has one.
fn case(tx: &Transaction<'_>, desk: &str, thread: &[&str]) -> Result<Option<String>, Fault> {
    let mut statement = tx.prepare_cached(CASE)?;
    for id in thread.iter().rev() {
        let found = statement.query_row((desk, id), |row| row.get(0)).optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

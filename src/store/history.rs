//! What earlier mail and answers mean for a new mail: duplicates, own mail, threads, the case (mail-safety
//! R12, R20, R22).

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;

use super::case::{Answers, recently, sent_in_case, the_case};
use super::decisions::{MailMeta, thread_ids};
use super::effects::payload;
use super::error::{Fault, StoreError};
use super::queue::turn_of;
use super::standing::{answers_under_subject, standing_of};
use super::{MailId, Store};
use crate::triage::context::History;
use crate::triage::reply::{ASK_CONTRACT, REDIRECT};

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
    /// As it stands in the mail; "" if there is none.
    pub subject: String,
    /// The case that a subject of ours names, its signature checked.
    pub signed_case: Option<String>,
    /// Message-ID of the mail of ours that it reports about.
    pub bounced: Option<String>,
    /// Is it asked what went to the sender's whole domain? That may be thousands of mails.
    pub of_domain: bool,
}

impl HistoryQuery {
    pub fn new(mail: MailId, meta: &MailMeta) -> HistoryQuery {
        let MailMeta { message_id, sender, thread, subject, signed_case, bounce, .. } = meta.clone();
        let bounced = bounce.map(|bounce| bounce.message_id);
        HistoryQuery { mail, message_id, sender, thread, subject, signed_case, bounced, of_domain: true }
    }
}

/// How far apart the two mails of a pair arrive at most.
const PAIR: SignedDuration = SignedDuration::from_mins(60);

impl Store {
    /// The history of a mail of this desk. An answer counts from the moment it is decided; in its thread for
    /// ever unless it failed, for its sender and domain until a day or an hour after it went out.
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

/// The newest 100 answers only: far above the one that is allowed, and the same work for a thread of ten years.
const IN_THREAD: &str = concat!(
    "SELECT e.id, json_extract(",
    payload!(),
    ", '$.template') FROM answer_thread a JOIN effect e ON e.id = a.effect_id
     WHERE a.desk = ?1 AND a.message_id = ?2 AND e.mail_id <> ?3 AND e.state <> 'failed'
     ORDER BY a.effect_id DESC LIMIT 100"
);

const OF_THREAD: &str = "SELECT max(id) FROM mail WHERE desk = ?1 AND message_id = ?2 AND id < ?3";

/// Among the newest 200 mails of the desk before this one: such pairs are minutes apart.
const OF_SENDER: &str = "
    SELECT max(a.id) FROM (
        SELECT id, sender, coalesce(internal_date, seen_at) AS at FROM mail
        WHERE desk = ?1 AND id < ?2 ORDER BY id DESC LIMIT 200) a
    WHERE a.sender = ?3 AND a.at >= (SELECT coalesce(internal_date, seen_at) - ?4 FROM mail WHERE id = ?2)";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[SAME_BYTES, SAME_MESSAGE_ID, OWN_MESSAGE, IN_THREAD, OF_THREAD, OF_SENDER];

pub(super) fn history(
    tx: &Transaction<'_>,
    desk: &str,
    query: &HistoryQuery,
    now: Timestamp,
) -> Result<History, Fault> {
    let thread = thread_ids(query.message_id.as_deref(), &query.thread);
    let case = the_case(tx, desk, query, &thread)?;
    let mut answers = answers_in_thread(tx, desk, query.mail, &thread)?;
    answers.extend(answers_under_subject(tx, desk, query, now)?);
    if let Some(case) = &case {
        answers.extend(sent_in_case(tx, &case.reference, query.mail)?);
    }
    let asked = answers.values().filter(|template| *template == ASK_CONTRACT).count();
    Ok(History {
        duplicate: duplicate(tx, desk, query)?,
        own_message: own_message(tx, query)?,
        answers_in_thread: u32::try_from(answers.len() - asked).unwrap_or(u32::MAX),
        asked_contract: asked > 0 || recently(tx, desk, query, ASK_CONTRACT, now)?,
        redirected: recently(tx, desk, query, REDIRECT, now)?,
        standing: standing_of(tx, desk, query, now)?,
        case,
        waiting: turn_of(tx, desk, &query.sender, query.mail)?,
        ppap_first: None,
        route: None,
    })
}

pub(super) fn mail_before(tx: &Transaction<'_>, desk: &str, query: &HistoryQuery) -> Result<Option<MailId>, Fault> {
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

fn own_message(tx: &Transaction<'_>, query: &HistoryQuery) -> Result<bool, Fault> {
    match &query.message_id {
        Some(id) => Ok(tx.prepare_cached(OWN_MESSAGE)?.query_row([id], |row| row.get(0))?),
        None => Ok(false),
    }
}

fn answers_in_thread(tx: &Transaction<'_>, desk: &str, mail: MailId, thread: &[&str]) -> Result<Answers, Fault> {
    let mut answers = Answers::new();
    let mut statement = tx.prepare_cached(IN_THREAD)?;
    for id in thread {
        let mut rows = statement.query((desk, id, mail))?;
        while let Some(row) = rows.next()? {
            answers.insert(row.get(0)?, row.get(1)?);
        }
    }
    Ok(answers)
}

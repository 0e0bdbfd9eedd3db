//! Looking at mails with their decisions and effects, for tables and `show`-like commands.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Params, Row, Transaction};

use super::effect::{After, EffectState};
use super::error::{Fault, StoreError};
use super::values::{Ms, key, time};
use super::{MailId, MailState, Store};
use crate::triage::arrival::MailKey;
use crate::triage::decision::Decision;

/// A mail with what was decided and done about it; without bodies.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseRow {
    pub mail: MailId,
    pub desk: String,
    pub key: MailKey,
    pub seen_at: Timestamp,
    pub state: MailState,
    /// How often working on it failed.
    pub attempts: u32,
    /// The last failure, or why it is in quarantine.
    pub note: Option<String>,
    /// Without angle brackets; known when decided, as is `sender`.
    pub message_id: Option<String>,
    pub sender: Option<String>,
    pub decision: Option<DecidedRow>,
    /// Waits for the desk's opening until then.
    pub waits_until: Option<Timestamp>,
    /// In the order of their numbers.
    pub effects: Vec<CaseEffect>,
}

/// A decision as it was written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecidedRow {
    pub at: Timestamp,
    /// `auto`, `review`, `hold`, `ignore`.
    pub disposition: String,
    pub case: Option<String>,
    json: String,
}

impl DecidedRow {
    /// The whole decision.
    ///
    /// # Errors
    /// A program of another version wrote it in a form this one cannot read.
    pub fn decision(&self) -> Result<Decision, serde_json::Error> {
        serde_json::from_str(&self.json)
    }
}

/// An effect as tables show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseEffect {
    pub seq: u32,
    /// `send`, `move` …
    pub kind: String,
    pub state: EffectState,
    pub due: Timestamp,
    pub attempts: u32,
    /// When it ended; none while it is outstanding.
    pub finished_at: Option<Timestamp>,
    /// The server's answer, or the reason of the last failure.
    pub note: Option<String>,
    /// What became of a send after it had ended.
    pub after: Option<After>,
}

impl Store {
    /// The newest mails of a desk, or of all desks, newest first.
    pub async fn overview(&self, desk: Option<&str>, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        let desk = desk.map(str::to_owned);
        let overview = move |tx: &Transaction<'_>| match &desk {
            Some(desk) => cases(tx, NEWEST_OF_DESK, (desk, limit)),
            None => cases(tx, NEWEST, [limit]),
        };
        self.thread.read(overview).await
    }

    /// The decided mails of a desk with this Message-ID (without angle brackets), oldest first; more than one if it
    /// came twice.
    pub async fn find(&self, desk: &str, message_id: &str) -> Result<Vec<CaseRow>, StoreError> {
        let (desk, message_id) = (desk.to_owned(), message_id.to_owned());
        self.thread.read(move |tx| cases(tx, BY_MESSAGE_ID, (&desk, &message_id))).await
    }

    /// The mails of a case, oldest first; at most 200.
    pub async fn mails_of_case(&self, reference: &str) -> Result<Vec<CaseRow>, StoreError> {
        let reference = reference.to_owned();
        self.thread.read(move |tx| cases(tx, BY_CASE, [&reference])).await
    }

    /// The bytes of a mail as far as they were read, and whether that is all of it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchMail`] if the store has no such mail.
    pub async fn raw(&self, mail: MailId) -> Result<(Vec<u8>, bool), StoreError> {
        let raw = move |tx: &Transaction<'_>| {
            let found = tx.prepare_cached(RAW)?.query_row([mail], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
            found.ok_or(Fault::NoSuchMail(mail))
        };
        self.thread.read(raw).await
    }
}

macro_rules! select_cases {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.desk, m.mailbox, m.validity, m.uid, m.file, m.seen_at, m.state, m.attempts, m.note,
                    m.message_id, m.sender, d.at, d.disposition, d.case_ref, d.json, q.due
             FROM mail m LEFT JOIN decision d ON d.mail_id = m.id LEFT JOIN queue q ON q.mail_id = m.id ",
            $rest
        )
    };
}

pub(super) use select_cases;

pub(super) const NEWEST: &str = select_cases!("ORDER BY m.id DESC LIMIT ?1");

const NEWEST_OF_DESK: &str = select_cases!("WHERE m.desk = ?1 ORDER BY m.id DESC LIMIT ?2");

const BY_MESSAGE_ID: &str = select_cases!("WHERE m.desk = ?1 AND m.message_id = ?2 ORDER BY m.sender, m.id LIMIT 100");

const BY_CASE: &str = select_cases!("WHERE d.case_ref = ?1 ORDER BY d.mail_id LIMIT 200");

const RAW: &str = "SELECT r.bytes, m.complete FROM mail m JOIN raw r ON r.mail_id = m.id WHERE m.id = ?1";

const EFFECTS: &str = "
    SELECT e.seq, e.kind, e.state, e.due_at, e.attempts, e.finished_at, e.note, a.what
    FROM effect e LEFT JOIN send_after a ON a.effect_id = e.id WHERE e.mail_id = ?1 ORDER BY e.seq";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[NEWEST, NEWEST_OF_DESK, BY_MESSAGE_ID, BY_CASE, RAW, EFFECTS];

/// Rows of [`select_cases`] with their effects.
pub(super) fn cases(tx: &Transaction<'_>, sql: &str, values: impl Params) -> Result<Vec<CaseRow>, Fault> {
    let mut statement = tx.prepare_cached(sql)?;
    let mut cases: Vec<CaseRow> = statement.query_map(values, case)?.collect::<Result<_, _>>()?;
    let mut effects = tx.prepare_cached(EFFECTS)?;
    for case in &mut cases {
        case.effects = effects.query_map([case.mail], effect)?.collect::<Result<_, _>>()?;
    }
    Ok(cases)
}

fn case(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    let seen_at: Ms = row.get("seen_at")?;
    Ok(CaseRow {
        mail: row.get("id")?,
        desk: row.get("desk")?,
        key: key(row)?,
        seen_at: seen_at.0,
        state: row.get("state")?,
        attempts: row.get("attempts")?,
        note: row.get("note")?,
        message_id: row.get("message_id")?,
        sender: row.get("sender")?,
        decision: decided(row)?,
        waits_until: time(row, "due")?,
        effects: Vec::new(),
    })
}

fn decided(row: &Row<'_>) -> rusqlite::Result<Option<DecidedRow>> {
    let Some(at) = time(row, "at")? else { return Ok(None) };
    let (disposition, case, json) = (row.get("disposition")?, row.get("case_ref")?, row.get("json")?);
    Ok(Some(DecidedRow { at, disposition, case, json }))
}

fn effect(row: &Row<'_>) -> rusqlite::Result<CaseEffect> {
    let due: Ms = row.get("due_at")?;
    Ok(CaseEffect {
        seq: row.get("seq")?,
        kind: row.get("kind")?,
        state: row.get("state")?,
        due: due.0,
        attempts: row.get("attempts")?,
        finished_at: time(row, "finished_at")?,
        note: row.get("note")?,
        after: row.get("what")?,
    })
}

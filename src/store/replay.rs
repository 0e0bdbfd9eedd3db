//! Decisions of the past with what they were made from, for `madoguchi replay`.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};

use super::error::{Fault, StoreError};
use super::journal::{StoredMail, stored};
use super::values::Ms;
use super::{MailId, MailState, Store};
use crate::triage::circumstances::Circumstances;
use crate::triage::decision::Decision;

/// What a desk journalled in some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastMails {
    /// Decided, and their bytes are kept; oldest first.
    pub decided: Vec<MailId>,
    /// Not decided (yet), or in quarantine.
    pub undecided: usize,
    /// Their bytes were purged.
    pub forgotten: Vec<MailId>,
}

/// A mail with its last decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub mail: StoredMail,
    /// It was only observed: the decision is what would have been decided.
    pub observed: bool,
    /// Lower case; "" if there is none.
    pub sender: String,
    decision: String,
    circumstances: Option<String>,
}

impl Past {
    /// The decision and what it was made from; none if a program of another version wrote them in a form that this one
    /// cannot read, or did not write down the circumstances.
    pub fn decided(&self) -> Option<(Decision, Circumstances)> {
        let circumstances = serde_json::from_str(self.circumstances.as_ref()?).ok()?;
        Some((serde_json::from_str(&self.decision).ok()?, circumstances))
    }
}

impl Store {
    /// What the desk journalled from a moment on and before another.
    pub async fn past_mails(&self, desk: &str, from: Timestamp, until: Timestamp) -> Result<PastMails, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| past_mails(tx, (&desk, Ms(from), Ms(until)))).await
    }

    /// These mails, with their decisions; not those whose bytes have been purged meanwhile.
    pub async fn past(&self, mails: Vec<MailId>) -> Result<Vec<Past>, StoreError> {
        let all = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(PAST)?;
            let mut found = Vec::with_capacity(mails.len());
            for mail in &mails {
                found.extend(statement.query_row([mail], |row| Ok(past(row))).optional()?.transpose()?);
            }
            Ok(found)
        };
        self.thread.read(all).await
    }
}

const WHOLE: &str = "
    SELECT id, state FROM mail INDEXED BY mail_kept_whole
    WHERE kept = 2 AND seen_at >= ?2 AND seen_at < ?3 AND desk = ?1 ORDER BY seen_at, id";

const FORGOTTEN: &str = "
    SELECT id FROM mail INDEXED BY mail_kept_texts
    WHERE kept = 1 AND seen_at >= ?2 AND seen_at < ?3 AND desk = ?1 ORDER BY seen_at, id";

const PAST: &str = "
    SELECT m.id, m.mailbox, m.validity, m.uid, m.file, m.internal_date, m.flags, m.size, m.complete, m.seen_at,
           m.attempts, m.note, r.bytes, coalesce(o.json, d.json) AS decision, d.circumstances,
           o.json IS NOT NULL AS observed, coalesce(m.sender, '') AS sender
    FROM mail m JOIN raw r ON r.mail_id = m.id JOIN decision d ON d.mail_id = m.id
                LEFT JOIN observed o ON o.mail_id = m.id
    WHERE m.id = ?1";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[WHOLE, FORGOTTEN, PAST];

fn past_mails(tx: &Transaction<'_>, (desk, from, until): (&str, Ms, Ms)) -> Result<PastMails, Fault> {
    let mut statement = tx.prepare_cached(FORGOTTEN)?;
    let forgotten = statement.query_map((desk, &from, &until), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut mails = PastMails { forgotten, ..PastMails::default() };
    let mut statement = tx.prepare_cached(WHOLE)?;
    let mut rows = statement.query((desk, from, until))?;
    while let Some(row) = rows.next()? {
        match row.get("state")? {
            MailState::Decided | MailState::Done => mails.decided.push(row.get("id")?),
            MailState::Seen | MailState::Quarantined => mails.undecided += 1,
        }
    }
    Ok(mails)
}

fn past(row: &Row<'_>) -> Result<Past, Fault> {
    let (decision, circumstances) = (row.get("decision")?, row.get("circumstances")?);
    let (observed, sender) = (row.get("observed")?, row.get("sender")?);
    Ok(Past { mail: stored(row)?, observed, sender, decision, circumstances })
}

//! The whole journal of a desk, line by line, to be compared with what lies on the server.

use jiff::Timestamp;
use rusqlite::{Row, Transaction};

use super::effect::EffectState;
use super::error::StoreError;
use super::values::{Ms, key, time};
use super::{MailId, MailState, Store};
use crate::triage::arrival::MailKey;

/// A mail of the journal, as far as it matters where it lies and whether it is finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerMail {
    pub mail: MailId,
    pub key: MailKey,
    pub seen_at: Timestamp,
    pub state: MailState,
    /// The last failure, or why it is in quarantine.
    pub note: Option<String>,
    /// An effect of ours moved it to another folder.
    pub moved: bool,
    /// It is decided, and its next effect is to be carried out (again) at this time.
    pub open_since: Option<Timestamp>,
    /// Waits for the desk's opening until then.
    pub waits_until: Option<Timestamp>,
}

/// A mail that we sent, or were to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerSend {
    /// The mail it answers or passes on.
    pub mail: MailId,
    /// Without angle brackets.
    pub message_id: String,
    pub state: EffectState,
    /// Of the copy in the Sent folder, if there was to be one.
    pub copy: Option<EffectState>,
}

impl Store {
    /// Every mail of a desk, oldest first.
    pub async fn ledger(&self, desk: &str) -> Result<Vec<LedgerMail>, StoreError> {
        let desk = desk.to_owned();
        let all = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(MAILS)?;
            Ok(statement.query_map([&desk], mail)?.collect::<Result<_, _>>()?)
        };
        self.thread.read(all).await
    }

    /// Every mail that a desk sent or was to send, in the order of the mails they answer.
    pub async fn ledger_sends(&self, desk: &str) -> Result<Vec<LedgerSend>, StoreError> {
        let desk = desk.to_owned();
        let all = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(SENDS)?;
            Ok(statement.query_map([&desk], send)?.collect::<Result<_, _>>()?)
        };
        self.thread.read(all).await
    }
}

const MAILS: &str = "
    SELECT m.id, m.mailbox, m.validity, m.uid, m.file, m.seen_at, m.state, m.note, q.due,
           EXISTS (SELECT 1 FROM effect e WHERE e.mail_id = m.id AND e.kind = 'move' AND e.state = 'done') AS moved,
           (SELECT min(e.not_before) FROM effect e WHERE e.mail_id = m.id AND e.state IN ('pending', 'started')) AS open
    FROM mail m INDEXED BY mail_desk LEFT JOIN queue q ON q.mail_id = m.id
    WHERE m.desk = ?1 ORDER BY m.id";

// The copy of a send names it.
const SENDS: &str = "
    SELECT e.mail_id, e.message_id, e.state, c.state AS copy
    FROM mail m INDEXED BY mail_desk JOIN effect e ON e.mail_id = m.id
    LEFT JOIN effect c ON c.mail_id = e.mail_id AND c.kind = 'sent-copy'
                          AND json_extract(c.payload, '$.of') = e.seq
    WHERE m.desk = ?1 AND e.message_id IS NOT NULL ORDER BY m.id, e.seq";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[MAILS, SENDS];

fn mail(row: &Row<'_>) -> rusqlite::Result<LedgerMail> {
    let seen_at: Ms = row.get("seen_at")?;
    Ok(LedgerMail {
        mail: row.get("id")?,
        key: key(row)?,
        seen_at: seen_at.0,
        state: row.get("state")?,
        note: row.get("note")?,
        moved: row.get("moved")?,
        open_since: time(row, "open")?,
        waits_until: time(row, "due")?,
    })
}

fn send(row: &Row<'_>) -> rusqlite::Result<LedgerSend> {
    Ok(LedgerSend {
        mail: row.get("mail_id")?,
        message_id: row.get("message_id")?,
        state: row.get("state")?,
        copy: row.get("copy")?,
    })
}

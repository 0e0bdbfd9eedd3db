//! Observing: a desk that looks at a mailbox for the first time does nothing there until staff activate it. Meanwhile
//! it writes down what it would have done.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior};

use super::decisions::{Record, record_one};
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::values::{Ms, time};
use super::{MailId, Store};
use crate::triage::decision::Decision;

/// How a desk stands to its mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activation {
    /// When it first looked there.
    pub first_look: Option<Timestamp>,
    /// From when on it acts there; none: it only observes.
    pub active_since: Option<Timestamp>,
}

/// A mail that was only observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedRow {
    pub mail: MailId,
    /// When it came, as far as the mailbox said so.
    pub arrived: Option<Timestamp>,
    /// `auto`, `review`, `hold`, `ignore`.
    pub disposition: String,
    json: String,
}

impl ObservedRow {
    /// What would have been decided.
    ///
    /// # Errors
    /// A program of another version wrote it in a form this one cannot read.
    pub fn decision(&self) -> Result<Decision, serde_json::Error> {
        serde_json::from_str(&self.json)
    }
}

impl Store {
    /// Notes that the desk looks at this mailbox; only the first time counts.
    pub async fn look(&self, desk: &str, mailbox: &str, now: Timestamp) -> Result<(), StoreError> {
        let (desk, mailbox) = (desk.to_owned(), mailbox.to_owned());
        let note = move |tx: &Transaction<'_>| {
            tx.prepare_cached(LOOK)?.execute((&desk, &mailbox, Ms(now)))?;
            Ok(())
        };
        self.thread.write(note).await
    }

    pub async fn activation(&self, desk: &str, mailbox: &str) -> Result<Activation, StoreError> {
        let (desk, mailbox) = (desk.to_owned(), mailbox.to_owned());
        self.thread.read(move |tx| activation(tx, &desk, &mailbox)).await
    }

    /// The newest observed mails of a desk, newest first.
    pub async fn observed(&self, desk: &str, limit: u32) -> Result<Vec<ObservedRow>, StoreError> {
        let desk = desk.to_owned();
        let newest = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(NEWEST)?;
            Ok(statement.query_map((&desk, limit), observed)?.collect::<Result<_, _>>()?)
        };
        self.thread.read(newest).await
    }
}

/// Lets a desk act on a mailbox from now on, also while somebody works with the store (see [`super::release_breaker`]
/// for why that is safe). False if it was active already; that stays as it is.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn activate(store: &Path, desk: &str, mailbox: &str, now: Timestamp) -> Result<bool, StoreError> {
    let activate = || {
        let mut connection = open_beside(store)?;
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let activated = tx.execute(ACTIVATE, (desk, mailbox, Ms(now)))? > 0;
        tx.commit()?;
        Ok(activated)
    };
    activate().map_err(|fault: Fault| fault.at(store))
}

const LOOK: &str = "INSERT INTO first_look (desk, mailbox, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

const FIRST_LOOK: &str = "SELECT at FROM first_look WHERE desk = ?1 AND mailbox = ?2";

const ACTIVATE: &str = "INSERT INTO activation (desk, mailbox, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

const ACTIVATION: &str = "SELECT at FROM activation WHERE desk = ?1 AND mailbox = ?2";

const OBSERVED: &str = "
    INSERT INTO observed (mail_id, desk, disposition, json) SELECT ?1, desk, ?2, ?3 FROM mail WHERE id = ?1";

const NEWEST: &str = "
    SELECT o.mail_id, o.disposition, o.json, m.internal_date FROM observed o JOIN mail m ON m.id = o.mail_id
    WHERE o.desk = ?1 ORDER BY o.mail_id DESC LIMIT ?2";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[LOOK, FIRST_LOOK, ACTIVATE, ACTIVATION, OBSERVED, NEWEST];

/// Writes down a mail that is only observed: its decision, which does nothing, and what it would have been. The mail is
/// done then.
pub(super) fn record_observed(
    tx: &Transaction<'_>,
    record: &Record,
    would: &Decision,
    now: Timestamp,
) -> Result<(), Fault> {
    record_one(tx, record, None, now)?;
    let json = serde_json::to_string(would)?;
    tx.prepare_cached(OBSERVED)?.execute((record.mail, would.disposition.as_str(), json))?;
    Ok(())
}

pub(super) fn activation(tx: &Transaction<'_>, desk: &str, mailbox: &str) -> Result<Activation, Fault> {
    let at = |sql| -> Result<Option<Timestamp>, Fault> {
        let found: Option<Ms> = tx.prepare_cached(sql)?.query_row((desk, mailbox), |row| row.get(0)).optional()?;
        Ok(found.map(|ms| ms.0))
    };
    Ok(Activation { first_look: at(FIRST_LOOK)?, active_since: at(ACTIVATION)? })
}

fn observed(row: &Row<'_>) -> rusqlite::Result<ObservedRow> {
    let (mail, arrived) = (row.get("mail_id")?, time(row, "internal_date")?);
    Ok(ObservedRow { mail, arrived, disposition: row.get("disposition")?, json: row.get("json")? })
}

//! Notices that staff started or stopped by command: what the configuration's file says is not in here.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Transaction, TransactionBehavior};

use super::Store;
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::values::Ms;
use crate::triage::notice::Notice;

/// What the store knows of a notice of a desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    pub id: String,
    /// None for one of the configuration's file, which only can be stopped here.
    pub notice: Option<Notice>,
    pub stopped_at: Option<Timestamp>,
}

impl Store {
    /// The desk's notices: those of the configuration that were not stopped, and those that staff started.
    pub async fn notices_with(&self, desk: &str, configured: &[Notice]) -> Result<Vec<Notice>, StoreError> {
        Ok(in_force(self.notices(desk).await?, configured))
    }

    /// What staff started or stopped at the desk.
    pub async fn notices(&self, desk: &str) -> Result<Vec<NoticeRow>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| rows(tx, &desk)).await
    }
}

/// Those of the configuration that were not stopped, and those that staff started.
pub fn in_force(rows: Vec<NoticeRow>, configured: &[Notice]) -> Vec<Notice> {
    let stopped = |notice: &&Notice| rows.iter().any(|row| row.id == notice.id && row.stopped_at.is_some());
    let mut notices: Vec<Notice> = configured.iter().filter(|notice| !stopped(notice)).cloned().collect();
    notices.extend(rows.into_iter().filter(|row| row.stopped_at.is_none()).filter_map(|row| row.notice));
    notices
}

/// Starts a notice at these desks, also while somebody works with the store (see [`super::release_breaker`] for why
/// that is safe). One of the same id is replaced.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn start_notice(store: &Path, desks: &[&str], notice: &Notice) -> Result<(), StoreError> {
    let start = |tx: &Transaction<'_>| {
        let json = serde_json::to_string(notice)?;
        for desk in desks {
            tx.execute(START, (desk, &notice.id, &json))?;
        }
        Ok(())
    };
    beside(store, start).map_err(|fault| fault.at(store))
}

/// Stops a notice at these desks, also one of the configuration's file.
///
/// # Errors
/// As [`start_notice`].
pub fn stop_notice(store: &Path, desks: &[&str], id: &str, now: Timestamp) -> Result<(), StoreError> {
    let stop = |tx: &Transaction<'_>| {
        for desk in desks {
            tx.execute(STOP, (desk, id, Ms(now)))?;
        }
        Ok(())
    };
    beside(store, stop).map_err(|fault| fault.at(store))
}

pub(super) fn beside(store: &Path, job: impl FnOnce(&Transaction<'_>) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut connection = open_beside(store)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    job(&tx)?;
    tx.commit()?;
    Ok(())
}

const START: &str = "
    INSERT INTO notice (desk, id, json) VALUES (?1, ?2, ?3)
    ON CONFLICT (desk, id) DO UPDATE SET json = excluded.json, stopped_at = NULL";

const STOP: &str = "
    INSERT INTO notice (desk, id, stopped_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (desk, id) DO UPDATE SET stopped_at = coalesce(stopped_at, excluded.stopped_at)";

const OF_DESK: &str = "SELECT id, json, stopped_at FROM notice WHERE desk = ?1 ORDER BY id";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[START, STOP, OF_DESK];

pub(super) fn rows(tx: &Transaction<'_>, desk: &str) -> Result<Vec<NoticeRow>, Fault> {
    let mut statement = tx.prepare_cached(OF_DESK)?;
    let mut rows = statement.query([desk])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let json: Option<String> = row.get("json")?;
        let notice = json.map(|json| serde_json::from_str(&json)).transpose()?;
        let stopped_at = super::values::time(row, "stopped_at")?;
        found.push(NoticeRow { id: row.get("id")?, notice, stopped_at });
    }
    Ok(found)
}

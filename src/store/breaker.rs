//! The breaker of a desk: open, the desk sends nothing by itself, until somebody releases it.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction, TransactionBehavior};

use super::Store;
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::standing::hour;
use super::values::Ms;

/// How much a desk answers, and what its breaker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskLoad {
    /// Answers decided in the last hour, or since the breaker was released if that is less long ago. An answer counts
    /// when it is decided: a queue of a long weekend that goes out on Monday morning is no flood.
    pub last_hour: u32,
    /// Answers in each hour of the last seven days, this one left out, in which there were any.
    pub hours: Vec<u32>,
    /// Open since then; none: closed.
    pub open_since: Option<Timestamp>,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const HOURS_LOOKED_AT: i64 = 7 * 24;

impl Store {
    pub async fn desk_load(&self, desk: &str, now: Timestamp) -> Result<DeskLoad, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| desk_load(tx, &desk, now)).await
    }

    /// Opens the breaker of a desk; one that is open stays as it is.
    pub async fn open_breaker(&self, desk: &str, now: Timestamp) -> Result<(), StoreError> {
        let desk = desk.to_owned();
        self.thread.write(move |tx| open_breaker(tx, &desk, now)).await
    }
}

/// Closes the breaker of a desk, also while somebody works with the store; false if it was not open.
///
/// The lock file keeps a second worker away, and this is none: one row changes, in a transaction that SQLite keeps
/// apart from the worker's, and the worker asks for the breaker anew with each mail.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn release_breaker(store: &Path, desk: &str, now: Timestamp) -> Result<bool, StoreError> {
    release(store, desk, now).map_err(|fault| fault.at(store))
}

fn release(store: &Path, desk: &str, now: Timestamp) -> Result<bool, Fault> {
    let mut connection = open_beside(store)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let released = tx.execute(RELEASE, (desk, Ms(now)))? > 0;
    tx.commit()?;
    Ok(released)
}

const STATE: &str = "SELECT open, at FROM breaker WHERE desk = ?1";

const OPEN: &str = "
    INSERT INTO breaker (desk, open, at) VALUES (?1, 1, ?2)
    ON CONFLICT (desk) DO UPDATE SET open = 1, at = excluded.at WHERE open = 0";

const RELEASE: &str = "UPDATE breaker SET open = 0, at = ?2 WHERE desk = ?1 AND open = 1";

const LAST_HOUR: &str = "SELECT count(*) FROM answer_decided WHERE desk = ?1 AND at > ?2";

const HOURS: &str = "SELECT answers FROM answer_hour WHERE desk = ?1 AND hour >= ?2 AND hour < ?3";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[STATE, OPEN, RELEASE, LAST_HOUR, HOURS];

pub(super) fn is_open(tx: &Transaction<'_>, desk: &str) -> Result<bool, Fault> {
    Ok(state(tx, desk)?.is_some_and(|(open, _)| open))
}

pub(super) fn open_breaker(tx: &Transaction<'_>, desk: &str, now: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(OPEN)?.execute((desk, Ms(now)))?;
    Ok(())
}

/// Open or not, and since when; none if it never opened.
fn state(tx: &Transaction<'_>, desk: &str) -> Result<Option<(bool, Timestamp)>, Fault> {
    let mut statement = tx.prepare_cached(STATE)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Ms>(1)?.0));
    Ok(statement.query_row([desk], read).optional()?)
}

pub(super) fn desk_load(tx: &Transaction<'_>, desk: &str, now: Timestamp) -> Result<DeskLoad, Fault> {
    let state = state(tx, desk)?;
    let released = state.and_then(|(open, at)| (!open).then_some(at));
    let since = released.map_or(now - HOUR, |released| released.max(now - HOUR));
    let mut statement = tx.prepare_cached(HOURS)?;
    let hours = statement.query_map((desk, hour(now) - HOURS_LOOKED_AT, hour(now)), |row| row.get(0))?;
    Ok(DeskLoad {
        last_hour: tx.prepare_cached(LAST_HOUR)?.query_row((desk, Ms(since)), |row| row.get(0))?,
        hours: hours.collect::<Result<_, _>>()?,
        open_since: state.and_then(|(open, at)| open.then_some(at)),
    })
}

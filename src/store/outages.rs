//! Outages that staff recorded (`madoguchi outage`).

use std::path::Path;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::Store;
use super::error::{Fault, StoreError};
use super::notices::beside;
use super::values::{Ms, time};
use crate::triage::outage::Outage;

impl Store {
    /// The outages recorded at a desk, oldest first.
    pub async fn outages(&self, desk: &str) -> Result<Vec<Outage>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| rows(tx, &desk)).await
    }
}

/// Records an outage at these desks, also while somebody works with the store. One of the same id is replaced.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn record_outage(store: &Path, desks: &[&str], outage: &Outage) -> Result<(), StoreError> {
    let Outage { id, from, until, known, ours, cause } = outage;
    let record = |tx: &Transaction<'_>| {
        for desk in desks {
            tx.execute(RECORD, (desk, id, Ms(*from), until.map(Ms), Ms(*known), ours, cause))?;
        }
        Ok(())
    };
    beside(store, record).map_err(|fault| fault.at(store))
}

/// Notes that an outage is over; answers at how many of these desks there is one.
///
/// # Errors
/// As [`record_outage`].
pub fn end_outage(store: &Path, desks: &[&str], id: &str, until: Timestamp) -> Result<usize, StoreError> {
    let mut ended = 0;
    let end = |tx: &Transaction<'_>| {
        for desk in desks {
            ended += tx.execute(END, (desk, id, Ms(until)))?;
        }
        Ok(())
    };
    beside(store, end).map_err(|fault| fault.at(store))?;
    Ok(ended)
}

const RECORD: &str = "
    INSERT INTO outage (desk, id, from_at, until_at, known_at, ours, cause) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (desk, id) DO UPDATE SET from_at = excluded.from_at, until_at = excluded.until_at,
        known_at = excluded.known_at, ours = excluded.ours, cause = excluded.cause";

const END: &str = "UPDATE outage SET until_at = ?3 WHERE desk = ?1 AND id = ?2";

const OF_DESK: &str = "SELECT id, from_at, until_at, known_at, ours, cause FROM outage WHERE desk = ?1 ORDER BY id";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[RECORD, END, OF_DESK];

pub(super) fn rows(tx: &Transaction<'_>, desk: &str) -> Result<Vec<Outage>, Fault> {
    let mut statement = tx.prepare_cached(OF_DESK)?;
    let mut rows = statement.query([desk])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (from, known): (Ms, Ms) = (row.get("from_at")?, row.get("known_at")?);
        let (id, cause, ours) = (row.get("id")?, row.get("cause")?, row.get("ours")?);
        found.push(Outage { id, from: from.0, until: time(row, "until_at")?, known: known.0, ours, cause });
    }
    found.sort_by_key(|outage| outage.from);
    Ok(found)
}

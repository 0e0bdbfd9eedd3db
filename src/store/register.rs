//! The register that was imported: customers and partners, whole as JSON, one a row.
//!
//! A working desk sees a new import from its next mail on: the version is asked each time, and the register packed anew
//! only when it changed. All desks share what was packed.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::Store;
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::values::Ms;
use crate::triage::register::{Customer, Partner, Register};

/// The register of the store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredRegister {
    /// Counts imports; 0: there was none.
    pub version: i64,
    pub partners: Vec<Partner>,
    pub customers: Vec<Customer>,
}

/// What an import changes: entries to write, ids to remove.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegisterChange {
    pub partners: Vec<Partner>,
    pub customers: Vec<Customer>,
    pub partners_gone: Vec<String>,
    pub customers_gone: Vec<String>,
}

/// A register packed, with its version.
pub(super) type Packed = Option<(i64, Arc<Register>)>;

impl Store {
    /// The imported register as it is now; empty if nothing was imported.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn register(&self) -> Result<Arc<Register>, StoreError> {
        let known = self.packed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let version = known.as_ref().map(|(version, _)| *version);
        let fresh = self.thread.read(move |tx| packed(tx, version)).await?;
        match (fresh, known) {
            (None, Some((_, register))) => Ok(register),
            (Some((version, register)), _) => {
                let register = Arc::new(register);
                let kept = Some((version, register.clone()));
                *self.packed.lock().unwrap_or_else(PoisonError::into_inner) = kept;
                Ok(register)
            }
            (None, None) => Ok(Arc::default()),
        }
    }
}

/// Reads the register of the store at `path`, also while a desk works with it.
///
/// # Errors
/// The store cannot be read.
pub fn read_register(path: &Path) -> Result<StoredRegister, StoreError> {
    open_beside(path).and_then(|connection| read(&connection)).map_err(|fault| fault.at(path))
}

/// Changes the register of the store at `path` in one transaction, also while a desk works with it.
///
/// # Errors
/// [`StoreError::RegisterChanged`] if it is no longer of `version`; then, and at any other failure, it stays as it was.
pub fn change_register(path: &Path, version: i64, change: &RegisterChange, now: Timestamp) -> Result<(), StoreError> {
    write(path, version, change, now).map_err(|fault| fault.at(path))
}

const VERSION: &str = "SELECT value FROM meta WHERE key = 'register_version'";

const SET_VERSION: &str = "
    INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Reads the whole table on purpose: it is packed once for each import.
const ALL: &str = "SELECT json FROM register WHERE kind = ?1 ORDER BY id";

const PUT: &str = "
    INSERT INTO register (kind, id, json) VALUES (?1, ?2, ?3)
    ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json";

const REMOVE: &str = "DELETE FROM register WHERE kind = ?1 AND id = ?2";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[VERSION, SET_VERSION, ALL, PUT, REMOVE];

fn version(connection: &Connection) -> Result<i64, Fault> {
    let version = connection.prepare_cached(VERSION)?.query_row([], |row| row.get(0)).optional()?;
    Ok(version.unwrap_or(0))
}

/// The register, unless it is of this version.
fn packed(tx: &Transaction<'_>, known: Option<i64>) -> Result<Option<(i64, Register)>, Fault> {
    let version = version(tx)?;
    if version == 0 || known == Some(version) {
        return Ok(None);
    }
    let partners = entries(tx, "partner")?;
    let mut statement = tx.prepare(ALL)?;
    let mut broken = None;
    let rows = statement.query_map(["customer"], |row| row.get::<_, String>(0))?;
    // One after the other: a million of them need not lie in memory beside the packed ones.
    let customers = rows.map_while(|json| {
        let read = json.map_err(Fault::from).and_then(|json| Ok(serde_json::from_str::<Customer>(&json)?));
        read.map_err(|fault| broken = Some(fault)).ok()
    });
    let register = Register::new(partners, customers).map_err(|error| Fault::Damaged(error.to_string()));
    match broken {
        Some(fault) => Err(fault),
        None => Ok(Some((version, register?))),
    }
}

fn entries<T: serde::de::DeserializeOwned>(connection: &Connection, kind: &str) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare(ALL)?;
    let rows = statement.query_map([kind], |row| row.get::<_, String>(0))?;
    rows.map(|json| Ok(serde_json::from_str(&json?)?)).collect()
}

fn read(connection: &Connection) -> Result<StoredRegister, Fault> {
    let (partners, customers) = (entries(connection, "partner")?, entries(connection, "customer")?);
    Ok(StoredRegister { version: version(connection)?, partners, customers })
}

fn write(path: &Path, expected: i64, change: &RegisterChange, now: Timestamp) -> Result<(), Fault> {
    let mut connection = open_beside(path)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&tx)? != expected {
        return Err(Fault::RegisterChanged);
    }
    {
        let (mut put, mut remove) = (tx.prepare(PUT)?, tx.prepare(REMOVE)?);
        for partner in &change.partners {
            put.execute(("partner", &partner.id, serde_json::to_string(partner)?))?;
        }
        for customer in &change.customers {
            put.execute(("customer", &customer.id, serde_json::to_string(customer)?))?;
        }
        for (kind, gone) in [("partner", &change.partners_gone), ("customer", &change.customers_gone)] {
            for id in gone {
                remove.execute((kind, id))?;
            }
        }
    }
    tx.execute(SET_VERSION, ("register_version", expected + 1))?;
    tx.execute(SET_VERSION, ("register_at", Ms(now)))?;
    tx.commit()?;
    Ok(())
}

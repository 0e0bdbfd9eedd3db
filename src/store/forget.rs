//! Forgetting one person on request: everything that came from an address, and what was decided and written about it.
//!
//! What stays is what stays of every purged mail: where it lay and the hash of its bytes, so that it is neither read as
//! new nor answered again, whatever happens to the mailbox.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::checkpoint::{ATTEMPTS, begin_log_anew};
use super::effects::payload;
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::purge::{FORGET_BYTES, FORGET_CASE, forget_mails};
use super::{MailId, Store};
use crate::triage::gate::address::untagged;

/// What the store has of a person, by what becomes of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Mails from the address, with their decisions and answers: gone, or to go.
    pub mails: u64,
    /// Cases, counts of answers and refusals under the address: gone, or to go.
    pub rows: u64,
    /// Mails from the address that are not done: they stay until they are.
    pub open: u64,
    /// Mails of others that name the address: they stay.
    pub others: u64,
    /// Entries of an imported register that name the address: they stay, the next import would bring them back.
    pub register: u64,
}

impl Store {
    /// What [`forget`] would take away, and what it leaves. Reads the whole store.
    pub async fn forgettable(&self, address: &str) -> Result<Forgotten, StoreError> {
        let person = untagged(address);
        self.thread.read(move |tx| found(tx, &person)).await
    }
}

/// Takes away what the store has of the person with this address (and any plus-tag), in small transactions beside
/// somebody who works with the store (see [`super::release_breaker`] for why that is safe). Afterwards nothing of it is
/// left in the store's files.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn forget(store: &Path, address: &str) -> Result<Forgotten, StoreError> {
    let person = untagged(address);
    let forget = || {
        let mut connection = open_beside(store)?;
        let all = in_one(&mut connection, |tx| found(tx, &person))?;
        let mails = in_one(&mut connection, |tx| mails_of(tx, &person, &DONE))?;
        for some in mails.chunks(100) {
            in_one(&mut connection, |tx| {
                forget_mails(tx, some, FORGET_BYTES)?;
                forget_mails(tx, some, FORGET_CASE)
            })?;
        }
        in_one(&mut connection, |tx| {
            OF_PERSON.iter().try_for_each(|rest| Ok(_ = tx.execute(&format!("DELETE {rest}"), [&person])?))
        })?;
        // The log of changes still has the old pages until it is begun anew.
        begin_log_anew(&connection, ATTEMPTS)?;
        Ok(all)
    };
    forget().map_err(|fault: Fault| fault.at(store))
}

fn in_one<T>(connection: &mut Connection, work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let result = work(&tx)?;
    tx.commit()?;
    Ok(result)
}

const DONE: [&str; 2] = ["done", "quarantined"];
const OPEN: [&str; 2] = ["seen", "decided"];

// All of these read their tables from end to end: a person asks seldom.
const SENDERS: &str = "SELECT DISTINCT sender FROM mail WHERE sender IS NOT NULL";

const MAILS: &str = "SELECT id FROM mail WHERE sender = ?1 AND state IN (?2, ?3) ORDER BY id";

const OTHERS: &str = concat!(
    "SELECT count(*) FROM mail m LEFT JOIN raw r ON r.mail_id = m.id LEFT JOIN decision d ON d.mail_id = m.id
    WHERE m.id NOT IN (SELECT value FROM json_each(?2))
      AND (instr(lower(CAST(r.bytes AS TEXT)), ?1) > 0 OR instr(lower(d.json), ?1) > 0
       OR EXISTS (SELECT 1 FROM effect e WHERE e.mail_id = m.id AND instr(lower(",
    payload!(),
    "), ?1) > 0))"
);

const REGISTER: &str = "SELECT count(*) FROM register WHERE instr(lower(json), ?1) > 0";

/// What stands under the person without a mail, or goes behind its mails; not what mail needs that is not done.
const OF_PERSON: [&str; 3] = [
    "FROM inquiry_case WHERE person = ?1
     AND NOT EXISTS (SELECT 1 FROM decision d JOIN mail m ON m.id = d.mail_id
                     WHERE d.case_ref = inquiry_case.ref AND m.state IN ('seen', 'decided'))",
    "FROM bounced WHERE address = ?1",
    "FROM answer_to WHERE (whom = ?1 OR substr(whom, 1, length(?1) + 1) = ?1 || ' ')
     AND NOT EXISTS (SELECT 1 FROM effect e JOIN mail m ON m.id = e.mail_id
                     WHERE e.id = answer_to.effect_id AND m.state IN ('seen', 'decided'))",
];

/// The addresses, with and without plus-tag, under which this person has written.
pub(super) fn spellings(tx: &Transaction<'_>, person: &str) -> Result<Vec<String>, Fault> {
    let mut senders = tx.prepare(SENDERS)?;
    let senders = senders.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    Ok(senders.into_iter().filter(|sender| untagged(sender) == person).collect())
}

fn mails_of(tx: &Transaction<'_>, person: &str, states: &[&str; 2]) -> Result<Vec<MailId>, Fault> {
    let mut mails = Vec::new();
    for sender in &spellings(tx, person)? {
        let mut of_sender = tx.prepare_cached(MAILS)?;
        let found = of_sender.query_map((sender, states[0], states[1]), |row| row.get(0))?;
        mails.extend(found.collect::<Result<Vec<MailId>, _>>()?);
    }
    Ok(mails)
}

fn found(tx: &Transaction<'_>, person: &str) -> Result<Forgotten, Fault> {
    let (done, open) = (mails_of(tx, person, &DONE)?, mails_of(tx, person, &OPEN)?);
    let count = |sql: &str| -> Result<u64, Fault> {
        Ok(tx.query_row(sql, [person], |row| row.get::<_, i64>(0)).optional()?.unwrap_or(0).unsigned_abs())
    };
    let own: Vec<String> = done.iter().chain(&open).map(MailId::to_string).collect();
    let own = format!("[{}]", own.join(","));
    let others: i64 = tx.query_row(OTHERS, (person, own), |row| row.get(0))?;
    let mut rows = 0;
    for rest in OF_PERSON {
        rows += count(&format!("SELECT count(*) {rest}"))?;
    }
    Ok(Forgotten {
        mails: done.len() as u64,
        rows,
        open: open.len() as u64,
        others: others.unsigned_abs(),
        register: count(REGISTER)?,
    })
}

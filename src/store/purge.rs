//! Forgetting: what is older than it may be kept goes, in small transactions, so that a desk at work is not held up.
//!
//! Of a mail its bytes go first ([`Keep::mails`]), then everything that was decided, written and counted about it
//! ([`Keep::cases`]). What stays for ever is where it lay and the hash of its bytes, so that it is never read as new again,
//! and the Message-IDs of our answers, so that their copies in Sent are known for ours.
//! Mail that is not done is kept whatever its age, and a case with younger mail is kept whole.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::checkpoint::{ATTEMPTS, begin_log_anew};
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::values::Ms;
use super::{MailId, Store};

/// How long what is kept; none: for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The mails themselves.
    pub mails: Option<SignedDuration>,
    /// Decisions, answers, cases, threads, senders, refused addresses. Not shorter than `mails`.
    pub cases: Option<SignedDuration>,
}

/// How much is gone, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Mails whose bytes go.
    pub mails: u64,
    /// Mails about which everything goes but where they lay.
    pub cases: u64,
    /// Addresses that refused our mail.
    pub bounced: u64,
    /// Times of answers, which only the breaker asks for.
    pub counts: u64,
}

/// Times of answers are of use for seven days (the breaker's usual hour).
const COUNTS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
const HOUR_MS: i64 = 3_600_000;
/// Mails in one transaction.
const BATCH: u32 = 100;

impl Purged {
    fn is_nothing(self) -> bool {
        self == Purged::default()
    }

    fn and(self, other: Purged) -> Purged {
        Purged {
            mails: self.mails + other.mails,
            cases: self.cases + other.cases,
            bounced: self.bounced + other.bounced,
            counts: self.counts + other.counts,
        }
    }
}

impl Store {
    /// What [`Store::purge`] would take away; nothing is changed. Mails whose bytes and whose case are too old count as
    /// both.
    pub async fn purgeable(&self, keep: Keep, now: Timestamp) -> Result<Purged, StoreError> {
        self.thread.read(move |tx| purgeable(tx, keep, now)).await
    }

    /// Takes away what is older than it may be kept, batch by batch; between two batches others work.
    pub async fn purge(&self, keep: Keep, now: Timestamp) -> Result<Purged, StoreError> {
        let mut all = Purged::default();
        loop {
            let batch = self.thread.write(move |tx| purge_some(tx, keep, now)).await?;
            if batch.is_nothing() {
                return Ok(all);
            }
            all = all.and(batch);
        }
    }
}

/// [`Store::purge`] beside somebody who works with the store (see [`super::release_breaker`] for why that is safe).
/// Afterwards nothing of it is left in the store's files.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn purge(store: &Path, keep: Keep, now: Timestamp) -> Result<Purged, StoreError> {
    let purge = || {
        let mut connection = open_beside(store)?;
        let mut all = Purged::default();
        loop {
            let batch = one_batch(&mut connection, keep, now)?;
            if batch.is_nothing() {
                // The log of changes still has the old pages until it is begun anew.
                begin_log_anew(&connection, ATTEMPTS)?;
                return Ok(all);
            }
            all = all.and(batch);
        }
    };
    purge().map_err(|fault: Fault| fault.at(store))
}

fn one_batch(connection: &mut Connection, keep: Keep, now: Timestamp) -> Result<Purged, Fault> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let batch = purge_some(&tx, keep, now)?;
    tx.commit()?;
    Ok(batch)
}

const OLD_MAILS: &str = "
    SELECT id FROM mail INDEXED BY mail_kept_whole
    WHERE kept = 2 AND seen_at < ?1 AND state IN ('done', 'quarantined') ORDER BY seen_at LIMIT ?2";

// Not those of a case that has younger mail.
const OLD_CASES: &str = "
    SELECT id FROM mail INDEXED BY mail_kept_texts
    WHERE kept = 1 AND seen_at < ?1 AND state IN ('done', 'quarantined') AND NOT EXISTS (
        SELECT 1 FROM decision own JOIN decision other ON other.case_ref = own.case_ref
                 JOIN mail m ON m.id = other.mail_id
        WHERE own.mail_id = mail.id AND (m.seen_at >= ?1 OR m.state IN ('seen', 'decided')))
    ORDER BY seen_at LIMIT ?2";

const COUNT_OLD_MAILS: &str = "
    SELECT count(*) FROM mail INDEXED BY mail_kept_whole
    WHERE kept = 2 AND seen_at < ?1 AND state IN ('done', 'quarantined')";

const COUNT_OLD_CASES: &str = "
    SELECT count(*) FROM mail
    WHERE kept > 0 AND seen_at < ?1 AND state IN ('done', 'quarantined') AND NOT EXISTS (
        SELECT 1 FROM decision own JOIN decision other ON other.case_ref = own.case_ref
                 JOIN mail m ON m.id = other.mail_id
        WHERE own.mail_id = mail.id AND (m.seen_at >= ?1 OR m.state IN ('seen', 'decided')))";

pub(super) const FORGET_BYTES: &[&str] =
    &["DELETE FROM raw WHERE mail_id = ?1", "UPDATE mail SET kept = 1 WHERE id = ?1"];

/// Children first. The case itself goes with its last mail. Of what went out `{}` is left, and that it went out.
pub(super) const FORGET_CASE: &[&str] = &[
    "DELETE FROM answer_thread WHERE effect_id IN (SELECT id FROM effect WHERE mail_id = ?1)",
    "DELETE FROM answer_to WHERE effect_id IN (SELECT id FROM effect WHERE mail_id = ?1)",
    "DELETE FROM send_after WHERE effect_id IN (SELECT id FROM effect WHERE mail_id = ?1)",
    "DELETE FROM effect_text WHERE effect_id IN (SELECT id FROM effect WHERE mail_id = ?1)",
    "DELETE FROM effect WHERE mail_id = ?1 AND (message_id IS NULL OR state <> 'done')",
    "UPDATE effect SET payload = '{}', note = NULL WHERE mail_id = ?1",
    "DELETE FROM decision_before WHERE mail_id = ?1",
    "DELETE FROM observed WHERE mail_id = ?1",
    "DELETE FROM thread_case WHERE case_ref IN (SELECT case_ref FROM decision WHERE mail_id = ?1)
     AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.case_ref = thread_case.case_ref AND d.mail_id <> ?1)",
    "DELETE FROM inquiry_case WHERE ref IN (SELECT case_ref FROM decision WHERE mail_id = ?1)
     AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.case_ref = inquiry_case.ref AND d.mail_id <> ?1)",
    "DELETE FROM decision WHERE mail_id = ?1",
    "UPDATE mail SET kept = 0, message_id = NULL, sender = NULL, note = NULL, flags = '[]' WHERE id = ?1",
];

/// Cases that lost their mails to other cases. Asked once a purge: it reads all of them.
const FORGET_ORPHANS: [&str; 2] = [
    "DELETE FROM thread_case WHERE case_ref IN (SELECT ref FROM inquiry_case WHERE opened_at < ?1
         AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.case_ref = inquiry_case.ref))",
    "DELETE FROM inquiry_case WHERE opened_at < ?1
         AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.case_ref = inquiry_case.ref)",
];

// These tables are as long as a month at most: they are read whole.
const OLD_BOUNCED: &str = "FROM bounced WHERE at < ?1";
const OLD_ANSWERS: &str = "FROM answer_decided WHERE at < ?1";
const OLD_HOURS: &str = "FROM answer_hour WHERE hour < ?1";

#[cfg(test)]
pub(super) const SQL: &[&[&str]] = &[&[OLD_MAILS, OLD_CASES], FORGET_BYTES, FORGET_CASE];

fn before(now: Timestamp, kept: Option<SignedDuration>) -> Option<Ms> {
    kept.map(|kept| Ms(now.checked_sub(kept).unwrap_or(Timestamp::MIN)))
}

fn purgeable(tx: &Transaction<'_>, keep: Keep, now: Timestamp) -> Result<Purged, Fault> {
    let count = |sql: &str, limit: Option<Ms>| -> Result<u64, Fault> {
        let Some(limit) = limit else { return Ok(0) };
        Ok(tx.query_row(sql, [limit], |row| row.get::<_, i64>(0))?.unsigned_abs())
    };
    let all = |rest: &str| format!("SELECT count(*) {rest}");
    Ok(Purged {
        mails: count(COUNT_OLD_MAILS, before(now, keep.mails.or(keep.cases)))?,
        cases: count(COUNT_OLD_CASES, before(now, keep.cases))?,
        bounced: count(&all(OLD_BOUNCED), before(now, keep.cases))?,
        counts: count(&all(OLD_ANSWERS), before(now, Some(COUNTS_KEPT)))?
            + tx.query_row(&all(OLD_HOURS), [hours_before(now)], |row| row.get::<_, i64>(0))?.unsigned_abs(),
    })
}

fn hours_before(now: Timestamp) -> i64 {
    (now - COUNTS_KEPT).as_millisecond().div_euclid(HOUR_MS)
}

/// `steps`: [`FORGET_BYTES`] or [`FORGET_CASE`].
pub(super) fn forget_mails(tx: &Transaction<'_>, mails: &[MailId], steps: &[&str]) -> Result<(), Fault> {
    for mail in mails {
        for step in steps {
            tx.prepare_cached(step)?.execute([mail])?;
        }
    }
    Ok(())
}

fn purge_some(tx: &Transaction<'_>, keep: Keep, now: Timestamp) -> Result<Purged, Fault> {
    let forget = |sql: &str, limit: Option<Ms>, steps: &[&str]| -> Result<u64, Fault> {
        let Some(limit) = limit else { return Ok(0) };
        let mut statement = tx.prepare_cached(sql)?;
        let mails: Vec<MailId> = statement.query_map((limit, BATCH), |row| row.get(0))?.collect::<Result<_, _>>()?;
        forget_mails(tx, &mails, steps)?;
        Ok(mails.len() as u64)
    };
    let delete = |rest: &str, limit: Option<Ms>| -> Result<u64, Fault> {
        let Some(limit) = limit else { return Ok(0) };
        Ok(tx.execute(&format!("DELETE {rest}"), [limit])? as u64)
    };
    let purged = Purged {
        mails: forget(OLD_MAILS, before(now, keep.mails.or(keep.cases)), FORGET_BYTES)?,
        cases: forget(OLD_CASES, before(now, keep.cases), FORGET_CASE)?,
        bounced: delete(OLD_BOUNCED, before(now, keep.cases))?,
        counts: delete(OLD_ANSWERS, before(now, Some(COUNTS_KEPT)))?
            + tx.execute(&format!("DELETE {OLD_HOURS}"), [hours_before(now)])? as u64,
    };
    if let (true, Some(limit)) = (purged.is_nothing(), before(now, keep.cases)) {
        FORGET_ORPHANS.iter().try_for_each(|sql| tx.execute(sql, [&limit]).map(drop))?;
    }
    Ok(purged)
}

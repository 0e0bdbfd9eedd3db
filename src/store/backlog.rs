//! What a desk has before it: the oldest of what is not decided and not sent.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::Store;
use super::error::StoreError;
use super::values::Ms;

/// How much waits, and since when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Mails journalled and not decided.
    pub undecided: u32,
    pub oldest_undecided: Option<Timestamp>,
    /// Answers and forwards that are due and did not go out.
    pub unsent: u32,
    pub oldest_unsent: Option<Timestamp>,
    /// Mails that wait for the opening.
    pub waiting: u32,
}

impl Store {
    pub async fn backlog(&self, desk: &str, now: Timestamp) -> Result<Backlog, StoreError> {
        let desk = desk.to_owned();
        let look = move |tx: &Transaction<'_>| {
            let one = |sql| -> rusqlite::Result<(u32, Option<Timestamp>)> {
                let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<Ms>>(1)?.map(|ms| ms.0)));
                tx.prepare_cached(sql)?.query_row((&desk, Ms(now)), read)
            };
            let (undecided, oldest_undecided) = one(UNDECIDED)?;
            let ((pending, oldest_pending), (started, oldest_started)) = (one(UNSENT)?, one(UNDER_WAY)?);
            let oldest_unsent = oldest_pending.into_iter().chain(oldest_started).min();
            let (waiting, _) = one(WAITING)?;
            Ok(Backlog { undecided, oldest_undecided, unsent: pending + started, oldest_unsent, waiting })
        };
        self.thread.read(look).await
    }
}

// Each reads only what is open, by the index of it.
const UNDECIDED: &str = "
    SELECT count(*), min(seen_at) FROM mail INDEXED BY mail_undecided
    WHERE desk = ?1 AND state = 'seen' AND seen_at <= ?2";

const UNSENT: &str = "
    SELECT count(*), min(due_at) FROM effect INDEXED BY effect_pending
    WHERE desk = ?1 AND state = 'pending' AND kind IN ('send', 'forward') AND due_at <= ?2";

const UNDER_WAY: &str = "
    SELECT count(*), min(due_at) FROM effect INDEXED BY effect_started
    WHERE desk = ?1 AND state = 'started' AND kind IN ('send', 'forward') AND due_at <= ?2";

const WAITING: &str = "SELECT count(*), min(due) FROM queue INDEXED BY queue_due WHERE desk = ?1 AND ?2 IS NOT NULL";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[UNDECIDED, UNSENT, UNDER_WAY, WAITING];

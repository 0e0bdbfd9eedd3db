//! Puts what was committed from the log of changes in its place, beside the store's thread: copying pages and waiting for
//! the disk need none of what that thread does meanwhile.
//!
//! Nothing is lost if it fails, or does not keep up: what is committed is safe in the log, and from
//! [`LONGEST_LOG`](super::open::LONGEST_LOG) the store's thread does it itself. While much is written the log grows up to
//! there, for it begins anew only where nothing is left to be copied; and beyond while a backup or an export reads.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ffi};

use super::error::Fault;

/// So many pages (16 MB) are written before they are put in their place: of those that change with every commit, only the
/// last state is written once more, and the disk is waited for less often.
const PAGES: i64 = 4_000;

/// The thread that does it. Dropping it waits until it has ended and its connection is closed.
pub(super) struct Checkpoints {
    wake: Option<mpsc::SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// `connection`: one of its own on the store.
    pub(super) fn spawn(connection: Connection) -> io::Result<Checkpoints> {
        let (wake, woken) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            for () in woken {
                // Next time it will be more, and at last the store's thread does it.
                _ = checkpoint(&connection, PAGES);
            }
        })?;
        Ok(Checkpoints { wake: Some(wake), thread: Some(thread) })
    }

    /// Something was committed. Waits for nothing.
    pub(super) fn tell(&self) {
        if let Some(wake) = &self.wake {
            // Full: it has not looked yet since it was last told.
            _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.wake.take());
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// If at least so many pages are in the log that are not in their place.
fn checkpoint(connection: &Connection, pages: i64) -> rusqlite::Result<()> {
    let open: i64 = connection
        .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?))?;
    if open >= pages {
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    }
    Ok(())
}

/// How often [`begin_log_anew`] tries.
pub(super) const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// Puts all that was committed in its place and empties the log, so that no old page is left in the store's files. Tries
/// again while somebody holds it back: the thread of [`Checkpoints`], a backup. Blocks.
///
/// # Errors
/// It was held back to the last.
pub(super) fn begin_log_anew(connection: &Connection, attempts: u32) -> Result<(), Fault> {
    for attempt in 0..attempts {
        if attempt > 0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "who holds the log back is another thread or program that tells nobody"
            )]
            std::thread::sleep(PAUSE);
        }
        // Being held back is no error to SQLite, only a number.
        let busy: bool = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if !busy {
            return Ok(());
        }
    }
    Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deleted_is_not_said_to_be_gone_while_the_log_still_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (writer, reader) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
        writer.execute_batch("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES ('x')").unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        let _ = reader.query_row("SELECT a FROM t", [], |row| row.get::<_, String>(0)).unwrap();
        writer.execute("DELETE FROM t", []).unwrap();
        writer.busy_timeout(Duration::ZERO).unwrap();
        assert!(begin_log_anew(&writer, 1).is_err());
        reader.execute_batch("COMMIT").unwrap();
        begin_log_anew(&writer, 1).unwrap();
        assert_eq!(std::fs::metadata(folder.path().join("store.db-wal")).unwrap().len(), 0);
    }

    /// Pages in the log, and how many of them are in their place.
    fn log(connection: &Connection) -> (i64, i64) {
        connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
    }

    #[test]
    fn pages_are_put_in_their_place_once_they_are_many_and_the_log_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        let (writer, beside) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
        writer.execute_batch("PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a)").unwrap();
        for _ in 0..20 {
            writer.execute("INSERT INTO t VALUES (zeroblob(4000))", []).unwrap();
        }
        let (pages, _) = log(&writer);
        assert!(pages >= 20);
        checkpoint(&beside, pages + 1).unwrap();
        assert_eq!(log(&writer), (pages, 0));
        checkpoint(&beside, pages).unwrap();
        assert_eq!(log(&writer), (pages, pages));
        writer.execute("DELETE FROM t WHERE rowid = 1", []).unwrap();
        assert!(log(&writer).0 < pages);
        checkpoint(&beside, pages).unwrap();
        assert_eq!(log(&writer).1, 0);
    }
}

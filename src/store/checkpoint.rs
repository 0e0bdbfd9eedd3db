//! Puts what was committed from the log of changes in its place, beside the store's thread: copying pages and waiting for
//! the disk need none of what that thread does meanwhile.
//!
//! Nothing is lost if it fails, or does not keep up: what is committed is safe in the log, and at
//! [`LONGEST_LOG`](super::open::LONGEST_LOG) the store's thread does it itself. While much is written the log grows up to
//! there, for it begins anew only where nothing is left to be copied.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::Connection;

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

#[cfg(test)]
mod tests {
    use super::*;

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

//! One thread owns the connection; everybody else sends it work and awaits the answer.

use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::checkpoint::Checkpoints;
use super::error::{Fault, StoreError};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The store's thread. Dropping it waits until the work in hand is done and the files are closed.
pub(super) struct StoreThread {
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    /// `lock` is held as long as a connection is open. `checkpoints` are told of each commit; none if nothing is written.
    pub(super) fn spawn(
        path: PathBuf,
        mut connection: Connection,
        checkpoints: Option<Checkpoints>,
        lock: Option<File>,
    ) -> io::Result<StoreThread> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || {
            for job in queue {
                let before = connection.total_changes();
                job(&mut connection);
                if let (Some(checkpoints), true) = (&checkpoints, connection.total_changes() > before) {
                    checkpoints.tell();
                }
            }
            // The last connection to go puts everything in its place and removes the log.
            drop(checkpoints);
            drop(connection);
            drop(lock);
        })?;
        Ok(StoreThread { path, jobs: Some(jobs), thread: Some(thread) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `job` in a transaction that takes the write lock at its beginning: a lock taken over later could fail
    /// at once, whatever the busy timeout. The transaction is committed if `job` is Ok, and undone otherwise.
    ///
    /// A caller that goes away does not stop the job: it is done as a whole.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(TransactionBehavior::Immediate, job).await
    }

    /// Runs `job` on one unchanging state of the store.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.call(TransactionBehavior::Deferred, job).await
    }

    async fn call<T: Send + 'static>(
        &self,
        behavior: TransactionBehavior,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The caller may have gone away: the work is done all the same.
            let _ = answer.send(in_transaction(connection, behavior, job));
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Stopped)?;
        jobs.send(job).map_err(|_| StoreError::Stopped)?;
        let result = answered.await.map_err(|_| StoreError::Stopped)?;
        result.map_err(|fault| fault.at(&self.path))
    }
}

fn in_transaction<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    job: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(behavior)?;
    // Every desk works through this thread: a bug in the work for one mail must not end it. What the job has written is
    // undone with the transaction; nothing else of ours outlives it.
    let result = catch_unwind(AssertUnwindSafe(|| job(&transaction))).unwrap_or(Err(Fault::Panicked))?;
    transaction.commit()?;
    Ok(result)
}

impl Drop for StoreThread {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // An Err is the panic of the thread, which its callers have seen as `Stopped`.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread() -> StoreThread {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a BLOB)").unwrap();
        StoreThread::spawn("store.db".into(), connection, None, None).unwrap()
    }

    async fn count(thread: &StoreThread) -> i64 {
        let count = |tx: &Transaction<'_>| Ok(tx.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?);
        thread.read(count).await.unwrap()
    }

    fn insert(tx: &Transaction<'_>, bytes: i64) -> Result<(), Fault> {
        tx.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?;
        Ok(())
    }

    #[tokio::test]
    async fn a_failed_job_leaves_nothing() {
        let thread = thread();
        let half = |tx: &Transaction<'_>| {
            insert(tx, 1)?;
            Err::<(), _>(Fault::Locked)
        };
        assert!(matches!(thread.write(half).await, Err(StoreError::Locked { path }) if path == *"store.db"));
        assert_eq!(count(&thread).await, 0);
        thread.write(|tx| insert(tx, 1)).await.unwrap();
        assert_eq!(count(&thread).await, 1);
    }

    #[tokio::test]
    async fn a_full_disk_is_named_and_leaves_nothing() {
        let thread = thread();
        let limit = |tx: &Transaction<'_>| {
            let pages: i64 = tx.query_row("PRAGMA max_page_count = 20", [], |row| row.get(0))?;
            assert_eq!(pages, 20);
            Ok(())
        };
        thread.write(limit).await.unwrap();
        let too_much = |tx: &Transaction<'_>| (0..30).try_for_each(|_| insert(tx, 4096));
        let error = thread.write(too_much).await.unwrap_err();
        assert_eq!(error.to_string(), "store.db: no space left for the store");
        assert_eq!(count(&thread).await, 0);
        thread.write(|tx| insert(tx, 4096)).await.unwrap();
    }

    #[tokio::test]
    async fn work_is_done_in_the_order_it_was_sent() {
        let thread = thread();
        let mut jobs = Vec::new();
        for _ in 0..10 {
            let job = Box::pin(thread.write(|tx| {
                insert(tx, 1)?;
                Ok(tx.last_insert_rowid())
            }));
            jobs.push(job);
        }
        assert_eq!(
            futures_util::future::join_all(jobs).await.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
            Vec::from_iter(1..=10)
        );
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_its_caller_and_leaves_nothing() {
        let thread = thread();
        let fall = |tx: &Transaction<'_>| -> Result<(), Fault> {
            insert(tx, 1)?;
            // A statement that is in use when the panic comes.
            tx.query_row("SELECT a FROM t", [], |_| panic!("on purpose"))?;
            Ok(())
        };
        assert!(matches!(thread.write(fall).await, Err(StoreError::Panicked)));
        assert_eq!(count(&thread).await, 0);
        let fall = |_: &Transaction<'_>| -> Result<(), Fault> { panic!("on purpose") };
        assert!(matches!(thread.read(fall).await, Err(StoreError::Panicked)));
        thread.write(|tx| insert(tx, 1)).await.unwrap();
        assert_eq!(count(&thread).await, 1);
    }
}

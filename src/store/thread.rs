//! One thread owns the connection; everybody else sends it work and awaits the answer.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::error::{Fault, StoreError};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The store's thread. Dropping it waits until the work in hand is done and the files are closed.
pub(super) struct StoreThread {
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl StoreThread {
    /// `lock` is held as long as the connection is open.
    pub(super) fn spawn(path: PathBuf, mut connection: Connection, lock: Option<File>) -> io::Result<StoreThread> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("store".into()).spawn(move || {
            for job in queue {
                job(&mut connection);
            }
            drop(connection);
            drop(lock);
        })?;
        Ok(StoreThread { path, jobs: Some(jobs), thread: Some(thread) })
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
    let result = job(&transaction)?;
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

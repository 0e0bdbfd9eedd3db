//! Opening the store: the file, its lock, its settings.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};

use super::checkpoint::Checkpoints;
use super::error::{Fault, StoreError};
use super::thread::StoreThread;
use super::{Store, schema};

/// Only a reader's checkpoint, a backup or [`open_beside`] can be in the way; then we wait this long.
const BUSY: Duration = Duration::from_secs(10);

/// Room for every statement of the store.
const STATEMENTS: usize = 128;

/// With so many pages in the log (64 MB) the store's thread puts them in their place itself, if [`Checkpoints`] have not
/// kept up: a longer log would be slow to read after a crash.
pub(super) const LONGEST_LOG: i64 = 16_000;

/// Stores up to this size are read whole for damage when opened (64 MiB: about 0.1 s); in bigger ones SQLite finds
/// damage when it comes to the page.
const CHECKED_WHOLE: i64 = 64 << 20;

impl Store {
    /// Opens the store at `path` for work, and makes it (with its folders) if there is none. `now` is noted in a new
    /// store.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if somebody works with it already, in this process or another; otherwise as the
    /// variants say. Blocks for the time of opening; meant for start-up.
    pub fn open(path: &Path, now: Timestamp) -> Result<Store, StoreError> {
        open_working(path, now).map_err(|fault| fault.at(path))
    }

    /// Opens the store at `path` only to look, also while somebody works with it. Every call that writes is an error
    /// ([`StoreError::ReadOnly`]).
    pub fn open_reading(path: &Path) -> Result<Store, StoreError> {
        open_looking(path).map_err(|fault| fault.at(path))
    }
}

fn open_working(path: &Path, now: Timestamp) -> Result<Store, Fault> {
    let lock = prepare_files(path)?;
    let mut connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    // Without the right to write, SQLite opens the file for reading and says nothing.
    if connection.is_readonly(MAIN_DB)? {
        return Err(Fault::ReadOnly);
    }
    connection.busy_timeout(BUSY)?;
    // Before anything that writes: a stranger's database is left as it is.
    let version = schema::version(&connection)?;
    configure(&connection)?;
    if version > 0 {
        check(&connection)?;
    }
    schema::migrate(&mut connection, version, now)?;
    // For each row that is written SQLite would make a temporary table of the words that are allowed. Ours come from enums;
    // whoever else writes is checked still, and so is all of a store that is not too large when it is opened.
    connection.pragma_update(None, "ignore_check_constraints", true)?;
    let checkpoints = Checkpoints::spawn(open_beside(path)?)?;
    start(path, connection, Some(checkpoints), Some(lock))
}

fn open_looking(path: &Path) -> Result<Store, Fault> {
    if !path.try_exists()? {
        return Err(Fault::Missing);
    }
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    connection.busy_timeout(BUSY)?;
    match schema::version(&connection)? {
        0 => Err(Fault::Missing),
        schema::NEWEST => start(path, connection, None, None),
        _ => Err(Fault::Older),
    }
}

/// Opens the store to change a row of it, also while somebody works with it.
pub(super) fn open_beside(path: &Path) -> Result<Connection, Fault> {
    if !path.try_exists()? {
        return Err(Fault::Missing);
    }
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    connection.busy_timeout(BUSY)?;
    match schema::version(&connection)? {
        0 => return Err(Fault::Missing),
        schema::NEWEST => {}
        _ => return Err(Fault::Older),
    }
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

pub(super) fn flags(access: OpenFlags) -> OpenFlags {
    // One thread owns the connection: SQLite need not lock it.
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn start(
    path: &Path,
    connection: Connection,
    checkpoints: Option<Checkpoints>,
    lock: Option<File>,
) -> Result<Store, Fault> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let secret: Arc<[u8]> = schema::secret(&connection)?.into();
    let thread = StoreThread::spawn(path.to_path_buf(), connection, checkpoints, lock)?;
    Ok(Store { thread: Arc::new(thread), secret, packed: Arc::default() })
}

/// Makes the folders, takes the lock and makes an empty file, all for our eyes only: customers' mail lies in it.
fn prepare_files(path: &Path) -> Result<File, Fault> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let lock = lock(path)?;
    if !path.try_exists()? {
        private_file(path)?;
    }
    Ok(lock)
}

/// Keeps everybody else from working with the store as long as the file is held.
pub(super) fn lock(path: &Path) -> Result<File, Fault> {
    let lock = private_file(&lock_path(path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Fault::Locked),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

pub(super) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The lock is a file of its own: SQLite's locks on the store come and go, and closing any other handle on the store
/// would drop them.
fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

fn configure(connection: &Connection) -> Result<(), Fault> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // FULL: a commit is on the disk before the call returns. The guarantee is made of this.
    connection.pragma_update(None, "synchronous", "full")?;
    // Plans do not depend on values, so that no statement is prepared anew when other values are bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is purged is overwritten, not only forgotten.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // In KiB. Eight times as much spares few reads of the system's cache, and would be filled with the bytes of mails.
    connection.pragma_update(None, "cache_size", -4_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "wal_autocheckpoint", LONGEST_LOG)?;
    Ok(())
}

fn check(connection: &Connection) -> Result<(), Fault> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("page_count")? * pragma("page_size")? > CHECKED_WHOLE {
        return Ok(());
    }
    let finding: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if finding == "ok" { Ok(()) } else { Err(Fault::Damaged(finding.replace('\n', " "))) }
}

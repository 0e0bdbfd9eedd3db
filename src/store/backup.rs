//! A copy of the store while somebody works with it, and the way back.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};

use super::error::{Fault, StoreError};
use super::open::{flags, lock, open_beside, private_file};
use super::schema;

/// Writes a copy of the store to `to`, as it is at one moment, also while somebody works with it. What was purged is not
/// in it. The file appears when it is whole, checked and on the disk. Answers its size in bytes.
///
/// # Errors
/// As [`super::Store::open_reading`]; there is a file at `to` already; the disk is full. Blocks.
pub fn back_up(store: &Path, to: &Path) -> Result<u64, StoreError> {
    let connection = open_beside(store).map_err(|fault| fault.at(store))?;
    let draft = beside(to, ".part");
    let written = write_copy(&connection, to, &draft);
    if written.is_err() {
        // Half a copy is of no use to anybody.
        _ = fs::remove_file(&draft);
    }
    written.map_err(|fault| fault.at(to))
}

fn write_copy(connection: &Connection, to: &Path, draft: &Path) -> Result<u64, Fault> {
    if to.try_exists()? {
        return Err(std::io::Error::from(ErrorKind::AlreadyExists).into());
    }
    // Made empty first, for our eyes only: VACUUM INTO takes an empty file as it is.
    private_file(draft)?.set_len(0)?;
    let name = draft.to_str().ok_or_else(|| std::io::Error::from(ErrorKind::InvalidFilename))?;
    connection.execute("VACUUM INTO ?1", [name])?;
    sound(draft)?;
    settle(draft, to)?;
    Ok(fs::metadata(to)?.len())
}

/// Puts the copy at `from` in the place of the store. What is there now is kept beside it, under a name with `now`;
/// answers that name, if there was something.
///
/// # Errors
/// [`StoreError::Locked`] while somebody works with the store; the copy is not sound, or of a newer program. Then nothing
/// is changed. Blocks.
pub fn restore(store: &Path, from: &Path, now: Timestamp) -> Result<Option<PathBuf>, StoreError> {
    sound(from).map_err(|fault| fault.at(from))?;
    put_back(store, from, now).map_err(|fault| fault.at(store))
}

fn put_back(store: &Path, from: &Path, now: Timestamp) -> Result<Option<PathBuf>, Fault> {
    let _lock = lock(store)?;
    let draft = beside(store, ".part");
    let mut copy = private_file(&draft)?;
    copy.set_len(0)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    let kept = beside(store, &format!(".before-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    // The log of changes belongs to the old store: left in place, it would be played into the new one.
    let mut was_there = None;
    for part in ["-wal", "-shm", ""] {
        let (part_of_store, part_of_kept) = (beside(store, part), beside(&kept, part));
        match fs::rename(part_of_store, part_of_kept) {
            Ok(()) if part.is_empty() => was_there = Some(kept.clone()),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    settle(&draft, store)?;
    Ok(was_there)
}

/// Is this a store that this program can work with, every page of it?
fn sound(path: &Path) -> Result<(), Fault> {
    if !path.try_exists()? {
        return Err(Fault::Missing);
    }
    let connection = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
    if schema::version(&connection)? == 0 {
        return Err(Fault::NotAStore);
    }
    let finding: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if finding == "ok" { Ok(()) } else { Err(Fault::Damaged(finding.replace('\n', " "))) }
}

/// Gives a finished file its name, so that a power cut leaves the whole or nothing.
fn settle(draft: &Path, path: &Path) -> Result<(), Fault> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(File::open(folder)?.sync_all()?)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

//! Labels of a Maildir folder: `madoguchi-labels/<unique name>`, a text file with one label a line, gone when the
//! last label goes. Each write is whole or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::files::{at, sync_dir, write_synced};

const DIRECTORY: &str = "madoguchi-labels";

pub(super) fn read(folder: &Path, unique: &str) -> io::Result<Vec<String>> {
    match fs::read_to_string(path(folder, unique)) {
        Ok(text) => Ok(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(at(folder)(error)),
    }
}

pub(super) fn change(folder: &Path, unique: &str, change: impl Fn(&mut Vec<String>)) -> io::Result<()> {
    let before = read(folder, unique)?;
    let mut after = before.clone();
    change(&mut after);
    match after.is_empty() {
        _ if after == before => Ok(()),
        true => forget(folder, unique),
        false => write(folder, unique, &after),
    }
}

/// Gives a mail's labels to its copy in another folder.
pub(super) fn copy(from: &Path, to: &Path, unique: &str) -> io::Result<()> {
    let labels = read(from, unique)?;
    if labels.is_empty() { Ok(()) } else { write(to, unique, &labels) }
}

pub(super) fn forget(folder: &Path, unique: &str) -> io::Result<()> {
    match fs::remove_file(path(folder, unique)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(folder)(error)),
        _ => Ok(()),
    }
}

fn write(folder: &Path, unique: &str, labels: &[String]) -> io::Result<()> {
    let directory = folder.join(DIRECTORY);
    fs::create_dir_all(&directory).map_err(at(folder))?;
    let unfinished = directory.join(format!(".{:032x}", fastrand::u128(..)));
    let text: String = labels.iter().map(|label| format!("{label}\n")).collect();
    write_synced(&unfinished, text.as_bytes()).map_err(at(folder))?;
    fs::rename(unfinished, path(folder, unique))?;
    sync_dir(&directory)
}

fn path(folder: &Path, unique: &str) -> PathBuf {
    folder.join(DIRECTORY).join(unique)
}

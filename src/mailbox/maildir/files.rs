//! The files of one Maildir folder: listing, reading, delivering.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::labels;
use crate::mailbox::HEAD_BYTES;
use crate::mailbox::survey::{Listed, message_id};
use crate::triage::arrival::{Arrival, Item, MailKey};

/// A mail file as it was named when we looked.
pub(super) struct Entry {
    pub path: PathBuf,
    /// Name before `:2,`.
    pub unique: String,
}

impl Entry {
    fn at(path: PathBuf) -> Option<Entry> {
        let name = path.file_name()?.to_str()?;
        let unique = name.split(':').next().filter(|unique| !unique.is_empty() && !unique.starts_with('.'))?.to_owned();
        Some(Entry { path, unique })
    }

    /// Flag letters after `:2,`, as IMAP names them.
    pub fn flags(&self) -> Vec<String> {
        let name = self.path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let letters = name.split_once(":2,").map(|(_, letters)| letters).unwrap_or_default();
        letters.chars().filter_map(flag).map(str::to_owned).collect()
    }

    /// Staff's mail program marked it deleted.
    pub fn is_deleted(&self) -> bool {
        self.flags().iter().any(|flag| flag == "\\Deleted")
    }
}

fn flag(letter: char) -> Option<&'static str> {
    match letter {
        'S' => Some("\\Seen"),
        'R' => Some("\\Answered"),
        'F' => Some("\\Flagged"),
        'D' => Some("\\Draft"),
        'T' => Some("\\Deleted"),
        'P' => Some("$Forwarded"),
        _ => None,
    }
}

/// Mail of a folder. `new/` comes first: a mail that a reader moves to `cur/` meanwhile is seen in one of the two.
fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut seen = HashSet::new();
    let mut entries = Vec::new();
    for part in ["new", "cur"] {
        for file in fs::read_dir(folder.join(part)).map_err(at(folder))? {
            let file = file?;
            let is_mail = file.file_type().is_ok_and(|kind| kind.is_file());
            let entry = if is_mail { Entry::at(file.path()) } else { None };
            entries.extend(entry.filter(|entry| seen.insert(entry.unique.clone())));
        }
    }
    Ok(entries)
}

pub(super) fn unique_names(folder: &Path) -> io::Result<HashSet<String>> {
    Ok(entries(folder)?.into_iter().map(|entry| entry.unique).collect())
}

/// Looks twice: a file renamed while a directory is read may be missed once.
pub(super) fn find(folder: &Path, unique: &str) -> io::Result<Option<Entry>> {
    let look = || Ok(entries(folder)?.into_iter().find(|entry| entry.unique == unique));
    match look()? {
        Some(entry) => Ok(Some(entry)),
        None => look(),
    }
}

/// Mail that is not in `known`, oldest first, and whether there is more of it than `limit`.
pub(super) fn read_new(folder: &Path, known: &HashSet<String>, limit: usize) -> io::Result<(Vec<Arrival>, bool)> {
    let mut fresh = entries(folder)?;
    fresh.retain(|entry| !known.contains(&entry.unique));
    fresh.sort_by_cached_key(|entry| (modified(&entry.path), entry.unique.clone()));
    let more = fresh.len() > limit;
    let mut arrivals = Vec::new();
    for entry in fresh.into_iter().take(limit) {
        arrivals.extend(arrival(folder, entry)?);
    }
    Ok((arrivals, more))
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|data| data.modified()).unwrap_or(UNIX_EPOCH)
}

/// None if the mail was taken away while we looked. A file that cannot be read becomes a mail without text.
fn arrival(folder: &Path, mut entry: Entry) -> io::Result<Option<Arrival>> {
    let mut head = read_head(&entry.path);
    if matches!(&head, Err(error) if error.kind() == ErrorKind::NotFound) {
        let Some(renamed) = find(folder, &entry.unique)? else { return Ok(None) };
        head = read_head(&renamed.path);
        entry = renamed;
    }
    let readable = head.is_ok();
    let (raw, size) = head.unwrap_or_else(|error| {
        tracing::warn!(%error, "a mail file cannot be read; it is tried again later");
        (Vec::new(), 0)
    });
    let mut flags = entry.flags();
    flags.extend(labels::read(folder, &entry.unique)?);
    Ok(Some(Arrival {
        internal_date: Timestamp::try_from(modified(&entry.path)).ok().filter(|_| readable),
        flags,
        size,
        complete: readable && raw.len() as u64 >= size,
        raw,
        key: MailKey { mailbox: "INBOX".to_owned(), validity: 0, item: Item::File(entry.unique) },
    }))
}

/// `bytes` of a mail from its byte `from` on. None if it was taken away or cannot be read.
pub(super) fn read_piece(folder: &Path, unique: &str, from: usize, bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(entry) = find(folder, unique)? else { return Ok(None) };
    let read = || {
        let mut file = File::open(&entry.path)?;
        file.seek(SeekFrom::Start(from as u64))?;
        let mut piece = Vec::new();
        file.take(bytes as u64).read_to_end(&mut piece)?;
        Ok(piece)
    };
    let piece: io::Result<Vec<u8>> = read();
    Ok(piece.inspect_err(|error| tracing::warn!(%error, "the rest of a mail's text cannot be read")).ok())
}

/// The first [`HEAD_BYTES`] of a file, and the length of all of it.
fn read_head(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut raw = Vec::new();
    file.take(HEAD_BYTES as u64).read_to_end(&mut raw)?;
    Ok((raw, size))
}

/// Every mail of a folder, without its text.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let listed = |entry: Entry| {
        let mut flags = entry.flags();
        flags.extend(labels::read(folder, &entry.unique)?);
        let internal_date = Timestamp::try_from(modified(&entry.path)).ok();
        Ok(Listed { item: Item::File(entry.unique), internal_date, flags })
    };
    entries(folder)?.into_iter().map(listed).collect()
}

pub(super) fn message_ids(folder: &Path) -> io::Result<Vec<String>> {
    let heads = entries(folder)?.into_iter().filter_map(|entry| read_head(&entry.path).ok());
    Ok(heads.filter_map(|(head, _)| message_id(&head)).collect())
}

/// Whether a mail of this Message-ID (with `<>`) lies in the folder.
pub(super) fn holds(folder: &Path, message_id: &str) -> io::Result<bool> {
    let found = |entry: Entry| read_head(&entry.path).is_ok_and(|(head, _)| has_message_id(&head, message_id));
    Ok(entries(folder)?.into_iter().any(found))
}

fn has_message_id(head: &[u8], message_id: &str) -> bool {
    let mut in_field = false;
    for line in head.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            return false;
        }
        if !line.starts_with([' ', '\t']) {
            in_field = line.split(':').next().is_some_and(|name| name.trim_end().eq_ignore_ascii_case("message-id"));
        }
        if in_field && line.contains(message_id) {
            return true;
        }
    }
    false
}

/// Makes a folder usable; `below` the top it gets the mark of Maildir++ that tells deliverers so.
pub(super) fn ensure_folder(folder: &Path, below: bool) -> io::Result<()> {
    for part in ["tmp", "new", "cur"] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder.join(part)).map_err(at(folder))?;
    }
    if below {
        OpenOptions::new().append(true).create(true).mode(0o600).open(folder.join("maildirfolder"))?;
    }
    Ok(())
}

/// Moves a mail file as it is, new mail to `new/`. False if it is not there any more.
pub(super) fn rename_into(entry: &Entry, target: &Path) -> io::Result<bool> {
    let (Some(name), Some(from)) = (entry.path.file_name(), entry.path.parent()) else { return Ok(false) };
    let part = target.join(from.file_name().unwrap_or(OsStr::new("cur")));
    match fs::rename(&entry.path, part.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        renamed => renamed.map_err(at(target))?,
    }
    sync_dir(&part)?;
    sync_dir(from)?;
    Ok(true)
}

/// Delivers through `tmp/`: to `new/`, or with flags to `cur/`. On disk when this returns.
pub(super) fn deliver(folder: &Path, raw: &[u8], flags: &str) -> io::Result<()> {
    let random = fastrand::u128(..);
    let written = folder.join("tmp").join(format!("madoguchi.{random:032x}"));
    let time = write_synced(&written, raw).map_err(at(folder))?;
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let unique = format!("{seconds}.R{random:032x}.madoguchi");
    let (part, name) = if flags.is_empty() { ("new", unique) } else { ("cur", format!("{unique}:2,{flags}")) };
    let part = folder.join(part);
    fs::rename(written, part.join(name))?;
    sync_dir(&part)
}

/// Writes a file that must not exist yet; returns the time the file system gave it.
pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<SystemTime> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    file.metadata()?.modified()
}

/// Makes renames in a directory last.
pub(super) fn sync_dir(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Says where a file operation failed.
pub(super) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_found_in_headers_only() {
        let id = "<a@b>";
        for (head, expected) in [
            ("Message-ID: <a@b>\r\n\r\n", true),
            ("MESSAGE-ID:<a@b>\n\n", true),
            ("From: x\nMessage-Id:\n <a@b>\n\n", true),
            ("References: <a@b>\nMessage-ID: <c@d>\n\n", false),
            ("Message-ID: <c@d>\nReferences:\n <a@b>\n\n", false),
            ("From: x\n\nMessage-ID: <a@b>\n", false),
            ("Message-ID: <aa@b>\n\n", false),
            ("", false),
        ] {
            assert_eq!(has_message_id(head.as_bytes(), id), expected, "{head:?}");
        }
    }

    #[test]
    fn names_give_unique_name_and_flags() {
        let entry = |name: &str| Entry::at(PathBuf::from("/m/cur").join(name));
        let read = entry("1.a.host,S=5:2,FRS").unwrap();
        assert_eq!(read.unique, "1.a.host,S=5");
        assert_eq!(read.flags(), ["\\Flagged", "\\Answered", "\\Seen"]);
        assert_eq!(entry("1.a.host").unwrap().flags(), Vec::<String>::new());
        assert!(entry("1.a:2,ST").unwrap().is_deleted());
        assert!(entry(".hidden").is_none() && entry(":2,S").is_none());
    }
}

//! A Maildir (or Maildir++ tree) on this machine. Whoever runs us must own it, as the MTA and the IMAP server do.
//!
//! - Mail is known by its unique name, the file name before `:2,`; staff may read, flag and rename at any time.
//! - Mail stays in `new/` or `cur/` as we found it: to staff it is as unread as it was.
//! - Folders are Maildir++: `.Name.Sub` beside `new/`, levels in modified UTF-7, as Dovecot and Courier have them.
//! - Maildir has no portable keywords (Dovecot's `dovecot-keywords` is its own). Labels are kept beside the mail, see
//!   [`labels`].

mod files;
mod labels;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::files::Entry;
use super::survey::Listed;
use super::{LabelChange, MailboxError, Moved, Place, Wake, check_labels, encoded_level, usual_names};
use crate::triage::arrival::{Arrival, Item, Known};

#[derive(Debug, Clone)]
pub struct Maildir {
    root: PathBuf,
    poll: Duration,
    /// The last look left mail for the next one.
    more: bool,
}

impl Maildir {
    pub fn open(root: &Path, poll: Duration) -> Result<Maildir, MailboxError> {
        if !root.join("new").is_dir() || !root.join("cur").is_dir() {
            return Err(MailboxError::NoSuchFolder(root.display().to_string()));
        }
        Ok(Maildir { root: root.to_owned(), poll, more: false })
    }

    pub fn place(&self) -> (&str, u32) {
        ("INBOX", 0)
    }

    /// See [`super::Inbox::new_mail`].
    pub async fn new_mail(&mut self, known: &Known, limit: usize) -> Result<Vec<Arrival>, MailboxError> {
        let (root, known) = (self.root.clone(), known.files.clone());
        let (arrivals, more) = blocking(move || Ok(files::read_new(&root, &known, limit)?)).await?;
        self.more = more;
        Ok(arrivals)
    }

    /// See [`super::Inbox::more`].
    pub async fn more(&mut self, item: &Item, from: usize, bytes: usize) -> Result<Option<Vec<u8>>, MailboxError> {
        let (root, unique) = (self.root.clone(), unique(item)?.to_owned());
        blocking(move || Ok(files::read_piece(&root, &unique, from, bytes)?)).await
    }

    /// See [`super::Inbox::flags`].
    pub async fn flags(&mut self, item: &Item) -> Result<Option<Vec<String>>, MailboxError> {
        Ok(files::find(&self.root, unique(item)?)?.map(|entry| entry.flags()))
    }

    pub async fn add_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        self.change(items, |held| {
            held.extend(labels.iter().filter(|label| !held.contains(label)).cloned().collect::<Vec<_>>())
        })
    }

    pub async fn remove_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        self.change(items, |held| held.retain(|label| !labels.contains(label)))
    }

    /// See [`super::Inbox::change_labels`].
    pub async fn change_labels(
        &mut self,
        changes: &[LabelChange],
    ) -> Result<Vec<Result<(), MailboxError>>, MailboxError> {
        let mut results = Vec::new();
        for LabelChange { add, labels, items } in changes {
            let change = match (check_labels(labels), add) {
                (Err(error), _) => Err(error),
                (Ok(()), true) => self.add_labels(items, labels).await,
                (Ok(()), false) => self.remove_labels(items, labels).await,
            };
            results.push(change);
        }
        Ok(results)
    }

    fn change(&self, items: &[Item], change: impl Fn(&mut Vec<String>)) -> Result<(), MailboxError> {
        let there = files::unique_names(&self.root)?;
        for item in items {
            let unique = unique(item)?;
            if there.contains(unique) || files::find(&self.root, unique)?.is_some() {
                labels::change(&self.root, unique, &change)?;
            }
        }
        Ok(())
    }

    /// See [`super::Inbox::move_to`].
    pub async fn move_to(&mut self, item: &Item, folder: &str) -> Result<Moved, MailboxError> {
        let unique = unique(item)?;
        let target = self.folder_path(folder)?;
        match files::find(&self.root, unique)? {
            Some(entry) if !entry.is_deleted() => self.move_entry(&entry, &target),
            _ => Ok(Moved::Gone),
        }
    }

    /// Labels go first: cut off half way, the mail still has them.
    fn move_entry(&self, entry: &Entry, target: &Path) -> Result<Moved, MailboxError> {
        if target == self.root {
            return Ok(Moved::Done);
        }
        files::ensure_folder(target, true)?;
        labels::copy(&self.root, target, &entry.unique)?;
        let moved = files::rename_into(entry, target)?;
        labels::forget(if moved { &self.root } else { target }, &entry.unique)?;
        Ok(if moved { Moved::Done } else { Moved::Gone })
    }

    /// See [`super::Inbox::file`].
    pub async fn file(&mut self, place: &Place, raw: &[u8]) -> Result<(), MailboxError> {
        let folder = match self.find(place)? {
            Some(folder) => folder,
            None => self.folder_path(usual_names(place)[0])?,
        };
        let flags = match place {
            Place::Drafts => "D",
            Place::Sent => "S",
            Place::Folder(_) => "",
        };
        let (root, raw) = (self.root.clone(), raw.to_owned());
        blocking(move || {
            files::ensure_folder(&folder, folder != root)?;
            Ok(files::deliver(&folder, &raw, flags)?)
        })
        .await
    }

    /// See [`super::Inbox::holds`].
    pub async fn holds(&mut self, place: &Place, message_id: &str) -> Result<bool, MailboxError> {
        let Some(folder) = self.find(place)? else { return Ok(false) };
        let id = message_id.to_owned();
        blocking(move || Ok(files::holds(&folder, &id)?)).await
    }

    pub fn folder_of(&self, place: &Place) -> Result<Option<String>, MailboxError> {
        Ok(self.find(place)?.map(|path| path.display().to_string()))
    }

    pub async fn list(&self) -> Result<Vec<Listed>, MailboxError> {
        let root = self.root.clone();
        blocking(move || Ok(files::list(&root)?)).await
    }

    pub async fn message_ids(&self, place: &Place) -> Result<Option<Vec<String>>, MailboxError> {
        let Some(folder) = self.find(place)? else { return Ok(None) };
        blocking(move || Ok(Some(files::message_ids(&folder)?))).await
    }

    /// See [`super::Inbox::wait`].
    pub async fn wait(&mut self, until: impl Future<Output = ()>) -> Result<Wake, MailboxError> {
        if self.more {
            return Ok(Wake::News);
        }
        tokio::select! {
            biased;
            () = until => Ok(Wake::Until),
            () = tokio::time::sleep(self.poll) => Ok(Wake::News),
        }
    }

    /// The folder of a place, if it is there.
    fn find(&self, place: &Place) -> Result<Option<PathBuf>, MailboxError> {
        for name in usual_names(place) {
            let path = self.folder_path(name)?;
            if path.join("cur").is_dir() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    /// Maildir++ parts levels with dots, so `.` in a name parts them as `/` does. INBOX is the top itself.
    fn folder_path(&self, name: &str) -> Result<PathBuf, MailboxError> {
        let mut levels: Vec<&str> = name.split(['/', '.']).collect();
        if levels.first().is_some_and(|level| level.eq_ignore_ascii_case("INBOX")) {
            levels.remove(0);
        }
        if levels.is_empty() {
            return Ok(self.root.clone());
        }
        let levels = levels.into_iter().map(encoded_level).collect::<Result<Vec<String>, MailboxError>>()?;
        Ok(self.root.join(format!(".{}", levels.join("."))))
    }
}

/// The unique name of an item; one that could lead out of the Maildir is nobody's name.
fn unique(item: &Item) -> Result<&str, MailboxError> {
    match item {
        Item::File(name) if !name.starts_with('.') && !name.contains(['/', '\0']) && !name.is_empty() => Ok(name),
        _ => Err(MailboxError::ForeignItem),
    }
}

/// Runs file work that may take long where it does not hold up the desk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MailboxError> + Send + 'static,
) -> Result<T, MailboxError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(MailboxError::Io(std::io::Error::other("reading the Maildir failed"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_maildir_plus_plus() {
        let maildir = Maildir { root: PathBuf::from("/m"), poll: Duration::ZERO, more: false };
        let path = |name: &str| maildir.folder_path(name).map(|path| path.display().to_string());
        for (name, expected) in [
            ("INBOX", "/m"),
            ("Sent", "/m/.Sent"),
            ("INBOX/Sent", "/m/.Sent"),
            ("Desk/Done", "/m/.Desk.Done"),
            ("Desk.Done", "/m/.Desk.Done"),
            ("窓口/済み", "/m/.&epNT4w-.&bggwfw-"),
        ] {
            assert_eq!(path(name).unwrap(), expected, "{name}");
        }
        for bad in ["", "..", "../x", "a//b", "a/", ".hidden", "a\nb"] {
            assert!(matches!(path(bad), Err(MailboxError::BadFolder(_))), "{bad:?}");
        }
    }

    #[test]
    fn an_item_cannot_lead_out_of_the_maildir() {
        for bad in ["", "../x", ".x", "a/b", "a\0b"] {
            assert!(unique(&Item::File(bad.to_owned())).is_err(), "{bad:?}");
        }
        assert!(unique(&Item::Uid(1)).is_err());
        assert!(unique(&Item::File("1.a.host,S=5".to_owned())).is_ok());
    }
}

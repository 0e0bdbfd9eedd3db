//! Where mail comes from and where labels, drafts and copies go: IMAP and Maildir, as equals.
//!
//! An [`Inbox`] is one open mailbox. Reading never changes anything on the server (nothing sets `\Seen`); what
//! changes something may be repeated after a crash without harm: labels are sets, [`Inbox::move_to`] finds the mail
//! gone, [`Inbox::file_once`] finds its Message-ID already there.
//!
//! After an error with [`MailboxError::needs_reopen`] the inbox is dead and says [`MailboxError::Closed`] until it
//! is opened again; the same holds if one of its futures is dropped half way.
//!
//! Whoever configures logging: the IMAP parser below us prints mail in its trace logs (target `async_imap`). That
//! target must stay above `debug`. Passwords do not pass through it.

mod error;
mod imap;
mod maildir;
mod survey;

use std::path::PathBuf;
use std::time::Duration;

pub use self::error::MailboxError;
pub use self::imap::Imap;
pub use self::maildir::Maildir;
pub use self::survey::{Listed, Offers, Quota};
use crate::net::Tls;
use crate::oauth::Credential;
use crate::triage::arrival::{Arrival, Item, Known, MailKey};

/// Head of a mail that is read where settings do not say otherwise, in bytes.
pub const HEAD_BYTES: usize = 64 * 1024;

/// A desk's mailbox, checked.
#[derive(Debug, Clone)]
pub enum Settings {
    Imap(ImapSettings),
    /// A Maildir on this machine (`new/`, `cur/`, `tmp/`), filled by the host's MTA.
    Maildir {
        path: PathBuf,
        poll: Duration,
    },
}

impl Settings {
    /// The folder worked on, as [`Inbox::place`] has it.
    pub fn folder(&self) -> &str {
        match self {
            Settings::Imap(imap) => &imap.folder,
            Settings::Maildir { .. } => "INBOX",
        }
    }
}

#[derive(Debug, Clone)]
pub struct ImapSettings {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub user: String,
    pub credential: Credential,
    /// Mailbox to work on, UTF-8; usually `INBOX`.
    pub folder: String,
    /// Asked at least this often, and the interval where the server has no IDLE.
    pub poll: Duration,
    /// New mail is asked for so often, with NOOP, instead of awaiting it with IDLE: some servers hold IDLE's news back.
    pub noop: Option<Duration>,
    /// No answer from the server for this long ends the connection.
    pub timeout: Duration,
    /// Bytes fetched of each mail; what is longer is cut and marked.
    pub head_bytes: usize,
}

/// A folder to put mail into, beside the one being read. Created where missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// What the server marks `\Drafts` (RFC 6154), else a folder of a usual name.
    Drafts,
    /// What the server marks `\Sent`, else a folder of a usual name.
    Sent,
    /// UTF-8 name; `/` parts levels, whatever the server's own delimiter is.
    Folder(String),
}

/// Labels to be put on some mails, or taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelChange {
    /// False: taken off.
    pub add: bool,
    pub labels: Vec<String>,
    pub items: Vec<Item>,
}

/// What became of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    Done,
    /// The mail is not there (moved before, or by staff), or staff marked it deleted.
    Gone,
}

/// What became of a copy to file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filed {
    Done,
    /// A mail of this Message-ID lies there already; nothing was added.
    AlreadyThere,
}

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There may be new mail: call [`Inbox::new_mail`].
    News,
    /// The caller's future came first.
    Until,
}

/// True if `label` can be stored as an IMAP keyword: an atom (RFC 9051 §9), at most 50 characters, which is
/// as far as Dovecot goes.
pub fn is_label(label: &str) -> bool {
    let atom = |byte: u8| byte.is_ascii_graphic() && !br#"(){%*"\]}"#.contains(&byte);
    (1..=50).contains(&label.len()) && label.bytes().all(atom)
}

/// One open mailbox.
pub enum Inbox {
    Imap(Box<Imap>),
    Maildir(Maildir),
}

/// Hands a call to whichever kind of mailbox it is.
macro_rules! either {
    ($self:ident, $inbox:ident => $call:expr) => {
        match $self {
            Inbox::Imap($inbox) => $call,
            Inbox::Maildir($inbox) => $call,
        }
    };
}

impl Inbox {
    /// Connects, logs in and selects the folder for reading and writing.
    pub async fn open(settings: &Settings) -> Result<Inbox, MailboxError> {
        match settings {
            Settings::Imap(imap) => Ok(Inbox::Imap(Box::new(Imap::open(imap).await?))),
            Settings::Maildir { path, poll } => Ok(Inbox::Maildir(Maildir::open(path, *poll)?)),
        }
    }

    /// Folder name (UTF-8) and UIDVALIDITY (0 for a Maildir): the first two parts of every
    /// [`crate::triage::arrival::MailKey`] of this inbox.
    pub fn place(&self) -> (&str, u32) {
        either!(self, inbox => inbox.place())
    }

    /// Mail that `known` does not have, oldest first, at most `limit`. A mail that cannot be read comes back with
    /// empty `raw` and `complete` false ([`Arrival::is_unread`]), so that it is journalled and the rest goes on.
    pub async fn new_mail(&mut self, known: &Known, limit: usize) -> Result<Vec<Arrival>, MailboxError> {
        either!(self, inbox => inbox.new_mail(known, limit).await)
    }

    /// `bytes` of a mail from its byte `from` on; fewer only where the mail ends. None if they cannot be had: the mail
    /// is gone, is of another mailbox, or cannot be read. Then the head that is there must do.
    pub async fn more(&mut self, key: &MailKey, from: usize, bytes: usize) -> Result<Option<Vec<u8>>, MailboxError> {
        if self.place() != (key.mailbox.as_str(), key.validity) {
            return Ok(None);
        }
        either!(self, inbox => inbox.more(&key.item, from, bytes).await)
    }

    /// The flags a mail has now; none if it is not there any more (staff moved or expunged it), the mailbox is another, or
    /// the server fails on it.
    pub async fn flags(&mut self, key: &MailKey) -> Result<Option<Vec<String>>, MailboxError> {
        if self.place() != (key.mailbox.as_str(), key.validity) {
            return Ok(None);
        }
        either!(self, inbox => inbox.flags(&key.item).await)
    }

    /// Adds labels; those already there, and mail no longer there, are no error.
    pub async fn add_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        check_labels(labels)?;
        either!(self, inbox => inbox.add_labels(items, labels).await)
    }

    /// Takes labels away; those not there, and mail no longer there, are no error.
    pub async fn remove_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        check_labels(labels)?;
        either!(self, inbox => inbox.remove_labels(items, labels).await)
    }

    /// [`Inbox::add_labels`] and [`Inbox::remove_labels`] for many, in their order but without waiting in between.
    /// Answers what became of each; an error if that cannot be told.
    pub async fn change_labels(
        &mut self,
        changes: &[LabelChange],
    ) -> Result<Vec<Result<(), MailboxError>>, MailboxError> {
        either!(self, inbox => inbox.change_labels(changes).await)
    }

    /// Moves a mail to a folder (UTF-8; `/` parts levels), which is created and subscribed if missing.
    pub async fn move_to(&mut self, item: &Item, folder: &str) -> Result<Moved, MailboxError> {
        either!(self, inbox => inbox.move_to(item, folder).await)
    }

    /// Files a mail under `place`. Drafts get `\Draft`, sent mail `\Seen`.
    pub async fn file(&mut self, place: &Place, raw: &[u8]) -> Result<(), MailboxError> {
        either!(self, inbox => inbox.file(place, raw).await)
    }

    /// [`Inbox::file`] unless a mail of that Message-ID lies there. The look costs the server a search through the
    /// folder, so it is for repetitions: mail that may have been filed before.
    pub async fn file_once(&mut self, place: &Place, raw: &[u8], message_id: &str) -> Result<Filed, MailboxError> {
        if self.holds(place, message_id).await? {
            return Ok(Filed::AlreadyThere);
        }
        self.file(place, raw).await?;
        Ok(Filed::Done)
    }

    /// Whether a mail of this Message-ID (with or without `<>`) lies under `place`.
    pub async fn holds(&mut self, place: &Place, message_id: &str) -> Result<bool, MailboxError> {
        let id = bracketed(message_id)?;
        either!(self, inbox => inbox.holds(place, &id).await)
    }

    /// Waits for new mail, for the poll interval or for `until`. Leaves the connection usable unless it fails.
    pub async fn wait(&mut self, until: impl Future<Output = ()>) -> Result<Wake, MailboxError> {
        either!(self, inbox => inbox.wait(until).await)
    }
}

fn check_labels(labels: &[String]) -> Result<(), MailboxError> {
    match labels.iter().find(|label| !is_label(label)) {
        Some(bad) => Err(MailboxError::BadLabel(bad.clone())),
        None => Ok(()),
    }
}

/// `<id>`. Empty is refused: a search for an empty header value finds every mail (RFC 9051 §6.4.4).
fn bracketed(message_id: &str) -> Result<String, MailboxError> {
    let id = message_id.trim().trim_start_matches('<').trim_end_matches('>');
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(MailboxError::BadMessageId);
    }
    Ok(format!("<{id}>"))
}

/// Usual names of a place, the one to create first. RFC 6154 marks come before these.
fn usual_names(place: &Place) -> Vec<&str> {
    match place {
        Place::Drafts => vec!["Drafts", "下書き", "Draft"],
        Place::Sent => {
            vec!["Sent", "送信済み", "送信済みトレイ", "送信済みアイテム", "Sent Items", "Sent Messages"]
        }
        Place::Folder(name) => vec![name],
    }
}

/// One level of a folder name in modified UTF-7 (RFC 3501 §5.1.3), as IMAP and Maildir++ write it.
fn encoded_level(level: &str) -> Result<String, MailboxError> {
    if level.is_empty() || level.len() > 200 || level.chars().any(char::is_control) {
        return Err(MailboxError::BadFolder(level.to_owned()));
    }
    Ok(utf7_imap::encode_utf7_imap(level.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_an_imap_atom() {
        for good in ["madoguchi", "$Forwarded", "clause-4-1-3", "needs/review", "a.b"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "two words", "対応待ち", "\\Seen", "a(b", "a]", "{5}", "50%", "a*", "q\"", "line\r\nfeed"] {
            assert!(!is_label(bad), "{bad:?}");
        }
        assert!(!is_label(&"x".repeat(51)));
    }

    #[test]
    fn message_ids_are_bracketed_and_never_empty() {
        assert_eq!(bracketed("a@b").unwrap(), "<a@b>");
        assert_eq!(bracketed(" <a@b> ").unwrap(), "<a@b>");
        for bad in ["", "<>", "  ", "a b@c", "日本@c", "a@b\r\nX: y"] {
            assert!(matches!(bracketed(bad), Err(MailboxError::BadMessageId)), "{bad:?}");
        }
    }

    #[test]
    fn folder_levels_are_modified_utf7() {
        assert_eq!(encoded_level("下書き").unwrap(), "&Tgtm+DBN-");
        assert_eq!(encoded_level("R&D").unwrap(), "R&-D");
        assert_eq!(encoded_level("Sent Items").unwrap(), "Sent Items");
        for bad in ["", "a\nb", "tab\t"] {
            assert!(matches!(encoded_level(bad), Err(MailboxError::BadFolder(_))), "{bad:?}");
        }
    }
}

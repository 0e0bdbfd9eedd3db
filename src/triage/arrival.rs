//! A mail as it came out of a mailbox, before anybody looked inside: the words that mailbox, store and
//! worker share.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a mail lies. Our cursor and the journal's key (DESIGN, invariant 2); flags play no part in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailKey {
    /// IMAP mailbox name (UTF-8), or the Maildir's folder name ("INBOX" for the top).
    pub mailbox: String,
    /// UIDVALIDITY (RFC 9051 §2.3.1.1); always 0 for a Maildir.
    pub validity: u32,
    pub item: Item,
}

/// One mail within a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Item {
    /// IMAP UID, 1…2³²−1.
    Uid(u32),
    /// Maildir: the unique name, without the `:2,…` suffix.
    File(String),
}

/// A mail just read from a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub key: MailKey,
    /// INTERNALDATE, or the Maildir file's modification time.
    pub internal_date: Option<Timestamp>,
    /// Flags and keywords as the server names them (`\Seen`, `$Forwarded`, …).
    pub flags: Vec<String>,
    /// Size of the whole mail in bytes.
    pub size: u64,
    /// The mail, or its head.
    pub raw: Vec<u8>,
    /// False if `raw` is cut.
    pub complete: bool,
}

impl Arrival {
    /// The mailbox told of it and did not give it.
    pub fn is_unread(&self) -> bool {
        self.raw.is_empty() && !self.complete
    }

    /// Takes in the bytes behind `raw`, of which `asked` were wanted: fewer come only where the mail ends.
    pub fn append(&mut self, more: Vec<u8>, asked: usize) {
        self.raw.extend_from_slice(&more);
        let length = self.raw.len() as u64;
        self.complete = more.len() < asked || length >= self.size;
        self.size = self.size.max(length);
    }
}

/// What the journal already has of one mailbox: where reading goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// IMAP: highest UID journalled under this UIDVALIDITY; 0 if none.
    pub last_uid: u32,
    /// Maildir: unique names journalled.
    pub files: HashSet<String>,
}

impl Known {
    /// The same with these mails journalled, too.
    pub fn with(mut self, journalled: &[Arrival]) -> Known {
        for arrival in journalled {
            match &arrival.key.item {
                Item::Uid(uid) => self.last_uid = self.last_uid.max(*uid),
                Item::File(name) => {
                    self.files.insert(name.clone());
                }
            }
        }
        self
    }
}

//! Looking at a mailbox as a whole, for the operator's commands; nothing in here changes anything.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Inbox, MailboxError, Place};
use crate::triage::arrival::Item;

/// What a server can do for us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offers {
    /// In capitals; empty for a Maildir, which needs none.
    pub capabilities: BTreeSet<String>,
    /// New keywords may be made.
    pub keeps_labels: bool,
}

/// A limit of the account, and how much of it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// As the server names it: `STORAGE` (in KiB), `MESSAGE` …
    pub resource: String,
    pub used: u64,
    pub limit: u64,
}

/// A mail as the list of a folder shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub item: Item,
    /// As [`crate::triage::arrival::Arrival::internal_date`].
    pub internal_date: Option<Timestamp>,
    /// Flags and keywords, and on a Maildir our labels.
    pub flags: Vec<String>,
}

impl Inbox {
    pub fn offers(&self) -> Offers {
        match self {
            Inbox::Imap(imap) => imap.offers(),
            Inbox::Maildir(_) => Offers { keeps_labels: true, ..Offers::default() },
        }
    }

    /// The name (UTF-8) of the folder that is `place`; none if it would have to be made.
    pub async fn folder_of(&mut self, place: &Place) -> Result<Option<String>, MailboxError> {
        match self {
            Inbox::Imap(imap) => imap.folder_of(place).await,
            Inbox::Maildir(maildir) => maildir.folder_of(place),
        }
    }

    /// Limits of the account; none where the server tells of none.
    pub async fn quota(&mut self) -> Result<Vec<Quota>, MailboxError> {
        match self {
            Inbox::Imap(imap) => imap.quota().await,
            Inbox::Maildir(_) => Ok(Vec::new()),
        }
    }

    /// Every mail of the mailbox, in no certain order.
    pub async fn list(&mut self) -> Result<Vec<Listed>, MailboxError> {
        match self {
            Inbox::Imap(imap) => imap.list_home().await,
            Inbox::Maildir(maildir) => maildir.list().await,
        }
    }

    /// The Message-ID (without `<>`) of every mail under `place`; none if there is no such folder.
    pub async fn message_ids(&mut self, place: &Place) -> Result<Option<Vec<String>>, MailboxError> {
        match self {
            Inbox::Imap(imap) => imap.message_ids(place).await,
            Inbox::Maildir(maildir) => maildir.message_ids(place).await,
        }
    }
}

/// The first Message-ID of a header, without `<>`.
pub(super) fn message_id(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let name =
        |line: &&str| line.split(':').next().is_some_and(|name| name.trim_end().eq_ignore_ascii_case("message-id"));
    let first = lines.find(name)?;
    let (_, value) = first.split_once(':')?;
    // A long id may stand on the next line alone (RFC 5322 §2.2.3).
    let folded = lines.take_while(|line| line.starts_with([' ', '\t']));
    let value: String = std::iter::once(value).chain(folded).map(str::trim).collect();
    let id = value.trim_start_matches('<').trim_end_matches('>');
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_is_read_from_the_header_alone_also_folded() {
        for (head, expected) in [
            ("Message-ID: <a@b>\r\n\r\n", Some("a@b")),
            ("From: x\nMESSAGE-ID :<a@b>\n\n", Some("a@b")),
            ("Message-Id:\r\n <a@b>\r\nTo: y\r\n\r\n", Some("a@b")),
            ("References: <a@b>\n\n", None),
            ("From: x\n\nMessage-ID: <a@b>\n", None),
            ("Message-ID: <>\n\n", None),
        ] {
            assert_eq!(message_id(head.as_bytes()).as_deref(), expected, "{head:?}");
        }
    }
}

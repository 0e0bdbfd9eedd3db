//! What can go wrong with a mailbox, in words for the operator: no mail text, no addresses, no secrets.

use std::io;

use crate::net::NetError;
use crate::oauth::OAuthError;

#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    #[error("the server refused the login: {0}")]
    LoginRefused(String),
    #[error("there is no folder {0:?} that can be opened")]
    NoSuchFolder(String),
    #[error("the folder {0:?} is read-only for this user")]
    ReadOnly(String),
    /// UIDs known so far mean nothing any more: open again and compare [`super::Inbox::place`].
    #[error("the mailbox was rebuilt (its UIDVALIDITY changed)")]
    ValidityChanged,
    #[error("the server ended the session: {0}")]
    Bye(String),
    #[error("the server closed the connection")]
    Closed,
    #[error("no answer to {0} in time")]
    Timeout(&'static str),
    /// A tagged NO or BAD. The connection itself is still good.
    #[error("the server refused {command}: [{code}] {text}")]
    Refused { command: &'static str, code: String, text: String },
    #[error("the server keeps no keywords for the label {0:?}")]
    LabelsRefused(String),
    #[error(
        "{0:?} cannot be a label: only ASCII letters, digits and signs other than ( ) {{ }} % * \" \\ ] are allowed"
    )]
    BadLabel(String),
    #[error("{0:?} cannot be a folder name")]
    BadFolder(String),
    #[error("a Message-ID to look for is empty or not plain ASCII")]
    BadMessageId,
    /// An IMAP UID was given to a Maildir or a file name to an IMAP server.
    #[error("the mail belongs to another kind of mailbox")]
    ForeignItem,
    #[error("the server does not keep to the protocol: {0}")]
    Protocol(&'static str),
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl MailboxError {
    /// True if trying again unchanged cannot help: configuration, password, certificate. All else deserves a
    /// back-off and another try.
    pub fn is_permanent(&self) -> bool {
        use MailboxError::*;
        match self {
            Net(error) => error.is_permanent(),
            OAuth(error) => error.is_permanent(),
            LoginRefused(_) | NoSuchFolder(_) | ReadOnly(_) => true,
            LabelsRefused(_) | BadLabel(_) | BadFolder(_) | BadMessageId | ForeignItem => true,
            ValidityChanged | Bye(_) | Closed | Timeout(_) => false,
            Refused { .. } | Protocol(_) | Io(_) => false,
        }
    }

    /// True if this connection is finished and [`super::Inbox::open`] must be called before anything else.
    pub fn needs_reopen(&self) -> bool {
        use MailboxError::*;
        match self {
            Net(error) => !error.is_permanent(),
            OAuth(error) => !error.is_permanent(),
            ValidityChanged | Bye(_) | Closed | Timeout(_) | Protocol(_) | Io(_) => true,
            _ => false,
        }
    }

    /// A tagged NO that speaks of the server's state, not of what was asked (RFC 5530 §3).
    pub fn is_passing_refusal(&self) -> bool {
        let passing = |code: &str| matches!(code, "UNAVAILABLE" | "INUSE" | "LIMIT" | "OVERQUOTA");
        matches!(self, MailboxError::Refused { code, .. } if passing(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_retry_cannot_mend_is_permanent() {
        assert!(MailboxError::LoginRefused(String::new()).is_permanent());
        assert!(!MailboxError::Closed.is_permanent());
        assert!(MailboxError::Closed.needs_reopen());
        assert!(!MailboxError::LabelsRefused(String::new()).needs_reopen());
    }

    #[test]
    fn a_refusal_for_load_is_told_from_one_for_cause() {
        let refused = |code: &str| MailboxError::Refused { command: "X", code: code.into(), text: String::new() };
        assert!(refused("UNAVAILABLE").is_passing_refusal());
        assert!(!refused("SERVERBUG").is_passing_refusal());
    }
}

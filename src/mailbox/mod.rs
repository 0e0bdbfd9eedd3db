//! Where mail comes from and where labels, drafts and copies go: IMAP and Maildir, as equals.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

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

#[derive(Debug, Clone)]
pub struct ImapSettings {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub user: String,
    pub password: SecretString,
    /// Mailbox to work on, UTF-8; usually `INBOX`.
    pub folder: String,
    /// Asked at least this often, and the interval where the server has no IDLE.
    pub poll: Duration,
    /// No answer from the server for this long ends the connection.
    pub timeout: Duration,
    /// Bytes fetched of each mail; what is longer is cut and marked.
    pub head_bytes: usize,
}

/// How a connection is protected; shared words of IMAP and SMTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte. `ca_file`: PEM roots to trust instead of the system's.
    Implicit { ca_file: Option<PathBuf> },
    /// STARTTLS, refused if the server does not offer it.
    StartTls { ca_file: Option<PathBuf> },
    /// Plain text: only to loopback, and only when the configuration says so.
    None,
}

//! Where answers go: SMTP, a folder, or memory (tests assert that *nothing* went out).

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// A desk's way out, checked.
#[derive(Debug, Clone)]
pub enum Settings {
    Smtp(SmtpSettings),
    /// One `.eml` file a mail.
    Folder {
        path: PathBuf,
    },
}

#[derive(Debug, Clone)]
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// Login, if the server wants one.
    pub login: Option<(String, SecretString)>,
    /// Envelope sender; none: the null sender `<>`.
    pub bounce_address: Option<String>,
    pub timeout: Duration,
}

/// How the SMTP connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmtpTls {
    Implicit {
        ca_file: Option<PathBuf>,
    },
    StartTls {
        ca_file: Option<PathBuf>,
    },
    /// Plain text: only to loopback, and only when the configuration says so.
    None,
}

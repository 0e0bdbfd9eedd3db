//! Where answers go: SMTP, a folder, or memory (tests assert that *nothing* went out).
//!
//! What a caller may rely on: [`SendError::NotSent`] means the mail was surely not taken, so a second try cannot
//! make a second mail; [`SendError::Uncertain`] means nobody can tell, so a person looks before anything is sent
//! again. There is no third kind of failure.

mod compose;
mod folder;
mod memory;
mod smtp;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use compose::{compose, compose_alert, compose_forward};
pub use folder::Folder;
pub use memory::Memory;
pub use smtp::{Line, Smtp};

use crate::net::{NetError, Tls};
use crate::oauth::Credential;

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
    pub tls: Tls,
    /// Login, if the server wants one.
    pub login: Option<(String, Credential)>,
    /// Envelope sender; none: the null sender `<>`.
    pub bounce_address: Option<String>,
    /// Each mail has an envelope sender of its own, `bounce+<its id>@…`, by which what comes back is known.
    pub bounce_tags: bool,
    /// Longest wait for one step (connecting, one answer); the answer to the mail's end may take twice as long.
    pub timeout: Duration,
    /// Connections that answers are sent over side by side, at least 1.
    pub connections: usize,
}

/// A way out that is ready to send.
pub enum Outbox {
    Smtp(Box<Smtp>),
    Folder(Folder),
    Memory(Memory),
}

/// One of the connections of a way out, which goes on whatever becomes of the others.
pub enum Lane<'o> {
    Smtp(&'o mut Line),
    Folder(&'o Folder),
    Memory(&'o Memory),
}

/// A mail to be sent, finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The one recipient, `local@domain`.
    pub to: String,
    /// Without angle brackets, as in the mail's header.
    pub message_id: String,
    /// The whole mail, as [`compose()`] made it.
    pub raw: Vec<u8>,
}

/// Proof that a mail was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// For logs: the server's answer (`250 2.0.0 Ok: queued as …`) or where the file is.
    pub text: String,
}

/// Was a mail with this Message-ID sent?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Sent,
    NotSent,
    /// This way out keeps no record that could be asked.
    Unknown,
}

/// Why a mail is not known to be sent. The texts hold no full addresses and no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// Surely not taken: it was refused, or the connection failed before the end of the mail was written.
    #[error("not sent: {text}")]
    NotSent {
        fault: Fault,
        /// The server's answer, if it gave one.
        code: Option<u16>,
        text: String,
    },
    /// The end of the mail was (perhaps) written and no clear answer came: it may have been taken.
    #[error("perhaps sent: {text}")]
    Uncertain { text: String },
}

/// Whose fault it is that a mail was not sent, which says what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// This mail is refused for good (5xx, impossible recipient): trying again is useless, a person must look.
    Mail,
    /// It may pass (4xx, connection lost, time out): try again later.
    Passing,
    /// The desk's way out is broken (login, certificate, TLS, sender address, disk): no mail goes out until the
    /// operator acts. The mail itself is fine: keep it, try again later, tell the operator.
    Setup,
}

/// Why a way out cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("bounce address: must be a plain ASCII address like bounce@example.jp")]
    BounceAddress,
    #[error("folder {}: {source}", path.display())]
    Folder { path: PathBuf, source: io::Error },
}

impl Outbox {
    /// Prepares the way out; connects nowhere.
    ///
    /// # Errors
    /// What no later try can mend: see [`OutboxError`].
    pub fn new(settings: &Settings) -> Result<Outbox, OutboxError> {
        Ok(match settings {
            Settings::Smtp(smtp) => Outbox::Smtp(Box::new(Smtp::new(smtp)?)),
            Settings::Folder { path } => Outbox::Folder(Folder::new(path)?),
        })
    }

    /// Sends nothing and remembers everything: for tests and dry runs.
    pub fn memory() -> Outbox {
        Outbox::Memory(Memory::default())
    }

    /// Its connections, at least one. Each sends one mail after the other, all of them side by side.
    pub fn lanes(&mut self) -> Vec<Lane<'_>> {
        match self {
            Outbox::Smtp(smtp) => smtp.lines().iter_mut().map(Lane::Smtp).collect(),
            Outbox::Folder(folder) => vec![Lane::Folder(folder)],
            Outbox::Memory(memory) => vec![Lane::Memory(memory)],
        }
    }

    /// How many mails may follow each other on a connection on one note in the journal. A folder is asked what became of
    /// a mail, and does not know of one that was taken out of it meanwhile: there a note is for one mail.
    pub fn most_on_a_lane(&self) -> usize {
        match self {
            Outbox::Smtp(_) | Outbox::Memory(_) => 16,
            Outbox::Folder(_) => 1,
        }
    }

    /// Both steps at once, for callers who keep no journal.
    ///
    /// # Errors
    /// As [`Lane::complete`].
    pub async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let mut lanes = self.lanes();
        let nothing = || SendError::not_sent(Fault::Passing, "there is no connection");
        let lane = lanes.first_mut().ok_or_else(nothing)?;
        lane.begin(mail).await?;
        lane.complete(mail, None).await
    }

    /// Settles an uncertain send, where this way out can be asked.
    pub async fn find(&mut self, message_id: &str) -> Found {
        match self {
            Outbox::Smtp(_) => Found::Unknown,
            Outbox::Folder(folder) => folder.find(message_id),
            Outbox::Memory(memory) => memory.find(message_id),
        }
    }
}

impl Lane<'_> {
    /// Does what can be done before the mail itself is handed over: connects, logs in, asks whether the server takes mail
    /// for this recipient. Dropping the future half way does no harm.
    ///
    /// # Errors
    /// [`SendError::NotSent`] only.
    pub async fn begin(&mut self, mail: &Outgoing) -> Result<(), SendError> {
        match self {
            Lane::Smtp(line) => line.begin(mail).await,
            Lane::Folder(_) | Lane::Memory(_) => Ok(()),
        }
    }

    /// Hands over the mail that was begun, and tells the server of the one that will be begun `next` here, which spares a
    /// round trip; its text stays here. Dropping the future half way leaves `mail` in the state of
    /// [`SendError::Uncertain`].
    ///
    /// # Errors
    /// [`SendError::NotSent`] if it was surely not taken, else [`SendError::Uncertain`].
    pub async fn complete(&mut self, mail: &Outgoing, next: Option<&Outgoing>) -> Result<Receipt, SendError> {
        match self {
            Lane::Smtp(line) => line.complete(mail, next).await,
            Lane::Folder(folder) => folder.send(mail).await,
            Lane::Memory(memory) => Ok(memory.send(mail)),
        }
    }
}

impl SendError {
    /// True if trying this mail again is useless.
    pub fn is_permanent(&self) -> bool {
        matches!(self, SendError::NotSent { fault: Fault::Mail, .. })
    }

    fn not_sent(fault: Fault, text: impl Into<String>) -> SendError {
        SendError::NotSent { fault, code: None, text: text.into() }
    }
}

/// Can this address stand in an envelope and between `<` and `>` of a header field as it is?
///
/// Not RFC 5321's grammar: `a..b@docomo.ne.jp` is a person. Only what could end the address early or start
/// something else is refused: controls, spaces, and the specials of RFC 5322 §3.2.3 but `.` and `@`.
fn is_plain_address(address: &str) -> bool {
    let halves = address.rsplit_once('@');
    halves.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && address.len() <= 254
        && address.chars().all(is_plain_address_char)
}

fn is_plain_address_char(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !"()<>[]:;,\\\"".contains(c)
}

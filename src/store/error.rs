//! What can go wrong with the store: one line for the operator, no mail text in it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::effect::EffectState;
use super::{EffectId, MailId};

/// Why the store could not do something. Nothing of a failed call remains: every write is one transaction.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: another madoguchi is working with this store", path.display())]
    Locked { path: PathBuf },
    #[error("{}: there is no store here", path.display())]
    Missing { path: PathBuf },
    #[error("{}: this is not a madoguchi store", path.display())]
    NotAStore { path: PathBuf },
    #[error("{}: store was written by a newer madoguchi (schema {found}, this program knows up to {known})", path.display())]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error("{}: store was written by an older madoguchi; the next `run` brings it up to date", path.display())]
    Older { path: PathBuf },
    #[error("{}: the store is damaged ({detail}); restore it from a backup", path.display())]
    Damaged { path: PathBuf, detail: String },
    #[error("{}: no space left for the store", path.display())]
    Full { path: PathBuf },
    #[error("{}: the store cannot be written (read-only file, folder or disk)", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{}: the disk is full, over quota or broken ({detail})", path.display())]
    Disk { path: PathBuf, detail: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: somebody else has been writing in the store for too long", path.display())]
    Busy { path: PathBuf },
    /// Anything else SQLite says.
    #[error("{}: {detail}", path.display())]
    Database { path: PathBuf, detail: String },
    #[error("mail {mail} is decided or in quarantine already")]
    AlreadyDecided { mail: MailId },
    #[error("there is no mail {mail} in the store")]
    NoSuchMail { mail: MailId },
    #[error("there is no such effect in the store ({effect})")]
    NoSuchEffect { effect: String },
    #[error("effect {effect} is {}: it cannot be started or finished now", state.as_str())]
    WrongState { effect: EffectId, state: EffectState },
    #[error("somebody else imported a register meanwhile: try again")]
    RegisterChanged,
    /// A bug of ours; nothing of the work is left in the store, and it takes the next.
    #[error("work inside the store panicked: please report this")]
    Panicked,
    #[error("the store's thread has ended")]
    Stopped,
}

/// The same, inside the store, where SQLite's errors are not sorted yet and nobody knows the path.
#[derive(Debug)]
pub(super) enum Fault {
    Sql(rusqlite::Error),
    /// Own JSON that cannot be read or written; serde's own text could quote the mail.
    Json(String),
    Io(io::Error),
    Locked,
    Missing,
    NotAStore,
    Newer {
        found: i64,
        known: i64,
    },
    Older,
    ReadOnly,
    Damaged(String),
    AlreadyDecided(MailId),
    NoSuchMail(MailId),
    NoSuchEffect(String),
    WrongState(EffectId, EffectState),
    RegisterChanged,
    Panicked,
    /// Told to the outside already.
    Told(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sql(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Io(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Fault {
        Fault::Json(format!("unreadable JSON at column {}", error.column()))
    }
}

impl Fault {
    /// The public error, for the store at `path`.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_path_buf();
        match self {
            Fault::Sql(error) => sorted(&error, path),
            Fault::Json(detail) => StoreError::Database { path, detail },
            Fault::Io(source) => match source.kind() {
                io::ErrorKind::StorageFull => StoreError::Full { path },
                io::ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path },
                _ => StoreError::Io { path, source },
            },
            Fault::Locked => StoreError::Locked { path },
            Fault::Missing => StoreError::Missing { path },
            Fault::NotAStore => StoreError::NotAStore { path },
            Fault::Newer { found, known } => StoreError::Newer { path, found, known },
            Fault::Older => StoreError::Older { path },
            Fault::ReadOnly => StoreError::ReadOnly { path },
            Fault::Damaged(detail) => StoreError::Damaged { path, detail },
            Fault::AlreadyDecided(mail) => StoreError::AlreadyDecided { mail },
            Fault::NoSuchMail(mail) => StoreError::NoSuchMail { mail },
            Fault::NoSuchEffect(effect) => StoreError::NoSuchEffect { effect },
            Fault::WrongState(effect, state) => StoreError::WrongState { effect, state },
            Fault::RegisterChanged => StoreError::RegisterChanged,
            Fault::Panicked => StoreError::Panicked,
            Fault::Told(error) => error,
        }
    }
}

fn sorted(error: &rusqlite::Error, path: PathBuf) -> StoreError {
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::NotAStore { path },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, detail },
        Some(ErrorCode::DiskFull) => StoreError::Full { path },
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
        Some(ErrorCode::SystemIoFailure) => StoreError::Disk { path, detail },
        _ => StoreError::Database { path, detail },
    }
}

//! The file of an account's tokens: for its owner only, written whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// A token is renewed so long before its end, or at half of its time if that is later.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What is known of an account's tokens. Without `Debug`: they must not be printed.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    access_token: String,
    pub refresh_token: Option<String>,
    pub obtained: Timestamp,
    pub expires: Timestamp,
}

impl Saved {
    pub fn new(access: &SecretString, refresh_token: Option<String>, now: Timestamp, life: SignedDuration) -> Saved {
        let expires = now.checked_add(life).unwrap_or(Timestamp::MAX);
        Saved { access_token: access.expose_secret().to_owned(), refresh_token, obtained: now, expires }
    }

    /// When the access token should be renewed.
    pub fn due(&self) -> Timestamp {
        let life = self.expires.duration_since(self.obtained);
        self.expires.checked_sub(AHEAD.min(life / 2)).unwrap_or(self.expires)
    }

    /// The access token, if it lasts beyond `now`.
    pub fn good(&self, now: Timestamp) -> Option<SecretString> {
        (!self.access_token.is_empty() && now < self.expires).then(|| self.access_token.as_str().into())
    }

    /// The access token, if it need not be renewed yet.
    pub fn fresh(&self, now: Timestamp) -> Option<SecretString> {
        self.good(now).filter(|_| now < self.due())
    }
}

/// None if there is no such file.
pub(super) fn read(path: &Path) -> io::Result<Option<Saved>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    close(path)?;
    // The parser's own words may quote the tokens.
    let unreadable = |_| io::Error::new(ErrorKind::InvalidData, "not written by this program: sign in again");
    serde_json::from_slice(&text).map(Some).map_err(unreadable)
}

/// A copy by hand may have opened the file to others: then it is closed, and somebody should know.
fn close(path: &Path) -> io::Result<()> {
    const OTHERS: u32 = 0o077;
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & OTHERS != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let path = path.display();
        warn!(event = "token-file-open", %path, "others could read the tokens: now only the owner can");
    }
    Ok(())
}

/// In place of what was there; on the disk when this returns.
pub(super) fn write(path: &Path, saved: &Saved) -> io::Result<()> {
    let new = with_ending(path, ".new");
    let mut file = private(&new, true)?;
    file.write_all(&serde_json::to_vec(saved)?)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(folder(path).unwrap_or(Path::new(".")))?.sync_all()
}

/// None: the one the process is in.
fn folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

/// Waits until no other process changes the tokens; none will as long as the file is held. Blocks.
pub(super) fn lock(path: &Path) -> io::Result<File> {
    if let Some(folder) = folder(path) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let lock = private(&with_ending(path, ".lock"), false)?;
    lock.lock()?;
    Ok(lock)
}

/// For its owner only, who is the folder's: what root makes by hand must serve the user that the desks run as.
fn private(path: &Path, empty: bool) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(empty).mode(0o600).open(path)?;
    let owner = std::fs::metadata(folder(path).unwrap_or(Path::new(".")))?;
    if file.metadata()?.uid() != owner.uid() {
        // Only root may give a file away; for others it is right as it is.
        _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    }
    Ok(file)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn a_token_is_due_five_minutes_before_its_end_or_at_half_of_its_time() {
        for (life, due) in [(60, 55), (11, 6), (10, 5), (4, 2)] {
            let saved = Saved::new(&"t".into(), None, minute(0), SignedDuration::from_mins(life));
            assert_eq!(saved.due(), minute(due), "{life} minutes");
            let (fresh, good) = (|at| saved.fresh(minute(at)).is_some(), |at| saved.good(minute(at)).is_some());
            assert_eq!((fresh(due - 1), fresh(due)), (true, false), "{life} minutes");
            assert_eq!((good(life - 1), good(life)), (true, false), "{life} minutes");
        }
    }

    /// As root; others cannot try it.
    #[test]
    fn what_root_writes_belongs_to_whom_the_folder_belongs() {
        let folder = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(folder.path(), Some(65534), Some(65534)).is_err() {
            return;
        }
        let path = folder.path().join("oauth-m365.json");
        let _held = lock(&path).unwrap();
        write(&path, &Saved::default()).unwrap();
        for file in [path.clone(), with_ending(&path, ".lock")] {
            assert_eq!(std::fs::metadata(&file).unwrap().uid(), 65534, "{}", file.display());
        }
    }

    #[test]
    fn the_file_is_for_its_owner_only_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/oauth-m365.json");
        assert!(read(&path).unwrap().is_none());
        let _held = lock(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for refresh in ["one", "two"] {
            let life = SignedDuration::from_mins(60);
            write(&path, &Saved::new(&"t".into(), Some(refresh.into()), minute(0), life)).unwrap();
            assert_eq!(read(&path).unwrap().unwrap().refresh_token.as_deref(), Some(refresh));
            assert_eq!(mode(&path), 0o600);
        }
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        read(&path).unwrap();
        assert_eq!(mode(&path), 0o600, "closed again");
        for damaged in ["{", "", "\"hush\"", "{\"access_token\":1,\"expires\":\"hush\"}"] {
            std::fs::write(&path, damaged).unwrap();
            let error = read(&path).err().expect("not taken for a missing one");
            assert_eq!(error.to_string(), "not written by this program: sign in again", "{damaged}");
        }
    }
}

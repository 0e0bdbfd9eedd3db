//! One `.eml` file a mail: for trying a desk out, and for hosts where another program does the sending.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Fault, Found, OutboxError, Outgoing, Receipt, SendError};

/// Longest file name we make, without `.eml`: with what is added it stays under the 255 bytes of common systems.
const LONGEST_NAME: usize = 200;

/// A folder that mails are put into, each once: the file's name is its Message-ID.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// [`OutboxError::Folder`] if it cannot be made.
    pub fn new(path: &Path) -> Result<Folder, OutboxError> {
        fs::create_dir_all(path).map_err(|source| OutboxError::Folder { path: path.into(), source })?;
        Ok(Folder { path: path.into() })
    }

    pub(super) async fn send(&self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let (folder, name, raw) = (self.path.clone(), file_name(&mail.message_id), mail.raw.clone());
        let stored = tokio::task::spawn_blocking(move || store(&folder, &name, &raw)).await;
        stored.unwrap_or_else(|died| Err(SendError::Uncertain { text: format!("writing the file: {died}") }))
    }

    pub(super) fn find(&self, message_id: &str) -> Found {
        match self.path.join(file_name(message_id)).try_exists() {
            Ok(true) => Found::Sent,
            Ok(false) => Found::NotSent,
            Err(_) => Found::Unknown,
        }
    }
}

/// Writes the file whole or not at all; a mail that is already there stays as it is.
fn store(folder: &Path, name: &str, raw: &[u8]) -> Result<Receipt, SendError> {
    let file = folder.join(name);
    let receipt = Receipt { text: format!("stored as {name}") };
    let failed = |error: io::Error| SendError::not_sent(Fault::Setup, format!("writing {name}: {error}"));
    if file.try_exists().map_err(failed)? {
        return Ok(receipt);
    }
    let draft = folder.join(format!(".{name}.tmp"));
    write_synced(&draft, raw).and_then(|()| fs::rename(&draft, &file)).map_err(failed)?;
    // The name is there but may be gone after a power cut: whoever asks `find` then gets the truth.
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| SendError::Uncertain { text: format!("syncing the folder: {error}") })?;
    Ok(receipt)
}

fn write_synced(path: &Path, raw: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(raw)?;
    file.sync_all()
}

/// A different name for each different id, without anything a file system could take amiss.
fn file_name(message_id: &str) -> String {
    let mut name = String::new();
    for byte in message_id.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"@-_+=".contains(&byte) || (byte == b'.' && !name.is_empty());
        match plain {
            true => name.push(byte as char),
            false => _ = write!(name, "%{byte:02X}"),
        }
    }
    if name.len() > LONGEST_NAME {
        name = Sha256::digest(message_id).iter().map(|byte| format!("{byte:02x}")).collect();
    }
    name + ".eml"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_stays_inside_the_folder_and_differs_for_each_id() {
        let check = |id: &str, name: &str| assert_eq!(file_name(id), name, "{id:?}");
        check("r.0a1b.2c3d@example.jp", "r.0a1b.2c3d@example.jp.eml");
        check("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.eml");
        check("a/b", "a%2Fb.eml");
        check("a%2Fb", "a%252Fb.eml");
        check("a\0b\r\n", "a%00b%0D%0A.eml");
        check("窓@x", "%E7%AA%93@x.eml");
        check("", ".eml");
    }

    #[test]
    fn a_long_id_gets_a_short_name_of_its_own() {
        let long = file_name(&"a".repeat(900));
        assert_eq!(long.len(), 64 + 4);
        assert_ne!(long, file_name(&"a".repeat(901)));
    }
}

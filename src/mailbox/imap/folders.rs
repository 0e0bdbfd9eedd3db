//! Other folders: finding them by RFC 6154 marks or by name, creating them, moving mail there and filing copies.

use imap_proto::{MailboxDatum, NameAttribute, Response};

use super::wire::Command;
use super::{Imap, note_search, uid};
use crate::mailbox::{MailboxError, Moved, Place, encoded_level, usual_names};
use crate::triage::arrival::Item;

/// A folder that can be opened, as LIST tells of it.
struct Listed {
    name: String,
    drafts: bool,
    sent: bool,
}

impl Imap {
    /// See [`crate::mailbox::Inbox::move_to`].
    pub async fn move_to(&mut self, item: &Item, folder: &str) -> Result<Moved, MailboxError> {
        let uid = uid(item)?;
        self.go_home().await?;
        match self.flags_of(&[uid]).await?.remove(&uid) {
            // Deleted by staff, or the trace of our own COPY and STORE on a server that cannot expunge one mail.
            Some(flags) if !flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Deleted")) => {}
            _ => return Ok(Moved::Gone),
        }
        let place = Place::Folder(folder.to_owned());
        let target = self.find_or_create(&place).await?;
        match self.move_uid(uid, &target).await {
            Err(error) if self.was_removed(&place, &error) => {
                let target = self.find_or_create(&place).await?;
                self.move_uid(uid, &target).await?;
            }
            other => other?,
        }
        Ok(Moved::Done)
    }

    async fn move_uid(&mut self, uid: u32, target: &str) -> Result<(), MailboxError> {
        let uid = uid.to_string();
        if target == self.home.name {
            return Ok(());
        }
        if self.can("MOVE") {
            return self.wire.run(Command::new("UID MOVE").raw(&uid).string(target)).await;
        }
        self.wire.run(Command::new("UID COPY").raw(&uid).string(target)).await?;
        self.wire.run(Command::new("UID STORE").raw(&uid).raw("+FLAGS.SILENT").raw("(\\Deleted)")).await?;
        // A plain EXPUNGE would remove what staff deleted and may still want back.
        if self.can("UIDPLUS") { self.wire.run(Command::new("UID EXPUNGE").raw(&uid)).await } else { Ok(()) }
    }

    /// See [`crate::mailbox::Inbox::file`].
    pub async fn file(&mut self, place: &Place, raw: &[u8]) -> Result<(), MailboxError> {
        let target = self.find_or_create(place).await?;
        match self.append(place, &target, raw).await {
            Err(error) if self.was_removed(place, &error) => {
                let target = self.find_or_create(place).await?;
                self.append(place, &target, raw).await
            }
            other => other,
        }
    }

    async fn append(&mut self, place: &Place, target: &str, raw: &[u8]) -> Result<(), MailboxError> {
        let flags = match place {
            Place::Drafts => "(\\Draft)",
            Place::Sent => "(\\Seen)",
            Place::Folder(_) => "()",
        };
        self.wire.run(Command::new("APPEND").string(target).raw(flags).literal(raw)).await
    }

    /// See [`crate::mailbox::Inbox::holds`].
    pub async fn holds(&mut self, place: &Place, message_id: &str) -> Result<bool, MailboxError> {
        let Some(target) = self.find(place).await? else { return Ok(false) };
        match self.has_message(&target, message_id).await {
            Err(error) if self.was_removed(place, &error) => Ok(false),
            other => other,
        }
    }

    async fn has_message(&mut self, target: &str, message_id: &str) -> Result<bool, MailboxError> {
        self.look_into(target).await?;
        let mut found = Vec::new();
        let command = Command::new("UID SEARCH").raw("HEADER Message-ID").string(message_id);
        self.wire.watch(command, &mut |response| note_search(&mut found, response)).await?;
        Ok(!found.is_empty())
    }

    /// Opens a folder as it is now, for reading; the home folder stays open for writing.
    pub(super) async fn look_into(&mut self, target: &str) -> Result<(), MailboxError> {
        if target == self.home.name {
            self.go_home().await?;
            return self.wire.run(Command::new("NOOP")).await;
        }
        // EXAMINE closes what was open, even if it is refused.
        self.at_home = false;
        self.wire.run(Command::new("EXAMINE").string(target)).await
    }

    /// True if the folder we knew is no longer there; it is then forgotten, to be found or created anew.
    fn was_removed(&mut self, place: &Place, error: &MailboxError) -> bool {
        let gone = match error {
            // Dovecot refuses EXAMINE without a code.
            MailboxError::Refused { command: "EXAMINE", code, .. } if code == "NO" => true,
            MailboxError::Refused { code, .. } => matches!(code.as_str(), "TRYCREATE" | "NONEXISTENT"),
            _ => false,
        };
        gone && self.places.remove(place).is_some()
    }

    async fn find_or_create(&mut self, place: &Place) -> Result<String, MailboxError> {
        if let Some(name) = self.find(place).await? {
            return Ok(name);
        }
        let [plain, below_inbox] = self.spellings(usual_names(place)[0])?;
        let name = match self.create(&plain).await {
            // Courier and Cyrus keep everything below INBOX.
            Err(MailboxError::Refused { .. }) => self.create(&below_inbox).await?,
            created => created?,
        };
        self.places.insert(place.clone(), name.clone());
        Ok(name)
    }

    async fn create(&mut self, name: &str) -> Result<String, MailboxError> {
        match self.wire.run(Command::new("CREATE").string(name)).await {
            // Somebody was quicker.
            Err(MailboxError::Refused { code, .. }) if code == "ALREADYEXISTS" => {}
            other => other?,
        }
        // Not subscribed is a folder that staff must look for, not an error.
        match self.wire.run(Command::new("SUBSCRIBE").string(name)).await {
            Err(MailboxError::Refused { .. }) | Ok(()) => Ok(name.to_owned()),
            Err(error) => Err(error),
        }
    }

    /// The wire name of an existing place: by its mark, else by a usual name, also below INBOX.
    pub(super) async fn find(&mut self, place: &Place) -> Result<Option<String>, MailboxError> {
        if let Some(name) = self.places.get(place) {
            return Ok(Some(name.clone()));
        }
        let listed = self.list().await?;
        let marked = listed.iter().find(|folder| match place {
            Place::Drafts => folder.drafts,
            Place::Sent => folder.sent,
            Place::Folder(_) => false,
        });
        let mut found = marked.map(|folder| folder.name.clone());
        for name in usual_names(place) {
            let spellings = self.spellings(name)?;
            let named = || listed.iter().find(|folder| spellings.contains(&folder.name));
            found = found.or_else(|| named().map(|folder| folder.name.clone()));
        }
        if let Some(name) = &found {
            self.places.insert(place.clone(), name.clone());
        }
        Ok(found)
    }

    async fn list(&mut self) -> Result<Vec<Listed>, MailboxError> {
        let mut command = Command::new("LIST").string("").string("*");
        if self.can("SPECIAL-USE") && self.can("LIST-EXTENDED") {
            command = command.raw("RETURN (SPECIAL-USE)");
        }
        let mut listed = Vec::new();
        self.wire.watch(command, &mut |response| listed.extend(listed_folder(response))).await?;
        Ok(listed)
    }

    /// `LIST "" ""` asks for the delimiter alone (RFC 9051 §6.3.9).
    pub(super) async fn find_delimiter(&mut self) -> Result<Option<char>, MailboxError> {
        let mut delimiter = None;
        let mut watch = |response: &Response<'_>| {
            if let Response::MailboxData(MailboxDatum::List(list)) = response {
                // The parser leaves a backslash escaped.
                delimiter = list.delimiter.as_ref().and_then(|text| text.chars().last());
            }
        };
        self.wire.watch(Command::new("LIST").string("").string(""), &mut watch).await?;
        Ok(delimiter)
    }

    /// The name as it is, and below INBOX.
    fn spellings(&self, name: &str) -> Result<[String; 2], MailboxError> {
        let plain = self.wire_name(name)?;
        let below = format!("INBOX{}{plain}", self.delimiter.map(String::from).unwrap_or_default());
        Ok([plain, below])
    }

    /// A UTF-8 name with `/` between levels, as this server writes it. UTF8=ACCEPT is never enabled, so all servers
    /// speak modified UTF-7 with us (RFC 6855 §3).
    pub(super) fn wire_name(&self, name: &str) -> Result<String, MailboxError> {
        if name.eq_ignore_ascii_case("INBOX") {
            return Ok("INBOX".to_owned());
        }
        let levels = name.split('/').map(encoded_level).collect::<Result<Vec<String>, MailboxError>>()?;
        Ok(levels.join(&self.delimiter.unwrap_or('/').to_string()))
    }
}

fn listed_folder(response: &Response<'_>) -> Option<Listed> {
    let Response::MailboxData(MailboxDatum::List(list)) = response else { return None };
    let mut folder = Listed { name: list.name.replace("\\\\", "\\").replace("\\\"", "\""), drafts: false, sent: false };
    for attribute in &list.name_attributes {
        match attribute {
            NameAttribute::Drafts => folder.drafts = true,
            NameAttribute::Sent => folder.sent = true,
            NameAttribute::NoSelect => return None,
            NameAttribute::Extension(other) if other.eq_ignore_ascii_case("\\NonExistent") => return None,
            _ => {}
        }
    }
    Some(folder)
}

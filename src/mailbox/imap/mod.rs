//! One IMAP connection working on one folder, its *home* (RFC 3501 and 9051; LOGIN, UID commands, and where offered
//! IDLE, MOVE, UIDPLUS, SPECIAL-USE).

mod fetch;
mod folders;
mod idle;
mod login;
mod survey;
mod wire;

use std::collections::{HashMap, HashSet};

use imap_proto::{MailboxDatum, Response, ResponseCode};

use self::login::{capabilities, connect};
use self::wire::{Command, Wire};
use super::{ImapSettings, LabelChange, MailboxError, Place, check_labels};
use crate::triage::arrival::{Arrival, Item, Known};

/// UIDs in one command, so that its line stays below what servers accept (8192 octets, RFC 7162 §4).
const BATCH: usize = 100;

pub struct Imap {
    settings: ImapSettings,
    wire: Wire,
    /// Upper case.
    capabilities: HashSet<String>,
    /// Level delimiter of folder names, if the server has levels.
    delimiter: Option<char>,
    home: Home,
    /// The home folder is selected for writing; else another one is open, or none.
    at_home: bool,
    /// All mail below this UID was known or handed out.
    listed_below: u32,
    /// Wire names of places found or created over this connection.
    places: HashMap<Place, String>,
}

/// What SELECT told about the folder we work on.
struct Home {
    /// Name as the server writes it.
    name: String,
    validity: u32,
    /// UIDNEXT, if the server said it.
    next_uid: Option<u32>,
    /// PERMANENTFLAGS; none if the server did not say, and then everything may be tried.
    flags: Option<Vec<String>>,
    read_only: bool,
}

impl Imap {
    pub async fn open(settings: &ImapSettings) -> Result<Imap, MailboxError> {
        let mut wire = connect(settings).await?;
        let capabilities = capabilities(&mut wire).await?;
        let mut imap = Imap {
            settings: settings.clone(),
            wire,
            capabilities,
            delimiter: None,
            home: Home::named(String::new()),
            at_home: false,
            listed_below: 0,
            places: HashMap::new(),
        };
        imap.delimiter = imap.find_delimiter().await?;
        imap.home.name = imap.wire_name(&settings.folder)?;
        imap.home = imap.select().await?;
        imap.at_home = true;
        Ok(imap)
    }

    /// A new connection in place of one that failed; UIDs known so far stay good, or this is an error.
    async fn reopen(&mut self) -> Result<(), MailboxError> {
        let fresh = Imap::open(&self.settings).await?;
        if fresh.home.validity != self.home.validity {
            return Err(MailboxError::ValidityChanged);
        }
        *self = fresh;
        Ok(())
    }

    pub fn place(&self) -> (&str, u32) {
        (&self.settings.folder, self.home.validity)
    }

    /// See [`super::Inbox::new_mail`].
    pub async fn new_mail(&mut self, known: &Known, limit: usize) -> Result<Vec<Arrival>, MailboxError> {
        self.go_home().await?;
        // A server tells of new mail at the end of a command: without this one, SEARCH looks at yesterday's mailbox.
        self.wire.run(Command::new("NOOP")).await?;
        self.wire.news = false;
        let mut uids = self.uids_after(known.last_uid).await?;
        let more = uids.len() > limit;
        uids.truncate(limit);
        let after_last = uids.last().map(|last| last.saturating_add(1));
        let listed_below = if more { after_last } else { after_last.max(self.home.next_uid) };
        let heads = self.heads(&uids).await?;
        self.wire.news |= more;
        self.listed_below = self.listed_below.max(listed_below.unwrap_or(0));
        Ok(heads.into_arrivals(&self.settings.folder, self.home.validity))
    }

    /// See [`super::Inbox::more`].
    pub async fn more(&mut self, item: &Item, from: usize, bytes: usize) -> Result<Option<Vec<u8>>, MailboxError> {
        let uid = uid(item)?;
        self.go_home().await?;
        self.piece(uid, from, bytes).await
    }

    /// See [`super::Inbox::flags`].
    pub async fn flags(&mut self, item: &Item) -> Result<Option<Vec<String>>, MailboxError> {
        let uid = uid(item)?;
        self.go_home().await?;
        // A FETCH may still tell of what was expunged; only other commands show it (RFC 9051 §7.5.1).
        self.wire.run(Command::new("NOOP")).await?;
        for _ in 0..2 {
            match self.flags_of(&[uid]).await {
                Ok(mut flags) => return Ok(flags.remove(&uid)),
                Err(error) => self.survive(error).await?,
            }
        }
        Ok(None)
    }

    pub async fn add_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        self.change_one(LabelChange { add: true, labels: labels.to_vec(), items: items.to_vec() }).await
    }

    pub async fn remove_labels(&mut self, items: &[Item], labels: &[String]) -> Result<(), MailboxError> {
        self.change_one(LabelChange { add: false, labels: labels.to_vec(), items: items.to_vec() }).await
    }

    async fn change_one(&mut self, change: LabelChange) -> Result<(), MailboxError> {
        self.change_labels(&[change]).await?.into_iter().collect()
    }

    /// See [`super::Inbox::change_labels`].
    pub async fn change_labels(
        &mut self,
        changes: &[LabelChange],
    ) -> Result<Vec<Result<(), MailboxError>>, MailboxError> {
        self.go_home().await?;
        let mut commands = Vec::new();
        let stores = changes.iter().map(|change| self.stores(change));
        let counts: Vec<Result<usize, MailboxError>> = stores
            .map(|stores| {
                let before = commands.len();
                commands.extend(stores?);
                Ok(commands.len() - before)
            })
            .collect();
        let mut answers = self.wire.run_all(&commands).await?.into_iter();
        // Each change takes all its answers off the list, also those behind a refusal.
        let mut ended = |count| answers.by_ref().take(count).collect::<Vec<_>>().into_iter().collect();
        Ok(counts.into_iter().map(|count| ended(count?)).collect())
    }

    /// The commands of a change.
    fn stores(&self, change: &LabelChange) -> Result<Vec<Command>, MailboxError> {
        check_labels(&change.labels)?;
        if let Some(refused) = change.labels.iter().find(|label| change.add && !self.home.keeps(label)) {
            return Err(MailboxError::LabelsRefused(refused.clone()));
        }
        let uids = change.items.iter().map(uid).collect::<Result<Vec<u32>, MailboxError>>()?;
        let sign = if change.add { "+FLAGS.SILENT" } else { "-FLAGS.SILENT" };
        let list = format!("({})", change.labels.join(" "));
        let batches = uids.chunks(BATCH).filter(|_| !change.labels.is_empty());
        Ok(batches.map(|batch| Command::new("UID STORE").raw(&uid_set(batch)).raw(sign).raw(&list)).collect())
    }

    /// Selects the home folder if another one is open. A server that rebuilt it meanwhile has new UIDs. Mail that
    /// came while we were away is told from mail that was there by UIDNEXT: EXISTS comes with every SELECT.
    async fn go_home(&mut self) -> Result<(), MailboxError> {
        if self.at_home {
            return Ok(());
        }
        let home = self.select().await?;
        if home.validity != self.home.validity {
            return Err(MailboxError::ValidityChanged);
        }
        self.wire.news = home.next_uid.is_none_or(|next| next > self.listed_below);
        self.home = home;
        self.at_home = true;
        Ok(())
    }

    async fn select(&mut self) -> Result<Home, MailboxError> {
        let mut home = Home::named(self.home.name.clone());
        let command = Command::new("SELECT").string(&home.name);
        let folder = || self.settings.folder.clone();
        match self.wire.watch(command, &mut |response| home.note(response)).await {
            Err(MailboxError::Refused { code, .. }) if matches!(code.as_str(), "NO" | "NONEXISTENT" | "TRYCREATE") => {
                Err(MailboxError::NoSuchFolder(folder()))
            }
            Err(error) => Err(error),
            Ok(()) if home.read_only => Err(MailboxError::ReadOnly(folder())),
            Ok(()) if home.validity == 0 => Err(MailboxError::Protocol("a folder without UIDVALIDITY")),
            Ok(()) => Ok(home),
        }
    }

    fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }
}

impl Home {
    fn named(name: String) -> Home {
        Home { name, validity: 0, next_uid: None, flags: None, read_only: false }
    }

    fn note(&mut self, response: &Response<'_>) {
        let (Response::Data { outcome, .. } | Response::Done { outcome, .. }) = response else { return };
        match &outcome.code {
            Some(ResponseCode::UidValidity(validity)) => self.validity = *validity,
            Some(ResponseCode::UidNext(next)) => self.next_uid = Some(*next),
            Some(ResponseCode::PermanentFlags(flags)) => {
                self.flags = Some(flags.iter().map(|flag| flag.to_string()).collect());
            }
            Some(ResponseCode::ReadOnly) => self.read_only = true,
            _ => {}
        }
    }

    /// `\*` among the permanent flags means that new keywords may be made (RFC 9051 §7.1, PERMANENTFLAGS).
    fn keeps(&self, label: &str) -> bool {
        let Some(flags) = &self.flags else { return true };
        flags.iter().any(|flag| flag == "\\*" || flag.eq_ignore_ascii_case(label))
    }
}

fn uid(item: &Item) -> Result<u32, MailboxError> {
    match item {
        Item::Uid(uid) => Ok(*uid),
        Item::File(_) => Err(MailboxError::ForeignItem),
    }
}

/// A sequence set, runs as ranges: `1:3,7`.
fn uid_set(uids: &[u32]) -> String {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    let runs = uids.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}:{last}"),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(",")
}

/// UIDs of the untagged SEARCH answers.
fn note_search(found: &mut Vec<u32>, response: &Response<'_>) {
    if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
        found.extend_from_slice(uids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_sets_are_sorted_runs() {
        assert_eq!(uid_set(&[7, 1, 3, 2, 3]), "1:3,7");
        assert_eq!(uid_set(&[u32::MAX - 1, u32::MAX]), "4294967294:4294967295");
        assert_eq!(uid_set(&[5]), "5");
    }

    #[test]
    fn keywords_are_kept_where_the_server_says_so() {
        let flags = |flags: &[&str]| Home {
            flags: Some(flags.iter().map(|f| f.to_string()).collect()),
            ..Home::named(String::new())
        };
        assert!(flags(&["\\Seen", "\\*"]).keeps("anything"));
        assert!(flags(&["\\Seen", "Madoguchi"]).keeps("madoguchi"));
        assert!(!flags(&["\\Seen"]).keeps("madoguchi"));
        assert!(Home::named(String::new()).keeps("madoguchi"), "a server that says nothing is asked");
    }
}

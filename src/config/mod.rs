//! TOML with spans → checked types, or all problems at once.
//!
//! Reading order: `problems` (what an error looks like), `reader` (typed getters that go on after a problem),
//! then one file a table: `desk`, `border`, `form`, `server`, `secret`, `oauth`, `health`, `register`, `calendar`, `pack`; `assemble`
//! looks up what desks name and puts them together. docs/configuration.md and docs/rules.md describe the files.

mod assemble;
mod border;
mod calendar;
mod check;
mod desk;
mod form;
mod freemail;
mod health;
pub mod ics;
mod notices;
mod oauth;
mod pack;
mod problems;
mod reader;
mod register;
mod secret;
mod server;
mod suggest;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use freemail::FreeMail;
pub use health::Health;
pub use pack::{
    Claims, Example, Expected, GivenMail, Loaded, MailTest, WrittenTerm, check_pack, embedded_files, embedded_pack,
    embedded_packs, pack_from, pack_with_claims,
};
pub use problems::{Problem, Problems, Report, Severity};
pub use register::Entries;

use self::problems::File;
use crate::oauth::{Account, Credential};
use crate::store::{Keep, Store, StoreError};
use crate::triage::context::DeskProfile;
use crate::triage::notice::Notice;
use crate::triage::register::Register;
use crate::triage::rulebook::Edition;
use crate::{mailbox, outbox};

/// What `madoguchi init` writes: a configuration with comments.
pub const DEFAULT: &str = include_str!("madoguchi.toml");

/// An installation, checked.
#[derive(Debug)]
pub struct Config {
    /// The database file.
    pub store: PathBuf,
    /// How long what is kept there.
    pub keep: Keep,
    pub health: Health,
    pub desks: Vec<Desk>,
    /// Those that get tokens, by name.
    pub accounts: Vec<Account>,
    /// Domains that identify nobody.
    pub free_mail: FreeMail,
    /// Nothing in here is an error.
    pub warnings: Problems,
}

/// Where a desk's customers and partners are.
#[derive(Debug, Clone)]
pub enum RegisterSource {
    /// Read from files, with the configuration.
    Files(Arc<Register>),
    /// Imported into the store; what is imported while the desk works counts from the next mail on.
    Store,
}

impl RegisterSource {
    /// The register as it is now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn current(&self, store: &Store) -> Result<Arc<Register>, StoreError> {
        match self {
            RegisterSource::Files(register) => Ok(register.clone()),
            RegisterSource::Store => store.register().await,
        }
    }
}

/// One desk, checked.
#[derive(Debug, Clone)]
pub struct Desk {
    /// `secret` is left empty: it is kept in the store.
    pub profile: DeskProfile,
    /// The edition whose terms were in force first.
    pub edition: Edition,
    /// Editions that come into force later, in that order (terms 2-3, 21).
    pub later: Vec<Edition>,
    pub register: RegisterSource,
    /// DKIM signatures are checked by ourselves.
    pub check_dkim: bool,
    pub mailbox: mailbox::Settings,
    pub outbox: outbox::Settings,
    /// What cannot be sent for so long goes to staff.
    pub give_up_after: SignedDuration,
    /// Our answers are also put into the mailbox's folder for sent mail.
    pub sent_copy: bool,
    /// Mail that arrived before this is never answered, whatever the day of the first start.
    pub answer_since: Option<Timestamp>,
    /// Dated notices of the configuration; staff may start further ones by command.
    pub notices: Vec<Notice>,
    /// Time between two answers that waited for the opening.
    pub release_every: SignedDuration,
    /// Mails worked on in one go.
    pub batch: usize,
}

impl Desk {
    /// The accounts whose tokens it needs, each once.
    pub fn accounts(&self) -> Vec<&Account> {
        let mailbox = match &self.mailbox {
            mailbox::Settings::Imap(imap) => Some(&imap.credential),
            mailbox::Settings::Maildir { .. } => None,
        };
        let outbox = match &self.outbox {
            outbox::Settings::Smtp(smtp) => smtp.login.as_ref().map(|(_, credential)| credential),
            outbox::Settings::Folder { .. } => None,
        };
        let mut accounts: Vec<&Account> = Vec::new();
        for credential in mailbox.into_iter().chain(outbox) {
            if let Credential::OAuth(account) = credential
                && !accounts.iter().any(|known| known.settings().name == account.settings().name)
            {
                accounts.push(account);
            }
        }
        accounts
    }
}

/// What a configuration may refer to outside its files.
pub(crate) struct Surroundings<'a> {
    /// Relative paths start here: the folder of the configuration file.
    pub folder: &'a Path,
    /// A folder of packs in the place of the configuration's.
    pub rules: Option<&'a Path>,
    /// Environment variables.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Loads a configuration with everything it names. Relative paths are relative to the file.
pub fn load(path: &Path) -> Result<Config, Problems> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// [`load`], with warnings also of what is only clumsy in the packs.
pub fn check(path: &Path) -> Result<Config, Problems> {
    read(Report::with_lints(), path, None, &|name| std::env::var(name).ok())
}

/// [`load`], with the packs of the folder `rules` (and of `templates` beside it) in the place of those it names.
pub fn load_with_rules(path: &Path, rules: &Path) -> Result<Config, Problems> {
    read(Report::default(), path, Some(rules), &|name| std::env::var(name).ok())
}

/// [`load`] with environment variables from elsewhere.
pub fn load_with(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, Problems> {
    read(Report::default(), path, None, variable)
}

fn read(
    report: Report,
    path: &Path,
    rules: Option<&Path>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Config, Problems> {
    let around = Surroundings { folder: path.parent().unwrap_or(Path::new("")), rules, variable };
    let text = text_of(&report, path);
    let config = text.and_then(|text| assemble::config(File::new(&report, path, &text), &around));
    let (config, warnings) = pack::checked(config, report)?;
    Ok(Config { warnings, ..config })
}

/// A file as text; reported if it cannot be read.
fn text_of(report: &Report, path: &Path) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            report.of_file(path, Problem::error(format!("cannot read the file: {error}")));
            None
        }
    }
}

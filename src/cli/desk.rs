//! The desk that a command decides as: one of a configuration, with rules and register as a run would have them.

use std::io::IsTerminal;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;

use super::packs;
use crate::config::{self, Config, RegisterSource};
use crate::store::{StoreError, read_register};
use crate::triage::context::{Context, DeskProfile, History, Seen};
use crate::triage::notice::Notice;
use crate::triage::pack::Pack;
use crate::triage::register::Register;
use crate::triage::rulebook::Editions;

/// A desk to decide as.
pub struct Desk {
    pub profile: DeskProfile,
    pub rules: Editions,
    /// Those of the configuration; what staff started by command is in the store of a run.
    pub notices: Vec<Notice>,
    pub register: Arc<Register>,
}

impl Desk {
    /// A desk of this pack that knows nobody.
    pub fn of_pack(pack: Pack) -> anyhow::Result<Desk> {
        let profile = packs::profile(&pack);
        let rules = Editions::compile(&pack.into(), &[])?;
        Ok(Desk { profile, rules, notices: Vec::new(), register: Arc::default() })
    }

    /// To decide a mail at this moment by itself, as the first that ever came.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        Context {
            now,
            desk: &self.profile,
            rules: self.rules.at(now),
            register: &self.register,
            seen: Seen::default(),
            history: History::default(),
            receipt: None,
            notices: self.notices.clone(),
            outages: Vec::new(),
            release: None,
        }
    }
}

/// The desk `id` of a configuration, or its only one; the problems of a wrong configuration are given as text for people.
pub fn of_config(path: &Path, id: Option<&str>) -> anyhow::Result<Result<Desk, String>> {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => return Ok(Err(problems.render(std::io::stderr().is_terminal()))),
    };
    let names: Vec<&str> = config.desks.iter().map(|d| d.profile.id.as_str()).collect();
    let names = names.join(", ");
    let chosen = match id {
        Some(id) => config.desks.into_iter().find(|d| d.profile.id == *id),
        None if config.desks.len() == 1 => config.desks.into_iter().next(),
        None => bail!("{} has several desks; choose one with --desk: {names}", path.display()),
    };
    let Some(found) = chosen else { bail!("{} has no such desk; it has: {names}", path.display()) };
    let register = match found.register {
        RegisterSource::Files(register) => register,
        RegisterSource::Store => imported(&config.store)?,
    };
    let rules = Editions::compile(&found.edition, &found.later)?;
    Ok(Ok(Desk { profile: found.profile, rules, notices: found.notices, register }))
}

/// Leaves only the desk `id` in a configuration that was read from `file`.
pub fn keep_only(config: &mut Config, file: &Path, id: &str) -> anyhow::Result<()> {
    let names: Vec<String> = config.desks.iter().map(|desk| desk.profile.id.clone()).collect();
    config.desks.retain(|found| found.profile.id == id);
    if config.desks.is_empty() {
        bail!("{} has no such desk; it has: {}", file.display(), names.join(", "));
    }
    Ok(())
}

/// What was imported into the store; nothing, if there is no store yet.
fn imported(store: &Path) -> anyhow::Result<Arc<Register>> {
    match read_register(store) {
        Ok(stored) => Ok(Arc::new(Register::new(stored.partners, stored.customers).context("the imported register")?)),
        Err(StoreError::Missing { .. }) => Ok(Arc::default()),
        Err(error) => Err(error.into()),
    }
}

//! Mail of the journal decided again, by other rules than then. Nothing is written, and nobody is asked.

use super::{decide_safely, read_safely};
use crate::config::Desk;
use crate::store::StoredMail;
use crate::triage::circumstances::Circumstances;
use crate::triage::context::DeskProfile;
use crate::triage::decision::Decision;
use crate::triage::outage::Outage;
use crate::triage::register::Register;
use crate::triage::rulebook::{Editions, Rulebook, RulebookError};

/// A desk that decides again.
pub struct Replay<'a> {
    profile: DeskProfile,
    rules: Editions,
    register: &'a Register,
    outages: &'a [Outage],
}

impl<'a> Replay<'a> {
    /// `secret`: the store's. `outages`: those on record at the desk.
    ///
    /// # Errors
    /// The rules do not compile.
    pub fn new(
        desk: &Desk,
        secret: Vec<u8>,
        register: &'a Register,
        outages: &'a [Outage],
    ) -> Result<Replay<'a>, RulebookError> {
        let rules = Editions::compile(&desk.edition, &desk.later)?;
        let profile = DeskProfile { secret, ..desk.profile.clone() };
        Ok(Replay { profile, rules, register, outages })
    }

    /// The edition for a mail: that of its arrival.
    pub fn rules(&self, mail: &StoredMail) -> &Rulebook {
        self.rules.at(mail.arrived())
    }

    /// What is decided about a mail in the circumstances of then.
    pub fn decide(&self, mail: &StoredMail, before: &Decision, circumstances: Circumstances) -> Decision {
        let inquiry = read_safely(mail, &self.profile);
        let ctx = circumstances.context(before, &self.profile, self.rules(mail), self.register, self.outages);
        decide_safely(&inquiry, None, &ctx)
    }
}

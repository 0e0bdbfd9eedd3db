//! Deciding: a batch of mails in one transaction, each with the history that those before it have made.
//!
//! [`triage::decide`] neither waits nor reads a clock, so it runs where the history is, on the store's thread; what a mail
//! asks needs no history, and is read before, beside the store's work.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tracing::{info, warn};

use super::{decide_safely, meta, observe, warn_of_breaker};
use crate::apply::effects;
use crate::config::Desk;
use crate::store::{Books, DeskLoad, HistoryQuery, MailId, MailMeta, Record, StoreError, StoredMail, Turn, in_force};
use crate::triage::bounce::Bounce;
use crate::triage::circumstances::Circumstances;
use crate::triage::context::{Context, DeskProfile, Seen};
use crate::triage::decision::{Decision, Disposition};
use crate::triage::inquiry::Inquiry;
use crate::triage::receipt;
use crate::triage::register::Register;
use crate::triage::rulebook::{Editions, Rulebook};
use crate::triage::together::Release;
use crate::triage::{self, Asked};

/// A mail that was read.
pub(super) struct Read {
    pub mail: StoredMail,
    pub inquiry: Inquiry,
    pub bytes: FromBytes,
    /// None: reading what it asks panicked; deciding finds out.
    pub asked: Option<Asked>,
}

/// What only a mail's bytes tell; they are put away before it is decided.
#[derive(Default)]
pub(super) struct FromBytes {
    /// Domain of a good signature, if the desk checks it.
    pub dkim: Option<String>,
    pub bounce: Option<Bounce>,
}

/// What stays the same for all mails of a batch.
pub(super) struct Judge {
    pub desk: Arc<Desk>,
    pub profile: Arc<DeskProfile>,
    pub rules: Arc<Editions>,
    pub register: Arc<Register>,
    pub now: Timestamp,
}

/// What was decided about a mail, for the log.
pub(super) struct Decided {
    mail: MailId,
    disposition: Disposition,
    scopes: Vec<String>,
    /// It tells that a mail of ours came back, with this status ("" if it names none).
    bounce: Option<String>,
}

impl Decided {
    fn of(mail: MailId, meta: &MailMeta, decision: &Decision) -> Decided {
        let bounce = meta.bounce.as_ref().map(|bounce| bounce.status.clone().unwrap_or_default());
        Decided { mail, disposition: decision.disposition, scopes: decision.scopes.clone(), bounce }
    }

    pub fn log(&self, desk: &str) {
        let (disposition, scopes) = (self.disposition.as_str(), self.scopes.join(" "));
        info!(desk, mail = %self.mail, disposition, scopes, "decided");
        if let Some(status) = &self.bounce {
            warn!(event = "answer-bounced", desk, mail = %self.mail, status, "a mail of ours came back");
        }
    }
}

impl Judge {
    /// Decides them in the order of arrival, and writes everything down.
    pub fn decide_all(&self, read: Vec<Read>, books: &Books<'_>) -> Result<Vec<Decided>, StoreError> {
        let mut load = books.desk_load(&self.profile.id, self.now)?;
        read.into_iter().map(|read| self.decide(read, &mut load, books)).collect()
    }

    fn decide(&self, mut read: Read, load: &mut DeskLoad, books: &Books<'_>) -> Result<Decided, StoreError> {
        let Read { mail, inquiry, bytes, asked } = &mut read;
        let mut ctx = self.context(mail, inquiry, bytes, None, books)?;
        let mut decision = decide_safely(inquiry, asked.take(), &ctx);
        let (id, meta) = (mail.id, self.meta(inquiry, bytes));
        if observe::only(&ctx) {
            let (would, circumstances) = observe::would(inquiry, ctx, mail);
            let decided = Decided::of(id, &meta, &decision);
            let record = Record { mail: id, meta, decision, effects: Vec::new(), circumstances: Some(circumstances) };
            books.record_observed(&record, &would, self.now)?;
            return Ok(decided);
        }
        if decision.answers() && self.opens_breaker(load, books)? {
            ctx.history.standing.breaker_open = true;
            decision = decide_safely(inquiry, None, &ctx);
        }
        if decision.reasons.iter().any(|reason| reason.code == "urgent") {
            warn!(event = "urgent", desk = self.profile.id, mail = %id, "staff must see this mail at once");
        }
        let effects = effects(&decision.actions, &self.profile.label_prefix, self.desk.sent_copy);
        let turn = decision.waits_until().map(|at| Turn { at, every: self.desk.release_every });
        let decided = Decided::of(id, &meta, &decision);
        let circumstances = Some(Circumstances::of(&decision, ctx));
        let record = Record { mail: id, meta, decision, effects, circumstances };
        load.last_hour += books.record_in_turn(&record, turn, self.now)?;
        Ok(decided)
    }

    /// The rules for a mail (terms 21): those in force when it arrived.
    pub fn rules(&self, mail: &StoredMail) -> &Rulebook {
        self.rules.at(mail.arrived())
    }

    /// Everything that is known besides the mail itself.
    pub fn context(
        &self,
        mail: &StoredMail,
        inquiry: &Inquiry,
        bytes: &FromBytes,
        release: Option<Release>,
        books: &Books<'_>,
    ) -> Result<Context<'_>, StoreError> {
        let (now, desk) = (self.now, self.profile.id.as_str());
        let of_domain = self.profile.budgets.limit_domains();
        let query = HistoryQuery { of_domain, ..HistoryQuery::new(mail.id, &self.meta(inquiry, bytes)) };
        let mut history = books.history(desk, &query, now)?;
        if triage::gate::is_password_notice(inquiry) {
            let first = books.mail_before(desk, &query)?;
            history.ppap_first = first.map(|mail| mail.to_string());
            if let (Some(first), None) = (first, &history.case) {
                history.case = books.case_of(first)?;
            }
        }
        let seen = Seen {
            mailbox: mail.arrival.key.mailbox.clone(),
            internal_date: mail.arrival.internal_date,
            flags: mail.arrival.flags.clone(),
            not_before: Some(self.not_before(mail, books)?),
            dkim: bytes.dkim.clone(),
        };
        let notices = in_force(books.notices(desk)?, &self.desk.notices);
        let outages = books.outages(desk)?;
        let rules = self.rules(mail);
        let number = books.next_case(desk, self.day())?;
        let receipt = Some(receipt::reference(&self.profile.receipt_prefix, self.day(), number));
        let (desk, register) = (&*self.profile, &*self.register);
        Ok(Context { now, desk, rules, register, seen, history, receipt, notices, outages, release })
    }

    /// Where the desk is.
    fn day(&self) -> Date {
        self.now.to_zoned(self.desk.edition.calendar.zone.clone()).date()
    }

    pub fn meta(&self, inquiry: &Inquiry, bytes: &FromBytes) -> MailMeta {
        MailMeta { bounce: bytes.bounce.clone(), ..meta(inquiry, &self.profile.secret, self.day()) }
    }

    /// Is one more answer too much for the desk? Then it stops, and staff are told.
    fn opens_breaker(&self, load: &DeskLoad, books: &Books<'_>) -> Result<bool, StoreError> {
        let full = load.last_hour >= self.profile.budgets.desk_limit(&load.hours);
        if full {
            books.open_breaker(&self.profile.id, self.now)?;
            warn_of_breaker(&self.profile.id, load.last_hour);
        }
        Ok(full)
    }
}

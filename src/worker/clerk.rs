//! What reads, decides and labels at a desk: everything but sending.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::warn;

use super::judge::{FromBytes, Judge, Read};
use super::{Progress, WorkError, asked_safely, sleep_until};
use crate::apply::{Fresh, Hands, Notes, Others, stopped};
use crate::clock::Clock;
use crate::config::Desk;
use crate::dkim;
use crate::health::{Pulse, Stage};
use crate::mailbox::{Inbox, MailboxError};
use crate::store::{MailId, Store, StoredMail};
use crate::triage;
use crate::triage::arrival::{Arrival, Known};
use crate::triage::context::DeskProfile;
use crate::triage::inquiry::{Inquiry, Mailbox};
use crate::triage::rulebook::Editions;

/// Effects carried out together.
const EFFECTS_A_ROUND: u32 = 1000;
/// Labels, answer, label of the answer, copy: so often effects are carried out between two looks at the mailbox.
const STEPS_OF_A_MAIL: usize = 4;
/// Mails decided in one transaction.
const DECIDED_TOGETHER: usize = 50;

/// Mails labelled together, where more are decided.
const LABELLED_TOGETHER: usize = 200;

/// What reads, decides and labels.
pub(super) struct Clerk {
    pub desk: Arc<Desk>,
    pub profile: Arc<DeskProfile>,
    pub rules: Arc<Editions>,
    from: Mailbox,
    pub store: Store,
    pub clock: Clock,
    pub inbox: Option<Inbox>,
    /// What the journal has of the open mailbox.
    pub known: Option<Known>,
    /// The last batch was a full one.
    pub more_to_read: bool,
    /// The next batch is being read, while this one is decided.
    pub reading: JoinSet<(Inbox, Known, Result<Vec<Arrival>, MailboxError>)>,
    /// The next batch, read and not journalled yet.
    pub ahead: Vec<Arrival>,
    pub dkim: Option<dkim::Checker>,
    fresh: Fresh,
    notes: Notes,
    /// The last effects ended in a failure: see [`Hands::careful`].
    careful: bool,
    /// Mail up to this one was here when the process began; whatever of it is undecided may have ended the last one.
    pub found: MailId,
    pub begun: Instant,
    /// When the server is asked again for mail that it did not give, if there is any.
    pub ask_at: Option<Timestamp>,
    /// The year whose missing list of holidays was told.
    missing_holidays: Option<i16>,
    /// Mail was read and decided: from now on even a refused login is waited out, for it worked before.
    pub worked: bool,
    pub stop: watch::Receiver<bool>,
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
    pub pulse: Arc<dyn Fn(Pulse) + Send + Sync>,
}

impl Clerk {
    pub async fn new(
        desk: Desk,
        rules: Editions,
        store: Store,
        clock: Clock,
        notes: Notes,
    ) -> Result<Clerk, WorkError> {
        let profile = DeskProfile { secret: store.secret(), ..desk.profile.clone() };
        let from = Mailbox { name: profile.name.clone(), address: profile.address.clone() };
        let dkim = if desk.check_dkim { Some(dkim::Checker::new()?) } else { None };
        let fresh = Fresh::new(store.newest_effect().await?);
        let found = store.newest_mail().await?;
        Ok(Clerk {
            desk: Arc::new(desk),
            profile: Arc::new(profile),
            rules: Arc::new(rules),
            from,
            store,
            clock,
            inbox: None,
            known: None,
            more_to_read: false,
            reading: JoinSet::new(),
            ahead: Vec::new(),
            dkim,
            fresh,
            notes,
            careful: false,
            found,
            begun: Instant::now(),
            ask_at: None,
            missing_holidays: None,
            worked: false,
            stop: watch::channel(false).1,
            progress: Arc::new(|_| ()),
            pulse: Arc::new(|_| ()),
        })
    }

    pub fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    pub fn disconnect(&mut self) {
        self.inbox = None;
        self.known = None;
        self.reading = JoinSet::new();
        self.ahead.clear();
    }

    /// Waits for mail, for an effect to become due, or for the end.
    pub async fn wait(&mut self) -> Result<(), WorkError> {
        let due = self.store.next_due(&self.profile.id, self.clock.now()).await?;
        let due = due.into_iter().chain(self.ask_at).min();
        let (clock, stop) = (self.clock.clone(), self.stop.clone());
        let until = async {
            tokio::select! {
                () = sleep_until(&clock, due) => {}
                () = stopped(&stop) => {}
            }
        };
        self.open().await?.wait(until).await?;
        Ok(())
    }

    /// A batch of new mail, its decisions and their effects; answers how much there was to do. Tells when something may
    /// have become ready to be sent.
    pub async fn work(&mut self, tell: &watch::Sender<Others>) -> Result<usize, WorkError> {
        let read = self.read().await?;
        (self.pulse)(Pulse::Done(Stage::Read));
        let decided = self.decide(tell).await?;
        (self.pulse)(Pulse::Done(Stage::Decide));
        self.worked = true;
        let released = self.release().await?;
        let carried_out = self.act(tell).await?;
        Ok(read + decided + released + carried_out)
    }

    /// Decides what the journal has not decided yet, in the order of arrival. Long mails come a few at a time.
    async fn decide(&mut self, tell: &watch::Sender<Others>) -> Result<usize, WorkError> {
        let (mut count, mut last, mut left) = (0, None, u32::try_from(self.desk.batch).unwrap_or(u32::MAX));
        let mut next_step = 1;
        while left > 0 && (last.is_none() || !self.stopping()) {
            let mails = self.store.undecided_after(last, &self.profile.id, self.most_tries(), left).await?;
            let Some(newest) = mails.last() else { break };
            last = Some(newest.id);
            left = left.saturating_sub(u32::try_from(mails.len()).unwrap_or(u32::MAX));
            count += self.decide_these(mails).await?;
            // The first answers go out while others are decided; what stands on the server is changed in larger steps.
            if count >= next_step {
                self.carry_out(tell).await?;
                next_step = count + LABELLED_TOGETHER;
            }
        }
        Ok(count)
    }

    /// What may be at fault is decided by itself.
    async fn decide_these(&mut self, mails: Vec<StoredMail>) -> Result<usize, WorkError> {
        let (unread, mails): (Vec<_>, Vec<_>) = mails.into_iter().partition(|mail| mail.arrival.is_unread());
        let count = mails.len() + self.ask_again(unread).await?;
        let (suspects, others): (Vec<_>, Vec<_>) = mails.into_iter().partition(|mail| self.suspects(mail));
        for mail in suspects {
            if self.stopping() {
                return Ok(count);
            }
            self.decide_or_isolate(mail).await?;
        }
        if !others.is_empty() && !self.stopping() {
            self.decide_together(others).await?;
        }
        Ok(count)
    }

    /// A few at a time: while the store's thread decides some, the next ones are read here.
    pub async fn decide_all(&mut self, mails: Vec<StoredMail>) -> Result<(), WorkError> {
        let judge = Arc::new(self.judge().await?);
        let mut rest = mails.into_iter();
        let mut read = self.read_some(&judge, &mut rest).await?;
        while !read.is_empty() && !self.stopping() {
            let store = self.store.clone();
            let deciding = store.in_one({
                let judge = judge.clone();
                move |books| judge.decide_all(read, books)
            });
            let (decided, next) = tokio::join!(deciding, self.read_some(&judge, &mut rest));
            let decided = decided?;
            decided.iter().for_each(|decided| decided.log(&self.profile.id));
            (self.progress)(Progress::Decided(decided.len()));
            read = next?;
        }
        Ok(())
    }

    async fn read_some(
        &mut self,
        judge: &Judge,
        mails: &mut impl Iterator<Item = StoredMail>,
    ) -> Result<Vec<Read>, WorkError> {
        let mut read = Vec::with_capacity(DECIDED_TOGETHER);
        for mut mail in mails.take(DECIDED_TOGETHER) {
            let inquiry = self.whole_text(&mut mail).await?;
            let bounce = triage::bounce::bounce(&mail.arrival.raw, &inquiry, &self.profile.secret);
            let bytes = FromBytes { dkim: self.signer(&mail, &inquiry).await, bounce };
            // The journal has them, and so many of them are much.
            mail.arrival.raw = Vec::new();
            let asked = asked_safely(&inquiry, &judge.profile, judge.rules(&mail), judge.now);
            read.push(Read { mail, inquiry, bytes, asked });
            // What goes out meanwhile goes on.
            tokio::task::yield_now().await;
        }
        Ok(read)
    }

    pub async fn judge(&self) -> Result<Judge, WorkError> {
        let register = self.desk.register.current(&self.store).await?;
        let (desk, profile, rules) = (self.desk.clone(), self.profile.clone(), self.rules.clone());
        Ok(Judge { desk, profile, rules, register, now: self.clock.now() })
    }

    pub async fn signer(&self, mail: &StoredMail, inquiry: &Inquiry) -> Option<String> {
        match &self.dkim {
            Some(checker) => checker.signer(&mail.arrival.raw, inquiry).await,
            None => None,
        }
    }

    /// Told once a year, when the list of the coming one is missing.
    pub fn look_at_calendar(&mut self) {
        let missing = self.desk.edition.calendar.holidays_missing(self.clock.now());
        if let Some(year) = missing.filter(|_| missing != self.missing_holidays) {
            let desk = self.profile.id.as_str();
            warn!(event = "holidays-missing", desk, year, "no list of holidays: they are computed from the Act");
        }
        self.missing_holidays = missing;
    }

    /// Carries out what is due, and then what that has made due: labels, answers, the labels and the copies of those.
    /// Where more mail lies ready, that comes first.
    async fn act(&mut self, tell: &watch::Sender<Others>) -> Result<usize, WorkError> {
        let mut all = 0;
        for _ in 0..STEPS_OF_A_MAIL {
            let carried_out = self.carry_out(tell).await?;
            all += carried_out;
            if carried_out == 0 || self.more_to_read {
                break;
            }
        }
        Ok(all)
    }

    /// Carries out what is due, and tells that what stands behind it may be sent.
    async fn carry_out(&mut self, tell: &watch::Sender<Others>) -> Result<usize, WorkError> {
        if self.stopping() {
            return Ok(0);
        }
        let ready = self.store.ready(&self.profile.id, self.clock.now(), EFFECTS_A_ROUND).await?;
        let count = ready.len();
        if count > 0 {
            let carried_out = self.hands().await?.carry_out(ready).await;
            self.careful = carried_out.is_err();
            carried_out?;
            (self.progress)(Progress::CarriedOut(count));
            tell.send_replace(Others::Working);
        }
        Ok(count)
    }

    pub async fn hands(&mut self) -> Result<Hands<'_>, WorkError> {
        self.open().await?;
        let inbox = self.inbox.as_mut().ok_or(MailboxError::Closed)?;
        Ok(Hands {
            desk: &self.profile.id,
            inbox,
            store: &self.store,
            clock: &self.clock,
            from: &self.from,
            fresh: &mut self.fresh,
            careful: self.careful,
            notes: &mut self.notes,
            stop: &self.stop,
            alert_command: &self.profile.alert_command,
            zone: &self.desk.edition.calendar.zone,
        })
    }
}

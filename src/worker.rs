//! The loop of one desk: read what is new, journal it, decide, carry out what is due, wait.
//!
//! Every step ends in the store, so stopping (or dying) between any two of them loses nothing: the next start goes
//! on where the journal says.

mod backoff;
mod judge;
mod observe;
mod poison;
mod reading;
mod release;
mod replay;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use self::backoff::Backoff;
use self::judge::{FromBytes, Judge, Read};
pub use self::replay::Replay;
use crate::apply::{ApplyError, Fresh, Hands, WayOut, settle_interrupted, stopped, unless_stopped};
use crate::clock::Clock;
use crate::config::Desk;
use crate::dkim::{self, DkimError};
use crate::health::{Pulse, Stage};
use crate::mailbox::{Inbox, MailboxError};
use crate::outbox::{Outbox, OutboxError};
use crate::store::{EffectId, MailId, MailMeta, Marks, Outcome, Store, StoreError, StoredMail};
use crate::triage;
use crate::triage::arrival::{Arrival, Known};
use crate::triage::context::{Context, DeskProfile};
use crate::triage::decision::Decision;
use crate::triage::inquiry::{Inquiry, Mailbox};
use crate::triage::receipt;
use crate::triage::rulebook::{Editions, RulebookError};

/// Effects carried out together.
const EFFECTS_A_ROUND: u32 = 1000;
/// Labels, answer, label of the answer, copy: so often effects are carried out between two looks at the mailbox.
const STEPS_OF_A_MAIL: usize = 4;
/// Mails decided in one transaction.
const DECIDED_TOGETHER: usize = 50;
/// After the end is asked for, the step in hand has so long. More than the outbox needs to await its server's last word.
const LAST_STEP: Duration = Duration::from_secs(10);

/// What stops a desk, or makes it try again.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Rules(#[from] RulebookError),
    #[error(transparent)]
    Dkim(#[from] DkimError),
    /// A bug of ours.
    #[error("the desk's work panicked: please report this")]
    Panicked,
}

impl From<ApplyError> for WorkError {
    fn from(error: ApplyError) -> WorkError {
        match error {
            ApplyError::Mailbox(error) => error.into(),
            ApplyError::Store(error) => error.into(),
        }
    }
}

impl WorkError {
    /// True if another try without a change cannot help.
    pub fn is_permanent(&self) -> bool {
        match self {
            WorkError::Mailbox(error) => error.is_permanent(),
            WorkError::Panicked | WorkError::Store(StoreError::Panicked) => false,
            WorkError::Store(_) | WorkError::Outbox(_) | WorkError::Rules(_) | WorkError::Dkim(_) => true,
        }
    }
}

/// Told after each step, for progress bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Journalled(usize),
    Decided(usize),
    CarriedOut(usize),
}

/// One desk at work.
pub struct Worker {
    desk: Arc<Desk>,
    profile: Arc<DeskProfile>,
    rules: Arc<Editions>,
    from: Mailbox,
    store: Store,
    clock: Clock,
    inbox: Option<Inbox>,
    /// What the journal has of the open mailbox.
    known: Option<Known>,
    /// The last batch was a full one.
    more_to_read: bool,
    /// The next batch is being read, while this one is decided.
    reading: JoinSet<(Inbox, Known, Result<Vec<Arrival>, MailboxError>)>,
    /// The next batch, read and not journalled yet.
    ahead: Vec<Arrival>,
    outbox: Outbox,
    dkim: Option<dkim::Checker>,
    fresh: Fresh,
    way: WayOut,
    marks: Marks,
    /// The last effects ended in a failure: see [`Hands::careful`].
    careful: bool,
    /// What became of effects and could not be written down yet, as on a full disk.
    unnoted: Vec<(EffectId, Outcome)>,
    /// Mail up to this one was here when the process began; whatever of it is undecided may have ended the last one.
    found: MailId,
    begun: Instant,
    /// When the server is asked again for mail that it did not give, if there is any.
    ask_at: Option<Timestamp>,
    /// Sends that were cut off are settled: since the start, and since the last failure.
    settled: bool,
    /// The year whose missing list of holidays was told.
    missing_holidays: Option<i16>,
    /// Mail was read and decided: from now on even a refused login is waited out, for it worked before.
    worked: bool,
    backoff: Backoff,
    stop: watch::Receiver<bool>,
    progress: Arc<dyn Fn(Progress) + Send + Sync>,
    pulse: Arc<dyn Fn(Pulse) + Send + Sync>,
}

impl Worker {
    /// Prepares a desk; connects nowhere yet.
    ///
    /// # Errors
    /// What no later try can mend: rules that do not compile, an outbox that cannot exist.
    pub async fn new(desk: Desk, store: Store, clock: Clock) -> Result<Worker, WorkError> {
        let outbox = Outbox::new(&desk.outbox)?;
        Worker::with_outbox(desk, store, clock, outbox).await
    }

    /// The same with rules that other desks may share.
    ///
    /// # Errors
    /// An outbox that cannot exist.
    pub async fn with_rules(desk: Desk, rules: Editions, store: Store, clock: Clock) -> Result<Worker, WorkError> {
        let outbox = Outbox::new(&desk.outbox)?;
        Worker::of(desk, rules, store, clock, outbox).await
    }

    /// The same with an outbox of the caller's.
    ///
    /// # Errors
    /// As [`Worker::new`].
    pub async fn with_outbox(desk: Desk, store: Store, clock: Clock, outbox: Outbox) -> Result<Worker, WorkError> {
        let rules = Editions::compile(&desk.edition, &desk.later)?;
        Worker::of(desk, rules, store, clock, outbox).await
    }

    async fn of(desk: Desk, rules: Editions, store: Store, clock: Clock, outbox: Outbox) -> Result<Worker, WorkError> {
        desk.accounts().into_iter().for_each(|account| account.go_by(&clock));
        let profile = DeskProfile { secret: store.secret(), ..desk.profile.clone() };
        let from = Mailbox { name: profile.name.clone(), address: profile.address.clone() };
        let dkim = if desk.check_dkim { Some(dkim::Checker::new()?) } else { None };
        let progress = Arc::new(|_| ());
        let marks = store.marks(&profile.id);
        let fresh = Fresh::new(store.newest_effect().await?);
        let found = store.newest_mail().await?;
        Ok(Worker {
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
            outbox,
            dkim,
            fresh,
            way: WayOut::default(),
            marks,
            careful: false,
            unnoted: Vec::new(),
            found,
            begun: Instant::now(),
            ask_at: None,
            settled: false,
            missing_holidays: None,
            worked: false,
            backoff: Backoff::default(),
            stop: watch::channel(false).1,
            progress,
            pulse: Arc::new(|_| ()),
        })
    }

    /// From when `stop` holds true, nothing new is begun: the step in hand is done, and the work ends well.
    pub fn stop_on(&mut self, stop: watch::Receiver<bool>) {
        self.stop = stop;
    }

    pub fn on_progress(&mut self, progress: impl Fn(Progress) + Send + Sync + 'static) {
        self.progress = Arc::new(progress);
    }

    /// Told of every step that succeeds, also one that found nothing to do, and of every failure.
    pub fn on_pulse(&mut self, pulse: impl Fn(Pulse) + Send + Sync + 'static) {
        self.pulse = Arc::new(pulse);
    }

    /// Checks DKIM signatures with this, whatever the desk says.
    pub fn check_dkim_with(&mut self, checker: dkim::Checker) {
        self.dkim = Some(checker);
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Works until stopped. Lost connections, restarted servers and full disks are waited out.
    ///
    /// # Errors
    /// What another try cannot mend, before mail was read and decided for the first time: wrong password or certificate,
    /// a store that cannot be used.
    pub async fn run(&mut self) -> Result<(), WorkError> {
        while let Err(error) = self.until_stopped().await {
            self.disconnect();
            (self.pulse)(Pulse::Failed);
            if error.is_permanent() && !self.worked {
                return Err(error);
            }
            let wait = self.backoff.wait(&error);
            warn!(desk = self.profile.id, %error, seconds = wait.as_secs(), "trying again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopped(&self.stop) => {}
            }
        }
        Ok(())
    }

    async fn until_stopped(&mut self) -> Result<(), WorkError> {
        while !self.stopping() {
            let stop = self.stop.clone();
            // A server that does not answer must not hold up the end; what was not opened needs no tidying up.
            match unless_stopped(&stop, Duration::ZERO, self.open()).await {
                Some(opened) => drop(opened?),
                None => break,
            }
            // All that a round leaves half done is done again by the next start, but for a send, which knows of the
            // stop itself.
            let Some(round) = unless_stopped(&stop, LAST_STEP, self.round()).await else { break };
            if !round? {
                let Some(waited) = unless_stopped(&stop, LAST_STEP, self.wait()).await else { break };
                waited?;
            }
            self.backoff.reset();
        }
        Ok(())
    }

    /// Waits for mail, for an effect to become due, or for the end.
    async fn wait(&mut self) -> Result<(), WorkError> {
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

    fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Works until stopped, or nothing is left to do now; what is queued for later stays queued.
    ///
    /// # Errors
    /// Any failure, also passing ones: the caller decides whether to call again.
    pub async fn until_idle(&mut self) -> Result<(), WorkError> {
        let stop = self.stop.clone();
        while !self.stopping() {
            let Some(more) = unless_stopped(&stop, LAST_STEP, self.round()).await else { break };
            if !more? {
                break;
            }
        }
        Ok(())
    }

    /// One round: a batch of new mail, a batch of decisions, a batch of effects. False if there was nothing to do.
    async fn round(&mut self) -> Result<bool, WorkError> {
        let result = caught(self.steps()).await;
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    /// Whatever failed may have cut off a send: that its end could not be noted, for example.
    fn disconnect(&mut self) {
        self.inbox = None;
        self.known = None;
        self.reading = JoinSet::new();
        self.ahead.clear();
        self.settled = false;
    }

    async fn steps(&mut self) -> Result<bool, WorkError> {
        self.settle().await?;
        let read = self.read().await?;
        (self.pulse)(Pulse::Done(Stage::Read));
        let decided = self.decide().await?;
        (self.pulse)(Pulse::Done(Stage::Decide));
        self.worked = true;
        let released = self.release().await?;
        let carried_out = self.act().await?;
        (self.pulse)(Pulse::Done(Stage::Act));
        self.look_at_calendar();
        Ok(read + decided + released + carried_out > 0 || self.grown_up_for_suspects().await?)
    }

    /// Once after a start or a failure: sends that were cut off.
    async fn settle(&mut self) -> Result<(), WorkError> {
        if !self.settled {
            let desk = self.profile.id.clone();
            let settled = settle_interrupted(&mut self.hands().await?).await?;
            if settled > 0 {
                warn!(desk, settled, "sends that were cut off are settled");
            }
            let load = self.store.desk_load(&desk, self.clock.now()).await?;
            if load.open_since.is_some() {
                warn_of_breaker(&desk, load.last_hour);
            }
            self.settled = true;
        }
        Ok(())
    }

    /// Decides what the journal has not decided yet, in the order of arrival. Long mails come a few at a time.
    async fn decide(&mut self) -> Result<usize, WorkError> {
        let (mut count, mut last, mut left) = (0, None, u32::try_from(self.desk.batch).unwrap_or(u32::MAX));
        while left > 0 && (last.is_none() || !self.stopping()) {
            let mails = self.store.undecided_after(last, &self.profile.id, self.most_tries(), left).await?;
            let Some(newest) = mails.last() else { break };
            last = Some(newest.id);
            left = left.saturating_sub(u32::try_from(mails.len()).unwrap_or(u32::MAX));
            count += self.decide_these(mails).await?;
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
    async fn decide_all(&mut self, mails: Vec<StoredMail>) -> Result<(), WorkError> {
        let judge = Arc::new(self.judge().await?);
        let mut rest = mails.into_iter();
        let mut read = self.read_some(&mut rest).await?;
        while !read.is_empty() && !self.stopping() {
            let (judge, store) = (judge.clone(), self.store.clone());
            let deciding = store.in_one(move |books| judge.decide_all(&read, books));
            let (decided, next) = tokio::join!(deciding, self.read_some(&mut rest));
            let decided = decided?;
            decided.iter().for_each(|decided| decided.log(&self.profile.id));
            (self.progress)(Progress::Decided(decided.len()));
            read = next?;
        }
        Ok(())
    }

    async fn read_some(&mut self, mails: &mut impl Iterator<Item = StoredMail>) -> Result<Vec<Read>, WorkError> {
        let mut read = Vec::with_capacity(DECIDED_TOGETHER);
        for mut mail in mails.take(DECIDED_TOGETHER) {
            let inquiry = self.whole_text(&mut mail).await?;
            let bounce = triage::bounce::bounce(&mail.arrival.raw, &inquiry, &self.profile.secret);
            let bytes = FromBytes { dkim: self.signer(&mail, &inquiry).await, bounce };
            // The journal has them, and so many of them are much.
            mail.arrival.raw = Vec::new();
            read.push(Read { mail, inquiry, bytes });
        }
        Ok(read)
    }

    async fn judge(&self) -> Result<Judge, WorkError> {
        let register = self.desk.register.current(&self.store).await?;
        let (desk, profile, rules) = (self.desk.clone(), self.profile.clone(), self.rules.clone());
        Ok(Judge { desk, profile, rules, register, now: self.clock.now() })
    }

    async fn signer(&self, mail: &StoredMail, inquiry: &Inquiry) -> Option<String> {
        match &self.dkim {
            Some(checker) => checker.signer(&mail.arrival.raw, inquiry).await,
            None => None,
        }
    }

    /// Told once a year, when the list of the coming one is missing.
    fn look_at_calendar(&mut self) {
        let missing = self.desk.edition.calendar.holidays_missing(self.clock.now());
        if let Some(year) = missing.filter(|_| missing != self.missing_holidays) {
            let desk = self.profile.id.as_str();
            warn!(event = "holidays-missing", desk, year, "no list of holidays: they are computed from the Act");
        }
        self.missing_holidays = missing;
    }

    /// Carries out what is due, and then what that has made due: labels, answers, the labels and the copies of those.
    /// Where more mail lies ready, that comes first.
    async fn act(&mut self) -> Result<usize, WorkError> {
        let mut all = 0;
        for _ in 0..STEPS_OF_A_MAIL {
            let carried_out = if self.stopping() { 0 } else { self.carry_out().await? };
            all += carried_out;
            if carried_out == 0 || self.more_to_read {
                break;
            }
        }
        Ok(all)
    }

    /// Carries out what is due.
    async fn carry_out(&mut self) -> Result<usize, WorkError> {
        let ready = self.store.ready(&self.profile.id, self.clock.now(), EFFECTS_A_ROUND).await?;
        let count = ready.len();
        if count > 0 {
            let carried_out = self.hands().await?.carry_out(ready).await;
            self.careful = carried_out.is_err();
            carried_out?;
            (self.progress)(Progress::CarriedOut(count));
        }
        Ok(count)
    }

    async fn hands(&mut self) -> Result<Hands<'_>, WorkError> {
        self.open().await?;
        let inbox = self.inbox.as_mut().ok_or(MailboxError::Closed)?;
        Ok(Hands {
            desk: &self.profile.id,
            inbox,
            outbox: &mut self.outbox,
            store: &self.store,
            clock: &self.clock,
            from: &self.from,
            fresh: &mut self.fresh,
            way: &mut self.way,
            marks: &mut self.marks,
            careful: self.careful,
            unnoted: &mut self.unnoted,
            stop: &self.stop,
            budgets: &self.profile.budgets,
            alert_command: &self.profile.alert_command,
            give_up_after: self.desk.give_up_after,
            zone: &self.desk.edition.calendar.zone,
        })
    }
}

async fn sleep_until(clock: &Clock, due: Option<Timestamp>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// A panic is a failure of this desk's round, and no end of the others.
async fn caught<T>(work: impl Future<Output = Result<T, WorkError>>) -> Result<T, WorkError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(WorkError::Panicked))
}

/// No mail stops the desk: if reading it panics (a bug of ours), it becomes an empty mail that staff must see.
fn read_safely(mail: &StoredMail, desk: &DeskProfile) -> Inquiry {
    let arrival = &mail.arrival;
    let read = catch_unwind(AssertUnwindSafe(|| {
        triage::form::open(triage::read::read(&arrival.raw, arrival.size, arrival.complete), desk)
    }));
    read.unwrap_or_else(|_| {
        error!(mail = %mail.id, "reading the mail panicked: please report this");
        triage::unreadable(arrival.size)
    })
}

fn decide_safely(inquiry: &Inquiry, ctx: &Context) -> Decision {
    let decided = catch_unwind(AssertUnwindSafe(|| triage::decide(inquiry, ctx)));
    decided.unwrap_or_else(|_| {
        error!(desk = ctx.desk.id, "deciding panicked: please report this");
        triage::decide(&triage::unreadable(inquiry.size), ctx)
    })
}

/// The name of the event is what alerts look for.
fn warn_of_breaker(desk: &str, answers: u32) {
    warn!(event = "breaker-open", desk, answers, "nothing is answered until `madoguchi breaker release`");
}

/// What the journal must know to find the mail again.
fn meta(inquiry: &Inquiry, secret: &[u8], day: Date) -> MailMeta {
    let thread = inquiry.references.iter().chain(&inquiry.in_reply_to).cloned().collect();
    let sender = inquiry.author().map(|from| from.address.clone()).unwrap_or_default();
    let (message_id, subject) = (inquiry.message_id.clone(), inquiry.subject.clone());
    let signed_case = receipt::signed(&subject, secret);
    MailMeta { message_id, sender, thread, subject, signed_case, day: Some(day), bounce: None }
}

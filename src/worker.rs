//! The loop of one desk: read what is new, journal it, decide, carry out what is due, wait. Beside it goes out what is to be
//! sent by mail.
//!
//! Every step ends in the store, so stopping (or dying) between any two of them loses nothing: the next start goes
//! on where the journal says.

mod backoff;
mod clerk;
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
use tracing::{error, warn};

use self::backoff::Backoff;
use self::clerk::Clerk;
pub use self::replay::Replay;
use crate::apply::{ApplyError, Notes, Others, Post, Sender, settle_interrupted, stopped, unless_stopped};
use crate::clock::Clock;
use crate::config::Desk;
use crate::dkim::{self, DkimError};
use crate::health::{Pulse, Stage};
use crate::mailbox::MailboxError;
use crate::outbox::{Outbox, OutboxError};
use crate::store::{MailMeta, Store, StoreError, StoredMail};
use crate::triage::context::{Context, DeskProfile};
use crate::triage::decision::Decision;
use crate::triage::inquiry::{Inquiry, Mailbox};
use crate::triage::receipt;
use crate::triage::rulebook::{Editions, Rulebook, RulebookError};
use crate::triage::{self, Asked};

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
    clerk: Clerk,
    post: Post,
    /// Sends that were cut off are settled: since the start, and since the last failure.
    settled: bool,
    backoff: Backoff,
    stop: watch::Receiver<bool>,
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
        let notes = || Notes::new(store.clone(), clock.clone(), desk.give_up_after);
        let DeskProfile { id, name, address, budgets, .. } = &desk.profile;
        let from = Mailbox { name: name.clone(), address: address.clone() };
        let sender = Sender { desk: id.clone(), from, zone: desk.edition.calendar.zone.clone(), budgets: *budgets };
        let post = Post::new(outbox, sender, (store.clone(), clock.clone()), notes());
        let notes = notes();
        Ok(Worker {
            clerk: Clerk::new(desk, rules, store, clock, notes).await?,
            post,
            settled: false,
            backoff: Backoff::default(),
            stop: watch::channel(false).1,
            pulse: Arc::new(|_| ()),
        })
    }

    /// From when `stop` holds true, nothing new is begun: the step in hand is done, and the work ends well.
    pub fn stop_on(&mut self, stop: watch::Receiver<bool>) {
        self.clerk.stop = stop.clone();
        self.post.stop_on(stop.clone());
        self.stop = stop;
    }

    pub fn on_progress(&mut self, progress: impl Fn(Progress) + Send + Sync + 'static) {
        self.clerk.progress = Arc::new(progress);
    }

    /// Told of every step that succeeds, also one that found nothing to do, and of every failure.
    pub fn on_pulse(&mut self, pulse: impl Fn(Pulse) + Send + Sync + 'static) {
        self.pulse = Arc::new(pulse);
        self.clerk.pulse = self.pulse.clone();
    }

    /// Checks DKIM signatures with this, whatever the desk says.
    pub fn check_dkim_with(&mut self, checker: dkim::Checker) {
        self.clerk.dkim = Some(checker);
    }

    pub fn outbox(&self) -> &Outbox {
        self.post.outbox()
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
            if error.is_permanent() && !self.clerk.worked {
                return Err(error);
            }
            let wait = self.backoff.wait(&error);
            warn!(desk = self.clerk.profile.id, %error, seconds = wait.as_secs(), "trying again");
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
            match unless_stopped(&stop, Duration::ZERO, self.clerk.open()).await {
                Some(opened) => drop(opened?),
                None => break,
            }
            // All that a round leaves half done is done again by the next start, but for a send, which knows of the
            // stop itself.
            let Some(round) = unless_stopped(&stop, LAST_STEP, self.round()).await else { break };
            if !round? {
                let Some(waited) = unless_stopped(&stop, LAST_STEP, self.clerk.wait()).await else { break };
                waited?;
            }
            self.backoff.reset();
        }
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

    /// One round: a batch of new mail, its decisions, their effects; beside all that goes out what is to be sent. False if
    /// there was nothing to do.
    async fn round(&mut self) -> Result<bool, WorkError> {
        let result = caught(self.steps()).await;
        if result.is_err() {
            self.disconnect();
        }
        result
    }

    /// Whatever failed may have cut off a send: that its end could not be noted, for example.
    fn disconnect(&mut self) {
        self.clerk.disconnect();
        self.settled = false;
    }

    async fn steps(&mut self) -> Result<bool, WorkError> {
        self.settle().await?;
        let Worker { clerk, post, .. } = self;
        let (tell, others) = watch::channel(Others::Working);
        let working = async {
            let worked = caught(clerk.work(&tell)).await;
            let more_waits = worked.is_err() || clerk.more_to_read;
            tell.send_replace(if more_waits { Others::Leaving } else { Others::Waiting });
            worked
        };
        // Each ends well, whatever becomes of the other: a text that is on its way is not cut off.
        let sending = caught(async { Ok(post.work(others).await?) });
        let (worked, sent) = tokio::join!(Box::pin(working), Box::pin(sending));
        let (worked, sent) = (worked?, sent?);
        if sent > 0 {
            (self.clerk.progress)(Progress::CarriedOut(sent));
        }
        (self.pulse)(Pulse::Done(Stage::Act));
        self.clerk.look_at_calendar();
        Ok(worked + sent > 0 || self.clerk.grown_up_for_suspects().await?)
    }

    /// Once after a start or a failure: sends that were cut off.
    async fn settle(&mut self) -> Result<(), WorkError> {
        if !self.settled {
            let settled = settle_interrupted(&mut self.clerk.hands().await?, &mut self.post).await?;
            let Clerk { profile, store, clock, .. } = &self.clerk;
            let desk = &profile.id;
            if settled > 0 {
                warn!(desk, settled, "sends that were cut off are settled");
            }
            let load = store.desk_load(desk, clock.now()).await?;
            if load.open_since.is_some() {
                warn_of_breaker(desk, load.last_hour);
            }
            self.settled = true;
        }
        Ok(())
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

/// Ahead of the decision; none if it panicked, which the decision will find out.
fn asked_safely(inquiry: &Inquiry, desk: &DeskProfile, rules: &Rulebook, now: Timestamp) -> Option<Asked> {
    catch_unwind(AssertUnwindSafe(|| triage::asked(inquiry, desk, rules, now))).ok()
}

fn decide_safely(inquiry: &Inquiry, asked: Option<Asked>, ctx: &Context) -> Decision {
    let decided = catch_unwind(AssertUnwindSafe(|| match asked {
        Some(asked) => triage::decide_asked(inquiry, asked, ctx),
        None => triage::decide(inquiry, ctx),
    }));
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

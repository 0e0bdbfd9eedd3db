//! What goes out by mail, beside everything else that a desk does: the one effect that must not be repeated.
//!
//! Before a text leaves, one transaction stands on the disk: how sends before have ended, whether this one may still go
//! out, and that it is started. It starts many at once, and more when half of those have ended, so that the connections
//! do not wait for the disk; each takes the next one when it is free, and tells the server of it behind the text before.
//! [`Marks`] say which of those that are started have their turn, so that after `kill -9` only one for each connection is in
//! doubt; where no marks can be kept, no more are started than there are connections.

mod stream;

use std::collections::VecDeque;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tracing::{info, warn};

use self::stream::Letter;
use super::notes::Notes;
use super::{ApplyError, WayOut};
use crate::clock::Clock;
use crate::outbox::{Outbox, Outgoing, compose, compose_alert, compose_forward};
use crate::store::{Effect, EffectRow, Marks, Outcome, Store, StoreError};
use crate::triage::budget::Budgets;
use crate::triage::decision::Reply;
use crate::triage::inquiry::Mailbox;

/// Effects that are asked for together.
const AT_ONCE: u32 = 1000;

/// What else the desk is at, while mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// It is at work: more may become ready to be sent, of which it tells.
    Working,
    /// All else is done: what is ready goes out.
    Waiting,
    /// It wants to go on with something else, or has failed: what is started goes out, and nothing more.
    Leaving,
}

/// What sends the mail of one desk.
pub struct Post {
    outbox: Outbox,
    sends: Sends,
}

/// All of it but the connections.
struct Sends {
    desk: String,
    from: Mailbox,
    zone: TimeZone,
    budgets: Budgets,
    store: Store,
    clock: Clock,
    notes: Notes,
    way: WayOut,
    marks: Marks,
    /// True: nothing more is begun.
    stop: watch::Receiver<bool>,
    others: watch::Receiver<Others>,
}

/// Whose mail it is.
pub struct Sender {
    pub desk: String,
    pub from: Mailbox,
    pub zone: TimeZone,
    pub budgets: Budgets,
}

impl Post {
    /// Connects nowhere yet.
    pub fn new(outbox: Outbox, sender: Sender, (store, clock): (Store, Clock), notes: Notes) -> Post {
        let Sender { desk, from, zone, budgets } = sender;
        let marks = store.marks(&desk);
        let (stop, others) = (watch::channel(false).1, watch::channel(Others::Waiting).1);
        let way = WayOut::default();
        Post { outbox, sends: Sends { desk, from, zone, budgets, store, clock, notes, way, marks, stop, others } }
    }

    /// From when `stop` holds true, nothing new is begun.
    pub fn stop_on(&mut self, stop: watch::Receiver<bool>) {
        self.sends.stop = stop;
    }

    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(super) fn outbox_mut(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.sends.marks
    }

    pub(super) fn notes(&mut self) -> &mut Notes {
        &mut self.sends.notes
    }

    /// Sends what is ready, as long as the others say; answers how much that was.
    ///
    /// # Errors
    /// Store failures: what was not sent stays to be sent.
    pub async fn work(&mut self, others: watch::Receiver<Others>) -> Result<usize, ApplyError> {
        self.sends.others = others;
        let mut all = 0;
        loop {
            let others = *self.sends.others.borrow_and_update();
            if others == Others::Leaving || *self.sends.stop.borrow() {
                return Ok(all);
            }
            let sent = self.send_ready().await?;
            all += sent;
            // An Err: nobody is left who could tell.
            if sent == 0 && (others == Others::Waiting || self.sends.others.changed().await.is_err()) {
                return Ok(all);
            }
        }
    }

    async fn send_ready(&mut self) -> Result<usize, ApplyError> {
        let Post { outbox, sends } = self;
        let ready = sends.ready().await?;
        let count = ready.len();
        let (answers, alone): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|row| matches!(row.effect, Effect::Send(_)));
        for row in alone {
            if sends.is_over() {
                return Ok(count);
            }
            sends.alone(outbox, row).await?;
        }
        if !answers.is_empty() {
            sends.send(outbox, Vec::new(), answers.into()).await?;
        }
        Ok(count)
    }
}

impl Sends {
    /// What is to be sent now.
    async fn ready(&self) -> Result<Vec<EffectRow>, StoreError> {
        self.store.ready_to_send(&self.desk, self.clock.now(), AT_ONCE).await
    }

    /// Nothing more is started.
    fn is_over(&self) -> bool {
        *self.stop.borrow() || *self.others.borrow() == Others::Leaving
    }

    /// The mail as it goes out if it is started now.
    fn letter(&self, row: EffectRow, composed: Timestamp) -> Option<Letter> {
        let Effect::Send(reply) = &row.effect else { return None };
        let raw = compose(reply, &self.from, &composed.to_zoned(self.zone.clone()));
        let mail = outgoing(reply, raw);
        Some(Letter::new(row, mail, composed))
    }

    /// What is composed of more than its row, one at a time: a mail that is passed on may be long.
    async fn alone(&mut self, outbox: &mut Outbox, row: EffectRow) -> Result<(), ApplyError> {
        let composed = self.clock.now();
        let at = composed.to_zoned(self.zone.clone());
        let mail = match &row.effect {
            Effect::Forward(reply) => {
                let (original, complete) = self.store.raw(row.mail_id).await?;
                if !complete {
                    let reason = "only the head of the mail was read: pass it on by hand".into();
                    let outcome = Outcome::GivenUp { reason };
                    log(&row, &outcome);
                    return self.notes.note(vec![(row.id, outcome)]).await;
                }
                outgoing(reply, compose_forward(reply, &original, &self.from, &at))
            }
            // Unless the customer has written again.
            Effect::Close(_) if !self.store.is_last_of_case(row.mail_id).await? => {
                let outcome = Outcome::Held { reason: "not sent: the customer has written again".into() };
                return self.notes.note(vec![(row.id, outcome)]).await;
            }
            Effect::Close(reply) => outgoing(reply, compose(reply, &self.from, &at)),
            // Tells staff: no budget holds this up.
            Effect::Alert(reply) => outgoing(reply, compose_alert(reply, &self.from, &at)),
            _ => return Ok(()),
        };
        self.send(outbox, vec![Letter::new(row, mail, composed)], VecDeque::new()).await
    }
}

pub(super) fn log(row: &EffectRow, outcome: &Outcome) {
    let (mail, seq) = (row.mail_id, row.seq);
    match outcome {
        Outcome::Done { .. } => info!(%mail, seq, "answer sent"),
        Outcome::RetryAt { reason, .. } => warn!(%mail, seq, reason, "answer not sent yet"),
        Outcome::Failed { reason } => warn!(%mail, seq, reason, "answer refused: staff must look"),
        Outcome::GivenUp { reason } => warn!(%mail, seq, reason, "answer given up: staff must look"),
        Outcome::Held { reason } => warn!(%mail, seq, reason, "answer held: staff must look"),
    }
}

fn outgoing(reply: &Reply, raw: Vec<u8>) -> Outgoing {
    Outgoing { to: reply.to.address.clone(), message_id: reply.message_id.clone(), raw }
}

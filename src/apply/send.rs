//! Sending: the one effect that must not be repeated.
//!
//! Answers go out in waves, one mail a connection. Before each wave stands one transaction: how the sends before have
//! ended, whether each of these may still go out, and that it is started. It is on the disk before the first byte of a
//! text leaves. The next wave is announced to the server behind the texts of this one.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{info, warn};

use super::{ApplyError, Hands, unless_stopped};
use crate::outbox::{Fault, Outgoing, Receipt, SendError, compose, compose_alert, compose_forward};
use crate::store::{After, Books, Effect, EffectId, EffectRow, Outcome, StoreError};
use crate::triage::budget::Budgets;
use crate::triage::decision::Reply;

/// After a stop is asked for, so long is the server's last word about a mail awaited: without it the answer is held.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Mails that go out side by side.
struct Wave {
    rows: Vec<EffectRow>,
    /// In the same order.
    mails: Vec<Outgoing>,
    /// The moment in their `Date`; they count as started then.
    composed: Timestamp,
}

impl Wave {
    fn empty(composed: Timestamp) -> Wave {
        Wave { rows: Vec::new(), mails: Vec::new(), composed }
    }

    fn push(&mut self, row: EffectRow, mail: Outgoing) {
        self.rows.push(row);
        self.mails.push(mail);
    }
}

impl Hands<'_> {
    /// Sends answers in waves.
    pub(super) async fn send(&mut self, rows: Vec<EffectRow>) -> Result<(), ApplyError> {
        let mut rest = rows.into_iter();
        let mut wave = self.next_wave(&mut rest);
        while !wave.rows.is_empty() && !*self.stop.borrow() {
            let ready = self.begin(wave).await;
            wave = self.next_wave(&mut rest);
            self.go(ready, &wave).await?;
        }
        self.note(Vec::new()).await
    }

    fn next_wave(&self, rest: &mut impl Iterator<Item = EffectRow>) -> Wave {
        let mut wave = Wave::empty(self.clock.now());
        for row in rest.take(self.way.at_once(self.outbox.connections())) {
            if let Effect::Send(reply) = &row.effect {
                let raw = compose(reply, self.from, &wave.composed.to_zoned(self.zone.clone()));
                let mail = outgoing(reply, raw);
                wave.push(row, mail);
            }
        }
        wave
    }

    /// Passes the mail on as it came.
    pub(super) async fn forward(&mut self, row: &EffectRow, reply: &Reply) -> Result<(), ApplyError> {
        let composed = self.clock.now();
        let (original, complete) = self.store.raw(row.mail_id).await?;
        if !complete {
            let reason = "only the head of the mail was read: pass it on by hand".into();
            let outcome = Outcome::GivenUp { reason };
            log(row, &outcome);
            return self.note(vec![(row.id, outcome)]).await;
        }
        let raw = compose_forward(reply, &original, self.from, &composed.to_zoned(self.zone.clone()));
        self.hand_in(row, outgoing(reply, raw), composed).await
    }

    /// Tells staff: no budget holds this up.
    pub(super) async fn alert(&mut self, row: &EffectRow, reply: &Reply) -> Result<(), ApplyError> {
        let composed = self.clock.now();
        let raw = compose_alert(reply, self.from, &composed.to_zoned(self.zone.clone()));
        self.hand_in(row, outgoing(reply, raw), composed).await
    }

    /// Closes the case, unless the customer has written again.
    pub(super) async fn close(&mut self, row: &EffectRow, reply: &Reply) -> Result<(), ApplyError> {
        let composed = self.clock.now();
        if !self.store.is_last_of_case(row.mail_id).await? {
            let outcome = Outcome::Held { reason: "not sent: the customer has written again".into() };
            return self.note(vec![(row.id, outcome)]).await;
        }
        let raw = compose(reply, self.from, &composed.to_zoned(self.zone.clone()));
        self.hand_in(row, outgoing(reply, raw), composed).await
    }

    /// One mail by itself.
    async fn hand_in(&mut self, row: &EffectRow, mail: Outgoing, composed: Timestamp) -> Result<(), ApplyError> {
        let ready = self.begin(Wave { rows: vec![row.clone()], mails: vec![mail], composed }).await;
        self.go(ready, &Wave::empty(composed)).await?;
        self.note(Vec::new()).await
    }

    /// Everything up to the server's wish for the texts. Answers with those for which it came; what was stopped before
    /// has no outcome.
    async fn begin(&mut self, wave: Wave) -> Wave {
        let Wave { rows, mails, composed } = wave;
        let mut ready = Wave::empty(composed);
        if let Some(paused) = self.paused(&rows) {
            self.unnoted.extend(paused);
            return ready;
        }
        let begun = unless_stopped(self.stop, Duration::ZERO, self.outbox.begin(&mails)).await;
        self.look_at_way(begun.iter().flatten());
        for ((row, mail), begun) in rows.into_iter().zip(mails).zip(begun.into_iter().flatten()) {
            match begun {
                Ok(()) => ready.push(row, mail),
                Err(error) => self.ended(&row, self.not_sent(&row, error)),
            }
        }
        ready
    }

    /// Writes down how the sends before have ended and which of these are started, and hands their texts over.
    async fn go(&mut self, ready: Wave, next: &Wave) -> Result<(), ApplyError> {
        let wave = self.start(ready).await?;
        if wave.rows.is_empty() {
            return Ok(());
        }
        let results = unless_stopped(self.stop, LAST_WORD, self.outbox.complete(&wave.mails, &next.mails)).await;
        match results {
            None => wave.rows.iter().for_each(|row| self.ended(row, cut_off_by_stop())),
            Some(results) => {
                self.look_at_way(&results);
                wave.rows.iter().zip(results).for_each(|(row, result)| self.ended(row, self.sent(row, result)));
            }
        }
        Ok(())
    }

    /// Answers those that may go out. They are looked at one after the other, so that each counts for the next.
    async fn start(&mut self, ready: Wave) -> Result<Wave, ApplyError> {
        let (now, budgets, ended, composed) = (self.clock.now(), *self.budgets, self.unnoted.clone(), ready.composed);
        let rows = ready.rows.clone();
        let start = move |books: &Books<'_>| {
            ended.iter().try_for_each(|(effect, outcome)| books.finish(*effect, outcome, now))?;
            let started = |row: &EffectRow| match no_longer_allowed(row, &budgets, books, now)? {
                None => books.start(row.id, composed).map(|()| None),
                held => Ok(held),
            };
            rows.iter().map(started).collect::<Result<Vec<_>, StoreError>>()
        };
        let started = self.store.in_one(start).await;
        let mut wave = Wave::empty(composed);
        for ((row, mail), held) in ready.rows.into_iter().zip(ready.mails).zip(self.noted(started)?) {
            match held {
                Some(reason) => self.unnoted.push((row.id, Outcome::Held { reason })),
                None => wave.push(row, mail),
            }
        }
        Ok(wave)
    }

    /// While the way out is broken for every mail, none is tried before the pause is over.
    fn paused(&self, rows: &[EffectRow]) -> Option<Vec<(EffectId, Outcome)>> {
        let pause = self.way.pause(self.clock.now())?;
        let outcome = |row: &EffectRow| match self.later(row, pause.reason.clone()) {
            Outcome::RetryAt { at, reason } => Outcome::RetryAt { at: at.max(pause.until), reason },
            other => other,
        };
        Some(rows.iter().map(|row| (row.id, outcome(row))).collect())
    }

    /// One mail that got through proves the way out good; none did, and one says that the way is broken, then it is.
    fn look_at_way<'r, T: 'r>(&mut self, results: impl IntoIterator<Item = &'r Result<T, SendError>>) {
        let mut broken = None;
        for result in results {
            match result {
                Ok(_) | Err(SendError::NotSent { fault: Fault::Mail, .. }) => return self.way.works(),
                Err(SendError::NotSent { fault: Fault::Setup, text, .. }) => broken = Some(text),
                Err(_) => {}
            }
        }
        if let Some(reason) = broken {
            warn!(event = "way-out-broken", reason, "no answer goes out before the pause is over");
            self.way.broke(reason.clone(), self.clock.now());
        }
    }

    fn ended(&mut self, row: &EffectRow, outcome: Outcome) {
        log(row, &outcome);
        self.unnoted.push((row.id, outcome));
    }

    /// What became of a mail that was handed in.
    fn sent(&self, row: &EffectRow, result: Result<Receipt, SendError>) -> Outcome {
        match result {
            Ok(receipt) => Outcome::Done { note: Some(receipt.text) },
            Err(error) => self.not_sent(row, error),
        }
    }

    fn not_sent(&self, row: &EffectRow, error: SendError) -> Outcome {
        match error {
            SendError::Uncertain { text } => Outcome::Held { reason: format!("perhaps sent: {text}") },
            SendError::NotSent { fault: Fault::Mail, text, .. } => Outcome::Failed { reason: text },
            SendError::NotSent { text, .. } => self.later(row, text),
        }
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

fn cut_off_by_stop() -> Outcome {
    Outcome::Held { reason: "perhaps sent: stopped while the server's last word was awaited".into() }
}

/// Why an answer must not go out any more. The budgets once more: it may have waited since Friday evening. Staff's word
/// stands above them.
fn no_longer_allowed(
    row: &EffectRow,
    budgets: &Budgets,
    books: &Books<'_>,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let (Effect::Send(reply) | Effect::Close(reply)) = &row.effect else { return Ok(None) };
    if reply.until.is_some_and(|until| now >= until) {
        return Ok(Some("not sent: the desk has opened meanwhile".into()));
    }
    let standing = books.standing(row, budgets.limit_domains(), now)?;
    let bounced = standing.bounced.then(|| "mail to this address was refused for good".to_owned());
    let Some(reason) = budgets.exceeded(&standing).or(bounced) else { return Ok(None) };
    if books.send_effect(row.mail_id, row.seq)?.after == Some(After::Again) {
        return Ok(None);
    }
    warn!(mail = %row.mail_id, seq = row.seq, reason, "answer not sent: staff must look");
    Ok(Some(format!("not sent: {reason}")))
}

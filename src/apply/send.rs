//! Sending: the one effect that must not be repeated.
//!
//! Answers go out in rounds, one mail a connection, and up to sixteen rounds are a wave. Before each wave stands one
//! transaction: how the sends before have ended, whether each of these may still go out, and that it is started. It is on
//! the disk before the first byte of a text leaves. [`Marks`](crate::store::Marks) say which of those that are started have
//! their turn, so that after `kill -9` only one round is in doubt; where no marks can be kept, a wave is one round. The next
//! round is announced to the server behind the texts of this one.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::{ApplyError, Hands, unless_stopped};
use crate::outbox::{Fault, Outgoing, Receipt, SendError, compose, compose_alert, compose_forward};
use crate::store::{After, Books, Effect, EffectId, EffectRow, Outcome, StoreError};
use crate::triage::budget::Budgets;
use crate::triage::decision::Reply;

/// After a stop is asked for, so long is the server's last word about a mail awaited: without it the answer is held.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Mails that go out side by side.
struct Round {
    rows: Vec<EffectRow>,
    /// In the same order.
    mails: Vec<Outgoing>,
    /// The moment in their `Date`; they count as started then.
    composed: Timestamp,
    /// It stands in the store that they are started.
    started: bool,
}

impl Round {
    fn empty(composed: Timestamp) -> Round {
        Round { rows: Vec::new(), mails: Vec::new(), composed, started: false }
    }

    fn push(&mut self, row: EffectRow, mail: Outgoing) {
        self.rows.push(row);
        self.mails.push(mail);
    }

    /// Those that may go out are started; the others are `held`.
    fn start(
        self,
        (books, budgets, now): (&Books<'_>, &Budgets, Timestamp),
        held: &mut Vec<(EffectId, Outcome)>,
    ) -> Result<Round, StoreError> {
        let mut started = Round { started: true, ..Round::empty(self.composed) };
        for (row, mail) in self.rows.into_iter().zip(self.mails) {
            match no_longer_allowed(&row, budgets, books, now)? {
                Some(reason) => held.push((row.id, Outcome::Held { reason })),
                None => {
                    books.start(row.id, started.composed)?;
                    started.push(row, mail);
                }
            }
        }
        Ok(started)
    }
}

impl Hands<'_> {
    /// Sends answers in waves.
    pub(super) async fn send(&mut self, rows: Vec<EffectRow>) -> Result<(), ApplyError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.new_marks().await?;
        let mut rest = rows.into_iter();
        let mut next = self.next_round(&mut rest, self.clock.now());
        while !next.rows.is_empty() && !*self.stop.borrow() {
            let first = self.begin(next).await;
            next = self.go(first, &mut rest).await?;
        }
        self.note(Vec::new()).await
    }

    fn next_round(&self, rest: &mut impl Iterator<Item = EffectRow>, composed: Timestamp) -> Round {
        let mut round = Round::empty(composed);
        for row in rest.take(self.way.at_once(self.outbox.connections())) {
            if let Effect::Send(reply) = &row.effect {
                let raw = compose(reply, self.from, &composed.to_zoned(self.zone.clone()));
                let mail = outgoing(reply, raw);
                round.push(row, mail);
            }
        }
        round
    }

    /// The marks of sends that have their outcome in the store go.
    async fn new_marks(&mut self) -> Result<(), ApplyError> {
        self.note(Vec::new()).await?;
        Ok(self.marks.renew()?)
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
        self.new_marks().await?;
        let mut one = Round::empty(composed);
        one.push(row.clone(), mail);
        let first = self.begin(one).await;
        self.go(first, &mut std::iter::empty()).await?;
        self.note(Vec::new()).await
    }

    /// Everything up to the server's wish for the texts. Answers with those for which it came.
    async fn begin(&mut self, round: Round) -> Round {
        let mut ready = Round { started: round.started, ..Round::empty(round.composed) };
        if let Some(paused) = self.paused(&round.rows) {
            self.unnoted.extend(paused);
            return ready;
        }
        let begun = unless_stopped(self.stop, Duration::ZERO, self.outbox.begin(&round.mails)).await;
        let Some(begun) = begun else {
            self.leave(round);
            return ready;
        };
        self.look_at_way(&begun);
        for ((row, mail), begun) in round.rows.into_iter().zip(round.mails).zip(begun) {
            match begun {
                Ok(()) => ready.push(row, mail),
                Err(error) => self.ended(&row, self.not_sent(&row, error)),
            }
        }
        ready
    }

    /// One wave; its first round is begun. Answers with the round behind it, which the server was told of.
    async fn go(&mut self, first: Round, rest: &mut impl Iterator<Item = EffectRow>) -> Result<Round, ApplyError> {
        let mut wave = VecDeque::from(self.start(self.wave(first, rest)).await?);
        let (begun, rounds) = (Instant::now(), wave.len());
        while let Some(ready) = wave.pop_front() {
            let (last, next) = match wave.pop_front() {
                Some(next) => (false, next),
                None => (true, self.next_round(rest, self.clock.now())),
            };
            self.hand_over(ready, &next).await?;
            if last {
                self.way.took(begun.elapsed(), rounds);
                return Ok(next);
            }
            if *self.stop.borrow() {
                self.leave(next);
                break;
            }
            wave.push_front(self.begin(next).await);
        }
        wave.into_iter().for_each(|round| self.leave(round));
        Ok(Round::empty(self.clock.now()))
    }

    /// What is started together with `first`.
    fn wave(&self, first: Round, rest: &mut impl Iterator<Item = EffectRow>) -> Vec<Round> {
        let most = if self.marks.are_kept() { self.outbox.most_rounds() } else { 1 };
        let more = if first.rows.is_empty() { 0 } else { self.way.rounds(most) - 1 };
        let composed = first.composed;
        let behind = std::iter::repeat_with(|| self.next_round(rest, composed)).take(more);
        [first].into_iter().chain(behind.take_while(|round| !round.rows.is_empty())).collect()
    }

    /// Writes down how the sends before have ended and which of these are started. They are looked at one after the other,
    /// so that each counts for the next. Answers with those that may go out.
    async fn start(&mut self, wave: Vec<Round>) -> Result<Vec<Round>, ApplyError> {
        let start = wave.first().map_or_else(|| self.clock.now(), |round| round.composed);
        self.marks.intend(wave.iter().flat_map(|round| &round.rows), start)?;
        let (now, budgets, ended) = (self.clock.now(), *self.budgets, self.unnoted.clone());
        let work = move |books: &Books<'_>| {
            ended.iter().try_for_each(|(effect, outcome)| books.finish(*effect, outcome, now))?;
            let mut held = Vec::new();
            let started = wave.into_iter().map(|round| round.start((books, &budgets, now), &mut held));
            Ok((started.collect::<Result<Vec<_>, StoreError>>()?, held))
        };
        let started = self.store.in_one(work).await;
        let (wave, held) = self.noted(started)?;
        self.unnoted.extend(held);
        Ok(wave)
    }

    /// Hands texts over, and tells the server of the `next` mails.
    async fn hand_over(&mut self, round: Round, next: &Round) -> Result<(), ApplyError> {
        if round.rows.is_empty() {
            return Ok(());
        }
        self.marks.leaving(&round.rows, round.composed)?;
        let results = unless_stopped(self.stop, LAST_WORD, self.outbox.complete(&round.mails, &next.mails)).await;
        let Some(results) = results else {
            round.rows.iter().for_each(|row| self.ended(row, cut_off_by_stop()));
            return Ok(());
        };
        self.look_at_way(&results);
        let answered = round.rows.iter().zip(&results).filter_map(|(row, result)| match result {
            Ok(receipt) => Some((row, Some(receipt.text.as_str()))),
            Err(SendError::NotSent { .. }) => Some((row, None)),
            Err(SendError::Uncertain { .. }) => None,
        });
        let marked = self.marks.answered(answered, round.composed);
        round.rows.iter().zip(results).for_each(|(row, result)| self.ended(row, self.sent(row, result)));
        Ok(marked?)
    }

    /// The end came before their turn: what is started can be sent by the next process.
    fn leave(&mut self, round: Round) {
        let at = self.clock.now();
        for row in round.rows.iter().filter(|_| round.started) {
            self.ended(row, Outcome::RetryAt { at, reason: "the desk was stopped before its turn".into() });
        }
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

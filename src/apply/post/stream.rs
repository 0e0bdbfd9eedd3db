//! Letters on their way: connections that each go on by themselves, and the store, which starts more and more of them.
//!
//! Everything that is waited for is a [`Step`]; between two steps nothing waits, so that what is noted and what is done
//! about a step is one thing.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use super::{AT_ONCE, Sends, log};
use crate::apply::{ApplyError, unless_stopped};
use crate::outbox::{Fault, Lane, Outbox, Outgoing, Receipt, SendError};
use crate::store::{After, Books, Effect, EffectId, EffectRow, Outcome, StoreError};
use crate::triage::budget::Budgets;

/// After a stop is asked for, so long is the server's last word about a mail awaited: without it the answer is held.
const LAST_WORD: Duration = Duration::from_secs(5);

/// A mail that is to be sent.
pub(super) struct Letter {
    row: Box<EffectRow>,
    mail: Outgoing,
    /// The moment in its `Date`; it counts as started then.
    composed: Timestamp,
    /// It stands in the store that it is started.
    started: bool,
}

impl Letter {
    pub(super) fn new(row: EffectRow, mail: Outgoing, composed: Timestamp) -> Letter {
        Letter { row: Box::new(row), mail, composed, started: false }
    }
}

/// Something that was waited for. None: a stop was asked for before it came.
enum Step<'o> {
    /// Everything up to the server's wish for the text.
    Begun(Lane<'o>, Letter, Option<Result<(), SendError>>),
    /// The server's word about a text; the server was told of the letter behind it.
    Completed(Lane<'o>, Letter, Option<Letter>, Option<Result<Receipt, SendError>>),
    /// Those that may go out stand in the store as started, the others as held. So many ends were to be noted with them.
    Started(Result<Vec<Letter>, StoreError>, usize),
    /// More that is ready to be sent.
    Found(Result<Vec<EffectRow>, StoreError>),
}

/// What is under way.
struct Stream<'o> {
    going: FuturesUnordered<BoxFuture<'o, Step<'o>>>,
    /// Connections at work.
    busy: usize,
    /// Connections that have nothing to do.
    idle: Vec<Lane<'o>>,
    /// Connections whose server waits for the text of a letter that is not started yet.
    begun: Vec<(Lane<'o>, EffectId)>,
    /// Connections on which the way out proved broken, since a mail last got through.
    broken: Vec<Lane<'o>>,
    /// What was said then.
    fault: String,
    /// The last that was heard of the way out is that it takes mail.
    good: bool,
    /// Started; their turn is to come.
    queue: VecDeque<Letter>,
    /// Neither composed nor started yet.
    rest: VecDeque<EffectRow>,
    /// Letters that are started and have not ended.
    open: usize,
    /// The most that may be.
    most: usize,
    /// How many have ended since more were started.
    ended: (usize, Instant),
    /// The store is at work for this.
    asking: bool,
    /// What was refused before anything was started is noted: the store no longer has it as ready.
    noted: bool,
    /// What keeps more from being started.
    trouble: Option<ApplyError>,
}

impl Sends {
    /// Sends letters that are composed, and behind them answers.
    pub(super) async fn send(
        &mut self,
        outbox: &mut Outbox,
        mut letters: Vec<Letter>,
        mut rest: VecDeque<EffectRow>,
    ) -> Result<(), ApplyError> {
        // The marks of sends that have their outcome in the store go.
        self.notes.note(Vec::new()).await?;
        self.marks.renew()?;
        while !(letters.is_empty() && rest.is_empty() || self.is_over()) {
            let most = if self.marks.are_kept() { outbox.most_on_a_lane() } else { 1 };
            let mut stream = Stream::new(outbox, std::mem::take(&mut rest), most);
            if letters.is_empty() {
                let at_once = self.way.at_once(stream.idle.len());
                letters = self.next(&mut stream, at_once, self.clock.now());
            }
            if self.way.pause(self.clock.now()).is_some() {
                self.put_off(letters.into_iter().map(|letter| *letter.row).chain(stream.rest));
                break;
            }
            self.begin_first(std::mem::take(&mut letters), &mut stream).await;
            self.go_on(&mut stream);
            while let Some(step) = stream.going.next().await {
                self.after(step, &mut stream);
                self.go_on(&mut stream);
            }
            self.look_at_pace(&mut stream);
            stream.trouble.map_or(Ok(()), Err)?;
            rest = stream.rest;
        }
        self.notes.note(Vec::new()).await
    }

    fn next(&self, stream: &mut Stream<'_>, most: usize, composed: Timestamp) -> Vec<Letter> {
        let rows = stream.rest.drain(..most.min(stream.rest.len()));
        rows.filter_map(|row| self.letter(row, composed)).collect()
    }

    /// Before any is started it is asked whether the way out is there at all, and takes these.
    async fn begin_first(&mut self, letters: Vec<Letter>, stream: &mut Stream<'_>) {
        let lanes = stream.idle.split_off(stream.idle.len().saturating_sub(letters.len()));
        stream.busy = lanes.len();
        let begin = lanes.into_iter().zip(letters).map(|(lane, letter)| begin(lane, letter, self.stop.clone()));
        let mut first = Vec::new();
        for step in join_all(begin).await {
            match step {
                Step::Begun(lane, letter, Some(Ok(()))) => {
                    self.works(stream);
                    stream.busy -= 1;
                    stream.begun.push((lane, letter.row.id));
                    first.push(letter);
                }
                failed => self.after(failed, stream),
            }
        }
        if !first.is_empty() {
            self.start(first, stream);
        }
    }

    /// What has come to pass is noted, and the connection goes on.
    fn after<'o>(&mut self, step: Step<'o>, stream: &mut Stream<'o>) {
        match step {
            Step::Begun(lane, letter, begun) => {
                stream.busy -= 1;
                match begun {
                    Some(Ok(())) => {
                        self.works(stream);
                        self.hand_over(lane, letter, stream);
                    }
                    Some(Err(error)) => {
                        self.fails(lane, &error, stream);
                        self.ended(&letter, self.not_sent(&letter.row, error), stream);
                    }
                    None => {
                        stream.idle.push(lane);
                        self.leave(letter, stream);
                    }
                }
            }
            Step::Completed(lane, letter, next, result) => {
                stream.busy -= 1;
                self.completed(lane, &letter, result, stream);
                // The connection that was told of it is the first one that is free, if it is still good.
                next.into_iter().for_each(|next| stream.queue.push_front(next));
            }
            Step::Started(result, noted) => self.started(result, noted, stream),
            Step::Found(Ok(rows)) => {
                stream.asking = false;
                stream.rest.extend(rows.into_iter().filter(|row| matches!(row.effect, Effect::Send(_))));
            }
            Step::Found(Err(error)) => stream.stop_at(error),
        }
    }

    /// What the server said about a text.
    fn completed<'o>(
        &mut self,
        lane: Lane<'o>,
        letter: &Letter,
        result: Option<Result<Receipt, SendError>>,
        stream: &mut Stream<'o>,
    ) {
        let Some(result) = result else {
            let reason = "perhaps sent: stopped while the server's last word was awaited".into();
            stream.idle.push(lane);
            return self.ended(letter, Outcome::Held { reason }, stream);
        };
        let marked = match &result {
            Ok(receipt) => self.marks.answered(&letter.row, letter.composed, Some(&receipt.text)),
            Err(SendError::NotSent { .. }) => self.marks.answered(&letter.row, letter.composed, None),
            Err(SendError::Uncertain { .. }) => Ok(()),
        };
        marked.unwrap_or_else(|error| stream.stop_at(error));
        match result {
            Ok(receipt) => {
                self.works(stream);
                stream.idle.push(lane);
                self.ended(letter, Outcome::Done { note: Some(receipt.text) }, stream);
            }
            Err(error) => {
                self.fails(lane, &error, stream);
                self.ended(letter, self.not_sent(&letter.row, error), stream);
            }
        }
    }

    /// The text leaves, once that is marked; the server is told of the next one.
    fn hand_over<'o>(&mut self, lane: Lane<'o>, letter: Letter, stream: &mut Stream<'o>) {
        let marked = match *self.stop.borrow() || stream.trouble.is_some() {
            true => false,
            false => self.marks.leaving(&letter.row, letter.composed).map_err(|error| stream.stop_at(error)).is_ok(),
        };
        if !marked {
            stream.idle.push(lane);
            return self.leave(letter, stream);
        }
        let next = stream.queue.pop_front();
        stream.busy += 1;
        stream.going.push(Box::pin(complete(lane, letter, next, self.stop.clone())));
    }

    /// Those that may go out are on the disk as started.
    fn started(&mut self, result: Result<Vec<Letter>, StoreError>, noted: usize, stream: &mut Stream<'_>) {
        stream.asking = false;
        let begun = std::mem::take(&mut stream.begun);
        match self.notes.noted(result, noted) {
            Ok(letters) => {
                stream.noted = true;
                stream.open += letters.len();
                stream.queue.extend(letters);
            }
            Err(error) => stream.stop_at(error),
        }
        let mut first = Vec::new();
        for (lane, id) in begun {
            let place = stream.queue.iter().position(|letter| letter.row.id == id);
            match place.and_then(|place| stream.queue.remove(place)) {
                Some(letter) => first.push((lane, letter)),
                // It is held; the server forgets it as soon as another one is begun.
                None => stream.idle.push(lane),
            }
        }
        first.into_iter().for_each(|(lane, letter)| self.hand_over(lane, letter, stream));
    }

    /// Who is free goes on, and more is started when it is time.
    fn go_on(&mut self, stream: &mut Stream<'_>) {
        let stopped = *self.stop.borrow() || stream.trouble.is_some();
        while !stopped
            && !stream.queue.is_empty()
            && let Some(lane) = stream.idle.pop()
            && let Some(letter) = stream.queue.pop_front()
        {
            stream.busy += 1;
            stream.going.push(Box::pin(begin(lane, letter, self.stop.clone())));
        }
        if stream.busy == 0 && !stream.broken.is_empty() {
            warn!(event = "way-out-broken", reason = stream.fault, "no answer goes out before the pause is over");
            self.way.broke(stream.fault.clone(), self.clock.now());
            stream.idle.append(&mut stream.broken);
        }
        if stopped {
            std::mem::take(&mut stream.queue).into_iter().for_each(|letter| self.leave(letter, stream));
        } else if self.way.pause(self.clock.now()).is_some() {
            stream.open -= stream.queue.len();
            self.put_off(std::mem::take(&mut stream.queue).into_iter().map(|letter| *letter.row));
        } else if stream.good && !stream.asking && !self.is_over() {
            self.go_further(stream);
        }
    }

    /// More is started when half of what is has ended.
    fn go_further(&mut self, stream: &mut Stream<'_>) {
        if stream.open > self.way.together(stream.lanes(), stream.most) / 2 {
            return;
        }
        if !stream.rest.is_empty() {
            self.look_at_pace(stream);
            self.start(Vec::new(), stream);
        } else if stream.noted && self.others.has_changed().unwrap_or(false) {
            self.others.borrow_and_update();
            let (store, desk, now) = (self.store.clone(), self.desk.clone(), self.clock.now());
            stream.asking = true;
            stream.going.push(Box::pin(async move { Step::Found(store.ready_to_send(&desk, now, AT_ONCE).await) }));
        }
    }

    /// Writes down how sends have ended and that these, and as many as may be besides, are started. They are looked at one
    /// after the other, so that each counts for the next.
    fn start(&mut self, mut letters: Vec<Letter>, stream: &mut Stream<'_>) {
        let composed = letters.first().map_or_else(|| self.clock.now(), |letter| letter.composed);
        let more = self.way.together(stream.lanes(), stream.most).saturating_sub(stream.open + letters.len());
        letters.extend(self.next(stream, more, composed));
        if let Err(error) = self.marks.intend(letters.iter().map(|letter| &*letter.row), composed) {
            stream.idle.extend(std::mem::take(&mut stream.begun).into_iter().map(|(lane, _)| lane));
            return stream.stop_at(error);
        }
        let (now, budgets, store, ended) =
            (self.clock.now(), self.budgets, self.store.clone(), self.notes.unnoted().to_vec());
        let noted = ended.len();
        let work = move |books: &Books<'_>| {
            ended.iter().try_for_each(|(effect, outcome)| books.finish(*effect, outcome, now))?;
            let mut started = Vec::with_capacity(letters.len());
            for letter in letters {
                match no_longer_allowed(&letter.row, &budgets, books, now)? {
                    Some(reason) => books.finish(letter.row.id, &Outcome::Held { reason }, now)?,
                    None => {
                        books.start(letter.row.id, letter.composed)?;
                        started.push(Letter { started: true, ..letter });
                    }
                }
            }
            Ok(started)
        };
        stream.asking = true;
        stream.going.push(Box::pin(async move { Step::Started(store.in_one(work).await, noted) }));
    }

    fn look_at_pace(&mut self, stream: &mut Stream<'_>) {
        let (ended, since) = std::mem::replace(&mut stream.ended, (0, Instant::now()));
        self.way.took(since.elapsed(), ended);
    }

    /// A mail got through, or was refused for its own sake: the way out is good.
    fn works(&mut self, stream: &mut Stream<'_>) {
        self.way.works();
        stream.good = true;
        stream.idle.append(&mut stream.broken);
    }

    fn fails<'o>(&mut self, lane: Lane<'o>, error: &SendError, stream: &mut Stream<'o>) {
        stream.good = false;
        match error {
            SendError::NotSent { fault: Fault::Mail, .. } => self.works(stream),
            SendError::NotSent { fault: Fault::Setup, text, .. } => {
                stream.fault.clone_from(text);
                return stream.broken.push(lane);
            }
            _ => {}
        }
        stream.idle.push(lane);
    }

    fn ended(&mut self, letter: &Letter, outcome: Outcome, stream: &mut Stream<'_>) {
        log(&letter.row, &outcome);
        self.notes.push(letter.row.id, outcome);
        if letter.started {
            stream.open -= 1;
            stream.ended.0 += 1;
        }
    }

    /// The end came before its turn: what is started can be sent by the next process.
    fn leave(&mut self, letter: Letter, stream: &mut Stream<'_>) {
        if letter.started {
            let (at, reason) = (self.clock.now(), "the desk was stopped before its turn".into());
            self.ended(&letter, Outcome::RetryAt { at, reason }, stream);
        }
    }

    /// While the way out is broken for every mail, none is tried before the pause is over.
    fn put_off(&mut self, rows: impl IntoIterator<Item = EffectRow>) {
        let Some(pause) = self.way.pause(self.clock.now()).cloned() else { return };
        for row in rows {
            let outcome = match self.notes.later(&row, pause.reason.clone()) {
                Outcome::RetryAt { at, reason } => Outcome::RetryAt { at: at.max(pause.until), reason },
                other => other,
            };
            self.notes.push(row.id, outcome);
        }
    }

    fn not_sent(&self, row: &EffectRow, error: SendError) -> Outcome {
        match error {
            SendError::Uncertain { text } => Outcome::Held { reason: format!("perhaps sent: {text}") },
            SendError::NotSent { fault: Fault::Mail, text, .. } => Outcome::Failed { reason: text },
            SendError::NotSent { text, .. } => self.notes.later(row, text),
        }
    }
}

impl<'o> Stream<'o> {
    /// `most`: started letters for each connection.
    fn new(outbox: &'o mut Outbox, rest: VecDeque<EffectRow>, most: usize) -> Stream<'o> {
        Stream {
            going: FuturesUnordered::new(),
            busy: 0,
            idle: outbox.lanes(),
            begun: Vec::new(),
            broken: Vec::new(),
            fault: String::new(),
            good: false,
            queue: VecDeque::new(),
            rest,
            open: 0,
            most,
            ended: (0, Instant::now()),
            asking: false,
            noted: false,
            trouble: None,
        }
    }

    fn lanes(&self) -> usize {
        self.busy + self.idle.len() + self.begun.len() + self.broken.len()
    }

    /// Nothing more is started; what is under way ends well.
    fn stop_at(&mut self, error: StoreError) {
        self.trouble.get_or_insert_with(|| error.into());
    }
}

async fn begin<'o>(mut lane: Lane<'o>, letter: Letter, stop: watch::Receiver<bool>) -> Step<'o> {
    let begun = unless_stopped(&stop, Duration::ZERO, lane.begin(&letter.mail)).await;
    Step::Begun(lane, letter, begun)
}

async fn complete<'o>(
    mut lane: Lane<'o>,
    letter: Letter,
    next: Option<Letter>,
    stop: watch::Receiver<bool>,
) -> Step<'o> {
    let told = next.as_ref().map(|next| &next.mail);
    let said = unless_stopped(&stop, LAST_WORD, lane.complete(&letter.mail, told)).await;
    Step::Completed(lane, letter, next, said)
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

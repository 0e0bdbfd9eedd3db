//! The outbox: which effect is next, and what became of it.
//!
//! At most one effect of a mail is `pending` or `started`; the later ones are `waiting`. So the index of pending ones
//! holds only what can really be done, however much is waiting behind a mail server that is down.

use jiff::Timestamp;
use rusqlite::{Row, Transaction};

use super::effect::{Effect, EffectRow, EffectState, Outcome, SendRow};
use super::error::{Fault, StoreError};
use super::queue;
use super::standing::{begun, ended, refused};
use super::values::{Ms, key, time};
use super::{EffectId, MailId, Store};

impl Store {
    /// Effects to carry out now, but for those that send mail: due, not waiting for an earlier effect of their mail nor
    /// for a retry. Those that are due longest come first, and among equals those of the mail decided first.
    pub async fn ready(&self, desk: &str, now: Timestamp, limit: u32) -> Result<Vec<EffectRow>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| rows(tx, READY, (&desk, Ms(now), limit, false))).await
    }

    /// The same for effects that send mail ([`Effect::mail`]).
    pub async fn ready_to_send(&self, desk: &str, now: Timestamp, limit: u32) -> Result<Vec<EffectRow>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| rows(tx, READY, (&desk, Ms(now), limit, true))).await
    }

    /// Notes that these are about to be carried out. When it returns, the note is on the disk: only then may the
    /// first byte of a [`Effect::Send`] go out.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if one of them is not pending (somebody else started it); then none is started.
    pub async fn start(&self, effects: &[EffectId], now: Timestamp) -> Result<(), StoreError> {
        let effects = effects.to_vec();
        self.thread.write(move |tx| effects.into_iter().try_for_each(|effect| start(tx, effect, now))).await
    }

    /// Notes how effects ended. An effect that can be repeated need not have been started. A mail whose last effect
    /// is finished is done.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if one of them is neither pending nor started; then nothing is noted.
    pub async fn finish(&self, outcomes: Vec<(EffectId, Outcome)>, now: Timestamp) -> Result<(), StoreError> {
        let finish_all =
            move |tx: &Transaction<'_>| outcomes.iter().try_for_each(|(effect, end)| finish(tx, *effect, end, now));
        self.thread.write(finish_all).await
    }

    /// Effects that were started and not finished, in their order. At start-up these are the ones a crash cut off:
    /// what can be repeated is repeated, a [`Effect::Send`] is looked for and else held. Each is then given its
    /// outcome with [`Store::finish`].
    pub async fn interrupted(&self, desk: &str) -> Result<Vec<EffectRow>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| rows(tx, INTERRUPTED, [&desk])).await
    }

    /// When [`Store::ready`] or [`Store::next_turn`] next has something: `now` if it has something already, none if nothing is pending and
    /// nobody waits.
    pub async fn next_due(&self, desk: &str, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let desk = desk.to_owned();
        let next = move |tx: &Transaction<'_>| {
            let effect: Option<Ms> = tx.prepare_cached(NEXT_DUE)?.query_row([&desk], |row| row.get(0))?;
            let turn = queue::next_due(tx, &desk)?;
            Ok(effect.map(|ms| ms.0).into_iter().chain(turn).min().map(|due| due.max(now)))
        };
        self.thread.read(next).await
    }

    /// The send with this number, for the copy of it.
    ///
    /// # Errors
    /// [`StoreError::NoSuchEffect`] if the mail has no effect of this number, or it is no send.
    pub async fn send_effect(&self, mail: MailId, seq: u32) -> Result<SendRow, StoreError> {
        self.thread.read(move |tx| send(tx, mail, seq)).await
    }

    /// The newest effect of any desk; one older than all if there is none.
    pub async fn newest_effect(&self) -> Result<EffectId, StoreError> {
        self.thread.read(|tx| Ok(EffectId(tx.query_row(NEWEST, [], |row| row.get(0))?))).await
    }
}

/// The effect as JSON, wherever it lies.
macro_rules! payload {
    () => {
        "iif(e.payload = 'null', (SELECT t.json FROM effect_text t WHERE t.effect_id = e.id), e.payload)"
    };
}

pub(super) use payload;

/// What waits to be carried out, or is.
macro_rules! select_effects {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.mail_id, e.seq, e.attempts, e.due_at, e.started_at, m.mailbox, m.validity, m.uid, m.file, ",
            payload!(),
            " AS payload FROM effect e ",
            $rest
        )
    };
}

const NEWEST: &str = "SELECT coalesce(max(id), 0) FROM effect";

const READY: &str = select_effects!(
    "INDEXED BY effect_pending JOIN mail m ON m.id = e.mail_id
     WHERE e.desk = ?1 AND e.state = 'pending' AND e.not_before <= ?2
           AND (e.kind IN ('send', 'forward', 'close', 'alert')) = ?4
     ORDER BY e.not_before, e.id LIMIT ?3"
);

const INTERRUPTED: &str = select_effects!(
    "INDEXED BY effect_started JOIN mail m ON m.id = e.mail_id
     WHERE e.desk = ?1 AND e.state = 'started'
     ORDER BY e.id"
);

const NEXT_DUE: &str =
    "SELECT min(not_before) FROM effect INDEXED BY effect_pending WHERE desk = ?1 AND state = 'pending'";

const START: &str = "
    UPDATE effect SET state = 'started', attempts = attempts + 1, started_at = ?2
    WHERE id = ?1 AND state = 'pending'";

const OPEN: &str = "
    SELECT mail_id, desk, kind FROM effect WHERE id = ?1 AND state IN ('pending', 'started')";

const PAYLOAD: &str = concat!("SELECT ", payload!(), " AS payload FROM effect e WHERE e.id = ?1");

const FINISH: &str = "UPDATE effect SET state = ?2, note = ?3, finished_at = ?4 WHERE id = ?1";

/// A try counts when it begins; one that never began (no connection, a repeatable effect) when it ends.
const RETRY: &str = "
    UPDATE effect SET state = 'pending', attempts = attempts + (state = 'pending'), note = ?2,
                      not_before = max(due_at, ?3)
    WHERE id = ?1";

const NEXT_IN_LINE: &str = "
    UPDATE effect SET state = 'pending'
    WHERE mail_id = ?1 AND seq = (SELECT min(seq) FROM effect WHERE mail_id = ?1 AND state = 'waiting')";

const ALL_DONE: &str = "
    UPDATE mail SET state = 'done'
    WHERE id = ?1 AND state = 'decided' AND NOT EXISTS (SELECT 1 FROM queue WHERE mail_id = ?1)";

const SEND: &str = concat!(
    "SELECT ",
    payload!(),
    " AS payload, e.state, e.started_at, a.what FROM effect e LEFT JOIN send_after a ON a.effect_id = e.id
     WHERE e.mail_id = ?1 AND e.seq = ?2"
);

const STATE: &str = "SELECT state FROM effect WHERE id = ?1";

#[cfg(test)]
pub(super) const SQL: &[&str] =
    &[READY, INTERRUPTED, NEXT_DUE, START, OPEN, PAYLOAD, FINISH, RETRY, NEXT_IN_LINE, ALL_DONE, SEND, STATE];

#[cfg(test)]
pub(super) const WITH_EACH: &[&str] = &[START, OPEN, FINISH, RETRY, NEXT_IN_LINE, ALL_DONE];

fn rows(tx: &Transaction<'_>, sql: &str, values: impl rusqlite::Params) -> Result<Vec<EffectRow>, Fault> {
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut effects = Vec::new();
    while let Some(row) = rows.next()? {
        effects.push(effect_row(row)?);
    }
    Ok(effects)
}

fn effect_row(row: &Row<'_>) -> Result<EffectRow, Fault> {
    let due: Ms = row.get("due_at")?;
    Ok(EffectRow {
        id: row.get("id")?,
        mail_id: row.get("mail_id")?,
        seq: row.get("seq")?,
        effect: carried(row)?,
        key: key(row)?,
        attempts: row.get("attempts")?,
        due: due.0,
        started_at: time(row, "started_at")?,
    })
}

fn carried(row: &Row<'_>) -> Result<Effect, Fault> {
    let json: String = row.get("payload")?;
    Ok(serde_json::from_str(&json)?)
}

pub(super) fn start(tx: &Transaction<'_>, effect: EffectId, now: Timestamp) -> Result<(), Fault> {
    if tx.prepare_cached(START)?.execute((effect, Ms(now)))? == 0 {
        return Err(not_open(tx, effect));
    }
    begun(tx, effect, now)
}

pub(super) fn finish(tx: &Transaction<'_>, effect: EffectId, outcome: &Outcome, now: Timestamp) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached(OPEN)?;
    let mut rows = statement.query([effect])?;
    let row = rows.next()?.ok_or_else(|| not_open(tx, effect))?;
    let mail: MailId = row.get("mail_id")?;
    // Only of these it is kept what went out to whom.
    if row.get::<_, String>("kind")? == "send" {
        ended(tx, effect, outcome, now)?;
        if let Outcome::Failed { reason } = outcome
            && let Effect::Send(reply) = tx.prepare_cached(PAYLOAD)?.query_row([effect], |row| Ok(carried(row)))??
        {
            refused(tx, &row.get::<_, String>("desk")?, &reply.to.address, reason, now)?;
        }
    }
    drop(rows);
    let (state, note) = match outcome {
        Outcome::Done { note } => (EffectState::Done, note.as_ref()),
        Outcome::Failed { reason } | Outcome::GivenUp { reason } => (EffectState::Failed, Some(reason)),
        Outcome::Held { reason } => (EffectState::Held, Some(reason)),
        Outcome::RetryAt { at, reason } => {
            tx.prepare_cached(RETRY)?.execute((effect, reason, Ms(*at)))?;
            return Ok(());
        }
    };
    tx.prepare_cached(FINISH)?.execute((effect, state, note, Ms(now)))?;
    if tx.prepare_cached(NEXT_IN_LINE)?.execute([mail])? == 0 {
        tx.prepare_cached(ALL_DONE)?.execute([mail])?;
    }
    Ok(())
}

/// Why an update of a pending or started effect found none.
fn not_open(tx: &Transaction<'_>, effect: EffectId) -> Fault {
    let state = tx.prepare_cached(STATE).and_then(|mut statement| statement.query_row([effect], |row| row.get(0)));
    match state {
        Ok(state) => Fault::WrongState(effect, state),
        Err(rusqlite::Error::QueryReturnedNoRows) => Fault::NoSuchEffect(effect.to_string()),
        Err(error) => error.into(),
    }
}

pub(super) fn send(tx: &Transaction<'_>, mail: MailId, seq: u32) -> Result<SendRow, Fault> {
    let missing = || Fault::NoSuchEffect(format!("send {seq} of mail {mail}"));
    let mut statement = tx.prepare_cached(SEND)?;
    let mut rows = statement.query((mail, seq))?;
    let row = rows.next()?.ok_or_else(missing)?;
    let (Effect::Send(reply) | Effect::Forward(reply) | Effect::Close(reply)) = carried(row)? else {
        return Err(missing());
    };
    Ok(SendRow { reply, state: row.get("state")?, started_at: time(row, "started_at")?, after: row.get("what")? })
}

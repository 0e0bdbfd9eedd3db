//! What did not go out: listed for staff, sent again or settled by their word; and what went out and came back.
//!
//! A send that has ended stays as it ended, until somebody says otherwise. Then it (or only its label) is put back into
//! its mail's line, and the worker carries on as ever: the label on the mail always says what became of the send last.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior};

use super::effect::{After, Effect, EffectState};
use super::effects::payload;
use super::error::{Fault, StoreError};
use super::open::open_beside;
use super::standing::{forget, note_answer, refused};
use super::values::{Ms, time};
use super::{EffectId, MailId, Store};
use crate::triage::bounce::Bounce;
use crate::triage::decision::Reply;
use crate::triage::gate::address::untagged;

/// An answer, forward or draft that staff should know of.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsent {
    pub id: EffectId,
    pub mail: MailId,
    pub desk: String,
    /// `send`, `forward` or `draft`.
    pub kind: String,
    /// Failed or held; pending if it is being retried.
    pub state: EffectState,
    pub reply: Reply,
    pub case: Option<String>,
    /// Tries so far.
    pub attempts: u32,
    /// When it should have gone out.
    pub due: Timestamp,
    /// The next try; none if there will be none.
    pub next_try: Option<Timestamp>,
    /// Why it did not go out.
    pub note: Option<String>,
    pub after: Option<After>,
}

/// A person to whom nothing is sent by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub desk: String,
    /// Lower case, without plus-tag.
    pub address: String,
    /// The last refusal.
    pub at: Timestamp,
    pub reason: Option<String>,
}

impl Store {
    /// What failed or is held and not settled, then what is being retried; oldest first, at most 1,000 of each.
    /// Acknowledgements are not among them: nobody needs them later.
    pub async fn unsent(&self, desk: &str) -> Result<Vec<Unsent>, StoreError> {
        let desk = desk.to_owned();
        let list = move |tx: &Transaction<'_>| {
            let mut list = entries(tx, UNSENT, &desk)?;
            list.extend(entries(tx, RETRIED, &desk)?);
            Ok(list)
        };
        self.thread.read(list).await
    }

    /// Addresses that refused mail for good, in their order.
    pub async fn refused(&self, desk: &str) -> Result<Vec<Refused>, StoreError> {
        let desk = desk.to_owned();
        let list = move |tx: &Transaction<'_>| {
            let mut statement = tx.prepare_cached(REFUSED)?;
            let rows = statement.query_map([&desk], |row| {
                let at: Ms = row.get("at")?;
                Ok(Refused { desk: desk.clone(), address: row.get("address")?, at: at.0, reason: row.get("reason")? })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        self.thread.read(list).await
    }
}

/// Has a send that failed or is held tried again at once, whatever the budgets say; one that waits for its next try need
/// not wait. Also while somebody works with the store. Answers its mail.
///
/// # Errors
/// [`StoreError::NoSuchEffect`] if there is none of this number, [`StoreError::WrongState`] if it went out or is being
/// sent; otherwise as [`Store::open_reading`], and what writing can meet. Blocks.
pub fn send_again(store: &Path, effect: EffectId, now: Timestamp) -> Result<MailId, StoreError> {
    beside(store, |tx| again(tx, effect, now))
}

/// Notes that staff have settled a send themselves: it is not tried any more, and not listed. Answers its mail.
///
/// # Errors
/// As [`send_again`].
pub fn drop_send(store: &Path, effect: EffectId, now: Timestamp) -> Result<MailId, StoreError> {
    beside(store, |tx| drop_one(tx, effect, now))
}

/// Lets a desk write to an address again; false if nothing was in the way.
///
/// # Errors
/// As [`Store::open_reading`], and what writing can meet. Blocks.
pub fn allow_address(store: &Path, desk: &str, address: &str) -> Result<bool, StoreError> {
    beside(store, |tx| Ok(tx.execute(ALLOW, (desk, untagged(address)))? > 0))
}

/// One small transaction beside the worker's, as SQLite keeps them apart.
fn beside<T>(store: &Path, change: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>) -> Result<T, StoreError> {
    let changed = open_beside(store).and_then(|mut connection| {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = change(&tx)?;
        tx.commit()?;
        Ok(done)
    });
    changed.map_err(|fault| fault.at(store))
}

macro_rules! select_unsent {
    ($rest:literal, $order:literal) => {
        concat!(
            "SELECT e.id, e.mail_id, e.desk, e.kind, e.state, e.attempts, e.due_at, e.not_before, e.note, a.what,
                    d.case_ref, ",
            payload!(),
            " AS payload FROM effect e ",
            $rest,
            " AND json_extract(",
            payload!(),
            ", '$.until') IS NULL ORDER BY ",
            $order,
            " LIMIT 1000"
        )
    };
}

const UNSENT: &str = select_unsent!(
    "INDEXED BY effect_unsent
     LEFT JOIN send_after a ON a.effect_id = e.id LEFT JOIN decision d ON d.mail_id = e.mail_id
     WHERE e.desk = ?1 AND e.state IN ('failed', 'held') AND e.kind IN ('send', 'forward', 'draft')
           AND a.what IS NOT 'dropped'",
    "e.id"
);

const RETRIED: &str = select_unsent!(
    "INDEXED BY effect_pending
     LEFT JOIN send_after a ON a.effect_id = e.id LEFT JOIN decision d ON d.mail_id = e.mail_id
     WHERE e.desk = ?1 AND e.state = 'pending' AND e.attempts > 0 AND e.kind IN ('send', 'forward', 'draft')",
    "e.not_before, e.id"
);

const REFUSED: &str = "SELECT address, at, reason FROM bounced WHERE desk = ?1 ORDER BY address";

const ALLOW: &str = "DELETE FROM bounced WHERE desk = ?1 AND address = ?2";

macro_rules! select_ended {
    ($rest:literal) => {
        concat!(
            "SELECT e.id, e.mail_id, e.seq, e.desk, e.state, m.sender, ",
            payload!(),
            " AS payload FROM effect e JOIN mail m ON m.id = e.mail_id ",
            $rest
        )
    };
}

const ONE: &str = select_ended!("WHERE e.id = ?1 AND e.kind IN ('send', 'forward', 'draft')");

// Not what was purged.
const BY_MESSAGE_ID: &str = select_ended!(
    "WHERE e.message_id = ?1 AND e.state IN ('done', 'held') AND e.payload <> '{}' ORDER BY e.id LIMIT 1"
);

/// Back into the line of its mail.
const AGAIN: &str = "
    UPDATE effect SET state = 'waiting', attempts = 0, due_at = ?2, not_before = ?2, finished_at = NULL WHERE id = ?1";

const STOP: &str = "UPDATE effect SET state = 'failed', finished_at = ?2 WHERE id = ?1 AND state = 'pending'";

const BOUNCED: &str = "UPDATE effect SET state = 'failed', note = ?2, finished_at = ?3 WHERE id = ?1";

/// What says or shows what became of a send; what has not been done yet stays as it is.
const REOPEN: &str = "
    UPDATE effect SET state = 'waiting', finished_at = NULL
    WHERE mail_id = ?1 AND kind = ?3 AND json_extract(payload, '$.of') = ?2 AND state IN ('done', 'failed', 'held')";

const NEXT_IN_LINE: &str = "
    UPDATE effect SET state = 'pending'
    WHERE mail_id = ?1 AND seq = (SELECT min(seq) FROM effect WHERE mail_id = ?1 AND state = 'waiting')
          AND NOT EXISTS (SELECT 1 FROM effect WHERE mail_id = ?1 AND state IN ('pending', 'started'))";

const OUTSTANDING: &str = "
    UPDATE mail SET state = 'decided'
    WHERE id = ?1 AND state = 'done'
          AND EXISTS (SELECT 1 FROM effect WHERE mail_id = ?1 AND state IN ('waiting', 'pending', 'started'))";

const SAY: &str = "
    INSERT INTO send_after (effect_id, what, at) VALUES (?1, ?2, ?3)
    ON CONFLICT (effect_id) DO UPDATE SET what = excluded.what, at = excluded.at";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[
    UNSENT,
    RETRIED,
    REFUSED,
    ALLOW,
    ONE,
    BY_MESSAGE_ID,
    AGAIN,
    STOP,
    BOUNCED,
    REOPEN,
    NEXT_IN_LINE,
    OUTSTANDING,
    SAY,
];

fn entries(tx: &Transaction<'_>, sql: &str, desk: &str) -> Result<Vec<Unsent>, Fault> {
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query([desk])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        list.extend(entry(row)?);
    }
    Ok(list)
}

fn entry(row: &Row<'_>) -> Result<Option<Unsent>, Fault> {
    let (due, state): (Ms, EffectState) = (row.get("due_at")?, row.get("state")?);
    let Some(reply) = reply(row)? else { return Ok(None) };
    Ok(Some(Unsent {
        id: row.get("id")?,
        mail: row.get("mail_id")?,
        desk: row.get("desk")?,
        kind: row.get("kind")?,
        state,
        reply,
        case: row.get("case_ref")?,
        attempts: row.get("attempts")?,
        due: due.0,
        next_try: time(row, "not_before")?.filter(|_| state == EffectState::Pending),
        note: row.get("note")?,
        after: row.get("what")?,
    }))
}

fn reply(row: &Row<'_>) -> Result<Option<Reply>, Fault> {
    Ok(match serde_json::from_str(&row.get::<_, String>("payload")?)? {
        Effect::Send(reply) | Effect::Forward(reply) | Effect::Draft(reply) => Some(reply),
        _ => None,
    })
}

/// A send as its end is changed.
struct Ended {
    id: EffectId,
    mail: MailId,
    seq: u32,
    desk: String,
    state: EffectState,
    effect: Effect,
    sender: String,
}

impl Ended {
    /// Says what became of it, and has its label say so, too.
    fn say(&self, tx: &Transaction<'_>, what: After, now: Timestamp) -> Result<(), Fault> {
        tx.prepare_cached(SAY)?.execute((self.id, what, Ms(now)))?;
        self.reopen(tx, "label-send")?;
        tx.prepare_cached(NEXT_IN_LINE)?.execute([self.mail])?;
        tx.prepare_cached(OUTSTANDING)?.execute([self.mail])?;
        Ok(())
    }

    fn reopen(&self, tx: &Transaction<'_>, kind: &str) -> Result<(), Fault> {
        tx.prepare_cached(REOPEN)?.execute((self.mail, self.seq, kind))?;
        Ok(())
    }

    fn has_ended(&self) -> bool {
        matches!(self.state, EffectState::Failed | EffectState::Held)
    }
}

fn one(tx: &Transaction<'_>, effect: EffectId) -> Result<Ended, Fault> {
    let found = find(tx, ONE, effect)?.ok_or_else(|| Fault::NoSuchEffect(effect.to_string()))?;
    match found.state {
        EffectState::Failed | EffectState::Held | EffectState::Pending => Ok(found),
        state => Err(Fault::WrongState(effect, state)),
    }
}

fn find(tx: &Transaction<'_>, sql: &str, key: impl rusqlite::ToSql) -> Result<Option<Ended>, Fault> {
    let read = |row: &Row<'_>| {
        let sender: Option<String> = row.get("sender")?;
        let payload: String = row.get("payload")?;
        let ended = (row.get("id")?, row.get("mail_id")?, row.get("seq")?, row.get("desk")?, row.get("state")?);
        Ok((ended, payload, sender.unwrap_or_default()))
    };
    let found = tx.prepare_cached(sql)?.query_row([key], read).optional()?;
    let Some(((id, mail, seq, desk, state), payload, sender)) = found else { return Ok(None) };
    Ok(Some(Ended { id, mail, seq, desk, state, effect: serde_json::from_str(&payload)?, sender }))
}

fn again(tx: &Transaction<'_>, effect: EffectId, now: Timestamp) -> Result<MailId, Fault> {
    let send = one(tx, effect)?;
    tx.prepare_cached(AGAIN)?.execute((effect, Ms(now)))?;
    if send.has_ended() {
        send.reopen(tx, "sent-copy")?;
        // It counts again: what surely did not go out was forgotten.
        if let Effect::Send(reply) = &send.effect {
            note_answer(tx, &send.desk, &send.sender, reply, effect)?;
        }
    }
    send.say(tx, After::Again, now)?;
    Ok(send.mail)
}

fn drop_one(tx: &Transaction<'_>, effect: EffectId, now: Timestamp) -> Result<MailId, Fault> {
    let send = one(tx, effect)?;
    if tx.prepare_cached(STOP)?.execute((effect, Ms(now)))? > 0 {
        forget(tx, effect)?;
    }
    send.say(tx, After::Dropped, now)?;
    Ok(send.mail)
}

/// Notes that a mail of ours came back; answers its number and mail, none if there is no such mail that went out.
pub(super) fn bounced(tx: &Transaction<'_>, bounce: &Bounce, now: Timestamp) -> Result<Option<MailId>, Fault> {
    let Some(send) = find(tx, BY_MESSAGE_ID, &bounce.message_id)? else { return Ok(None) };
    let reason = bounce.reason();
    tx.prepare_cached(BOUNCED)?.execute((send.id, &reason, Ms(now)))?;
    forget(tx, send.id)?;
    if let (Effect::Send(reply), true) = (&send.effect, bounce.is_permanent()) {
        refused(tx, &send.desk, &reply.to.address, &reason, now)?;
    }
    send.say(tx, After::Bounced, now)?;
    Ok(Some(send.mail))
}

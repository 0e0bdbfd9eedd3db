//! Mail that waits for the desk's opening: when each is its turn, who waits with it, and what became of it then.
//!
//! A mail is decided when it comes, and decided anew at its turn; the first decision stays in `decision_before`. Turns
//! are given when the mail is queued and stand on the disk, so order and spacing survive a restart. Mails of one sender
//! have one turn: that of the first.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Transaction};

use super::case::note_case;
use super::decisions::{MailMeta, insert_effect, thread_case};
use super::effect::{EffectState, NewEffect};
use super::error::{Fault, StoreError};
use super::journal::{StoredMail, stored};
use super::values::Ms;
use super::{MailId, Store};
use crate::triage::circumstances::Circumstances;
use crate::triage::decision::Decision;
use crate::triage::gate::address::untagged;

/// When a mail's turn is, as decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Not before this moment.
    pub at: Timestamp,
    /// Time between two turns.
    pub every: SignedDuration,
}

/// A mail whose turn has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    pub mail: StoredMail,
    pub decided_at: Timestamp,
    /// As it was decided when it came.
    pub decision: Decision,
    /// Its acknowledgement went out, or may have: one that came too late for the opening did not.
    pub acknowledged: bool,
}

/// A mail decided anew, with what is to be done now.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    pub mail: MailId,
    pub meta: MailMeta,
    pub decision: Decision,
    pub effects: Vec<NewEffect>,
    /// As [`super::Record::circumstances`].
    pub circumstances: Option<Circumstances>,
}

impl Store {
    /// The mails of the sender whose turn is first and has come, oldest first; empty if nobody's has.
    pub async fn next_turn(&self, desk: &str, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
        let desk = desk.to_owned();
        self.thread.read(move |tx| next_turn(tx, &desk, now)).await
    }

    /// Takes mails out of the queue with their new decisions, all in one transaction. Their effects come after those
    /// of the first decision.
    ///
    /// # Errors
    /// [`StoreError::AlreadyDecided`] if one of them is not in the queue; then nothing is changed.
    pub async fn release(&self, mails: Vec<Released>, now: Timestamp) -> Result<(), StoreError> {
        self.thread.write(move |tx| mails.iter().try_for_each(|mail| release(tx, mail, now))).await
    }

    /// Gives all turns of a desk anew, in their order, none before `turn.at`: the calendar has changed, or the queue
    /// was longer than the day.
    pub async fn postpone(&self, desk: &str, turn: Turn) -> Result<(), StoreError> {
        let desk = desk.to_owned();
        self.thread.write(move |tx| postpone(tx, &desk, turn)).await
    }
}

const FIRST: &str = "SELECT sender FROM queue WHERE desk = ?1 AND due <= ?2 ORDER BY due, mail_id LIMIT 1";

const OF_SENDER: &str = "
    SELECT m.id, m.mailbox, m.validity, m.uid, m.file, m.internal_date, m.flags, m.size, m.complete, m.seen_at,
           m.attempts, m.note, r.bytes, d.at, d.json,
           EXISTS (SELECT 1 FROM effect e WHERE e.mail_id = m.id AND e.kind = 'send'
                   AND e.state IN ('started', 'done', 'held')) AS acknowledged
    FROM queue q JOIN mail m ON m.id = q.mail_id JOIN raw r ON r.mail_id = q.mail_id
                 JOIN decision d ON d.mail_id = q.mail_id
    WHERE q.desk = ?1 AND q.sender = ?2 ORDER BY q.mail_id";

const TURN_OF_SENDER: &str = "SELECT min(due) FROM queue WHERE desk = ?1 AND sender = ?2 AND mail_id <> ?3";

const CASE_OF_SENDER: &str = "
    SELECT d.case_ref FROM queue q JOIN decision d ON d.mail_id = q.mail_id
    WHERE q.desk = ?1 AND q.sender = ?2 AND q.mail_id <> ?3 AND d.case_ref IS NOT NULL ORDER BY q.mail_id LIMIT 1";

const LAST: &str = "SELECT max(due) FROM queue WHERE desk = ?1";

const NEXT: &str = "SELECT min(due) FROM queue WHERE desk = ?1";

const INSERT: &str = "INSERT INTO queue (mail_id, desk, sender, due) VALUES (?1, ?2, ?3, ?4)";

const DELETE: &str = "DELETE FROM queue WHERE mail_id = ?1 RETURNING desk";

const ALL: &str = "SELECT mail_id, sender, due FROM queue WHERE desk = ?1 ORDER BY due, mail_id";

const SET: &str = "UPDATE queue SET due = ?2 WHERE mail_id = ?1";

const KEEP_DECISION: &str = "
    INSERT INTO decision_before (mail_id, at, disposition, case_ref, json)
    SELECT mail_id, at, disposition, case_ref, json FROM decision WHERE mail_id = ?1";

const NEW_DECISION: &str = "
    UPDATE decision SET at = ?2, disposition = ?3, case_ref = ?4, json = ?5, circumstances = ?6 WHERE mail_id = ?1";

const NEXT_SEQ: &str = "SELECT coalesce(max(seq) + 1, 0) FROM effect WHERE mail_id = ?1";

const UNFINISHED: &str = "
    SELECT EXISTS (SELECT 1 FROM effect WHERE mail_id = ?1 AND state IN ('waiting', 'pending', 'started'))";

const DONE: &str = "UPDATE mail SET state = 'done' WHERE id = ?1";

#[cfg(test)]
pub(super) const SQL: &[&str] = &[
    FIRST,
    OF_SENDER,
    TURN_OF_SENDER,
    CASE_OF_SENDER,
    LAST,
    NEXT,
    INSERT,
    DELETE,
    ALL,
    SET,
    KEEP_DECISION,
    NEW_DECISION,
    NEXT_SEQ,
    UNFINISHED,
    DONE,
];

/// Until when other mail of this sender waits.
pub(super) fn turn_of(
    tx: &Transaction<'_>,
    desk: &str,
    sender: &str,
    mail: MailId,
) -> Result<Option<Timestamp>, Fault> {
    let values = (desk, untagged(sender), mail);
    let due: Option<Ms> = tx.prepare_cached(TURN_OF_SENDER)?.query_row(values, |row| row.get(0))?;
    Ok(due.map(|ms| ms.0))
}

/// The case of other mail of this sender that waits: they are answered together.
pub(super) fn case_of(tx: &Transaction<'_>, desk: &str, sender: &str, mail: MailId) -> Result<Option<String>, Fault> {
    let values = (desk, untagged(sender), mail);
    Ok(tx.prepare_cached(CASE_OF_SENDER)?.query_row(values, |row| row.get(0)).optional()?)
}

/// When the queue next has something to do.
pub(super) fn next_due(tx: &Transaction<'_>, desk: &str) -> Result<Option<Timestamp>, Fault> {
    let due: Option<Ms> = tx.prepare_cached(NEXT)?.query_row([desk], |row| row.get(0))?;
    Ok(due.map(|ms| ms.0))
}

/// Queues a mail: with its sender's other mail, else behind all that wait.
pub(super) fn enqueue(tx: &Transaction<'_>, desk: &str, mail: MailId, sender: &str, turn: Turn) -> Result<(), Fault> {
    let due = match turn_of(tx, desk, sender, mail)?.filter(|_| !sender.is_empty()) {
        Some(due) => due,
        None => {
            let last: Option<Ms> = tx.prepare_cached(LAST)?.query_row([desk], |row| row.get(0))?;
            last.map_or(turn.at, |last| turn.at.max(last.0 + turn.every))
        }
    };
    tx.prepare_cached(INSERT)?.execute((mail, desk, untagged(sender), Ms(due)))?;
    Ok(())
}

fn next_turn(tx: &Transaction<'_>, desk: &str, now: Timestamp) -> Result<Vec<Waiting>, Fault> {
    let sender: Option<String> = tx.prepare_cached(FIRST)?.query_row((desk, Ms(now)), |row| row.get(0)).optional()?;
    let Some(sender) = sender else { return Ok(Vec::new()) };
    let mut statement = tx.prepare_cached(OF_SENDER)?;
    let mut rows = statement.query((desk, sender))?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let (decided_at, json): (Ms, String) = (row.get("at")?, row.get("json")?);
        let decision = serde_json::from_str(&json)?;
        let acknowledged = row.get("acknowledged")?;
        waiting.push(Waiting { mail: stored(row)?, decided_at: decided_at.0, decision, acknowledged });
    }
    Ok(waiting)
}

fn release(tx: &Transaction<'_>, released: &Released, now: Timestamp) -> Result<(), Fault> {
    let Released { mail, meta, decision, effects, circumstances } = released;
    let desk: Option<String> = tx.prepare_cached(DELETE)?.query_row([mail], |row| row.get(0)).optional()?;
    let desk = desk.ok_or(Fault::AlreadyDecided(*mail))?;
    tx.prepare_cached(KEEP_DECISION)?.execute([mail])?;
    let json = serde_json::to_string(decision)?;
    let circumstances = circumstances.as_ref().map(serde_json::to_string).transpose()?;
    let values = (mail, Ms(now), decision.disposition.as_str(), &decision.case, json, circumstances);
    tx.prepare_cached(NEW_DECISION)?.execute(values)?;
    note_case(tx, &desk, meta, decision, now)?;
    thread_case(tx, &desk, meta, decision)?;
    let first: u32 = tx.prepare_cached(NEXT_SEQ)?.query_row([mail], |row| row.get(0))?;
    let unfinished: bool = tx.prepare_cached(UNFINISHED)?.query_row([mail], |row| row.get(0))?;
    for (seq, new) in (first..).zip(effects) {
        let next = seq == first && !unfinished;
        let state = if next { EffectState::Pending } else { EffectState::Waiting };
        let new = NewEffect { effect: new.effect.clone().moved_on(first), due: new.due };
        insert_effect(tx, &desk, (*mail, meta, decision), (seq, state), &new, now)?;
    }
    if effects.is_empty() && !unfinished {
        tx.prepare_cached(DONE)?.execute([mail])?;
    }
    Ok(())
}

fn postpone(tx: &Transaction<'_>, desk: &str, turn: Turn) -> Result<(), Fault> {
    let rows: Vec<(MailId, String, Ms)> = {
        let mut statement = tx.prepare_cached(ALL)?;
        let rows = statement.query_map([desk], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    let mut given: std::collections::HashMap<String, Timestamp> = std::collections::HashMap::new();
    let mut last: Option<Timestamp> = None;
    for (mail, sender, due) in rows {
        let due = *given.entry(sender).or_insert_with(|| {
            let due = due.0.max(turn.at).max(last.map_or(turn.at, |last| last + turn.every));
            last = Some(due);
            due
        });
        tx.prepare_cached(SET)?.execute((mail, Ms(due)))?;
    }
    Ok(())
}

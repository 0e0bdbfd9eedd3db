//! Writing down what was decided, together with everything that is to be done about it (invariant 3).

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension, Transaction};

use super::case::note_case;
use super::effect::{Effect, EffectState, NewEffect};
use super::error::{Fault, StoreError};
use super::journal::not_seen;
use super::queue::{Turn, enqueue};
use super::standing::{count_answer, note_answer};
use super::unsent::bounced;
use super::values::Ms;
use super::{EffectId, MailId, Store};
use crate::triage::bounce::Bounce;
use crate::triage::circumstances::Circumstances;
use crate::triage::decision::{Decision, Reply};

/// What reading the mail found that later look-ups need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MailMeta {
    /// Without angle brackets.
    pub message_id: Option<String>,
    /// Address of the sender; its case is ignored. "" if there is none.
    pub sender: String,
    /// Ids of `References` and `In-Reply-To`, oldest first, without angle brackets.
    pub thread: Vec<String>,
    /// As it stands in the mail; "" if there is none.
    pub subject: String,
    /// The case that a subject of ours names, its signature checked.
    pub signed_case: Option<String>,
    /// Where the desk is: the day on which a new case is counted.
    pub day: Option<Date>,
    /// The mail reports that one of ours came back.
    pub bounce: Option<Bounce>,
}

/// A decision with all that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub mail: MailId,
    pub meta: MailMeta,
    pub decision: Decision,
    /// In the order in which they are to be carried out.
    pub effects: Vec<NewEffect>,
    /// For [`Store::past`]; none if it is not to be decided again.
    pub circumstances: Option<Circumstances>,
}

/// Ids of a thread beyond this number are not kept (the first and the last ones are): a hostile mail can name
/// thousands.
const FIRST_IDS: usize = 10;
const LAST_IDS: usize = 40;

/// RFC 5322 §2.1.1: no line is longer, so no usable id is.
const LONGEST_ID: usize = 998;

/// Every id that belongs to the thread, each once, oldest first, the mail's own id last.
pub(super) fn thread_ids<'a>(message_id: Option<&'a str>, thread: &'a [String]) -> Vec<&'a str> {
    let skipped = FIRST_IDS..thread.len().saturating_sub(LAST_IDS);
    let kept = thread.iter().enumerate().filter(|(at, _)| !skipped.contains(at)).map(|(_, id)| id.as_str());
    let mut known = HashSet::new();
    let ids = kept.chain(message_id).filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
    ids.filter(|id| known.insert(*id)).collect()
}

impl Store {
    /// Writes a decision and its effects in one transaction; the mail is decided then (and done, if there is nothing
    /// to do).
    ///
    /// # Errors
    /// [`StoreError::AlreadyDecided`] if the mail has a decision or is in quarantine.
    pub async fn record(
        &self,
        mail: MailId,
        meta: &MailMeta,
        decision: &Decision,
        effects: &[NewEffect],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.record_in_turn(mail, meta, decision, (effects, None), now).await
    }

    /// [`Store::record`] for a mail that may have to wait for its turn, when it is decided anew.
    ///
    /// # Errors
    /// As [`Store::record`].
    pub async fn record_in_turn(
        &self,
        mail: MailId,
        meta: &MailMeta,
        decision: &Decision,
        (effects, turn): (&[NewEffect], Option<Turn>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (meta, decision) = (meta.clone(), decision.clone());
        let record = Record { mail, meta, decision, effects: effects.to_vec(), circumstances: None };
        self.thread.write(move |tx| record_one(tx, &record, turn, now).map(drop)).await
    }
}

const UNDECIDED: &str = "SELECT desk FROM mail WHERE id = ?1 AND state = 'seen'";

const DECIDE: &str = "UPDATE mail SET state = ?2, message_id = ?3, sender = ?4, note = NULL WHERE id = ?1";

const INSERT_DECISION: &str =
    "INSERT INTO decision (mail_id, at, disposition, case_ref, json, circumstances) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const INSERT_EFFECT: &str = "
    INSERT INTO effect (mail_id, seq, desk, kind, payload, message_id, created_at, due_at, not_before, state)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9)";

const INSERT_TEXT: &str = "INSERT INTO effect_text (effect_id, json) VALUES (?1, ?2)";

const INSERT_CASE: &str =
    "INSERT INTO thread_case (desk, message_id, case_ref) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

const INSERT_ANSWER_THREAD: &str =
    "INSERT INTO answer_thread (desk, message_id, effect_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

#[cfg(test)]
pub(super) const SQL: &[&str] =
    &[UNDECIDED, DECIDE, INSERT_DECISION, INSERT_EFFECT, INSERT_TEXT, INSERT_CASE, INSERT_ANSWER_THREAD];

/// Answers how many answers of the desk this makes.
pub(super) fn record_one(
    tx: &Transaction<'_>,
    record: &Record,
    turn: Option<Turn>,
    now: Timestamp,
) -> Result<u32, Fault> {
    let desk = decide(tx, record, turn.is_some())?;
    let Record { mail, meta, decision, .. } = record;
    let json = serde_json::to_string(decision)?;
    let circumstances = record.circumstances.as_ref().map(serde_json::to_string).transpose()?;
    let values = (record.mail, Ms(now), decision.disposition.as_str(), &decision.case, json, circumstances);
    tx.prepare_cached(INSERT_DECISION)?.execute(values)?;
    note_case(tx, &desk, meta, decision, now)?;
    thread_case(tx, &desk, meta, decision)?;
    if let Some(bounce) = &meta.bounce {
        bounced(tx, bounce, now)?;
    }
    for (seq, new) in (0..).zip(&record.effects) {
        let state = if seq == 0 { EffectState::Pending } else { EffectState::Waiting };
        insert_effect(tx, &desk, (*mail, meta, decision), (seq, state), new, now)?;
    }
    if let Some(turn) = turn {
        enqueue(tx, &desk, *mail, &meta.sender, turn)?;
    }
    let sent = record.effects.iter().filter(|new| matches!(&new.effect, Effect::Send(reply) if reply.until.is_none()));
    let answers = sent.count() + usize::from(turn.is_some() && decision.answers());
    for _ in 0..answers {
        count_answer(tx, &desk, now)?;
    }
    Ok(u32::try_from(answers).unwrap_or(u32::MAX))
}

/// Makes the case known to later mail of the thread.
pub(super) fn thread_case(tx: &Transaction<'_>, desk: &str, meta: &MailMeta, decision: &Decision) -> Result<(), Fault> {
    let Some(case) = &decision.case else { return Ok(()) };
    for id in thread_ids(meta.message_id.as_deref(), &meta.thread) {
        tx.prepare_cached(INSERT_CASE)?.execute((desk, id, case))?;
    }
    Ok(())
}

/// Takes the mail out of the undecided ones; answers its desk.
fn decide(tx: &Transaction<'_>, record: &Record, waits: bool) -> Result<String, Fault> {
    let state = if record.effects.is_empty() && !waits { "done" } else { "decided" };
    let values = (record.mail, state, &record.meta.message_id, record.meta.sender.to_lowercase());
    let desk: Option<String> = tx.prepare_cached(UNDECIDED)?.query_row([record.mail], |row| row.get(0)).optional()?;
    let desk = desk.ok_or_else(|| not_seen(tx, record.mail))?;
    tx.prepare_cached(DECIDE)?.execute(values)?;
    Ok(desk)
}

/// Writes an effect with its number and state.
pub(super) fn insert_effect(
    tx: &Transaction<'_>,
    desk: &str,
    (mail, meta, decision): (MailId, &MailMeta, &Decision),
    (seq, state): (u32, EffectState),
    new: &NewEffect,
    now: Timestamp,
) -> Result<(), Fault> {
    let effect = write_effect(tx, desk, mail, (seq, state), new, now)?;
    let Effect::Send(reply) = &new.effect else { return Ok(()) };
    note_answer(tx, desk, &meta.sender, reply, effect)?;
    if let Some(case) = &decision.case {
        tx.prepare_cached(INSERT_CASE)?.execute((desk, &reply.message_id, case))?;
    }
    match reply.until {
        // An acknowledgement is no answer: the thread still gets one.
        Some(_) => Ok(()),
        None => index_answer(tx, desk, meta, effect, reply),
    }
}

/// Only the effect itself.
pub(super) fn write_effect(
    tx: &Transaction<'_>,
    desk: &str,
    mail: MailId,
    (seq, state): (u32, EffectState),
    new: &NewEffect,
    now: Timestamp,
) -> Result<EffectId, Fault> {
    let json = serde_json::to_string(&new.effect)?;
    let apart = new.effect.text().is_some();
    tx.prepare_cached(INSERT_EFFECT)?.execute(rusqlite::params![
        mail,
        seq,
        desk,
        new.effect.kind(),
        if apart { "null" } else { &json },
        new.effect.mail().map(|reply| &reply.message_id),
        Ms(now),
        Ms(new.due.unwrap_or(now)),
        state,
    ])?;
    let effect = EffectId(tx.last_insert_rowid());
    if apart {
        tx.prepare_cached(INSERT_TEXT)?.execute((effect, json))?;
    }
    Ok(effect)
}

/// Makes an answer known to [`Store::history`] by its thread.
fn index_answer(
    tx: &Transaction<'_>,
    desk: &str,
    meta: &MailMeta,
    effect: EffectId,
    reply: &Reply,
) -> Result<(), Fault> {
    let thread = thread_ids(meta.message_id.as_deref(), &meta.thread);
    for id in thread.into_iter().chain([reply.message_id.as_str()]) {
        tx.prepare_cached(INSERT_ANSWER_THREAD)?.execute((desk, id, effect))?;
    }
    Ok(())
}

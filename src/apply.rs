//! From a decision to what happens: numbered effects, each repeatable, carried out in their order.
//!
//! Every effect may be carried out twice without harm (labels are sets, copies are looked for by Message-ID, a mail
//! that is gone was moved) but one: sending. So "started" is noted durably before a send, and a send that was cut
//! off is never blindly repeated ([`settle_interrupted`], invariant 3); [`Marks`](crate::store::Marks) tell which ones
//! surely were not sent.

mod call;
mod labels;
mod notes;
mod post;
mod retry;
mod stop;
mod way;

use std::collections::HashSet;

use jiff::tz::TimeZone;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::mailbox::{Inbox, MailboxError, Place};
use crate::outbox::{Found, compose};
use crate::store::{Effect, EffectId, EffectRow, EffectState, Fate, NewEffect, Outcome, Store, StoreError};
use crate::triage::decision::{Action, Decision, Reply};
use crate::triage::inquiry::Mailbox;

use self::labels::is_label;
pub use self::notes::Notes;
use self::post::log;
pub use self::post::{Others, Post, Sender};
pub use self::stop::{stopped, unless_stopped};
use self::way::WayOut;

/// What stops the carrying out of effects; the effects themselves stay in the store.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The effects of a decision, in the order in which they are carried out: labels first, so that staff see the mail
/// at once; the answer; its label, and then its copy, for which a full mailbox may have no room; the move last, because
/// it takes the mail out of our sight.
pub fn effects(actions: &[Action], label_prefix: &str, sent_copy: bool) -> Vec<NewEffect> {
    let mut effects = Vec::new();
    for action in actions {
        match action {
            Action::Label { labels } => now(&mut effects, Effect::AddLabels { labels: labels.clone() }),
            Action::Draft(reply) => now(&mut effects, Effect::Draft(reply.clone())),
            Action::Acknowledge(reply) => acknowledge(&mut effects, reply, sent_copy),
            // What waits is decided anew in its turn.
            Action::Reply(reply) | Action::Redirect(reply) if reply.at.is_some() => {}
            Action::Reply(reply) | Action::Redirect(reply) => send(&mut effects, reply, label_prefix, sent_copy),
            Action::Forward(reply) if reply.at.is_some() => {}
            Action::Forward(reply) => forward(&mut effects, reply, label_prefix),
            Action::Alert(reply) => now(&mut effects, Effect::Alert(reply.clone())),
            Action::AlertCommand(alert) => now(&mut effects, Effect::AlertCommand(alert.clone())),
            Action::HandOver { .. } | Action::Queue { .. } | Action::Move { .. } | Action::Close(_) => {}
        }
    }
    for action in actions {
        if let Action::Move { folder } = action {
            now(&mut effects, Effect::Move { folder: folder.clone() });
        }
    }
    // Days later, and no other effect must wait for it.
    let waits = actions.iter().any(|action| matches!(action, Action::Queue { .. }));
    for action in actions {
        if let (Action::Close(reply), false) = (action, waits) {
            close(&mut effects, reply, label_prefix, sent_copy);
        }
    }
    effects
}

fn close(effects: &mut Vec<NewEffect>, reply: &Reply, label_prefix: &str, sent_copy: bool) {
    let of = effects.len() as u32;
    effects.push(NewEffect { effect: Effect::Close(reply.clone()), due: reply.at });
    if sent_copy {
        now(effects, Effect::SentCopy { of });
    }
    now(effects, Effect::LabelSend { of, sent: vec![format!("{label_prefix}closed")], unsent: Vec::new() });
}

fn now(effects: &mut Vec<NewEffect>, effect: Effect) {
    effects.push(NewEffect { effect, due: None });
}

fn acknowledge(effects: &mut Vec<NewEffect>, reply: &Reply, sent_copy: bool) {
    let of = effects.len() as u32;
    now(effects, Effect::Send(reply.clone()));
    if sent_copy {
        now(effects, Effect::SentCopy { of });
    }
}

fn send(effects: &mut Vec<NewEffect>, reply: &Reply, label_prefix: &str, sent_copy: bool) {
    let of = effects.len() as u32;
    let label = |name: &str| vec![format!("{label_prefix}{name}")];
    now(effects, Effect::Send(reply.clone()));
    now(effects, Effect::LabelSend { of, sent: label("answered"), unsent: label("unsent") });
    if sent_copy {
        now(effects, Effect::SentCopy { of });
    }
}

/// The effects of a decision about mail that waited: labels that are true no longer come off first.
pub fn released(before: &Decision, decision: &Decision, label_prefix: &str, sent_copy: bool) -> Vec<NewEffect> {
    let kept = decision.labels();
    let gone: Vec<String> = before.labels().into_iter().filter(|label| !kept.contains(label)).collect();
    let mut actions = decision.actions.clone();
    actions.retain(|action| !matches!(action, Action::Label { .. }));
    let mut list = Vec::new();
    if !gone.is_empty() {
        now(&mut list, Effect::RemoveLabels { labels: gone });
    }
    let new: Vec<String> = kept.into_iter().filter(|label| !before.labels().contains(label)).collect();
    if !new.is_empty() {
        now(&mut list, Effect::AddLabels { labels: new });
    }
    let first = list.len() as u32;
    let rest = effects(&actions, label_prefix, sent_copy).into_iter();
    list.extend(rest.map(|new| NewEffect { effect: new.effect.moved_on(first), due: new.due }));
    list
}

/// The store keeps what was passed on, so the Sent folder need not.
fn forward(effects: &mut Vec<NewEffect>, reply: &Reply, label_prefix: &str) {
    let of = effects.len() as u32;
    now(effects, Effect::Forward(reply.clone()));
    let label = |name: &str| vec![format!("{label_prefix}{name}")];
    now(effects, Effect::LabelSend { of, sent: label("forwarded"), unsent: label("unsent") });
}

/// What carries effects out for one desk, all but those that send mail ([`Post`]).
pub struct Hands<'a> {
    pub desk: &'a str,
    pub inbox: &'a mut Inbox,
    pub store: &'a Store,
    pub clock: &'a Clock,
    pub from: &'a Mailbox,
    pub zone: &'a TimeZone,
    pub fresh: &'a mut Fresh,
    pub notes: &'a mut Notes,
    /// True: nothing more is begun.
    pub stop: &'a watch::Receiver<bool>,
    /// Program and arguments that tell staff of urgent mail; empty: none.
    pub alert_command: &'a [String],
    /// The last round ended in the middle of its effects, and nobody knows which one is at fault: each by itself.
    pub careful: bool,
}

/// Which effects were surely never tried: written by this process, and not begun by it. Filing a copy of these needs
/// no search for an earlier one.
#[derive(Debug)]
pub struct Fresh {
    /// The newest effect when this process began.
    after: EffectId,
    begun: HashSet<EffectId>,
}

impl Fresh {
    /// `after`: [`Store::newest_effect`] before anything is done.
    pub fn new(after: EffectId) -> Fresh {
        Fresh { after, begun: HashSet::new() }
    }

    fn first_try(&mut self, effect: EffectId) -> bool {
        effect > self.after && self.begun.insert(effect)
    }

    fn done(&mut self, effect: EffectId) {
        self.begun.remove(&effect);
    }
}

impl Hands<'_> {
    /// Carries out effects that are ready (no two of one mail) and notes what became of them: labels together, the rest one
    /// by one. Ends early if asked to stop.
    ///
    /// # Errors
    /// Store failures, and mailbox failures that need a new connection: what was not done stays to be done.
    pub async fn carry_out(&mut self, rows: Vec<EffectRow>) -> Result<(), ApplyError> {
        let rows = self.those_of_this_mailbox(rows).await?;
        let together = |row: &EffectRow| is_label(&row.effect) && row.attempts == 0 && !self.careful;
        let (labels, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(together);
        self.label(labels).await?;
        for row in rest {
            if *self.stop.borrow() {
                break;
            }
            self.alone(&row).await?;
        }
        Ok(())
    }

    /// UIDs of a mailbox that was rebuilt or replaced name other mails by now: nothing is done to those.
    async fn those_of_this_mailbox(&mut self, rows: Vec<EffectRow>) -> Result<Vec<EffectRow>, ApplyError> {
        let place = self.inbox.place();
        let here = |row: &EffectRow| (row.key.mailbox.as_str(), row.key.validity) == place;
        let (rows, elsewhere): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !marks(&row.effect) || here(row));
        if !elsewhere.is_empty() {
            let gone = Outcome::Done { note: Some("the mail lay in a mailbox that is another one now".into()) };
            self.notes.note(elsewhere.iter().map(|row| (row.id, gone.clone())).collect()).await?;
        }
        Ok(rows)
    }

    /// One effect by itself. If the server ends the connection over it, that is counted as a try: the next round goes on
    /// with the others.
    async fn alone(&mut self, row: &EffectRow) -> Result<(), ApplyError> {
        let done = self.one(row).await;
        if let Err(ApplyError::Mailbox(error)) = &done {
            let outcome = self.notes.failed(row, error.to_string());
            self.notes.note(vec![(row.id, outcome)]).await?;
        }
        done
    }

    async fn one(&mut self, row: &EffectRow) -> Result<(), ApplyError> {
        let outcome = match &row.effect {
            Effect::Send(_) | Effect::Forward(_) | Effect::Close(_) | Effect::Alert(_) => return Ok(()),
            Effect::AddLabels { .. } | Effect::RemoveLabels { .. } | Effect::LabelSend { .. } => {
                return self.label(vec![row.clone()]).await;
            }
            Effect::AlertCommand(alert) => self.call(row, alert).await,
            Effect::SentCopy { of } => self.sent_copy(row, *of).await?,
            Effect::Draft(reply) => {
                let mail = compose(reply, self.from, &self.clock.now().to_zoned(self.zone.clone()));
                let filed = self.file(row, &Place::Drafts, &mail, &reply.message_id).await;
                self.outcome(row, filed)?
            }
            Effect::Move { folder } => {
                let moved = self.inbox.move_to(&row.key.item, folder).await;
                self.outcome(row, moved)?
            }
        };
        self.notes.note(vec![(row.id, outcome)]).await
    }

    /// The copy has the bytes that went out: same Message-ID, same date.
    async fn sent_copy(&mut self, row: &EffectRow, of: u32) -> Result<Outcome, ApplyError> {
        let send = self.store.send_effect(row.mail_id, of).await?;
        match send.started_at {
            Some(started) if send.state == EffectState::Done => {
                let mail = compose(&send.reply, self.from, &started.to_zoned(self.zone.clone()));
                let filed = self.file(row, &Place::Sent, &mail, &send.reply.message_id).await;
                self.outcome(row, filed)
            }
            _ => Ok(Outcome::Done { note: Some("nothing was sent".into()) }),
        }
    }

    /// Files a copy; if this may be a repetition, only where none lies yet.
    async fn file(&mut self, row: &EffectRow, place: &Place, mail: &[u8], id: &str) -> Result<(), MailboxError> {
        if self.fresh.first_try(row.id) {
            self.inbox.file(place, mail).await?;
        } else {
            self.inbox.file_once(place, mail, id).await?;
        }
        self.fresh.done(row.id);
        Ok(())
    }

    /// What a mailbox result means for the effect; an error that needs a new connection ends the round.
    fn outcome<T>(&self, row: &EffectRow, result: Result<T, MailboxError>) -> Result<Outcome, ApplyError> {
        match result {
            Ok(_) => Ok(Outcome::Done { note: None }),
            Err(error) if error.needs_reopen() => Err(error.into()),
            Err(error) if error.is_permanent() => Ok(Outcome::Failed { reason: error.to_string() }),
            Err(error) if error.is_passing_refusal() => Ok(self.notes.later(row, error.to_string())),
            Err(error) => Ok(self.notes.failed(row, error.to_string())),
        }
    }
}

/// It is done to the mail itself, where it lies.
fn marks(effect: &Effect) -> bool {
    is_label(effect) || matches!(effect, Effect::Move { .. })
}

/// After a crash: what the marks cannot tell of a send that had begun is looked for, and if nobody can tell, a person must
/// (invariant 3).
///
/// # Errors
/// Store failures, and a mailbox that needs a new connection.
pub async fn settle_interrupted(hands: &mut Hands<'_>, post: &mut Post) -> Result<usize, ApplyError> {
    hands.notes.note(Vec::new()).await?;
    post.notes().note(Vec::new()).await?;
    let rows = hands.store.interrupted(hands.desk).await?;
    let fates = post.marks().fates(&rows);
    let mut outcomes = Vec::new();
    for (row, fate) in rows.iter().zip(fates) {
        let Some(reply) = row.effect.mail() else { continue };
        let outcome = match fate {
            Fate::Sent { said } => Outcome::Done { note: Some(said) },
            Fate::NotSent => not_sent(hands),
            Fate::Unknown => looked_for(hands, post, reply).await?,
        };
        log(row, &outcome);
        outcomes.push((row.id, outcome));
    }
    post.notes().note(outcomes).await?;
    Ok(rows.len())
}

fn not_sent(hands: &Hands<'_>) -> Outcome {
    Outcome::RetryAt { at: hands.clock.now(), reason: "was cut off before it was sent".into() }
}

async fn looked_for(hands: &mut Hands<'_>, post: &mut Post, reply: &Reply) -> Result<Outcome, ApplyError> {
    Ok(match post.outbox_mut().find(&reply.message_id).await {
        Found::Sent => Outcome::Done { note: Some("found sent after a crash".into()) },
        Found::NotSent => not_sent(hands),
        Found::Unknown if in_sent_folder(hands, reply).await? => {
            Outcome::Done { note: Some("found in the Sent folder after a crash".into()) }
        }
        Found::Unknown => {
            Outcome::Held { reason: "perhaps sent: cut off while sending, so that nobody can tell".into() }
        }
    })
}

/// Some servers file what goes out over their SMTP into Sent by themselves.
async fn in_sent_folder(hands: &mut Hands<'_>, reply: &Reply) -> Result<bool, ApplyError> {
    match hands.inbox.holds(&Place::Sent, &reply.message_id).await {
        Ok(found) => Ok(found),
        Err(error) if error.needs_reopen() => Err(error.into()),
        Err(_) => Ok(false),
    }
}

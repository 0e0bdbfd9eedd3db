//! The queue's turn: mail that waited for the opening is decided anew, with everything as it is now (rules, notices,
//! budgets, what the sender wrote since), and then answered, or left to staff.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::info;

use super::{WorkError, Worker, decide_safely, read_safely};
use crate::apply::released;
use crate::store::{Books, Released, Turn, Waiting};
use crate::triage::decision::{Action, Decision};
use crate::triage::inquiry::Inquiry;
use crate::triage::together::{Release, Role, roles};

/// Turns taken between two looks at the mailbox and at the wish to stop.
const TURNS_A_ROUND: usize = 50;

impl Worker {
    /// Takes the turns that have come; answers how many.
    pub(super) async fn release(&mut self) -> Result<usize, WorkError> {
        let mut taken = 0;
        while taken < TURNS_A_ROUND && !self.stopping() {
            let waiting = self.store.next_turn(&self.profile.id, self.clock.now()).await?;
            if waiting.is_empty() {
                break;
            }
            self.take_turn(waiting).await?;
            taken += 1;
        }
        Ok(taken)
    }

    /// The mails of one sender, oldest first.
    async fn take_turn(&mut self, waiting: Vec<Waiting>) -> Result<(), WorkError> {
        let now = self.clock.now();
        if let Some(at) = self.still_closed(&waiting, now) {
            let turn = Turn { at, every: self.desk.release_every };
            return Ok(self.store.postpone(&self.profile.id, turn).await?);
        }
        let inquiries: Arc<[Inquiry]> = waiting.iter().map(|one| read_safely(&one.mail, &self.profile)).collect();
        let waiting: Arc<[Waiting]> = waiting.into();
        let alone = self.decided(&waiting, &inquiries, vec![Role::Alone; waiting.len()]).await?;
        let roles = roles(&alone);
        let decisions = match roles.iter().all(|role| *role == Role::Alone) {
            true => alone,
            false => self.decided(&waiting, &inquiries, roles).await?,
        };
        let (mut turns, judge) = (Vec::new(), self.judge().await?);
        for ((one, inquiry), decision) in waiting.iter().zip(&*inquiries).zip(decisions) {
            let effects = released(&one.decision, &decision, &self.profile.label_prefix, self.desk.sent_copy);
            let waited = now.duration_since(one.decided_at).as_mins();
            info!(desk = self.profile.id, mail = %one.mail.id, disposition = decision.disposition.as_str(), waited, "its turn");
            turns.push(Released { mail: one.mail.id, meta: judge.meta(inquiry), decision, effects });
        }
        Ok(self.store.release(turns, now).await?)
    }

    /// Closed again (the calendar was changed, or the queue is longer than the day): when it opens.
    fn still_closed(&self, waiting: &[Waiting], now: Timestamp) -> Option<Timestamp> {
        let mail = &waiting.first()?.mail;
        let arrived = mail.arrival.internal_date.unwrap_or(mail.seen_at);
        let calendar = &self.rules.at(arrived).pack.calendar;
        calendar.turn(arrived, now, self.profile.out_of_hours).filter(|at| *at > now)
    }

    async fn decided(
        &self,
        waiting: &Arc<[Waiting]>,
        inquiries: &Arc<[Inquiry]>,
        roles: Vec<Role>,
    ) -> Result<Vec<Decision>, WorkError> {
        let acknowledged = waiting.iter().any(|one| acknowledges(&one.decision));
        let mut signers = Vec::new();
        for (one, inquiry) in waiting.iter().zip(&**inquiries) {
            signers.push(self.signer(&one.mail, inquiry).await);
        }
        let (judge, waiting, inquiries) = (self.judge().await?, waiting.clone(), inquiries.clone());
        let decide = move |books: &Books<'_>| {
            let mails = waiting.iter().zip(&*inquiries).zip(signers).zip(roles);
            let decided = mails.map(|(((one, inquiry), dkim), role)| {
                let release = Release { first_decided: one.decided_at, acknowledged, role };
                let ctx = judge.context(&one.mail, inquiry, dkim, Some(release), books)?;
                Ok(decide_safely(inquiry, &ctx))
            });
            decided.collect()
        };
        Ok(self.store.in_one(decide).await?)
    }
}

fn acknowledges(decision: &Decision) -> bool {
    decision.actions.iter().any(|action| matches!(action, Action::Acknowledge(_)))
}

//! The queue's turn: mail that waited for the opening is decided anew, with everything as it is now (rules, notices,
//! budgets, what the sender wrote since), and then answered, or left to staff.

use jiff::Timestamp;
use tracing::info;

use super::{WorkError, Worker, decide_safely, read_safely};
use crate::apply::released;
use crate::store::{Released, Turn, Waiting};
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
        let inquiries: Vec<Inquiry> = waiting.iter().map(|one| read_safely(&one.mail, &self.profile)).collect();
        let alone = self.decided(&waiting, &inquiries, &vec![Role::Alone; waiting.len()]).await?;
        let roles = roles(&alone);
        let decisions = match roles.iter().all(|role| *role == Role::Alone) {
            true => alone,
            false => self.decided(&waiting, &inquiries, &roles).await?,
        };
        let mut turns = Vec::new();
        for ((one, inquiry), decision) in waiting.iter().zip(&inquiries).zip(decisions) {
            let effects = released(&one.decision, &decision, &self.profile.label_prefix, self.desk.sent_copy);
            let waited = now.duration_since(one.decided_at).as_mins();
            info!(desk = self.profile.id, mail = %one.mail.id, disposition = decision.disposition.as_str(), waited, "its turn");
            turns.push(Released { mail: one.mail.id, meta: self.meta(inquiry, now), decision, effects });
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
        waiting: &[Waiting],
        inquiries: &[Inquiry],
        roles: &[Role],
    ) -> Result<Vec<Decision>, WorkError> {
        let acknowledged = waiting.iter().any(|one| acknowledges(&one.decision));
        let register = self.desk.register.current(&self.store).await?;
        let mut decisions: Vec<Decision> = Vec::new();
        for ((one, inquiry), role) in waiting.iter().zip(inquiries).zip(roles) {
            let release = Release { first_decided: one.decided_at, acknowledged, role: role.clone() };
            let mut ctx = self.context(&one.mail, inquiry, &register, Some(release)).await?;
            // What an earlier one of them lets the case remember is not written down yet.
            if let (Some(case), Some(before)) = (&mut ctx.history.case, decisions.last()) {
                case.state.extend(before.case_state.clone());
            }
            decisions.push(decide_safely(inquiry, &ctx));
        }
        Ok(decisions)
    }
}

fn acknowledges(decision: &Decision) -> bool {
    decision.actions.iter().any(|action| matches!(action, Action::Acknowledge(_)))
}

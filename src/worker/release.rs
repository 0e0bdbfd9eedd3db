//! The queue's turn: mail that waited for the opening is decided anew, with everything as it is now (rules, notices,
//! budgets, what the sender wrote since), and then answered, or left to staff.

use std::sync::Arc;

use jiff::Timestamp;
use tracing::info;

use super::judge::FromBytes;
use super::{Clerk, WorkError, decide_safely, read_safely};
use crate::apply::released;
use crate::store::{Books, Released, Turn, Waiting};
use crate::triage::circumstances::Circumstances;
use crate::triage::decision::Decision;
use crate::triage::inquiry::Inquiry;
use crate::triage::together::{Release, Role, roles};

/// Turns taken between two looks at the mailbox and at the wish to stop.
const TURNS_A_ROUND: usize = 50;

impl Clerk {
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
        let mut woken = Vec::new();
        for one in waiting {
            woken.push(self.look_again(one).await?);
        }
        let woken: Arc<[Woken]> = woken.into();
        let mut decided = self.decided(&woken, vec![Role::Alone; woken.len()]).await?;
        let roles = roles(&decided.0);
        if roles.iter().any(|role| *role != Role::Alone) {
            decided = self.decided(&woken, roles).await?;
        }
        let (mut turns, judge) = (Vec::new(), self.judge().await?);
        let decided = decided.0.into_iter().zip(decided.1);
        for (Woken { before, inquiry, .. }, (decision, circumstances)) in woken.iter().zip(decided) {
            let effects = released(&before.decision, &decision, &self.profile.label_prefix, self.desk.sent_copy);
            let (mail, waited) = (before.mail.id, now.duration_since(before.decided_at).as_mins());
            info!(desk = self.profile.id, %mail, disposition = decision.disposition.as_str(), waited, "its turn");
            let (meta, circumstances) = (judge.meta(inquiry, &FromBytes::default()), Some(circumstances));
            turns.push(Released { mail, meta, decision, effects, circumstances });
        }
        Ok(self.store.release(turns, now).await?)
    }

    /// The mail as it lies there now: staff may have answered, deleted or moved it meanwhile. Keywords are left as they
    /// were, for ours were put on since.
    async fn look_again(&mut self, mut before: Waiting) -> Result<Woken, WorkError> {
        let arrival = &mut before.mail.arrival;
        let flags = self.open().await?.flags(&arrival.key).await?;
        let gone = flags.is_none();
        arrival.flags.extend(flags.into_iter().flatten().filter(|flag| flag.starts_with('\\')));
        let inquiry = read_safely(&before.mail, &self.profile);
        Ok(Woken { before, inquiry, gone })
    }

    /// Closed again (the calendar was changed, or the queue is longer than the day): when it opens.
    fn still_closed(&self, waiting: &[Waiting], now: Timestamp) -> Option<Timestamp> {
        let mail = &waiting.first()?.mail;
        let arrived = mail.arrived();
        let calendar = &self.rules.at(arrived).calendar;
        calendar.turn(arrived, now, self.profile.out_of_hours).filter(|at| *at > now)
    }

    /// What is decided about them in these roles, and from what.
    async fn decided(
        &self,
        woken: &Arc<[Woken]>,
        roles: Vec<Role>,
    ) -> Result<(Vec<Decision>, Vec<Circumstances>), WorkError> {
        let acknowledged = woken.iter().any(|one| one.before.acknowledged);
        let mut bytes = Vec::new();
        for Woken { before, inquiry, .. } in &**woken {
            bytes.push(FromBytes { dkim: self.signer(&before.mail, inquiry).await, bounce: None });
        }
        let (judge, woken) = (self.judge().await?, woken.clone());
        let decide = move |books: &Books<'_>| {
            let mails = woken.iter().zip(bytes).zip(roles);
            let (mut decided, mut circumstances): (Vec<Decision>, Vec<Circumstances>) = Default::default();
            for ((Woken { before, inquiry, gone }, bytes), role) in mails {
                let release = Release { first_decided: before.decided_at, acknowledged, gone: *gone, role };
                let mut ctx = judge.context(&before.mail, inquiry, &bytes, Some(release), books)?;
                // What an earlier one of them lets the case remember is not written down yet.
                if let (Some(case), Some(earlier)) = (&mut ctx.history.case, decided.last()) {
                    case.state.extend(earlier.case_state.clone());
                }
                let decision = decide_safely(inquiry, None, &ctx);
                circumstances.push(Circumstances::of(&decision, ctx));
                decided.push(decision);
            }
            Ok((decided, circumstances))
        };
        Ok(self.store.in_one(decide).await?)
    }
}

/// A mail whose turn has come.
struct Woken {
    before: Waiting,
    inquiry: Inquiry,
    /// It lies in the mailbox no longer.
    gone: bool,
}

//! Writing down what became of effects, and when what failed is tried again.

use jiff::SignedDuration;
use tracing::error;

use super::{ApplyError, retry};
use crate::clock::Clock;
use crate::store::{EffectId, EffectRow, Outcome, Store, StoreError};

/// What became of effects, on its way into the store.
pub struct Notes {
    store: Store,
    clock: Clock,
    /// What cannot be carried out for so long is given up.
    give_up_after: SignedDuration,
    /// Not written down yet, perhaps for want of room; the first thing to do after a failure.
    unnoted: Vec<(EffectId, Outcome)>,
}

impl Notes {
    pub fn new(store: Store, clock: Clock, give_up_after: SignedDuration) -> Notes {
        Notes { store, clock, give_up_after, unnoted: Vec::new() }
    }

    /// It is written down together with what comes next.
    pub(super) fn push(&mut self, effect: EffectId, outcome: Outcome) {
        self.unnoted.push((effect, outcome));
    }

    /// Writes down all that is not yet.
    pub(super) async fn note(&mut self, outcomes: Vec<(EffectId, Outcome)>) -> Result<(), ApplyError> {
        self.unnoted.extend(outcomes);
        if self.unnoted.is_empty() {
            return Ok(());
        }
        let noted = self.store.finish(self.unnoted.clone(), self.clock.now()).await;
        Ok(self.noted(noted, self.unnoted.len())?)
    }

    pub(super) fn unnoted(&self) -> &[(EffectId, Outcome)] {
        &self.unnoted
    }

    /// The first ones of [`Notes::unnoted`] were to be written down with this result. Only a disk that is full or fails, or
    /// somebody else in the store, is waited for; else settling finds out what became of them.
    pub(super) fn noted<T>(&mut self, result: Result<T, StoreError>, first: usize) -> Result<T, StoreError> {
        if !matches!(result, Err(StoreError::Full { .. } | StoreError::Disk { .. } | StoreError::Busy { .. })) {
            self.unnoted.drain(..first);
        }
        result
    }

    /// What follows when the server fails on this very effect.
    pub(super) fn failed(&self, row: &EffectRow, reason: String) -> Outcome {
        let outcome = retry::failed(row, reason, self.give_up_after, self.clock.now());
        if let Outcome::GivenUp { reason } = &outcome {
            error!(event = "mail-quarantined", mail = %row.mail_id, seq = row.seq, reason, "the server fails on a mail: staff must look");
        }
        outcome
    }

    /// What follows from a passing failure.
    pub(super) fn later(&self, row: &EffectRow, reason: String) -> Outcome {
        retry::later(row, reason, self.give_up_after, self.clock.now())
    }
}

//! A mail that cannot be worked on: tried three times, then taken out of the way, so that the rest goes on.
//!
//! A panic while reading or deciding needs no second try: the mail counts as unreadable at once. What is left is what ends
//! the whole process (a stack or memory used up), what panics around it, and what the mail server or the store does with
//! this one mail only. The first cannot be
//! noted when it happens, so mail that was undecided when the process began is counted before it is worked on. As
//! somebody may simply be killing the process again and again, what was in hand at an end already is only worked on when
//! all else is done and the process has lived for a moment.

use std::time::Duration;

use tracing::error;

use jiff::{SignedDuration, Timestamp};

use super::{Clerk, WorkError, caught};
use crate::apply::unless_stopped;
use crate::mailbox::HEAD_BYTES;
use crate::store::{IN_VAIN, StoreError, StoredMail};

/// Tries of a mail.
const TRIES: u32 = 3;
/// Between two tries to get a mail that the server did not give: what is wrong with the server itself may pass.
const ASK_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// A life this long is not one that somebody cuts off at random.
const MOMENT: Duration = Duration::from_secs(2);

impl Clerk {
    /// Mail with more tries behind it is left for later.
    pub(super) fn most_tries(&self) -> u32 {
        if self.begun.elapsed() < MOMENT { 0 } else { u32::MAX }
    }

    /// Waits, if there is mail that is left for later; then there is something to do.
    pub(super) async fn grown_up_for_suspects(&mut self) -> Result<bool, WorkError> {
        if self.most_tries() > 0 || self.store.undecided(&self.profile.id, u32::MAX, 1).await?.is_empty() {
            return Ok(false);
        }
        unless_stopped(&self.stop, Duration::ZERO, tokio::time::sleep_until(self.begun + MOMENT)).await;
        Ok(true)
    }

    /// It may have ended the process before, or have been of a batch that failed.
    pub(super) fn suspects(&self, mail: &StoredMail) -> bool {
        mail.id <= self.found || mail.attempts > 0
    }

    /// Decides a mail that is suspected, or takes it out of the way.
    pub(super) async fn decide_or_isolate(&mut self, mail: StoredMail) -> Result<(), WorkError> {
        if mail.attempts >= TRIES {
            return self.isolate(&mail).await;
        }
        self.store.record_failure(mail.id, "work on it began and has not ended", self.clock.now()).await?;
        self.decide_all(vec![mail]).await
    }

    /// Asks again for mail that the server told of and did not give; what it never gives is taken out of the way. Answers
    /// with how many it got on.
    pub(super) async fn ask_again(&mut self, unread: Vec<StoredMail>) -> Result<usize, WorkError> {
        let now = self.clock.now();
        // Later than it can be: the clock was set back.
        let too_early = |at: Timestamp| now < at && at.duration_since(now) <= ASK_AGAIN;
        if unread.is_empty() || self.ask_at.is_some_and(too_early) {
            return Ok(0);
        }
        self.ask_at = None;
        let mut got_on = 0;
        for mut mail in unread {
            if mail.attempts >= TRIES {
                self.isolate(&mail).await?;
                got_on += 1;
                continue;
            }
            self.store.record_failure(mail.id, "the server does not give it", now).await?;
            match self.open().await?.more(&mail.arrival.key, 0, HEAD_BYTES).await? {
                Some(head) if !head.is_empty() => {
                    mail.arrival.append(head, HEAD_BYTES);
                    let (raw, complete) = (mail.arrival.raw.clone(), mail.arrival.complete);
                    self.store.replace_head(mail.id, raw, complete).await?;
                    self.decide_all(vec![mail]).await?;
                    got_on += 1;
                }
                _ => self.ask_at = now.checked_add(ASK_AGAIN).ok(),
            }
        }
        Ok(got_on)
    }

    /// Decides mails that nobody suspects. If that fails and one of them may be at fault, all are suspected from then
    /// on, and looked at one by one.
    pub(super) async fn decide_together(&mut self, mails: Vec<StoredMail>) -> Result<(), WorkError> {
        let newest = mails.last().map(|mail| mail.id);
        let decided = caught(self.decide_all(mails)).await;
        if let (Err(error), Some(newest)) = (&decided, newest)
            && is_the_mails(error)
        {
            self.found = self.found.max(newest);
        }
        decided
    }

    async fn isolate(&mut self, mail: &StoredMail) -> Result<(), WorkError> {
        error!(event = "mail-quarantined", desk = self.profile.id, mail = %mail.id, "cannot be worked on: staff must look");
        let reason = format!("tried {TRIES} times {IN_VAIN}; {}", mail.note.as_deref().unwrap_or_default());
        let labels = vec![format!("{}quarantine", self.profile.label_prefix)];
        Ok(self.store.quarantine(mail.id, &reason, labels, self.clock.now()).await?)
    }
}

/// Can it be the mail that is at fault? A server that is gone or a disk that is full are not.
fn is_the_mails(error: &WorkError) -> bool {
    match error {
        WorkError::Mailbox(error) => !error.is_permanent(),
        WorkError::Store(error) => matches!(error, StoreError::Database { .. } | StoreError::Panicked),
        WorkError::Panicked => true,
        WorkError::Outbox(_) | WorkError::Rules(_) | WorkError::Dkim(_) => false,
    }
}

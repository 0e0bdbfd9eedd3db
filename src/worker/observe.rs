//! The first look at a mailbox: nothing is done there until staff activate the desk, and what would have been done is
//! written down.

use jiff::Timestamp;
use tracing::warn;

use super::judge::Judge;
use super::{Clerk, WorkError, decide_safely};
use crate::store::{Books, StoreError, StoredMail};
use crate::triage::circumstances::Circumstances;
use crate::triage::context::Context;
use crate::triage::decision::Decision;
use crate::triage::inquiry::Inquiry;

/// Every mail came before: nothing is answered, labelled or moved.
const NEVER: Timestamp = Timestamp::MAX;

impl Clerk {
    /// Notes the first look. A desk that only observes says so each time it opens its mailbox.
    pub(super) async fn look(&self, mailbox: &str) -> Result<(), WorkError> {
        let desk = self.profile.id.as_str();
        self.store.look(desk, mailbox, self.clock.now()).await?;
        let activation = self.store.activation(desk, mailbox).await?;
        if self.desk.answer_since.or(activation.active_since).is_none() {
            warn!(event = "observing", desk, mailbox, "nothing is done here until `madoguchi activate`");
        }
        Ok(())
    }
}

impl Judge {
    /// From when on mail is answered (invariant 6): as configured, else as activated by staff. Whole seconds, as
    /// INTERNALDATE has no finer ones.
    pub(super) fn not_before(&self, mail: &StoredMail, books: &Books<'_>) -> Result<Timestamp, StoreError> {
        let activated = || books.activation(&self.profile.id, &mail.arrival.key.mailbox);
        let since = match self.desk.answer_since {
            Some(since) => Some(since),
            None => activated()?.active_since,
        };
        Ok(since.map_or(NEVER, |since| Timestamp::from_second(since.as_second()).unwrap_or(since)))
    }
}

/// The desk only observes the mail's mailbox.
pub(super) fn only(ctx: &Context<'_>) -> bool {
    ctx.seen.not_before == Some(NEVER)
}

/// What an active desk would have decided when the mail came, and from what: old mail shows as well what is to be
/// expected.
pub(super) fn would(inquiry: &Inquiry, ctx: Context<'_>, mail: &StoredMail) -> (Decision, Circumstances) {
    let mut ctx = ctx;
    ctx.now = mail.arrived();
    ctx.seen.not_before = None;
    let decision = decide_safely(inquiry, None, &ctx);
    let circumstances = Circumstances::of(&decision, ctx);
    (decision, circumstances)
}

//! The first look at a mailbox: nothing is done there until staff activate the desk, and what would have been done is
//! written down.

use jiff::Timestamp;
use tracing::warn;

use super::{WorkError, Worker, decide_safely};
use crate::store::StoredMail;
use crate::triage::context::Context;
use crate::triage::decision::Decision;
use crate::triage::inquiry::Inquiry;

/// Every mail came before: nothing is answered, labelled or moved.
const NEVER: Timestamp = Timestamp::MAX;

impl Worker {
    /// Notes the first look. A desk that only observes says so each time it opens its mailbox.
    pub(super) async fn look(&self, mailbox: &str) -> Result<(), WorkError> {
        let desk = self.profile.id.as_str();
        self.store.look(desk, mailbox, self.clock.now()).await?;
        if self.active_since(mailbox).await?.is_none() {
            warn!(event = "observing", desk, mailbox, "nothing is done here until `madoguchi activate`");
        }
        Ok(())
    }

    /// As configured, else as activated by staff; none: never yet.
    async fn active_since(&self, mailbox: &str) -> Result<Option<Timestamp>, WorkError> {
        match self.desk.answer_since {
            Some(since) => Ok(Some(since)),
            None => Ok(self.store.activation(&self.profile.id, mailbox).await?.active_since),
        }
    }

    /// From when on mail is answered (invariant 6). Whole seconds, as INTERNALDATE has no finer ones.
    pub(super) async fn not_before(&self, mail: &StoredMail) -> Result<Timestamp, WorkError> {
        let since = self.active_since(&mail.arrival.key.mailbox).await?;
        Ok(since.map_or(NEVER, |since| Timestamp::from_second(since.as_second()).unwrap_or(since)))
    }
}

/// The desk only observes the mail's mailbox.
pub(super) fn only(ctx: &Context<'_>) -> bool {
    ctx.seen.not_before == Some(NEVER)
}

/// What an active desk would have decided when the mail came: old mail shows as well what is to be expected.
pub(super) fn would(inquiry: &Inquiry, ctx: Context<'_>, mail: &StoredMail) -> Decision {
    let mut ctx = ctx;
    ctx.now = mail.arrival.internal_date.unwrap_or(mail.seen_at);
    ctx.seen.not_before = None;
    decide_safely(inquiry, &ctx)
}

//! The mailbox and the journal's side of it: what is new goes into the journal before anybody looks at it.

use tracing::info;

use super::{Clerk, Progress, WorkError, read_safely};
use crate::mailbox::{HEAD_BYTES, Inbox, MailboxError};
use crate::store::StoredMail;
use crate::triage::arrival::{Arrival, Known};
use crate::triage::inquiry::Inquiry;
use crate::triage::read::TEXT_CUT;

/// A text beyond this is not looked at: 1 MB, base64 and all, more than the usual head.
const LONGEST_HEAD: usize = HEAD_BYTES + (1 << 20);

impl Clerk {
    /// The open mailbox; what is being read ahead comes first.
    pub(super) async fn open(&mut self) -> Result<&mut Inbox, WorkError> {
        if let Some(read) = self.reading.join_next().await {
            let (inbox, known, read) = read.map_err(|_| WorkError::Panicked)?;
            self.ahead = read?;
            (self.inbox, self.known) = (Some(inbox), Some(known));
        }
        if self.inbox.is_none() {
            let inbox = Inbox::open(&self.desk.mailbox).await?;
            let (mailbox, validity) = inbox.place();
            info!(desk = self.profile.id, mailbox, validity, "mailbox open");
            self.inbox = Some(inbox);
        }
        self.inbox.as_mut().ok_or(MailboxError::Closed.into())
    }

    /// New mail into the journal, raw bytes first (invariant 1).
    pub(super) async fn read(&mut self) -> Result<usize, WorkError> {
        let (batch, now) = (self.desk.batch, self.clock.now());
        self.open().await?;
        let known = self.known().await?;
        let arrivals = match std::mem::take(&mut self.ahead) {
            none if none.is_empty() => self.open().await?.new_mail(&known, batch).await?,
            ahead => ahead,
        };
        let count = arrivals.len();
        self.more_to_read = count == batch;
        let known = known.with(&arrivals);
        if count > 0 {
            self.store.journal(&self.profile.id, arrivals, now).await?;
            (self.progress)(Progress::Journalled(count));
        }
        self.known = Some(known);
        if self.more_to_read {
            self.read_ahead();
        }
        Ok(count)
    }

    /// Lets the next batch be read until the mailbox is needed for something else.
    fn read_ahead(&mut self) {
        if let (Some(mut inbox), Some(known)) = (self.inbox.take(), self.known.take()) {
            let batch = self.desk.batch;
            self.reading.spawn(async move {
                let read = inbox.new_mail(&known, batch).await;
                (inbox, known, read)
            });
        }
    }

    /// What the journal has of the mailbox: asked once for each connection, as a Maildir's list is long.
    async fn known(&mut self) -> Result<Known, WorkError> {
        if let Some(known) = self.known.take() {
            return Ok(known);
        }
        let (mailbox, validity) = self.open().await?.place();
        let mailbox = mailbox.to_string();
        self.look(&mailbox).await?;
        Ok(self.store.known(&self.profile.id, &mailbox, validity).await?)
    }

    /// Reads a mail, and where its head does not hold its text, more and more of it: each time as much again. Each
    /// longer head is journalled before it is read, too.
    pub(super) async fn whole_text(&mut self, mail: &mut StoredMail) -> Result<Inquiry, WorkError> {
        loop {
            let inquiry = read_safely(mail, &self.profile);
            let have = mail.arrival.raw.len();
            let asked = have.min(LONGEST_HEAD.saturating_sub(have));
            if asked == 0 || !inquiry.oddities.iter().any(|oddity| oddity.code == TEXT_CUT) {
                return Ok(inquiry);
            }
            let Some(more) = self.open().await?.more(&mail.arrival.key, have, asked).await? else {
                return Ok(inquiry);
            };
            mail.arrival.append(more, asked);
            let Arrival { raw, complete, .. } = &mail.arrival;
            self.store.replace_head(mail.id, raw.clone(), *complete).await?;
        }
    }
}

//! Waiting for mail: IDLE (RFC 2177) where offered, else the poll interval; or NOOP at short intervals.

use std::pin::{Pin, pin};
use std::time::Duration;

use imap_proto::Response;
use tokio::time::{Instant, sleep, sleep_until};

use super::Imap;
use super::wire::{Command, Step};
use crate::mailbox::{MailboxError, Wake};

/// Servers may drop a client after 30 minutes of IDLE (RFC 2177 §3), and middle boxes do it sooner.
const LONGEST_IDLE: Duration = Duration::from_secs(25 * 60);

impl Imap {
    /// See [`crate::mailbox::Inbox::wait`].
    pub async fn wait(&mut self, until: impl Future<Output = ()>) -> Result<Wake, MailboxError> {
        self.go_home().await?;
        if self.wire.news {
            return Ok(Wake::News);
        }
        let mut until = pin!(until);
        if let Some(every) = self.settings.noop {
            return self.ask(every, until).await;
        }
        if self.can("IDLE") {
            match self.idle(until.as_mut()).await {
                // Offered, but not to be had: this connection polls.
                Err(MailboxError::Refused { .. }) => _ = self.capabilities.remove("IDLE"),
                woken => return woken,
            }
        }
        tokio::select! {
            biased;
            () = until => Ok(Wake::Until),
            () = sleep(self.settings.poll) => Ok(Wake::News),
        }
    }

    /// Asks again and again: a server tells of new mail with the answer to any command (RFC 9051 §6.1.2).
    async fn ask(
        &mut self,
        every: Duration,
        mut until: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Wake, MailboxError> {
        let deadline = Instant::now() + self.settings.poll;
        while !self.wire.news && Instant::now() < deadline {
            tokio::select! {
                biased;
                () = until.as_mut() => return Ok(Wake::Until),
                () = sleep(every) => self.wire.run(Command::new("NOOP")).await?,
            }
        }
        Ok(Wake::News)
    }

    /// `Refused` only as long as `until` has not ended.
    async fn idle(&mut self, until: Pin<&mut impl Future<Output = ()>>) -> Result<Wake, MailboxError> {
        self.wire.send(&Command::new("IDLE"), &mut |_| ()).await?;
        self.wire.asked_for_more("IDLE", &mut |_| ()).await?;
        let woken = self.listen(until).await?;
        self.wire.write("IDLE", b"DONE\r\n").await?;
        match self.wire.finish("IDLE", &mut |_| ()).await {
            // How the server likes our DONE changes nothing: the command is over.
            Ok(()) | Err(MailboxError::Refused { .. }) => Ok(woken),
            Err(error) => Err(error),
        }
    }

    /// Reads what the server tells until there may be new mail. The deadline is ours alone: a server that says
    /// "still here" every minute does not move it.
    async fn listen(&mut self, mut until: Pin<&mut impl Future<Output = ()>>) -> Result<Wake, MailboxError> {
        let deadline = Instant::now() + self.settings.poll.min(LONGEST_IDLE);
        let no_limit = LONGEST_IDLE * 2;
        let mut ignore = |_: &Response<'_>| ();
        while !self.wire.news {
            tokio::select! {
                biased;
                () = until.as_mut() => return Ok(Wake::Until),
                () = sleep_until(deadline) => return Ok(Wake::News),
                step = self.wire.step("IDLE", no_limit, &mut ignore) => {
                    if step? != Step::Untagged {
                        return Err(MailboxError::Protocol("IDLE ended by itself"));
                    }
                }
            }
        }
        Ok(Wake::News)
    }
}

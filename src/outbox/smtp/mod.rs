//! SMTP submission (RFC 5321, 6409): connections, kept and used again.
//!
//! The language of SMTP is lettre's: commands, addresses, login, what EHLO offers. The connection is our own,
//! because the delivery guarantee hangs on knowing at which byte a send failed, and lettre's does not tell; it also
//! waits 40 ms at each step (no TCP_NODELAY). [`wire`] moves lines and bytes, [`session`] knows the steps of the
//! dialogue and what a failure at each one means; this file keeps the connections.

mod session;
mod wire;

use futures_util::future::join_all;
use lettre::Address;

use self::session::Session;
use super::{Fault, OutboxError, Outgoing, Receipt, SendError, SmtpSettings, is_plain_address};
use crate::net::Route;

/// A submission server.
pub struct Smtp {
    way: Way,
    /// Taken out while in use and put back only after a mail was taken: a send that fails or is dropped half way
    /// takes its connection with it, so the state of a kept one is never in doubt.
    kept: Vec<Session>,
}

/// What every connection needs to know.
struct Way {
    settings: SmtpSettings,
    /// Envelope sender; none: the null sender `<>`.
    sender: Option<Address>,
    route: Route,
}

impl Smtp {
    /// Checks the settings and reads certificates; connects nowhere.
    ///
    /// # Errors
    /// Plain text to another machine, a bad host name, bounce address or CA file.
    pub fn new(settings: &SmtpSettings) -> Result<Smtp, OutboxError> {
        let route = Route::new(&settings.host, settings.port, &settings.tls, settings.timeout)?;
        let sender = match &settings.bounce_address {
            Some(bounces) if !bounces.is_ascii() => return Err(OutboxError::BounceAddress),
            Some(bounces) => Some(envelope_address(bounces).ok_or(OutboxError::BounceAddress)?),
            None => None,
        };
        Ok(Smtp { way: Way { settings: settings.clone(), sender, route }, kept: Vec::new() })
    }

    pub(super) fn connections(&self) -> usize {
        self.way.settings.connections.max(1)
    }

    /// Connects, logs in and has the envelope sender taken, as for a mail, but sends none. Answers what the server
    /// offers (RFC 5321 §4.1.1.1), in capitals: `SIZE 10240000`, `DSN` …
    ///
    /// # Errors
    /// As for a send; the text begins with the step that failed.
    pub async fn survey(&self) -> Result<Vec<String>, SendError> {
        let Way { settings, route, sender } = &self.way;
        Session::open(settings, route).await?.survey(sender.as_ref()).await
    }

    pub(super) async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let kept = self.kept.pop();
        let (result, session) = self.way.send(kept, mail).await;
        self.kept.extend(session);
        result
    }

    pub(super) async fn send_all(&mut self, mails: &[Outgoing]) -> Vec<Result<Receipt, SendError>> {
        let mut kept = std::mem::take(&mut self.kept);
        let sends: Vec<_> = mails.iter().map(|mail| self.way.send(kept.pop(), mail)).collect();
        let (results, sessions): (Vec<_>, Vec<_>) = join_all(sends).await.into_iter().unzip();
        self.kept = kept;
        self.kept.extend(sessions.into_iter().flatten());
        results
    }
}

impl Way {
    /// Answers also with the connection, if it is still good.
    async fn send(&self, kept: Option<Session>, mail: &Outgoing) -> (Result<Receipt, SendError>, Option<Session>) {
        let Some(to) = envelope_address(&mail.to) else {
            return (Err(SendError::not_sent(Fault::Mail, "the recipient's address cannot be used in SMTP")), kept);
        };
        if let Some(kept) = kept {
            match self.deliver(kept, &to, &mail.raw).await {
                // The server hung up on the idle connection. Surely not taken, so a second try is safe.
                (Err(SendError::NotSent { fault: Fault::Passing, code: None | Some(421), .. }), _) => {}
                outcome => return outcome,
            }
        }
        match Session::open(&self.settings, &self.route).await {
            Ok(fresh) => self.deliver(fresh, &to, &mail.raw).await,
            Err(error) => (Err(error), None),
        }
    }

    async fn deliver(
        &self,
        mut session: Session,
        to: &Address,
        raw: &[u8],
    ) -> (Result<Receipt, SendError>, Option<Session>) {
        match session.deliver(self.sender.as_ref(), to, raw).await {
            Ok(receipt) => (Ok(receipt), Some(session)),
            Err(error) => (Err(error), None),
        }
    }
}

/// lettre's own check is RFC 5321's grammar, which refuses people: see [`is_plain_address`], whose check this is.
fn envelope_address(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@').filter(|_| is_plain_address(address))?;
    Some(Address::new_dangerous(local, domain))
}

//! SMTP submission (RFC 5321, 6409): one connection, kept and used again.
//!
//! The language of SMTP is lettre's: commands, addresses, login, what EHLO offers. The connection is our own,
//! because the delivery guarantee hangs on knowing at which byte a send failed, and lettre's does not tell; it also
//! waits 40 ms at each step (no TCP_NODELAY). [`wire`] moves lines and bytes, [`session`] knows the steps of the
//! dialogue and what a failure at each one means; this file keeps the connection.

mod session;
mod wire;

use lettre::Address;

use self::session::Session;
use super::{Fault, OutboxError, Outgoing, Receipt, SendError, SmtpSettings, is_plain_address};
use crate::net::Route;

/// A submission server.
pub struct Smtp {
    settings: SmtpSettings,
    /// Envelope sender; none: the null sender `<>`.
    sender: Option<Address>,
    route: Route,
    /// Taken out while in use and put back only after a mail was taken: a send that fails or is dropped half way
    /// takes its connection with it, so the state of a kept one is never in doubt.
    kept: Option<Session>,
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
        Ok(Smtp { settings: settings.clone(), sender, route, kept: None })
    }

    /// Connects, logs in and has the envelope sender taken, as for a mail, but sends none. Answers what the server
    /// offers (RFC 5321 §4.1.1.1), in capitals: `SIZE 10240000`, `DSN` …
    ///
    /// # Errors
    /// As for a send; the text begins with the step that failed.
    pub async fn survey(&self) -> Result<Vec<String>, SendError> {
        Session::open(&self.settings, &self.route).await?.survey(self.sender.as_ref()).await
    }

    pub(super) async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let impossible = || SendError::not_sent(Fault::Mail, "the recipient's address cannot be used in SMTP");
        let to = envelope_address(&mail.to).ok_or_else(impossible)?;
        if let Some(kept) = self.kept.take() {
            match self.deliver(kept, &to, &mail.raw).await {
                // The server hung up on the idle connection. Surely not taken, so a second try is safe.
                Err(SendError::NotSent { fault: Fault::Passing, code: None | Some(421), .. }) => {}
                outcome => return outcome,
            }
        }
        let fresh = Session::open(&self.settings, &self.route).await?;
        self.deliver(fresh, &to, &mail.raw).await
    }

    async fn deliver(&mut self, mut session: Session, to: &Address, raw: &[u8]) -> Result<Receipt, SendError> {
        let receipt = session.deliver(self.sender.as_ref(), to, raw).await?;
        self.kept = Some(session);
        Ok(receipt)
    }
}

/// lettre's own check is RFC 5321's grammar, which refuses people: see [`is_plain_address`], whose check this is.
fn envelope_address(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@').filter(|_| is_plain_address(address))?;
    Some(Address::new_dangerous(local, domain))
}

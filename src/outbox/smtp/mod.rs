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
use crate::triage::message_id::tagged;

/// A submission server.
pub struct Smtp {
    settings: SmtpSettings,
    route: Route,
    /// Taken out while in use and put back only after a mail was taken: a send that fails or is dropped half way
    /// takes its connection with it, so the state of a kept one is never in doubt.
    kept: Option<Session>,
    /// The server waits for the text of the mail that was begun last.
    begun: Option<Session>,
}

impl Smtp {
    /// Checks the settings and reads certificates; connects nowhere.
    ///
    /// # Errors
    /// Plain text to another machine, a bad host name, bounce address or CA file.
    pub fn new(settings: &SmtpSettings) -> Result<Smtp, OutboxError> {
        let route = Route::new(&settings.host, settings.port, &settings.tls, settings.timeout)?;
        if let Some(bounces) = &settings.bounce_address
            && !(bounces.is_ascii() && is_plain_address(bounces))
        {
            return Err(OutboxError::BounceAddress);
        }
        Ok(Smtp { settings: settings.clone(), route, kept: None, begun: None })
    }

    /// Connects, logs in and has the envelope sender taken, as for a mail, but sends none. Answers what the server
    /// offers (RFC 5321 §4.1.1.1), in capitals: `SIZE 10240000`, `DSN` …
    ///
    /// # Errors
    /// As for a send; the text begins with the step that failed.
    pub async fn survey(&self) -> Result<Vec<String>, SendError> {
        Session::open(&self.settings, &self.route).await?.survey(self.bounces().as_ref()).await
    }

    /// Everything up to the server's wish for the text.
    pub(super) async fn begin(&mut self, mail: &Outgoing) -> Result<(), SendError> {
        self.begun = None;
        let impossible = || SendError::not_sent(Fault::Mail, "the recipient's address cannot be used in SMTP");
        let to = envelope_address(&mail.to).ok_or_else(impossible)?;
        if let Some(mut kept) = self.kept.take() {
            match kept.begin(self.sender(mail).as_ref(), &to, &mail.raw).await {
                // The server hung up on the idle connection.
                Err(SendError::NotSent { fault: Fault::Passing, code: None | Some(421), .. }) => {}
                Ok(()) => {
                    self.begun = Some(kept);
                    return Ok(());
                }
                refused => return refused,
            }
        }
        let mut fresh = Session::open(&self.settings, &self.route).await?;
        fresh.begin(self.sender(mail).as_ref(), &to, &mail.raw).await?;
        self.begun = Some(fresh);
        Ok(())
    }

    /// The text, and the server's word about it.
    pub(super) async fn complete(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let not_begun = || SendError::not_sent(Fault::Passing, "the server was not asked to take a mail");
        let mut session = self.begun.take().ok_or_else(not_begun)?;
        let receipt = session.message(&mail.raw).await?;
        self.kept = Some(session);
        Ok(receipt)
    }

    /// Envelope sender; none: the null sender `<>`.
    fn sender(&self, mail: &Outgoing) -> Option<Address> {
        let bounces = self.settings.bounce_address.as_ref()?;
        let tagged = self.settings.bounce_tags.then(|| tagged(bounces, &mail.message_id)).flatten();
        envelope_address(tagged.as_ref().unwrap_or(bounces))
    }

    fn bounces(&self) -> Option<Address> {
        envelope_address(self.settings.bounce_address.as_ref()?)
    }
}

/// lettre's own check is RFC 5321's grammar, which refuses people: see [`is_plain_address`], whose check this is.
fn envelope_address(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@').filter(|_| is_plain_address(address))?;
    Some(Address::new_dangerous(local, domain))
}

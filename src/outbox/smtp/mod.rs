//! SMTP submission (RFC 5321, 6409): connections, kept and used again.
//!
//! The language of SMTP is lettre's: commands, addresses, login, what EHLO offers. The connection is our own,
//! because the delivery guarantee hangs on knowing at which byte a send failed, and lettre's does not tell; it also
//! waits 40 ms at each step (no TCP_NODELAY). [`wire`] moves lines and bytes, [`session`] knows the steps of the
//! dialogue and what a failure at each one means; this file keeps the connections.

mod session;
mod wire;

use std::sync::Arc;

use lettre::Address;

use self::session::{Envelope, Session};
use super::{Fault, OutboxError, Outgoing, Receipt, SendError, SmtpSettings, is_plain_address};
use crate::net::Route;
use crate::triage::message_id::tagged;

/// A submission server.
pub struct Smtp {
    way: Arc<Way>,
    lines: Vec<Line>,
}

/// One connection, made when it is needed, and kept.
pub struct Line {
    way: Arc<Way>,
    /// Taken out while in use and put back only if all went well: a send that fails or is dropped half way takes its
    /// connection with it, so the state of a kept one is never in doubt.
    kept: Option<Session>,
    /// The server waits for the text of the mail with this Message-ID.
    begun: Option<String>,
}

/// What every connection needs to know.
struct Way {
    settings: SmtpSettings,
    route: Route,
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
        let way = Arc::new(Way { settings: settings.clone(), route });
        let line = || Line { way: way.clone(), kept: None, begun: None };
        let lines = std::iter::repeat_with(line).take(settings.connections.max(1)).collect();
        Ok(Smtp { way, lines })
    }

    pub(super) fn lines(&mut self) -> &mut [Line] {
        &mut self.lines
    }

    /// Connects, logs in and has the envelope sender taken, as for a mail, but sends none. Answers what the server
    /// offers (RFC 5321 §4.1.1.1), in capitals: `SIZE 10240000`, `DSN` …
    ///
    /// # Errors
    /// As for a send; the text begins with the step that failed.
    pub async fn survey(&self) -> Result<Vec<String>, SendError> {
        let bounces = self.way.settings.bounce_address.as_deref().and_then(envelope_address);
        self.way.open().await?.survey(bounces.as_ref()).await
    }
}

impl Line {
    /// Everything up to the server's wish for the text. A connection on which another mail was announced or begun is of
    /// no use: it is closed, and the server forgets that mail.
    pub(super) async fn begin(&mut self, mail: &Outgoing) -> Result<(), SendError> {
        let envelope = self.way.envelope(mail)?;
        let idle = self.begun.take().is_none();
        let fits = |session: &Session| session.announced().is_none_or(|announced| announced == mail.message_id);
        let kept = self.kept.take().filter(|session| idle && fits(session));
        self.kept = Some(self.way.begin(kept, &envelope).await?);
        self.begun = Some(mail.message_id.clone());
        Ok(())
    }

    /// The text, and the server's word about it. The `next` mail is announced behind it.
    pub(super) async fn complete(&mut self, mail: &Outgoing, next: Option<&Outgoing>) -> Result<Receipt, SendError> {
        let asked = self.begun.take().is_some_and(|begun| begun == mail.message_id);
        let not_asked = || SendError::not_sent(Fault::Passing, "the server was not asked to take this mail");
        let mut session = self.kept.take().filter(|_| asked).ok_or_else(not_asked)?;
        let next = next.and_then(|next| self.way.envelope(next).ok());
        let receipt = session.message(&mail.raw, next).await?;
        self.kept = Some(session);
        Ok(receipt)
    }
}

impl Way {
    async fn open(&self) -> Result<Session, SendError> {
        Session::open(&self.settings, &self.route).await
    }

    async fn begin(&self, kept: Option<Session>, envelope: &Envelope<'_>) -> Result<Session, SendError> {
        if let Some(mut kept) = kept {
            match kept.begin(envelope).await {
                // The server hung up on the idle connection.
                Err(SendError::NotSent { fault: Fault::Passing, code: None | Some(421), .. }) => {}
                begun => return begun.map(|()| kept),
            }
        }
        let mut fresh = self.open().await?;
        fresh.begin(envelope).await?;
        Ok(fresh)
    }

    fn envelope<'a>(&self, mail: &'a Outgoing) -> Result<Envelope<'a>, SendError> {
        let impossible = || SendError::not_sent(Fault::Mail, "the recipient's address cannot be used in SMTP");
        let to = envelope_address(&mail.to).ok_or_else(impossible)?;
        Ok(Envelope { sender: self.sender(mail), to, mail })
    }

    /// Envelope sender; none: the null sender `<>`.
    fn sender(&self, mail: &Outgoing) -> Option<Address> {
        let bounces = self.settings.bounce_address.as_ref()?;
        let tagged = self.settings.bounce_tags.then(|| tagged(bounces, &mail.message_id)).flatten();
        envelope_address(tagged.as_ref().unwrap_or(bounces))
    }
}

/// lettre's own check is RFC 5321's grammar, which refuses people: see [`is_plain_address`], whose check this is.
fn envelope_address(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@').filter(|_| is_plain_address(address))?;
    Some(Address::new_dangerous(local, domain))
}

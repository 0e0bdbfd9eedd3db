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

use self::session::{Envelope, Session};
use super::{Fault, OutboxError, Outgoing, Receipt, SendError, SmtpSettings, is_plain_address};
use crate::net::Route;
use crate::triage::message_id::tagged;

/// A submission server.
pub struct Smtp {
    way: Way,
    /// Taken out while in use and put back only after a mail was taken: a send that fails or is dropped half way
    /// takes its connection with it, so the state of a kept one is never in doubt.
    kept: Vec<Session>,
    /// The server waits for the texts of the mails that were begun last: their Message-IDs, each with its connection.
    begun: Vec<(String, Session)>,
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
        Ok(Smtp { way: Way { settings: settings.clone(), route }, kept: Vec::new(), begun: Vec::new() })
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
        let bounces = self.way.settings.bounce_address.as_deref().and_then(envelope_address);
        self.way.open().await?.survey(bounces.as_ref()).await
    }

    /// Everything up to the server's wish for the texts, side by side.
    pub(super) async fn begin(&mut self, mails: &[Outgoing]) -> Vec<Result<(), SendError>> {
        self.begun.clear();
        let sessions = self.sessions_for(mails);
        let begun = join_all(mails.iter().zip(sessions).map(|(mail, kept)| self.way.begin(kept, mail))).await;
        let note = |(mail, result): (&Outgoing, Result<Session, SendError>)| {
            result.map(|session| self.begun.push((mail.message_id.clone(), session)))
        };
        mails.iter().zip(begun).map(note).collect()
    }

    /// The texts, each over the connection on which it was begun, and the server's word about each. The `next` mails are
    /// announced behind them.
    pub(super) async fn complete(&mut self, mails: &[Outgoing], next: &[Outgoing]) -> Vec<Result<Receipt, SendError>> {
        // Not all that was begun need go on: the connections of the others are closed.
        let mut begun = std::mem::take(&mut self.begun);
        let mut session_of = |mail: &Outgoing| {
            let at = begun.iter().position(|(message_id, _)| *message_id == mail.message_id);
            at.map(|at| begun.remove(at).1)
        };
        let mut next = next.iter().map(|mail| self.way.envelope(mail).ok());
        let complete: Vec<_> =
            mails.iter().map(|mail| complete(session_of(mail), mail, next.next().flatten())).collect();
        let (results, sessions): (Vec<_>, Vec<_>) = join_all(complete).await.into_iter().unzip();
        self.kept.extend(sessions.into_iter().flatten());
        results
    }

    /// A kept connection for each mail, if there are so many: the one on which it was announced, else an idle one. One on
    /// which another mail was announced is of no use: it is closed, and the server forgets that mail.
    fn sessions_for(&mut self, mails: &[Outgoing]) -> Vec<Option<Session>> {
        let (mut announced, mut idle): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.kept).into_iter().partition(|session| session.announced().is_some());
        let mut take = |mail: &Outgoing| {
            let at = announced.iter().position(|session| session.announced() == Some(mail.message_id.as_str()));
            at.map(|at| announced.swap_remove(at))
        };
        let mut sessions: Vec<Option<Session>> = mails.iter().map(&mut take).collect();
        sessions.iter_mut().filter(|session| session.is_none()).for_each(|session| *session = idle.pop());
        self.kept = idle;
        sessions
    }
}

impl Way {
    async fn open(&self) -> Result<Session, SendError> {
        Session::open(&self.settings, &self.route).await
    }

    async fn begin(&self, kept: Option<Session>, mail: &Outgoing) -> Result<Session, SendError> {
        let envelope = self.envelope(mail)?;
        if let Some(mut kept) = kept {
            match kept.begin(&envelope).await {
                // The server hung up on the idle connection.
                Err(SendError::NotSent { fault: Fault::Passing, code: None | Some(421), .. }) => {}
                begun => return begun.map(|()| kept),
            }
        }
        let mut fresh = self.open().await?;
        fresh.begin(&envelope).await?;
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

/// Answers also with the connection, if it is still good.
async fn complete(
    begun: Option<Session>,
    mail: &Outgoing,
    next: Option<Envelope<'_>>,
) -> (Result<Receipt, SendError>, Option<Session>) {
    let Some(mut session) = begun else {
        return (Err(SendError::not_sent(Fault::Passing, "the server was not asked to take a mail")), None);
    };
    match session.message(&mail.raw, next).await {
        Ok(receipt) => (Ok(receipt), Some(session)),
        Err(error) => (Err(error), None),
    }
}

/// lettre's own check is RFC 5321's grammar, which refuses people: see [`is_plain_address`], whose check this is.
fn envelope_address(address: &str) -> Option<Address> {
    let (local, domain) = address.rsplit_once('@').filter(|_| is_plain_address(address))?;
    Some(Address::new_dangerous(local, domain))
}

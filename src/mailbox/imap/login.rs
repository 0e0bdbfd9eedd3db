//! From a host name to a logged-in connection.

use std::collections::HashSet;

use imap_proto::{Capability, Response};
use secrecy::ExposeSecret;

use super::wire::{Command, Wire};
use crate::mailbox::{ImapSettings, MailboxError};
use crate::net::{Route, Stream};

/// TCP, TLS, greeting, login.
pub(super) async fn connect(settings: &ImapSettings) -> Result<Wire, MailboxError> {
    let route = Route::new(&settings.host, settings.port, &settings.tls, settings.timeout)?;
    let (stream, _) = route.connect().await?;
    let mut wire = Wire::new(stream, settings.timeout);
    let mut logged_in = wire.greeting().await?;
    if route.wants_starttls() {
        let stream = start_tls(wire, logged_in, &route).await?;
        // No second greeting after STARTTLS (RFC 9051 §6.2.1).
        wire = Wire::new(route.encrypt(stream).await?, settings.timeout);
        logged_in = false;
    }
    if !logged_in {
        login(&mut wire, settings).await?;
    }
    Ok(wire)
}

/// A server that skips the login before TLS, or offers none, is taken for somebody in between.
async fn start_tls(mut wire: Wire, logged_in: bool, route: &Route) -> Result<Stream, MailboxError> {
    if logged_in || !capabilities(&mut wire).await?.contains("STARTTLS") {
        return Err(route.no_tls("the server does not offer STARTTLS").into());
    }
    wire.run(Command::new("STARTTLS")).await?;
    Ok(wire.into_stream())
}

async fn login(wire: &mut Wire, settings: &ImapSettings) -> Result<(), MailboxError> {
    if capabilities(wire).await?.contains("LOGINDISABLED") {
        return Err(MailboxError::LoginRefused("the server allows no password here (LOGINDISABLED)".to_owned()));
    }
    let command = Command::new("LOGIN").string(&settings.user).string(settings.password.expose_secret());
    match wire.run(command).await {
        Err(error) if error.is_passing_refusal() => Err(error),
        Err(MailboxError::Refused { text, .. }) => Err(MailboxError::LoginRefused(text)),
        other => other,
    }
}

/// Asked anew after TLS and after the login, never believed from before.
pub(super) async fn capabilities(wire: &mut Wire) -> Result<HashSet<String>, MailboxError> {
    let mut found = HashSet::new();
    let mut watch = |response: &Response<'_>| {
        if let Response::Capabilities(list) = response {
            found = list.iter().map(capability).collect();
        }
    };
    wire.watch(Command::new("CAPABILITY"), &mut watch).await?;
    Ok(found)
}

fn capability(capability: &Capability<'_>) -> String {
    match capability {
        Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
        Capability::Auth(mechanism) => format!("AUTH={}", mechanism.to_ascii_uppercase()),
        Capability::Atom(atom) => atom.to_ascii_uppercase(),
    }
}

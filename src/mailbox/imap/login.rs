//! From a host name to a logged-in connection.

use std::collections::HashSet;

use imap_proto::{Capability, Response};
use secrecy::ExposeSecret;

use super::wire::{Command, Wire};
use crate::mailbox::{ImapSettings, MailboxError, Tls, tls};

/// TCP, TLS, greeting, login.
pub(super) async fn connect(settings: &ImapSettings) -> Result<Wire, MailboxError> {
    let stream = tls::tcp(settings).await?;
    let (mut wire, logged_in) = match &settings.tls {
        Tls::Implicit { ca_file } => {
            greeted(tls::secured(stream, settings, ca_file.as_deref()).await?, settings).await?
        }
        Tls::StartTls { ca_file } => {
            let (wire, logged_in) = greeted(Box::new(stream), settings).await?;
            let stream = start_tls(wire, logged_in, settings).await?;
            // No second greeting after STARTTLS (RFC 9051 §6.2.1).
            (Wire::new(tls::secured(stream, settings, ca_file.as_deref()).await?, settings.timeout), false)
        }
        Tls::None => greeted(Box::new(stream), settings).await?,
    };
    if !logged_in {
        login(&mut wire, settings).await?;
    }
    Ok(wire)
}

async fn greeted(stream: Box<dyn tls::Stream>, settings: &ImapSettings) -> Result<(Wire, bool), MailboxError> {
    let mut wire = Wire::new(stream, settings.timeout);
    let logged_in = wire.greeting().await?;
    Ok((wire, logged_in))
}

/// A server that skips the login before TLS, or offers none, is taken for somebody in between.
async fn start_tls(
    mut wire: Wire,
    logged_in: bool,
    settings: &ImapSettings,
) -> Result<Box<dyn tls::Stream>, MailboxError> {
    if logged_in || !capabilities(&mut wire).await?.contains("STARTTLS") {
        let text = "the server does not offer STARTTLS".to_owned();
        return Err(MailboxError::Tls { host: settings.host.clone(), text });
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

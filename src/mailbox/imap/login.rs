//! From a host name to a logged-in connection.

use std::collections::HashSet;

use imap_proto::{Capability, Response};
use secrecy::{ExposeSecret, SecretString};

use super::wire::{Command, Step, Wire};
use crate::mailbox::{ImapSettings, MailboxError};
use crate::net::{Route, Stream};
use crate::oauth::sasl::Mechanism;
use crate::oauth::{Account, Credential};

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
    let offered = capabilities(wire).await?;
    let logged_in = match &settings.credential {
        Credential::Password(password) => by_password(wire, settings, password, &offered).await,
        Credential::OAuth(account) => by_token(wire, settings, account, &offered).await,
    };
    match logged_in {
        Err(error) if error.is_passing_refusal() => Err(error),
        Err(MailboxError::Refused { text, .. }) => Err(MailboxError::LoginRefused(text)),
        other => other,
    }
}

async fn by_password(
    wire: &mut Wire,
    settings: &ImapSettings,
    password: &SecretString,
    offered: &HashSet<String>,
) -> Result<(), MailboxError> {
    if offered.contains("LOGINDISABLED") {
        return Err(MailboxError::LoginRefused("the server allows no password here (LOGINDISABLED)".to_owned()));
    }
    wire.run(Command::new("LOGIN").string(&settings.user).string(password.expose_secret())).await
}

/// A refused token may only be revoked: another one is tried once.
async fn by_token(
    wire: &mut Wire,
    settings: &ImapSettings,
    account: &Account,
    offered: &HashSet<String>,
) -> Result<(), MailboxError> {
    let Some(mechanism) = Mechanism::choose(|name| offered.contains(&format!("AUTH={name}"))) else {
        let reason = "the server offers neither OAUTHBEARER nor XOAUTH2";
        return Err(MailboxError::LoginRefused(reason.to_owned()));
    };
    let token = account.token().await?;
    match authenticate(wire, settings, mechanism, &token).await {
        Err(error @ MailboxError::Refused { .. }) if !error.is_passing_refusal() => {
            let another = account.renew(&token).await?;
            authenticate(wire, settings, mechanism, &another).await
        }
        other => other,
    }
}

/// Without initial response, which not every server takes (RFC 4959): the token follows when it is asked for.
async fn authenticate(
    wire: &mut Wire,
    settings: &ImapSettings,
    mechanism: Mechanism,
    token: &SecretString,
) -> Result<(), MailboxError> {
    const NAME: &str = "AUTHENTICATE";
    let message = mechanism.message(&settings.user, token, (&settings.host, settings.port));
    let command = Command::new(NAME).raw(mechanism.name()).response(message.expose_secret());
    wire.send(&command, &mut |_| ()).await?;
    loop {
        match wire.step(NAME, settings.timeout, &mut |_| ()).await? {
            Step::Done => return Ok(()),
            Step::Untagged => {}
            Step::Continue => break,
        }
    }
    // The server says in a challenge why it will refuse.
    wire.write(NAME, format!("{}\r\n", mechanism.acknowledgement()).as_bytes()).await?;
    wire.finish(NAME, &mut |_| ()).await
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

//! The dialogue: greeting, EHLO, STARTTLS, login, then mails. Each step says what its failure means.

use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;

use super::tls::Tls;
use super::wire::{Reply, Stream, Wire, dot_stuffed, within};
use crate::outbox::{Fault, Outgoing, Receipt, SendError, SmtpSettings, SmtpTls};

/// A connection that is ready for mails.
pub(super) struct Session {
    wire: Wire,
    /// What the server offers: the lines of its answer to EHLO but the first.
    offers: Vec<String>,
}

/// A step of the dialogue. Whatever fails before the end of the mail, the mail was surely not taken.
struct Step {
    name: &'static str,
    /// First digit of the answer that lets us go on.
    wanted: u16,
    /// Whose fault a 5xx is.
    refusal: Fault,
}

const GREETING: Step = Step { name: "greeting", wanted: 2, refusal: Fault::Setup };
const EHLO: Step = Step { name: "EHLO", wanted: 2, refusal: Fault::Setup };
const STARTTLS: Step = Step { name: "STARTTLS", wanted: 2, refusal: Fault::Setup };
const CHALLENGE: Step = Step { name: "AUTH", wanted: 3, refusal: Fault::Setup };
const LOGIN: Step = Step { name: "AUTH", wanted: 2, refusal: Fault::Setup };
// The sender is the same for every mail of the desk.
const MAIL: Step = Step { name: "MAIL FROM", wanted: 2, refusal: Fault::Setup };
const RCPT: Step = Step { name: "RCPT TO", wanted: 2, refusal: Fault::Mail };
const DATA: Step = Step { name: "DATA", wanted: 3, refusal: Fault::Mail };
const END: Step = Step { name: "mail", wanted: 2, refusal: Fault::Mail };

impl Session {
    /// Connects, encrypts as the settings say, logs in.
    pub(super) async fn open(settings: &SmtpSettings, tls: Option<&Tls>) -> Result<Session, SendError> {
        let (mut stream, client) = connect(settings).await?;
        if let (SmtpTls::Implicit { .. }, Some(tls)) = (&settings.tls, tls) {
            stream = encrypt(settings, tls, stream).await?;
        }
        let mut session = Session { wire: Wire::new(stream, settings.timeout), offers: Vec::new() };
        let greeting = session.wire.reply().await;
        GREETING.check(greeting)?;
        session.hello(&client).await?;
        if let (SmtpTls::StartTls { .. }, Some(tls)) = (&settings.tls, tls) {
            session = session.start_tls(settings, tls).await?;
            // What was offered before the encryption may be forged (RFC 3207 §4.2).
            session.hello(&client).await?;
        }
        if let Some((user, password)) = &settings.login {
            session.login(user, password).await?;
        }
        Ok(session)
    }

    /// Sends one mail to one recipient. After an error the session must not be used again.
    pub(super) async fn deliver(&mut self, sender: Option<&str>, mail: &Outgoing) -> Result<Receipt, SendError> {
        let params = self.mail_params(mail)?;
        self.ask(&MAIL, &format!("MAIL FROM:<{}>{params}", sender.unwrap_or_default())).await?;
        let notify = self.notify(sender);
        self.ask(&RCPT, &format!("RCPT TO:<{}>{notify}", mail.to)).await?;
        self.ask(&DATA, "DATA").await?;
        self.message(&mail.raw).await
    }

    /// The one step after which we may not know. A server must not take a mail without its final dot (RFC 5321
    /// §4.1.1.4), so as long as the dot is not written all is clear; from then on only the answer tells.
    async fn message(&mut self, raw: &[u8]) -> Result<Receipt, SendError> {
        if let Err(error) = self.wire.write(&dot_stuffed(raw)).await {
            return Err(self.cut_off(&error).await);
        }
        match self.wire.reply_to_mail().await {
            Ok(reply) if reply.code / 100 != 3 => Ok(Receipt { text: END.check(Ok(reply))?.to_string() }),
            Ok(reply) => Err(END.uncertain(&reply)),
            Err(error) => Err(END.uncertain(&error)),
        }
    }

    /// The server cut us off in the middle of the mail; it may have said why before.
    async fn cut_off(&mut self, error: &io::Error) -> SendError {
        let said = match error.kind() {
            io::ErrorKind::TimedOut => None,
            _ => self.wire.reply().await.ok(),
        };
        match said.map(|reply| END.check(Ok(reply))) {
            Some(Err(refused)) => refused,
            // Taken without its end? Only a person can tell what that means.
            Some(Ok(reply)) => END.uncertain(&reply),
            None => END.lost(error),
        }
    }

    async fn hello(&mut self, client: &str) -> Result<(), SendError> {
        let reply = self.ask(&EHLO, &format!("EHLO {client}")).await?;
        self.offers = reply.lines.into_iter().skip(1).collect();
        Ok(())
    }

    async fn start_tls(mut self, settings: &SmtpSettings, tls: &Tls) -> Result<Session, SendError> {
        if self.offer("STARTTLS").is_none() {
            return Err(SendError::not_sent(Fault::Setup, "the server does not offer STARTTLS"));
        }
        self.ask(&STARTTLS, "STARTTLS").await?;
        let stream = self.wire.into_stream().map_err(|error| STARTTLS.lost(&error))?;
        let stream = encrypt(settings, tls, stream).await?;
        Ok(Session { wire: Wire::new(stream, settings.timeout), offers: Vec::new() })
    }

    /// PLAIN (RFC 4616), or LOGIN where a server knows nothing else. Only ever over TLS or loopback.
    async fn login(&mut self, user: &str, password: &SecretString) -> Result<(), SendError> {
        let password = password.expose_secret();
        let mechanisms = self.offer("AUTH").unwrap_or_default().to_ascii_uppercase();
        let offered = |name| mechanisms.split_ascii_whitespace().any(|mechanism| mechanism == name);
        if offered("PLAIN") {
            let answer = BASE64.encode(format!("\0{user}\0{password}"));
            self.ask(&LOGIN, &format!("AUTH PLAIN {answer}")).await?;
        } else if offered("LOGIN") {
            self.ask(&CHALLENGE, "AUTH LOGIN").await?;
            self.ask(&CHALLENGE, &BASE64.encode(user)).await?;
            self.ask(&LOGIN, &BASE64.encode(password)).await?;
        } else {
            return Err(SendError::not_sent(Fault::Setup, "the server offers neither AUTH PLAIN nor AUTH LOGIN"));
        }
        Ok(())
    }

    /// Composed mails are ASCII, unless the recipient's address is not: that needs RFC 6531 and 6152.
    fn mail_params(&self, mail: &Outgoing) -> Result<&'static str, SendError> {
        if mail.to.is_ascii() && mail.raw.is_ascii() {
            Ok("")
        } else if self.offer("SMTPUTF8").is_some() && self.offer("8BITMIME").is_some() {
            Ok(" SMTPUTF8 BODY=8BITMIME")
        } else {
            Err(SendError::not_sent(Fault::Mail, "the server does not offer SMTPUTF8, which this address needs"))
        }
    }

    /// RFC 3461 §4.1, where offered: failures to the bounce address and no notes about delays; nothing at all to
    /// the null sender.
    fn notify(&self, sender: Option<&str>) -> &'static str {
        match (self.offer("DSN"), sender) {
            (None, _) => "",
            (Some(_), None) => " NOTIFY=NEVER",
            (Some(_), Some(_)) => " NOTIFY=FAILURE",
        }
    }

    /// The parameters of an extension, if the server offers it.
    fn offer(&self, name: &str) -> Option<&str> {
        self.offers.iter().find_map(|line| {
            let (keyword, params) = line.split_once(' ').unwrap_or((line, ""));
            keyword.eq_ignore_ascii_case(name).then_some(params)
        })
    }

    async fn ask(&mut self, step: &Step, line: &str) -> Result<Reply, SendError> {
        step.check(self.wire.ask(line).await)
    }
}

impl Step {
    fn check(&self, reply: io::Result<Reply>) -> Result<Reply, SendError> {
        let reply = reply.map_err(|error| self.lost(&error))?;
        let fault = match reply.code {
            code if code / 100 == self.wanted => return Ok(reply),
            // Login required, refused or too weak (RFC 4954 §6), at whatever step a server finds it out.
            530 | 534 | 535 | 538 => Fault::Setup,
            500.. => self.refusal,
            _ => Fault::Passing,
        };
        let text = format!("{}: {reply}", self.name);
        Err(SendError::NotSent { fault, code: Some(reply.code), text })
    }

    fn uncertain(&self, what: &dyn std::fmt::Display) -> SendError {
        SendError::Uncertain { text: format!("{}: {what}", self.name) }
    }

    fn lost(&self, error: &io::Error) -> SendError {
        SendError::not_sent(Fault::Passing, format!("{}: {error}", self.name))
    }
}

/// Also says how we introduce ourselves: as an address literal, which needs no host name (RFC 5321 §4.1.4).
async fn connect(settings: &SmtpSettings) -> Result<(Stream, String), SendError> {
    let failed = |error: io::Error| SendError::not_sent(Fault::Passing, format!("connecting: {error}"));
    let tcp = TcpStream::connect((settings.host.as_str(), settings.port));
    let tcp = within(settings.timeout, tcp).await.map_err(failed)?;
    // "localhost" is a name, and a name may be anything.
    if settings.tls == SmtpTls::None && !tcp.peer_addr().map_err(failed)?.ip().is_loopback() {
        return Err(SendError::not_sent(Fault::Setup, "plain text to another machine is not allowed"));
    }
    // Each step waits for an answer: Nagle's algorithm would add 40 ms to every one.
    tcp.set_nodelay(true).map_err(failed)?;
    let client = match tcp.local_addr().map_err(failed)? {
        SocketAddr::V4(address) => format!("[{}]", address.ip()),
        SocketAddr::V6(address) => format!("[IPv6:{}]", address.ip()),
    };
    Ok((Box::new(tcp), client))
}

async fn encrypt(settings: &SmtpSettings, tls: &Tls, stream: Stream) -> Result<Stream, SendError> {
    within(settings.timeout, tls.wrap(stream)).await.map_err(|error| {
        let certificate = error.get_ref().is_some_and(|cause| cause.is::<rustls::Error>());
        let fault = if certificate { Fault::Setup } else { Fault::Passing };
        SendError::not_sent(fault, format!("TLS: {error}"))
    })
}

//! The dialogue: greeting, EHLO, STARTTLS, login, then mails. Each step says what its failure means.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{
    ClientId, Extension, MailBodyParameter, MailParameter, RcptParameter, ServerInfo,
};
use lettre::transport::smtp::response::{Category, Code, Detail, Response, Severity};
use secrecy::{ExposeSecret, SecretString};

use super::wire::{Reply, Wire, dot_stuffed};
use crate::net::{NetError, Route};
use crate::oauth::sasl::Mechanism;
use crate::oauth::{Account, Credential, OAuthError};
use crate::outbox::{Fault, Outgoing, Receipt, SendError, SmtpSettings};

/// A connection that is ready for mails.
pub(super) struct Session {
    wire: Wire,
    offers: Offers,
    /// Message-ID of a mail that was announced behind the text of the one before: the server's answers are yet to be
    /// read.
    announced: Option<String>,
}

/// One mail to one recipient, as it is announced.
pub(super) struct Envelope<'a> {
    pub sender: Option<Address>,
    pub to: Address,
    pub mail: &'a Outgoing,
}

/// What the server's answer to EHLO offers.
#[derive(Default)]
struct Offers {
    known: ServerInfo,
    /// RFC 3461, which lettre does not know.
    dsn: bool,
    /// Each offer as it came, in capitals.
    lines: Vec<String>,
    /// RFC 2920
    pipelining: bool,
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
const RSET: Step = Step { name: "RSET", wanted: 2, refusal: Fault::Setup };
const RCPT: Step = Step { name: "RCPT TO", wanted: 2, refusal: Fault::Mail };
const DATA: Step = Step { name: "DATA", wanted: 3, refusal: Fault::Mail };
const END: Step = Step { name: "mail", wanted: 2, refusal: Fault::Mail };

/// LOGIN asks for the user, then for the password, and each server in its own words. lettre knows a few of them and
/// refuses the others, so it gets to see one it knows.
const ASKED: &[(&Step, Option<&str>)] =
    &[(&CHALLENGE, None), (&CHALLENGE, Some("Username:")), (&LOGIN, Some("Password:"))];
/// All other mechanisms say everything at once.
const AT_ONCE: &[(&Step, Option<&str>)] = &[(&LOGIN, None)];

impl Session {
    fn new(wire: Wire) -> Session {
        Session { wire, offers: Offers::default(), announced: None }
    }

    /// Connects, encrypts as the settings say, logs in.
    pub(super) async fn open(settings: &SmtpSettings, route: &Route) -> Result<Session, SendError> {
        let (stream, own) = route.connect().await?;
        let hello = Ehlo::new(introduction(own));
        let mut session = Session::new(Wire::new(stream, settings.timeout));
        let greeting = session.wire.reply().await;
        GREETING.check(greeting)?;
        session.hello(&hello).await?;
        if route.wants_starttls() {
            session = session.start_tls(settings, route).await?;
            // What was offered before the encryption may be forged (RFC 3207 §4.2).
            session.hello(&hello).await?;
        }
        match &settings.login {
            Some((user, Credential::Password(password))) => session.login(user, password).await?,
            Some((user, Credential::OAuth(account))) => session.login_by_token(user, account, settings).await?,
            None => {}
        }
        Ok(session)
    }

    /// Message-ID of the mail that was announced already.
    pub(super) fn announced(&self) -> Option<&str> {
        self.announced.as_deref()
    }

    /// Announces one mail, unless that is done already; then the server waits for its text. After an error the session
    /// must not be used again.
    pub(super) async fn begin(&mut self, envelope: &Envelope<'_>) -> Result<(), SendError> {
        let (mail, recipient) = self.commands(envelope)?;
        if self.announced.take().is_none() {
            if !self.offers.pipelining {
                self.ask(&MAIL, &mail).await?;
                self.ask(&RCPT, &recipient).await?;
                return self.ask(&DATA, &Data).await.map(drop);
            }
            // RFC 2920 §3.1: DATA may end such a group, and a 354 without a recipient is nothing to go on with.
            self.wire.write(format!("{mail}{recipient}{Data}").as_bytes()).await.map_err(|error| MAIL.lost(&error))?;
        }
        for step in [&MAIL, &RCPT, &DATA] {
            let reply = self.wire.reply().await;
            step.check(reply)?;
        }
        Ok(())
    }

    fn commands(&self, envelope: &Envelope<'_>) -> Result<(Mail, Rcpt), SendError> {
        let Envelope { sender, to, mail } = envelope;
        let params = self.mail_params(to, &mail.raw)?;
        Ok((Mail::new(sender.clone(), params), Rcpt::new(to.clone(), self.notify(sender.as_ref()))))
    }

    /// Announces the next mail while the server's word about the last one is awaited: the text may begin a group of
    /// commands (RFC 2920 §3.1). Whatever goes wrong here is found when the mail is begun.
    async fn announce(&mut self, next: &Envelope<'_>) {
        if let (true, Ok((mail, recipient))) = (self.offers.pipelining, self.commands(next))
            && self.wire.write(format!("{mail}{recipient}{Data}").as_bytes()).await.is_ok()
        {
            self.announced = Some(next.mail.message_id.clone());
        }
    }

    /// What the server offers, after it took `sender` and forgot it again: no mail is begun.
    pub(super) async fn survey(mut self, sender: Option<&Address>) -> Result<Vec<String>, SendError> {
        self.ask(&MAIL, &Mail::new(sender.cloned(), Vec::new())).await?;
        self.ask(&RSET, &Rset).await?;
        Ok(self.offers.lines)
    }

    /// The one step after which we may not know. A server must not take a mail without its final dot (RFC 5321
    /// §4.1.1.4), so as long as the dot is not written all is clear; from then on only the answer tells. After an error
    /// the session must not be used again.
    pub(super) async fn message(&mut self, raw: &[u8], next: Option<Envelope<'_>>) -> Result<Receipt, SendError> {
        if let Err(error) = self.wire.write(&dot_stuffed(raw)).await {
            return Err(self.cut_off(&error).await);
        }
        if let Some(next) = next {
            self.announce(&next).await;
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

    async fn hello(&mut self, hello: &Ehlo) -> Result<(), SendError> {
        self.offers = Offers::read(&self.ask(&EHLO, hello).await?);
        Ok(())
    }

    async fn start_tls(mut self, settings: &SmtpSettings, route: &Route) -> Result<Session, SendError> {
        if !self.offers.known.supports_feature(Extension::StartTls) {
            return Err(route.no_tls("the server does not offer STARTTLS").into());
        }
        self.ask(&STARTTLS, &Starttls).await?;
        let stream = self.wire.into_stream().map_err(|error| STARTTLS.lost(&error))?;
        let stream = route.encrypt(stream).await?;
        Ok(Session::new(Wire::new(stream, settings.timeout)))
    }

    /// PLAIN (RFC 4616), or LOGIN where a server knows nothing else. Only ever over TLS or loopback.
    async fn login(&mut self, user: &str, password: &SecretString) -> Result<(), SendError> {
        let Some(mechanism) = self.offers.known.get_auth_mechanism(DEFAULT_MECHANISMS) else {
            return Err(SendError::not_sent(Fault::Setup, "the server offers neither AUTH PLAIN nor AUTH LOGIN"));
        };
        let credentials = Credentials::new(user.to_string(), password.expose_secret().to_string());
        for (step, question) in if mechanism.supports_initial_response() { AT_ONCE } else { ASKED } {
            let auth = Auth::new(mechanism, credentials.clone(), question.map(str::to_string));
            let auth = auth.map_err(|error| SendError::not_sent(Fault::Setup, format!("AUTH: {error}")))?;
            self.ask(step, &auth).await?;
        }
        Ok(())
    }

    /// RFC 7628, or XOAUTH2. A refused token may only be revoked: another one is tried once.
    async fn login_by_token(
        &mut self,
        user: &str,
        account: &Account,
        settings: &SmtpSettings,
    ) -> Result<(), SendError> {
        let Some(mechanism) = Mechanism::choose(|name| self.offers.auth(name)) else {
            let text = "AUTH: the server offers neither OAUTHBEARER nor XOAUTH2";
            return Err(SendError::not_sent(Fault::Setup, text));
        };
        let at = (settings.host.as_str(), settings.port);
        let token = account.token().await?;
        match self.authenticate(mechanism, &mechanism.message(user, &token, at)).await {
            Err(SendError::NotSent { fault: Fault::Setup, .. }) => {
                let another = account.renew(&token).await?;
                self.authenticate(mechanism, &mechanism.message(user, &another, at)).await
            }
            other => other,
        }
    }

    /// Without initial response: with a token the command would be longer than a line may be (RFC 4954 §4).
    async fn authenticate(&mut self, mechanism: Mechanism, message: &SecretString) -> Result<(), SendError> {
        self.ask(&CHALLENGE, &format!("AUTH {}\r\n", mechanism.name())).await?;
        let mut said = self.wire.ask(&format!("{}\r\n", message.expose_secret())).await;
        // The server says in a challenge why it will refuse.
        if said.as_ref().is_ok_and(|reply| reply.code == 334) {
            said = self.wire.ask(&format!("{}\r\n", mechanism.acknowledgement())).await;
        }
        LOGIN.check(said).map(drop)
    }

    /// Composed mails are ASCII, unless the recipient's address is not, which needs RFC 6531 and 6152, or they pass on
    /// a mail that is not, which needs the latter.
    fn mail_params(&self, to: &Address, raw: &[u8]) -> Result<Vec<MailParameter>, SendError> {
        let offered = |extension| self.offers.known.supports_feature(extension);
        let plain_address = to.user().is_ascii() && to.domain().is_ascii();
        if plain_address && raw.is_ascii() {
            Ok(Vec::new())
        } else if plain_address && has_ascii_headers(raw) {
            match offered(Extension::EightBitMime) {
                true => Ok(vec![MailParameter::Body(MailBodyParameter::EightBitMime)]),
                false => {
                    Err(SendError::not_sent(Fault::Mail, "the server does not offer 8BITMIME, which this mail needs"))
                }
            }
        } else if offered(Extension::SmtpUtfEight) && offered(Extension::EightBitMime) {
            Ok(vec![MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)])
        } else {
            Err(SendError::not_sent(Fault::Mail, "the server does not offer SMTPUTF8, which this address needs"))
        }
    }

    /// RFC 3461 §4.1, where offered: failures to the bounce address and no notes about delays; nothing at all to
    /// the null sender.
    fn notify(&self, sender: Option<&Address>) -> Vec<RcptParameter> {
        let value = if sender.is_some() { "FAILURE" } else { "NEVER" };
        let notify = RcptParameter::Other { keyword: "NOTIFY".into(), value: Some(value.into()) };
        self.offers.dsn.then_some(notify).into_iter().collect()
    }

    async fn ask(&mut self, step: &Step, command: &impl Display) -> Result<Reply, SendError> {
        step.check(self.wire.ask(command).await)
    }
}

fn has_ascii_headers(raw: &[u8]) -> bool {
    let end = raw.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap_or(raw.len());
    raw[..end].is_ascii()
}

impl Offers {
    fn read(answer: &Reply) -> Offers {
        // The first line names the server; lettre would take a name like "STARTTLS" for an offer. And it knows
        // keywords in capitals only, while a server may write them as it likes (RFC 5321 §2.4).
        let lines: Vec<String> = answer.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
        let offers = |name: &str| lines.iter().any(|line| line.split_ascii_whitespace().next() == Some(name));
        let (dsn, pipelining) = (offers("DSN"), offers("PIPELINING"));
        let code = Code::new(Severity::PositiveCompletion, Category::MailSystem, Detail::Zero);
        // The error is that of an empty answer: a server that offers nothing.
        let known = ServerInfo::from_response(&Response::new(code, lines.clone())).unwrap_or_default();
        Offers { known, dsn, pipelining, lines }
    }

    /// Whether a mechanism is offered, one that lettre does not know.
    fn auth(&self, mechanism: &str) -> bool {
        let mut offered = self.lines.iter().filter_map(|line| line.strip_prefix("AUTH "));
        offered.any(|mechanisms| mechanisms.split_ascii_whitespace().any(|offered| offered == mechanism))
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

    fn uncertain(&self, what: &dyn Display) -> SendError {
        SendError::Uncertain { text: format!("{}: {what}", self.name) }
    }

    fn lost(&self, error: &io::Error) -> SendError {
        SendError::not_sent(Fault::Passing, format!("{}: {error}", self.name))
    }
}

/// As an address literal, which needs no host name (RFC 5321 §4.1.4).
fn introduction(own: IpAddr) -> ClientId {
    match own {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

impl From<OAuthError> for SendError {
    fn from(error: OAuthError) -> SendError {
        let fault = if error.is_permanent() { Fault::Setup } else { Fault::Passing };
        SendError::not_sent(fault, format!("AUTH: {error}"))
    }
}

impl From<NetError> for SendError {
    fn from(error: NetError) -> SendError {
        let fault = if error.is_permanent() { Fault::Setup } else { Fault::Passing };
        SendError::not_sent(fault, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use lettre::transport::smtp::authentication::Mechanism;

    use super::*;

    #[test]
    fn offers_are_read_from_the_second_line_on_in_any_case() {
        let check = |lines: &[&str], expected: (bool, Option<Mechanism>, bool, bool)| {
            let reply = Reply { code: 250, lines: lines.iter().map(|line| line.to_string()).collect() };
            let Offers { known, dsn, pipelining, .. } = Offers::read(&reply);
            let offered = (known.supports_feature(Extension::StartTls), known.get_auth_mechanism(DEFAULT_MECHANISMS));
            assert_eq!((offered.0, offered.1, dsn, pipelining), expected, "{lines:?}");
        };
        check(&["mx", "StartTLS", "auth login Plain", "dsn"], (true, Some(Mechanism::Plain), true, false));
        check(&["mx", "AUTH LOGIN", "pipelining"], (false, Some(Mechanism::Login), false, true));
        check(&["STARTTLS"], (false, None, false, false));
        check(&["mx", "STARTTLSX", "DSNX", "AUTH CRAM-MD5"], (false, None, false, false));
        check(&[""], (false, None, false, false));
    }
}

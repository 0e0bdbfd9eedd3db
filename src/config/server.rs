//! `[desk.mailbox]` and `[desk.outbox]`: where mail comes from and where answers go.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::oauth::{self, Accounts};
use super::reader::{Table, Value};
use super::{Surroundings, check, secret};
use crate::mailbox::{self, HEAD_BYTES, ImapSettings};
use crate::net::{Tls, is_loopback};
use crate::oauth::Credential;
use crate::outbox::{self, SmtpSettings};

/// The settings of an IMAP or SMTP server that are the same for both.
struct Server {
    host: String,
    port: u16,
    tls: Tls,
    timeout: Duration,
}

/// The usual port of each kind of protection.
struct Ports {
    implicit: i64,
    starttls: i64,
    none: i64,
}

const IMAP_PORTS: Ports = Ports { implicit: 993, starttls: 143, none: 143 };
const SMTP_PORTS: Ports = Ports { implicit: 465, starttls: 587, none: 25 };

const IMAP_TIMEOUT_SECONDS: i64 = 30;
/// RFC 5321 section 4.5.3.2.6 gives a server ten minutes after the final dot.
const SMTP_TIMEOUT_SECONDS: i64 = 600;
/// RFC 5321 section 4.5.4.1 has a mail server give up after four or five days.
const MOST_GIVE_UP_HOURS: i64 = 7 * 24;
/// RFC 5321 section 4.5.3.1.1
const LONGEST_LOCAL_PART: usize = 64;
/// `+` and the id of a mail of ours.
const TAG: usize = 44;

pub fn mailbox(value: Value<'_>, around: &Surroundings, accounts: &Accounts) -> Option<mailbox::Settings> {
    value.table("[desk.mailbox]", |table| match kind(table, "imap", "maildir")? {
        "imap" => imap(table, around, accounts).map(mailbox::Settings::Imap),
        _ => {
            let poll = seconds(table, "poll_seconds", 3600, 60);
            Some(mailbox::Settings::Maildir { path: path(table, around)?, poll })
        }
    })
}

/// The way out, and for how long it is tried.
pub fn outbox(
    value: Value<'_>,
    around: &Surroundings,
    accounts: &Accounts,
) -> Option<(outbox::Settings, SignedDuration)> {
    value.table("[desk.outbox]", |table| {
        let kind = kind(table, "smtp", "folder")?;
        let give_up = SignedDuration::from_hours(table.integer("give_up_hours", 1..=MOST_GIVE_UP_HOURS, 24));
        let settings = match kind {
            "smtp" => smtp(table, around, accounts).map(outbox::Settings::Smtp),
            _ => path(table, around).map(|path| outbox::Settings::Folder { path }),
        };
        Some((settings?, give_up))
    })
}

/// Which kind of table this is decides which keys it may have: without it, none are judged.
fn kind(table: &Table<'_>, server: &'static str, folder: &'static str) -> Option<&'static str> {
    let kind = table.require("kind").and_then(|kind| kind.choice(&[(server, server), (folder, folder)]));
    if kind.is_none() {
        table.ignore_the_rest();
    }
    kind
}

fn path(table: &Table<'_>, around: &Surroundings) -> Option<PathBuf> {
    Some(around.folder.join(table.string("path")?.value))
}

fn imap(table: &Table<'_>, around: &Surroundings, accounts: &Accounts) -> Option<ImapSettings> {
    const LEAST_HEAD: i64 = 16 * 1024;
    const MOST_HEAD: i64 = 64 * 1024 * 1024;
    const HEAD: i64 = HEAD_BYTES as i64;
    const LEAST_NOOP: i64 = 50;
    let server = server(table, around, IMAP_PORTS, IMAP_TIMEOUT_SECONDS);
    let user = table.string("user");
    let credential = credential(table, around, accounts).or_else(|| table.require("password").map(|_| None)).flatten();
    let folder = table.optional_string("folder").map_or("INBOX".to_owned(), |folder| folder.value);
    let poll = seconds(table, "poll_seconds", 3600, 60);
    let noop = table.get("noop_milliseconds").and_then(|every| every.integer(LEAST_NOOP..=60_000));
    let noop = noop.map(|every| Duration::from_millis(every.unsigned_abs()));
    let head_bytes = table.integer("head_bytes", LEAST_HEAD..=MOST_HEAD, HEAD);
    let Server { host, port, tls, timeout } = server?;
    let (user, credential) = (user?.value, credential?);
    let head_bytes = usize::try_from(head_bytes).ok()?;
    Some(ImapSettings { host, port, tls, user, credential, folder, poll, noop, timeout, head_bytes })
}

fn smtp(table: &Table<'_>, around: &Surroundings, accounts: &Accounts) -> Option<SmtpSettings> {
    let server = server(table, around, SMTP_PORTS, SMTP_TIMEOUT_SECONDS);
    let login = login(table, around, accounts);
    let bounce_address = table.get("bounce_address").and_then(check::address).map(|address| address.value);
    let bounce_tags = bounce_tags(table, bounce_address.as_deref());
    let connections = table.integer("connections", 1..=16, 1) as usize;
    let Server { host, port, tls, timeout } = server?;
    Some(SmtpSettings { host, port, tls, login, bounce_address, bounce_tags, timeout, connections })
}

fn bounce_tags(table: &Table<'_>, bounce_address: Option<&str>) -> bool {
    let Some(value) = table.get("bounce_tags") else { return false };
    if value.flag() != Some(true) {
        return false;
    }
    match bounce_address.and_then(|address| address.split('@').next()) {
        None => value.error("`bounce_tags` needs a `bounce_address`"),
        Some(local) if local.len() + TAG > LONGEST_LOCAL_PART => {
            let most = LONGEST_LOCAL_PART - TAG;
            value.error(format!("with `bounce_tags` the `bounce_address` has at most {most} characters before the @"));
        }
        Some(_) => {}
    }
    true
}

/// User and password (or account) together, or neither.
fn login(table: &Table<'_>, around: &Surroundings, accounts: &Accounts) -> Option<(String, Credential)> {
    let user = table.get("user");
    let credential = credential(table, around, accounts);
    match (user, &credential) {
        (Some(_), None) => table.error("[desk.outbox] has a `user` but no `password`"),
        (None, Some(_)) => table.error("[desk.outbox] has a `password` but no `user`"),
        _ => {}
    }
    Some((user.and_then(Value::string)?.value, credential??))
}

/// `password` or `oauth`; none if neither is there, and none in it if what is there is wrong.
fn credential(table: &Table<'_>, around: &Surroundings, accounts: &Accounts) -> Option<Option<Credential>> {
    match (table.get("password"), table.get("oauth")) {
        (None, None) => None,
        (Some(password), None) => Some(secret::password(password, around).map(Credential::Password)),
        (None, Some(account)) => Some(oauth::named(account, accounts).map(Credential::OAuth)),
        (Some(_), Some(account)) => {
            account.error("`password` and `oauth` exclude each other");
            Some(None)
        }
    }
}

fn server(table: &Table<'_>, around: &Surroundings, ports: Ports, timeout: i64) -> Option<Server> {
    let kinds = [
        ("implicit", Tls::Implicit { ca_file: None }),
        ("starttls", Tls::StartTls { ca_file: None }),
        ("none", Tls::None),
    ];
    let host = table.require("host").and_then(check::host);
    let kind = table.get("tls");
    let mut tls = kind.and_then(|kind| kind.choice(&kinds)).unwrap_or(Tls::Implicit { ca_file: None });
    let port = table.integer("port", 1..=65535, ports.of(&tls));
    let timeout = seconds(table, "timeout_seconds", 3600, timeout);
    let ca = table.get("ca_file");
    let certificates = ca.and_then(|ca| ca_file(ca, around));
    match (&mut tls, ca) {
        (Tls::Implicit { ca_file } | Tls::StartTls { ca_file }, _) => *ca_file = certificates,
        (Tls::None, Some(ca)) => ca.error("`ca_file` has no meaning with tls = \"none\""),
        (Tls::None, None) => {}
    }
    let host = host?.value;
    if let (Tls::None, Some(kind), false) = (&tls, kind, is_loopback(&host)) {
        let hint = "use \"implicit\" or \"starttls\"; \"none\" is for localhost, 127.0.0.1 and ::1";
        kind.error_with(format!("mail and password would cross the network in plain text to `{host}`"), hint);
    }
    Some(Server { host, port: u16::try_from(port).ok()?, tls, timeout })
}

impl Ports {
    fn of(&self, tls: &Tls) -> i64 {
        match tls {
            Tls::Implicit { .. } => self.implicit,
            Tls::StartTls { .. } => self.starttls,
            Tls::None => self.none,
        }
    }
}

fn seconds(table: &Table<'_>, key: &'static str, most: i64, default: i64) -> Duration {
    Duration::from_secs(table.integer(key, 1..=most, default).unsigned_abs())
}

/// A PEM file with at least one certificate.
pub fn ca_file(value: Value<'_>, around: &Surroundings) -> Option<PathBuf> {
    let path = around.folder.join(value.string()?.value);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            value.error(format!("cannot read the certificates: {error}"));
            return None;
        }
    };
    let mut certificates = CertificateDer::pem_slice_iter(&bytes);
    if !matches!(certificates.next(), Some(Ok(_))) {
        value.error("there is no PEM certificate in this file");
    }
    Some(path)
}

//! Encrypted from end to end: the certificates of both servers come from CA files.

use std::path::Path;

use crate::site::{Desk, Kind, Site, dovecot, imap_as, mail, smtp};
use crate::support::smtp::Act::{self, Hear, HearMail, Say, Silence};
use crate::support::smtp::{Scripted, certificate};
use crate::working::wait_for_answers;

const OFFER: Act = Say("250-mx\r\n250 STARTTLS\r\n");

/// A login and one mail, behind the encryption.
fn session() -> Vec<Act> {
    vec![
        Hear("EHLO"),
        Say("250-mx\r\n250 AUTH PLAIN\r\n"),
        Hear("AUTH PLAIN"),
        Say("235 in\r\n"),
        Hear("MAIL FROM:<b@desk.example>"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<kyaku@firm0.example>"),
        Say("250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        HearMail,
        Say("250 taken\r\n"),
        Silence,
    ]
}

fn check(kind: &str, script: impl FnOnce(Act) -> Vec<Act>) {
    let dovecot = dovecot();
    let folder = tempfile::tempdir().unwrap();
    let (tls, smtp_ca) = certificate("localhost", &folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Scripted::start(vec![script(tls)]));
    let protected = |ca: &Path| format!("tls = \"{kind}\"\nca_file = \"{}\"", ca.display());
    let port = if kind == "implicit" { dovecot.tls_port } else { dovecot.port };
    let mailbox = imap_as(port, &protected(&dovecot.ca_file()));
    let outbox = smtp(server.port).replace("127.0.0.1", "localhost").replace("tls = \"none\"", &protected(&smtp_ca));
    let login = "\nuser = \"b\"\npassword = { file = \"password\" }";
    let site = Site::new(&[Desk::new("desk", mailbox, outbox + login)]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    wait_for_answers(&dovecot, 0..=0);
    assert_eq!(running.stop().code, Some(0), "{kind}");
    runtime.block_on(server.finish());
    let log = dovecot.log();
    let logins: Vec<&str> = log.lines().filter(|line| line.contains("Login: ")).collect();
    assert!(!logins.is_empty() && logins.iter().all(|line| line.contains("TLS")), "{kind}: {logins:?}");
}

#[test]
fn mail_comes_and_goes_over_implicit_tls() {
    check("implicit", |tls| [vec![tls, Say("220 hi\r\n")], session()].concat());
}

#[test]
fn mail_comes_and_goes_over_starttls() {
    let before = || vec![Say("220 hi\r\n"), Hear("EHLO"), OFFER, Hear("STARTTLS"), Say("220 go\r\n")];
    check("starttls", |tls| [before(), vec![tls], session()].concat());
}

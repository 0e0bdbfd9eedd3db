//! Encrypted from end to end: the certificates of both servers come from CA files.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::site::{Desk, Kind, Site, dovecot, imap_as, mail, smtp};
use crate::support::smtp::Act::{self, Hear, HearMail, Say, Silence};
use crate::support::smtp::{Scripted, SmtpSink, certificate};
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

// ---- what breaks ----

/// How a connection ends in the middle.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Without the goodbye of TLS.
    Cut,
    /// With bytes that are none of TLS.
    Garbled,
}

/// So much of the first connection is good: the handshake, the login, and the beginning of a mail.
const GOOD: u64 = 30_000;

/// In front of a server; of the first connection only [`GOOD`] bytes come back, then it ends so. Tells when it has.
fn breaking(server: u16, end: End) -> (u16, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, broken) = (listener.local_addr().unwrap().port(), Arc::new(AtomicBool::new(false)));
    let told = broken.clone();
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let (client, server) = (client.unwrap(), TcpStream::connect(("127.0.0.1", server)).unwrap());
            let (mut up, mut asked) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || _ = std::io::copy(&mut asked, &mut up));
            let told = told.clone();
            std::thread::spawn(move || {
                let good = if number == 0 { GOOD } else { u64::MAX };
                let passed = std::io::copy(&mut (&server).take(good), &mut &client).unwrap_or_default();
                told.fetch_or(passed == GOOD, Ordering::SeqCst);
                if let End::Garbled = end {
                    // Longer than any record.
                    _ = (&client).write_all(&[0; 20_000]);
                }
                _ = client.shutdown(Shutdown::Both);
                _ = server.shutdown(Shutdown::Both);
            });
        }
    });
    (port, broken)
}

#[test]
fn a_connection_that_breaks_inside_a_mail_is_begun_anew_and_the_mail_is_read_whole() {
    for end in [End::Cut, End::Garbled] {
        let (dovecot, sink) = (dovecot(), SmtpSink::start());
        let (port, broken) = breaking(dovecot.tls_port, end);
        let protection = format!("tls = \"implicit\"\nca_file = \"{}\"", dovecot.ca_file().display());
        let site = Site::new(&[Desk::new("desk", imap_as(port, &protection), smtp(sink.port))]);
        let long = [mail(0, Kind::HowTo), "以上です。\r\n".repeat(3000).into_bytes()].concat();
        dovecot.deliver(&long);
        let running = site.start();
        running.wait_for("reading mail failed; connecting again");
        assert!(broken.load(Ordering::SeqCst), "{end:?}: it broke inside the mail");
        wait_for_answers(&dovecot, 0..=0);
        assert_eq!(running.stop().code, Some(0), "{end:?}");
        let rows = site.rows();
        assert_eq!((rows.len(), sink.count()), (1, 1), "{end:?}: read once and answered once");
        let store = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
        let kept: Vec<u8> = store.query_row("SELECT bytes FROM raw", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, long, "{end:?}");
    }
}

//! How a run ends, or refuses to begin: the exit status that systemd sees, and one clear line for the operator.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::site::{CHECK, Desk, Ended, Kind, RUN, Site, dovecot, imap, imap_as, mail, smtp};
use crate::support::desk::{labels, received, sent};
use crate::support::dovecot::Dovecot;
use crate::support::smtp::{SmtpSink, certificate, eventually, free_port};

/// Permission bits bind root, too, once it has given up the right to override them.
const OBEYING: &[&str] =
    &["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];

fn check(what: &str, ended: &Ended, code: i32, says: &str) {
    assert_eq!(ended.code, Some(code), "{what}: {}", ended.log);
    let errors: Vec<&str> = ended.log.lines().filter(|l| l.contains("ERROR") || l.starts_with("error")).collect();
    assert!(errors.len() == 1 && errors[0].contains(says), "{what}: expected one line with {says:?}: {}", ended.log);
}

// ---- the mail server ----

#[test]
fn what_another_try_cannot_mend_ends_the_run_as_a_configuration_error() {
    let mut dovecot = dovecot();
    let strangers = tempfile::tempdir().unwrap();
    let (_, stranger) = certificate("localhost", &strangers);
    let tls = |ca: &Path, host: &str| {
        let text = imap_as(dovecot.tls_port, &format!("tls = \"implicit\"\nca_file = \"{}\"", ca.display()));
        text.replace("127.0.0.1", host)
    };
    let (good_ca, plain) = (dovecot.ca_file(), imap(dovecot.port));
    let cases = [
        ("wrong password", plain.replace("\"password\"", "\"wrong-password\""), "refused the login"),
        ("no such folder", format!("{plain}\nfolder = \"無い\""), "there is no folder \"無い\""),
        ("unknown CA", tls(&stranger, "localhost"), "no TLS with localhost: invalid peer certificate"),
        (
            "a port without TLS",
            tls(&good_ca, "localhost").replace(&dovecot.tls_port.to_string(), &dovecot.port.to_string()),
            "no TLS with localhost",
        ),
    ];
    for (what, mailbox, says) in cases {
        check(what, &refusal(mailbox), 78, says);
    }
    expire(&mut dovecot);
    let expired = imap_as(dovecot.tls_port, &format!("tls = \"implicit\"\nca_file = \"{}\"", good_ca.display()));
    check("expired", &refusal(expired), 78, "certificate expired");
}

fn refusal(mailbox: String) -> Ended {
    let site = Site::new(&[Desk::new("desk", mailbox, smtp(1))]);
    let running = site.start();
    running.ended()
}

/// Gives the server a certificate of the day before yesterday.
fn expire(dovecot: &mut Dovecot) {
    let mut params = rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(dovecot.ca_file(), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(dovecot.ca_file().with_file_name("key.pem"), key.serialize_pem()).unwrap();
    dovecot.restart();
}

#[test]
fn a_server_that_is_not_there_is_waited_for_until_the_stop() {
    let site = unconnected();
    let running = site.start();
    running.wait_for("trying again");
    let ended = running.stop();
    assert_eq!((ended.code, ended.log.contains("cannot connect to 127.0.0.1")), (Some(0), true), "{}", ended.log);
}

#[test]
fn a_server_that_says_nothing_does_not_hold_up_the_stop() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mailbox = imap(silent.local_addr().unwrap().port()) + "\ntimeout_seconds = 3600";
    let site = Site::new(&[Desk::new("desk", mailbox, smtp(1))]);
    let running = site.start();
    let _connection = silent.accept().unwrap();
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_server_that_falls_silent_holds_up_the_stop_for_seconds_at_most() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let mailbox = imap(dovecot.port) + "\ntimeout_seconds = 3600";
    let site = Site::new(&[Desk::new("desk", mailbox, smtp(sink.port))]);
    let running = site.start();
    running.wait_for("mailbox open");
    dovecot.freeze();
    let asked = std::time::Instant::now();
    assert_eq!(running.stop().code, Some(0));
    assert!(asked.elapsed() < std::time::Duration::from_secs(20), "{:?}", asked.elapsed());
}

// ---- the configuration ----

#[test]
fn run_and_check_say_the_same_of_a_wrong_configuration() {
    let site = Site::new(&[Desk::new("desk", imap(1), smtp(1)).keys("signatur = \"x\"\nbatch = 0")]);
    let (run, checked) = (site.start().ended(), site.spawn(&[], CHECK).ended());
    assert_eq!((run.code, checked.code), (Some(78), Some(1)));
    assert_eq!(run.log, checked.log);
    assert!(run.log.contains("`signatur`") && run.log.contains("batch"), "{}", run.log);
    fs::remove_file(site.path("madoguchi.toml")).unwrap();
    let (run, checked) = (site.start().ended(), site.spawn(&[], CHECK).ended());
    assert_eq!((run.code, checked.code), (Some(78), Some(1)));
    assert_eq!(run.log, checked.log);
}

// ---- the store ----

/// A desk whose mail server answers nobody: a run that gets past its store is seen to.
fn unconnected() -> Site {
    Site::new(&[Desk::new("desk", imap(free_port()), smtp(1))])
}

/// As if it had run once.
fn with_store() -> Site {
    let site = unconnected();
    let running = site.start();
    running.wait_for("trying again");
    assert_eq!(running.stop().code, Some(0));
    site
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn obeying() -> &'static [&'static str] {
    if fs::metadata("/proc/self").unwrap().uid() == 0 { OBEYING } else { &[] }
}

#[test]
fn a_store_in_use_is_left_to_its_owner() {
    let site = unconnected();
    let owner = site.start();
    owner.wait_for("trying again");
    check("locked", &site.start().ended(), 69, "another madoguchi is working with this store");
    assert_eq!(owner.stop().code, Some(0));
}

/// A tool of the operator's that opens the file and stays in it.
#[test]
fn a_store_that_somebody_else_writes_in_is_waited_for_and_no_mail_is_blamed() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    crate::working::wait_for_answers(&dovecot, 0..=0);
    let other = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    dovecot.deliver(&mail(1, Kind::HowTo));
    running.wait_for("somebody else has been writing in the store for too long");
    assert_eq!(sink.count(), 1, "nothing goes out that cannot be noted");
    other.execute_batch("ROLLBACK").unwrap();
    crate::working::wait_for_answers(&dovecot, 0..=1);
    assert_eq!((running.stop().code, sink.count()), (Some(0), 2));
    assert!(site.rows().iter().all(|row| row.attempts == 0), "{:?}", site.rows());
}

#[test]
fn a_store_that_cannot_be_used_is_said_to_be_so() {
    type Break = fn(&Site);
    let cases: [(&str, Site, Break, &str); 7] = [
        ("file read-only", with_store(), |s| permit(&s.path("state/store.db"), 0o400), "cannot be written"),
        ("folder read-only", with_store(), |s| permit(&s.path("state"), 0o500), "cannot be written"),
        (
            "new folder read-only",
            unconnected(),
            |s| {
                fs::create_dir(s.path("state")).unwrap();
                permit(&s.path("state"), 0o500);
            },
            "Permission denied",
        ),
        (
            "no database",
            with_store(),
            |s| s.write("state/store.db", &"a letter to mother\n".repeat(100)),
            "not a madoguchi store",
        ),
        (
            "newer schema",
            with_store(),
            |s| {
                let store = rusqlite::Connection::open(s.path("state/store.db")).unwrap();
                store.pragma_update(None, "user_version", 99).unwrap();
            },
            "written by a newer madoguchi (schema 99",
        ),
        (
            "damaged pages",
            with_store(),
            |s| {
                let mut bytes = fs::read(s.path("state/store.db")).unwrap();
                let half = bytes.len() / 2;
                bytes[half..half + 8192].fill(0xa5);
                fs::write(s.path("state/store.db"), bytes).unwrap();
            },
            "restore it from a backup",
        ),
        ("folder is a file", unconnected(), |s| s.write("state", ""), "state"),
    ];
    for (what, site, spoil, says) in cases {
        spoil(&site);
        let ended = site.spawn(obeying(), RUN).ended();
        check(what, &ended, 69, says);
        assert_eq!(ended.log.lines().count(), 1, "{what}: {}", ended.log);
        if site.path("state").is_dir() {
            permit(&site.path("state"), 0o700);
        }
    }
}

// ---- the disk ----

/// Starts a program that can make no file longer than this many 512-byte blocks: a disk of that size, portably.
fn limited(blocks: u32) -> [String; 3] {
    ["sh".into(), "-c".into(), format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"")]
}

#[test]
fn a_disk_that_is_full_from_the_start_ends_the_run() {
    let site = unconnected();
    let wrapper = limited(16);
    check("full", &site.spawn(&wrapper.each_ref().map(String::as_str), RUN).ended(), 69, "the disk is full");
}

#[test]
fn a_disk_that_fills_up_loses_nothing_and_is_waited_for() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys("batch = 5")]);
    const MAILS: usize = 40;
    for n in 0..MAILS {
        dovecot.deliver(&[mail(n, Kind::HowTo), "-- \r\n".into(), "長い署名\r\n".repeat(1500).into()].concat());
    }
    // Room for a part of the mail only.
    let wrapper = limited(1600);
    let running = site.spawn(&wrapper.each_ref().map(String::as_str), RUN);
    running.wait_for("the disk is full");
    assert!(sent(&site.rows()).len() < MAILS);
    let space = std::process::Command::new("prlimit").args(["--pid", &running.pid(), "--fsize=unlimited"]).status();
    assert!(space.is_ok_and(|status| status.success()));
    let done = || {
        let labels = labels(&dovecot, "INBOX");
        let done = |l: &Vec<String>| l.iter().any(|l| l == "mado-answered" || l == "mado-unsent");
        (labels.values().filter(|l| done(l)).count() == MAILS).then_some(())
    };
    eventually("all mail is worked off", done);
    assert_eq!(running.stop().code, Some(0));
    let sent = sent(&site.rows());
    assert_eq!(received(&sink), sent);
    assert_eq!(sent.len(), MAILS, "no send was under way when the disk was full");
}

#[test]
fn a_full_disk_under_the_log_does_not_end_the_run() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    site.once();
    // The store has room; the log, which had its fill before, has none.
    let wrapper = ["sh", "-c", "trap '' XFSZ; head -c 4194304 /dev/zero >&2; ulimit -S -f 8192; exec \"$0\" \"$@\""];
    let running = site.spawn(&wrapper, RUN);
    dovecot.deliver(&mail(0, Kind::HowTo));
    crate::working::wait_for_answers(&dovecot, 0..=0);
    assert_eq!(running.stop().code, Some(0));
}

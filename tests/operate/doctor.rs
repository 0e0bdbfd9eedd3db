//! A healthy desk gets OK on every line; each fault is named with what to do about it.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::site::{Desk, Kind, Site, dovecot, imap, imap_as, mail, smtp};
use crate::support::dovecot::{Dovecot, MARKED};
use crate::support::smtp::{SmtpSink, certificate, free_port};
use crate::tool::{Said, tool, tool_in};

/// Mail of at most a megabyte, and at most twenty mails.
const QUOTA: &str = "
mail_plugins = quota
protocol imap {
  mail_plugins = quota imap_quota
}
plugin {
  quota = maildir:User quota
  quota_rule = *:storage=1M
  quota_rule2 = *:messages=20
}
";

fn result(said: &Said, check: &str) -> Option<(String, String)> {
    let line = said.json().into_iter().find(|line| line["check"] == check)?;
    Some((line["result"].as_str()?.to_owned(), line["found"].as_str()?.to_owned()))
}

/// The one line that is not OK, but for the missing authentication of the tests' desks and the store.
fn only_fault(said: &Said) -> (String, String, String) {
    let usual = ["authentication", "store"];
    let lines = said.json().into_iter().filter(|line| line["result"] != "ok");
    let faults: Vec<_> = lines.filter(|line| !usual.iter().any(|check| line["check"] == *check)).collect();
    let [fault] = faults.as_slice() else { panic!("{} faults: {}{}", faults.len(), said.out, said.err) };
    assert!(!fault["todo"].as_str().unwrap().is_empty(), "what to do is said");
    let text = |key: &str| fault[key].as_str().unwrap().to_owned();
    (text("check"), text("result"), text("found"))
}

#[test]
fn a_healthy_desk_is_fine_and_left_as_it_is() {
    let (dovecot, sink) = (Dovecot::start_with(MARKED, QUOTA), SmtpSink::start());
    let desk = Desk::on("desk", &dovecot, &sink).tables("[desk.folders]\nhold = \"要注意\"\n");
    let site = Site::new(&[desk]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    site.once();
    let folders = dovecot.doveadm(&["mailbox list"]);
    let sent = sink.count();
    let said = tool(&site, &["doctor", "--json"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    let ok = |found: &str| Some(("ok".to_owned(), found.to_owned()));
    for (check, found) in [
        ("imap-name", "127.0.0.1 → 127.0.0.1"),
        ("imap-connect", &format!("127.0.0.1:{}", dovecot.port)),
        ("imap-login", "the login was taken"),
        ("capabilities", "IDLE MOVE UIDPLUS SPECIAL-USE QUOTA"),
        ("keywords", "PERMANENTFLAGS \\*"),
        ("drafts", "下書きフォルダ"),
        ("sent", "Out"),
        ("own-folder", "要注意: will be made when needed"),
        ("smtp-login", "none is configured, and none is asked for"),
        ("smtp-sender", "MAIL FROM:<…@desk.example>"),
    ] {
        assert_eq!(result(&said, check), ok(found), "{check}");
    }
    assert!(result(&said, "quota").unwrap().1.starts_with("STORAGE "), "{}", said.out);
    let (verdict, found) = result(&said, "clock").unwrap();
    assert!(verdict == "ok" && found.starts_with("newest mail 20"), "{found}");
    assert_eq!(result(&said, "authentication"), Some(("warn".into(), "authentication = \"off\"".into())));
    let todo = tool_in("ja_JP.UTF-8", &site, &["doctor"]);
    assert!(todo.out.contains("desk  正常"), "{}", todo.out);
    assert!(todo.out.contains("desk  注意") && todo.out.contains("→ なりすましを防ぐには"), "{}", todo.out);
    assert_eq!(dovecot.doveadm(&["mailbox list"]), folders, "no folder was made");
    assert_eq!(sink.count(), sent, "nothing was sent");
}

#[test]
fn each_fault_of_the_mailbox_is_named() {
    let dovecot = dovecot();
    let sink = SmtpSink::start();
    let strangers = tempfile::tempdir().unwrap();
    let (_, stranger) = certificate("localhost", &strangers);
    let plain = imap(dovecot.port);
    let tls = imap_as(dovecot.tls_port, &format!("tls = \"implicit\"\nca_file = \"{}\"", stranger.display()));
    let cases = [
        ("imap-login", plain.replace("\"password\"", "\"wrong-password\""), "the server refused the login"),
        ("imap-connect", imap(free_port()), "cannot connect to 127.0.0.1"),
        ("imap-tls", tls, "no TLS with 127.0.0.1"),
        ("folder", format!("{plain}\nfolder = \"無い\""), "there is no folder \"無い\""),
        (
            "imap-name",
            plain.replace("127.0.0.1", "no-such-host.invalid").replace("\"none\"", "\"implicit\""),
            "no-such-host",
        ),
    ];
    for (check, mailbox, says) in cases {
        let site = Site::new(&[Desk::new("desk", mailbox, smtp(sink.port))]);
        let said = tool(&site, &["doctor", "--json"]);
        let (found, result, text) = only_fault(&said);
        assert_eq!((found.as_str(), result.as_str()), (check, "fail"), "{text}");
        assert!(text.contains(says), "{check}: {text}");
        assert_eq!(said.code, Some(1), "{check}");
        assert!(tool(&site, &["doctor"]).out.contains("desk  TO DO   "), "{check}");
        assert!(self::result(&said, "smtp-limits").is_some(), "{check}: the rest is looked at all the same");
    }
}

#[test]
fn each_fault_of_the_way_out_is_named() {
    let dovecot = dovecot();
    let refusing = |what: &'static str| SmtpSink::with(&["-f", what]);
    let (sender, hello) = (refusing("MAIL"), refusing("EHLO"));
    for (check, port, says) in [
        ("smtp-connect", free_port(), "cannot connect to 127.0.0.1"),
        ("smtp-sender", sender.port, "MAIL FROM: 500"),
        ("smtp-connect", hello.port, "EHLO: 500"),
    ] {
        let site = Site::new(&[Desk::new("desk", imap(dovecot.port), smtp(port))]);
        let said = tool(&site, &["doctor", "--json"]);
        let (found, result, text) = only_fault(&said);
        assert_eq!((found.as_str(), result.as_str(), said.code), (check, "fail", Some(1)), "{text}");
        assert!(text.contains(says), "{check}: {text}");
    }
}

#[test]
fn a_server_that_keeps_no_keywords_is_found_out() {
    // Without `w` an account may set no keywords (RFC 4314 §4).
    let folder = tempfile::tempdir().unwrap();
    let rights = folder.path().join("rights");
    fs::write(&rights, "* owner lrstipekxa\n").unwrap();
    std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(folder.path()).status().unwrap();
    let acl = format!(
        "mail_plugins = acl\nprotocol imap {{\n  mail_plugins = acl imap_acl\n}}\nplugin {{\n  acl = vfile:{}\n}}\n",
        rights.display()
    );
    let (dovecot, sink) = (Dovecot::start_with(MARKED, &acl), SmtpSink::start());
    let said = tool(&Site::new(&[Desk::on("desk", &dovecot, &sink)]), &["doctor", "--json"]);
    let (check, result, _) = only_fault(&said);
    assert_eq!((check.as_str(), result.as_str(), said.code), ("keywords", "fail", Some(1)));
}

#[test]
fn a_mailbox_that_fills_up_and_a_clock_that_is_ahead_are_told() {
    for (mails, verdict, code, says) in [(17, "warn", 0, "17 / 20 (85 %)"), (20, "fail", 1, "20 / 20 (100 %)")] {
        let (dovecot, sink) = (Dovecot::start_with(MARKED, QUOTA), SmtpSink::start());
        let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
        (0..mails).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
        let said = tool(&site, &["doctor", "--json"]);
        let expected = ("quota".to_owned(), verdict.to_owned(), format!("MESSAGE {says}"));
        assert_eq!((only_fault(&said), said.code), (expected, Some(code)));
    }

    let (dovecot, sink) = (self::dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    let new = fs::read_dir(dovecot.maildir().join("new")).unwrap().next().unwrap().unwrap().path();
    let tomorrow = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    fs::File::options().write(true).open(new).unwrap().set_modified(tomorrow).unwrap();
    let said = tool(&site, &["doctor", "--json"]);
    let (check, result, found) = only_fault(&said);
    assert_eq!((check.as_str(), result.as_str(), said.code), ("clock", "warn", Some(0)), "{found}");
}

/// Passes on to the mailbox what the desk sends, until it was one mail.
fn carry(sink: &SmtpSink, dovecot: &Dovecot) -> Vec<u8> {
    let mail = crate::support::smtp::eventually("the probe is sent", || sink.received().pop());
    assert_eq!(mail.rcpt_to.len(), 1);
    dovecot.deliver(&mail.message);
    mail.message
}

#[test]
fn a_probe_goes_out_and_comes_back_and_is_no_mail_of_a_customer() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    let said = std::thread::scope(|scope| {
        let carrier = scope.spawn(|| carry(&sink, &dovecot));
        let said = tool(&site, &["doctor", "--probe", "--json"]);
        carrier.join().unwrap();
        said
    });
    let (verdict, found) = result(&said, "probe").unwrap();
    assert!(verdict == "ok" && found.contains("clocks differ by 0 s"), "{found}");
    site.once();
    let rows = site.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].decision.as_ref().unwrap().disposition, "ignore", "the desk knows its own mail");
    assert_eq!(sink.count(), 1, "and answers nothing");
}

#[test]
fn a_probe_that_does_not_come_back_is_said_to_be_lost() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    let said = tool(&site, &["doctor", "--probe", "--probe-seconds", "1", "--json"]);
    assert_eq!(only_fault(&said), ("probe".into(), "fail".into(), "sent, and did not arrive (1 s)".into()));
    assert_eq!((said.code, sink.count()), (Some(1), 1));
}

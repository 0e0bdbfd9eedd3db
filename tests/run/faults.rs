//! Servers that fail, each in its own way: what becomes of the mail, what staff see, and that nothing goes out twice.

use std::time::{Duration, Instant};

use madoguchi::store::{CaseRow, EffectState};
use serde_json::Value;

use crate::site::{Desk, Kind, RUN, Site, dovecot, id, imap, mail, smtp};
use crate::support::desk::{header, labels};
use crate::support::dovecot::Dovecot;
use crate::support::faulty::{At, Fault, FaultySmtp};
use crate::support::smtp::{SmtpSink, eventually};

// ---- SMTP ----

/// What a fault comes to: the state of the send, as `outbox` and the labels say it, and how many mails the server took.
struct Ends {
    state: &'static str,
    label: Option<&'static str>,
    taken: usize,
}

const RETRIED: Ends = Ends { state: "retried", label: None, taken: 0 };
const REFUSED: Ends = Ends { state: "failed", label: Some("mado-unsent"), taken: 0 };
/// Nobody can tell.
const HELD: Ends = Ends { state: "held", label: Some("mado-unsent"), taken: 1 };

fn check(what: &str, at: At, fault: Fault, ends: &Ends) {
    let (dovecot, server) = (dovecot(), FaultySmtp::start(at, fault));
    let site = Site::new(&[Desk::new("desk", imap(dovecot.port), hasty(&server))]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    site.once();
    let entry = only(&site);
    assert_eq!((entry["state"].as_str(), server.taken().len()), (Some(ends.state), ends.taken), "{what}: {entry}");
    assert_eq!(answer_label(&dovecot).as_deref(), ends.label, "{what}");
    site.once();
    assert_eq!(server.taken().len(), ends.taken, "{what}: nothing is sent behind staff's back");

    // Staff send it again; a refused address does not stop them.
    server.mend();
    site.says(&["outbox", "send", &entry["number"].to_string(), "-c", "{}"]);
    site.once();
    assert_eq!(server.taken().len(), ends.taken + 1, "{what}: sent again");
    let ids = server.taken();
    assert!(ids.iter().all(|id| *id == ids[0]), "{what}: always the same Message-ID: {ids:?}");
    assert_eq!(answer_label(&dovecot).as_deref(), Some("mado-answered"), "{what}");
    assert_eq!(copies(&dovecot), 1, "{what}: one copy in Sent");
    assert_eq!(site.says(&["outbox", "-c", "{}"]).trim(), "everything went out", "{what}");
    assert_eq!(send_state(&site.rows()[0]), Some(EffectState::Done), "{what}");
}

/// A desk that waits a second for each answer.
fn hasty(server: &FaultySmtp) -> String {
    smtp(server.port) + "\ntimeout_seconds = 1"
}

fn only(site: &Site) -> Value {
    let listed = site.says(&["outbox", "--json", "-c", "{}"]);
    let [line] = listed.lines().collect::<Vec<_>>()[..] else { panic!("one answer is listed: {listed}") };
    serde_json::from_str(line).unwrap()
}

fn answer_label(dovecot: &Dovecot) -> Option<String> {
    let found = labels(dovecot, "INBOX").remove(&id(0)).unwrap_or_default();
    let said: Vec<String> =
        found.into_iter().filter(|label| label == "mado-answered" || label == "mado-unsent").collect();
    assert!(said.len() <= 1, "{said:?}");
    said.into_iter().next()
}

fn copies(dovecot: &Dovecot) -> usize {
    dovecot.doveadm(&["search", "mailbox", "Out", "ALL"]).lines().count()
}

fn send_state(row: &CaseRow) -> Option<EffectState> {
    row.effects.iter().find(|effect| effect.kind == "send").map(|effect| effect.state)
}

#[test]
fn what_the_server_refuses_for_now_is_tried_again() {
    check("421 busy", At::Greeting, Fault::Say("421 too busy"), &RETRIED);
    check("450 greylisted", At::Rcpt, Fault::Say("450 4.2.0 try later"), &RETRIED);
    check("452 full", At::Rcpt, Fault::Say("452 4.2.2 mailbox full"), &RETRIED);
    check("451 after the text", At::Text, Fault::Say("451 4.3.0 scanner down"), &RETRIED);
}

#[test]
fn what_the_server_refuses_for_good_is_staffs_at_once() {
    check("550 nobody", At::Rcpt, Fault::Say("550 5.1.1 no such user"), &REFUSED);
    check("552 too big", At::Data, Fault::Say("552 5.3.4 too big"), &REFUSED);
    check("554 after the text", At::Text, Fault::Say("554 5.7.1 spam"), &REFUSED);
}

#[test]
fn a_broken_way_out_is_not_the_mails_fault() {
    check("sender refused", At::Mail, Fault::Say("553 5.7.1 not your address"), &RETRIED);
    check("no service", At::Greeting, Fault::Say("554 no service"), &RETRIED);
}

#[test]
fn a_connection_that_ends_before_the_dot_took_nothing() {
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt, At::Data] {
        check(&format!("cut at {at:?}"), at, Fault::Cut, &RETRIED);
    }
    check("silent at RCPT", At::Rcpt, Fault::Silence, &RETRIED);
}

#[test]
fn a_connection_that_ends_before_the_last_250_is_held() {
    check("cut after the dot", At::Text, Fault::Cut, &HELD);
    check("silent after the dot", At::Text, Fault::Silence, &HELD);
}

#[test]
fn a_silent_smtp_server_does_not_hold_up_the_stop() {
    for (at, state) in [
        (At::Greeting, EffectState::Pending),
        (At::Ehlo, EffectState::Pending),
        (At::Data, EffectState::Pending),
        (At::Text, EffectState::Held),
    ] {
        let (dovecot, server) = (dovecot(), FaultySmtp::start(at, Fault::Silence));
        let site = Site::new(&[Desk::new("desk", imap(dovecot.port), smtp(server.port))]);
        dovecot.deliver(&mail(0, Kind::HowTo));
        let running = site.spawn(&[], RUN);
        eventually("the server falls silent", || (server.failed() > 0).then_some(()));
        let asked = Instant::now();
        assert_eq!(running.stop().code, Some(0), "{at:?}");
        assert!(asked.elapsed() < Duration::from_secs(9), "{at:?}: {:?}", asked.elapsed());
        assert_eq!(send_state(&site.rows()[0]), Some(state), "{at:?}");
        server.mend();
        site.once();
        assert_eq!(server.taken().len(), 1, "{at:?}: what surely did not go out goes out, what perhaps did does not");
    }
}

#[test]
fn an_answer_that_staff_drop_is_not_sent_and_its_label_goes() {
    let (dovecot, server) = (dovecot(), FaultySmtp::start(At::Rcpt, Fault::Say("550 5.1.1 no such user")));
    let site = Site::new(&[Desk::new("desk", imap(dovecot.port), hasty(&server))]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    site.once();
    assert_eq!(answer_label(&dovecot).as_deref(), Some("mado-unsent"));
    site.says(&["outbox", "drop", &only(&site)["number"].to_string(), "-c", "{}"]);
    server.mend();
    site.once();
    assert_eq!((answer_label(&dovecot), server.taken().len()), (None, 0));
    assert_eq!(site.says(&["outbox", "-c", "{}"]).trim(), "everything went out");
}

// ---- what comes back ----

/// The report of a mail system about a mail it could not deliver.
pub fn report(returned: &[u8], to: &str, status: &str) -> Vec<u8> {
    let head = format!(
        "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@mx.example>\r\nTo: {to}\r\n\
         Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <report@mx.example>\r\n\
         Date: Fri, 20 Nov 2026 10:05:00 +0900\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
         Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; somebody@firm0.example\r\n\
         Action: failed\r\nStatus: {status}\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    );
    [head.as_bytes(), returned, b"\r\n--b--\r\n"].concat()
}

/// Another mail of customer 0.
fn second_mail() -> Vec<u8> {
    let text = String::from_utf8(mail(0, Kind::HowTo)).unwrap();
    text.replace(&id(0), "second@firm0.example")
        .replace("5YaF57eS6Kmx?=\r\nMessage", "5Yil5Lu2?=\r\nMessage")
        .into_bytes()
}

#[test]
fn an_answer_that_comes_back_is_staffs_and_nothing_more_is_sent_to_that_address() {
    for tags in [false, true] {
        let (dovecot, sink) = (dovecot(), SmtpSink::start());
        let outbox = smtp(sink.port) + if tags { "\nbounce_tags = true" } else { "" };
        let site = Site::new(&[Desk::new("desk", imap(dovecot.port), outbox)]);
        dovecot.deliver(&mail(0, Kind::HowTo));
        site.once();
        assert_eq!(answer_label(&dovecot).as_deref(), Some("mado-answered"));
        let sent = sink.received().remove(0);
        let envelope = sent.mail_from.split(['<', '>']).nth(1).unwrap().to_owned();
        let own = header(&sent.message, "Message-ID");
        let tag = own.split('@').next().unwrap();
        assert_eq!(envelope, if tags { format!("b+{tag}@desk.example") } else { "b@desk.example".into() });

        // With the tag nothing of our mail need come back.
        let returned: &[u8] = if tags { b"Subject: cut\r\n\r\n" } else { &sent.message };
        dovecot.deliver(&report(returned, &envelope, "5.1.1"));
        site.once();
        assert_eq!(answer_label(&dovecot).as_deref(), Some("mado-unsent"), "tags: {tags}");
        let entry = only(&site);
        assert_eq!((entry["state"].as_str(), entry["note"].as_str()), (Some("bounced"), Some("came back: 5.1.1")));
        let refused = site.says(&["outbox", "refused", "-c", "{}"]);
        assert!(refused.contains("kyaku@firm0.example") && refused.contains("5.1.1"), "{refused}");
        let story = site.says(&["case", entry["case"].as_str().unwrap(), "--json", "-c", "{}"]);
        let story: Value = serde_json::from_str(&story).unwrap();
        assert_eq!(
            (story["state"].as_str(), story["mails"].as_array().map(Vec::len)),
            (Some("answer-not-sent"), Some(2))
        );

        dovecot.deliver(&second_mail());
        site.once();
        assert_eq!(sink.count(), 1, "nothing more goes to that address");
        assert!(labels(&dovecot, "INBOX")["second@firm0.example"].contains(&"mado-review".to_owned()));
        site.says(&["outbox", "allow", "kyaku@firm0.example", "-c", "{}"]);
        assert_eq!(site.says(&["outbox", "refused", "-c", "{}"]).trim(), "no address refuses mail");
    }
}

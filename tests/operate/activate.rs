//! The first look at a mailbox, the beginning, and what lay there before; the backlog after a long outage.

use std::fs;
use std::time::Duration;

use madoguchi::store::CaseRow;

use crate::site::{Desk, Kind, Running, Site, dovecot, id, mail};
use crate::support::desk::{labels, received, sent};
use crate::support::dovecot::Dovecot;
use crate::support::smtp::{SmtpSink, eventually};
use crate::tool::{tool, tool_in};

/// A desk that was never activated, neither by hand nor by its configuration.
fn untouched(dovecot: &Dovecot, sink: &SmtpSink) -> Site {
    let site = Site::new(&[Desk::on("desk", dovecot, sink).tables("[desk.folders]\nhold = \"要注意\"\n")]);
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    let config = config.replace("answer_since = 2020-01-01T00:00:00+09:00\n", "");
    site.write("madoguchi.toml", &config.replace("max_age_hours = 0\n", ""));
    site
}

const KINDS: [Kind; 5] = [Kind::HowTo, Kind::Purchase, Kind::Unclear, Kind::Threat, Kind::Robot];

fn row(site: &Site, number: usize) -> CaseRow {
    let found = site.rows().into_iter().find(|row| row.message_id.as_deref() == Some(&id(number)));
    found.unwrap_or_else(|| panic!("mail {number} is not decided"))
}

fn wait_for_rows(site: &Site, running: &Running, count: usize) {
    eventually(&format!("{count} mails are worked off: {}", running.log()), || {
        let done = site.rows().iter().filter(|row| row.decision.is_some()).count();
        (done == count).then_some(())
    });
}

#[test]
fn a_mailbox_never_seen_is_only_observed_until_staff_activate_it() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = untouched(&dovecot, &sink);
    KINDS.iter().enumerate().for_each(|(n, kind)| dovecot.deliver(&mail(n, *kind)));
    let folders = dovecot.doveadm(&["mailbox list"]);
    let running = site.start();
    running.wait_for("nothing is done here until `madoguchi activate`");
    wait_for_rows(&site, &running, 5);
    // What comes later is observed, too.
    dovecot.deliver(&mail(5, Kind::HowTo));
    wait_for_rows(&site, &running, 6);
    assert_eq!(sink.count(), 0);
    assert!(labels(&dovecot, "INBOX").values().all(Vec::is_empty), "no labels");
    assert_eq!(dovecot.doveadm(&["search", "mailbox", "INBOX", "ALL"]).lines().count(), 6, "nothing is moved");
    assert_eq!(dovecot.doveadm(&["mailbox list"]), folders, "no folder is made");
    assert!(site.rows().iter().all(|row| row.effects.is_empty()));

    let report = tool(&site, &["observed", "--json"]);
    let mut would: Vec<String> =
        report.json().iter().map(|mail| mail["disposition"].as_str().unwrap().into()).collect();
    would.sort();
    assert_eq!(would, ["auto", "auto", "auto", "hold", "ignore", "review"], "{}", report.err);
    let text = tool(&site, &["observed"]).out;
    assert!(text.contains("desk: 6 mails: auto 3, hold 1, ignore 1, review 1 / answers 3"), "{text}");
    assert!(text.contains("would answer") && text.contains("内緒話"), "{text}");
    let japanese = tool_in("ja_JP.UTF-8", &site, &["observed"]).out;
    assert!(japanese.contains("desk: 観察のみ。開始:") && japanese.contains("返信する"), "{japanese}");

    // Begun while the desk runs: what comes now is answered, what came before never is.
    let begun = tool(&site, &["activate"]);
    assert_eq!(
        (begun.code, begun.out.as_str()),
        (Some(0), "desk: activated: it works on mail that arrives from now on\n")
    );
    assert_eq!(tool(&site, &["activate"]).out, "desk: was activated before\n");
    dovecot.deliver(&mail(6, Kind::HowTo));
    eventually("the mail is answered", || {
        labels(&dovecot, "INBOX").get(&id(6))?.contains(&"mado-answered".to_owned()).then_some(())
    });
    assert_eq!(running.stop().code, Some(0));
    site.once();
    assert_eq!(received(&sink), sent(&site.rows()));
    assert_eq!(sink.count(), 1, "only what came after");
    let log = site.start();
    log.wait_for("mailbox open");
    assert!(!log.stop().log.contains("event=\"observing\""));
}

#[test]
fn a_desk_cannot_be_activated_by_mistake() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = untouched(&dovecot, &sink);
    let early = tool(&site, &["activate"]);
    assert_eq!(early.code, Some(69));
    assert!(early.err.contains("there is no store here: start `madoguchi run` first"), "{}", early.err);
    let other = tool(&site, &["activate", "--desk", "other"]);
    assert!(other.code == Some(1) && other.err.contains("has no such desk"), "{}", other.err);
    // A folder that was never looked at is another mailbox.
    site.once();
    tool(&site, &["activate"]);
    dovecot.doveadm(&["mailbox create", "別"]);
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    site.write("madoguchi.toml", &config.replace("poll_seconds", "folder = \"別\"\npoll_seconds"));
    let running = site.start();
    running.wait_for("nothing is done here until `madoguchi activate`");
    assert_eq!(running.stop().code, Some(0));
}

/// Delivers a mail that came `hours` ago.
fn deliver_old(dovecot: &Dovecot, number: usize, hours: u64) {
    dovecot.deliver(&mail(number, Kind::HowTo));
    let new = fs::read_dir(dovecot.maildir().join("new")).unwrap().map(|entry| entry.unwrap().path());
    let newest = new.max().unwrap();
    let at = fs::metadata(&newest).unwrap().modified().unwrap() - Duration::from_secs(hours * 3600);
    fs::File::options().write(true).open(newest).unwrap().set_modified(at).unwrap();
}

#[test]
fn after_a_long_outage_the_backlog_is_worked_oldest_first_and_what_is_too_old_goes_to_staff() {
    // One mail at a time, so that the order on the other side is the order of sending.
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys("batch = 2")]);
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    site.write("madoguchi.toml", &config.replace("max_age_hours = 0\n", ""));
    site.once();
    for (number, hours) in [(0, 60), (1, 30), (2, 23), (3, 12), (4, 6), (5, 1)] {
        deliver_old(&dovecot, number, hours);
    }
    site.once();
    for number in 0..2 {
        let row = row(&site, number);
        let decision = row.decision.unwrap().decision().unwrap();
        assert_eq!(decision.disposition.as_str(), "review", "mail {number}");
        let why: Vec<String> = decision.reasons.iter().map(|reason| reason.code.clone()).collect();
        assert!(why.contains(&"gate-R19".to_owned()), "{why:?}");
        assert_eq!(decision.gate.hits[0].detail, "older than the desk's limit");
        assert!(labels(&dovecot, "INBOX")[&id(number)].contains(&"mado-review".to_owned()));
    }
    let mut rows = site.rows();
    rows.reverse();
    let order: Vec<Option<String>> = rows.iter().map(|row| row.message_id.clone()).collect();
    assert_eq!(order, (0..6).map(|n| Some(id(n))).collect::<Vec<_>>(), "journalled and decided oldest first");
    let answered =
        |row: &CaseRow| row.effects.iter().find(|effect| effect.kind == "send").map(|e| e.finished_at.unwrap());
    let times: Vec<_> = rows.iter().filter_map(answered).collect();
    assert_eq!(times.len(), 4);
    assert!(times.is_sorted(), "answered oldest first: {times:?}");
    assert_eq!(received(&sink), sent(&rows));
}

//! A desk at work: mail that is there, mail that comes later, stopping, several desks, files instead of servers.

use std::fs;
use std::path::Path;

use madoguchi::store::EffectState;

use crate::site::{Desk, Kind, Site, dovecot, id, imap, mail, smtp};
use crate::support::desk::{labels, listed, received, sent};
use crate::support::dovecot::Dovecot;
use crate::support::smtp::{SmtpSink, eventually};

/// Waits until these mails of INBOX were answered.
pub fn wait_for_answers(dovecot: &Dovecot, numbers: impl Iterator<Item = usize> + Clone) {
    eventually("the mails are labelled as answered", || {
        let labels = labels(dovecot, "INBOX");
        let answered = |n| labels.get(&id(n)).is_some_and(|l| l.contains(&"mado-answered".to_owned()));
        numbers.clone().all(answered).then_some(())
    });
}

#[test]
fn mail_is_answered_as_it_comes_and_both_signals_end_the_work() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    for (signal, later) in [("TERM", 1), ("INT", 2)] {
        let running = site.start();
        // IDLE wakes it: the poll interval is an hour.
        running.wait_for("mailbox open");
        dovecot.deliver(&mail(later, Kind::HowTo));
        wait_for_answers(&dovecot, 0..=later);
        running.signal(signal);
        let ended = running.ended();
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.log);
        assert!(ended.log.contains("stopping after the step in hand"), "{}", ended.log);
    }
    // The stop may have come between the answer and the copy of it.
    site.once();
    let before = (site.rows(), labels(&dovecot, "INBOX"), received(&sink));
    assert_eq!(before.0.len(), 3);
    assert_eq!(before.2, sent(&before.0));
    site.once();
    let running = site.start();
    running.wait_for("mailbox open");
    assert_eq!(running.stop().code, Some(0));
    assert_eq!((site.rows(), labels(&dovecot, "INBOX"), received(&sink)), before, "nothing is done again");
}

#[test]
fn a_stop_does_not_wait_for_mail_that_is_not_in_hand() {
    // One second a mail.
    for arguments in [crate::site::RUN, crate::site::ONCE] {
        let (dovecot, mut sink) = (dovecot(), SmtpSink::with(&["-w", "1"]));
        let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
        (0..40).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
        let running = site.spawn(&[], arguments);
        eventually("a mail is being sent", || (sink.count() > 0).then_some(()));
        assert_eq!(running.stop().code, Some(0));
        let rows = site.rows();
        let states = rows.iter().flat_map(|row| &row.effects).map(|effect| effect.state);
        assert!(states.clone().all(|state| state != EffectState::Started), "no send is left open");
        assert!(sent(&rows).len() <= 5, "{} mails were sent", sent(&rows).len());
        // The one in hand was cut off before its text.
        assert_eq!(listed(&sink.received_whole()), sent(&rows));
    }
}

#[test]
fn a_server_that_comes_back_finds_the_desk_waiting_a_second() {
    let (mut dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys("sent_copy = false")]);
    let running = site.start();
    let mut number = 0;
    for outage in 1..=4 {
        // Two in a row, so that it has also waited for mail in between.
        for _ in 0..2 {
            dovecot.deliver(&mail(number, Kind::HowTo));
            wait_for_answers(&dovecot, 0..=number);
            number += 1;
        }
        let before = running.log().len();
        dovecot.restart();
        running.wait_until("connected again", |log| log.matches("mailbox open").count() > outage);
        let log = running.log();
        let first = log[before..].lines().find(|line| line.contains("trying again")).unwrap();
        assert!(first.contains("seconds=0"), "outage {outage}: {first}");
    }
    assert_eq!(running.stop().code, Some(0));
}

#[test]
fn a_broken_desk_leaves_the_other_one_working() {
    let (broken, good, sink) = (dovecot(), dovecot(), SmtpSink::start());
    let wrong = imap(broken.port).replace("\"password\"", "\"wrong-password\"");
    let site = Site::new(&[Desk::new("other", wrong, smtp(sink.port)), Desk::on("desk", &good, &sink)]);
    let running = site.start();
    running.wait_for("the desk cannot go on");
    good.deliver(&mail(0, Kind::HowTo));
    wait_for_answers(&good, 0..=0);
    let ended = running.stop();
    assert_eq!(ended.code, Some(78), "the end tells of the desk that did not work: {}", ended.log);
    assert_eq!(ended.log.matches("ERROR").count(), 1, "{}", ended.log);
}

#[test]
fn two_desks_share_a_store_and_nothing_else() {
    let (one, other) = ((dovecot(), SmtpSink::start()), (dovecot(), SmtpSink::start()));
    let site = Site::new(&[Desk::on("desk", &one.0, &one.1), Desk::on("other", &other.0, &other.1)]);
    (0..3).for_each(|n| one.0.deliver(&mail(n, Kind::HowTo)));
    (3..5).for_each(|n| other.0.deliver(&mail(n, Kind::HowTo)));
    site.once();
    assert_eq!((one.1.count(), other.1.count()), (3, 2));
    assert_eq!(site.rows().iter().filter(|row| row.desk == "other").count(), 2);
}

#[test]
fn a_maildir_and_a_folder_of_answers_need_no_server() {
    let folders = tempfile::tempdir().unwrap();
    let maildir = folders.path().join("Maildir");
    ["new", "cur", "tmp"].iter().for_each(|part| fs::create_dir_all(maildir.join(part)).unwrap());
    let mailbox = format!("kind = \"maildir\"\npath = \"{}\"", maildir.display());
    let site = Site::new(&[Desk::new("desk", mailbox, "kind = \"folder\"\npath = \"out\"".into())]);
    for (n, kind) in [Kind::HowTo, Kind::Purchase, Kind::Unclear, Kind::Robot].into_iter().enumerate() {
        fs::write(maildir.join(format!("new/{n}.test")), mail(n, kind)).unwrap();
    }
    site.once();
    let (rows, answers) = (site.rows(), names(&site.path("out")));
    let mut expected: Vec<String> = sent(&rows).into_iter().map(|(_, id)| format!("{id}.eml")).collect();
    expected.sort();
    assert_eq!((answers.len(), &answers), (2, &expected));
    assert_eq!(names(&maildir.join("new")).len(), 4, "the mail stays as unread as it was");
    site.once();
    assert_eq!((site.rows(), names(&site.path("out"))), (rows, answers));
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

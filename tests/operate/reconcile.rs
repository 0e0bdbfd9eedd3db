//! Every mail has an outcome, every outcome a mail; and what is said where that is not so.

use rusqlite::Connection;

use crate::site::{Desk, Kind, Site, dovecot, mail};
use crate::support::desk::{labels, received};
use crate::support::dovecot::Dovecot;
use crate::support::smtp::SmtpSink;
use crate::tool::{Said, tool, tool_in};

const KINDS: [Kind; 6] = [Kind::HowTo, Kind::Purchase, Kind::Unclear, Kind::Doubtful, Kind::Threat, Kind::Robot];

/// A desk that has worked off one mail of each kind; two of them were answered.
fn worked_off() -> (Dovecot, SmtpSink, Site) {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let folders = "[desk.folders]\nhold = \"要注意\"\n";
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).tables(folders)]);
    KINDS.iter().enumerate().for_each(|(n, kind)| dovecot.deliver(&mail(n, *kind)));
    site.once();
    (dovecot, sink, site)
}

/// Finding and whether it is a problem, sorted.
fn found(said: &Said) -> Vec<(String, bool)> {
    let finding =
        |value: serde_json::Value| (value["finding"].as_str().unwrap().to_owned(), value["problem"].as_bool().unwrap());
    let mut found: Vec<(String, bool)> = said.json().into_iter().map(finding).collect();
    found.sort();
    found
}

#[test]
fn a_desk_that_has_done_its_work_has_nothing_open_and_looking_changes_nothing() {
    let (dovecot, sink, site) = worked_off();
    let before = (site.rows(), labels(&dovecot, "INBOX"), received(&sink));
    let said = tool(&site, &["reconcile", "--json"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{}", said.err);
    let said = tool(&site, &["reconcile"]);
    assert_eq!(
        said.out,
        "desk: mails journalled 6 / answers and forwards 2 / that do not fit 0 / filed or deleted by staff 0\n"
    );
    let japanese = tool_in("ja_JP.UTF-8", &site, &["reconcile"]);
    assert!(japanese.out.contains("記録したメール 6 / 返信と転送 2 / 不一致 0"), "{}", japanese.out);
    assert_eq!((site.rows(), labels(&dovecot, "INBOX"), received(&sink)), before);
    let unseen = dovecot.doveadm(&["search", "mailbox", "INBOX", "SEEN"]);
    assert_eq!(unseen, "", "nothing is marked as read");
}

/// Spoils one thing and expects it to be found.
fn check(what: &str, spoil: impl FnOnce(&Dovecot, &Connection), expected: &[(&str, bool)]) {
    let (dovecot, _sink, site) = worked_off();
    {
        let store = Connection::open(site.path("state/store.db")).unwrap();
        spoil(&dovecot, &store);
    }
    let said = tool(&site, &["reconcile", "--json"]);
    let expected: Vec<(String, bool)> = expected.iter().map(|(name, problem)| (name.to_string(), *problem)).collect();
    assert_eq!(found(&said), expected, "{what}: {}{}", said.out, said.err);
    let code = if expected.iter().any(|(_, problem)| *problem) { 1 } else { 0 };
    assert_eq!(said.code, Some(code), "{what}");
    let text = tool(&site, &["reconcile"]);
    assert_eq!(text.code, Some(code), "{what}");
    for (name, _) in expected.iter().filter(|(name, _)| name != "gone") {
        assert!(text.out.contains(&format!("desk: {name} ")), "{what}: {}", text.out);
    }
}

fn sql(statement: &'static str) -> impl FnOnce(&Dovecot, &Connection) {
    move |_, store| store.execute_batch(statement).unwrap()
}

#[test]
fn a_mail_without_an_outcome_is_found() {
    check("unread", |dovecot, _| dovecot.deliver(&mail(9, Kind::HowTo)), &[("unread", true)]);
    let undecided = "UPDATE mail SET state = 'seen' WHERE id = 3";
    check("undecided", sql(undecided), &[("undecided", true)]);
    let quarantined = "UPDATE mail SET state = 'quarantined', note = 'why' WHERE id = 3";
    check("quarantined", sql(quarantined), &[("quarantined", false)]);
    let unfinished = "UPDATE mail SET state = 'decided' WHERE id = 3;
                      UPDATE effect SET state = 'started' WHERE mail_id = 3 AND seq = 0";
    check("unfinished", sql(unfinished), &[("unfinished", true)]);
    let waiting = "UPDATE mail SET state = 'decided' WHERE id = 3;
                   INSERT INTO queue (mail_id, desk, sender, due) VALUES (3, 'desk', 'a@b.example', 1000)";
    check("waiting", sql(waiting), &[("waiting", true)]);
    let later = "UPDATE mail SET state = 'decided' WHERE id = 3;
                 INSERT INTO queue (mail_id, desk, sender, due) VALUES (3, 'desk', 'a@b.example', 99999999999999)";
    check("waits for its turn", sql(later), &[]);
}

/// The first mail was answered.
const FORGET: &str = "
    PRAGMA foreign_keys = off;
    DELETE FROM effect WHERE mail_id = 1;
    DELETE FROM decision WHERE mail_id = 1;
    DELETE FROM raw WHERE mail_id = 1;
    DELETE FROM mail WHERE id = 1;";

#[test]
fn an_outcome_without_a_mail_is_found() {
    check("a lost row", sql(FORGET), &[("labelled-unknown", true), ("sent-unknown", true)]);
    let expunge_copies = |dovecot: &Dovecot, _: &Connection| {
        dovecot.doveadm(&["expunge", "mailbox", "Out", "ALL"]);
    };
    check("copies", expunge_copies, &[("copy-gone", true), ("copy-gone", true)]);
    let not_sent = "UPDATE effect SET state = 'failed' WHERE mail_id = 1 AND kind = 'send'";
    check("a copy of what was not sent", sql(not_sent), &[("sent-unknown", true)]);
}

#[test]
fn what_staff_do_is_told_and_is_no_problem() {
    let file = |dovecot: &Dovecot, _: &Connection| {
        dovecot.doveadm(&["expunge", "mailbox", "INBOX", "1:2"]);
    };
    check("deleted by staff", file, &[("gone", false), ("gone", false)]);
    let held = "UPDATE effect SET state = 'held' WHERE mail_id = 1 AND kind IN ('send', 'sent-copy')";
    check("held, and it went out", sql(held), &[("held-but-sent", false)]);
    let held = |dovecot: &Dovecot, store: &Connection| {
        store.execute_batch("UPDATE effect SET state = 'held' WHERE kind = 'send'").unwrap();
        dovecot.doveadm(&["expunge", "mailbox", "Out", "ALL"]);
    };
    check("held", held, &[("held", false), ("held", false)]);
}

#[test]
fn what_cannot_be_read_is_not_called_fine() {
    let (mut dovecot, _sink, site) = worked_off();
    dovecot.stop();
    let said = tool(&site, &["reconcile"]);
    assert_eq!(said.code, Some(69), "{}", said.out);
    assert!(said.err.contains("desk: cannot connect to 127.0.0.1"), "{}", said.err);
    let said = tool(&site, &["reconcile", "--desk", "other"]);
    assert!(said.err.contains("has no such desk; it has: desk"), "{}", said.err);
    std::fs::remove_dir_all(site.path("state")).unwrap();
    let said = tool(&site, &["reconcile"]);
    assert_eq!(said.code, Some(69));
    assert!(said.err.contains("there is no store here"), "{}", said.err);
}

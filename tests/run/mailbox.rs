//! What mail servers, and other people in the same mailbox, do to a desk: every mail still has one end.

use std::fs;

use madoguchi::store::{CaseRow, EffectState, MailState};

use crate::kills::Bench;
use crate::poison;
use crate::site::{Desk, Kind, Site, dovecot, id, imap, mail, smtp};
use crate::support::desk::{labels, received, sent};
use crate::support::dovecot::{Dovecot, MARKED};
use crate::support::smtp::{SmtpSink, eventually};
use crate::working::wait_for_answers;

fn effect(row: &CaseRow, kind: &str) -> Option<EffectState> {
    row.effects.iter().find(|effect| effect.kind == kind).map(|effect| effect.state)
}

/// Works off what is there; answers the journal, oldest first.
fn worked_off(site: &Site) -> Vec<CaseRow> {
    site.once();
    let mut rows = site.rows();
    rows.reverse();
    rows
}

#[test]
fn a_full_mailbox_has_room_for_labels_and_the_copy_waits() {
    let quota = "mail_plugins = quota\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n\
                 plugin {\n  quota = count:user\n  quota_vsizes = yes\n  quota_rule = *:messages=3\n}\n";
    let (dovecot, sink) = (Dovecot::start_with(MARKED, quota), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    (1..=3).for_each(|n| dovecot.deliver(&mail(n, Kind::Robot)));
    dovecot.deliver(&mail(0, Kind::HowTo));
    let rows = worked_off(&site);
    let last = rows.last().unwrap();
    assert_eq!((effect(last, "send"), effect(last, "label-send")), (Some(EffectState::Done), Some(EffectState::Done)));
    let copy = last.effects.iter().find(|effect| effect.kind == "sent-copy").unwrap();
    assert_eq!((copy.state, copy.attempts), (EffectState::Pending, 1), "{copy:?}");
    assert!(copy.note.as_ref().is_some_and(|note| note.contains("OVERQUOTA")), "{copy:?}");
    assert!(labels(&dovecot, "INBOX")[&id(0)].contains(&"mado-answered".to_owned()));
    worked_off(&site);
    assert_eq!(sink.count(), 1);
}

#[test]
fn a_server_that_keeps_no_keywords_gets_no_labels_and_everything_else_goes_on() {
    let acl = "mail_plugins = acl\nprotocol imap {\n  mail_plugins = acl imap_acl\n}\nplugin {\n  acl = vfile\n}\n\
               auth_failure_delay = 0\n";
    let (dovecot, sink) = (Dovecot::start_with(MARKED, acl), SmtpSink::start());
    // Everything but `w`, which keywords need (RFC 4314 section 4).
    fs::write(dovecot.maildir().join("dovecot-acl"), "owner lrsitekxa\n").unwrap();
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    (0..2).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    let rows = worked_off(&site);
    for row in &rows {
        assert_eq!((row.state, effect(row, "send")), (MailState::Done, Some(EffectState::Done)));
        assert_eq!(effect(row, "add-labels"), Some(EffectState::Failed), "{:?}", row.effects);
    }
    assert_eq!(received(&sink), sent(&rows));
    worked_off(&site);
    assert_eq!(sink.count(), 2);
}

#[test]
fn a_folder_that_is_deleted_is_waited_for_and_read_anew() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let mailbox = imap(dovecot.port) + "\nfolder = \"Support\"";
    let site = Site::new(&[Desk::new("desk", mailbox, smtp(sink.port))]);
    let arrives = |n| {
        dovecot.deliver(&mail(n, Kind::HowTo));
        dovecot.doveadm(&["move", "Support", "mailbox", "INBOX", "ALL"]);
    };
    let answered = |n: usize| {
        eventually("the mail is answered", || {
            let found = labels(&dovecot, "Support");
            found.get(&id(n)).is_some_and(|l| l.contains(&"mado-answered".to_owned())).then_some(())
        });
    };
    dovecot.doveadm(&["mailbox create", "Support"]);
    let running = site.start();
    running.wait_for("mailbox open");
    arrives(0);
    answered(0);
    dovecot.doveadm(&["mailbox delete -r", "Support"]);
    running.wait_for("trying again");
    dovecot.doveadm(&["mailbox create", "Support"]);
    arrives(1);
    answered(1);
    assert_eq!(running.stop().code, Some(0));
    assert_eq!((sink.count(), sent(&site.rows()).len()), (2, 2));
}

/// Another mailbox in the place of the one that was read: the server has forgotten all that it keeps beside the mails,
/// UIDVALIDITY and UIDs. `before`: done to the mails while the server is down.
fn replace(dovecot: &mut Dovecot, before: impl FnOnce(&Dovecot)) {
    let validity = |dovecot: &Dovecot| dovecot.doveadm(&["-f flow mailbox status", "uidvalidity", "INBOX"]);
    let old = validity(dovecot);
    let forget = |dovecot: &Dovecot| {
        for file in fs::read_dir(dovecot.maildir()).unwrap().map(|file| file.unwrap().path()) {
            if file.is_file() {
                fs::remove_file(file).unwrap();
            }
        }
    };
    dovecot.crash();
    before(dovecot);
    forget(dovecot);
    // The server makes a validity of the time, in seconds.
    eventually("another validity", || {
        dovecot.restart();
        let changed = validity(dovecot) != old;
        if !changed {
            dovecot.crash();
            forget(dovecot);
        }
        changed.then_some(())
    });
}

#[test]
fn a_mailbox_that_is_replaced_is_read_anew_and_nothing_is_answered_again() {
    let (mut dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    (0..3).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    assert_eq!(worked_off(&site).len(), 3);
    replace(&mut dovecot, |_| ());
    dovecot.deliver(&mail(3, Kind::HowTo));
    let rows = worked_off(&site);
    assert_eq!(rows.len(), 7, "read anew");
    let ignored = rows[3..].iter().filter(|row| row.decision.as_ref().unwrap().disposition == "ignore").count();
    assert_eq!((ignored, sink.count()), (3, 4), "recognised, but for the new one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_still_to_be_done_in_a_mailbox_is_not_done_to_other_mail_in_its_place() {
    const FOLDER: &str = "[desk.folders]\nauto = \"done\"\n";
    for (command, tables) in [("UID STORE", ""), ("UID MOVE", FOLDER)] {
        let mut bench = poison::Bench::new(command, "", poison::NO, tables).await;
        bench.work().await;
        assert!(!bench.rows().await[poison::POISON].effects.iter().all(|effect| effect.finished_at.is_some()));
        replace(&mut bench.desk.dovecot, |dovecot| {
            let cur = fs::read_dir(dovecot.maildir().join("cur")).unwrap();
            cur.for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
            (3..5).for_each(|n| dovecot.deliver(&poison::asking(n, "あの件はどうなりましたでしょうか。")));
        });
        bench.proxy.rule(None);
        bench.pass(2);
        bench.work().await;
        assert!(bench.rows().await.iter().all(|row| row.state == MailState::Done), "{command}");
        let labels = bench.desk.labels();
        assert_eq!(labels.len(), 2, "{command}: nothing was moved: {labels:?}");
        assert!(labels.values().all(|found| found.contains(&"mado-review".into())), "{command}: {labels:?}");
        assert!(!labels.values().any(|found| found.contains(&"mado-auto".into())), "{command}: {labels:?}");
    }
}

#[test]
fn mail_that_others_move_or_delete_before_its_effects_still_has_its_end() {
    for word in ["expunge", "move"] {
        let bench = Bench::new("");
        bench.site.once();
        bench.dovecot.deliver(&mail(0, Kind::HowTo));
        let decided = || bench.site.rows().first().is_some_and(|row| row.state == MailState::Decided);
        let reached = (1..10).find(|call| bench.life("sync", 2 * call).code.is_none() && decided());
        assert!(reached.is_some(), "killed right after the decision");
        match word {
            "move" => {
                bench.dovecot.doveadm(&["mailbox create", "Elsewhere"]);
                bench.dovecot.doveadm(&["move", "Elsewhere", "mailbox", "INBOX", "ALL"]);
            }
            _ => _ = bench.dovecot.doveadm(&["expunge", "mailbox", "INBOX", "ALL"]),
        }
        let rows = worked_off(&bench.site);
        assert_eq!((rows[0].state, effect(&rows[0], "send")), (MailState::Done, Some(EffectState::Done)), "{word}");
        assert_eq!(received(&bench.sink), sent(&rows), "{word}");
    }
}

#[test]
fn mail_is_told_apart_by_bytes_id_and_sender() {
    let as_text = |number| String::from_utf8(mail(number, Kind::HowTo)).unwrap();
    let without_id = |number| {
        let text = as_text(number);
        text.lines()
            .filter(|line| !line.starts_with("Message-ID"))
            .map(|line| format!("{line}\r\n"))
            .collect::<String>()
    };
    let again = as_text(0).replace("\r\n\r\n", "\r\n\r\nまた、");
    let cases: [(&str, Vec<String>, usize); 5] = [
        ("the same bytes twice", vec![as_text(0), as_text(0)], 1),
        ("one id, one sender, another text", vec![as_text(0), again], 1),
        // One thread, so one answer: staff have the other mail.
        ("one id, two senders", vec![as_text(0), as_text(1).replace(&id(1), &id(0))], 1),
        ("no id", vec![without_id(0), without_id(1)], 2),
        ("no id, the same bytes", vec![without_id(0), without_id(0)], 1),
    ];
    for (what, mails, answers) in cases {
        let (dovecot, sink) = (dovecot(), SmtpSink::start());
        let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
        mails.iter().for_each(|mail| dovecot.deliver(mail.as_bytes()));
        let rows = worked_off(&site);
        assert_eq!((rows.len(), sink.count()), (mails.len(), answers), "{what}");
        assert!(rows.iter().all(|row| row.state == MailState::Done), "{what}");
        worked_off(&site);
        assert_eq!(sink.count(), answers, "{what}");
    }
}

/// What a new desk finds in an old mailbox.
const OLD: usize = if cfg!(debug_assertions) { 2_000 } else { 50_000 };

#[test]
fn a_mailbox_full_of_old_mail_is_observed_and_the_next_mail_answered() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys("batch = 1000")]);
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    let since_now: String =
        config.lines().filter(|line| !line.starts_with("answer_since")).map(|l| format!("{l}\n")).collect();
    site.write("madoguchi.toml", &since_now);
    (1..=OLD).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    let running = site.start();
    running.wait_for("mailbox open");
    let store = rusqlite::Connection::open(site.path("state/store.db")).unwrap();
    let decided = || store.query_row("SELECT max(mail_id) FROM decision", [], |row| row.get::<_, Option<u32>>(0));
    for part in 1..=10 {
        eventually("old mail is decided", || (decided().unwrap() >= Some(OLD as u32 * part / 10)).then_some(()));
    }
    assert_eq!(sink.count(), 0, "old mail is not answered");
    assert!(labels(&dovecot, "INBOX").values().all(Vec::is_empty), "nor labelled");
    site.says(&["activate", "-c", "{}"]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    wait_for_answers(&dovecot, 0..=0);
    assert_eq!((running.stop().code, sink.count()), (Some(0), 1));
}

//! Back-ups that bring a desk back, forgetting what is too old, and telling a person what is known of them.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

use crate::site::{Desk, Kind, Site, dovecot, id, mail};
use crate::support::desk::{labels, received, sent};
use crate::support::dovecot::Dovecot;
use crate::support::smtp::{SmtpSink, eventually};
use crate::tool::tool;

fn site() -> (Dovecot, SmtpSink, Site) {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    (dovecot, sink, site)
}

fn wait_for_answer(dovecot: &Dovecot, number: usize) {
    eventually("the mail is answered", || {
        labels(dovecot, "INBOX").get(&id(number))?.contains(&"mado-answered".to_owned()).then_some(())
    });
}

// ---- back-up ----

#[test]
fn a_copy_made_while_the_desk_works_brings_it_back_and_nothing_is_sent_twice() {
    let (dovecot, sink, site) = site();
    let copy = site.path("copy.db");
    let copy = copy.to_str().unwrap();
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    wait_for_answer(&dovecot, 0);
    let said = tool(&site, &["backup", copy]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.starts_with(&format!("{copy}: ")), "{}", said.out);
    // After the copy.
    dovecot.deliver(&mail(1, Kind::HowTo));
    wait_for_answer(&dovecot, 1);
    let refused = tool(&site, &["restore", copy]);
    assert_eq!(refused.code, Some(69), "{}", refused.out);
    assert!(refused.err.contains("another madoguchi is working with this store"), "{}", refused.err);
    assert_eq!(running.stop().code, Some(0));

    // The disk is gone, all but a store that is no store any more.
    site.write("state/store.db", &"no store\n".repeat(2000));
    assert_eq!(site.start().ended().code, Some(69));
    let restored = tool(&site, &["restore", copy]);
    assert_eq!(restored.code, Some(0), "{}", restored.err);
    assert!(restored.out.contains("the store before is kept as"), "{}", restored.out);
    assert_eq!(site.rows().len(), 1, "as it was at the moment of the copy");
    assert_eq!(tool(&site, &["reconcile"]).code, Some(1), "what came later is missing from it");

    dovecot.deliver(&mail(2, Kind::HowTo));
    site.once();
    assert_eq!(sink.count(), 3, "the second mail was not answered again");
    let rows = site.rows();
    assert_eq!(rows.len(), 3);
    let second = rows.iter().find(|row| row.message_id == Some(id(1))).unwrap();
    assert_eq!(second.decision.as_ref().unwrap().disposition, "review");
    assert!(second.effects.is_empty(), "its labels stay what they are");
    let ids: std::collections::BTreeSet<_> = received(&sink).into_iter().collect();
    assert_eq!(ids.len(), 3, "each answer once");
}

#[test]
fn a_copy_is_whole_private_and_never_overwrites() {
    use std::os::unix::fs::PermissionsExt;
    let (dovecot, _sink, site) = site();
    let copy = site.path("copy.db");
    let name = copy.to_str().unwrap();
    let none = tool(&site, &["backup", name]);
    assert_eq!((none.code, none.err.contains("there is no store here")), (Some(69), true), "{}", none.err);
    dovecot.deliver(&mail(0, Kind::HowTo));
    site.once();
    assert_eq!(tool(&site, &["backup", name]).code, Some(0));
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let again = tool(&site, &["backup", name]);
    assert_eq!(again.code, Some(69), "an older copy stays");
    assert!(!site.path("copy.db.part").exists());
    let nowhere = tool(&site, &["backup", "/nowhere/copy.db"]);
    assert_eq!((nowhere.code, nowhere.err.contains("/nowhere/copy.db: ")), (Some(69), true), "{}", nowhere.err);

    // A copy with a hole, or no copy at all, is not put in the place of a good store.
    let good = fs::read(site.path("state/store.db")).unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    bytes[4096 * 3..4096 * 4].fill(0x5a);
    fs::write(&copy, bytes).unwrap();
    for (file, says) in [
        (name, "is damaged"),
        ("/nowhere/copy.db", "there is no store here"),
        ("/etc/hostname", "not a madoguchi store"),
    ] {
        let refused = tool(&site, &["restore", file]);
        assert_eq!(refused.code, Some(69), "{file}");
        assert!(refused.err.contains(says), "{file}: {}", refused.err);
    }
    assert_eq!(fs::read(site.path("state/store.db")).unwrap(), good);
}

// ---- forgetting ----

fn keep(site: &Site, keys: &str) {
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    site.write(
        "madoguchi.toml",
        &config.replace("path = \"state/store.db\"\n", &format!("path = \"state/store.db\"\n{keys}")),
    );
}

fn sql(site: &Site, statement: &str) {
    Connection::open(site.path("state/store.db")).unwrap().execute_batch(statement).unwrap();
}

/// Makes mails as old as that.
fn age(site: &Site, mails: &str, days: i64) {
    let ms = days * 86_400_000;
    sql(site, &format!("UPDATE mail SET seen_at = seen_at - {ms} WHERE id IN ({mails})"));
}

/// Words of a mail that stand anywhere in the store's files.
fn stands_in_files(site: &Site, words: &str) -> bool {
    let files = fs::read_dir(site.path("state")).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap());
    files.into_iter().any(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}

fn counts(site: &Site, words: &[&str]) -> (u64, u64) {
    let said = tool(site, words);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let object = said.json().remove(0);
    (object["mails"].as_u64().unwrap(), object["cases"].as_u64().unwrap())
}

const SHOWN: &[&str] = &["purge", "--json"];
const DELETED: &[&str] = &["purge", "--delete", "--json"];

#[test]
fn what_is_too_old_goes_for_good_and_is_not_read_as_new() {
    let (dovecot, sink, site) = site();
    (0..4).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    site.once();
    keep(&site, "keep_mails_days = 30\nkeep_cases_days = 90\n");
    assert_eq!(counts(&site, DELETED), (0, 0), "nothing is old");
    // One a little old, one very old, and one that is very old and not done.
    age(&site, "1", 40);
    age(&site, "2, 3", 100);
    sql(
        &site,
        "UPDATE mail SET state = 'decided' WHERE id = 3; UPDATE effect SET state = 'pending', not_before = 99999999999999 WHERE mail_id = 3 AND seq = 0",
    );
    let before = fs::read(site.path("state/store.db")).unwrap();
    let text = tool(&site, &["purge"]);
    assert!(text.out.contains("Nothing was deleted; --delete does it."), "{}", text.out);
    assert_eq!(counts(&site, SHOWN), (2, 1));
    assert_eq!(fs::read(site.path("state/store.db")).unwrap(), before, "a look changes nothing");
    assert!(stands_in_files(&site, "firm1.example"));

    assert_eq!(counts(&site, DELETED), (2, 1));
    assert_eq!(counts(&site, SHOWN), (0, 0));
    assert!(!stands_in_files(&site, "firm1.example"), "not a trace");
    assert!(stands_in_files(&site, "firm0.example"), "the decision is kept longer than the mail");
    assert!(
        !stands_in_files(&site, "To: desk@desk.example, other@desk.example\r\nSubject: x")
            && stands_in_files(&site, "firm2.example")
    );
    // Neither is read as new, and the same bytes again are known.
    dovecot.deliver(&mail(1, Kind::HowTo));
    site.once();
    assert_eq!(site.rows().len(), 5);
    assert_eq!(site.rows()[0].decision.as_ref().unwrap().disposition, "ignore", "a duplicate of what was forgotten");
    assert_eq!(sink.count(), 4, "nothing is answered twice");
    let story = tool(&site, &["reconcile"]);
    assert_eq!(story.err, "");
}

#[test]
fn a_case_with_younger_mail_is_kept_whole() {
    let (dovecot, _sink, site) = site();
    (0..2).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    site.once();
    keep(&site, "keep_cases_days = 90\n");
    sql(&site, "UPDATE decision SET case_ref = (SELECT case_ref FROM decision WHERE mail_id = 1) WHERE mail_id = 2");
    age(&site, "1", 100);
    assert_eq!(counts(&site, DELETED), (1, 0), "mails are not kept longer than cases");
    age(&site, "2", 100);
    // The second mail's own case has lost it to the first one's.
    sql(&site, "UPDATE inquiry_case SET opened_at = 1000");
    assert_eq!(counts(&site, DELETED), (1, 2));
    assert!(!stands_in_files(&site, "kyaku@"));
    let store = Connection::open(site.path("state/store.db")).unwrap();
    for table in ["raw", "decision", "effect_text", "answer_to", "answer_thread", "inquiry_case", "thread_case"] {
        let left: i64 = store.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0, "{table}");
    }
    // That something went out is not forgotten: its copy lies in Sent.
    let mut left = store.prepare("SELECT kind, state, payload FROM effect").unwrap();
    let left = left.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).unwrap();
    let left: Vec<[String; 3]> = left.map(Result::unwrap).collect();
    assert_eq!(left, [["send", "done", "{}"], ["send", "done", "{}"]]);
    assert_eq!(tool(&site, &["reconcile"]).code, Some(0), "{}", tool(&site, &["reconcile"]).out);
}

#[test]
fn a_running_desk_forgets_by_itself_and_none_does_without_being_told_to() {
    let (dovecot, _sink, site) = site();
    dovecot.deliver(&mail(0, Kind::HowTo));
    site.once();
    age(&site, "1", 10_000);
    let running = site.start();
    running.wait_for("mailbox open");
    assert!(!running.stop().log.contains("purged"), "without the keys everything is kept");
    assert!(stands_in_files(&site, "firm0.example"));
    keep(&site, "keep_mails_days = 400\nkeep_cases_days = 400\n");
    let running = site.start();
    running.wait_for("purged mails=1 cases=1");
    assert_eq!(running.stop().code, Some(0));
    assert!(!stands_in_files(&site, "firm0.example"));
}

// ---- forgetting one person ----

/// A mail of customer 1 under another address of theirs, and one of customer 2 that names them.
fn more_of_customer_1() -> [Vec<u8>; 2] {
    let text = |number| String::from_utf8(mail(number, Kind::HowTo)).unwrap();
    let tagged = text(1).replace("kyaku@", "kyaku+shop@").replace(&id(1), "tagged@firm1.example");
    let naming =
        text(2).replace("設定の手順", "kyaku@firm1.example です。設定の手順").replace(&id(2), "naming@firm2.example");
    [tagged.into_bytes(), naming.into_bytes()]
}

/// What `purge --address` says about customer 1: mails, open ones, mails of others.
fn person(site: &Site, words: &[&str], code: i32) -> [u64; 3] {
    let said = tool(site, &[&["purge", "--address", "Kyaku@firm1.example", "--json"], words].concat());
    assert_eq!(said.code, Some(code), "{}", said.err);
    let object = said.json().remove(0);
    ["mails", "open", "others"].map(|key| object[key].as_u64().unwrap())
}

#[test]
fn a_person_is_forgotten_and_neither_read_as_new_nor_answered_again() {
    let (dovecot, sink, site) = site();
    let [tagged, naming] = more_of_customer_1();
    (0..3).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    dovecot.deliver(&tagged);
    site.once();
    assert_eq!(sink.count(), 3, "one answer a subject");
    let untouched = |site: &Site| {
        let rows = site.rows().into_iter();
        rows.filter(|row| !row.sender.as_ref().is_some_and(|sender| sender.ends_with("firm1.example")))
            .collect::<Vec<_>>()
    };
    let before = untouched(&site);
    let bytes = fs::read(site.path("state/store.db")).unwrap();
    assert_eq!(person(&site, &[], 0), [2, 0, 0]);
    assert_eq!(fs::read(site.path("state/store.db")).unwrap(), bytes, "a look changes nothing");
    assert!(stands_in_files(&site, "kyaku@firm1.example"));

    assert_eq!(person(&site, &["--delete"], 0), [2, 0, 0]);
    assert!(!stands_in_files(&site, "firm1.example"), "not a trace");
    assert_eq!(person(&site, &[], 0), [0, 0, 0]);
    let gone = |row: &madoguchi::store::CaseRow| row.sender.is_none();
    assert_eq!(site.rows().iter().filter(|row| gone(row)).count(), 2, "where they lay stays");
    assert_eq!(
        untouched(&site).into_iter().filter(|row| !gone(row)).collect::<Vec<_>>(),
        before,
        "nothing else changes"
    );

    // The same mails again, as from a mailbox that was rebuilt.
    dovecot.deliver(&mail(1, Kind::HowTo));
    dovecot.deliver(&tagged);
    site.once();
    assert!(site.rows()[..2].iter().all(|row| row.decision.as_ref().unwrap().disposition == "ignore"));
    assert_eq!(sink.count(), 3, "nothing is answered twice");
    assert_eq!(tool(&site, &["reconcile"]).code, Some(0), "{}", tool(&site, &["reconcile"]).out);

    // Others may still write about them.
    dovecot.deliver(&naming);
    site.once();
    assert_eq!(person(&site, &["--delete"], 0), [2, 0, 1]);
    assert!(stands_in_files(&site, "kyaku@firm1.example"), "that mail is another's");
}

#[test]
fn what_is_not_done_of_a_person_stays_until_it_is() {
    let (dovecot, sink) = (dovecot(), SmtpSink::with(&["-r", "RCPT"]));
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    dovecot.deliver(&mail(1, Kind::HowTo));
    site.once();
    assert_eq!(person(&site, &["--delete"], 1), [0, 1, 0], "its answer is still to go out");
    let said = tool(&site, &["purge", "--address", "kyaku@firm1.example"]);
    let line = said.out.lines().find(|line| line.starts_with("mails from there that are not done")).unwrap();
    assert!(line.contains(" 1  stay until they are"), "{line}");
    assert!(site.rows()[0].effects.iter().any(|effect| effect.kind == "send"));
    sql(&site, "UPDATE effect SET state = 'failed', finished_at = 0; UPDATE mail SET state = 'done'");
    assert_eq!(person(&site, &["--delete"], 0), [1, 0, 0]);
    assert!(!stands_in_files(&site, "firm1.example"));
    let wrong = tool(&site, &["purge", "--address", "taro"]);
    assert_eq!((wrong.code, wrong.err.contains("`taro` is no address")), (Some(1), true), "{}", wrong.err);
}

// ---- telling ----

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_person_is_told_everything_about_them_and_nothing_about_others() {
    let (dovecot, sink, site) = site();
    (0..3).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    // The same person, as he signs up with shops; and somebody else whose name begins like his.
    let written_by = |number: usize, local: &str| {
        let raw = String::from_utf8(mail(1, Kind::HowTo)).unwrap().replace("m1@", &format!("m{number}@"));
        dovecot.deliver(raw.replace("kyaku@", &format!("{local}@")).as_bytes());
    };
    written_by(31, "kyaku+shop");
    written_by(32, "kyaku2");
    site.once();
    assert_eq!(received(&sink), sent(&site.rows()));
    let out = site.path("told");
    let told = tool(&site, &["export", "Kyaku@firm1.example", "--out", out.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    let data = read(&out, "data.jsonl");
    let rows: Vec<serde_json::Value> = data.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |table: &str| rows.iter().filter(|row| row["table"] == table).count();
    assert_eq!((of("mail"), of("decision")), (2, 2), "{data}");
    assert!(data.contains("kyaku+shop@firm1.example") && !data.contains("kyaku2@"), "{data}");
    assert!(of("effect") >= 3 && of("answer_to") >= 1, "{data}");
    assert!(data.contains("設定"), "with the words of the answer");
    assert!(!data.contains("firm0.example") && !data.contains("firm2.example"), "{data}");
    assert_eq!(fs::read(out.join("mail-2.eml")).unwrap(), mail(1, Kind::HowTo));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 3);
    let tagged = site.path("tagged");
    tool(&site, &["export", "kyaku+SHOP@firm1.example", "--out", tagged.to_str().unwrap()]);
    assert_eq!(read(&tagged, "data.jsonl"), data, "asked for by either address");
    let again = tool(&site, &["export", "kyaku@firm1.example", "--out", out.to_str().unwrap()]);
    assert_eq!(again.code, Some(1), "a folder that is there is left alone");
    let nobody = site.path("nobody");
    let told = tool(&site, &["export", "nobody@nowhere.example", "--out", nobody.to_str().unwrap()]);
    assert_eq!((told.code, read(&nobody, "data.jsonl").as_str()), (Some(0), ""));
}

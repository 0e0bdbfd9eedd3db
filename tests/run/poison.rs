//! A mail on which the mail server fails each time: it does not stop the desk, it is tried three times, and staff see it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::ToSpan;
use madoguchi::store::{Books, CaseRow, EffectState, MailState, Store, StoreError};
use madoguchi::worker::Worker;

use crate::site::{Desk, Kind, Site, dovecot, id, imap, mail, smtp};
use crate::support::desk::{ALL, TestDesk, header, labels};
use crate::support::proxy::{Instead, Proxy, Rule};
use crate::support::smtp::SmtpSink;

pub const NO: Instead = Instead::Answer("NO [SERVERBUG] internal error");
/// The one that the server fails on, of three; numbers begin with 0.
pub const POISON: usize = 1;

/// A desk whose mail server is good but for one mail.
pub struct Bench {
    pub desk: TestDesk,
    pub proxy: Proxy,
    store: Store,
    worker: Worker,
}

impl Bench {
    pub async fn new(command: &'static str, with: &'static str, instead: Instead, tables: &str) -> Bench {
        let desk = TestDesk::start("optim-biz", "");
        let rule = Rule { command, with, uid: POISON as u32 + 1, instead };
        let proxy = Proxy::start(desk.dovecot.port, Some(rule));
        let config = fs::read_to_string(desk.config_file()).unwrap();
        let port = |port: u16| format!("port = {port}");
        let config = config.replace(&port(desk.dovecot.port), &port(proxy.port)) + tables;
        fs::write(desk.config_file(), config).unwrap();
        let store = desk.open_store();
        let worker = desk.worker(&store).await;
        (0..3).for_each(|n| desk.dovecot.deliver(&question(n)));
        Bench { desk, proxy, store, worker }
    }

    /// Works until nothing is left to do, connecting again as `run` does; answers how often it had to.
    pub async fn work(&mut self) -> usize {
        let mut failures = 0;
        while let Err(error) = self.worker.until_idle().await {
            failures += 1;
            assert!(!error.is_permanent() && failures < 10, "{error}");
        }
        failures
    }

    pub fn pass(&self, minutes: i64) {
        self.desk.clock.set(self.desk.clock.now().checked_add(minutes.minutes()).unwrap());
    }

    /// The journal, oldest mail first.
    pub async fn rows(&self) -> Vec<CaseRow> {
        let mut rows = self.store.overview(None, ALL).await.unwrap();
        rows.reverse();
        rows
    }

    /// Which mails were answered.
    fn answered(&self) -> Vec<usize> {
        let answers = self.desk.sink.received();
        let questions = answers.iter().map(|mail| header(&mail.message, "In-Reply-To"));
        let mut numbers: Vec<usize> = questions.map(|id| id[..1].parse().unwrap()).collect();
        numbers.sort();
        numbers
    }
}

pub fn question(number: usize) -> Vec<u8> {
    asking(number, "端末の登録の手順を教えてください。")
}

pub fn asking(number: usize, text: &str) -> Vec<u8> {
    let raw = format!(
        "From: a@firm{number}.example\nTo: support@desk.example\nSubject: question {number}\n\
         Message-ID: <{number}@firm{number}.example>\nDate: Tue, 01 Dec 2026 10:00:00 +0900\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n"
    );
    raw.replace('\n', "\r\n").into_bytes()
}

// ---- reading ----

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_the_server_never_gives_is_put_aside_after_three_tries() {
    // `RFC822.SIZE` and `<0.` stand in the commands that ask for the text; with nothing, even its flags are refused.
    for (with, instead) in [("BODY", Instead::Cut), ("BODY", NO), ("", Instead::Bye), ("", NO)] {
        let what = format!("{with:?} {instead:?}");
        let mut bench = Bench::new("UID FETCH", with, instead, "").await;
        bench.work().await;
        assert_eq!(bench.answered(), [0, 2], "{what}: the rest goes on at once");
        assert_eq!(bench.store.quarantined("test").await.unwrap().len(), 0, "{what}: it may pass");
        for tries in 1..=3 {
            bench.work().await;
            assert_eq!(bench.rows().await[POISON].attempts, tries, "{what}: not twice in a minute");
            bench.pass(1);
            bench.work().await;
        }
        put_aside(&bench, &what).await;
        bench.desk.dovecot.deliver(&question(3));
        bench.work().await;
        assert_eq!(bench.answered(), [0, 2, 3], "{what}");
    }
}

async fn put_aside(bench: &Bench, what: &str) {
    let row = bench.rows().await.remove(POISON);
    assert_eq!((row.state, row.attempts), (MailState::Quarantined, 3), "{what}");
    let listed = bench.store.quarantined("test").await.unwrap();
    let notes: Vec<_> = listed.iter().map(|row| row.note.as_deref().unwrap_or_default()).collect();
    assert!(notes.len() == 1 && notes[0].contains("tried 3 times in vain"), "{what}: {notes:?}");
    assert!(notes[0].ends_with("the server does not give it"), "{what}: {notes:?}");
    assert_eq!(bench.desk.labels()["1@firm1.example"], ["mado-quarantine"], "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_the_server_gives_in_the_end_is_answered() {
    let mut bench = Bench::new("UID FETCH", "BODY", Instead::Cut, "").await;
    bench.work().await;
    bench.pass(1);
    bench.work().await;
    bench.proxy.rule(None);
    bench.pass(1);
    bench.work().await;
    assert_eq!(bench.answered(), [0, 1, 2]);
    let row = bench.rows().await.remove(POISON);
    assert_eq!((row.state, row.attempts), (MailState::Done, 3), "the third try was the good one");
}

/// A real server that cannot read a file of its own.
#[test]
fn a_damaged_mail_file_is_put_aside_by_the_program_as_operators_run_it() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::new("desk", imap(dovecot.port), smtp(sink.port))]);
    (0..3).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    let damaged = files(&dovecot.maildir(), "new").remove(1);
    let name = |file: &Path| file.file_name().unwrap().to_string_lossy().split(':').next().unwrap().to_owned();
    let permit = |mode| {
        // The server has moved it from `new` to `cur`.
        let there = |part: &str| files(&dovecot.maildir(), part).into_iter().find(|file| name(file) == name(&damaged));
        let file = there("new").or(there("cur")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(0);
    for tries in 1..=4 {
        site.once();
        assert_eq!(sink.count(), 2, "{tries}");
    }
    let listed = site.says(&["quarantine", "-c", "{}"]);
    assert!(listed.contains("INBOX UID 2") && listed.contains("the server does not give it"), "{listed}");
    permit(0o600);
    let labels = labels(&dovecot, "INBOX");
    assert_eq!(labels[&id(1)], ["mado-quarantine"]);
    assert!(labels[&id(2)].contains(&"mado-answered".to_owned()), "{labels:?}");
}

/// The mails in a part of a Maildir, oldest first.
fn files(maildir: &Path, part: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(maildir.join(part)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

// ---- labels, folders ----

#[tokio::test(flavor = "multi_thread")]
async fn labels_and_moves_that_the_server_fails_on_are_given_up_after_three_tries_and_stop_nothing() {
    const FOLDER: &str = "[desk.folders]\nauto = \"done\"\n";
    for (command, tables, kind) in [("UID STORE", "", "add-labels"), ("UID MOVE", FOLDER, "move")] {
        for instead in [Instead::Cut, NO, Instead::Bye] {
            let what = format!("{command} {instead:?}");
            let mut bench = Bench::new(command, "", instead, tables).await;
            bench.work().await;
            let done = |row: &CaseRow| row.state == MailState::Done;
            let rows = bench.rows().await;
            assert!(done(&rows[0]) && done(&rows[2]), "{what}: the rest is done at once");
            for _ in 0..2 {
                bench.pass(2);
                bench.work().await;
            }
            let row = bench.rows().await.remove(POISON);
            let effect = row.effects.iter().find(|effect| effect.kind == kind).unwrap();
            assert_eq!(effect.state, EffectState::Failed, "{what}: {effect:?}");
            assert!(effect.note.as_ref().is_some_and(|note| note.starts_with("tried 3 times in vain: ")), "{effect:?}");
            // One more label tells of the answer.
            for _ in 0..3 {
                bench.pass(2);
                bench.work().await;
            }
            let row = bench.rows().await.remove(POISON);
            assert_eq!((row.state, bench.answered()), (MailState::Done, vec![0, 1, 2]), "{what}: {:?}", row.effects);
            let listed = bench.store.quarantined("test").await.unwrap();
            assert_eq!(listed.iter().map(|row| row.mail).collect::<Vec<_>>(), [row.mail], "{what}");
        }
    }
}

/// Labels of several mails go with one command.
#[tokio::test(flavor = "multi_thread")]
async fn one_refused_label_does_not_hold_up_the_answers_to_others() {
    let mut bench = Bench::new("UID STORE", "", NO, "").await;
    assert_eq!(bench.work().await, 0, "a refusal ends no connection");
    let rows = bench.rows().await;
    let attempts = |row: &CaseRow| row.effects.iter().map(|effect| effect.attempts).max();
    assert_eq!(
        [attempts(&rows[0]), attempts(&rows[2])],
        [Some(1), Some(1)],
        "a send counts when it is begun: {rows:?}"
    );
    assert_eq!(bench.answered(), [0, 2]);
}

// ---- bugs of ours ----

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_a_round_and_neither_the_desk_nor_the_store() {
    let mut bench = Bench::new("UID STORE", "", NO, "").await;
    bench.proxy.rule(None);
    let rounds = AtomicUsize::new(0);
    bench.worker.on_progress(move |_| assert!(rounds.fetch_add(1, Ordering::SeqCst) > 4, "on purpose"));
    let fall = |_: &Books<'_>| -> Result<(), StoreError> { panic!("on purpose") };
    assert!(matches!(bench.store.in_one(fall).await, Err(StoreError::Panicked)));
    let failures = bench.work().await;
    assert_eq!(failures, 5, "at each step of the work");
    assert!(bench.rows().await.iter().all(|row| row.state == MailState::Done));
    assert_eq!(bench.answered(), [0, 1, 2], "once each");
}

//! A desk on real servers: every mail journalled, decided and labelled once, every answer sent once, whatever
//! happens to the servers meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jiff::ToSpan;
use madoguchi::store::{CaseRow, EffectState, MailState};
use madoguchi::worker::Progress;
use support::desk::{ALL, TestDesk, corpus, corpus_register, header, recipient, sent};

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_corpus_is_worked_off_exactly_once() {
    for pack in ["optim-biz", "biz-phone"] {
        whole_corpus(pack).await;
    }
}

async fn whole_corpus(pack: &str) {
    let mails = corpus(pack);
    let desk = TestDesk::start(pack, &corpus_register(mails.keys()));
    for raw in mails.values() {
        desk.dovecot.deliver(raw);
    }
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    worker.until_idle().await.unwrap();
    let rows = store.overview(None, ALL).await.unwrap();
    all_worked_off(&desk, &rows, &mails);

    // A second run changes nothing on either side.
    let (labels, received) = (desk.labels(), desk.received());
    drop((worker, store));
    let store = desk.open_store();
    desk.worker(&store).await.until_idle().await.unwrap();
    assert_eq!(store.overview(None, ALL).await.unwrap(), rows);
    assert_eq!(desk.labels(), labels);
    assert_eq!(desk.received(), received);
}

/// Journalled, decided and labelled once; sent what the journal says, once each; nothing \Seen by us.
fn all_worked_off(desk: &TestDesk, rows: &[CaseRow], mails: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(rows.len(), mails.len(), "journalled once each");
    // A dialogue is closed days later if the customer does not answer.
    let open = |row: &&CaseRow| row.effects.iter().any(|e| e.finished_at.is_none() && e.kind == "close");
    assert!(rows.iter().all(|row| row.state == MailState::Done || open(&row)), "all done");
    let labels = desk.labels();
    for row in rows {
        let decision = row.decision.as_ref().unwrap();
        let found = &labels[row.message_id.as_ref().unwrap()];
        let disposition = format!("mado-{}", decision.disposition);
        assert!(found.contains(&disposition), "{disposition} in {found:?}");
        let dispositions = ["mado-auto", "mado-review", "mado-hold", "mado-ignore"];
        assert_eq!(found.iter().filter(|l| dispositions.contains(&l.as_str())).count(), 1, "{found:?}");
        let answered = row.effects.iter().any(|e| e.kind == "send" && e.state == EffectState::Done);
        assert_eq!(found.contains(&"mado-answered".to_string()), answered, "{found:?}");
    }
    let sent = sent(rows);
    assert_eq!(desk.received(), sent, "SMTP got what the journal says");
    assert!(sent.windows(2).all(|pair| pair[0] != pair[1]), "nothing twice");
    assert!(!sent.is_empty() && sent.len() < mails.len());
    let copies = desk.dovecot.doveadm(&["-f flow mailbox status", "messages", "Out"]);
    assert!(copies.ends_with(&format!("messages={}", sent.len())), "copies in the Sent folder: {copies}");
    let seen = desk.dovecot.doveadm(&["search", "mailbox", "INBOX", "SEEN"]);
    assert_eq!(seen, "", "nothing is marked as read");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_restart_in_the_middle_change_nothing_about_the_end() {
    let mails: BTreeMap<String, Vec<u8>> = corpus("optim-biz").into_iter().step_by(12).collect();
    let undisturbed = outcome(TestDesk::start("optim-biz", &corpus_register(mails.keys())), &mails, &[]).await;
    let disturbed = outcome(TestDesk::start("optim-biz", &corpus_register(mails.keys())), &mails, &STEPS).await;
    assert_eq!(disturbed, undisturbed);
}

/// Progress reports after which both servers die.
const STEPS: [usize; 5] = [1, 30, 52, 60, 75];

/// What a desk came to: per mail its labels, per answer its recipient and subject line.
#[derive(Debug, PartialEq)]
struct End {
    labels: BTreeMap<String, Vec<String>>,
    answers: Vec<(String, String)>,
    states: Vec<(String, MailState)>,
}

async fn outcome(desk: TestDesk, mails: &BTreeMap<String, Vec<u8>>, deaths: &'static [usize]) -> End {
    for raw in mails.values() {
        desk.dovecot.deliver(raw);
    }
    let store = desk.open_store();
    let desk = Arc::new(Mutex::new(desk));
    let mut worker = {
        let desk = desk.lock().unwrap_or_else(|e| e.into_inner());
        let config = madoguchi::config::load(&desk.config_file()).unwrap();
        let one = config.desks.into_iter().next().unwrap();
        madoguchi::worker::Worker::new(one, store.clone(), desk.clock.clone())
    }
    .await
    .unwrap();
    let (killer, steps) = (desk.clone(), AtomicUsize::new(0));
    worker.on_progress(move |_: Progress| {
        if deaths.contains(&steps.fetch_add(1, Ordering::SeqCst)) {
            let mut desk = killer.lock().unwrap();
            desk.dovecot.crash();
            desk.sink.stop();
        }
    });
    let mut failures = 0;
    while let Err(error) = worker.until_idle().await {
        failures += 1;
        assert!(failures < 50 && !error.is_permanent(), "{error}");
        let mut desk = desk.lock().unwrap();
        desk.dovecot.restart();
        desk.sink.restart();
        let later = desk.clock.now().checked_add(2.minutes()).unwrap();
        desk.clock.set(later);
    }
    // Sends that met a dead server wait for their next try.
    {
        let mut desk = desk.lock().unwrap();
        desk.sink.restart();
        let later = desk.clock.now().checked_add(20.minutes()).unwrap();
        desk.clock.set(later);
    }
    worker.until_idle().await.unwrap();
    assert!(deaths.is_empty() || failures > 0, "the servers did die");
    let rows = store.overview(None, ALL).await.unwrap();
    let desk = desk.lock().unwrap();
    assert_eq!(desk.received(), sent(&rows), "SMTP got what the journal says, once each");
    let mut answers: Vec<(String, String)> =
        desk.sink.received().iter().map(|m| (recipient(m), header(&m.message, "In-Reply-To"))).collect();
    answers.sort();
    let mut states: Vec<_> = rows.iter().map(|r| (r.message_id.clone().unwrap(), r.state)).collect();
    states.sort_by(|a, b| a.0.cmp(&b.0));
    End { labels: desk.labels(), answers, states }
}

const QUESTION: &str = "端末の登録の手順を教えてください。";

fn question(number: usize) -> Vec<u8> {
    let raw = format!(
        "From: a@firm{number}.example\nTo: support@desk.example\nSubject: question {number}\n\
         Message-ID: <{number}@firm{number}.example>\nDate: Tue, 01 Dec 2026 10:00:00 +0900\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{QUESTION}\n"
    );
    raw.replace('\n', "\r\n").into_bytes()
}

/// Moves the desk's clock, back with negative minutes.
fn pass(desk: &TestDesk, minutes: i64) {
    desk.clock.set(desk.clock.now().checked_add(minutes.minutes()).unwrap());
}

fn send_of(row: &CaseRow) -> &madoguchi::store::CaseEffect {
    row.effects.iter().find(|effect| effect.kind == "send").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_sent_for_a_day_goes_to_staff_with_the_reason() {
    let mut desk = TestDesk::start("optim-biz", "");
    desk.sink.stop();
    desk.dovecot.deliver(&question(0));
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    let mut tries = Vec::new();
    for _ in 0..60 {
        worker.until_idle().await.unwrap();
        let row = store.overview(None, 1).await.unwrap().remove(0);
        tries.push((send_of(&row).attempts, send_of(&row).state));
        pass(&desk, 30);
    }
    let given_up = tries.iter().position(|(_, state)| *state == EffectState::Failed).expect("given up");
    assert!((48..=50).contains(&given_up), "after a day, in half hours: {given_up}");
    let row = store.overview(None, 1).await.unwrap().remove(0);
    let note = send_of(&row).note.clone().unwrap();
    assert!(note.starts_with("given up after 24 hours: cannot connect"), "{note}");
    assert!(desk.labels().values().next().unwrap().contains(&"mado-unsent".to_owned()));
    assert_eq!(
        (row.state, store.refused("test").await.unwrap().len()),
        (MailState::Done, 0),
        "not the address's fault"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_slept_for_three_days_sends_what_it_could_not_send_before() {
    let mut desk = TestDesk::start("optim-biz", "");
    desk.sink.stop();
    desk.dovecot.deliver(&question(0));
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    worker.until_idle().await.unwrap();
    pass(&desk, 3 * 24 * 60);
    // The network is not there yet when it wakes.
    worker.until_idle().await.unwrap();
    desk.sink.restart();
    pass(&desk, 60);
    worker.until_idle().await.unwrap();
    let rows = store.overview(None, 1).await.unwrap();
    assert_eq!(send_of(&rows[0]).state, EffectState::Done, "{:?}", send_of(&rows[0]).note);
    assert_eq!(desk.received(), sent(&rows));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_and_forth_loses_and_doubles_nothing() {
    let mut desk = TestDesk::start("optim-biz", "");
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    for (number, jump) in [0, 60, -45, 24 * 60, -24 * 60, 5, -20].into_iter().enumerate() {
        pass(&desk, jump);
        desk.dovecot.deliver(&question(number));
        if number % 2 == 1 {
            desk.sink.stop();
        }
        worker.until_idle().await.unwrap();
        desk.sink.restart();
    }
    // What was put off while the clock was ahead is done when its time has come.
    pass(&desk, 2 * 24 * 60);
    worker.until_idle().await.unwrap();
    let rows = store.overview(None, ALL).await.unwrap();
    assert_eq!(rows.len(), 7);
    assert!(rows.iter().all(|row| row.state == MailState::Done), "all worked off: {rows:?}");
    assert!(rows.iter().all(|row| send_of(row).state == EffectState::Done), "all answered");
    assert_eq!(desk.received(), sent(&rows), "once each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_notice_is_tied_to_the_mail_before_it_and_not_answered() {
    let desk = TestDesk::start("optim-biz", "");
    for (id, from, subject, text) in PAIR {
        let raw = format!(
            "From: {from}\nTo: support@desk.example\nSubject: {subject}\nMessage-ID: <{id}@customer.example>\n\
             MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n"
        );
        desk.dovecot.deliver(raw.replace('\n', "\r\n").as_bytes());
    }
    let store = desk.open_store();
    desk.worker(&store).await.until_idle().await.unwrap();
    let mut rows = store.overview(None, ALL).await.unwrap();
    rows.sort_by_key(|row| row.mail);
    let [first, _, second] = rows.as_slice() else { panic!("{} mails", rows.len()) };
    let decision = second.decision.as_ref().unwrap().decision().unwrap();
    let reason = decision.reasons.iter().find(|reason| reason.code == "ppap").unwrap();
    assert!(reason.text.contains(&format!("記録番号 {} の", first.mail)), "{}", reason.text);
    assert!(desk.labels()["2@customer.example"].contains(&"mado-ppap".to_string()));
    assert!(!second.effects.iter().any(|effect| effect.kind == "send"));
    assert!(!serde_json::to_string(&decision).unwrap().contains("Xk39"));
}

/// (id, sender, subject, text): somebody else writes in between.
const PAIR: [(&str, &str, &str, &str); 3] = [
    ("1", "yamada@customer.example", "device list", "端末の一覧を添付いたします。登録の手順を教えてください。"),
    ("x", "tanaka@elsewhere.example", "question", "登録の手順を教えてください。"),
    (
        "2",
        "Yamada@customer.example",
        "device list (2)",
        "先ほどお送りした添付ファイルのパスワードをお知らせいたします。\n\nパスワード：Xk39-aa",
    ),
];

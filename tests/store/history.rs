use madoguchi::store::{HistoryQuery, MailId, MailMeta, Outcome};
use madoguchi::triage::context::History;

use crate::bench::{Bench, DESK, arrival, at_once, decision, label, meta, minute, reply, send};

async fn history(bench: &Bench, mail: MailId, meta: &MailMeta, minutes: i64) -> History {
    bench.store.history(DESK, &HistoryQuery::new(mail, meta), minute(minutes)).await.unwrap()
}

/// The history of a new mail, uid 99.
async fn of_new(bench: &Bench, meta: &MailMeta, minutes: i64) -> History {
    let mail = bench.mail(99, "a new mail").await;
    history(bench, mail, meta, minutes).await
}

const DAY: i64 = 24 * 60;

#[tokio::test]
async fn the_first_mail_has_no_history() {
    let bench = Bench::new();
    assert_eq!(of_new(&bench, &meta("m1", "a@b.example", &["t"]), 0).await, History::default());
    let nameless = MailMeta::default();
    let mail = bench.mail(1, "no Message-ID, no sender").await;
    assert_eq!(history(&bench, mail, &nameless, 0).await, History::default());
}

#[tokio::test]
async fn the_same_bytes_are_a_duplicate_of_the_earlier_mail_even_undecided() {
    let bench = Bench::new();
    let meta = MailMeta::default();
    let (first, second) = (bench.mail(1, "same").await, bench.mail(2, "same").await);
    let third = bench.mail(3, "other").await;
    assert!(!history(&bench, first, &meta, 0).await.duplicate);
    assert!(history(&bench, second, &meta, 0).await.duplicate);
    assert!(!history(&bench, third, &meta, 0).await.duplicate);
}

#[tokio::test]
async fn the_same_bytes_under_a_new_validity_are_a_duplicate() {
    let bench = Bench::new();
    bench.mail(1, "same").await;
    let mut again = arrival(1, "same");
    again.key.validity = 8;
    let ids = bench.store.journal(DESK, vec![again], minute(0)).await.unwrap();
    assert!(history(&bench, ids[0], &MailMeta::default(), 0).await.duplicate);
}

#[tokio::test]
async fn desks_do_not_share_duplicates() {
    let bench = Bench::new();
    bench.store.journal("sales", vec![arrival(1, "same")], minute(0)).await.unwrap();
    let mail = bench.mail(1, "same").await;
    assert!(!history(&bench, mail, &MailMeta::default(), 0).await.duplicate);
}

#[tokio::test]
async fn message_id_and_sender_together_are_a_duplicate() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &[]), vec![]).await;
    let mail = bench.mail(2, "another way").await;
    for (id, sender, duplicate) in [
        ("m1", "a@b.example", true),
        ("m1", "A@B.example", true),
        ("m1", "c@b.example", false),
        ("M1", "a@b.example", false),
        ("m2", "a@b.example", false),
    ] {
        assert_eq!(history(&bench, mail, &meta(id, sender, &[]), 0).await.duplicate, duplicate, "{id} {sender}");
    }
}

#[tokio::test]
async fn the_message_id_of_a_send_is_ours_at_every_desk() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &[]), vec![send("r1@desk")]).await;
    assert!(of_new(&bench, &meta("r1@desk", "desk@own.example", &[]), 0).await.own_message);
    let query = HistoryQuery { message_id: Some("r1@desk".into()), ..query_of(&bench, 98).await };
    assert!(bench.store.history("sales", &query, minute(0)).await.unwrap().own_message);
    let answered = meta("m2", "a@b.example", &["r1@desk"]);
    assert!(!history(&bench, query.mail, &answered, 0).await.own_message, "a reply to us is not ours");
}

async fn query_of(bench: &Bench, uid: u32) -> HistoryQuery {
    HistoryQuery::new(bench.mail(uid, &format!("mail {uid}")).await, &MailMeta::default())
}

#[tokio::test]
async fn answers_of_the_thread_are_found_by_any_of_its_ids() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &["root", "mid"]), vec![label(), send("r1@desk")]).await;
    let mail = bench.mail(2, "next").await;
    for (id, thread, answers) in [
        ("m2", vec!["r1@desk"], 1),
        ("m2", vec!["m1"], 1),
        ("m2", vec!["root"], 1),
        ("m2", vec!["root", "mid", "m1", "r1@desk"], 1),
        ("mid", vec![], 1),
        ("m2", vec!["other"], 0),
        ("m2", vec![], 0),
    ] {
        let found = history(&bench, mail, &meta(id, "x@y.example", &thread), 0).await;
        assert_eq!(found.answers_in_thread, answers, "{id} {thread:?}");
    }
}

#[tokio::test]
async fn every_answer_of_a_thread_counts_once() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &["root"]), vec![send("r1@desk")]).await;
    bench.decided(2, &meta("m2", "a@b.example", &["root", "m1", "r1@desk"]), vec![send("r2@desk")]).await;
    let third = meta("m3", "a@b.example", &["root", "m1", "r1@desk", "m2", "r2@desk"]);
    assert_eq!(of_new(&bench, &third, 0).await.answers_in_thread, 2);
}

#[tokio::test]
async fn an_answer_counts_unless_it_failed() {
    let failed = Outcome::Failed { reason: "550".into() };
    let held = Outcome::Held { reason: "cut off".into() };
    let retry = Outcome::RetryAt { at: minute(5), reason: "421".into() };
    for (outcome, counts) in [(crate::bench::done(), 1), (held, 1), (retry, 1), (failed, 0)] {
        let bench = Bench::new();
        bench.decided(1, &meta("m1", "a@b.example", &[]), vec![send("r1@desk")]).await;
        bench.finish_next(0, outcome.clone()).await;
        let found = of_new(&bench, &meta("m2", "a@b.example", &["m1"]), 1).await;
        assert_eq!((found.answers_in_thread, found.standing.to_sender), (counts, counts), "{outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_counts_for_who_wrote_and_for_whom_it_goes_to() {
    let bench = Bench::new();
    // The answer goes to Taro@kaisha.example.
    bench.decided(1, &meta("m1", "Jiro@kaisha.example", &[]), vec![send("r1@desk")]).await;
    let mail = bench.mail(2, "next").await;
    for (sender, answers) in [
        ("taro@KAISHA.example", 1),
        ("jiro@kaisha.example", 1),
        ("hanako@kaisha.example", 0),
        ("", 0),
        ("taro+1@kaisha.example", 1),
        ("taro@kaisha.example+1", 0),
        ("taro@other.example", 0),
    ] {
        assert_eq!(history(&bench, mail, &meta("m2", sender, &[]), 0).await.standing.to_sender, answers, "{sender}");
    }
}

#[tokio::test]
async fn answers_to_the_sender_are_those_of_24_hours() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &[]), vec![send("r1@desk")]).await;
    bench.finish_next(60, crate::bench::done()).await;
    let mail = bench.mail(2, "next").await;
    for (minutes, answers) in [(0, 1), (60, 1), (DAY, 1), (DAY + 59, 1), (DAY + 60, 0)] {
        let found = history(&bench, mail, &meta("m2", "a@b.example", &[]), minutes).await;
        assert_eq!(found.standing.to_sender, answers, "{minutes}");
    }
}

#[tokio::test]
async fn drafts_and_labels_are_no_answers() {
    let bench = Bench::new();
    let effects = vec![label(), madoguchi::store::Effect::Draft(reply("r1@desk"))];
    bench.decided(1, &meta("m1", "a@b.example", &[]), effects).await;
    let found = of_new(&bench, &meta("m2", "a@b.example", &["m1", "r1@desk"]), 0).await;
    assert_eq!(found, History::default());
}

#[tokio::test]
async fn the_case_of_the_nearest_mail_of_the_thread_is_taken() {
    let bench = Bench::new();
    for (uid, case, thread) in [(1, "C-1", vec!["root"]), (2, "C-2", vec!["root", "m1"])] {
        let mail = bench.mail(uid, &format!("mail {uid}")).await;
        let meta = meta(&format!("m{uid}"), "a@b.example", &thread);
        let effects = [at_once(send(&format!("r{uid}@desk")))];
        bench.store.record(mail, &meta, &decision(Some(case)), &effects, minute(0)).await.unwrap();
    }
    let mail = bench.mail(3, "next").await;
    for (id, thread, case) in [
        ("m3", vec!["root"], Some("C-1")),
        ("m3", vec!["root", "m2"], Some("C-2")),
        ("m3", vec!["m2", "m1"], Some("C-1")),
        ("m3", vec!["r2@desk"], Some("C-2")),
        ("m3", vec!["m2", "unknown"], Some("C-2")),
        ("root", vec![], Some("C-1")),
        ("m3", vec!["unknown"], None),
    ] {
        let found = history(&bench, mail, &meta(id, "a@b.example", &thread), 0).await;
        assert_eq!(found.case.map(|found| found.reference).as_deref(), case, "{id} {thread:?}");
    }
    let elsewhere = HistoryQuery::new(mail, &meta("m3", "a@b.example", &["m1"]));
    assert_eq!(bench.store.history("sales", &elsewhere, minute(0)).await.unwrap(), History::default());
}

#[tokio::test]
async fn a_mail_that_names_thousands_of_ids_is_known_by_the_first_and_the_last() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..5000).map(|n| format!("id{n}")).collect();
    let hostile = MailMeta { thread: ids, ..meta("m1", "a@b.example", &[]) };
    bench.decided(1, &hostile, vec![send("r1@desk")]).await;
    let mail = bench.mail(2, "next").await;
    for (id, answers) in [("id0", 1), ("id9", 1), ("id10", 0), ("id4959", 0), ("id4960", 1), ("id4999", 1)] {
        let found = history(&bench, mail, &meta("m2", "x@y.example", &[id]), 0).await;
        assert_eq!(found.answers_in_thread, answers, "{id}");
    }
}

#[tokio::test]
async fn an_id_longer_than_a_line_is_no_id() {
    let bench = Bench::new();
    let long = "x".repeat(999);
    bench.decided(1, &meta("m1", "a@b.example", &[&long, ""]), vec![send("r1@desk")]).await;
    assert_eq!(of_new(&bench, &meta("m2", "x@y.example", &[&long, ""]), 0).await.answers_in_thread, 0);
}

async fn before(bench: &Bench, mail: MailId, meta: &MailMeta) -> Option<MailId> {
    bench.store.mail_before(DESK, &HistoryQuery::new(mail, meta)).await.unwrap()
}

#[tokio::test]
async fn the_mail_before_is_the_newest_of_the_thread_else_of_the_sender() {
    let bench = Bench::new();
    let old = bench.decided(1, &meta("m1", "a@b.example", &[]), vec![]).await;
    let first = bench.decided(2, &meta("m2", "A@b.example", &[]), vec![]).await;
    bench.decided(3, &meta("m3", "c@d.example", &[]), vec![]).await;
    let mail = bench.mail(4, "password").await;
    for (sender, thread, expected) in [
        ("a@B.example", vec![], Some(first)),
        ("a@b.example", vec!["m1"], Some(old)),
        ("x@y.example", vec!["m2", "unknown"], Some(first)),
        ("x@y.example", vec!["unknown"], None),
        ("x@y.example", vec![], None),
        ("", vec![], None),
    ] {
        assert_eq!(before(&bench, mail, &meta("m4", sender, &thread)).await, expected, "{sender} {thread:?}");
    }
    assert_eq!(before(&bench, old, &meta("m1", "a@b.example", &[])).await, None, "only earlier mail is before");
}

#[tokio::test]
async fn the_mail_before_of_a_sender_came_within_the_hour() {
    for (minutes, found) in [(59, true), (60, true), (61, false)] {
        let bench = Bench::new();
        bench.decided(1, &meta("m1", "a@b.example", &[]), vec![]).await;
        let arrived = |uid: u32, text: &str, at: i64| {
            let mut arrival = arrival(uid, text);
            arrival.internal_date = Some(minute(at));
            arrival
        };
        let ids = bench.store.journal(DESK, vec![arrived(2, "first", 100)], minute(500)).await.unwrap();
        let first = ids[0];
        bench.store.record(first, &meta("m2", "a@b.example", &[]), &decision(None), &[], minute(500)).await.unwrap();
        let ids = bench.store.journal(DESK, vec![arrived(3, "second", 100 + minutes)], minute(500)).await.unwrap();
        let expected = found.then_some(first);
        assert_eq!(before(&bench, ids[0], &meta("m3", "a@b.example", &[])).await, expected, "{minutes}");
    }
}

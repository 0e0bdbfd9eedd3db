//! What did not go out, and staff's word about it.

use madoguchi::store::{
    Effect, EffectId, HistoryQuery, MailMeta, Outcome, StoreError, allow_address, drop_send, send_again,
};
use madoguchi::triage::bounce::Bounce;
use madoguchi::triage::context::History;

use crate::bench::{Bench, DESK, at_once, decision, done, label, meta, minute, send};

const ANSWER: &str = "r1@desk";

fn label_send() -> Effect {
    Effect::LabelSend { of: 0, sent: vec!["mado-answered".into()], unsent: vec!["mado-unsent".into()] }
}

/// A mail with an answer, its copy and its label, of which the first three steps ended so.
async fn ended(bench: &Bench, outcome: Outcome) -> EffectId {
    let effects = vec![send(ANSWER), Effect::SentCopy { of: 0 }, label_send()];
    bench.decided(1, &meta("m", "taro@kaisha.example", &[]), effects).await;
    let id = bench.ready(0).await[0].id;
    bench.store.start(&[id], minute(0)).await.unwrap();
    bench.store.finish(vec![(id, outcome)], minute(0)).await.unwrap();
    bench.finish_next(0, done()).await;
    bench.finish_next(0, done()).await;
    id
}

fn held() -> Outcome {
    Outcome::Held { reason: "perhaps sent".into() }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "550 no such user".into() }
}

fn given_up() -> Outcome {
    Outcome::GivenUp { reason: "given up after 24 hours: 421".into() }
}

async fn listed(bench: &Bench) -> Vec<(String, String)> {
    let list = bench.store.unsent(DESK).await.unwrap();
    list.into_iter().map(|one| (one.state.as_str().to_owned(), one.note.unwrap_or_default())).collect()
}

fn line(state: &str, note: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), note.to_owned())]
}

/// What a further mail of the same person meets.
async fn history(bench: &Bench, minutes: u32) -> History {
    let mail = bench.mail(100 + minutes, &format!("another {minutes}")).await;
    let query = HistoryQuery::new(mail, &meta("m2", "taro@kaisha.example", &[ANSWER]));
    bench.store.history(DESK, &query, minute(minutes.into())).await.unwrap()
}

async fn all_states(bench: &Bench) -> String {
    let rows = bench.store.overview(Some(DESK), 10).await.unwrap();
    bench.states(rows.last().unwrap().mail).await
}

#[tokio::test]
async fn what_ended_without_going_out_is_listed_until_it_is_settled() {
    for (outcome, state, note) in [
        (held(), "held", "perhaps sent"),
        (failed(), "failed", "550 no such user"),
        (given_up(), "failed", "given up after 24 hours: 421"),
    ] {
        let bench = Bench::new();
        let id = ended(&bench, outcome).await;
        assert_eq!(listed(&bench).await, line(state, note));
        drop_send(&bench.path, id, minute(5)).unwrap();
        assert_eq!(listed(&bench).await, []);
        // Its label is set anew; nothing is sent.
        assert_eq!(bench.ready_words(5).await, ["1.2 label-send"]);
    }
    let bench = Bench::new();
    ended(&bench, done()).await;
    assert_eq!(listed(&bench).await, []);
}

#[tokio::test]
async fn only_a_refusal_says_something_about_the_address() {
    for (outcome, bounced) in [(held(), false), (given_up(), false), (failed(), true)] {
        let bench = Bench::new();
        ended(&bench, outcome).await;
        let found = history(&bench, 1).await;
        assert_eq!(found.standing.bounced, bounced);
        let refused = bench.store.refused(DESK).await.unwrap();
        assert_eq!(refused.len(), usize::from(bounced));
        let Some(entry) = refused.first() else { continue };
        assert_eq!(
            (entry.address.as_str(), entry.reason.as_deref()),
            ("taro@kaisha.example", Some("550 no such user"))
        );
        let allow = || allow_address(&bench.path, DESK, "Taro+x@kaisha.example").unwrap();
        assert_eq!((allow(), allow()), (true, false));
        let found = history(&bench, 2).await;
        assert!(!found.standing.bounced);
    }
}

#[tokio::test]
async fn an_answer_sent_again_goes_through_all_its_steps_and_counts_again() {
    for outcome in [held(), failed(), given_up()] {
        let bench = Bench::new();
        let id = ended(&bench, outcome).await;
        send_again(&bench.path, id, minute(9)).unwrap();
        assert_eq!(all_states(&bench).await, "decided pending waiting waiting");
        assert_eq!(listed(&bench).await, [], "in work");
        let row = bench.ready(9).await.remove(0);
        assert_eq!((row.id, row.attempts, row.due), (id, 0, minute(9)), "its age counts anew");
        bench.finish_next(9, done()).await;
        bench.finish_next(9, done()).await;
        bench.finish_next(9, done()).await;
        assert_eq!(all_states(&bench).await, "done done done done");
        let found = history(&bench, 10).await;
        assert_eq!(found.standing.to_sender, 1);
    }
}

#[tokio::test]
async fn a_retried_answer_can_be_hurried_or_dropped() {
    for hurry in [true, false] {
        let bench = Bench::new();
        bench.decided(1, &meta("m", "taro@kaisha.example", &[]), vec![send(ANSWER), label_send()]).await;
        let id = bench.ready(0).await[0].id;
        let retry = Outcome::RetryAt { at: minute(60), reason: "421 busy".into() };
        bench.store.finish(vec![(id, retry)], minute(0)).await.unwrap();
        assert_eq!(listed(&bench).await, line("pending", "421 busy"));
        if hurry {
            send_again(&bench.path, id, minute(1)).unwrap();
            assert_eq!(bench.ready_words(1).await, ["1.0 send"]);
        } else {
            drop_send(&bench.path, id, minute(1)).unwrap();
            assert_eq!(bench.ready_words(1).await, ["1.1 label-send"]);
            assert_eq!(all_states(&bench).await, "decided failed pending");
        }
        assert_eq!(listed(&bench).await, []);
    }
}

#[tokio::test]
async fn what_went_out_or_is_no_answer_can_neither_be_sent_again_nor_dropped() {
    let bench = Bench::new();
    let id = ended(&bench, done()).await;
    for word in [send_again, drop_send] {
        let error = word(&bench.path, id, minute(1)).unwrap_err();
        assert!(matches!(error, StoreError::WrongState { .. }), "{error}");
        let copy = word(&bench.path, EffectId::new(id.number() + 1), minute(1)).unwrap_err();
        assert!(matches!(copy, StoreError::NoSuchEffect { .. }), "{copy}");
    }
    assert_eq!(all_states(&bench).await, "done done done done");
}

// ---- what came back ----

/// Decides a report about `message_id`.
async fn report(bench: &Bench, message_id: &str, status: &str) {
    let mail = bench.mail(50, "report").await;
    let bounce = Bounce { message_id: message_id.into(), status: Some(status.into()) };
    let meta = MailMeta { bounce: Some(bounce), ..meta("b", "mailer-daemon@mx.example", &[]) };
    bench.store.record(mail, &meta, &decision(None), &[at_once(label())], minute(20)).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_came_back_is_listed_and_its_label_set_anew() {
    for (status, refused) in [("5.1.1", 1), ("4.4.7", 0)] {
        for sent in [done(), held()] {
            let bench = Bench::new();
            ended(&bench, sent).await;
            report(&bench, ANSWER, status).await;
            assert_eq!(listed(&bench).await, line("failed", &format!("came back: {status}")));
            assert!(bench.ready_words(20).await.contains(&"1.2 label-send".to_owned()));
            assert_eq!(bench.store.refused(DESK).await.unwrap().len(), refused, "{status}");
            let again = history(&bench, 30).await;
            assert_eq!((again.standing.to_sender, again.answers_in_thread), (0, 0), "it was no answer");
        }
    }
}

#[tokio::test]
async fn a_report_about_a_mail_that_is_not_ours_changes_nothing() {
    let bench = Bench::new();
    ended(&bench, done()).await;
    report(&bench, "other@desk", "5.1.1").await;
    assert_eq!(listed(&bench).await, []);
    assert_eq!(bench.store.refused(DESK).await.unwrap(), []);
}

use madoguchi::store::{Effect, EffectState, Outcome, StoreError};
use madoguchi::triage::arrival::Item;

use crate::bench::{Bench, DESK, arrival, at_once, decision, done, due, label, meta, minute, reply, send};

fn moved() -> Effect {
    Effect::Move { folder: "完了".into() }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "550 no such user".into() }
}

fn held() -> Outcome {
    Outcome::Held { reason: "cut off while sending".into() }
}

fn retry(minutes: i64) -> Outcome {
    Outcome::RetryAt { at: minute(minutes), reason: "421 try later".into() }
}

fn label_send() -> Effect {
    let label = |name: &str| vec![name.to_string()];
    Effect::LabelSend { of: 2, sent: label("mado-answered"), unsent: label("mado-unsent") }
}

#[tokio::test]
async fn every_kind_of_effect_comes_back_as_it_was_written() {
    let bench = Bench::new();
    let all = vec![
        label(),
        label_send(),
        send("r1@desk"),
        Effect::SentCopy { of: 2 },
        Effect::Draft(reply("r2@desk")),
        moved(),
    ];
    let mail = bench.decided(5, &meta("m", "a@b.example", &[]), all.clone()).await;
    for (seq, effect) in all.into_iter().enumerate() {
        let row = bench.ready(0).await.remove(0);
        assert_eq!((row.mail_id, row.seq as usize, row.effect), (mail, seq, effect));
        assert_eq!((row.key, row.attempts, row.due, row.started_at), (arrival(5, "").key, 0, minute(0), None));
        bench.finish_next(0, done()).await;
    }
    assert_eq!(bench.states(mail).await, "done done done done done done done");
    assert_eq!(bench.ready(0).await, []);
}

#[tokio::test]
async fn an_effect_waits_for_the_one_before_it_however_that_ends() {
    for outcome in [done(), failed(), held()] {
        let bench = Bench::new();
        let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![send("r"), moved()]).await;
        assert_eq!(bench.ready_words(0).await, ["1.0 send"]);
        bench.finish_next(0, outcome).await;
        assert_eq!(bench.ready_words(0).await, ["1.1 move"]);
        assert!(bench.states(mail).await.starts_with("decided "));
        bench.finish_next(0, done()).await;
        assert!(bench.states(mail).await.starts_with("done "));
    }
}

#[tokio::test]
async fn nothing_is_ready_before_its_time() {
    let bench = Bench::new();
    let mail = bench.mail(1, "one").await;
    let effects = [due(send("r"), 30), at_once(moved())];
    bench.store.record(mail, &meta("m", "a@b.example", &[]), &decision(None), &effects, minute(0)).await.unwrap();
    assert_eq!(bench.ready(29).await, []);
    assert_eq!(bench.ready_words(30).await, ["1.0 send"]);
    bench.finish_next(45, done()).await;
    assert_eq!(bench.ready_words(45).await, ["1.1 move"]);
}

#[tokio::test]
async fn a_retry_waits_for_its_time_and_holds_back_what_follows() {
    let bench = Bench::new();
    bench.decided(1, &meta("m", "a@b.example", &[]), vec![send("r"), moved()]).await;
    bench.finish_next(0, retry(10)).await;
    assert_eq!(bench.ready(9).await, []);
    let row = bench.ready(10).await.remove(0);
    assert_eq!((row.seq, row.attempts, row.due, row.started_at), (0, 1, minute(0), Some(minute(0))));
    let case = bench.store.overview(None, 1).await.unwrap().remove(0);
    assert_eq!(case.effects[0].note.as_deref(), Some("421 try later"));
}

#[tokio::test]
async fn a_retry_is_never_earlier_than_the_effect_was_due() {
    let bench = Bench::new();
    let mail = bench.mail(1, "one").await;
    let effects = [due(send("r"), 30)];
    bench.store.record(mail, &meta("m", "a@b.example", &[]), &decision(None), &effects, minute(0)).await.unwrap();
    let id = bench.ready(30).await[0].id;
    bench.store.finish(vec![(id, retry(5))], minute(1)).await.unwrap();
    assert_eq!(bench.ready(29).await, []);
}

#[tokio::test]
async fn ready_is_in_order_of_due_time_then_of_arrival() {
    let bench = Bench::new();
    // (mail, when its only effect is due)
    for (uid, minutes) in [(1, 20), (2, 10), (3, 10), (4, 99), (5, 0)] {
        let mail = bench.mail(uid, &format!("{uid}")).await;
        let effects = [due(label(), minutes)];
        let meta = meta(&format!("m{uid}"), "a@b.example", &[]);
        bench.store.record(mail, &meta, &decision(None), &effects, minute(0)).await.unwrap();
    }
    let order: Vec<_> = bench.ready(50).await.into_iter().map(|row| row.key.item).collect();
    assert_eq!(order, [5, 2, 3, 1].map(Item::Uid));
    assert_eq!(bench.store.ready(DESK, minute(50), 2).await.unwrap().len(), 2);
    assert_eq!(bench.store.ready("sales", minute(50), 2).await.unwrap(), []);
}

#[tokio::test]
async fn next_due_is_when_ready_has_something() {
    let bench = Bench::new();
    let next = async |minutes| bench.store.next_due(DESK, minute(minutes)).await.unwrap();
    assert_eq!(next(0).await, None);
    for (uid, minutes) in [(1, 40), (2, 30)] {
        let mail = bench.mail(uid, &format!("{uid}")).await;
        let effects = [due(label(), minutes), at_once(moved())];
        let meta = meta(&format!("m{uid}"), "a@b.example", &[]);
        bench.store.record(mail, &meta, &decision(None), &effects, minute(0)).await.unwrap();
    }
    assert_eq!(next(0).await, Some(minute(30)));
    assert_eq!(next(35).await, Some(minute(35)));
    bench.finish_next(35, retry(50)).await;
    assert_eq!(next(35).await, Some(minute(40)));
    assert_eq!(bench.store.next_due("sales", minute(0)).await.unwrap(), None);
}

#[tokio::test]
async fn a_started_effect_is_interrupted_after_a_restart_until_it_is_settled() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![send("r"), moved()]).await;
    let id = bench.ready(0).await[0].id;
    bench.store.start(&[id], minute(7)).await.unwrap();
    assert_eq!(bench.ready(99).await, []);
    let bench = bench.reopen();
    assert_eq!(bench.ready(99).await, []);
    let cut = bench.store.interrupted(DESK).await.unwrap();
    assert_eq!(cut.len(), 1);
    assert_eq!((cut[0].id, cut[0].attempts, cut[0].started_at), (id, 1, Some(minute(7))));
    assert_eq!(bench.store.interrupted("sales").await.unwrap(), []);
    bench.store.finish(vec![(id, held())], minute(9)).await.unwrap();
    assert_eq!(bench.store.interrupted(DESK).await.unwrap(), []);
    assert_eq!(bench.states(mail).await, "decided held pending");
}

/// Every step from every state: is it allowed?
#[tokio::test]
async fn an_effect_is_started_once_and_finished_once() {
    let bench = Bench::new();
    bench.decided(1, &meta("m", "a@b.example", &[]), vec![send("r"), moved()]).await;
    let id = bench.ready(0).await[0].id;
    let start = async || bench.store.start(&[id], minute(0)).await;
    let finish = async |outcome| bench.store.finish(vec![(id, outcome)], minute(0)).await;
    start().await.unwrap();
    let error = start().await.unwrap_err();
    assert!(matches!(error, StoreError::WrongState { state: EffectState::Started, .. }), "{error}");
    finish(retry(0)).await.unwrap();
    start().await.unwrap();
    finish(done()).await.unwrap();
    for outcome in [done(), failed(), held(), retry(0)] {
        let error = finish(outcome).await.unwrap_err();
        assert!(matches!(error, StoreError::WrongState { state: EffectState::Done, .. }), "{error}");
    }
    assert!(start().await.is_err());
    assert_eq!(bench.ready(0).await[0].seq, 1, "the second effect was not moved on twice");
}

#[tokio::test]
async fn a_batch_with_one_wrong_effect_changes_none() {
    let bench = Bench::new();
    for uid in [1, 2] {
        bench.decided(uid, &meta(&format!("m{uid}"), "a@b.example", &[]), vec![label()]).await;
    }
    let ids: Vec<_> = bench.ready(0).await.iter().map(|row| row.id).collect();
    bench.store.start(&[ids[1]], minute(0)).await.unwrap();
    assert!(bench.store.start(&ids, minute(0)).await.is_err());
    assert_eq!(bench.ready_words(0).await, ["1.0 add-labels"]);
    bench.store.finish(vec![(ids[1], done())], minute(0)).await.unwrap();
    assert!(bench.store.finish(vec![(ids[0], done()), (ids[1], done())], minute(0)).await.is_err());
    assert_eq!(bench.ready_words(0).await, ["1.0 add-labels"]);
}

#[tokio::test]
async fn one_call_may_finish_several_effects_of_a_mail_in_their_order() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![label(), moved()]).await;
    let first = bench.ready(0).await[0].id;
    bench.store.finish(vec![(first, done())], minute(0)).await.unwrap();
    let second = bench.ready(0).await[0].id;
    bench.store.finish(vec![(second, Outcome::Done { note: Some("OK".into()) })], minute(1)).await.unwrap();
    assert_eq!(bench.states(mail).await, "done done done");
    let case = bench.store.overview(None, 1).await.unwrap().remove(0);
    assert_eq!(case.effects[1].note.as_deref(), Some("OK"));
}

#[tokio::test]
async fn the_copy_finds_what_was_sent_and_when() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![label(), send("r1@desk")]).await;
    bench.finish_next(1, done()).await;
    let before = bench.store.send_effect(mail, 1).await.unwrap();
    assert_eq!((before.state, before.started_at), (EffectState::Pending, None));
    bench.finish_next(2, done()).await;
    let sent = bench.store.send_effect(mail, 1).await.unwrap();
    assert_eq!((sent.reply, sent.state, sent.started_at), (reply("r1@desk"), EffectState::Done, Some(minute(2))));
    for seq in [0, 2] {
        let error = bench.store.send_effect(mail, seq).await.unwrap_err();
        assert_eq!(error.to_string(), format!("there is no such effect in the store (send {seq} of mail {mail})"));
    }
}

/// What an older program wrote must stay readable: pending effects survive an upgrade.
#[test]
fn the_stored_form_of_effects_does_not_change() {
    let stored = [
        (label(), r#"{"kind":"add-labels","labels":["mado-4-1-3"]}"#),
        (label_send(), r#"{"kind":"label-send","of":2,"sent":["mado-answered"],"unsent":["mado-unsent"]}"#),
        (Effect::SentCopy { of: 2 }, r#"{"kind":"sent-copy","of":2}"#),
        (moved(), r#"{"kind":"move","folder":"完了"}"#),
        (
            send("r1@desk"),
            concat!(
                r#"{"kind":"send","template":"answer","to":{"name":"山田 太郎","address":"Taro@kaisha.example"},"#,
                r#""at":null,"subject":"Re: 請求書の再発行","body":"お世話になっております。\n","#,
                r#""message_id":"r1@desk","in_reply_to":"parent@kaisha.example","#,
                r#""references":["parent@kaisha.example"]}"#
            ),
        ),
    ];
    for (effect, json) in stored {
        assert_eq!(serde_json::to_string(&effect).unwrap(), json);
        assert_eq!(serde_json::from_str::<Effect>(json).unwrap(), effect);
        assert!(json.starts_with(&format!(r#"{{"kind":"{}""#, effect.kind())));
    }
}

use madoguchi::store::{Effect, HistoryQuery, MailId, MailMeta, Outcome, StoreError, release_breaker};
use madoguchi::triage::budget::Standing;
use madoguchi::triage::decision::Reply;
use madoguchi::triage::inquiry::Mailbox;

use crate::bench::{Bench, DESK, decision, done, due, meta, minute, reply, send};

const HOUR: i64 = 60;
const DAY: i64 = 24 * HOUR;

async fn standing(bench: &Bench, mail: MailId, sender: &str, minutes: i64) -> Standing {
    let query = HistoryQuery::new(mail, &meta("new", sender, &[]));
    bench.store.history(DESK, &query, minute(minutes)).await.unwrap().standing
}

fn send_to(address: &str, message_id: &str) -> Effect {
    let to = Mailbox { name: String::new(), address: address.into() };
    Effect::Send(Reply { to, ..reply(message_id) })
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "550 no such user".into() }
}

#[tokio::test]
async fn answers_to_a_domain_are_those_of_an_hour_to_its_organisation() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@mail.firm.co.jp", &[]), vec![send_to("b@firm.co.jp", "r1")]).await;
    bench.finish_next(10, done()).await;
    let mail = bench.mail(2, "next").await;
    for (sender, minutes, answers) in [
        ("z@firm.co.jp", 10, 1),
        ("Z@Other.Firm.CO.JP", 10, 1),
        ("z@firm.co.jp", 10 + HOUR - 1, 1),
        ("z@firm.co.jp", 10 + HOUR, 0),
        ("z@another.co.jp", 10, 0),
        ("nobody", 10, 0),
        ("", 10, 0),
    ] {
        assert_eq!(standing(&bench, mail, sender, minutes).await.to_domain, answers, "{sender} {minutes}");
    }
}

#[tokio::test]
async fn free_mail_is_no_organisation() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@gmail.com", &[]), vec![send_to("a@gmail.com", "r1")]).await;
    let mail = bench.mail(2, "next").await;
    assert_eq!(standing(&bench, mail, "b@gmail.com", 0).await, Standing::default());
    assert_eq!(standing(&bench, mail, "a@gmail.com", 0).await, Standing { to_sender: 1, ..Standing::default() });
}

/// What a later mail of the same sender sees, however long the answer is still in the outbox.
#[tokio::test]
async fn an_answer_counts_from_its_decision_until_a_day_after_it_went_out() {
    let bench = Bench::new();
    let mail = bench.mail(1, "Friday night").await;
    let effects = [due(send("r1"), 3 * DAY)];
    bench.store.record(mail, &meta("m1", "a@b.example", &[]), &decision(None), &effects, minute(0)).await.unwrap();
    let next = bench.mail(2, "next").await;
    let check = async |minutes, answers| {
        assert_eq!(standing(&bench, next, "a@b.example", minutes).await.to_sender, answers, "{minutes}");
    };
    check(0, 1).await;
    check(3 * DAY, 1).await;
    check(9 * DAY, 1).await;
    let retry = Outcome::RetryAt { at: minute(10 * DAY), reason: "421".into() };
    bench.finish_next(9 * DAY, retry).await;
    check(12 * DAY, 1).await;
    bench.finish_next(12 * DAY, done()).await;
    check(13 * DAY - 1, 1).await;
    check(13 * DAY, 0).await;
}

#[tokio::test]
async fn what_surely_did_not_go_out_does_not_count() {
    let held = Outcome::Held { reason: "over budget".into() };
    for (outcome, begun, counts) in [(failed(), true, 0), (held.clone(), true, 1), (held, false, 0), (done(), false, 1)]
    {
        let bench = Bench::new();
        bench.decided(1, &meta("m1", "a@b.example", &[]), vec![send("r1")]).await;
        let id = bench.ready(0).await[0].id;
        if begun {
            bench.store.start(&[id], minute(0)).await.unwrap();
        }
        bench.store.finish(vec![(id, outcome.clone())], minute(0)).await.unwrap();
        let mail = bench.mail(2, "next").await;
        let found = standing(&bench, mail, "a@b.example", 1).await;
        assert_eq!((found.to_sender, found.to_domain), (counts, counts), "{outcome:?} {begun}");
    }
}

#[tokio::test]
async fn before_a_send_only_what_went_out_counts() {
    let bench = Bench::new();
    for uid in 1..=2 {
        bench.decided(uid, &meta(&format!("m{uid}"), "a@b.example", &[]), vec![send(&format!("r{uid}"))]).await;
    }
    let rows = bench.ready(0).await;
    let counted = async |row: usize, minutes| {
        let found = bench.store.standing(&rows[row], true, minute(minutes)).await.unwrap();
        (found.to_sender, found.to_domain)
    };
    assert_eq!((counted(0, 0).await, counted(1, 0).await), ((0, 0), (0, 0)));
    bench.store.start(&[rows[0].id], minute(0)).await.unwrap();
    assert_eq!((counted(0, 0).await, counted(1, 0).await), ((0, 0), (1, 1)), "itself does not count");
    bench.store.finish(vec![(rows[0].id, done())], minute(1)).await.unwrap();
    assert_eq!(counted(1, HOUR).await, (1, 0));
    assert_eq!(counted(1, DAY).await, (0, 0));
}

#[tokio::test]
async fn a_refused_address_is_remembered_for_61_days_by_its_desk() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &[]), vec![send_to("Gone+x@b.example", "r1")]).await;
    bench.finish_next(0, failed()).await;
    let mail = bench.mail(2, "next").await;
    for (sender, minutes, bounced) in [
        ("gone@b.example", 0, true),
        ("GONE+y@b.example", 61 * DAY - 1, true),
        ("gone@b.example", 61 * DAY, false),
        ("a@b.example", 0, false),
    ] {
        assert_eq!(standing(&bench, mail, sender, minutes).await.bounced, bounced, "{sender} {minutes}");
    }
    let query = HistoryQuery::new(mail, &meta("m", "gone@b.example", &[]));
    assert!(!bench.store.history("sales", &query, minute(0)).await.unwrap().standing.bounced);

    bench.decided(3, &meta("m3", "a@b.example", &[]), vec![send_to("gone@b.example", "r3")]).await;
    let row = bench.ready(1).await.remove(0);
    assert!(
        bench.store.standing(&row, true, minute(1)).await.unwrap().bounced,
        "also where only the answer goes there"
    );
}

#[tokio::test]
async fn a_label_that_failed_is_no_bounce() {
    let bench = Bench::new();
    bench.decided(1, &meta("m1", "a@b.example", &[]), vec![crate::bench::label()]).await;
    bench.finish_next(0, failed()).await;
    let mail = bench.mail(2, "next").await;
    assert_eq!(standing(&bench, mail, "a@b.example", 0).await, Standing::default());
}

#[tokio::test]
async fn the_same_subject_of_the_same_sender_is_the_same_thread_for_seven_days() {
    let bench = Bench::new();
    // The answer goes to Taro@kaisha.example under "Re: 請求書の再発行".
    bench.decided(1, &meta("m1", "jiro@kaisha.example", &[]), vec![send("r1")]).await;
    bench.finish_next(0, done()).await;
    let mail = bench.mail(2, "next").await;
    for (sender, subject, minutes, answers) in [
        ("taro@kaisha.example", "請求書の再発行", 0, 1),
        ("Taro+2@Kaisha.example", "Ｒｅ： [外部] RE[2]: 請求書の再発行", 7 * DAY - 1, 1),
        ("jiro@kaisha.example", "請求書の再発行", 0, 1),
        ("taro@kaisha.example", "請求書の再発行", 7 * DAY, 0),
        ("taro@kaisha.example", "請求書の再発行について", 0, 0),
        ("taro@kaisha.example", "", 0, 0),
        ("hanako@kaisha.example", "請求書の再発行", 0, 0),
    ] {
        let meta = MailMeta { subject: subject.into(), ..meta("m2", sender, &[]) };
        let history = bench.store.history(DESK, &HistoryQuery::new(mail, &meta), minute(minutes)).await.unwrap();
        assert_eq!(history.answers_in_thread, answers, "{sender} {subject} {minutes}");
    }
}

/// 2026-11-24 10:00, minute 0, is the start of an hour.
#[tokio::test]
async fn the_load_of_a_desk_is_counted_when_answers_are_decided() {
    let bench = Bench::new();
    let decide = async |uid: u32, minutes| {
        let mail = bench.mail(uid, &format!("{uid}")).await;
        let (meta, effects) = (meta(&format!("m{uid}"), "a@b.example", &[]), [due(send(&format!("r{uid}")), 9 * DAY)]);
        bench.store.record(mail, &meta, &decision(None), &effects, minute(minutes)).await.unwrap();
    };
    let check = async |minutes, last_hour, hours: &[u32]| {
        let load = bench.store.desk_load(DESK, minute(minutes)).await.unwrap();
        assert_eq!((load.last_hour, load.hours.as_slice()), (last_hour, hours), "{minutes}");
    };
    for (uid, minutes) in [(1, 0), (2, 0), (3, 59)] {
        decide(uid, minutes).await;
    }
    check(59, 3, &[]).await;
    check(60, 1, &[3]).await;
    for uid in 4..=7 {
        decide(uid, 3 * HOUR).await;
    }
    check(3 * HOUR, 4, &[3]).await;
    check(4 * HOUR, 0, &[3, 4]).await;
    check(7 * DAY + 59, 0, &[3, 4]).await;
    check(7 * DAY + HOUR, 0, &[4]).await;
    assert_eq!(bench.store.desk_load("sales", minute(0)).await.unwrap().last_hour, 0);
}

#[tokio::test]
async fn a_breaker_stays_open_over_restarts_until_it_is_released() {
    let bench = Bench::new();
    let since = async |bench: &Bench, desk: &str| bench.store.desk_load(desk, minute(9)).await.unwrap().open_since;
    assert!(!release_breaker(&bench.path, DESK, minute(0)).unwrap(), "it never opened");
    bench.store.open_breaker(DESK, minute(1)).await.unwrap();
    bench.store.open_breaker(DESK, minute(2)).await.unwrap();
    let bench = bench.reopen();
    assert_eq!((since(&bench, DESK).await, since(&bench, "sales").await), (Some(minute(1)), None));
    assert!(release_breaker(&bench.path, DESK, minute(3)).unwrap());
    assert_eq!(since(&bench, DESK).await, None);
    bench.store.open_breaker(DESK, minute(4)).await.unwrap();
    assert_eq!(since(&bench, DESK).await, Some(minute(4)));
    let nowhere = release_breaker(&bench.path.with_file_name("none.db"), DESK, minute(0));
    assert!(matches!(nowhere, Err(StoreError::Missing { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn releasing_and_working_do_not_disturb_each_other() {
    let bench = Bench::new();
    let path = bench.path.clone();
    let releases = tokio::task::spawn_blocking(move || {
        (0..200).filter(|n| release_breaker(&path, DESK, minute(*n)).unwrap()).count()
    });
    let mut opened = 0;
    while !releases.is_finished() {
        opened += 1;
        bench
            .decided(opened, &meta(&format!("m{opened}"), "a@b.example", &[]), vec![send(&format!("r{opened}"))])
            .await;
        bench.store.open_breaker(DESK, minute(0)).await.unwrap();
    }
    assert!(releases.await.unwrap() <= opened as usize);
    assert_eq!(bench.store.overview(None, 100_000).await.unwrap().len(), opened as usize);
}

use madoguchi::store::{Activation, HistoryQuery, MailState, StoreError, activate};
use madoguchi::triage::arrival::{Arrival, Item, Known, MailKey};

use crate::bench::{Bench, DESK, arrival, decision, done, file_arrival, label, meta, minute};

#[tokio::test]
async fn a_mail_comes_back_exactly_as_it_arrived() {
    let bench = Bench::new();
    let odd = Arrival {
        key: MailKey { mailbox: "サポート/受信".into(), validity: u32::MAX, item: Item::Uid(u32::MAX) },
        internal_date: None,
        flags: vec![],
        size: 5_000_000_000,
        raw: vec![0, 0xff, b'\r', b'\n', 0x1b],
        complete: false,
    };
    let all = vec![arrival(1, "one"), odd, file_arrival("1700000000.M1P2.host"), arrival(2, "")];
    let ids = bench.store.journal(DESK, all.clone(), minute(3)).await.unwrap();
    let bench = bench.reopen();
    let stored = bench.store.undecided(DESK, u32::MAX, 10).await.unwrap();
    assert_eq!(stored.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids);
    assert_eq!(stored.iter().map(|mail| mail.arrival.clone()).collect::<Vec<_>>(), all);
    assert!(stored.iter().all(|mail| mail.seen_at == minute(3) && mail.attempts == 0));
}

#[tokio::test]
async fn long_mails_are_handed_out_a_few_at_a_time_and_none_is_left_out() {
    let bench = Bench::new();
    let long = |uid| Arrival { raw: vec![b'x'; 600 << 10], ..arrival(uid, "") };
    let all = (1..=5).map(long).chain([Arrival { raw: vec![b'x'; 3 << 20], ..arrival(6, "") }, arrival(7, "short")]);
    let ids = bench.store.journal(DESK, all.collect(), minute(0)).await.unwrap();
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let some = bench.store.undecided_after(last, DESK, u32::MAX, 10).await.unwrap();
        let Some(newest) = some.last() else { break };
        last = Some(newest.id);
        found.push(some.iter().map(|mail| mail.id).collect::<Vec<_>>());
    }
    assert_eq!(found.concat(), ids);
    assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1]);
    assert_eq!(bench.store.undecided(DESK, u32::MAX, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_longer_head_takes_the_place_of_the_first_one() {
    let bench = Bench::new();
    let cut = |uid| Arrival { size: 9, complete: false, ..arrival(uid, "head") };
    let ids = bench.store.journal(DESK, vec![cut(1), cut(2)], minute(0)).await.unwrap();
    bench.store.replace_head(ids[0], b"head and".to_vec(), false).await.unwrap();
    bench.store.replace_head(ids[0], b"head and more".to_vec(), true).await.unwrap();
    let bench = bench.reopen();
    let stored = bench.store.undecided(DESK, u32::MAX, 10).await.unwrap();
    let longer = Arrival { raw: b"head and more".to_vec(), complete: true, ..cut(1) };
    assert_eq!([&stored[0].arrival, &stored[1].arrival], [&longer, &cut(2)]);
    // What it was before is no more the same mail as another one.
    let same = async |mail| {
        let query = HistoryQuery::new(mail, &meta("m", "a@b.example", &[]));
        bench.store.history(DESK, &query, minute(1)).await.unwrap().duplicate
    };
    assert!(!same(ids[1]).await);
    bench.store.replace_head(ids[1], b"head and more".to_vec(), true).await.unwrap();
    assert!(same(ids[1]).await);
}

#[tokio::test]
async fn a_decided_mail_keeps_the_head_it_was_decided_by() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![]).await;
    let error = bench.store.replace_head(mail, b"other".to_vec(), true).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyDecided { mail: id } if id == mail), "{error}");
}

#[tokio::test]
async fn a_key_is_journalled_once() {
    let bench = Bench::new();
    let first = bench.store.journal(DESK, vec![arrival(1, "one"), arrival(2, "two")], minute(0)).await.unwrap();
    assert_eq!(first.len(), 2);
    let again = vec![arrival(2, "another two"), arrival(3, "three"), arrival(3, "three again")];
    assert_eq!(bench.store.journal(DESK, again, minute(1)).await.unwrap().len(), 1);
    let raw: Vec<_> =
        bench.store.undecided(DESK, u32::MAX, 10).await.unwrap().into_iter().map(|m| m.arrival.raw).collect();
    assert_eq!(raw, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
}

#[tokio::test]
async fn desk_mailbox_validity_and_item_make_the_key() {
    let bench = Bench::new();
    let base = arrival(1, "x");
    let key = |mailbox: &str, validity, item| MailKey { mailbox: mailbox.into(), validity, item };
    let others = [
        key("INBOX", 8, Item::Uid(1)),
        key("Other", 7, Item::Uid(1)),
        key("INBOX", 7, Item::Uid(2)),
        key("INBOX", 7, Item::File("1".into())),
    ];
    bench.store.journal(DESK, vec![base.clone()], minute(0)).await.unwrap();
    let others: Vec<_> = others.into_iter().map(|key| Arrival { key, ..base.clone() }).collect();
    assert_eq!(bench.store.journal(DESK, others, minute(0)).await.unwrap().len(), 4);
    assert_eq!(bench.store.journal("sales", vec![base], minute(0)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn known_is_where_reading_goes_on() {
    let bench = Bench::new();
    let known = async |desk, mailbox, validity| bench.store.known(desk, mailbox, validity).await.unwrap();
    assert_eq!(known(DESK, "INBOX", 7).await, Known::default());
    let mail = vec![arrival(10, "a"), arrival(4, "b"), file_arrival("f1"), file_arrival("f2")];
    bench.store.journal(DESK, mail, minute(0)).await.unwrap();
    let names = ["f1".to_string(), "f2".to_string()].into();
    assert_eq!(known(DESK, "INBOX", 7).await, Known { last_uid: 10, files: Default::default() });
    assert_eq!(known(DESK, "INBOX", 0).await, Known { last_uid: 0, files: names });
    for (desk, mailbox, validity) in [(DESK, "INBOX", 8), (DESK, "Other", 7), ("sales", "INBOX", 7)] {
        assert_eq!(known(desk, mailbox, validity).await, Known::default(), "{desk} {mailbox} {validity}");
    }
}

#[tokio::test]
async fn undecided_mail_is_that_of_the_desk_oldest_first_up_to_the_limit() {
    let bench = Bench::new();
    for uid in 1..=4 {
        bench.mail(uid, "x").await;
    }
    bench.store.journal("sales", vec![arrival(9, "x")], minute(0)).await.unwrap();
    let first = bench.store.undecided(DESK, u32::MAX, 1).await.unwrap().remove(0);
    bench.store.record(first.id, &meta("m", "a@b.example", &[]), &decision(None), &[], minute(0)).await.unwrap();
    let uids: Vec<_> =
        bench.store.undecided(DESK, u32::MAX, 2).await.unwrap().into_iter().map(|m| m.arrival.key.item).collect();
    assert_eq!(uids, [Item::Uid(2), Item::Uid(3)]);
    assert_eq!(bench.store.undecided("sales", u32::MAX, 10).await.unwrap().len(), 1);
    assert_eq!(bench.store.undecided("nobody", u32::MAX, 10).await.unwrap(), []);
}

#[tokio::test]
async fn failures_are_counted_across_restarts_and_quarantine_takes_the_mail_away() {
    let bench = Bench::new();
    let mail = bench.mail(1, "broken").await;
    assert_eq!(bench.store.record_failure(mail, "first", minute(1)).await.unwrap(), 1);
    let bench = bench.reopen();
    assert_eq!(bench.store.record_failure(mail, "reader gave up", minute(2)).await.unwrap(), 2);
    assert_eq!(bench.store.undecided(DESK, u32::MAX, 10).await.unwrap()[0].attempts, 2);
    assert_eq!(bench.store.undecided(DESK, 1, 10).await.unwrap(), [], "left for later");
    bench.store.quarantine(mail, "failed too often", vec!["mado-quarantine".into()], minute(3)).await.unwrap();
    assert_eq!(bench.store.undecided(DESK, u32::MAX, 10).await.unwrap(), []);
    assert_eq!(bench.states(mail).await, "quarantined pending", "its label is to be set");
    bench.finish_next(3, done()).await;
    let case = bench.store.overview(Some(DESK), 10).await.unwrap().remove(0);
    assert_eq!((case.state, case.attempts), (MailState::Quarantined, 2));
    assert_eq!(case.note.as_deref(), Some("2026-11-24T01:03:00Z failed too often"));
    assert_eq!(bench.store.quarantined(DESK).await.unwrap(), [case]);
    assert_eq!(bench.store.quarantined("sales").await.unwrap(), []);
}

#[tokio::test]
async fn only_undecided_mail_can_fail_or_go_to_quarantine() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m", "a@b.example", &[]), vec![label()]).await;
    let error = bench.store.quarantine(mail, "why", Vec::new(), minute(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::AlreadyDecided { mail: id } if id == mail), "{error}");
    assert!(bench.store.record_failure(mail, "why", minute(0)).await.is_err());
    assert_eq!(bench.states(mail).await, "decided pending");
    let other = Bench::new();
    let error = other.store.quarantine(mail, "why", Vec::new(), minute(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSuchMail { .. }), "{error}");
}

#[tokio::test]
async fn the_first_look_and_the_activation_stay_what_they_were() {
    let bench = Bench::new();
    let state = async |bench: &Bench, desk: &str, mailbox: &str| {
        let Activation { first_look, active_since } = bench.store.activation(desk, mailbox).await.unwrap();
        (first_look, active_since)
    };
    assert_eq!(state(&bench, DESK, "INBOX").await, (None, None));
    bench.store.look(DESK, "INBOX", minute(1)).await.unwrap();
    let bench = bench.reopen();
    bench.store.look(DESK, "INBOX", minute(2)).await.unwrap();
    assert_eq!(state(&bench, DESK, "INBOX").await, (Some(minute(1)), None));
    assert!(activate(&bench.path, DESK, "INBOX", minute(3)).unwrap());
    assert!(!activate(&bench.path, DESK, "INBOX", minute(4)).unwrap(), "it is active already");
    assert_eq!(state(&bench, DESK, "INBOX").await, (Some(minute(1)), Some(minute(3))));
    assert_eq!(state(&bench, DESK, "Other").await, (None, None), "another mailbox is another matter");
    assert_eq!(state(&bench, "sales", "INBOX").await, (None, None), "another desk, too");
}

#[tokio::test]
async fn an_empty_batch_is_no_work_and_no_error() {
    let bench = Bench::new();
    assert_eq!(bench.store.journal(DESK, vec![], minute(0)).await.unwrap(), []);
    bench.store.start(&[], minute(0)).await.unwrap();
    bench.store.finish(vec![], minute(0)).await.unwrap();
}

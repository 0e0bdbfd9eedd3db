use madoguchi::store::{EffectState, HistoryQuery, MailState, StoreError};

use crate::bench::{Bench, DESK, at_once, decision, due, label, meta, minute, send};

#[tokio::test]
async fn a_decision_and_its_effects_are_written_together() {
    let bench = Bench::new();
    let mail = bench.mail(1, "one").await;
    let effects = [at_once(label()), due(send("r1@desk"), 60)];
    let meta = meta("m1@kaisha.example", "Taro@Kaisha.example", &[]);
    bench.store.record(mail, &meta, &decision(Some("C-1")), &effects, minute(2)).await.unwrap();
    let bench = bench.reopen();
    let case = bench.store.overview(Some(DESK), 10).await.unwrap().remove(0);
    assert_eq!((case.mail, case.state), (mail, MailState::Decided));
    assert_eq!(case.sender.as_deref(), Some("taro@kaisha.example"));
    assert_eq!(case.message_id.as_deref(), Some("m1@kaisha.example"));
    let decided = case.decision.unwrap();
    assert_eq!((decided.at, decided.disposition.as_str(), decided.case.as_deref()), (minute(2), "auto", Some("C-1")));
    assert_eq!(decided.decision().unwrap(), decision(Some("C-1")));
    let effects: Vec<_> = case.effects.iter().map(|e| (e.seq, e.kind.as_str(), e.state, e.due)).collect();
    assert_eq!(
        effects,
        [(0, "add-labels", EffectState::Pending, minute(2)), (1, "send", EffectState::Waiting, minute(60))]
    );
}

#[tokio::test]
async fn a_second_decision_is_an_error_and_changes_nothing() {
    let bench = Bench::new();
    let meta = meta("m1", "a@b.example", &[]);
    let mail = bench.decided(1, &meta, vec![label()]).await;
    let effects = [at_once(send("r")), at_once(label())];
    let again = bench.store.record(mail, &meta, &decision(Some("C-2")), &effects, minute(9)).await;
    assert!(matches!(again.unwrap_err(), StoreError::AlreadyDecided { mail: id } if id == mail));
    assert_eq!(bench.states(mail).await, "decided pending");
    let case = bench.store.overview(None, 1).await.unwrap().remove(0);
    assert_eq!(case.decision.unwrap().case, None);
}

#[tokio::test]
async fn nothing_to_do_is_done() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m1", "a@b.example", &[]), vec![]).await;
    assert_eq!(bench.states(mail).await, "done");
}

#[tokio::test]
async fn a_quarantined_mail_is_not_decided() {
    let bench = Bench::new();
    let mail = bench.mail(1, "one").await;
    bench.store.quarantine(mail, "broken", Vec::new(), minute(0)).await.unwrap();
    let result = bench.store.record(mail, &meta("m", "a@b.example", &[]), &decision(None), &[], minute(0)).await;
    assert!(matches!(result.unwrap_err(), StoreError::AlreadyDecided { .. }));
}

#[tokio::test]
async fn overview_is_newest_first_of_one_desk_or_all() {
    let bench = Bench::new();
    let (one, two) = (bench.mail(1, "one").await, bench.mail(2, "two").await);
    let other = bench.store.journal("sales", vec![crate::bench::arrival(1, "x")], minute(0)).await.unwrap()[0];
    let listed = async |desk, limit| {
        let cases = bench.store.overview(desk, limit).await.unwrap();
        cases.iter().map(|case| case.mail).collect::<Vec<_>>()
    };
    assert_eq!(listed(None, 10).await, [other, two, one]);
    assert_eq!(listed(None, 2).await, [other, two]);
    assert_eq!(listed(Some(DESK), 10).await, [two, one]);
    assert_eq!(listed(Some("nobody"), 10).await, []);
}

#[tokio::test]
async fn a_mail_is_found_by_its_message_id() {
    let bench = Bench::new();
    let mail = bench.decided(1, &meta("m1", "a@b.example", &[]), vec![label()]).await;
    let found = bench.store.find(DESK, "m1").await.unwrap();
    assert_eq!((found.len(), found[0].mail, found[0].effects.len()), (1, mail, 1));
    assert_eq!(bench.store.find(DESK, "m2").await.unwrap(), []);
    assert_eq!(bench.store.find("sales", "m1").await.unwrap(), []);
}

#[tokio::test]
async fn a_case_remembers_what_decisions_tell_it_and_is_counted_once() {
    let bench = Bench::new();
    let day = jiff::civil::date(2026, 11, 24);
    assert_eq!(bench.store.next_case(DESK, day).await.unwrap(), 1);
    for (uid, name, value) in [(1, "flow", 3), (2, "other", 1), (3, "flow", 4)] {
        let mail = bench.mail(uid, &format!("mail {uid}")).await;
        let mut decided = decision(Some("C-1"));
        decided.case_state.insert(name.into(), value.into());
        let meta = meta(&format!("m{uid}"), "taro@b.example", &["m1"]);
        bench.store.record(mail, &meta, &decided, &[], minute(uid.into())).await.unwrap();
    }
    let bench = bench.reopen();
    let next = bench.mail(4, "next").await;
    let query = HistoryQuery::new(next, &meta("m4", "Taro+x@b.example", &["m3"]));
    let case = bench.store.history(DESK, &query, minute(9)).await.unwrap().case.unwrap();
    assert_eq!((case.reference.as_str(), case.remembered("flow"), case.remembered("other")), ("C-1", Some(4), Some(1)));
    assert_eq!(case.remembered::<u32>("nothing"), None);
    assert_eq!(bench.store.next_case(DESK, day).await.unwrap(), 2);
    assert_eq!(bench.store.mails_of_case("C-1").await.unwrap().len(), 3);
}

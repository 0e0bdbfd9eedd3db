use madoguchi::store::Store;
use tokio::task::JoinSet;

use crate::bench::{Bench, DESK, arrival, at_once, decision, done, meta, minute, send};

/// Takes in, decides and carries out 50 mails beside other clones.
async fn work(store: Store, desk: String) {
    for uid in 1..=50 {
        let ids = store.journal(&desk, vec![arrival(uid, &format!("{desk} {uid}"))], minute(0)).await.unwrap();
        let effects = [at_once(send(&format!("r{uid}@{desk}")))];
        let meta = meta(&format!("m{uid}"), "a@b.example", &[]);
        store.record(ids[0], &meta, &decision(None), &effects, minute(0)).await.unwrap();
        let ready = store.ready_to_send(&desk, minute(0), 10).await.unwrap();
        assert_eq!(ready.len(), 1);
        store.start(&[ready[0].id], minute(0)).await.unwrap();
        store.finish(vec![(ready[0].id, done())], minute(0)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clones_work_side_by_side() {
    let bench = Bench::new();
    let mut tasks = JoinSet::new();
    for desk in ["a", "b", "c", "d"] {
        tasks.spawn(work(bench.store.clone(), desk.into()));
    }
    tasks.join_all().await;
    let cases = bench.store.overview(None, 1000).await.unwrap();
    assert_eq!(cases.iter().filter(|case| case.state.as_str() == "done").count(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_take_the_same_mail_in_one_gets_it() {
    let bench = Bench::new();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = bench.store.clone();
        tasks.spawn(async move { store.journal(DESK, vec![arrival(1, "one")], minute(0)).await.unwrap().len() });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_start_the_same_send_one_may() {
    let bench = Bench::new();
    bench.decided(1, &meta("m", "a@b.example", &[]), vec![send("r")]).await;
    let id = bench.ready(0).await[0].id;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = bench.store.clone();
        tasks.spawn(async move { store.start(&[id], minute(0)).await.is_ok() });
    }
    assert_eq!(tasks.join_all().await.into_iter().filter(|started| *started).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_beside_a_writer_never_sees_half_a_decision() {
    let bench = Bench::new();
    let reader = Store::open_reading(&bench.path).unwrap();
    let writer = tokio::spawn(work(bench.store.clone(), DESK.into()));
    while !writer.is_finished() {
        for case in reader.overview(None, 1000).await.unwrap() {
            assert_eq!(case.decision.is_some(), case.effects.len() == 1);
            assert_eq!(case.decision.is_some(), case.state.as_str() != "seen");
        }
    }
    writer.await.unwrap();
}

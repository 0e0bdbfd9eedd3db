//! Marks beside the store, on real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use madoguchi::store::{EffectRow, Fate, Outcome, Store, StoreError};

use crate::bench::{Bench, DESK, arrival, at_once, decision, meta, minute, send};
use crate::child::{Process, say, task};

/// Started in the store and named in the marks.
async fn started(store: &Store, sends: u32) -> Vec<EffectRow> {
    for uid in 1..=sends {
        let mail = store.journal(DESK, vec![arrival(uid, &format!("mail {uid}"))], minute(0)).await.unwrap()[0];
        let effects = [at_once(send(&format!("r{uid}@desk")))];
        store
            .record(mail, &meta(&format!("m{uid}"), "a@b.example", &[]), &decision(None), &effects, minute(0))
            .await
            .unwrap();
    }
    let rows = store.ready_to_send(DESK, minute(1), 100).await.unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    store.start(&ids, minute(2)).await.unwrap();
    rows
}

#[tokio::test]
async fn another_process_reads_what_became_of_each_send_that_was_started() {
    let bench = Bench::new();
    let rows = started(&bench.store, 4).await;
    let mut marks = bench.store.marks(DESK);
    marks.renew().unwrap();
    assert!(marks.are_kept());
    marks.intend(&rows, minute(2)).unwrap();
    rows[..3].iter().for_each(|row| marks.leaving(row, minute(2)).unwrap());
    marks.answered(&rows[0], minute(2), Some("250 Ok")).unwrap();
    marks.answered(&rows[1], minute(2), None).unwrap();
    drop(marks);
    let bench = bench.reopen();
    let interrupted = bench.store.interrupted(DESK).await.unwrap();
    let fates = bench.store.marks(DESK).fates(&interrupted);
    assert_eq!(fates, [Fate::Sent { said: "250 Ok".into() }, Fate::NotSent, Fate::Unknown, Fate::NotSent]);
    // Those of another desk say nothing of them.
    assert_eq!(bench.store.marks("other").fates(&interrupted), vec![Fate::Unknown; 4]);
    let file = bench.folder.path().join(format!("madoguchi.db.sending-{DESK}"));
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_send_that_was_begun_again_without_marks_is_not_judged_by_those_of_its_first_try() {
    let bench = Bench::new();
    let rows = started(&bench.store, 1).await;
    let mut marks = bench.store.marks(DESK);
    marks.renew().unwrap();
    marks.intend(&rows, minute(2)).unwrap();
    let again = Outcome::RetryAt { at: minute(3), reason: "later".into() };
    bench.store.finish(vec![(rows[0].id, again)], minute(3)).await.unwrap();
    bench.store.start(&[rows[0].id], minute(4)).await.unwrap();
    let interrupted = bench.store.interrupted(DESK).await.unwrap();
    assert_eq!(marks.fates(&interrupted), [Fate::Unknown]);
}

#[tokio::test]
async fn filling_child() {
    let Some((path, _)) = task() else { return };
    let store = Store::open(&path, minute(0)).unwrap();
    let rows = started(&store, 8).await;
    let mut marks = store.marks(DESK);
    marks.renew().unwrap();
    marks.intend(&rows, minute(2)).unwrap();
    let error = (3..).find_map(|n| marks.intend(&rows, minute(n)).err()).unwrap();
    say(matches!(error, StoreError::Io { .. } | StoreError::Full { .. }));
}

#[tokio::test]
async fn a_mark_that_does_not_fit_leaves_those_before_it_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let shell = r#"trap "" XFSZ; ulimit -f 4001; exec "$@""#;
    let mut child = Process::start("marks::filling_child", &path, "", shell);
    assert_eq!(child.said().as_deref(), Some("true"));
    assert!(child.end());
    let store = Store::open(&path, minute(0)).unwrap();
    let interrupted = store.interrupted(DESK).await.unwrap();
    assert_eq!(store.marks(DESK).fates(&interrupted), vec![Fate::NotSent; 8]);
}

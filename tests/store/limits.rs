//! When the disk does not let us: full, or not writable.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use madoguchi::store::{Store, StoreError};
use rusqlite::Connection;

use crate::bench::{DESK, arrival, at_once, decision, meta, minute, send};
use crate::child::{Process, say, task};

/// Works until it cannot any more, and says the number of mails acknowledged and the error; the store must still
/// answer then.
#[tokio::test]
async fn filling_child() {
    let Some((path, _)) = task() else { return };
    let store = Store::open(&path, minute(0)).unwrap();
    for uid in 1.. {
        if let Err(error) = one_mail(&store, uid).await {
            say(uid - 1);
            say(error);
            say(store.overview(None, 1).await.unwrap().len());
            return;
        }
    }
}

async fn one_mail(store: &Store, uid: u32) -> Result<(), StoreError> {
    let ids = store.journal(DESK, vec![arrival(uid, &"x".repeat(9000))], minute(0)).await?;
    let meta = meta(&format!("m{uid}"), "a@b.example", &[]);
    let effects = [at_once(send(&format!("r{uid}@desk")))];
    store.record(ids[0], &meta, &decision(None), &effects, minute(0)).await
}

#[tokio::test]
async fn a_write_that_does_not_fit_leaves_the_store_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    // No file over 4000 blocks of 512 bytes; without the trap the signal would end the process.
    let shell = r#"trap "" XFSZ; ulimit -f 4000; exec "$@""#;
    let mut child = Process::start("limits::filling_child", &path, "", shell);
    let acknowledged: usize = child.said().unwrap().parse().unwrap();
    let error = child.said().unwrap();
    assert!(error.contains("the disk is full, over quota or broken"), "{error}");
    assert_eq!(child.said().as_deref(), Some("1"));
    assert!(child.end());

    let store = Store::open(&path, minute(0)).unwrap();
    let cases = store.overview(None, 10_000).await.unwrap();
    assert!(acknowledged > 10 && (acknowledged..=acknowledged + 1).contains(&cases.len()), "{acknowledged}");
    assert!(cases.iter().all(|case| case.effects.len() == usize::from(case.decision.is_some())));
    one_mail(&store, 100_000).await.unwrap();
    drop(store);
    let check: String =
        Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

/// Opens the store and says what came of it.
#[tokio::test]
async fn opening_child() {
    let Some((path, _)) = task() else { return };
    match Store::open(&path, minute(0)) {
        Ok(_) => say("opened"),
        Err(error) => say(error),
    }
    match Store::open_reading(&path) {
        Ok(store) => say(store.overview(None, 10).await.map_or_else(|error| error.to_string(), |_| "read".into())),
        Err(error) => say(error),
    }
}

/// What the child says of a store on which `prepare` has set modes. Root may write everywhere, so that a child of
/// root first gives its privileges away.
fn opened(prepare: impl Fn(&Path)) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    prepare(&path);
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let shell = if root { r#"exec setpriv --bounding-set=-all --inh-caps=-all -- "$@""# } else { r#"exec "$@""# };
    let mut child = Process::start("limits::opening_child", &path, "", shell);
    let said = (child.said().unwrap(), child.said().unwrap());
    assert!(child.end());
    set_mode(folder.path(), 0o700);
    said
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_store_that_may_be_written_is_opened() {
    assert_eq!(opened(|_| ()), ("opened".into(), "read".into()));
}

#[test]
fn a_read_only_file_is_refused_for_work_at_once_and_can_be_read() {
    let (work, read) = opened(|path| {
        drop(Store::open(path, minute(0)).unwrap());
        set_mode(path, 0o400);
    });
    assert!(work.ends_with("store.db: the store cannot be written (read-only file, folder or disk)"), "{work}");
    assert_eq!(read, "read");
}

#[test]
fn a_read_only_folder_is_refused_for_work_at_once() {
    let (work, read) = opened(|path| set_mode(path.parent().unwrap(), 0o500));
    assert!(work.contains("store.db: Permission denied"), "{work}");
    assert!(read.contains("there is no store here"), "{read}");
}

#[test]
fn a_file_of_somebody_else_is_refused() {
    let (work, read) = opened(|path| {
        drop(Store::open(path, minute(0)).unwrap());
        set_mode(path, 0o000);
    });
    assert!(work.contains("store.db: unable to open"), "{work}");
    assert!(read.contains("store.db: unable to open"), "{read}");
}

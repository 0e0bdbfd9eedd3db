use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use madoguchi::store::{Store, StoreError};
use rusqlite::Connection;

use crate::bench::{Bench, DESK, minute};

#[test]
fn a_new_store_is_made_with_its_folders_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("var/lib/madoguchi.db");
    let _store = Store::open(&path, minute(0)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for name in ["madoguchi.db", "madoguchi.db.lock", "madoguchi.db-wal"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&folder.path().join("var")), 0o700);
    assert_eq!(mode(&folder.path().join("var/lib")), 0o700);
}

#[test]
fn a_bare_file_name_is_a_path_in_the_current_folder() {
    // Only the parent is looked at: nothing is made here.
    assert!(matches!(Store::open_reading(Path::new("no-such-store.db")), Err(StoreError::Missing { .. })));
}

#[test]
fn the_secret_is_made_once_and_differs_from_store_to_store() {
    let first = Bench::new();
    let secret = first.store.secret();
    assert_eq!(secret.len(), 32);
    let first = first.reopen();
    assert_eq!(first.store.secret(), secret);
    assert_eq!(Store::open_reading(&first.path).unwrap().secret(), secret);
    assert_ne!(Bench::new().store.secret(), secret);
}

#[test]
fn a_store_is_worked_on_by_one_at_a_time_and_read_by_many() {
    let bench = Bench::new();
    let error = Store::open(&bench.path, minute(0)).err().unwrap();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert_eq!(error.to_string(), format!("{}: another madoguchi is working with this store", bench.path.display()));
    let (_one, _two) = (Store::open_reading(&bench.path).unwrap(), Store::open_reading(&bench.path).unwrap());
    let clone = bench.store.clone();
    drop(bench.store);
    assert!(Store::open(&bench.path, minute(0)).is_err(), "a clone still works with it");
    drop(clone);
    Store::open(&bench.path, minute(0)).unwrap();
}

#[tokio::test]
async fn a_reading_store_sees_what_is_written_meanwhile_and_writes_nothing() {
    let bench = Bench::new();
    let reader = Store::open_reading(&bench.path).unwrap();
    bench.mail(1, "one").await;
    assert_eq!(reader.overview(None, 10).await.unwrap().len(), 1);
    let error = reader.look(DESK, "INBOX", minute(0)).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error}");
}

/// Opens what `prepare` made of the path, for work and for reading; both must refuse it with these words, and leave
/// the file as it is.
fn refused(prepare: impl Fn(&Path), words: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    prepare(&path);
    let before = fs::read(&path).unwrap();
    for result in [Store::open(&path, minute(0)), Store::open_reading(&path)] {
        let text = result.err().expect(words).to_string();
        assert!(text.contains(words), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

fn altered(path: &Path, sql: &str) {
    drop(Store::open(path, minute(0)).unwrap());
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_newer_store_is_refused() {
    refused(|path| altered(path, "PRAGMA user_version = 2000"), "store was written by a newer madoguchi (schema 2000,");
}

#[test]
fn a_store_that_lost_its_version_is_refused() {
    refused(|path| altered(path, "PRAGMA user_version = 0"), "not a madoguchi store");
}

#[test]
fn a_database_of_somebody_else_is_refused_and_left_alone() {
    let foreign = |path: &Path| Connection::open(path).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    refused(foreign, "not a madoguchi store");
    let other_id = |path: &Path| altered(path, "PRAGMA application_id = 42");
    refused(other_id, "not a madoguchi store");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    refused(|path| fs::write(path, "From: a@b.example\n".repeat(500)).unwrap(), "not a madoguchi store");
}

/// Whichever page it is: only a look at every page finds them all.
#[test]
fn a_store_with_a_damaged_page_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Store::open(&path, minute(0)).unwrap());
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 10);
    for page in 1..pages {
        let mut bytes = whole.clone();
        bytes[page * 4096..][..4096].fill(0x5a);
        fs::write(&path, &bytes).unwrap();
        let error = Store::open(&path, minute(0)).err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "page {page}: {error}");
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
    }
}

#[test]
fn a_truncated_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    drop(Store::open(&path, minute(0)).unwrap());
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let error = Store::open(&path, minute(0)).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn an_empty_file_becomes_a_store_but_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    fs::write(&path, "").unwrap();
    assert!(matches!(Store::open_reading(&path), Err(StoreError::Missing { .. })));
    Store::open(&path, minute(0)).unwrap();
}

#[test]
fn what_is_in_the_way_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = Store::open(folder.path(), minute(0)).err().unwrap().to_string();
    assert!(text.starts_with(&folder.path().display().to_string()), "{text}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let text = Store::open(&file.join("store.db"), minute(0)).err().unwrap().to_string();
    assert!(text.contains("file/store.db: "), "{text}");
}

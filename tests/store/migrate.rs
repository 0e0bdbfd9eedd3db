//! Stores of earlier schemas, with what lay in them, become stores of today.

use std::collections::BTreeMap;
use std::path::Path;

use madoguchi::store::{MailState, Store, StoreError};
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::bench::minute;

/// What the demo's day leaves behind: 39 mails, 23 of them answered and two waiting for Tuesday.
const SCHEMA_1: &str = include_str!("schema-1.sql");

fn written(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

/// Every row of every table, of those columns that `like` has, too.
fn content(path: &Path, like: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<Vec<Value>>> {
    let store = Connection::open(path).unwrap();
    let rows = |table: &str, columns: &[String]| {
        let mut statement =
            store.prepare(&format!("SELECT {} FROM {table} ORDER BY 1, 2", columns.join(", "))).unwrap();
        let values =
            |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
        statement.query_map([], values).unwrap().map(Result::unwrap).collect()
    };
    like.iter().map(|(table, columns)| (table.clone(), rows(table, columns))).collect()
}

fn columns(path: &Path) -> BTreeMap<String, Vec<String>> {
    let store = Connection::open(path).unwrap();
    let mut statement = store
        .prepare("SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'")
        .unwrap();
    let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let pairs = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))).unwrap();
    pairs.map(Result::unwrap).for_each(|(table, column)| columns.entry(table).or_default().push(column));
    columns
}

#[tokio::test]
async fn a_store_of_schema_1_is_brought_up_to_date_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    written(&path, SCHEMA_1);
    let tables = columns(&path);
    let before = content(&path, &tables);
    assert!(before.len() > 15 && before["mail"].len() == 39 && before["queue"].len() == 2);
    assert!(matches!(Store::open_reading(&path), Err(StoreError::Older { .. })), "looking does not change it");

    let store = Store::open(&path, minute(0)).unwrap();
    let rows = store.overview(Some("demo"), 1000).await.unwrap();
    assert_eq!(rows.len(), 39);
    assert_eq!(rows.iter().filter(|row| row.state == MailState::Done).count(), 37);
    assert!(rows.iter().all(|row| row.decision.as_ref().unwrap().decision().is_ok()), "every decision can be read");
    // The desk was at work and stays so, and its queue goes on at the same minute: Tuesday at ten.
    assert!(store.activation("demo", "INBOX").await.unwrap().active_since.is_some());
    assert_eq!(store.next_turn("demo", minute(-1)).await.unwrap(), []);
    assert_eq!(store.next_turn("demo", minute(0)).await.unwrap().len(), 1);
    drop(store);
    assert_eq!(content(&path, &tables), before, "nothing is lost");
    drop(Store::open(&path, minute(0)).unwrap());
    Store::open_reading(&path).unwrap();
}

#[test]
fn a_migration_that_cannot_be_done_leaves_the_store_to_the_older_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    written(&path, SCHEMA_1);
    // A table of the newer schema is in the way.
    written(&path, "CREATE TABLE first_look (x, y)");
    let before = content(&path, &columns(&path));
    assert!(Store::open(&path, minute(0)).is_err());
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!((version, content(&path, &columns(&path))), (1, before));
}

//! Stores of earlier schemas, with what lay in them, become stores of today.

use std::collections::BTreeMap;
use std::path::Path;

use madoguchi::store::{MailState, Outcome, Store, StoreError};
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
        let count = columns.len();
        let columns = columns.join(", ");
        let mut statement = store.prepare(&format!("SELECT {columns} FROM {table} ORDER BY {columns}")).unwrap();
        let values = |row: &rusqlite::Row<'_>| (0..count).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
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

/// What an older program wrote down is carried on with by this one: texts that lie with their effects, and counts.
#[tokio::test]
async fn a_send_that_an_older_program_left_half_done_is_settled_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    written(&path, SCHEMA_1);
    // Two answers to one organisation: the first is going out, the second has its turn.
    let sends = "SELECT id FROM effect WHERE kind = 'send' AND json_extract(payload, '$.until') IS NULL ORDER BY id";
    written(
        &path,
        &format!(
            "UPDATE effect SET state = 'started', started_at = {at} WHERE id = ({sends} LIMIT 1);
             UPDATE effect SET state = 'pending', started_at = NULL WHERE id = ({sends} LIMIT 1 OFFSET 1);
             UPDATE mail SET state = 'decided' WHERE id IN
                 (SELECT mail_id FROM effect WHERE state IN ('started', 'pending'));
             DELETE FROM answer_to WHERE whom NOT LIKE '@%' OR effect_id NOT IN ({sends} LIMIT 2);
             UPDATE answer_to SET whom = '@hinode.example', at = {at};
             UPDATE mail SET sender = 'someone@hinode.example' WHERE id IN
                 (SELECT mail_id FROM effect WHERE id IN ({sends} LIMIT 2))",
            at = minute(0).as_millisecond(),
        ),
    );
    let store = Store::open(&path, minute(1)).unwrap();
    let started = store.interrupted("demo").await.unwrap();
    let ready = store.ready_to_send("demo", minute(1), 10).await.unwrap();
    let [first, second] = [&started[..], &ready[..]].map(|rows| match rows {
        [row] => row.clone(),
        other => panic!("{other:?}"),
    });
    let subjects = [&first, &second].map(|row| row.effect.mail().unwrap().subject.clone());
    assert!(subjects.iter().all(|subject| subject.starts_with("Re: ")), "{subjects:?}");
    // The one that may have gone out counts for the other, and not for itself.
    assert_eq!(store.standing(&second, true, minute(1)).await.unwrap().to_domain, 1);

    store.start(&[second.id], minute(1)).await.unwrap();
    assert_eq!(store.standing(&first, true, minute(2)).await.unwrap().to_domain, 1);
    let refused = Outcome::Failed { reason: "550 no such user".into() };
    store.finish(vec![(first.id, Outcome::Done { note: None }), (second.id, refused)], minute(2)).await.unwrap();
    assert_eq!(store.standing(&first, true, minute(2)).await.unwrap().to_domain, 0, "what was refused did not go out");
    let refused = store.refused("demo").await.unwrap();
    assert!(refused.iter().any(|one| one.reason.as_deref() == Some("550 no such user")), "{refused:?}");
    let unsent = store.unsent("demo").await.unwrap();
    assert!(unsent.iter().any(|entry| entry.id == second.id && entry.reply.subject == subjects[1]));
    drop(store);
    madoguchi::store::send_again(&path, second.id, minute(3)).unwrap();
    let store = Store::open(&path, minute(3)).unwrap();
    assert_eq!(store.ready_to_send("demo", minute(3), 10).await.unwrap()[0].effect, second.effect);
}

//! The schema and its history. A store says by `application_id` that it is ours and by `user_version` how many of
//! the migrations it has seen.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::Fault;
use super::values::Ms;

/// "mado" in ASCII.
const APPLICATION_ID: i64 = 0x6d61_646f;

/// In order; the n-th leads to version n. A published one is never changed: what is needed next is added.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// The version this program works with.
pub(super) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The store's version; 0 for an empty file.
///
/// # Errors
/// Not a store of ours, or one of a newer program.
pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (pragma("application_id")?, pragma("user_version")?) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, found) if found > NEWEST => Err(Fault::Newer { found, known: NEWEST }),
        (APPLICATION_ID, found) if found > 0 => Ok(found),
        _ => Err(Fault::NotAStore),
    }
}

/// Brings a store of version `from` to the newest one, all in one transaction.
pub(super) fn migrate(connection: &mut Connection, from: i64, now: Timestamp) -> Result<(), Fault> {
    if from == NEWEST {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in MIGRATIONS.iter().skip(usize::try_from(from).unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    if from == 0 {
        let set = "INSERT INTO meta (key, value) VALUES (?1, ?2)";
        transaction.execute(set, ("secret", new_secret()?))?;
        transaction.execute(set, ("created_at", Ms(now)))?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", NEWEST)?;
    transaction.commit()?;
    Ok(())
}

fn new_secret() -> Result<[u8; 32], Fault> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(secret)
}

/// The key made with the store.
pub(super) fn secret(connection: &Connection) -> Result<Vec<u8>, Fault> {
    let secret =
        connection.query_row("SELECT value FROM meta WHERE key = 'secret'", [], |row| row.get(0)).optional()?;
    secret.ok_or_else(|| Fault::Damaged("its key is missing".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(version(&connection).unwrap(), 0);
        migrate(&mut connection, 0, Timestamp::UNIX_EPOCH).unwrap();
        connection
    }

    #[test]
    fn a_new_store_is_of_the_newest_version_and_stays_as_it_is() {
        let mut connection = migrated();
        assert_eq!(version(&connection).unwrap(), NEWEST);
        let before = secret(&connection).unwrap();
        migrate(&mut connection, NEWEST, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(secret(&connection).unwrap(), before);
        assert!(before.len() == 32 && before.iter().any(|byte| *byte != 0));
    }

    #[test]
    fn every_table_checks_its_types() {
        let connection = migrated();
        let mut statement =
            connection.prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0").unwrap();
        let lax: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(lax, ["sqlite_schema"]);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_store_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        // The last table of the schema is in the way.
        connection.execute_batch("CREATE TABLE effect_text (x)").unwrap();
        assert!(migrate(&mut connection, 0, Timestamp::UNIX_EPOCH).is_err());
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
        assert_eq!(tables, 1);
    }

    #[test]
    fn a_store_without_its_key_is_damaged() {
        let connection = migrated();
        connection.execute("DELETE FROM meta", []).unwrap();
        assert!(matches!(secret(&connection), Err(Fault::Damaged(_))));
    }
}

//! How our values stand in columns.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use super::effect::{After, EffectState};
use super::{EffectId, MailId, MailState};
use crate::triage::arrival::{Item, MailKey};

/// A point in time as milliseconds UTC; what is finer is cut off.
pub(super) struct Ms(pub Timestamp);

impl ToSql for Ms {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Ms {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let ms = value.as_i64()?;
        Timestamp::from_millisecond(ms).map(Ms).map_err(|_| FromSqlError::OutOfRange(ms))
    }
}

/// A time that may be missing.
pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<Ms>>(column)?.map(|ms| ms.0))
}

/// The columns `uid` and `file` of an item.
pub(super) fn item_columns(item: &Item) -> (u32, &str) {
    match item {
        Item::Uid(uid) => (*uid, ""),
        Item::File(name) => (0, name),
    }
}

/// The key from the columns `mailbox`, `validity`, `uid`, `file`.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<MailKey> {
    let file: String = row.get("file")?;
    let item = if file.is_empty() { Item::Uid(row.get("uid")?) } else { Item::File(file) };
    Ok(MailKey { mailbox: row.get("mailbox")?, validity: row.get("validity")?, item })
}

impl ToSql for MailId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for MailId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(MailId)
    }
}

impl ToSql for EffectId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for EffectId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(EffectId)
    }
}

impl FromSql for MailState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        MailState::ALL.into_iter().find(|state| state.as_str() == word).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for EffectState {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_str().to_sql()
    }
}

impl FromSql for EffectState {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        EffectState::ALL.into_iter().find(|state| state.as_str() == word).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for After {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_str().to_sql()
    }
}

impl FromSql for After {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        After::ALL.into_iter().find(|after| after.as_str() == word).ok_or(FromSqlError::InvalidType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_to_the_millisecond() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for (time, kept) in [
            ("2026-11-24T01:02:03.456789Z", "2026-11-24T01:02:03.456Z"),
            ("2026-11-24T10:02:03+09:00", "2026-11-24T01:02:03Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            let back: Ms = connection.query_row("SELECT ?1", [Ms(time)], |row| row.get(0)).unwrap();
            assert_eq!(back.0, kept.parse().unwrap());
        }
        assert!(connection.query_row("SELECT 9223372036854775807", [], |row| row.get::<_, Ms>(0)).is_err());
    }

    #[test]
    fn every_state_has_its_own_word() {
        for state in EffectState::ALL {
            assert_eq!(EffectState::column_result(ValueRef::Text(state.as_str().as_bytes())), Ok(state));
        }
        for state in MailState::ALL {
            assert_eq!(MailState::column_result(ValueRef::Text(state.as_str().as_bytes())), Ok(state));
        }
        for after in After::ALL {
            assert_eq!(After::column_result(ValueRef::Text(after.as_str().as_bytes())), Ok(after));
        }
        assert!(EffectState::column_result(ValueRef::Text(b"other")).is_err());
    }
}

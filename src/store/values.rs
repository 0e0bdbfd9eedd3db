//! How our values stand in columns.

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{Row, ToSql};

use super::effect::EffectState;
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

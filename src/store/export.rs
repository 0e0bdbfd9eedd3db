//! Everything the store has about a person, as JSON and as the mails themselves.

use std::collections::BTreeSet;

use rusqlite::types::ValueRef;
use rusqlite::{Params, Row, Transaction};
use serde_json::{Map, Value, json};

use super::effects::payload;
use super::error::{Fault, StoreError};
use super::forget::spellings;
use super::{MailId, Store};
use crate::triage::gate::address::untagged;

/// What the store has about a person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// One object a row, with its table as `table`; columns as they stand in the store.
    pub rows: Vec<Value>,
    /// The mails, as far as their bytes are kept.
    pub mails: Vec<(MailId, Vec<u8>)>,
}

impl Store {
    /// Everything about the person with this address (and any plus-tag under which he wrote): mails from it and mails
    /// that name it, what was decided and sent about them, cases, budgets, entries of the register. An address that
    /// stands only inside an encoded part of somebody else's mail is not found. Reads the whole store.
    pub async fn export(&self, address: &str) -> Result<Export, StoreError> {
        let address = address.trim().to_lowercase();
        self.thread.read(move |tx| export(tx, &address)).await
    }
}

/// `?1`: an address. Addresses in headers are ASCII, in whatever case.
const MAILS: &str = concat!(
    "SELECT m.id FROM mail m LEFT JOIN raw r ON r.mail_id = m.id LEFT JOIN decision d ON d.mail_id = m.id
    WHERE m.sender = ?1 OR instr(lower(CAST(r.bytes AS TEXT)), ?1) > 0 OR instr(lower(d.json), ?1) > 0
       OR EXISTS (SELECT 1 FROM effect e WHERE e.mail_id = m.id AND instr(lower(",
    payload!(),
    "), ?1) > 0)"
);

/// By mail.
const OF_MAIL: [(&str, &str); 6] = [
    ("mail", "SELECT * FROM mail WHERE id = ?1"),
    ("decision", "SELECT * FROM decision WHERE mail_id = ?1"),
    ("decision_before", "SELECT * FROM decision_before WHERE mail_id = ?1"),
    ("observed", "SELECT * FROM observed WHERE mail_id = ?1"),
    ("effect", "SELECT * FROM effect WHERE mail_id = ?1 ORDER BY seq"),
    (
        "effect_text",
        "SELECT t.* FROM effect e JOIN effect_text t ON t.effect_id = e.id WHERE e.mail_id = ?1 ORDER BY e.seq",
    ),
];

/// By person. `?1`: the address as asked for, `?2`: the person, without plus-tag.
const OF_PERSON: [(&str, &str); 4] = [
    ("inquiry_case", "SELECT * FROM inquiry_case WHERE person IN (?1, ?2)"),
    ("bounced", "SELECT * FROM bounced WHERE address IN (?1, ?2)"),
    ("answer_to", "SELECT * FROM answer_to WHERE whom IN (?1, ?2) OR whom LIKE ?1 || ' %' OR whom LIKE ?2 || ' %'"),
    ("register", "SELECT * FROM register WHERE instr(lower(json), ?1) > 0 OR instr(lower(json), ?2) > 0"),
];

const RAW: &str = "SELECT bytes FROM raw WHERE mail_id = ?1";

fn export(tx: &Transaction<'_>, address: &str) -> Result<Export, Fault> {
    let person = untagged(address);
    let mut addresses: BTreeSet<String> = spellings(tx, &person)?.into_iter().collect();
    addresses.extend([address.to_owned(), person.clone()]);
    let mut mails: BTreeSet<MailId> = BTreeSet::new();
    for address in &addresses {
        let mut naming = tx.prepare_cached(MAILS)?;
        let found = naming.query_map([address], |row| row.get(0))?;
        mails.extend(found.collect::<Result<Vec<MailId>, _>>()?);
    }
    let mut export = Export::default();
    for mail in mails {
        for (table, sql) in OF_MAIL {
            rows(tx, (table, sql), [mail], &mut export.rows)?;
        }
        let bytes =
            tx.prepare_cached(RAW)?.query_map([mail], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
        export.mails.extend(bytes.into_iter().map(|bytes| (mail, bytes)));
    }
    for (table, sql) in OF_PERSON {
        rows(tx, (table, sql), (address, &person), &mut export.rows)?;
    }
    Ok(export)
}

fn rows(
    tx: &Transaction<'_>,
    (table, sql): (&str, &str),
    values: impl Params,
    into: &mut Vec<Value>,
) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut found = statement.query(values)?;
    while let Some(row) = found.next()? {
        into.push(object(table, &names, row)?);
    }
    Ok(())
}

fn object(table: &str, names: &[String], row: &Row<'_>) -> Result<Value, Fault> {
    let mut object = Map::from_iter([("table".to_owned(), json!(table))]);
    for (at, name) in names.iter().enumerate() {
        object.insert(name.clone(), value(name, row.get_ref(at)?));
    }
    Ok(Value::Object(object))
}

/// JSON that stands in a column as it is meant; times stay milliseconds since 1970, bytes become hex.
fn value(name: &str, value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => json!(integer),
        ValueRef::Real(number) => json!(number),
        ValueRef::Text(text) => {
            let text = String::from_utf8_lossy(text);
            let nested = matches!(name, "json" | "payload" | "flags" | "circumstances");
            let parsed = if nested { serde_json::from_str(&text).ok() } else { None };
            parsed.unwrap_or_else(|| json!(text))
        }
        ValueRef::Blob(bytes) => json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

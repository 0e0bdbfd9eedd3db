//! Every statement of the store is looked at by SQLite's planner: none may read a table from end to end, and none may
//! sort, so that the millionth mail costs what the first one cost.

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::{
    backlog, breaker, case, cases, decisions, effects, history, journal, ledger, notices, observe, outages, purge,
    queue, register, replay, schema, standing, unsent,
};

fn store() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    // As `open` does: without it plans may look at values, which are all null here.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    schema::migrate(&mut connection, 0, Timestamp::UNIX_EPOCH).unwrap();
    connection
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let values = vec![rusqlite::types::Value::Null; statement.parameter_count()];
    let rows = statement.query_map(rusqlite::params_from_iter(values), |row| row.get("detail")).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Steps that cost more the more mail there is.
fn costly(sql: &str, step: &str) -> bool {
    // The newest mails are read from the end of the table, up to a limit.
    let bounded = step == "SCAN CONSTANT ROW" || (sql == cases::NEWEST && step == "SCAN m");
    (step.contains("SCAN") && !bounded) || step.contains("TEMP B-TREE") || step.contains("AUTOMATIC")
}

#[test]
fn no_statement_grows_with_the_store() {
    let connection = store();
    let all = [
        case::SQL,
        journal::SQL,
        decisions::SQL,
        effects::SQL,
        history::SQL,
        standing::SQL,
        breaker::SQL,
        cases::SQL,
        queue::SQL,
        notices::SQL,
        unsent::SQL,
        outages::SQL,
        ledger::SQL,
        observe::SQL,
        backlog::SQL,
        replay::SQL,
        &purge::SQL.concat(),
    ]
    .concat();
    assert!(all.len() > 40, "statements are missing from the lists");
    for sql in all {
        let plan = plan(&connection, sql);
        assert!(!plan.iter().any(|step| costly(sql, step)), "{sql}\n{plan:#?}");
    }
}

#[test]
fn the_check_sees_a_full_scan_and_a_sort() {
    let connection = store();
    for sql in ["SELECT id FROM mail WHERE size > 5", "SELECT id FROM mail WHERE desk = 'd' ORDER BY size"] {
        assert!(plan(&connection, sql).iter().any(|step| costly(sql, step)), "{sql}");
    }
}

#[test]
fn the_statements_in_the_hot_path_use_the_index_made_for_them() {
    let connection = store();
    let check = |sql: &[&str], index: &str| {
        let named = sql.iter().filter(|sql| plan(&connection, sql).iter().any(|step| step.contains(index)));
        assert!(named.count() > 0, "{index}");
    };
    for index in ["mail_undecided", "mail_key"] {
        check(journal::SQL, index);
    }
    for index in ["mail_bytes", "mail_message_id", "effect_message_id"] {
        check(history::SQL, index);
    }
    for index in ["effect_pending", "effect_started"] {
        check(effects::SQL, index);
    }
    check(case::SQL, "decision_case");
    check(register::SQL, "PRIMARY KEY");
    for index in ["answer_to_at", "answer_to_effect"] {
        check(standing::SQL, index);
    }
    check(breaker::SQL, "answer_decided_at");
    for index in ["queue_due", "queue_sender"] {
        check(queue::SQL, index);
    }
    check(cases::SQL, "mail_desk");
    for index in ["effect_unsent", "effect_message_id"] {
        check(unsent::SQL, index);
    }
    check(journal::SQL, "mail_quarantined");
}

/// What is written with each mail, and with each of its effects.
const WITH_EACH_MAIL: [&[&str]; 3] = [decisions::SQL, effects::WITH_EACH, &[journal::INSERT, journal::INSERT_RAW]];

#[test]
fn what_is_written_with_each_mail_needs_no_temporary_table() {
    let connection = store();
    let makes_one = |sql: &str| {
        let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let values = vec![rusqlite::types::Value::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>("opcode"));
        steps.unwrap().any(|step| step.unwrap() == "OpenEphemeral")
    };
    assert!(makes_one(decisions::SQL[3]), "the words of a state would be looked up in one");
    connection.pragma_update(None, "ignore_check_constraints", true).unwrap();
    for sql in WITH_EACH_MAIL.concat() {
        assert!(!makes_one(sql), "{sql}");
    }
}

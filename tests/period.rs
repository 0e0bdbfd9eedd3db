//! Outage periods read from mails (`period.toml`), and the tiers of the corpus's claims.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use madoguchi::config;
use madoguchi::triage::credit::Claim;
use madoguchi::triage::inquiry::Inquiry;
use madoguchi::triage::own_words::OwnWords;
use madoguchi::triage::period::{self, Period};
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::sections::{self, Hints};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    body: String,
    periods: Vec<String>,
    known: Option<String>,
}

fn mail(body: &str) -> Inquiry {
    let sections = sections::split(body, &Hints::default());
    Inquiry { text: body.into(), sections, complete: true, ..Inquiry::default() }
}

fn tokyo() -> TimeZone {
    TimeZone::get("Asia/Tokyo").unwrap()
}

fn shown(at: Timestamp) -> String {
    at.to_zoned(tokyo()).strftime("%m-%d %H:%M").to_string()
}

fn line(period: &Period) -> String {
    let about = if period.approximate { "about " } else { "" };
    format!("{about}{} – {}", shown(period.from), shown(period.until))
}

#[test]
fn periods_are_read_as_the_table_says() {
    let table: Table = toml::from_str(include_str!("period.toml")).unwrap();
    let sent: Timestamp = "2026-11-19T10:00:00+09:00".parse().unwrap();
    let failures: Vec<String> = table
        .case
        .iter()
        .filter_map(|case| {
            let found = period::read(&OwnWords::of(&mail(&case.body)), sent, &tokyo());
            let periods: Vec<String> = found.periods.iter().map(line).collect();
            let known = found.known_from.map(shown);
            (periods != case.periods || known != case.known).then(|| format!("{}: {periods:?} {known:?}", case.body))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases:\n{}", failures.len(), failures.join("\n"));
}

/// Every claim of the corpus that states its times, by length alone. A ratchet: all are right today.
#[test]
fn tiers_of_the_corpus_are_found() {
    let book = Rulebook::compile(config::embedded_pack("biz-phone").unwrap().into()).unwrap();
    let credit = book.credit.as_ref().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in ["biz-phone", "biz-phone-2", "biz-phone-3", "biz-phone-4", "biz-phone-conduct"] {
        let text = fs::read_to_string(format!("tests/corpus/dev/{file}.jsonl")).unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some(expected) = row["sla_expect"]["tier"].as_str() else { continue };
            count += 1;
            let day = row["received_at"].as_str().unwrap_or("2026-11-20");
            let sent: Timestamp = format!("{day}T10:00:00+09:00").parse().unwrap();
            let told = period::read(&OwnWords::of(&mail(row["body"].as_str().unwrap())), sent, &tokyo());
            let found =
                credit.table.claim(&Claim { told: &told, recorded: &[], excluded: Vec::new(), fee: None }, &tokyo());
            let tier = found.map_or("not read".to_owned(), |credit| credit.tier);
            if tier != expected {
                wrong.push(format!("{}: {expected}, read as {tier}", row["id"]));
            }
        }
    }
    assert!(count > 70, "{count} claims");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

//! The safety gate against its rulebook: every case is data in `tests/gate/*.toml`.

#[path = "gate/harness.rs"]
mod harness;

use std::collections::BTreeSet;
use std::path::Path;

use harness::{Mail, World, in_world};
use madoguchi::triage::auth;
use madoguchi::triage::context::RequiredAuth;
use madoguchi::triage::decision::{AuthLevel, Gate, GateVerdict};
use madoguchi::triage::gate::{Target, judge, reply_target};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Cases<T> {
    case: Vec<T>,
}

#[derive(Deserialize)]
struct GateCase {
    /// Every rule that fires, in order; none for an ordinary mail.
    rules: Vec<String>,
    /// Without it: `answer` without rules, else `human`.
    verdict: Option<GateVerdict>,
    #[serde(default)]
    world: World,
    #[serde(flatten)]
    mail: toml::Table,
}

#[derive(Deserialize)]
struct AuthCase {
    level: AuthLevel,
    /// The proof, word for word.
    proof: String,
    /// Without it: `mx.desk.example`; empty: none is trusted.
    trusted: Option<String>,
    #[serde(flatten)]
    mail: toml::Table,
}

#[derive(Deserialize)]
struct TargetCase {
    #[serde(default = "unproved")]
    level: AuthLevel,
    #[serde(default = "strict")]
    required: String,
    /// `to a@b`, `ack a@b` or `human why`
    target: String,
    #[serde(flatten)]
    mail: toml::Table,
}

fn unproved() -> AuthLevel {
    AuthLevel::None
}

fn strict() -> String {
    "strong".into()
}

fn cases<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gate").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    toml::from_str::<Cases<T>>(&text).unwrap_or_else(|error| panic!("{file}: {error}")).case
}

fn mail(table: &toml::Table) -> Mail {
    table.clone().try_into().unwrap_or_else(|error| panic!("{table}: {error}"))
}

/// One case; what is wrong with it, if anything.
fn check(case: &GateCase) -> Option<String> {
    let mail = mail(&case.mail);
    let inquiry = mail.inquiry();
    let gate = in_world(&case.world, |ctx| judge(&inquiry, ctx, AuthLevel::None));
    let usual = if case.rules.is_empty() { GateVerdict::Answer } else { GateVerdict::Human };
    let right = rules(&gate) == case.rules && gate.verdict == case.verdict.unwrap_or(usual);
    (!right).then(|| format!("{}: expected {:?} {:?}, got {gate:?}", mail.name, case.verdict, case.rules))
}

fn rules(gate: &Gate) -> Vec<&str> {
    gate.hits.iter().map(|hit| hit.rule.as_str()).collect()
}

fn check_file(file: &str) {
    let wrong: Vec<String> = cases::<GateCase>(file).iter().filter_map(check).collect();
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}

#[test]
fn header_fields_of_robots_and_lists() {
    check_file("headers.toml");
}

#[test]
fn senders_and_recipients() {
    check_file("sender.toml");
}

#[test]
fn subjects() {
    check_file("subject.toml");
}

#[test]
fn mime_parts_and_text() {
    check_file("content.toml");
}

#[test]
fn what_was_before() {
    check_file("history.toml");
}

const GATE_FILES: [&str; 5] = ["headers.toml", "sender.toml", "subject.toml", "content.toml", "history.toml"];

#[test]
fn every_rule_has_a_case_that_fires_it() {
    let fired: BTreeSet<String> = GATE_FILES.into_iter().flat_map(cases::<GateCase>).flat_map(|c| c.rules).collect();
    let judged = (1..=28).filter(|n| ![23, 25].contains(n)).map(|n| format!("R{n}"));
    assert_eq!(fired, judged.collect());
}

#[test]
fn evidence_shows_no_address_and_no_body() {
    for case in GATE_FILES.into_iter().flat_map(cases::<GateCase>) {
        let inquiry = mail(&case.mail).inquiry();
        let gate = in_world(&case.world, |ctx| judge(&inquiry, ctx, AuthLevel::None));
        for hit in gate.hits {
            let told = hit.detail.contains('@') || hit.detail.contains('\n') || hit.detail.len() > 100;
            assert!(!told, "{}", hit.detail);
        }
    }
}

#[test]
fn senders_are_proved_only_by_our_own_border() {
    for case in cases::<AuthCase>("auth.toml") {
        let trusted = case.trusted.as_deref().unwrap_or("mx.desk.example");
        let mail = mail(&case.mail);
        let (level, proof) = auth::level(&mail.inquiry(), Some(trusted).filter(|id| !id.is_empty()));
        assert_eq!((level, proof.as_str()), (case.level, case.proof.as_str()), "{}", mail.name);
    }
}

#[test]
fn answers_go_where_nobody_else_can_aim_them() {
    for case in cases::<TargetCase>("target.toml") {
        let required = match case.required.as_str() {
            "strong" => RequiredAuth::Strong,
            "weak" => RequiredAuth::Weak,
            "off" => RequiredAuth::Off,
            other => panic!("{other}"),
        };
        let mail = mail(&case.mail);
        let target = match reply_target(&mail.inquiry(), case.level, required) {
            Target::To(to) => format!("to {}", to.address),
            Target::AcknowledgeOnly(to) => format!("ack {}", to.address),
            Target::Human { why } => format!("human {why}"),
        };
        assert_eq!(target, case.target, "{}", mail.name);
    }
}

//! The safety gate against its rulebook: every case is data in `tests/gate/*.toml`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "gate/harness.rs"]
mod harness;

use std::collections::BTreeSet;
use std::path::Path;

use harness::{Mail, World, in_world};
use madoguchi::triage::auth;
use madoguchi::triage::context::{AuthProfile, Border, RequiredAuth};
use madoguchi::triage::decision::{AuthLevel, Gate, GateVerdict};
use madoguchi::triage::gate::{OwnText, Target, judge, reply_target};
use madoguchi::triage::inquiry::{Header, Inquiry, Mailbox};
use proptest::prelude::*;
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
    /// `border_received_by`
    received_by: Option<String>,
    /// Without it: `standard`.
    #[serde(default)]
    profile: String,
    /// `trusted_arc_sealers`
    #[serde(default)]
    sealers: Vec<String>,
    /// Domain of a signature that was checked at receipt.
    dkim: Option<String>,
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
    let gate = in_world(&case.world, |ctx| judge(&inquiry, OwnText::of(&inquiry), ctx, AuthLevel::None));
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
    let judged = (1..=28).filter(|n| *n != 25).map(|n| format!("R{n}"));
    assert_eq!(fired, judged.collect());
}

#[test]
fn evidence_shows_no_address_and_no_body() {
    for case in GATE_FILES.into_iter().flat_map(cases::<GateCase>) {
        let inquiry = mail(&case.mail).inquiry();
        let gate = in_world(&case.world, |ctx| judge(&inquiry, OwnText::of(&inquiry), ctx, AuthLevel::None));
        for hit in gate.hits {
            let told = hit.detail.contains('@') || hit.detail.contains('\n') || hit.detail.len() > 100;
            assert!(!told, "{}", hit.detail);
        }
    }
}

impl AuthCase {
    fn border(&self) -> Border {
        let authserv = self.trusted.clone().unwrap_or_else(|| "mx.desk.example".into());
        Border {
            profile: match self.profile.as_str() {
                "" => AuthProfile::Standard,
                "m365" => AuthProfile::Microsoft365,
                "google" => AuthProfile::Google,
                other => panic!("{other}"),
            },
            authserv: Some(authserv).filter(|id| !id.is_empty()),
            received_by: self.received_by.clone(),
            arc_sealers: self.sealers.clone(),
        }
    }
}

fn check_auth(file: &str) {
    let mut wrong = Vec::new();
    for case in cases::<AuthCase>(file) {
        let mail = mail(&case.mail);
        let (level, proof) = auth::level(&mail.inquiry(), &case.border(), case.dkim.as_deref());
        if (level, proof.as_str()) != (case.level, case.proof.as_str()) {
            wrong.push(format!("{}: expected {:?} {}\n  got {level:?} {proof}", mail.name, case.level, case.proof));
        }
    }
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}

#[test]
fn senders_are_proved_only_by_our_own_border() {
    check_auth("auth.toml");
}

#[test]
fn what_stands_below_the_named_border_proves_nothing() {
    check_auth("auth-border.toml");
}

#[test]
fn providers_are_believed_where_they_write() {
    check_auth("auth-providers.toml");
}

#[test]
fn forwarders_vouch_only_if_trusted_and_found_valid() {
    check_auth("auth-arc.toml");
}

#[test]
fn a_signature_checked_here_counts_for_its_own_domain() {
    check_auth("auth-dkim.toml");
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

#[test]
fn mail_from_our_own_domain_says_whether_it_was_proved() {
    let table = toml::toml! {
        name = "a colleague, or a forger"
        headers = "From: sales@desk.example"
    };
    let inquiry = mail(&table).inquiry();
    for (level, detail) in [
        (AuthLevel::None, "From: own domain, not authenticated"),
        (AuthLevel::Strong, "From: own domain, authenticated"),
    ] {
        let gate = in_world(&World::default(), |ctx| judge(&inquiry, OwnText::of(&inquiry), ctx, level));
        assert_eq!(gate.hits[0].detail, detail);
    }
}

/// Fields that the gate takes apart.
const FIELDS: [&str; 11] = [
    "From",
    "Return-Path",
    "Auto-Submitted",
    "Received",
    "Authentication-Results",
    "ARC-Seal",
    "ARC-Authentication-Results",
    "X-Madoguchi-Loop",
    "Reply-To",
    "Resent-To",
    "X-Forefront-Antispam-Report",
];

prop_compose! {
    /// Anything a mail may hold, rich in what parsers stumble over.
    fn hostile()(
        fields in prop::collection::vec((prop::sample::select(&FIELDS[..]), r#"(mx.desk.example; |i=1; d=a.jp; |from x by mx.(desk.example|google.com) |arc=pass; )?([a-z=;("\\)<>@.\[\]: あ]|spf=pass|【|自動応答){0,30}"#), 0..8),
        addresses in prop::collection::vec(r#"[a-z@.<>"\[\]あ+-]{0,12}"#, 0..3),
        subject in r#"([\[【(<*:#。 ]|Re|自動返信|re\[2\]:|パスワードのお知らせ|\PC){0,12}"#,
        text in r#"(このメール|自動送信|<<< 5|パスワード：|先程送付|\n|あ{1500}|\PC){0,12}"#,
    ) -> Inquiry {
        let boxes: Vec<Mailbox> =
            addresses.into_iter().map(|address| Mailbox { name: subject.clone(), address }).collect();
        let headers = fields.into_iter().map(|(name, raw)| Header { name: name.into(), raw }).collect();
        Inquiry { headers, from: boxes.clone(), reply_to: boxes, subject, text, ..Inquiry::default() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn hostile_mail_is_judged_like_any_other(
        inquiry in hostile(),
        profile in prop::sample::select(vec![AuthProfile::Standard, AuthProfile::Microsoft365, AuthProfile::Google]),
        received_by in prop::option::of(Just("mx.desk.example".to_string())),
    ) {
        let border = Border { profile, authserv: Some("mx.desk.example".into()), received_by, arc_sealers: vec!["a.jp".into()] };
        let (level, _) = auth::level(&inquiry, &border, None);
        let gate = in_world(&World::default(), |ctx| judge(&inquiry, OwnText::of(&inquiry), ctx, level));
        prop_assert_eq!(gate.verdict == GateVerdict::Answer, gate.hits.is_empty());
        prop_assert!(gate.hits.iter().all(|hit| hit.verdict != GateVerdict::Answer));
        if inquiry.from.len() != 1 {
            prop_assert!(gate.verdict >= GateVerdict::Human);
            prop_assert_eq!(level, AuthLevel::None);
            let target = reply_target(&inquiry, AuthLevel::Strong, RequiredAuth::Off);
            let staff = matches!(target, Target::Human { .. });
            prop_assert!(staff);
        }
    }
}

//! The decision as a table (`decide.toml`), with a small pack of its own: no rule tuning can break it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use madoguchi::config;
use madoguchi::triage::context::{Border, Context, Department, DeskProfile, Drafts, History, RequiredAuth, Seen};
use madoguchi::triage::decision::{Action, Decision, Reply};
use madoguchi::triage::register::{Customer, Partner, PhoneSupport, Register};
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::{decide, read};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    from: String,
    body: String,
    #[serde(default)]
    subject: String,
    #[serde(default = "dmarc")]
    auth: String,
    #[serde(default)]
    headers: Vec<String>,
    #[serde(default)]
    flags: Vec<String>,
    now: Option<String>,
    not_before: Option<String>,
    #[serde(default = "strong")]
    required: String,
    #[serde(default)]
    drafts: String,
    #[serde(default)]
    folders: BTreeMap<String, String>,
    #[serde(default)]
    answers_in_thread: u32,

    disposition: Option<String>,
    scopes: Option<Vec<String>>,
    conduct: Option<Vec<String>>,
    reason: Option<String>,
    template: Option<String>,
    at: Option<String>,
    to: Option<String>,
    labels: Option<Vec<String>>,
    kinds: Option<Vec<String>>,
    folder: Option<String>,
    evidence: Option<Vec<String>>,
    reply_subject: Option<String>,
}

fn dmarc() -> String {
    "dmarc".into()
}

fn strong() -> String {
    "strong".into()
}

const NOW: &str = "2026-11-20T10:30:00+09:00";

#[test]
fn the_table_of_decisions() {
    let table: Table = toml::from_str(include_str!("decide.toml")).unwrap();
    let rules = Rulebook::compile(mini_pack().into()).unwrap();
    let failures: Vec<String> = table.case.iter().filter_map(|case| check(case, &rules).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), table.case.len(), failures.join("\n"));
}

fn check(case: &Case, rules: &Rulebook) -> Result<(), String> {
    let decision = decide_case(case, rules);
    let reply = reply(&decision);
    let mut wrong = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, found: String| {
        if expected.as_ref().is_some_and(|expected| *expected != found) {
            wrong.push(format!("  {what}: expected {}, found {found}", expected.unwrap_or_default()));
        }
    };
    let list = |items: &Option<Vec<String>>| items.as_ref().map(|items| items.join(" | "));
    compare("disposition", case.disposition.clone(), decision.disposition.as_str().into());
    compare("scopes", list(&case.scopes), decision.scopes.join(" | "));
    compare("conduct", list(&case.conduct), decision.conduct.join(" | "));
    compare("reason", case.reason.clone(), decision.reasons[0].code.clone());
    compare("kinds", list(&case.kinds), decision.actions.iter().map(kind).collect::<Vec<_>>().join(" | "));
    compare("labels", list(&case.labels), labels(&decision).join(" | "));
    compare("folder", case.folder.clone(), folder(&decision));
    let words: Vec<String> = decision.evidence.iter().map(|e| e.text.clone()).collect();
    compare("evidence", list(&case.evidence), words.join(" | "));
    compare("template", case.template.clone(), reply.map(|r| r.template.clone()).unwrap_or_default());
    compare("to", case.to.clone(), reply.map(|r| r.to.address.clone()).unwrap_or_default());
    compare("reply_subject", case.reply_subject.clone(), reply.map(|r| r.subject.clone()).unwrap_or_default());
    let at = |t: Option<Timestamp>| t.map(|t| t.to_string()).unwrap_or_default();
    compare("at", case.at.as_ref().map(|t| at(t.parse().ok())), at(reply.and_then(|r| r.at)));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}\n{}", case.name, wrong.join("\n"))) }
}

fn decide_case(case: &Case, rules: &Rulebook) -> Decision {
    let raw = mail(case);
    let inquiry = read::read(raw.as_bytes(), raw.len() as u64, true);
    let now: Timestamp = case.now.as_deref().unwrap_or(NOW).parse().unwrap();
    let desk = desk(case);
    let register = register();
    let seen = Seen {
        internal_date: Some(now),
        flags: case.flags.clone(),
        not_before: case.not_before.as_ref().map(|t| t.parse().unwrap()),
        ..Seen::default()
    };
    let history = History { answers_in_thread: case.answers_in_thread, ..History::default() };
    let (receipt, notices, release) = (None, Vec::new(), None);
    let (desk, register) = (&desk, &register);
    decide(
        &inquiry,
        &Context { now, desk, rules, register, seen, history, receipt, notices, outages: Vec::new(), release },
    )
}

fn mail(case: &Case) -> String {
    let domain = case.from.split('@').nth(1).unwrap();
    let results = match case.auth.as_str() {
        "dmarc" => format!("Authentication-Results: mx.desk.example; dmarc=pass header.from={domain}\n"),
        "spf" => format!("Authentication-Results: mx.desk.example; spf=pass smtp.mailfrom={domain}\n"),
        _ => String::new(),
    };
    let extra: String = case.headers.iter().map(|line| format!("{line}\n")).collect();
    let to = if extra.contains("To: ") { "" } else { "To: support@desk.example\n" };
    format!(
        "{results}Received: from x by mx.desk.example; Fri, 20 Nov 2026 10:30:00 +0900\n{extra}From: {}\n{to}Subject: {}\n\
         Date: Fri, 20 Nov 2026 10:29:00 +0900\nMessage-ID: <1@{domain}>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{}\n",
        case.from, case.subject, case.body
    )
}

fn desk(case: &Case) -> DeskProfile {
    let department = Department { name: "営業".into(), contact: "sales@desk.example".into() };
    DeskProfile {
        id: "test".into(),
        name: "試験窓口".into(),
        address: "support@desk.example".into(),
        own_addresses: ["support@desk.example".into()].into(),
        border: Border { authserv: Some("mx.desk.example".into()), ..Border::default() },
        authentication: match case.required.as_str() {
            "weak" => RequiredAuth::Weak,
            "off" => RequiredAuth::Off,
            _ => RequiredAuth::Strong,
        },
        label_prefix: "mado-".into(),
        folders: case.folders.clone(),
        drafts: match case.drafts.as_str() {
            "all" => Drafts::All,
            "review" => Drafts::Review,
            _ => Drafts::Never,
        },
        departments: BTreeMap::from([("sales".to_string(), department)]),
        signature: "試験窓口".into(),
        secret: vec![7; 32],
        ..DeskProfile::default()
    }
}

fn register() -> Register {
    let partner = Partner {
        id: "acme".into(),
        name: "アクメ商会".into(),
        contact: "help@acme.example".into(),
        phone_support: Some(PhoneSupport::default()),
        ..Partner::default()
    };
    let customer = |id: &str, domain: &str, partner: Option<&str>| Customer {
        id: id.into(),
        name: id.into(),
        addresses: vec![],
        domains: vec![domain.into()],
        partner: partner.map(Into::into),
        ..Customer::default()
    };
    let customers =
        vec![customer("direct", "direct.example.jp", None), customer("through", "through.example.jp", Some("acme"))];
    Register::new(vec![partner], customers).unwrap()
}

fn mini_pack() -> madoguchi::triage::pack::Pack {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
    config::pack_from(&packs.join("rules"), &packs.join("templates"), "mini")
        .unwrap_or_else(|p| panic!("{}", p.render(false)))
}

fn reply(decision: &Decision) -> Option<&Reply> {
    decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    })
}

fn kind(action: &Action) -> &'static str {
    match action {
        Action::Label { .. } => "label",
        Action::Acknowledge(_) => "acknowledge",
        Action::Queue { .. } => "queue",
        Action::Reply(_) => "reply",
        Action::Redirect(_) => "redirect",
        Action::Draft(_) => "draft",
        Action::Forward(_) => "forward",
        Action::Close(_) => "close",
        Action::Alert(_) => "alert",
        Action::AlertCommand(_) => "alert-command",
        Action::HandOver { .. } => "hand-over",
        Action::Move { .. } => "move",
    }
}

fn labels(decision: &Decision) -> Vec<String> {
    let label = decision.actions.iter().find_map(|action| match action {
        Action::Label { labels } => Some(labels.clone()),
        _ => None,
    });
    label.unwrap_or_default()
}

fn folder(decision: &Decision) -> String {
    let folder = decision.actions.iter().find_map(|action| match action {
        Action::Move { folder } => Some(folder.clone()),
        _ => None,
    });
    folder.unwrap_or_default()
}

/// (words of the customer, expected in the answer)
#[test]
fn an_answer_names_the_department_and_the_opening() {
    let rules = Rulebook::compile(mini_pack().into()).unwrap();
    let case = Case {
        now: Some("2026-11-20T19:00:00+09:00".into()),
        ..toml::from_str("name = ''\nfrom = 'a@direct.example.jp'\nbody = '見積をお願いします。'").unwrap()
    };
    let decision = decide_case(&case, &rules);
    let body = &reply(&decision).unwrap().body;
    assert_eq!(body, "試験窓口\n[out-of-scope] 購入 → sales@desk.example\n11月24日(火) 10:00 以降\n\n試験窓口\n");
}

#[test]
fn a_redirect_names_the_partner_and_the_telephone_only_with_a_contract() {
    let rules = Rulebook::compile(mini_pack().into()).unwrap();
    let case: Case =
        toml::from_str("name = ''\nfrom = 'b@through.example.jp'\nbody = '設定の手順を教えてください。'").unwrap();
    let decision = decide_case(&case, &rules);
    assert_eq!(reply(&decision).unwrap().body, "パートナー アクメ商会（help@acme.example）へ。電話可\n");
}

#[test]
fn the_same_mail_in_the_same_context_gives_the_same_decision() {
    let rules = Rulebook::compile(mini_pack().into()).unwrap();
    let case: Case =
        toml::from_str("name = ''\nfrom = 'a@direct.example.jp'\nbody = '設定の手順を教えてください。'").unwrap();
    assert_eq!(decide_case(&case, &rules), decide_case(&case, &rules));
}

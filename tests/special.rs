//! Mail of special kinds, whole: raw bytes → inquiry → decision, with the small pack of `tests/packs`. Read receipts,
//! meetings, absence notes, encrypted mail, password notices and web forms; `tests/special/expected.toml` says what
//! each must lead to.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use madoguchi::config;
use madoguchi::triage::context::{Border, Context, DeskProfile, History, RequiredAuth, Seen};
use madoguchi::triage::decision::{Action, AuthLevel, Decision, Disposition, Reply, RouteKind};
use madoguchi::triage::form::{AddressPlace, FormRule, opened};
use madoguchi::triage::inquiry::{Inquiry, SectionKind};
use madoguchi::triage::register::{Customer, Register};
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::{decide, read};
use serde::Deserialize;

/// What a mail must lead to; everything is compared.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    disposition: String,
    /// All codes, in order.
    reasons: Vec<String>,
    /// Template and recipient of the answer, if one goes out.
    answer: String,
    scopes: Vec<String>,
    /// Labels beyond disposition and scopes.
    labels: Vec<String>,
    attachments: Vec<String>,
    /// `name <address>` of the customer, and the question; only of web forms.
    customer: String,
    question: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/special")
}

fn expected() -> BTreeMap<String, Expected> {
    toml::from_str(&std::fs::read_to_string(folder().join("expected.toml")).unwrap()).unwrap()
}

fn mail(name: &str) -> Inquiry {
    let raw = std::fs::read(folder().join(name).with_extension("eml")).unwrap();
    read::read(&raw, raw.len() as u64, true)
}

fn desk(authentication: RequiredAuth) -> DeskProfile {
    let form = |from: &str, address: AddressPlace, labels: bool| FormRule {
        from: from.into(),
        address,
        name: labels.then(|| "お名前".into()),
        company: labels.then(|| "会社名".into()),
        subject: labels.then(|| "件名".into()),
        body: "お問い合わせ内容".into(),
        others: vec!["電話番号".into()],
    };
    DeskProfile {
        id: "test".into(),
        name: "試験窓口".into(),
        address: "support@desk.example".into(),
        own_addresses: ["support@desk.example".into()].into(),
        border: Border { authserv: Some("mx.desk.example".into()), ..Border::default() },
        authentication,
        forms: vec![
            form("no-reply@form.example", AddressPlace::Label("メールアドレス".into()), true),
            form("form@site.example", AddressPlace::ReplyTo, false),
        ],
        label_prefix: "mado-".into(),
        secret: vec![7; 32],
        ..DeskProfile::default()
    }
}

/// Knows one customer, so that an answer could tell more than it may.
fn register() -> Register {
    let customer = Customer {
        id: "direct".into(),
        name: "直接".into(),
        domains: vec!["direct.example.jp".into(), "customer.example.jp".into()],
        ..Customer::default()
    };
    Register::new(vec![], vec![customer]).unwrap()
}

fn decided(inquiry: &Inquiry, desk: &DeskProfile, history: History) -> Decision {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
    let pack = config::pack_from(&packs.join("rules"), &packs.join("templates"), "mini").unwrap();
    let rules = Rulebook::compile(pack.into()).unwrap();
    let now: Timestamp = "2026-11-24T10:30:00+09:00".parse().unwrap();
    let (rules, register, seen) = (&rules, &register(), Seen::default());
    let (receipt, notices, release) = (None, Vec::new(), None);
    decide(
        inquiry,
        &Context { now, desk, rules, register, seen, history, receipt, notices, outages: Vec::new(), release },
    )
}

fn answer(decision: &Decision) -> Option<&Reply> {
    decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    })
}

fn extra_labels(decision: &Decision) -> Vec<String> {
    let usual: BTreeSet<&str> = decision
        .scopes
        .iter()
        .chain(&decision.conduct)
        .map(String::as_str)
        .chain([decision.disposition.as_str()])
        .collect();
    let labels = decision.actions.iter().find_map(|action| match action {
        Action::Label { labels } => Some(labels.clone()),
        _ => None,
    });
    let names = labels.unwrap_or_default().into_iter().map(|label| label.trim_start_matches("mado-").to_string());
    names.filter(|name| !usual.contains(name.as_str())).collect()
}

fn found(name: &str) -> Expected {
    let (mail, desk) = (mail(name), desk(RequiredAuth::Strong));
    let decision = decided(&mail, &desk, History::default());
    let inquiry = opened(&mail, &desk);
    let typed = inquiry.form.is_some() && inquiry.oddities.is_empty();
    let from = typed.then(|| format!("{} <{}>", inquiry.from[0].name, inquiry.from[0].address));
    let own = inquiry.sections.iter().filter(|s| s.kind == SectionKind::Body && typed);
    let question: String = own.map(|s| inquiry.section_text(s)).collect();
    Expected {
        disposition: decision.disposition.as_str().into(),
        reasons: decision.reasons.iter().map(|r| r.code.clone()).collect(),
        answer: answer(&decision).map(|r| format!("{} to {}", r.template, r.to.address)).unwrap_or_default(),
        scopes: decision.scopes.clone(),
        labels: extra_labels(&decision),
        attachments: mail.attachments.iter().map(|a| a.name.clone()).collect(),
        customer: from.unwrap_or_default(),
        question: question.trim().into(),
    }
}

#[test]
fn every_mail_leads_to_what_it_must() {
    let expected = expected();
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mails: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|e| e == "eml"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(mails, expected.keys().cloned().collect(), "every mail is expected to be something");
    let mut wrong = Vec::new();
    for (name, expected) in expected {
        let found = found(&name);
        if found != expected {
            wrong.push(format!("{name}\nexpected {expected:#?}\nfound {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_journal_number_of_the_first_mail_stands_in_the_reason() {
    let history = History { ppap_first: Some("41".into()), ..History::default() };
    let decision = decided(&mail("ppap-second-of-a-gateway"), &desk(RequiredAuth::Strong), history);
    let reason = decision.reasons.iter().find(|r| r.code == "ppap").unwrap();
    assert_eq!(reason.text, "添付ファイルのパスワードの通知です（記録番号 41 のメールの続き）");
}

/// The words before and behind the password would be evidence, and evidence quotes what stands between.
#[test]
fn a_password_stands_nowhere_in_a_decision() {
    for name in ["ppap-second-of-a-person", "ppap-second-of-a-gateway"] {
        let mail = mail(name);
        assert!(mail.text.contains("Xk39-aa"), "{name}");
        let decision = decided(&mail, &desk(RequiredAuth::Strong), History::default());
        assert!(!serde_json::to_string(&decision).unwrap().contains("Xk39"), "{name}");
        assert!(decision.evidence.is_empty() && decision.parts.is_empty(), "{name}");
    }
}

/// Anybody may have typed the address: what goes there must hold nothing that was typed, and nothing about a customer.
#[test]
fn answers_to_forms_hold_nothing_that_was_typed() {
    let name = "form-with-a-mail-header-as-name";
    let plain = decided(&mail("form"), &desk(RequiredAuth::Strong), History::default());
    for required in [RequiredAuth::Strong, RequiredAuth::Weak, RequiredAuth::Off] {
        let decision = decided(&mail(name), &desk(required), History::default());
        let reply = answer(&decision).unwrap();
        assert_eq!((reply.to.name.as_str(), reply.subject.as_str()), ("", "Re: お問い合わせの件"));
        assert_eq!(reply.body, answer(&plain).unwrap().body);
        let known = decided(&mail("form-with-an-address-of-a-customer"), &desk(required), History::default());
        assert_eq!(answer(&known).unwrap().template, "acknowledge");
        assert_eq!((known.route.kind, known.route.authenticated), (RouteKind::Direct, AuthLevel::None));
    }
}

#[test]
fn the_proof_names_the_form_and_what_proves_it() {
    let decision = decided(&mail("form"), &desk(RequiredAuth::Strong), History::default());
    let form =
        "web form of form.example: dmarc=pass header.from=form.example by mx.desk.example, Authentication-Results 1";
    assert_eq!(decision.route.proof, format!("not in the register; {form}"));
}

#[test]
fn without_a_listed_form_no_form_is_opened() {
    let none = DeskProfile { forms: vec![], ..desk(RequiredAuth::Off) };
    for name in expected().into_keys().filter(|name| name.starts_with("form")) {
        let mail = mail(&name);
        let decision = decided(&mail, &none, History::default());
        assert_ne!(decision.disposition, Disposition::Auto, "{name}");
        assert_eq!(*opened(&mail, &none), mail, "{name}");
    }
}

//! `[[test]]`: whole mails.

use std::collections::BTreeSet;

use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;

use super::{Checked, Outcome};
use crate::config::{Expected, GivenMail, MailTest};
use crate::triage::context::{Context, DeskProfile, History, Seen};
use crate::triage::decision::{Action, Decision, Reply, RouteKind};
use crate::triage::inquiry::Inquiry;
use crate::triage::register::{Customer, Partner, Register};
use crate::triage::rulebook::Rulebook;
use crate::triage::{decide, form, read};

pub fn check(tests: &[MailTest], profile: &DeskProfile, book: &Rulebook) -> Vec<Checked> {
    tests.iter().map(|test| one(test, profile, book)).collect()
}

fn one(test: &MailTest, profile: &DeskProfile, book: &Rulebook) -> Checked {
    let (outcome, detail) = match raw(test) {
        Ok(raw) => {
            let inquiry = form::open(read::read(&raw, raw.len() as u64, true), profile);
            compare(&test.expected, &decision(test, &inquiry, profile, book))
        }
        Err(error) => (Outcome::Wrong, error),
    };
    Checked { outcome, place: test.place.clone(), name: test.name.clone(), detail }
}

fn decision(test: &MailTest, inquiry: &Inquiry, profile: &DeskProfile, book: &Rulebook) -> Decision {
    let register = register(test.customer, inquiry);
    let (seen, history) = (Seen::default(), History::default());
    let (receipt, notices, release) = (None, Vec::new(), None);
    let (now, desk) = (test.at, profile);
    let ctx = Context {
        now,
        desk,
        rules: book,
        register: &register,
        seen,
        history,
        receipt,
        notices,
        outages: Vec::new(),
        release,
    };
    decide(inquiry, &ctx)
}

/// The sender's address is registered, with the desk or with a partner.
fn register(route: RouteKind, inquiry: &Inquiry) -> Register {
    let partner = Partner {
        id: "partner".into(),
        name: "パートナー株式会社".into(),
        contact: "help@partner.example".into(),
        ..Partner::default()
    };
    let customer = Customer {
        id: "customer".into(),
        name: "お客様".into(),
        addresses: inquiry.from.iter().map(|from| from.address.to_lowercase()).collect(),
        partner: (route == RouteKind::Partner).then(|| partner.id.clone()),
        ..Customer::default()
    };
    match route {
        RouteKind::Unknown => Register::default(),
        // Two entries are never too many.
        _ => Register::new(vec![partner], vec![customer]).unwrap_or_default(),
    }
}

fn raw(test: &MailTest) -> Result<Vec<u8>, String> {
    let (from, subject, body, quoted) = match &test.mail {
        GivenMail::File(path) => {
            return std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        }
        GivenMail::Written { from, subject, body, quoted } => (from, subject, body, quoted),
    };
    let quoted: String = quoted.iter().flat_map(|text| text.lines()).map(|line| format!("> {line}\n")).collect();
    let mail = MessageBuilder::new()
        .from(from.clone())
        .to("desk@pack.example")
        .subject(subject.clone())
        .header("Date", Raw::new(test.at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()))
        .message_id("test@sender.example")
        .text_body(format!("{}\n\n{quoted}", body.trim_end()));
    mail.write_to_vec().map_err(|error| error.to_string())
}

/// What differs, key by key; where keys differ in different ways the whole is wrong.
fn compare(expected: &Expected, decision: &Decision) -> (Outcome, String) {
    let reply = decision.actions.iter().find_map(reply);
    let reasons: Vec<&str> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
    let same = |is: bool| if is { Outcome::Right } else { Outcome::Wrong };
    let mut checks = Vec::new();
    if let Some(wanted) = expected.disposition {
        let found = decision.disposition;
        let why = format!("{} ({})", found.as_str(), reasons.join(" "));
        checks.push((same(found == wanted), "disposition", wanted.as_str().to_owned(), why));
    }
    for (key, wanted, found) in
        [("scopes", &expected.scopes, &decision.scopes), ("conduct", &expected.conduct, &decision.conduct)]
    {
        if let Some(wanted) = wanted {
            checks.push((sets(wanted, found), key, list(wanted), list(found)));
        }
    }
    if let Some(wanted) = &expected.reason {
        checks.push((same(reasons.contains(&wanted.as_str())), "reason", wanted.clone(), reasons.join(" ")));
    }
    if let Some(wanted) = expected.route {
        let found = decision.route.kind;
        checks.push((same(found == wanted), "route", format!("{wanted:?}"), format!("{found:?}")));
    }
    if let Some(wanted) = &expected.template {
        let found = reply.map_or("-", |reply| reply.template.as_str());
        checks.push((same(found == wanted), "template", wanted.clone(), found.to_owned()));
    }
    if let Some(wanted) = expected.reply_at {
        let found = reply.and_then(|reply| reply.at);
        let shown = found.map_or("-".to_owned(), |at| at.to_string());
        checks.push((same(found == Some(wanted)), "reply_at", wanted.to_string(), shown));
    }
    let wrong: Vec<_> = checks.into_iter().filter(|(outcome, ..)| *outcome != Outcome::Right).collect();
    let outcome = wrong.iter().map(|(outcome, ..)| *outcome).reduce(|a, b| if a == b { a } else { Outcome::Wrong });
    let detail = wrong.iter().map(|(_, key, wanted, found)| format!("{key}: wanted {wanted}, found {found}"));
    (outcome.unwrap_or(Outcome::Right), detail.collect::<Vec<_>>().join("; "))
}

fn sets(wanted: &[String], found: &[String]) -> Outcome {
    let (wanted, found): (BTreeSet<_>, BTreeSet<_>) = (wanted.iter().collect(), found.iter().collect());
    match (wanted.is_subset(&found), found.is_subset(&wanted)) {
        (true, true) => Outcome::Right,
        (true, false) => Outcome::Noisy,
        (false, true) => Outcome::Missing,
        (false, false) => Outcome::Wrong,
    }
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "-".into() } else { ids.join(" ") }
}

fn reply(action: &Action) -> Option<&Reply> {
    match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    }
}

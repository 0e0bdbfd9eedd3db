//! The examples and counterexamples of rules.

use super::{Checked, Outcome};
use crate::config::Example;
use crate::triage::classify::{Classification, classify};
use crate::triage::inquiry::{Inquiry, Section, SectionKind};
use crate::triage::own_words::OwnWords;
use crate::triage::pack::{ClauseKind, Place, Rule};
use crate::triage::rulebook::Rulebook;

pub fn check(examples: &[Example], book: &Rulebook) -> Vec<Checked> {
    examples.iter().map(|example| one(example, book)).collect()
}

fn one(example: &Example, book: &Rulebook) -> Checked {
    let rule = &book.pack.rules[example.rule];
    let said = classify(&OwnWords::of(&inquiry(&example.text, rule.place)), book);
    let applies = said.evidence.iter().any(|evidence| evidence.rule == rule.id);
    let (outcome, detail) = match (example.applies, applies) {
        (true, false) => (Outcome::Missing, format!("silent on its example 「{}」", example.text)),
        (false, true) => (Outcome::Noisy, format!("applies to its counterexample 「{}」", example.text)),
        (true, true) => match taken(rule, &said, book) {
            Some((outcome, by)) => (outcome, format!("{by}: 「{}」", example.text)),
            None => (Outcome::Right, String::new()),
        },
        (false, false) => (Outcome::Right, String::new()),
    };
    Checked { outcome, place: example.place.clone(), name: rule.id.clone(), detail }
}

/// The text where the rule looks for it.
fn inquiry(text: &str, place: Place) -> Inquiry {
    if place == Place::Subject {
        return Inquiry { subject: text.into(), ..Inquiry::default() };
    }
    let sections = vec![Section { kind: SectionKind::Body, start: 0, end: text.len() }];
    Inquiry { text: text.into(), sections, ..Inquiry::default() }
}

/// What is wrong with the decision about an example, where the rule alone is strong enough to decide: a sibling's
/// example is a counterexample for every other clause.
fn taken(rule: &Rule, said: &Classification, book: &Rulebook) -> Option<(Outcome, String)> {
    let kind = book.pack.clause(&rule.clause)?.kind;
    let enough = match kind {
        ClauseKind::Conduct => book.pack.thresholds.conduct,
        _ => book.pack.thresholds.scope,
    };
    let of_its_kind = if kind == ClauseKind::Conduct { &said.conduct } else { &said.scopes };
    let accused = kind != ClauseKind::Conduct && !said.conduct.is_empty();
    match () {
        _ if rule.score < enough => None,
        _ if accused => Some((Outcome::Noisy, format!("taken for conduct {}", said.conduct.join(" ")))),
        _ if of_its_kind.contains(&rule.clause) => None,
        _ if of_its_kind.is_empty() => Some((Outcome::Missing, format!("{} is not found in its example", rule.clause))),
        _ => Some((Outcome::Noisy, format!("{} takes its example", of_its_kind.join(" ")))),
    }
}

//! Every rule of the shipped packs keeps its word: it fires on each of its examples and on none of its
//! counterexamples.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use madoguchi::config;
use madoguchi::triage::classify::classify;
use madoguchi::triage::inquiry::{Inquiry, Section, SectionKind};
use madoguchi::triage::own_words::OwnWords;
use madoguchi::triage::pack::{Place, Rule};
use madoguchi::triage::rulebook::Rulebook;

#[test]
fn rules_fire_on_their_examples_only() {
    for pack in config::embedded_packs() {
        let book = Rulebook::compile(config::embedded_pack(&pack).unwrap().into()).unwrap();
        let wrong: Vec<String> = book.pack.rules.iter().flat_map(|rule| misfires(rule, &book)).collect();
        assert!(wrong.is_empty(), "{pack}:\n{}", wrong.join("\n"));
    }
}

fn misfires(rule: &Rule, book: &Rulebook) -> Vec<String> {
    let silent = rule.examples.iter().filter(|text| !fires(rule, text, book));
    let noisy = rule.counterexamples.iter().filter(|text| fires(rule, text, book));
    let silent = silent.map(|text| format!("  {}: silent on its example {text}", rule.id));
    silent.chain(noisy.map(|text| format!("  {}: fires on its counterexample {text}", rule.id))).collect()
}

fn fires(rule: &Rule, text: &str, book: &Rulebook) -> bool {
    classify(&OwnWords::of(&inquiry(text, rule.place)), book).evidence.iter().any(|evidence| evidence.rule == rule.id)
}

/// The text where the rule looks for it.
fn inquiry(text: &str, place: Place) -> Inquiry {
    if place == Place::Subject {
        return Inquiry { subject: text.into(), ..Inquiry::default() };
    }
    let sections = vec![Section { kind: SectionKind::Body, start: 0, end: text.len() }];
    Inquiry { text: text.into(), sections, ..Inquiry::default() }
}

#[test]
fn a_rule_without_counterexample_is_not_shipped() {
    for pack in config::embedded_packs() {
        for rule in config::embedded_pack(&pack).unwrap().rules {
            assert!(!rule.examples.is_empty() && !rule.counterexamples.is_empty(), "{pack}: {}", rule.id);
        }
    }
}

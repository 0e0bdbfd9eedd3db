//! Rules as written → checked rules: clauses and word lists are looked up over all files of the pack.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::clauses::Head;
use super::lints;
use super::sheet::{RawRule, RawTerm, Sheet, WordList};
use crate::config::problems::{File, Problem};
use crate::config::reader::At;
use crate::config::suggest;
use crate::triage::pack::{Clause, ClauseKind, Muted, Rule, Term};
use crate::triage::products::Product;

/// Word lists of all files by name.
type Lists<'a> = BTreeMap<&'a str, List<'a>>;

struct List<'a> {
    file: File<'a>,
    words: &'a WordList,
    used: Cell<bool>,
}

/// Rules in order of files and lines, and the words that mute; what is wrong is reported.
pub fn resolve(file: File<'_>, head: &Head, sheets: &[Sheet<'_>]) -> (Vec<Rule>, Muted) {
    let lists = word_lists(sheets);
    let written = || sheets.iter().flat_map(|sheet| sheet.rules.iter().map(|rule| (sheet.file, rule)));
    unique_ids(written());
    for (file, rule) in written() {
        known_clause(file, rule, &head.clauses);
    }
    let rules: Vec<Rule> = written().map(|(file, rule)| checked(file, rule, &lists)).collect();
    let muting = |written: &[At<RawTerm>]| written.iter().flat_map(|term| expand(file, term, &lists)).collect();
    let muted = Muted { denied: muting(&head.muted.denied), reported: muting(&head.muted.reported) };
    // What seems unused may be misspelt elsewhere: first the errors, then the warnings.
    if !file.report.has_errors() {
        unused_lists(&lists);
        silent_clauses(file, &head.clauses, &rules);
        if file.report.lint {
            lints::report(sheets, &rules, head.folding);
        }
    }
    (rules, muted)
}

fn silent_clauses(file: File<'_>, clauses: &[At<Clause>], rules: &[Rule]) {
    let found_by_rules = |c: &&At<Clause>| c.value.kind != ClauseKind::Staff;
    let has_rule = |c: &&At<Clause>| rules.iter().any(|r| r.clause == c.value.id && r.score > 0.0);
    for clause in clauses.iter().filter(found_by_rules).filter(|c| !has_rule(c)) {
        let message = format!("no rule speaks for clause `{}`: it is never found", clause.value.id);
        file.add(Problem::warning(message).at(&clause.span));
    }
}

fn word_lists<'a>(sheets: &'a [Sheet<'a>]) -> Lists<'a> {
    let mut lists = Lists::new();
    for (file, words) in sheets.iter().flat_map(|sheet| sheet.words.iter().map(|words| (sheet.file, words))) {
        let At { value: name, span } = &words.name;
        if let Some(first) = lists.get(name.as_str()) {
            let hint = format!("first at {}", first.file.line(&first.words.name.span));
            file.add(Problem::error(format!("word list `{name}` appears twice")).at(span).hint(hint));
        } else {
            lists.insert(name, List { file, words, used: Cell::new(false) });
        }
    }
    lists
}

fn unique_ids<'a>(rules: impl Iterator<Item = (File<'a>, &'a RawRule)>) {
    let mut seen: BTreeMap<&str, (File<'_>, &RawRule)> = BTreeMap::new();
    for (file, rule) in rules {
        let At { value: id, span } = &rule.id;
        if let Some((first_file, first)) = seen.get(id.as_str()) {
            let hint = format!("first at {}", first_file.line(&first.id.span));
            file.add(Problem::error(format!("rule `{id}` appears twice")).at(span).hint(hint));
        } else {
            seen.insert(id, (file, rule));
        }
    }
}

fn known_clause(file: File<'_>, rule: &RawRule, clauses: &[At<Clause>]) {
    let At { value: id, span } = &rule.clause;
    let known = || clauses.iter().map(|clause| clause.value.id.as_str());
    if !known().any(|clause| clause == id) {
        let problem = Problem::error(format!("there is no clause `{id}` in pack.toml")).at(span);
        file.add(problem.hint(suggest::hint(id, known())));
    }
}

fn checked(file: File<'_>, rule: &RawRule, lists: &Lists<'_>) -> Rule {
    let terms = |written: &[At<RawTerm>]| written.iter().flat_map(|term| expand(file, term, lists)).collect();
    Rule {
        id: rule.id.value.clone(),
        clause: rule.clause.value.clone(),
        score: rule.score,
        any: terms(&rule.any),
        all: rule.all.iter().map(|group| terms(group)).collect(),
        none: terms(&rule.none),
        near: rule.near,
        question: rule.question,
        place: rule.place,
        examples: texts(&rule.examples),
        counterexamples: texts(&rule.counterexamples),
    }
}

fn texts(written: &[At<String>]) -> Vec<String> {
    written.iter().map(|text| text.value.clone()).collect()
}

/// A term itself, or all terms of the word list it names.
fn expand(file: File<'_>, term: &At<RawTerm>, lists: &Lists<'_>) -> Vec<Term> {
    let name = match &term.value {
        RawTerm::Term(term) => return vec![term.clone()],
        RawTerm::List(name) => name,
    };
    if let Some(product) = Product::named(name) {
        return vec![Term::Product(product)];
    }
    let Some(list) = lists.get(name.as_str()) else {
        let problem = Problem::error(format!("there is no word list `{name}`")).at(&term.span);
        file.add(problem.hint(suggest::hint(name, lists.keys().copied())));
        return Vec::new();
    };
    list.used.set(true);
    let plain = |term: &At<RawTerm>| match &term.value {
        RawTerm::Term(term) => Some(term.clone()),
        RawTerm::List(_) => None,
    };
    list.words.terms.iter().filter_map(plain).collect()
}

fn unused_lists(lists: &Lists<'_>) {
    for (name, list) in lists.iter().filter(|(_, list)| !list.used.get()) {
        let problem = Problem::warning(format!("no rule uses the word list `{name}`"));
        list.file.add(problem.at(&list.words.name.span));
    }
}

//! What is no error in a pack but does nothing, or too much: warned of, so that rules stay readable.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::sheet::{RawRule, RawTerm, Sheet};
use crate::config::problems::{File, Problem};
use crate::config::reader::At;
use crate::triage::fold::{Folding, fold_term};
use crate::triage::pack::{Rule, Term};

/// A word in this share of a pack's own examples says nothing about what is asked.
const NEARLY_ALL: f64 = 0.6;
/// With fewer examples a share says nothing.
const ENOUGH_EXAMPLES: usize = 50;

/// Reports all of it. `rules`: as resolved, in the order of the sheets.
pub fn report(sheets: &[Sheet<'_>], rules: &[Rule], folding: Folding) {
    let lists: BTreeMap<&str, &[At<RawTerm>]> =
        sheets.iter().flat_map(|s| &s.words).map(|list| (list.name.value.as_str(), list.terms.as_slice())).collect();
    let examples: Vec<String> = rules
        .iter()
        .flat_map(|rule| rule.examples.iter().chain(&rule.counterexamples))
        .map(|text| fold_term(text, folding))
        .collect();
    let lint = Lint { lists, examples, folding };
    for sheet in sheets {
        for list in &sheet.words {
            lint.group(sheet.file, &list.terms);
            list.terms.iter().for_each(|term| lint.everywhere(sheet.file, term));
        }
        for rule in &sheet.rules {
            [&rule.any, &rule.none].into_iter().chain(&rule.all).for_each(|group| lint.group(sheet.file, group));
            rule.any.iter().chain(rule.all.iter().flatten()).for_each(|term| lint.everywhere(sheet.file, term));
        }
    }
    let written = || sheets.iter().flat_map(|sheet| sheet.rules.iter().map(|rule| (sheet.file, rule)));
    for ((file, raw), rule) in written().zip(rules) {
        dead(file, raw, rule, folding);
    }
    twins(written().zip(rules));
}

struct Lint<'a> {
    lists: BTreeMap<&'a str, &'a [At<RawTerm>]>,
    /// Folded.
    examples: Vec<String>,
    folding: Folding,
}

impl Lint<'_> {
    /// A literal that holds another one of its group is never needed.
    fn group(&self, file: File<'_>, group: &[At<RawTerm>]) {
        let own = || group.iter().filter_map(|term| Some((self.literal(&term.value)?, Some(&term.span))));
        let named = group.iter().filter_map(|term| match &term.value {
            RawTerm::List(name) => self.lists.get(name.as_str()).copied(),
            RawTerm::Term(_) => None,
        });
        let listed = named.flatten().filter_map(|term| Some((self.literal(&term.value)?, None)));
        let all: Vec<(String, Option<&Range<usize>>)> = own().chain(listed).collect();
        for (at, (text, span)) in own().enumerate() {
            let covers = |(n, (other, _)): &(usize, &(String, Option<&Range<usize>>))| {
                *n != at && holds(&text, other) && (*other != text || *n < at || all[*n].1.is_none())
            };
            let (Some((_, (other, _))), Some(span)) = (all.iter().enumerate().find(covers), span) else { continue };
            let message = format!("`{text}` is never needed: `{other}` of the same list is found wherever it is");
            file.add(Problem::warning(message).at(span));
        }
    }

    fn everywhere(&self, file: File<'_>, term: &At<RawTerm>) {
        let Some(text) = self.literal(&term.value) else { return };
        let hits = self.examples.iter().filter(|example| holds(example, &text)).count();
        if self.examples.len() >= ENOUGH_EXAMPLES && hits as f64 > self.examples.len() as f64 * NEARLY_ALL {
            let message =
                format!("`{text}` is in {hits} of the pack's {} examples: it says nothing", self.examples.len());
            file.add(Problem::warning(message).at(&term.span));
        }
    }

    fn literal(&self, term: &RawTerm) -> Option<String> {
        match term {
            RawTerm::Term(Term::Literal(text)) => Some(fold_term(text, self.folding)).filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

/// Is the folded `word` found in the folded `text`? ASCII words are not found inside longer ones.
fn holds(text: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let (before, behind) = (&text[..at], &text[at + word.len()..]);
        let cut_before = letter(before.chars().next_back()) && letter(word.chars().next());
        let cut_behind = letter(word.chars().next_back()) && letter(behind.chars().next());
        !cut_before && !cut_behind
    })
}

/// A rule one of whose groups is only ever found together with a word of `none`.
fn dead(file: File<'_>, raw: &RawRule, rule: &Rule, folding: Folding) {
    let fold = |term: &Term| match term {
        Term::Literal(text) => Some(fold_term(text, folding)),
        Term::Pattern(_) | Term::Product(_) => None,
    };
    let none: Vec<String> = rule.none.iter().filter_map(fold).collect();
    let stopped = |term: &Term| match term {
        Term::Literal(_) => fold(term).is_some_and(|text| none.iter().any(|word| holds(&text, word))),
        Term::Pattern(_) | Term::Product(_) => rule.none.contains(term),
    };
    let groups = std::iter::once(&rule.any).chain(&rule.all).filter(|group| !group.is_empty());
    if groups.into_iter().any(|group| group.iter().all(stopped)) {
        let message = format!("rule `{}` can never apply: its words are in its own `none`", rule.id);
        file.add(Problem::warning(message).at(&raw.id.span));
    }
}

/// Two rules of one clause that ask for the same.
fn twins<'a>(rules: impl Iterator<Item = ((File<'a>, &'a RawRule), &'a Rule)>) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for ((file, raw), rule) in rules {
        let set = |terms: &[Term]| terms.iter().map(|term| format!("{term:?}")).collect::<BTreeSet<_>>();
        let all: BTreeSet<_> = rule.all.iter().map(|group| set(group)).collect();
        let asks = (set(&rule.any), all, set(&rule.none), rule.near, rule.question, rule.place);
        if let Some(first) = known.insert(format!("{} {asks:?}", rule.clause), file.line(&raw.id.span)) {
            let message = format!("rule `{}` asks for the same as another one of its clause", rule.id);
            file.add(Problem::warning(message).at(&raw.id.span).hint(format!("first at {first}")));
        }
    }
}

//! A rules file: word lists and rules as written, each with its place; nothing is looked up yet.

use std::collections::HashSet;

use regex::Regex;

use super::claims::{self, RawTest};
use crate::config::check;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::pack::{Place, Term};
use crate::triage::pattern::is_plain;
use crate::triage::rulebook::MAX_GROUPS;

/// One rules file.
pub struct Sheet<'a> {
    pub file: File<'a>,
    pub words: Vec<WordList>,
    pub rules: Vec<RawRule>,
    pub tests: Vec<RawTest>,
}

pub struct WordList {
    pub name: At<String>,
    pub terms: Vec<At<RawTerm>>,
}

pub struct RawRule {
    pub id: At<String>,
    pub clause: At<String>,
    pub score: f64,
    pub any: Vec<At<RawTerm>>,
    pub all: Vec<Vec<At<RawTerm>>>,
    pub none: Vec<At<RawTerm>>,
    pub near: Option<usize>,
    pub question: bool,
    pub place: Place,
    pub examples: Vec<At<String>>,
    pub counterexamples: Vec<At<String>>,
}

impl RawRule {
    /// All its terms, as they stand there.
    pub fn terms(&self) -> impl Iterator<Item = &At<RawTerm>> {
        self.any.iter().chain(self.all.iter().flatten()).chain(&self.none)
    }
}

/// A term, or a word list by its name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum RawTerm {
    Term(Term),
    List(String),
}

/// None if the file is not TOML; all else that is wrong is reported and left out.
pub fn read(file: File<'_>) -> Option<Sheet<'_>> {
    reader::read(file, |root| {
        let words = root.get("words").and_then(|words| words.table("[words]", |t| Some(word_lists(t))));
        let (rules, tests) = (root.tables("rule", "[[rule]]", rule), root.tables("test", "[[test]]", claims::test));
        Some(Sheet { file, words: words.unwrap_or_default(), rules, tests })
    })
}

fn word_lists(table: &Table<'_>) -> Vec<WordList> {
    let read = |(name, list): (At<String>, Value<'_>)| {
        if !list.is_array() {
            list.error_with(format!("word list `{}` must be an array", name.value), "name = [\"…\", \"…\"]");
        } else if list.items().is_empty() {
            list.error(format!("word list `{}` is empty", name.value));
        }
        let terms = if list.is_array() { terms(list) } else { Vec::new() };
        for term in &terms {
            if let RawTerm::List(_) = term.value {
                let message = "a word list cannot contain another one";
                table.file.add(Problem::error(message).at(&term.span).hint("name both in the rule".to_owned()));
            }
        }
        WordList { name, terms }
    };
    table.entries().map(read).collect()
}

fn rule(table: &Table<'_>) -> Option<RawRule> {
    const PLACES: [(&str, Place); 3] =
        [("anywhere", Place::Anywhere), ("subject", Place::Subject), ("body", Place::Body)];
    let id = table.require("id").and_then(check::name);
    let clause = table.string("clause");
    let score = table.require("score").and_then(score);
    let any = table.get("any").map(terms).unwrap_or_default();
    let all: Vec<_> = table.list("all").into_iter().map(group).collect();
    let none = table.get("none").map(terms).unwrap_or_default();
    let near = table.get("near").and_then(|near| near.integer(1..=1000)).and_then(|near| usize::try_from(near).ok());
    let question = table.flag("question", false);
    let place = table.optional_choice("place", &PLACES).unwrap_or_default();
    let (examples, counterexamples) = (table.strings("examples"), table.strings("counterexamples"));
    if table.list("any").is_empty() && all.is_empty() {
        table.error("a rule needs `any` or `all`: without words it would speak for every mail");
    }
    let groups = all.len() + usize::from(!any.is_empty());
    if groups > MAX_GROUPS {
        table.error(format!("a rule has at most {MAX_GROUPS} groups of words"));
    }
    if near.is_some() && groups < 2 {
        table.error("`near` needs two groups of words: write `all = [[…], […]]`");
    }
    // A wrong score is reported; the rule still counts as one of its clause.
    let score = score.unwrap_or(1.0);
    Some(RawRule { id: id?, clause: clause?, score, any, all, none, near, question, place, examples, counterexamples })
}

fn score(value: Value<'_>) -> Option<f64> {
    let score = value.number()?;
    if score == 0.0 {
        value.error_with("a rule with score 0 does nothing", "positive speaks for the clause, negative against it");
    }
    Some(score)
}

/// A group of `all`: an array, or a single text.
fn group(value: Value<'_>) -> Vec<At<RawTerm>> {
    if value.is_string() {
        return term(value).into_iter().collect();
    }
    if value.is_array() && value.items().is_empty() {
        value.error("a group without words can never be found");
    }
    terms(value)
}

/// Terms where word lists cannot be named.
pub fn plain_terms(value: Value<'_>) -> Vec<Term> {
    let plain = |At { value: term, span }: At<RawTerm>| match term {
        RawTerm::Term(term) => Some(term),
        RawTerm::List(name) => {
            let message = format!("`@{name}`: word lists can only be named in rules");
            value.file.add(Problem::error(message).at(&span));
            None
        }
    };
    terms(value).into_iter().filter_map(plain).collect()
}

/// The terms of an array; one that stands twice is noted, as it hides a slip.
pub fn terms(value: Value<'_>) -> Vec<At<RawTerm>> {
    let (mut terms, mut known) = (Vec::new(), HashSet::new());
    for At { value: term, span } in value.items().into_iter().filter_map(term) {
        if !known.insert(term.clone()) {
            let message = format!("`{}` stands twice in this list", value.file.text.get(span.clone()).unwrap_or("?"));
            value.file.add(Problem::warning(message).at(&span));
        }
        terms.push(At { value: term, span });
    }
    terms
}

fn term(value: Value<'_>) -> Option<At<RawTerm>> {
    let text = value.string()?;
    let term = match text.value.strip_prefix('@') {
        Some(list) => RawTerm::List(list.to_owned()),
        None => RawTerm::Term(match pattern_of(value, &text.value) {
            Some(pattern) => pattern_term(value, pattern)?,
            None => Term::Literal(text.value),
        }),
    };
    Some(At { value: term, span: text.span })
}

/// What stands between the slashes of `/…/`.
fn pattern_of<'t>(value: Value<'_>, text: &'t str) -> Option<&'t str> {
    let (pattern, flags) = text.strip_prefix('/')?.rsplit_once('/')?;
    if flags.is_empty() {
        return Some(pattern);
    }
    if flags.len() <= 3 && flags.chars().all(|c| "gimsux".contains(c)) {
        let hint = format!("write /(?{flags})…/; case never matters, as the text is folded");
        value.error_with("a pattern's flags stand inside it", &hint);
    }
    None
}

fn pattern_term(value: Value<'_>, pattern: &str) -> Option<Term> {
    if is_plain(pattern) {
        return Some(Term::Pattern(pattern.to_owned()));
    }
    match Regex::new(pattern) {
        Ok(regex) if regex.is_match("") => {
            value.error_with(
                "this pattern also matches nothing at all, so it is found in every mail",
                "use + instead of *",
            );
            None
        }
        Ok(_) => Some(Term::Pattern(pattern.to_owned())),
        Err(error) => {
            value.error(format!("not a regular expression: {}", reason(&error)));
            None
        }
    }
}

/// The last line of the library's drawing: the reason itself.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => format!("it needs more than {} MB", limit / (1024 * 1024)),
        other => {
            let text = other.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    }
}

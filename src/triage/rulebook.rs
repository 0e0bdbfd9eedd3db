//! A pack made ready for use: all literal terms in one automaton, all patterns compiled, all templates parsed.

use std::collections::HashMap;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use jiff::Timestamp;
use regex::Regex;

use super::fold::fold_term;
use super::pack::{Pack, Rule, Term};
use super::template::{TemplateError, Templates};

/// Number of a term in the rulebook.
pub type TermId = usize;

/// A pack with everything that is computed from it once.
#[derive(Debug)]
pub struct Rulebook {
    pub pack: Arc<Pack>,
    pub templates: Templates,
    /// Index of the clause in the pack, for each rule.
    pub(super) clause_of: Vec<usize>,
    pub(super) terms: TermTable,
    /// For each rule its terms as numbers.
    pub(super) needs: Vec<Needs>,
    /// For each term the rules in whose `any` or `all` it stands: only these can fire when it is seen.
    pub(super) rules_of_term: Vec<Vec<usize>>,
}

/// The editions of a pack: the terms change, and those in force when a mail arrived decide (terms 2-3, 21).
#[derive(Debug)]
pub struct Editions {
    first: Rulebook,
    /// In the order of the days from which they are in force.
    later: Vec<Rulebook>,
}

impl Editions {
    /// Compiles all of them.
    ///
    /// # Errors
    /// As [`Rulebook::compile`].
    pub fn compile(first: Arc<Pack>, later: &[Arc<Pack>]) -> Result<Editions, RulebookError> {
        let later = later.iter().map(|pack| Rulebook::compile(pack.clone())).collect::<Result<_, _>>()?;
        Ok(Editions { first: Rulebook::compile(first)?, later })
    }

    /// The one in force at a moment; before all of them the first.
    pub fn at(&self, moment: Timestamp) -> &Rulebook {
        let in_force = |rules: &&Rulebook| rules.pack.effective <= rules.pack.calendar.date(moment);
        self.later.iter().rev().find(in_force).unwrap_or(&self.first)
    }
}

/// A rule's terms, as numbers.
#[derive(Debug, Default)]
pub(super) struct Needs {
    pub any: Vec<TermId>,
    pub all: Vec<Vec<TermId>>,
    pub none: Vec<TermId>,
}

/// Every different term of a pack.
#[derive(Debug)]
pub(super) struct TermTable {
    /// Finds the literals; pattern number i is term `literal_ids[i]`.
    pub automaton: AhoCorasick,
    pub literal_ids: Vec<TermId>,
    pub patterns: Vec<(TermId, Regex)>,
}

/// What a checked pack can still get wrong; `config` finds these first and points at the line.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    #[error("rule {rule}: no clause {clause}")]
    UnknownClause { rule: String, clause: String },
    #[error("the terms need more memory than allowed: {0}")]
    Terms(#[from] aho_corasick::BuildError),
    #[error("pattern /{pattern}/: {source}")]
    Pattern { pattern: String, source: Box<regex::Error> },
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl Rulebook {
    /// Compiles a pack. Milliseconds; done once per start and per change of files.
    pub fn compile(pack: Arc<Pack>) -> Result<Rulebook, RulebookError> {
        let mut numbers = Numbers::default();
        let needs: Vec<Needs> = pack.rules.iter().map(|rule| numbers.of_rule(rule)).collect();
        let clause_of = pack.rules.iter().map(|rule| clause_index(&pack, rule)).collect::<Result<_, _>>()?;
        let rules_of_term = triggers(&needs, numbers.terms.len());
        let terms = TermTable::build(&numbers.terms)?;
        let templates = Templates::compile(&pack.templates)?;
        Ok(Rulebook { templates, clause_of, terms, needs, rules_of_term, pack })
    }
}

fn clause_index(pack: &Pack, rule: &Rule) -> Result<usize, RulebookError> {
    let found = pack.clauses.iter().position(|clause| clause.id == rule.clause);
    found.ok_or_else(|| RulebookError::UnknownClause { rule: rule.id.clone(), clause: rule.clause.clone() })
}

fn triggers(needs: &[Needs], terms: usize) -> Vec<Vec<usize>> {
    let mut rules = vec![Vec::new(); terms];
    for (rule, need) in needs.iter().enumerate() {
        // One part that must be there is enough to wake the rule.
        let wake = if need.any.is_empty() { need.all.first().map_or(&[][..], Vec::as_slice) } else { &need.any };
        for term in wake {
            rules[*term].push(rule);
        }
    }
    rules
}

#[derive(Default)]
struct Numbers {
    terms: Vec<Term>,
    known: HashMap<String, TermId>,
}

impl Numbers {
    fn of_rule(&mut self, rule: &Rule) -> Needs {
        Needs {
            any: self.of(&rule.any),
            all: rule.all.iter().map(|group| self.of(group)).collect(),
            none: self.of(&rule.none),
        }
    }

    fn of(&mut self, terms: &[Term]) -> Vec<TermId> {
        terms.iter().map(|term| self.number(term)).collect()
    }

    fn number(&mut self, term: &Term) -> TermId {
        let folded = match term {
            Term::Literal(text) => Term::Literal(fold_term(text)),
            pattern => pattern.clone(),
        };
        let next = self.terms.len();
        let id = *self.known.entry(format!("{folded:?}")).or_insert(next);
        if id == next {
            self.terms.push(folded);
        }
        id
    }
}

impl TermTable {
    fn build(terms: &[Term]) -> Result<TermTable, RulebookError> {
        let mut literals = Vec::new();
        let mut literal_ids = Vec::new();
        let mut patterns = Vec::new();
        for (id, term) in terms.iter().enumerate() {
            match term {
                Term::Literal(text) if text.is_empty() => {}
                Term::Literal(text) => {
                    literals.push(text);
                    literal_ids.push(id);
                }
                Term::Pattern(pattern) => patterns.push((id, compile_pattern(pattern)?)),
            }
        }
        Ok(TermTable { automaton: AhoCorasick::new(literals)?, literal_ids, patterns })
    }
}

fn compile_pattern(pattern: &str) -> Result<Regex, RulebookError> {
    Regex::new(pattern).map_err(|e| RulebookError::Pattern { pattern: pattern.into(), source: Box::new(e) })
}

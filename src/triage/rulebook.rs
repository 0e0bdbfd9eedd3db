//! A pack made ready for use: all literal terms in one automaton, all patterns checked, all templates parsed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use jiff::Timestamp;

use super::credit::CreditBook;
use super::figure::FigureBook;
use super::fitted::Fitted;
use super::flow::Flow;
use super::flow::words::FlowBook;
use super::fold::{Folding, fold_term};
use super::needs::NeedBook;
use super::pack::{Pack, Rule, Term};
use super::pattern::Pattern;
use super::products::{Product, ProductBook};
use super::required::required;
use super::template::{TemplateError, Templates};
use super::urgent::UrgentBook;

/// Number of a term in the rulebook.
pub type TermId = usize;

/// A rule has at most this many groups of words (`any` is one): so many bits a sentence keeps for each rule.
pub const MAX_GROUPS: usize = 63;

/// A pack with everything that is computed from it once.
#[derive(Debug)]
pub struct Rulebook {
    pub pack: Arc<Pack>,
    pub templates: Templates,
    /// The pack's flows, in its order.
    pub flows: Vec<FlowBook>,
    pub credit: Option<CreditBook>,
    /// What answers need to know, in the pack's order.
    pub asks: Vec<NeedBook>,
    /// Dates and amounts to compute, in the pack's order.
    pub figures: Vec<FigureBook>,
    pub urgent: Vec<UrgentBook>,
    pub products: ProductBook,
    /// Index of the clause in the pack, for each rule.
    pub(super) clause_of: Vec<usize>,
    pub(super) terms: TermTable,
    /// For each rule its terms as numbers.
    pub(super) needs: Vec<Needs>,
    /// For each term where it stands in the rules.
    pub(super) places: Vec<Vec<Posting>>,
    /// For each term whether it takes the vote of what stands before it.
    pub(super) mutes: Vec<Option<Mute>>,
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
    /// Of each group one must be there: `any` first, where there is one, then `all`.
    pub groups: Vec<Vec<TermId>>,
    pub none: Vec<TermId>,
}

impl Needs {
    /// One bit a group, see [`Posting::bit`].
    pub fn all_groups(&self) -> u64 {
        (1 << self.groups.len()) - 1
    }
}

/// A term's place in a rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Posting {
    pub rule: usize,
    /// Of its group; [`FORBIDDEN`] for a term of `none`.
    pub bit: u64,
}

/// The bit of terms that must not be there.
pub(super) const FORBIDDEN: u64 = 1 << MAX_GROUPS;

/// Why words do not vote, see [`super::pack::Muted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mute {
    Denied,
    Reported,
}

/// Every different term of a pack.
#[derive(Debug)]
pub(super) struct TermTable {
    /// Finds the literals and what patterns need; its pattern number i is told about in `found[i]`.
    pub automaton: AhoCorasick,
    pub found: Vec<Found>,
    pub patterns: Vec<(TermId, Pattern)>,
    /// Patterns (by index) that need no certain text: every sentence is tried.
    pub always: Vec<usize>,
    pub products: Vec<(Product, TermId)>,
}

/// What a text in the automaton stands for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// It is a literal of a rule.
    pub term: Option<TermId>,
    /// Patterns (by index) that may match where it stands.
    pub wakes: Vec<usize>,
    /// It is a fitted term (by index).
    pub fitted: Option<usize>,
}

/// What a checked pack can still get wrong; `config` finds these first and points at the line.
#[derive(Debug, thiserror::Error)]
pub enum RulebookError {
    #[error("rule {rule}: no clause {clause}")]
    UnknownClause { rule: String, clause: String },
    #[error("rule {rule}: more than {MAX_GROUPS} groups of words")]
    Groups { rule: String },
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
        let mut numbers = Numbers { folding: pack.folding, ..Numbers::default() };
        let needs: Vec<Needs> = pack.rules.iter().map(|rule| numbers.of_rule(rule)).collect::<Result<_, _>>()?;
        let (denied, reported) = (numbers.of(&pack.muted.denied), numbers.of(&pack.muted.reported));
        let clause_of = pack.rules.iter().map(|rule| clause_index(&pack, rule)).collect::<Result<_, _>>()?;
        let places = postings(&needs, numbers.terms.len());
        let mut mutes = vec![None; numbers.terms.len()];
        denied.into_iter().for_each(|term| mutes[term] = Some(Mute::Denied));
        reported.into_iter().for_each(|term| mutes[term] = Some(Mute::Reported));
        let terms = TermTable::build(&numbers.terms, pack.fitted.as_ref())?;
        let templates = Templates::compile(&pack.templates)?;
        let flows = pack.flows.iter().map(compile_flow).collect::<Result<_, _>>()?;
        let credit = pack.credit.clone().map(CreditBook::compile).transpose();
        let credit = credit.map_err(|e| RulebookError::Pattern { pattern: "credit".into(), source: Box::new(e) })?;
        let asks = pack.needs.iter().cloned().map(NeedBook::compile).collect::<Result<_, _>>();
        let asks = asks.map_err(|e| RulebookError::Pattern { pattern: "needs".into(), source: Box::new(e) })?;
        let figures = pack.figures.iter().cloned().map(FigureBook::compile).collect::<Result<_, _>>();
        let figures = figures.map_err(|e| RulebookError::Pattern { pattern: "figures".into(), source: Box::new(e) })?;
        let urgent = pack.urgent.iter().cloned().map(UrgentBook::compile).collect::<Result<_, _>>();
        let urgent = urgent.map_err(|e| RulebookError::Pattern { pattern: "urgent".into(), source: Box::new(e) })?;
        let products = ProductBook::compile(pack.products.clone(), pack.folding);
        let products = products.map_err(|e| RulebookError::Pattern { pattern: "os".into(), source: Box::new(e) })?;
        Ok(Rulebook {
            templates,
            flows,
            credit,
            asks,
            figures,
            urgent,
            products,
            clause_of,
            terms,
            needs,
            places,
            mutes,
            pack,
        })
    }
}

fn compile_flow(flow: &Arc<Flow>) -> Result<FlowBook, RulebookError> {
    let refused = |e| RulebookError::Pattern { pattern: format!("flow {}", flow.id), source: Box::new(e) };
    FlowBook::compile(flow.clone()).map_err(refused)
}

fn clause_index(pack: &Pack, rule: &Rule) -> Result<usize, RulebookError> {
    let found = pack.clauses.iter().position(|clause| clause.id == rule.clause);
    found.ok_or_else(|| RulebookError::UnknownClause { rule: rule.id.clone(), clause: rule.clause.clone() })
}

fn postings(needs: &[Needs], terms: usize) -> Vec<Vec<Posting>> {
    let mut places = vec![Vec::new(); terms];
    for (rule, need) in needs.iter().enumerate() {
        let groups = need.groups.iter().enumerate().map(|(n, group)| (1 << n, group));
        for (bit, terms) in groups.chain([(FORBIDDEN, &need.none)]) {
            terms.iter().for_each(|term| places[*term].push(Posting { rule, bit }));
        }
    }
    places
}

#[derive(Default)]
struct Numbers {
    folding: Folding,
    terms: Vec<Term>,
    known: HashMap<Term, TermId>,
}

impl Numbers {
    fn of_rule(&mut self, rule: &Rule) -> Result<Needs, RulebookError> {
        let any = Some(&rule.any).filter(|any| !any.is_empty());
        let groups: Vec<_> = any.into_iter().chain(&rule.all).map(|group| self.of(group)).collect();
        match groups.len() > MAX_GROUPS {
            true => Err(RulebookError::Groups { rule: rule.id.clone() }),
            false => Ok(Needs { groups, none: self.of(&rule.none) }),
        }
    }

    fn of(&mut self, terms: &[Term]) -> Vec<TermId> {
        terms.iter().map(|term| self.number(term)).collect()
    }

    fn number(&mut self, term: &Term) -> TermId {
        let folded = match term {
            Term::Literal(text) => Term::Literal(fold_term(text, self.folding)),
            pattern => pattern.clone(),
        };
        let next = self.terms.len();
        let id = *self.known.entry(folded.clone()).or_insert(next);
        if id == next {
            self.terms.push(folded);
        }
        id
    }
}

impl TermTable {
    fn build(terms: &[Term], fitted: Option<&Fitted>) -> Result<TermTable, RulebookError> {
        let mut texts: BTreeMap<String, Found> = BTreeMap::new();
        let mut patterns = Vec::new();
        let (mut always, mut products) = (Vec::new(), Vec::new());
        for (id, term) in terms.iter().enumerate() {
            match term {
                Term::Literal(text) if text.is_empty() => {}
                Term::Literal(text) => texts.entry(text.clone()).or_default().term = Some(id),
                Term::Product(product) => products.push((*product, id)),
                Term::Pattern(pattern) => {
                    let index = patterns.len();
                    patterns.push((id, compile_pattern(pattern)?));
                    match required(pattern) {
                        Some(needed) => {
                            needed.into_iter().for_each(|text| texts.entry(text).or_default().wakes.push(index));
                        }
                        None => always.push(index),
                    }
                }
            }
        }
        for (index, term) in fitted.iter().flat_map(|fitted| fitted.terms.iter().enumerate()) {
            texts.entry(term.text.clone()).or_default().fitted = Some(index);
        }
        let (texts, found): (Vec<String>, Vec<Found>) = texts.into_iter().unzip();
        Ok(TermTable { automaton: AhoCorasick::new(texts)?, found, patterns, always, products })
    }
}

fn compile_pattern(pattern: &str) -> Result<Pattern, RulebookError> {
    Pattern::new(pattern).map_err(|e| RulebookError::Pattern { pattern: pattern.into(), source: Box::new(e) })
}

//! A pack made ready for use: all literal terms in one automaton, all patterns checked, all templates parsed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Deref;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use jiff::Timestamp;

use super::calendar::Calendar;
use super::credit::CreditBook;
use super::figure::FigureBook;
use super::fitted::{Fitted, Tree};
use super::flow::words::FlowBook;
use super::fold::{Folding, fold_term};
use super::needs::NeedBook;
use super::pack::{Pack, Rule, Term};
use super::pattern::Pattern;
use super::products::{Product, ProductBook};
use super::template::{TemplateError, Templates};
use super::urgent::UrgentBook;

/// Number of a term in the rulebook.
pub type TermId = usize;

/// A rule has at most this many groups of words (`any` is one): so many bits a sentence keeps for each rule.
pub const MAX_GROUPS: usize = 63;

/// A pack made ready for use at a desk.
#[derive(Debug)]
pub struct Rulebook {
    pub calendar: Calendar,
    book: Arc<Book>,
}

/// A pack with everything that is computed from it once, for all desks that have it.
#[derive(Debug)]
pub struct Book {
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

impl Deref for Rulebook {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

/// An edition of a pack at a desk.
#[derive(Debug, Clone)]
pub struct Edition {
    pub pack: Arc<Pack>,
    /// The pack's hours, with what the desk says of its own days.
    pub calendar: Calendar,
}

impl From<Pack> for Edition {
    fn from(pack: Pack) -> Edition {
        Edition { calendar: pack.hours.clone(), pack: Arc::new(pack) }
    }
}

/// The editions of a pack: the terms change, and those in force when a mail arrived decide (terms 2-3, 21).
#[derive(Debug)]
pub struct Editions {
    first: Rulebook,
    /// In the order of the days from which they are in force.
    later: Vec<Rulebook>,
}

impl Editions {
    /// Compiles all of them, for one desk.
    ///
    /// # Errors
    /// As [`Rulebook::compile`].
    pub fn compile(first: &Edition, later: &[Edition]) -> Result<Editions, RulebookError> {
        Shelf::default().editions(first, later)
    }

    /// The one in force at a moment; before all of them the first.
    pub fn at(&self, moment: Timestamp) -> &Rulebook {
        let in_force = |rules: &&Rulebook| rules.pack.effective <= rules.calendar.date(moment);
        self.later.iter().rev().find(in_force).unwrap_or(&self.first)
    }
}

/// The books of a process: however many desks have a pack, it is compiled once.
#[derive(Debug, Default)]
pub struct Shelf {
    books: Vec<Arc<Book>>,
}

impl FromIterator<Book> for Shelf {
    fn from_iter<B: IntoIterator<Item = Book>>(books: B) -> Shelf {
        Shelf { books: books.into_iter().map(Arc::new).collect() }
    }
}

impl Shelf {
    /// The editions of one more desk.
    ///
    /// # Errors
    /// As [`Rulebook::compile`].
    pub fn editions(&mut self, first: &Edition, later: &[Edition]) -> Result<Editions, RulebookError> {
        let later = later.iter().map(|edition| self.rulebook(edition)).collect::<Result<_, _>>()?;
        Ok(Editions { first: self.rulebook(first)?, later })
    }

    fn rulebook(&mut self, edition: &Edition) -> Result<Rulebook, RulebookError> {
        let known = self.books.iter().find(|book| Arc::ptr_eq(&book.pack, &edition.pack)).cloned();
        let book = match known {
            Some(book) => book,
            None => {
                let book = Arc::new(Book::compile(edition.pack.clone())?);
                self.books.push(book.clone());
                book
            }
        };
        Ok(Rulebook { calendar: edition.calendar.clone(), book })
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
    pub fitted: Tree,
}

/// What a text in the automaton stands for.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// It is a literal of a rule.
    pub term: Option<TermId>,
    /// Patterns (by index) that may match where it stands.
    pub wakes: Vec<usize>,
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
    /// Compiles a pack for a desk without days of its own.
    pub fn compile(pack: Arc<Pack>) -> Result<Rulebook, RulebookError> {
        Ok(Rulebook { calendar: pack.hours.clone(), book: Arc::new(Book::compile(pack)?) })
    }
}

impl Book {
    /// Compiles a pack: once per start and per change of files.
    ///
    /// # Errors
    /// What a checked pack can still get wrong.
    pub fn compile(pack: Arc<Pack>) -> Result<Book, RulebookError> {
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
        let flows = pack.flows.iter().cloned().map(FlowBook::compile).collect();
        let credit = pack.credit.clone().map(CreditBook::compile);
        let asks = pack.needs.iter().cloned().map(NeedBook::compile).collect();
        let figures = pack.figures.iter().cloned().map(FigureBook::compile).collect();
        let urgent = pack.urgent.iter().cloned().map(UrgentBook::compile).collect();
        let products = ProductBook::compile(pack.products.clone(), pack.folding)?;
        Ok(Book {
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
        let mut texts: BTreeMap<Cow<str>, Found> = BTreeMap::new();
        let mut patterns = Vec::new();
        let (mut always, mut products) = (Vec::new(), Vec::new());
        for (id, term) in terms.iter().enumerate() {
            match term {
                Term::Literal(text) if text.is_empty() => {}
                Term::Literal(text) => texts.entry(text.into()).or_default().term = Some(id),
                Term::Product(product) => products.push((*product, id)),
                Term::Pattern(pattern) => {
                    let index = patterns.len();
                    let (compiled, required) = compile_pattern(pattern)?;
                    patterns.push((id, compiled));
                    match required {
                        Some(needed) => {
                            needed.into_iter().for_each(|text| texts.entry(text.into()).or_default().wakes.push(index));
                        }
                        None => always.push(index),
                    }
                }
            }
        }
        let automaton = AhoCorasick::new(texts.keys().map(|text| text.as_bytes()))?;
        let fitted = fitted.map(|fitted| Tree::of(&fitted.terms)).unwrap_or_default();
        Ok(TermTable { automaton, found: texts.into_values().collect(), patterns, always, products, fitted })
    }
}

fn compile_pattern(pattern: &str) -> Result<(Pattern, Option<Vec<String>>), RulebookError> {
    Pattern::with_required(pattern).map_err(|e| RulebookError::Pattern { pattern: pattern.into(), source: Box::new(e) })
}

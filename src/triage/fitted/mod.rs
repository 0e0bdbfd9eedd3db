//! Points that were learned from labelled mail, beside the hand-written rules (`madoguchi fit` writes them).
//!
//! A fitted term is a short text with points for clauses. In a sentence its points count, and so they do, by a fixed
//! share, in every other sentence of the mail: what a mail is about helps to understand its shortest sentence. The
//! points of rules and of terms add up; `odds` turns the sums into probabilities.

mod odds;
mod table;
mod terms;
mod tree;

pub use odds::{Reading, confidence, found};
pub use table::{Term, Terms};
pub use terms::{LONGEST, grams};
pub use tree::Tree;

use std::collections::BTreeSet;

use super::decision::EvidenceSection;
use super::products::{Named, Product};
use super::sentence::Sentence;

/// What was learned for a pack. Columns are indexes into [`super::pack::Pack::clauses`], then those of [`COMMON`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fitted {
    pub terms: Terms,
    /// Points of what a sentence is, whatever it says.
    pub marks: Vec<(Mark, Points)>,
    /// A sentence gets this share of the points of the whole mail besides its own.
    pub context: f64,
    /// Natural logarithm of the odds that one point is worth.
    pub steepness: f64,
    /// A further clause counts as asked, too, from this probability on (0…1).
    pub companion: f64,
    /// Prohibited conduct counts as found from this probability on (0…1).
    pub conduct: f64,
    /// From this probability of prohibited conduct on (0…1), staff look at the mail.
    pub suspicion: f64,
    /// Raw confidence and the share of the decisions at least as sure that were right; both rising, 0…1.
    pub calibration: Vec<(f64, f64)>,
    /// The desk acts by itself where this share (0…1) of the decisions at least as sure was right.
    pub auto: f64,
}

/// Number of a column.
pub type Column = u16;

/// Points by column; what is not there is 0.
pub type Points = Vec<(Column, f64)>;

/// Columns behind those of the clauses: points for every clause that is asked about, and for all prohibited conduct.
pub const COMMON: [&str; 2] = ["scope", "conduct"];

/// What a sentence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Every sentence has it.
    Any,
    Subject,
    /// See [`Sentence::question`].
    Question,
    /// At most `SHORT` characters, folded.
    Short,
    /// At least `LONG` characters, folded.
    Long,
    /// It names something of the pack's tables.
    Names(Product),
    /// The mail does, in whatever sentence.
    MailNames(Product),
}

const SHORT: usize = 9;
const LONG: usize = 61;

impl Mark {
    pub const ALL: [(Mark, &str); 15] = [
        (Mark::Any, "any"),
        (Mark::Subject, "subject"),
        (Mark::Question, "question"),
        (Mark::Short, "short"),
        (Mark::Long, "long"),
        (Mark::Names(Product::OsSupported), "os-supported"),
        (Mark::Names(Product::OsEnded), "os-ended"),
        (Mark::Names(Product::OsUnreleased), "os-unreleased"),
        (Mark::Names(Product::DeviceListed), "device-listed"),
        (Mark::Names(Product::DeviceUnlisted), "device-unlisted"),
        (Mark::MailNames(Product::OsSupported), "mail-os-supported"),
        (Mark::MailNames(Product::OsEnded), "mail-os-ended"),
        (Mark::MailNames(Product::OsUnreleased), "mail-os-unreleased"),
        (Mark::MailNames(Product::DeviceListed), "mail-device-listed"),
        (Mark::MailNames(Product::DeviceUnlisted), "mail-device-unlisted"),
    ];

    /// The marks of a sentence with this folded text, which names `own`, of a mail that names `all`.
    pub(super) fn of(sentence: &Sentence, folded: &str, own: &[Named], all: &BTreeSet<Product>) -> Vec<Mark> {
        let length = folded.chars().count();
        let has = |mark: &Mark| match mark {
            Mark::Any => true,
            Mark::Subject => sentence.place == EvidenceSection::Subject,
            Mark::Question => sentence.question,
            Mark::Short => length <= SHORT,
            Mark::Long => length >= LONG,
            Mark::Names(product) => own.iter().any(|named| named.product == *product),
            Mark::MailNames(product) => all.contains(product),
        };
        Mark::ALL.iter().map(|(mark, _)| *mark).filter(has).collect()
    }
}

impl Fitted {
    /// Each term with its share of its points in a text that holds these terms (indexes, each once): rare terms
    /// weigh more, and the shares of a long text are smaller.
    pub(super) fn shares<'a>(&'a self, terms: &'a [usize]) -> impl Iterator<Item = (Term<'a>, f64)> {
        let terms = terms.iter().map(|term| self.terms.at(*term));
        let norm = terms.clone().map(|term| term.rarity * term.rarity).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        terms.map(move |term| (term, term.rarity / norm))
    }

    /// Adds to `points` what these terms are worth, times `share`.
    pub(super) fn add(&self, terms: &[usize], share: f64, points: &mut [f64]) {
        for (term, weight) in self.shares(terms) {
            term.points().for_each(|(column, worth)| points[usize::from(column)] += worth * weight * share);
        }
    }

    /// Adds to `points` what these marks are worth.
    pub(super) fn add_marks(&self, marks: &[Mark], points: &mut [f64]) {
        for (_, worth) in self.marks.iter().filter(|(mark, _)| marks.contains(mark)) {
            worth.iter().for_each(|(column, worth)| points[usize::from(*column)] += worth);
        }
    }

    /// The share of decisions at least as sure as this raw confidence that were right: that of the next lower pair of
    /// [`Fitted::calibration`], 0 below the first.
    pub fn calibrated(&self, raw: f64) -> f64 {
        let above = self.calibration.partition_point(|(at, _)| *at <= raw);
        above.checked_sub(1).and_then(|pair| self.calibration.get(pair)).map_or(0.0, |(_, right)| *right)
    }
}

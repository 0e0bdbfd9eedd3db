//! A pack in checked form: clauses, rules, templates and calendar of one kind of desk.
//!
//! `config::pack` reads the TOML files into this and reports every problem; here nothing can be wrong any more.
//! docs/rules.md explains the language for people who write rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::calendar::Calendar;
use super::credit::CreditTable;
use super::figure::Figure;
use super::fitted::Fitted;
use super::flow::Flow;
use super::fold::Folding;
use super::needs::Need;
use super::products::{Product, Products};
use super::urgent::Urgent;

/// Everything a desk needs to decide, swapped whole or not at all (invariant 7).
#[derive(Debug, Clone)]
pub struct Pack {
    pub id: String,
    /// For people: 「OPTiM Biz お問い合わせ窓口」
    pub name: String,
    pub version: String,
    /// First day on which the terms that this pack implements are in force (terms 21).
    pub effective: Date,
    pub thresholds: Thresholds,
    pub folding: Folding,
    pub muted: Muted,
    pub clauses: Vec<Clause>,
    pub rules: Vec<Rule>,
    /// What was learned from labelled mail; without it the rules decide alone.
    pub fitted: Option<Fitted>,
    /// Troubleshooting that is led by mail.
    pub flows: Vec<Arc<Flow>>,
    /// What a stop of the service is worth, if the terms promise it.
    pub credit: Option<CreditTable>,
    /// What answers need to know, in the order in which it is asked for.
    pub needs: Vec<Need>,
    /// Operating systems and devices that the terms name.
    pub products: Products,
    /// Dates and amounts that the terms count.
    pub figures: Vec<Figure>,
    /// Kinds of mail that staff must see at once.
    pub urgent: Vec<Urgent>,
    /// Template name (file name without `.txt`; clause paragraphs are `parts/<clause>`) → source.
    pub templates: BTreeMap<String, String>,
    /// The service's own; a desk puts its closed days on top: see [`super::rulebook::Edition`].
    pub hours: Calendar,
    /// See [`super::decision::MadeWith::rules_hash`].
    pub hash: String,
}

/// Points a clause needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// From here on a clause counts as asked about.
    pub scope: f64,
    /// Lead over the best clause that is not taken, needed to act without staff.
    pub margin: f64,
    /// From here on a conduct clause counts as found: the mail is held.
    pub conduct: f64,
}

/// Words that take the vote of what stands before them in their sentence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Muted {
    /// 〜の話ではなく: what stands before, back to the last 、, votes for nothing.
    pub denied: Vec<Term>,
    /// 〜と言われました: what stands before (the 「…」 that just closed, else back to the last 、) is no conduct of the
    /// sender.
    pub reported: Vec<Term>,
}

/// A clause of the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// `4-1-3`, `12-1`, `sla` …
    pub id: String,
    /// For people: 「設定・操作の手順」
    pub title: String,
    pub kind: ClauseKind,
    /// For conduct.
    pub severity: Severity,
    /// Key into the desk's `[desk.departments]`: who handles it where the desk does not (terms 4-3).
    pub department: Option<String>,
    /// Out of hours, mail about it gets an acknowledgement at once.
    pub acknowledge: bool,
    /// The pages that help with this clause (terms 3-3).
    pub links: Vec<Link>,
}

/// A page of the manual or the Q&A.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub title: String,
    pub url: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClauseKind {
    /// The desk handles it.
    InScope,
    /// The desk points to somebody else.
    OutOfScope,
    /// Prohibited conduct: held for staff.
    Conduct,
    /// Out of scope because staff say so (terms 4-2-11): no rule finds it.
    Staff,
}

/// How soon somebody must look at prohibited conduct.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Severity {
    #[default]
    Ordinary,
    /// Somebody may come to harm: named first, and marked for staff.
    Grave,
}

/// Words that together speak for a clause. Looked at sentence by sentence (the subject is one sentence).
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Unique in the pack; shown as evidence.
    pub id: String,
    /// Clause it speaks for.
    pub clause: String,
    /// Points it adds to a sentence, once; negative ones speak against.
    pub score: f64,
    /// At least one of these stands in the sentence (empty: not asked).
    pub any: Vec<Term>,
    /// Of each group at least one stands in the sentence.
    pub all: Vec<Vec<Term>>,
    /// None of these stands in the sentence.
    pub none: Vec<Term>,
    /// The words stand within this many characters of folded text, from the first's beginning to the last's end.
    pub near: Option<usize>,
    /// The sentence asks (？, か。, でしょうか, 教えて …).
    pub question: bool,
    pub place: Place,
    pub examples: Vec<String>,
    pub counterexamples: Vec<String>,
}

/// A literal, a regular expression for what literals cannot say, or something of the pack's tables; all are matched on
/// folded text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Term {
    Literal(String),
    /// `/…/` in TOML; `regex` crate syntax, linear time.
    Pattern(String),
    /// `@os-ended` in TOML: see [`super::products`].
    Product(Product),
}

/// Where a rule looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Place {
    /// Subject and body.
    #[default]
    Anywhere,
    Subject,
    Body,
}

impl Pack {
    pub fn clause(&self, id: &str) -> Option<&Clause> {
        self.clauses.iter().find(|c| c.id == id)
    }
}

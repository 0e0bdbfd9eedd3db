//! How good decisions are: the figures of tests/corpus/score.py, precision and recall of each clause, and which clause
//! is taken for which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::fit::corpus::Record;
use crate::triage::decision::{Decision, Disposition};

/// A labelled mail and what was decided about it.
pub struct Judged {
    pub record: Record,
    pub decision: Decision,
}

impl Judged {
    /// Has the mail a matter that can be got right or wrong?
    pub fn is_scoped(&self) -> bool {
        self.is_clean() && !self.record.scopes.is_empty() && !self.record.unclear
    }

    pub fn is_clean(&self) -> bool {
        self.record.conduct.is_empty()
    }

    /// The clauses found are the labelled ones or an accepted set.
    pub fn is_exact(&self) -> bool {
        let found = self.found();
        std::iter::once(&self.record.scopes).chain(&self.record.accept).any(|right| *right == found)
    }

    pub fn found(&self) -> BTreeSet<String> {
        self.decision.scopes.iter().cloned().collect()
    }

    pub fn is_auto(&self) -> bool {
        self.decision.disposition == Disposition::Auto
    }

    fn caught(&self) -> bool {
        !self.decision.conduct.is_empty()
    }

    /// Wrong in a way that somebody should look at.
    pub fn is_wrong(&self) -> bool {
        match (self.is_clean(), self.caught()) {
            (true, true) | (false, false) => true,
            (true, false) => self.is_scoped() && !self.is_exact(),
            (false, true) => false,
        }
    }
}

/// `part` of `whole`.
#[derive(Debug, Clone, Copy)]
pub struct Share {
    pub part: usize,
    pub whole: usize,
}

impl Share {
    fn of<'a>(all: impl IntoIterator<Item = &'a Judged>, is: impl Fn(&Judged) -> bool) -> Share {
        let mut share = Share { part: 0, whole: 0 };
        for judged in all {
            share.whole += 1;
            share.part += usize::from(is(judged));
        }
        share
    }

    fn ratio(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }

    fn json(self) -> Value {
        json!({ "part": self.part, "whole": self.whole, "share": self.ratio() })
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ratio() {
            Some(ratio) => write!(f, "{}/{} = {:.1}%", self.part, self.whole, ratio * 100.0),
            None => f.write_str("none"),
        }
    }
}

/// The figures, named and in order as score.py prints them.
pub fn figures(all: &[Judged]) -> Vec<(&'static str, Share)> {
    let clean = || all.iter().filter(|j| j.is_clean());
    let scoped = || all.iter().filter(|j| j.is_scoped());
    let bad = || all.iter().filter(|j| !j.is_clean());
    let auto = || clean().filter(|j| j.is_auto());
    let in_scope = |scopes: &BTreeSet<String>| scopes.iter().any(|s| s.starts_with("4-1-"));
    let inside = || scoped().filter(|j| j.record.scopes.iter().all(|s| s.starts_with("4-1-")));
    let caught = || all.iter().filter(|j| j.caught());
    vec![
        ("exact", Share::of(scoped(), Judged::is_exact)),
        ("  single", Share::of(scoped().filter(|j| j.record.scopes.len() == 1), Judged::is_exact)),
        ("  compound", Share::of(scoped().filter(|j| j.record.scopes.len() > 1), Judged::is_exact)),
        ("coverage", Share::of(clean(), Judged::is_auto)),
        ("auto-right", Share::of(auto(), Judged::is_exact)),
        ("false-decline", Share::of(inside(), |j| j.is_auto() && !in_scope(&j.found()))),
        ("unclear guessed", Share::of(clean().filter(|j| j.record.unclear), Judged::is_auto)),
        ("conduct recall", Share::of(bad(), Judged::caught)),
        ("conduct precision", Share::of(caught(), |j| !j.is_clean())),
        ("conduct clause", Share::of(bad().filter(|j| j.caught()), named)),
        ("conduct answered automatically", Share::of(bad(), Judged::is_auto)),
        ("accused", Share::of(clean(), Judged::caught)),
    ]
}

fn named(judged: &Judged) -> bool {
    judged.decision.conduct.iter().any(|clause| judged.record.conduct.contains(clause))
}

/// Right, found and wanted for each clause, over the mails that have a matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    pub hit: usize,
    pub found: usize,
    pub wanted: usize,
}

impl Counts {
    /// Of what was found, how much was right; 0 where nothing was found.
    pub fn precision(self) -> f64 {
        Share { part: self.hit, whole: self.found }.ratio().unwrap_or(0.0)
    }

    pub fn recall(self) -> f64 {
        Share { part: self.hit, whole: self.wanted }.ratio().unwrap_or(0.0)
    }
}

pub fn clauses(all: &[Judged]) -> BTreeMap<String, Counts> {
    let mut clauses: BTreeMap<String, Counts> = BTreeMap::new();
    for judged in all.iter().filter(|j| j.is_scoped()) {
        let found = judged.found();
        judged.record.scopes.iter().for_each(|c| clauses.entry(c.clone()).or_default().wanted += 1);
        found.iter().for_each(|c| clauses.entry(c.clone()).or_default().found += 1);
        found.intersection(&judged.record.scopes).for_each(|c| clauses.entry(c.clone()).or_default().hit += 1);
    }
    clauses
}

/// For mails with one matter: (wanted, strongest found or `-`) → how many. What is right is counted, too.
pub fn confusion(all: &[Judged]) -> BTreeMap<(String, String), usize> {
    let mut table = BTreeMap::new();
    for judged in all.iter().filter(|j| j.is_scoped()) {
        let mut wanted = judged.record.scopes.iter();
        let (Some(wanted), None) = (wanted.next(), wanted.next()) else { continue };
        let found = judged.decision.scopes.first().map_or("-", String::as_str);
        let found = if judged.is_exact() { wanted } else { found };
        *table.entry((wanted.clone(), found.to_owned())).or_default() += 1;
    }
    table
}

/// The mails that are wrong: first conduct and what went out by itself, then the surest.
pub fn worst(all: &[Judged]) -> Vec<&Judged> {
    let mut wrong: Vec<&Judged> = all.iter().filter(|j| j.is_wrong()).collect();
    let rank = |j: &Judged| (j.is_scoped() && !j.caught(), !j.is_auto());
    wrong.sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.decision.confidence.total_cmp(&a.decision.confidence)));
    wrong
}

/// Everything for scripts; `worst` of the wrong mails.
pub fn json(all: &[Judged], worst: usize) -> Value {
    let figures: serde_json::Map<String, Value> =
        figures(all).into_iter().map(|(name, share)| (name.trim().replace(' ', "-"), share.json())).collect();
    let clauses: serde_json::Map<String, Value> = clauses(all)
        .into_iter()
        .map(|(id, counts)| {
            let Counts { hit, found, wanted } = counts;
            (id, json!({ "hit": hit, "found": found, "wanted": wanted }))
        })
        .collect();
    let confusion: Vec<Value> = confusion(all)
        .into_iter()
        .map(|((wanted, found), mails)| json!({ "wanted": wanted, "found": found, "mails": mails }))
        .collect();
    let worst: Vec<Value> = self::worst(all).into_iter().take(worst).map(one).collect();
    json!({ "messages": all.len(), "figures": figures, "clauses": clauses, "confusion": confusion, "worst": worst })
}

fn one(judged: &Judged) -> Value {
    let Judged { record, decision } = judged;
    json!({
        "id": record.id,
        "wanted": { "scopes": record.scopes, "accept": record.accept, "conduct": record.conduct },
        "found": { "scopes": decision.scopes, "conduct": decision.conduct },
        "disposition": decision.disposition,
        "confidence": decision.confidence,
        "evidence": decision.evidence,
    })
}

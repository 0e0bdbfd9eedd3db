//! Why a clause was not found in a mail, and what would have made it win: for people who write rules.

use std::sync::Arc;

use super::classify::{Sums, classify};
use super::inquiry::Inquiry;
use super::own_words::OwnWords;
use super::pack::{ClauseKind, Pack, Term};
use super::rulebook::{Rulebook, RulebookError};
use super::scan::{self, Scan};

/// What a clause found in a mail, and what it lacked.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// The clause was found: there is nothing to explain but its rules.
    pub found: bool,
    /// Points of its best sentence, and the threshold it needs.
    pub points: f64,
    pub threshold: f64,
    /// What was found instead, strongest first, with the points of each.
    pub instead: Vec<(String, f64)>,
    /// Rules of the clause that fired or nearly did, strongest first.
    pub rules: Vec<RuleSeen>,
    /// Changes that make it win, each tried; the smallest first.
    pub changes: Vec<Change>,
}

/// A rule of the clause in one sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSeen {
    pub rule: String,
    pub score: f64,
    pub sentence: String,
    /// None: it fired.
    pub lacked: Option<Lack>,
}

/// The one thing that a rule lacked.
#[derive(Debug, Clone, PartialEq)]
pub enum Lack {
    /// No word of this group stood there.
    Group { words: Vec<String> },
    /// This word of `none` stood there.
    Forbidden { word: String },
    /// All words were there, but further apart than this many characters.
    Near { width: usize },
    /// It looks at questions only, or at another place.
    Place,
}

/// A change of one rule or threshold.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A word of the sentence in the group that the rule lacked.
    Word {
        rule: String,
        group: Vec<String>,
    },
    /// Take the word out of the rule's `none`.
    Allow {
        rule: String,
        word: String,
    },
    Score {
        rule: String,
        from: f64,
        to: f64,
    },
    Threshold {
        key: &'static str,
        from: f64,
        to: f64,
    },
}

/// Explains why `clause` was not found; none if the pack has no such clause.
pub fn why_not(clause: &str, inquiry: &Inquiry, book: &Rulebook) -> Option<Miss> {
    let index = book.pack.clauses.iter().position(|c| c.id == clause)?;
    let own = OwnWords::of(inquiry);
    let sums = Sums::of(&own, book);
    let said = classify(&own, book);
    let conduct = book.pack.clauses[index].kind == ClauseKind::Conduct;
    let thresholds = book.pack.thresholds;
    let instead = if conduct { &said.conduct } else { &said.scopes };
    let points_of = |id: &String| book.pack.clauses.iter().position(|c| c.id == *id).map_or(0.0, |c| sums.best[c]);
    let rules = rules_seen(index, &own, book);
    let mut miss = Miss {
        found: instead.iter().any(|id| id == clause),
        points: sums.best[index],
        threshold: if conduct { thresholds.conduct } else { thresholds.scope },
        instead: instead.iter().filter(|id| *id != clause).map(|id| (id.clone(), points_of(id))).collect(),
        rules,
        changes: Vec::new(),
    };
    if !miss.found {
        let lead = sums.rival(index).max(miss.threshold);
        miss.changes = candidates(&miss, lead, conduct, thresholds.margin);
        miss.changes.retain(|change| wins(change, clause, &own, &book.pack).unwrap_or(false));
    }
    Some(miss)
}

/// Every rule of the clause that fired, or lacked one thing only, in its sentence.
fn rules_seen(clause: usize, own: &OwnWords, book: &Rulebook) -> Vec<RuleSeen> {
    let scan = Scan::of(own, book);
    let of_clause: Vec<usize> = (0..book.needs.len()).filter(|rule| book.clause_of[*rule] == clause).collect();
    let mut seen = Vec::new();
    for sentence in 0..own.sentences().len() {
        for rule in &of_clause {
            let Some(lacked) = lacked(*rule, sentence, &scan, book) else { continue };
            let written = &book.pack.rules[*rule];
            seen.push(RuleSeen {
                rule: written.id.clone(),
                score: written.score,
                sentence: scan.own.sentences()[sentence].text(own.inquiry).trim().to_owned(),
                lacked,
            });
        }
    }
    seen.sort_by(|a, b| a.lacked.is_some().cmp(&b.lacked.is_some()).then(b.score.total_cmp(&a.score)));
    seen
}

/// The one thing that a rule lacked in a sentence (`Some(None)`: nothing); none if it was more, or no word was there.
fn lacked(rule: usize, sentence: usize, scan: &Scan, book: &Rulebook) -> Option<Option<Lack>> {
    let (needs, written) = (&book.needs[rule], &book.pack.rules[rule]);
    let words: Vec<&scan::Word> = scan.words(sentence).iter().filter(|word| scan::votes(word, rule, book)).collect();
    let there = |group: &&Vec<usize>| words.iter().any(|word| group.contains(&word.term));
    let missing: Vec<usize> = (0..needs.groups.len()).filter(|n| !there(&&needs.groups[*n])).collect();
    let forbidden = words.iter().find(|word| needs.none.contains(&word.term));
    let found = scan::nearest(needs, &words, scan.own.text().len()).map(|found| scan::width(found, scan.own.text()));
    let mut lacks = Vec::new();
    if missing.len() == needs.groups.len() || missing.len() > 1 {
        return None;
    }
    let has_any = usize::from(!written.any.is_empty());
    lacks.extend(missing.iter().map(|n| {
        let group = if *n < has_any { &written.any } else { &written.all[*n - has_any] };
        Lack::Group { words: group.iter().map(shown).collect() }
    }));
    lacks.extend(forbidden.map(|word| Lack::Forbidden { word: scan.own.text()[word.start..word.end].to_owned() }));
    lacks.extend(written.near.zip(found).filter(|(near, width)| width > near).map(|(_, width)| Lack::Near { width }));
    lacks.extend((!scan::looks_at(written, &scan.own.sentences()[sentence])).then_some(Lack::Place));
    match lacks.len() {
        0 | 1 => Some(lacks.pop()),
        _ => None,
    }
}

/// As it is written in a rules file.
fn shown(term: &Term) -> String {
    match term {
        Term::Literal(text) => text.clone(),
        Term::Pattern(pattern) => format!("/{pattern}/"),
        Term::Product(product) => format!("@{}", product.name()),
    }
}

/// Changes that might do; `lead`: the points to get past. Words go first: they change least.
fn candidates(miss: &Miss, lead: f64, conduct: bool, margin: f64) -> Vec<Change> {
    let strong = |seen: &&RuleSeen| seen.score > 0.0;
    let words = miss.rules.iter().filter(strong).filter_map(|seen| match seen.lacked.clone()? {
        Lack::Group { words } => Some(Change::Word { rule: seen.rule.clone(), group: words }),
        Lack::Forbidden { word } => Some(Change::Allow { rule: seen.rule.clone(), word }),
        Lack::Near { .. } | Lack::Place => None,
    });
    let needed = lead - miss.points + if lead > miss.threshold { margin.max(0.1) } else { 0.0 };
    let fired = miss.rules.iter().filter(strong).filter(|seen| seen.lacked.is_none());
    let scores = fired.map(|seen| Change::Score {
        rule: seen.rule.clone(),
        from: seen.score,
        to: (((seen.score + needed) * 10.0).ceil()) / 10.0,
    });
    let key = if conduct { "conduct" } else { "scope" };
    let lower = Change::Threshold { key, from: miss.threshold, to: miss.points };
    let threshold = (miss.points > 0.0 && miss.points < miss.threshold).then_some(lower);
    let mut all: Vec<Change> = words.chain(scores).chain(threshold).collect();
    let mut known = Vec::new();
    all.retain(|change| {
        let new = !known.contains(change);
        known.push(change.clone());
        new
    });
    all
}

/// Is the clause found once the change is made?
fn wins(change: &Change, clause: &str, own: &OwnWords, pack: &Pack) -> Result<bool, RulebookError> {
    let mut pack = pack.clone();
    let changed = |id: &String| pack.rules.iter().position(|rule| rule.id == *id);
    match change {
        Change::Word { rule, group } => {
            if let Some(rule) = changed(rule).map(|n| &mut pack.rules[n]) {
                // The word is not known yet: try what would be if the group asked for nothing.
                let same = |terms: &Vec<Term>| terms.iter().map(shown).collect::<Vec<_>>() == *group;
                if same(&rule.any) {
                    rule.any.clear();
                }
                rule.all.retain(|terms| !same(terms));
            }
        }
        Change::Allow { rule, word } => {
            if let Some(rule) = changed(rule).map(|n| &mut pack.rules[n]) {
                rule.none.retain(|term| !stands_for(term, word, pack.folding));
            }
        }
        Change::Score { rule, to, .. } => {
            if let Some(rule) = changed(rule).map(|n| &mut pack.rules[n]) {
                rule.score = *to;
            }
        }
        Change::Threshold { key: "conduct", to, .. } => pack.thresholds.conduct = *to,
        Change::Threshold { to, .. } => pack.thresholds.scope = *to,
    }
    let said = classify(own, &Rulebook::compile(Arc::new(pack))?);
    Ok(said.scopes.iter().chain(&said.conduct).any(|id| id == clause))
}

/// Is the term what stood there as `word`?
fn stands_for(term: &Term, word: &str, folding: super::fold::Folding) -> bool {
    match term {
        Term::Literal(text) => super::fold::fold_term(text, folding) == word,
        Term::Pattern(pattern) => regex::Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(word)),
        Term::Product(_) => false,
    }
}

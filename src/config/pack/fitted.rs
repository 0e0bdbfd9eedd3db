//! `weights.toml`: what `madoguchi fit` learned for a pack, or what somebody wrote in its place.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::fitted::{COMMON, Fitted, FittedTerm, Mark, Points};
use crate::triage::fold::{Folding, fold_term};
use crate::triage::pack::{Clause, ClauseKind};

/// The file's name in the pack's folder; a pack may do without.
pub const WEIGHTS: &str = "weights.toml";

/// `clauses`: of the pack, in its order.
pub fn read(file: File<'_>, clauses: &[At<Clause>], folding: Folding) -> Option<Fitted> {
    let index: HashMap<&str, usize> = clauses.iter().enumerate().map(|(i, c)| (c.value.id.as_str(), i)).collect();
    let names = Names { file, clauses, index };
    let (head, terms) = parts(file.text);
    let head = reader::read_part(file, 0..head, |root| {
        let context = root.require("context").and_then(Value::number);
        let steepness = root.require("steepness").and_then(Value::number);
        let companion = share(root, "companion");
        let conduct = share(root, "conduct");
        let suspicion = share(root, "suspicion");
        let auto = share(root, "auto");
        let calibration = calibration(root);
        let marks = root.require("marks").and_then(|marks| marks.table("[marks]", |t| Some(names.marks(t))));
        Some(Fitted {
            terms: Vec::new(),
            marks: marks?,
            context: context?,
            steepness: steepness?,
            companion: companion?,
            conduct: conduct?,
            suspicion: suspicion?,
            calibration,
            auto: auto?,
        })
    });
    let terms = names.terms(terms..file.text.len(), folding);
    head.map(|head| Fitted { terms, ..head })
}

/// The line that the terms stand below.
const TERMS: &str = "\n[terms]";

/// Where the head ends and the terms begin.
fn parts(text: &str) -> (usize, usize) {
    let Some(at) = text.find(TERMS) else { return (text.len(), text.len()) };
    let line = text[at + 1..].find('\n').map_or(text.len(), |end| at + 1 + end + 1);
    (at + 1, line)
}

/// So many bytes of terms are read at once: TOML with places takes thirty times the memory of its text.
const CHUNK: usize = 100_000;

fn share(table: &Table<'_>, key: &'static str) -> Option<f64> {
    let value = table.require(key)?;
    let share = value.number()?;
    if !(0.0..=1.0).contains(&share) {
        value.error(format!("`{key}` must be from 0 to 1"));
    }
    Some(share)
}

/// Pairs [raw confidence, share that was right], both rising.
fn calibration(table: &Table<'_>) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for item in table.list("calibration") {
        let numbers: Vec<f64> = item.items().into_iter().filter_map(Value::number).collect();
        let [raw, right] = numbers[..] else {
            item.error("a pair of `calibration` is [raw confidence, share that was right]");
            continue;
        };
        if pairs.last().is_some_and(|(before, less)| *before >= raw || *less > right) {
            item.error("the pairs of `calibration` must rise");
        }
        pairs.push((raw, right));
    }
    pairs
}

struct Names<'a, 'f> {
    file: File<'f>,
    clauses: &'a [At<Clause>],
    index: HashMap<&'a str, usize>,
}

impl Names<'_, '_> {
    fn marks(&self, table: &Table<'_>) -> Vec<(Mark, Points)> {
        let mut marks = Vec::new();
        for (mark, name) in Mark::ALL {
            let points = table.get(name).and_then(|value| value.table(name, |t| Some(self.points(t, |_, _| false))));
            marks.extend(points.filter(|points| !points.is_empty()).map(|points| (mark, points)));
        }
        marks
    }

    /// In the order of their texts. A term is a line: TOML has no line ends in inline tables.
    fn terms(&self, mut range: Range<usize>, folding: Folding) -> Vec<FittedTerm> {
        let (text, mut terms) = (self.file.text, Vec::new());
        while !range.is_empty() {
            let rest = &text[range.clone()];
            let far = rest.char_indices().map(|(at, _)| at).find(|at| *at >= CHUNK).unwrap_or(rest.len());
            let end = range.start + rest[far..].find('\n').map_or(rest.len(), |at| far + at + 1);
            let chunk = reader::read_part(self.file, range.start..end, |table| Some(self.chunk(table, folding)));
            terms.extend(chunk.unwrap_or_default());
            range.start = end;
        }
        terms.sort_by(|a, b| a.text.cmp(&b.text));
        terms
    }

    fn chunk(&self, table: &Table<'_>, folding: Folding) -> Vec<FittedTerm> {
        for (name, _) in table.entries().filter(|(name, _)| !is_folded(&name.value, folding)) {
            let hint = format!("write `{}`", fold_term(&name.value, folding));
            let message = format!("`{}` is not folded, so it is never found", name.value);
            table.file.add(Problem::warning(message).at(&name.span).hint(hint));
        }
        table.entries().filter_map(|(name, value)| self.term(&name, value)).collect()
    }

    fn term(&self, name: &At<String>, value: Value<'_>) -> Option<FittedTerm> {
        let mut rarity = None;
        let points = value.table("a term", |table| {
            Some(self.points(table, |key, value| {
                let is_rarity = key == "rarity";
                if is_rarity {
                    rarity = value.number();
                }
                is_rarity
            }))
        })?;
        match rarity {
            Some(rarity) if rarity > 0.0 => Some(FittedTerm { text: name.value.clone(), rarity, points }),
            _ => {
                let message = format!("`{}` needs `rarity`, more than 0", name.value);
                value.file.add(Problem::error(message).at(&name.span));
                None
            }
        }
    }

    /// `other`: takes keys that are no clauses.
    fn points(&self, table: &Table<'_>, mut other: impl FnMut(&str, Value<'_>) -> bool) -> Points {
        let mut points = Points::new();
        for (name, value) in table.entries() {
            if other(&name.value, value) {
                continue;
            }
            let common = COMMON.iter().position(|common| *common == name.value);
            if let Some(common) = common {
                points.extend(value.number().map(|worth| (self.clauses.len() + common, worth)));
                continue;
            }
            match self.index.get(name.value.as_str()) {
                Some(clause) if self.clauses[*clause].value.kind == ClauseKind::Staff => {
                    table.file.add(Problem::error(format!("only staff find `{}`", name.value)).at(&name.span));
                }
                Some(clause) => points.extend(value.number().map(|worth| (*clause, worth))),
                None => {
                    table.file.add(Problem::error(format!("there is no clause `{}`", name.value)).at(&name.span));
                }
            }
        }
        points.sort_by_key(|(column, _)| *column);
        points
    }
}

/// A long-vowel mark at the end may stand in the middle of a word, where it is kept.
fn is_folded(text: &str, folding: Folding) -> bool {
    let base = |text: &str| text.trim_end_matches('ー').to_owned();
    base(&fold_term(text, folding)) == base(text)
}

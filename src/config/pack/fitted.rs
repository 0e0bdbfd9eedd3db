//! `weights.toml`: what `madoguchi fit` learned for a pack, or what somebody wrote in its place.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::fitted::{COMMON, Fitted, FittedTerm, Mark, Points};
use crate::triage::fold::{Folding, fold_term, is_surely_folded};
use crate::triage::pack::{Clause, ClauseKind};

/// The file's name in the pack's folder; a pack may do without.
pub const WEIGHTS: &str = "weights.toml";

/// `clauses`: of the pack, in its order.
pub fn read(file: File<'_>, clauses: &[At<Clause>], folding: Folding) -> Option<Fitted> {
    let index: HashMap<&str, usize> = clauses.iter().enumerate().map(|(i, c)| (c.value.id.as_str(), i)).collect();
    let speaks = |clause: &&Clause| clause.kind != ClauseKind::Staff && !COMMON.contains(&clause.id.as_str());
    let columns = clauses.iter().map(|At { value, .. }| Some(value).filter(speaks).map_or("", |clause| &clause.id));
    let names = Names { file, clauses, index, columns: columns.chain(COMMON).collect() };
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
    /// Their names in order; "" for one that no term can speak for.
    columns: Vec<&'a str>,
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
    fn terms(&self, range: Range<usize>, folding: Folding) -> Vec<FittedTerm> {
        let (mut start, mut terms) = (range.start, Vec::new());
        for line in self.file.text[range].split_inclusive('\n') {
            let place = start..start + line.len();
            start = place.end;
            match self.plain(line) {
                Some(term) => terms.push((At { value: term.text.clone(), span: place }, term)),
                None => terms.extend(self.written(place)),
            }
        }
        terms.sort_by(|(_, a), (_, b)| a.text.cmp(&b.text));
        self.check(&terms, folding);
        terms.into_iter().map(|(_, term)| term).collect()
    }

    /// A line as `madoguchi fit` writes it: `"端末" = { rarity = 2.6, 4-1-3 = -0.3 }`. A TOML reader for tens of
    /// thousands of them would take the most of the time in which the program gets ready, so it is asked only about
    /// others, and about what is wrong.
    fn plain(&self, line: &str) -> Option<FittedTerm> {
        let (text, rest) = line.strip_prefix('"')?.split_once('"')?;
        let mut words = rest.strip_prefix(" = { rarity = ")?.strip_suffix(" }\n")?.split(' ');
        let (rarity, mut more) = plain_number(words.next()?)?;
        let mut points = Points::with_capacity(rest.bytes().filter(|byte| *byte == b',').count());
        // Names stand in the order of the columns, each once.
        let mut columns = self.columns.iter().enumerate();
        while more {
            let name = words.next().filter(|name| !name.is_empty())?;
            let (column, _) = columns.find(|(_, known)| **known == name)?;
            let (worth, comma) = words.next().filter(|sign| *sign == "=").and_then(|_| plain_number(words.next()?))?;
            points.push((column, worth));
            more = comma;
        }
        let simple = !text.bytes().any(|byte| byte == b'\\' || byte.is_ascii_control());
        let whole = words.next().is_none() && rarity > 0.0;
        (whole && simple).then(|| FittedTerm { text: text.to_owned(), rarity, points })
    }

    /// A line of any TOML.
    fn written(&self, place: Range<usize>) -> Vec<(At<String>, FittedTerm)> {
        let base = place.start;
        let read = reader::read_part(self.file, place, |table| {
            let terms = table.entries().filter_map(|(name, value)| {
                let term = self.term(&name, value)?;
                Some((At { span: base + name.span.start..base + name.span.end, ..name }, term))
            });
            Some(terms.collect())
        });
        read.unwrap_or_default()
    }

    fn check(&self, terms: &[(At<String>, FittedTerm)], folding: Folding) {
        for (name, _) in terms.iter().filter(|(_, term)| !is_folded(&term.text, folding)) {
            let hint = format!("write `{}`", fold_term(&name.value, folding));
            let message = format!("`{}` is not folded, so it is never found", name.value);
            self.file.add(Problem::warning(message).at(&self.name_in(name)).hint(hint));
        }
        for pair in terms.windows(2).filter(|pair| pair[0].1.text == pair[1].1.text) {
            let problem = Problem::error(format!("`{}` stands here twice", pair[1].1.text));
            self.file.add(problem.at(&self.name_in(&pair[1].0)));
        }
    }

    /// The name alone, where the whole line is known.
    fn name_in(&self, name: &At<String>) -> Range<usize> {
        let quoted = name.span.start..(name.span.start + name.value.len() + 2).min(name.span.end);
        if self.file.text[name.span.clone()].ends_with('\n') { quoted } else { name.span.clone() }
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

/// A decimal number as TOML writes it, with one digit behind the point, and whether a comma follows: 「-12.3,」
fn plain_number(text: &str) -> Option<(f64, bool)> {
    let (number, comma) = text.strip_suffix(',').map_or((text, false), |number| (number, true));
    let (sign, number) = number.strip_prefix('-').map_or((1.0, number), |number| (-1.0, number));
    let (tens, ones, tenths) = match number.as_bytes() {
        [ones, b'.', tenths] => (&b'0', ones, tenths),
        [tens @ b'1'..=b'9', ones, b'.', tenths] => (tens, ones, tenths),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    let number = digit(tens)? * 100 + digit(ones)? * 10 + digit(tenths)?;
    // Both are whole: the quotient is the nearest number, as it is when the text is parsed.
    Some((sign * f64::from(number) / 10.0, comma))
}

/// A long-vowel mark at the end may stand in the middle of a word, where it is kept.
fn is_folded(text: &str, folding: Folding) -> bool {
    if is_surely_folded(text) {
        return true;
    }
    let base = |text: &str| text.trim_end_matches('ー').to_owned();
    base(&fold_term(text, folding)) == base(text)
}

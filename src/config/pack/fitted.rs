//! `weights.toml`: what `madoguchi fit` learned for a pack, or what somebody wrote in its place.

use std::collections::HashMap;
use std::ops::Range;

use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::fitted::{COMMON, Column, Fitted, Mark, Points, Terms};
use crate::triage::fold::{Folding, fold_term, is_surely_folded};
use crate::triage::pack::{Clause, ClauseKind};

/// The file's name in the pack's folder; a pack may do without.
pub const WEIGHTS: &str = "weights.toml";

/// `clauses`: of the pack, in its order.
pub fn read(file: File<'_>, clauses: &[At<Clause>], folding: Folding) -> Option<Fitted> {
    let index: HashMap<&str, Column> =
        clauses.iter().map(|clause| clause.value.id.as_str()).zip(0..=Column::MAX).collect();
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
            terms: Terms::default(),
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

/// Terms as they are read, with the places of their lines or of their names.
#[derive(Default)]
struct Read {
    terms: Terms,
    places: Vec<Range<usize>>,
    /// Of the term that is being read.
    points: Points,
}

struct Names<'a, 'f> {
    file: File<'f>,
    clauses: &'a [At<Clause>],
    index: HashMap<&'a str, Column>,
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
    fn terms(&self, range: Range<usize>, folding: Folding) -> Terms {
        let (mut start, mut read) = (range.start, Read::default());
        for line in self.file.text[range].split_inclusive('\n') {
            let place = start..start + line.len();
            start = place.end;
            let points = &mut read.points;
            points.clear();
            match self.plain(line, points) {
                Some((text, rarity)) => {
                    read.terms.push(text, rarity, points);
                    read.places.push(place);
                }
                None => self.written(place, &mut read),
            }
        }
        let Read { mut terms, mut places, .. } = read;
        terms.sort(&mut places);
        self.check(&terms, &places, folding);
        terms
    }

    /// A line as `madoguchi fit` writes it: `"端末" = { rarity = 2.6, 4-1-3 = -0.3 }`. A TOML reader for tens of
    /// thousands of them would take the most of the time in which the program gets ready, so it is asked only about
    /// others, and about what is wrong.
    fn plain<'l>(&self, line: &'l str, points: &mut Points) -> Option<(&'l str, f64)> {
        let line = line.strip_prefix('"')?;
        let ends = |byte: u8| byte == b'"' || byte == b'\\' || byte.is_ascii_control();
        let (text, rest) = line.split_at(line.bytes().position(ends)?);
        let (rarity, mut rest) = plain_number(rest.as_bytes().strip_prefix(b"\" = { rarity = ")?)?;
        // Names stand in the order of the columns, each once.
        let mut columns = (0..=Column::MAX).zip(&self.columns).filter(|(_, name)| !name.is_empty());
        while let Some(more) = rest.strip_prefix(b", ") {
            // Most names are seen not to stand here by where theirs ends.
            let value = |name: &str| match more.get(name.len()) {
                Some(b' ') => more.strip_prefix(name.as_bytes())?.strip_prefix(b" = "),
                _ => None,
            };
            let (column, number) = columns.find_map(|(column, name)| Some((column, value(name)?)))?;
            let (worth, behind) = plain_number(number)?;
            points.push((column, worth));
            rest = behind;
        }
        (rest == b" }\n" && rarity > 0.0).then_some((text, rarity))
    }

    /// A line of any TOML.
    fn written(&self, place: Range<usize>, read: &mut Read) {
        let base = place.start;
        reader::read_part(self.file, place, |table| {
            for (name, value) in table.entries() {
                let Some((rarity, points)) = self.term(&name, value) else { continue };
                read.terms.push(&name.value, rarity, &points);
                read.places.push(base + name.span.start..base + name.span.end);
            }
            Some(())
        });
    }

    fn check(&self, terms: &Terms, places: &[Range<usize>], folding: Folding) {
        for (term, place) in terms.iter().zip(places).filter(|(term, _)| !is_folded(term.text, folding)) {
            let hint = format!("write `{}`", fold_term(term.text, folding));
            let message = format!("`{}` is not folded, so it is never found", term.text);
            self.file.add(Problem::warning(message).at(&self.name_in(term.text, place)).hint(hint));
        }
        for index in (1..terms.len()).filter(|index| terms.text(index - 1) == terms.text(*index)) {
            let problem = Problem::error(format!("`{}` stands here twice", terms.text(index)));
            self.file.add(problem.at(&self.name_in(terms.text(index), &places[index])));
        }
    }

    /// The name alone, where the whole line is known.
    fn name_in(&self, name: &str, place: &Range<usize>) -> Range<usize> {
        let quoted = place.start..(place.start + name.len() + 2).min(place.end);
        if self.file.text[place.clone()].ends_with('\n') { quoted } else { place.clone() }
    }

    /// Rarity and points.
    fn term(&self, name: &At<String>, value: Value<'_>) -> Option<(f64, Points)> {
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
            Some(rarity) if rarity > 0.0 => Some((rarity, points)),
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
            if let Some(common) = COMMON.iter().position(|common| *common == name.value) {
                let column = Column::try_from(self.clauses.len() + common).ok();
                points.extend(column.zip(value.number()));
                continue;
            }
            match self.index.get(name.value.as_str()) {
                Some(clause) if self.clauses[usize::from(*clause)].value.kind == ClauseKind::Staff => {
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

/// A decimal number as TOML writes it, with one digit behind the point, and what stands behind it: 「-12.3,」
fn plain_number(text: &[u8]) -> Option<(f64, &[u8])> {
    let (sign, digits) = text.strip_prefix(b"-").map_or((1.0, text), |digits| (-1.0, digits));
    let (tens, ones, tenths, rest) = match digits {
        [ones, b'.', tenths, rest @ ..] => (&b'0', ones, tenths, rest),
        [tens @ b'1'..=b'9', ones, b'.', tenths, rest @ ..] => (tens, ones, tenths, rest),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    let number = digit(tens)? * 100 + digit(ones)? * 10 + digit(tenths)?;
    // Both are whole: the quotient is the nearest number, as it is when the text is parsed.
    Some((sign * f64::from(number) / 10.0, rest))
}

/// A long-vowel mark at the end may stand in the middle of a word, where it is kept.
fn is_folded(text: &str, folding: Folding) -> bool {
    if is_surely_folded(text) {
        return true;
    }
    let base = |text: &str| text.trim_end_matches('ー').to_owned();
    base(&fold_term(text, folding)) == base(text)
}

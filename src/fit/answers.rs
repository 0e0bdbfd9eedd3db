//! Learning from labelled dialogues: the points of a flow's features ([`Weights`]).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use argmin::core::{CostFunction, Error, Gradient};

use super::features::number;
use super::learn;
use crate::triage::flow::finder::{ALWAYS, ASKED};
use crate::triage::flow::state::Place;
use crate::triage::flow::weights::{ANSWERS, Features, OUTCOMES, Outcome, Table, Weights};
use crate::triage::flow::{Answer, Learned};

/// A feature holds in at least so many examples to be learned about.
const LEAST: usize = 4;
/// So many features of names are kept, those with the most points.
const NAMES: usize = 16_000;
/// The same of answers.
const STEPS: usize = 32_000;
/// The same of outcomes.
const MAILS: usize = 8_000;
/// Of the squares of the weights of all examples together.
const PENALTY: f64 = 1.0;
/// A term counts less than a circumstance: there are hundreds of them in a mail.
const TERM: f64 = 0.4;
/// The same for terms anywhere in the mail.
const FAR: f64 = 0.25;

/// Features of a step or mail, and the column that is right.
#[derive(Debug, Clone)]
pub struct Example {
    pub features: Features,
    pub column: usize,
}

/// The column of what a label says of a step.
pub fn answer(learned: &Learned, step: &str) -> usize {
    let answer: Option<Answer> = learned.get(step).copied();
    ANSWERS.iter().position(|known| *known == answer).unwrap_or_default()
}

/// The column of what became of a mail: where the dialogue stands behind it, and whether at an end of the flow.
pub fn outcome(place: Place, end: bool) -> usize {
    let outcome = match place {
        Place::Solved => Outcome::Works,
        Place::Handover if !end => Outcome::Staff,
        _ => Outcome::GoesOn,
    };
    OUTCOMES.iter().position(|known| *known == outcome).unwrap_or_default()
}

/// Of which steps a mail speaks.
#[derive(Debug, Clone)]
pub struct Told {
    pub terms: Features,
    /// For each step of the flow: our last mail asked for it.
    pub asked: Vec<bool>,
    /// For each step: this mail answers it.
    pub told: Vec<bool>,
}

/// Learns how mails name steps; `ids` are those of the flow's steps.
pub fn names(ids: &[&str], mails: &[&Told]) -> anyhow::Result<Table<1>> {
    if mails.is_empty() {
        return Ok(Table::default());
    }
    let mut features = frequent(mails.iter().map(|mail| &mail.terms));
    let index = index(&features);
    let terms: Vec<Row> = mails.iter().map(|mail| row(&mail.terms, &index)).collect();
    let always = u32::try_from(features.len())?;
    features.extend([ALWAYS, ASKED]);
    let scales: Vec<f64> = features.iter().map(|name| scale(name)).collect();
    let (mut names, mut points) = (Vec::new(), Vec::new());
    for (step, id) in ids.iter().enumerate() {
        let circumstances = |mail: &Told| [always].into_iter().chain(mail.asked[step].then_some(always + 1));
        let rows: Vec<Row> = mails
            .iter()
            .zip(&terms)
            .map(|(mail, row)| row.iter().copied().chain(circumstances(mail)).collect())
            .collect();
        let right: Vec<usize> = mails.iter().map(|mail| usize::from(mail.told[step])).collect();
        let weights = learn::learn(Softmax::<2>::new(&rows, &right, &scales), features.len() * 2)?;
        names.extend(features.iter().map(|feature| format!("{id} {feature}")));
        points.extend(weights.as_chunks::<2>().0.iter().map(|[no, yes]| yes - no));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(Table { rows: kept(&names, &scales.repeat(ids.len()), &points, NAMES) })
}

/// Learns from examples of steps.
pub fn answers(steps: &[&Example]) -> anyhow::Result<Table<{ ANSWERS.len() }>> {
    table(steps, STEPS)
}

/// Learns from examples of mails.
pub fn outcomes(mails: &[&Example]) -> anyhow::Result<Table<{ OUTCOMES.len() }>> {
    table(mails, MAILS)
}

fn table<const COLUMNS: usize>(examples: &[&Example], most: usize) -> anyhow::Result<Table<COLUMNS>> {
    let names = frequent(examples.iter().map(|example| &example.features));
    if names.is_empty() {
        return Ok(Table::default());
    }
    let index = index(&names);
    let scales: Vec<f64> = names.iter().map(|name| scale(name)).collect();
    let rows: Vec<Row> = examples.iter().map(|example| row(&example.features, &index)).collect();
    let right: Vec<usize> = examples.iter().map(|example| example.column).collect();
    let softmax = Softmax::<COLUMNS>::new(&rows, &right, &scales);
    let weights = learn::learn(softmax, names.len() * COLUMNS)?;
    Ok(Table { rows: kept(&names, &scales, &weights, most) })
}

/// The features that are learned about.
fn frequent<'a>(examples: impl Iterator<Item = &'a Features>) -> Vec<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    examples.flat_map(Features::iter).for_each(|name| *counts.entry(name).or_default() += 1);
    // A quotation mark would have to be escaped in the file; it says nothing.
    let plain = |name: &str| !name.contains(['"', '\\']) && !name.chars().any(char::is_control);
    counts.into_iter().filter(|(name, count)| *count >= LEAST && plain(name)).map(|(name, _)| name).collect()
}

fn index<'a>(names: &[&'a str]) -> HashMap<&'a str, u32> {
    names.iter().copied().zip(0..).collect()
}

fn row(features: &Features, index: &HashMap<&str, u32>) -> Row {
    features.iter().filter_map(|name| index.get(name).copied()).collect()
}

fn scale(name: &str) -> f64 {
    match name.split(' ').next().unwrap_or_default() {
        "near" | "behind" | "named" => TERM,
        "mail" | "beside" | "first" | "last" | "piece" => FAR,
        _ => 1.0,
    }
}

/// The strongest features with their points, rounded as the file has them.
fn kept<const COLUMNS: usize>(
    names: &[&str],
    scales: &[f64],
    weights: &[f64],
    most: usize,
) -> HashMap<Box<str>, [f32; COLUMNS]> {
    let rows = weights.chunks_exact(COLUMNS).zip(names).zip(scales);
    let mut rows: Vec<(f64, &str, [f32; COLUMNS])> = rows
        .map(|((row, name), scale)| {
            let strongest = row.iter().fold(0.0_f64, |most, weight| most.max((weight * scale).abs()));
            (strongest, *name, std::array::from_fn(|column| rounded(row[column] * scale)))
        })
        .collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    rows.truncate(most);
    rows.into_iter().filter(|row| row.2.iter().any(|points| *points != 0.0)).map(|row| (row.1.into(), row.2)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "points are small numbers with two digits")]
fn rounded(points: f64) -> f32 {
    ((points * 100.0).round() / 100.0) as f32
}

/// The features that hold for an example, as indexes.
type Row = Vec<u32>;

/// Cross entropy of the right columns, plus the squares of the weights; weights are `[feature][column]`. A feature that
/// holds counts as much as its scale says.
struct Softmax<'a, const COLUMNS: usize> {
    rows: &'a [Row],
    right: &'a [usize],
    scales: &'a [f64],
    /// The slope at the weights whose cost was asked for last: both need the same pass over all rows.
    last: RefCell<(Vec<f64>, Vec<f64>)>,
}

impl<'a, const COLUMNS: usize> Softmax<'a, COLUMNS> {
    fn new(rows: &'a [Row], right: &'a [usize], scales: &'a [f64]) -> Self {
        Softmax { rows, right, scales, last: RefCell::default() }
    }

    /// Cost and slope.
    fn both(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let scaled = |(row, scale): (&[f64; COLUMNS], &f64)| row.map(|weight| weight * scale);
        let points: Vec<[f64; COLUMNS]> = weights.as_chunks().0.iter().zip(self.scales).map(scaled).collect();
        let mut slopes = vec![[0.0; COLUMNS]; points.len()];
        let mut loss = weights.iter().map(|weight| weight * weight).sum::<f64>() * PENALTY / 2.0;
        for (row, right) in self.rows.iter().zip(self.right) {
            let mut shares = [0.0; COLUMNS];
            row.iter().for_each(|feature| add(&mut shares, &points[*feature as usize]));
            softmax(&mut shares);
            loss -= shares[*right].max(f64::MIN_POSITIVE).ln();
            shares[*right] -= 1.0;
            row.iter().for_each(|feature| add(&mut slopes[*feature as usize], &shares));
        }
        let share = 1.0 / number(self.rows.len());
        let slopes = slopes.iter().zip(self.scales).flat_map(|(row, scale)| row.map(|slope| slope * scale));
        let slopes = slopes.zip(weights).map(|(slope, weight)| (slope + weight * PENALTY) * share);
        (loss * share, slopes.collect())
    }
}

fn add<const COLUMNS: usize>(sum: &mut [f64; COLUMNS], row: &[f64; COLUMNS]) {
    sum.iter_mut().zip(row).for_each(|(sum, part)| *sum += part);
}

/// Points to probabilities.
fn softmax(points: &mut [f64]) {
    let most = points.iter().fold(f64::MIN, |most, point| most.max(*point));
    points.iter_mut().for_each(|point| *point = (*point - most).exp());
    let all: f64 = points.iter().sum();
    points.iter_mut().for_each(|point| *point /= all);
}

impl<const COLUMNS: usize> CostFunction for Softmax<'_, COLUMNS> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let (cost, slope) = self.both(weights);
        *self.last.borrow_mut() = (weights.clone(), slope);
        Ok(cost)
    }
}

impl<const COLUMNS: usize> Gradient for Softmax<'_, COLUMNS> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let last = self.last.borrow();
        Ok(if last.0 == *weights { last.1.clone() } else { self.both(weights).1 })
    }
}

/// `<flow>.weights.toml` as people read it. `head` stands above it as a comment.
pub fn toml(weights: &Weights, head: &str) -> String {
    let mut out = String::new();
    head.lines().for_each(|line| line_of(&mut out, format!("# {line}").trim_end()));
    line_of(&mut out, "#\n# Points for: the mail speaks of the step\n[names]");
    rows(&mut out, &weights.names);
    line_of(&mut out, "\n# Points for: nothing said, yes, no, done without effect, done and fixed, unknown");
    line_of(&mut out, "[answers]");
    rows(&mut out, &weights.answers);
    line_of(&mut out, "\n# Points for: goes on, works again, to staff\n[outcomes]");
    rows(&mut out, &weights.outcomes);
    out
}

fn rows<const COLUMNS: usize>(out: &mut String, table: &Table<COLUMNS>) {
    let names: BTreeSet<&str> = table.rows.keys().map(|name| &**name).collect();
    for (name, row) in names.into_iter().filter_map(|name| Some((name, table.rows.get(name)?))) {
        let points: Vec<String> = row.iter().map(|points| format!("{points:.2}")).collect();
        line_of(out, &format!("\"{name}\" = [{}]", points.join(", ")));
    }
}

fn line_of(out: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_the_slope_of_the_cost() {
        let rows = [vec![0, 2], vec![1], vec![0, 1]];
        let softmax = Softmax::<3>::new(&rows, &[0, 2, 1], &[1.0, 1.0, 0.4]);
        let weights: Vec<f64> = (0..9).map(|i| number(i) * 0.3 - 0.7).collect();
        let gradient = softmax.gradient(&weights).unwrap();
        softmax.cost(&weights).unwrap();
        assert_eq!(softmax.gradient(&weights).unwrap(), gradient, "the one kept is the one reckoned");
        for (i, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut weights = weights.clone();
                weights[i] += by;
                softmax.cost(&weights).unwrap()
            };
            let measured = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((measured - slope).abs() < 1e-7, "weight {i}: {measured} {slope}");
        }
    }

    #[test]
    fn what_always_stands_with_an_answer_speaks_for_it() {
        let example = |words: &[&str], column| Example {
            features: words.iter().map(|word| (*word).to_owned()).collect(),
            column,
        };
        let all = [example(&["near action だめ", "a"], 3), example(&["near action 直った", "a"], 4)];
        let all: Vec<&Example> = all.iter().cycle().take(40).collect();
        let answers = answers(&all).unwrap();
        assert_eq!(answers.best(&all[0].features), 3);
        assert_eq!(answers.best(&all[1].features), 4);
        let reasons = answers.reasons(&all[0].features, 3, 2);
        assert_eq!(reasons, ["a", "near action だめ"]);
    }
}

//! Finds the steps that a mail speaks of in other words than the flow knows: 「落として上げました」.

use std::collections::{BTreeMap, HashMap};

use super::marks::Piece;
use super::weights::{Features, Table};
use crate::triage::fitted::grams;

/// Holds for every mail.
pub const ALWAYS: &str = "always";
/// Our last mail asked for the step.
pub const ASKED: &str = "asked";
/// Before a text that stands in the mail.
const NAMED: &str = "named ";

/// The texts that could be names, with the pieces they stand in.
fn terms(pieces: &[Piece]) -> BTreeMap<&str, Vec<usize>> {
    let mut terms: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        for term in grams(&piece.text) {
            let places = terms.entry(term).or_default();
            if places.last() != Some(&index) {
                places.push(index);
            }
        }
    }
    terms
}

/// The same as features: behind the id of a step they are rows of the names' table.
pub fn features(pieces: &[Piece]) -> Features {
    terms(pieces).keys().map(|term| format!("{NAMED}{term}")).collect()
}

/// Names of steps that dialogues taught, as they are looked for: each text once for all steps.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// For each step.
    circumstances: Vec<Circumstances>,
    /// The steps that a text speaks for or against.
    terms: HashMap<Box<str>, Vec<(usize, f32)>>,
}

#[derive(Debug, Clone, Copy)]
struct Circumstances {
    /// The least there is for a step that nothing was learned of.
    always: f32,
    asked: f32,
}

/// How surely a mail speaks of a step, and where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found<'a> {
    /// Natural logarithm of the odds.
    pub points: f32,
    /// The same as if it had not been asked for.
    pub unasked: f32,
    /// The piece that says it the most.
    pub piece: Option<usize>,
    /// The text that speaks for it the most.
    pub term: Option<&'a str>,
}

impl Found<'_> {
    /// Nothing was looked for.
    pub const NOTHING: Found<'static> = Found { points: f32::MIN, unasked: f32::MIN, piece: None, term: None };
}

impl Names {
    /// `ids` are those of the flow's steps; rows of others are left out.
    pub fn of(ids: &[&str], table: &Table<1>) -> Names {
        let unknown = Circumstances { always: f32::MIN, asked: 0.0 };
        let mut names = Names { circumstances: vec![unknown; ids.len()], ..Names::default() };
        for (row, [points]) in &table.rows {
            let Some((id, feature)) = row.split_once(' ') else { continue };
            let Some(step) = ids.iter().position(|known| *known == id) else { continue };
            match (feature, feature.strip_prefix(NAMED)) {
                (ALWAYS, _) => names.circumstances[step].always = *points,
                (ASKED, _) => names.circumstances[step].asked = *points,
                (_, Some(term)) => names.terms.entry(term.into()).or_default().push((step, *points)),
                _ => {}
            }
        }
        names
    }

    /// What is found for each step.
    pub fn find<'a>(&self, pieces: &'a [Piece], asked: &[usize]) -> Vec<Found<'a>> {
        let mut by_piece = vec![vec![0.0; pieces.len()]; self.circumstances.len()];
        let mut strongest = vec![0.0; self.circumstances.len()];
        let mut found: Vec<Found> = Vec::new();
        for (step, circumstances) in self.circumstances.iter().enumerate() {
            let unasked = circumstances.always;
            let points = unasked + if asked.contains(&step) { circumstances.asked } else { 0.0 };
            found.push(Found { points, unasked, ..Found::NOTHING });
        }
        for (term, places) in terms(pieces) {
            for (step, points) in self.terms.get(term).into_iter().flatten() {
                found[*step].points += points;
                found[*step].unasked += points;
                places.iter().for_each(|place| by_piece[*step][*place] += points);
                if *points > strongest[*step] {
                    (strongest[*step], found[*step].term) = (*points, Some(term));
                }
            }
        }
        for (found, points) in found.iter_mut().zip(&by_piece) {
            found.piece = (0..pieces.len()).rev().max_by(|a, b| f32::total_cmp(&points[*a], &points[*b]));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_found_where_most_speaks_for_it() {
        let piece = |text: &str| Piece { text: text.to_owned(), ..Piece::default() };
        let pieces = [piece("朝からです"), piece("落として上げた"), piece("電源は入る")];
        let rows = [
            ("Q6 always", -2.0),
            ("Q6 asked", 1.0),
            ("Q6 named 落と", 3.0),
            ("Q6 named 電源", 0.5),
            ("Q7 named 朝", 9.0),
        ];
        let table = Table { rows: rows.map(|(name, points)| (name.into(), [points])).into() };
        let names = Names::of(&["Q5", "Q6"], &table);
        let found = |asked| names.find(&pieces, asked)[1];
        assert_eq!(found(&[1]), Found { points: 2.5, unasked: 1.5, piece: Some(1), term: Some("落と") });
        assert_eq!(found(&[0]).points, 1.5);
        assert_eq!(names.find(&pieces, &[])[0].points, f32::MIN, "nothing was learned of it");
        assert!(features(&pieces).iter().any(|feature| feature == "named 落と"));
    }
}

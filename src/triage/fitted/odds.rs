//! From points to probabilities: what a sentence asks, what a mail asks, and how sure that is.
//!
//! In a sentence the clauses and "nothing" share the probability (softmax; nothing has 0 points). A mail asks about a
//! clause unless none of its sentences does (noisy or).

use std::collections::HashSet;

/// Probabilities of one group of clauses: those of scope, or those of conduct.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Of each sentence, for each clause of the group.
    pub sentences: Vec<Vec<f64>>,
    /// Of the mail, for each clause of the group.
    pub mail: Vec<f64>,
}

impl Reading {
    /// `points`: of each sentence, for each clause of the group. A sentence that has the points of an earlier one, as
    /// the lines of a log have, says nothing new.
    pub fn of(points: &[Vec<f64>], clauses: usize, steepness: f64) -> Reading {
        let sentences: Vec<Vec<f64>> = points.iter().map(|points| shared(points, steepness)).collect();
        let mut seen: HashSet<Vec<u64>> = HashSet::new();
        let mut is_new = |points: &Vec<f64>| seen.insert(points.iter().map(|points| points.to_bits()).collect());
        let new: Vec<bool> = points.iter().map(&mut is_new).collect();
        let telling = || sentences.iter().zip(&new).filter(|(_, new)| **new).map(|(sentence, _)| sentence);
        let asked = |clause: usize| 1.0 - telling().map(|s| 1.0 - s[clause]).product::<f64>();
        Reading { mail: (0..clauses).map(asked).collect(), sentences }
    }

    /// The mail speaks of some clause of the group.
    pub fn any(&self) -> f64 {
        1.0 - self.mail.iter().map(|asked| 1.0 - asked).product::<f64>()
    }
}

/// The probability of each clause in one sentence.
fn shared(points: &[f64], steepness: f64) -> Vec<f64> {
    let most = points.iter().fold(0.0_f64, |most, points| most.max(points * steepness));
    let odds: Vec<f64> = points.iter().map(|points| (points * steepness - most).exp()).collect();
    let all = odds.iter().sum::<f64>() + (-most).exp();
    odds.into_iter().map(|odds| odds / all).collect()
}

/// The clauses that a mail asks about, most probable first: the most probable one, and others from `companion` on.
pub fn found(mail: &[f64], companion: f64) -> Vec<usize> {
    let mut clauses: Vec<usize> = (0..mail.len()).collect();
    clauses.sort_by(|a, b| mail[*b].total_cmp(&mail[*a]).then(a.cmp(b)));
    clauses.into_iter().enumerate().filter(|(rank, c)| *rank == 0 || mail[*c] >= companion).map(|(_, c)| c).collect()
}

/// Where the hand-written rules alone would find another clause, too, confidence is worth so much of itself: the
/// decision may be right, but often it is a matter of two. Chosen by cross-validation.
const CONTRADICTED: f64 = 0.9;

/// The probability that a mail asks about just these clauses, were they independent; see
/// [`super::Fitted::calibrated`] for what it is worth. `contradicted`: the rules alone find a clause besides.
pub fn confidence(mail: &[f64], found: &[usize], contradicted: bool) -> f64 {
    let each = mail.iter().enumerate();
    let raw: f64 = each.map(|(clause, asked)| if found.contains(&clause) { *asked } else { 1.0 - asked }).product();
    if contradicted { raw * CONTRADICTED } else { raw }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_sentence_without_points_asks_nothing_more_than_chance() {
        let reading = Reading::of(&[vec![0.0, 0.0, 0.0]], 3, 1.0);
        assert!(reading.sentences[0].iter().all(|p| near(*p, 0.25)));
    }

    #[test]
    fn huge_points_do_not_overflow() {
        let reading = Reading::of(&[vec![2000.0, -2000.0]], 2, 1.0);
        assert!(near(reading.mail[0], 1.0) && near(reading.mail[1], 0.0));
    }

    #[test]
    fn a_mail_asks_what_one_of_its_sentences_asks() {
        let even = (0.5_f64).ln();
        let reading = Reading::of(&[vec![0.0], vec![even]], 1, 1.0);
        let asked = 1.0 - (1.0 - 0.5) * (1.0 - 1.0 / 3.0);
        assert!(near(reading.mail[0], asked) && near(reading.any(), asked));
    }

    #[test]
    fn what_is_said_a_thousand_times_is_said_once() {
        let reading = Reading::of(&vec![vec![-3.0]; 1000], 1, 1.0);
        assert!(near(reading.mail[0], reading.sentences[0][0]));
    }

    #[test]
    fn the_most_probable_clause_is_always_found_and_companions_from_their_threshold_on() {
        assert_eq!(found(&[0.1, 0.3, 0.05], 0.5), [1]);
        assert_eq!(found(&[0.6, 0.9, 0.05], 0.5), [1, 0]);
        assert!(near(confidence(&[0.6, 0.9], &[1], false), 0.36));
        assert!(near(confidence(&[0.6, 0.9], &[1], true), 0.36 * CONTRADICTED));
    }
}

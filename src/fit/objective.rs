//! What is minimised: how badly weights explain the labels.
//!
//! A sentence's clauses and "nothing" share the probability (softmax); a mail asks about a clause unless none of its
//! sentences does (noisy or). The loss is the cross entropy of the mails' labels, plus that of the sentences whose
//! clause is known, plus the squares of the weights: multiple-instance learning, so that a label of a whole mail
//! finds its sentence.

use argmin::core::{CostFunction, Error, Gradient};

use super::features::{Sparse, Vectors, number};

/// What the labels say, in clauses of one group.
#[derive(Debug, Clone)]
pub struct Labels {
    /// Clauses of the group.
    pub clauses: usize,
    /// For each mail and clause whether it is asked about.
    pub mails: Vec<Vec<bool>>,
    /// How much each mail counts.
    pub weights: Vec<f64>,
    /// For each sentence its clause, where it is known; `clauses` stands for "nothing".
    pub sentences: Vec<Option<usize>>,
}

/// The loss of weights `[feature][clause]`, with one more column: what the feature is worth for every clause of the
/// group alike. Clauses that few mails speak of share what they have in common, as all conduct does.
pub struct Objective<'a> {
    pub vectors: &'a Vectors,
    pub labels: &'a Labels,
    /// Of the squares of the weights.
    pub penalty: f64,
}

/// Probabilities are kept this far from 0 and 1, where logarithms have no end.
const EDGE: f64 = 1e-7;

impl Objective<'_> {
    pub fn parameters(&self) -> usize {
        self.vectors.features * (self.labels.clauses + 1)
    }

    fn clauses(&self) -> usize {
        self.labels.clauses
    }

    /// Loss of a mail and its derivatives by the points of each sentence and clause.
    fn mail(&self, mail: usize, weights: &[f64]) -> (f64, Vec<Vec<f64>>) {
        let mut sentences = points(self.vectors, mail, weights, self.clauses());
        sentences.iter_mut().for_each(|points| softmax(points));
        let (mut loss, mut by_probability) = (0.0, vec![0.0; self.clauses()]);
        for clause in 0..self.clauses() {
            let none: f64 = sentences.iter().map(|p| 1.0 - p[clause].min(1.0 - EDGE)).product();
            let asked = (1.0 - none).max(EDGE);
            let wanted = self.labels.mails[mail][clause];
            let weight = self.labels.weights[mail];
            loss -= weight * if wanted { asked.ln() } else { none.max(f64::MIN_POSITIVE).ln() };
            // d loss / d p = this / (1 − p), for every sentence
            by_probability[clause] = weight * if wanted { 1.0 - 1.0 / asked } else { 1.0 };
        }
        let start = self.vectors.starts[mail];
        let mut slopes = Vec::with_capacity(sentences.len());
        for (n, p) in sentences.iter().enumerate() {
            let slope = |clause: usize| by_probability[clause] / (1.0 - p[clause].min(1.0 - EDGE));
            let mean: f64 = (0..self.clauses()).map(|clause| p[clause] * slope(clause)).sum();
            let mut points: Vec<f64> = (0..self.clauses()).map(|clause| p[clause] * (slope(clause) - mean)).collect();
            if let Some(known) = self.labels.sentences[start + n] {
                let nothing = (1.0 - p.iter().sum::<f64>()).max(EDGE);
                loss -= p.get(known).map_or(nothing, |p| p.max(EDGE)).ln();
                points.iter_mut().zip(p).for_each(|(point, p)| *point += p);
                points.iter_mut().skip(known).take(1).for_each(|point| *point -= 1.0);
            }
            slopes.push(points);
        }
        (loss, slopes)
    }
}

/// Points of so many clauses in each sentence of a mail, in logarithms of odds.
pub fn points(vectors: &Vectors, mail: usize, weights: &[f64], clauses: usize) -> Vec<Vec<f64>> {
    let mut context = vec![0.0; clauses];
    add(&vectors.contexts[mail], weights, &mut context);
    let of = |sentence: &Sparse| {
        let mut points = context.clone();
        add(sentence, weights, &mut points);
        points
    };
    vectors.sentences[vectors.starts[mail]..vectors.starts[mail + 1]].iter().map(of).collect()
}

/// Adds what these features are worth for each clause.
fn add(features: &Sparse, weights: &[f64], points: &mut [f64]) {
    let columns = points.len() + 1;
    for (feature, value) in features {
        let row = &weights[feature * columns..(feature + 1) * columns];
        let common = row.last().copied().unwrap_or(0.0);
        points.iter_mut().zip(row).for_each(|(point, weight)| *point += value * (weight + common));
    }
}

/// Points to probabilities; "nothing" has 0 points.
fn softmax(points: &mut [f64]) {
    let most = points.iter().fold(0.0_f64, |most, point| most.max(*point));
    points.iter_mut().for_each(|point| *point = (*point - most).exp());
    let all = points.iter().sum::<f64>() + (-most).exp();
    points.iter_mut().for_each(|point| *point /= all);
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let loss: f64 = (0..self.vectors.mails()).map(|mail| self.mail(mail, weights).0).sum();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        Ok(loss / number(self.vectors.mails()) + self.penalty * squares / 2.0)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let clauses = self.clauses();
        let share = 1.0 / number(self.vectors.mails());
        let mut gradient: Vec<f64> = weights.iter().map(|weight| weight * self.penalty).collect();
        let mut spread = |features: &Sparse, slopes: &[f64]| {
            for (feature, value) in features {
                let row = &mut gradient[feature * (clauses + 1)..(feature + 1) * (clauses + 1)];
                row.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += value * slope * share);
                row.iter_mut().skip(clauses).for_each(|sum| *sum += value * slopes.iter().sum::<f64>() * share);
            }
        };
        for mail in 0..self.vectors.mails() {
            let (_, slopes) = self.mail(mail, weights);
            let mut context = vec![0.0; clauses];
            for (n, slope) in slopes.iter().enumerate() {
                spread(&self.vectors.sentences[self.vectors.starts[mail] + n], slope);
                context.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
            }
            spread(&self.vectors.contexts[mail], &context);
        }
        Ok(gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vectors() -> Vectors {
        Vectors {
            features: 3,
            sentences: vec![vec![(0, 1.0)], vec![(1, 0.5), (2, 1.0)], vec![(2, 1.0)]],
            contexts: vec![vec![(0, 0.3), (1, 0.2)], vec![(2, 0.4)]],
            starts: vec![0, 2, 3],
        }
    }

    fn labels() -> Labels {
        Labels {
            clauses: 2,
            mails: vec![vec![true, true], vec![false, true]],
            weights: vec![1.0, 2.0],
            sentences: vec![Some(0), None, Some(2)],
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_cost() {
        let (vectors, labels) = (vectors(), labels());
        let objective = Objective { vectors: &vectors, labels: &labels, penalty: 0.1 };
        let weights: Vec<f64> = (0..objective.parameters()).map(|i| number(i) * 0.3 - 0.7).collect();
        let gradient = objective.gradient(&weights).unwrap();
        for (i, slope) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut weights = weights.clone();
                weights[i] += by;
                objective.cost(&weights).unwrap()
            };
            let measured = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((measured - slope).abs() < 1e-6, "{i}: {measured} and {slope}");
        }
    }
}

//! What was learned from labelled dialogues (`madoguchi flow fit`), beside the words that the flow lists: points of
//! features for each answer to a step, and for what becomes of the whole mail.
//!
//! A feature is a short text such as `near action だめ`: beside the name of something to do stands 「だめ」. Each counts
//! once for a step; the points of all that hold add up, and the answer with the most has it.

use std::collections::HashMap;

use super::Answer;

/// The answers in the order of their columns; none: nothing is said of the step.
pub const ANSWERS: [Option<Answer>; 6] =
    [None, Some(Answer::Yes), Some(Answer::No), Some(Answer::DoneNoEffect), Some(Answer::Fixed), Some(Answer::Unknown)];

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    GoesOn,
    /// The phone works again.
    Works,
    /// He will not go on by mail: staff take over.
    Staff,
}

/// The outcomes in the order of their columns.
pub const OUTCOMES: [Outcome; 3] = [Outcome::GoesOn, Outcome::Works, Outcome::Staff];

/// Points in natural logarithms of odds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    /// For each step's id with a feature of [`super::finder`], how much it says that the mail speaks of the step.
    pub names: Table<1>,
    /// By the columns of [`ANSWERS`].
    pub answers: Table<6>,
    /// By the columns of [`OUTCOMES`].
    pub outcomes: Table<3>,
}

/// Points of features.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table<const COLUMNS: usize> {
    pub rows: HashMap<Box<str>, [f32; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    /// The sum of the points of these features.
    pub fn sum(&self, features: &Features) -> [f32; COLUMNS] {
        let mut sum = [0.0; COLUMNS];
        for row in features.iter().filter_map(|feature| self.rows.get(feature)) {
            sum.iter_mut().zip(row).for_each(|(sum, points)| *sum += points);
        }
        sum
    }

    /// The column with the most points.
    pub fn best(&self, features: &Features) -> usize {
        strongest(&self.sum(features))
    }

    /// The features that speak the most for this column against the others, the strongest first.
    pub fn reasons(&self, features: &Features, column: usize, most: usize) -> Vec<String> {
        let worth = |feature: &str| {
            let row = self.rows.get(feature)?;
            let mean = row.iter().sum::<f32>() / row.iter().map(|_| 1.0).sum::<f32>();
            Some(row[column] - mean).filter(|worth| *worth > 0.0)
        };
        let mut found: Vec<(f32, &str)> = features.iter().filter_map(|f| Some((worth(f)?, f))).collect();
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        found.into_iter().take(most).map(|(_, feature)| feature.to_owned()).collect()
    }
}

/// The place of the most points.
pub fn strongest(points: &[f32]) -> usize {
    (0..points.len()).max_by(|a, b| points[*a].total_cmp(&points[*b])).unwrap_or_default()
}

/// Features that hold, each once, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features(Vec<Box<str>>);

impl Features {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|feature| &**feature)
    }
}

impl FromIterator<String> for Features {
    fn from_iter<T: IntoIterator<Item = String>>(features: T) -> Features {
        let mut features: Vec<Box<str>> = features.into_iter().map(String::into_boxed_str).collect();
        features.sort_unstable();
        features.dedup();
        Features(features)
    }
}

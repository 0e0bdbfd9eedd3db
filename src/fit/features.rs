//! Sentences as numbers: which terms stand in them, and what each weighs there.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Example;
use crate::triage::fitted::{Mark, grams};

/// The terms that are learned about, in the order of their texts, with their rarity
/// (the natural logarithm of 1 + training mails over 1 + those with the term, plus 1).
#[derive(Debug, Clone, PartialEq)]
pub struct Vocabulary {
    pub terms: Vec<(String, f64)>,
}

impl Vocabulary {
    /// The terms that stand in at least `least` mails.
    pub fn of(examples: &[&Example], least: usize) -> Vocabulary {
        let mut mails: HashMap<&str, usize> = HashMap::new();
        for example in examples {
            let terms: HashSet<&str> = example.sentences.iter().flat_map(|row| grams(&row.text)).collect();
            terms.into_iter().for_each(|term| *mails.entry(term).or_default() += 1);
        }
        let kept = mails.into_iter().filter(|(_, count)| *count >= least);
        let rarity = |count: usize| ((1.0 + number(examples.len())) / (1.0 + number(count))).ln() + 1.0;
        // Rounded as the file rounds it, so that what is learned is what will be used.
        let rounded = |rarity: f64| (rarity * 10.0).round() / 10.0;
        let terms: BTreeMap<&str, f64> = kept.map(|(term, count)| (term, rounded(rarity(count)))).collect();
        Vocabulary { terms: terms.into_iter().map(|(term, rarity)| (term.to_owned(), rarity)).collect() }
    }

    /// Features: a number for each term, then one for each mark.
    pub fn features(&self) -> usize {
        self.terms.len() + Mark::ALL.len()
    }
}

/// A count as a number to reckon with.
pub fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Weights of features; those that are not there are 0.
pub type Sparse = Vec<(usize, f64)>;

/// Mails as numbers.
#[derive(Debug, Clone)]
pub struct Vectors {
    pub features: usize,
    /// Of all mails, one mail after the other.
    pub sentences: Vec<Sparse>,
    /// Of each mail: the terms of all its sentences, times the share that context has.
    pub contexts: Vec<Sparse>,
    /// Mail `i` has the sentences `starts[i]..starts[i + 1]`.
    pub starts: Vec<usize>,
}

impl Vectors {
    pub fn of(examples: &[&Example], vocabulary: &Vocabulary, context: f64) -> Vectors {
        let index: HashMap<&str, usize> =
            vocabulary.terms.iter().enumerate().map(|(i, (t, _))| (t.as_str(), i)).collect();
        let known = |text: &str| grams(text).filter_map(|term| index.get(term).copied()).collect::<Vec<usize>>();
        let mut vectors =
            Vectors { features: vocabulary.features(), sentences: Vec::new(), contexts: Vec::new(), starts: vec![0] };
        for example in examples {
            let mut whole = Vec::new();
            for row in &example.sentences {
                let terms = known(&row.text);
                whole.extend_from_slice(&terms);
                let mut sentence = weighed(terms, vocabulary, 1.0);
                let place = |mark: &Mark| Mark::ALL.iter().position(|(known, _)| known == mark);
                sentence.extend(row.marks.iter().filter_map(place).map(|mark| (vocabulary.terms.len() + mark, 1.0)));
                vectors.sentences.push(sentence);
            }
            vectors.contexts.push(weighed(whole, vocabulary, context));
            vectors.starts.push(vectors.sentences.len());
        }
        vectors
    }

    pub fn mails(&self) -> usize {
        self.contexts.len()
    }
}

/// As [`crate::triage::fitted::Fitted`] weighs them.
fn weighed(mut terms: Vec<usize>, vocabulary: &Vocabulary, share: f64) -> Sparse {
    terms.sort_unstable();
    terms.dedup();
    let norm = terms.iter().map(|term| vocabulary.terms[*term].1.powi(2)).sum::<f64>().sqrt();
    terms.into_iter().map(|term| (term, vocabulary.terms[term].1 / norm * share)).collect()
}

//! Learning from labelled mail: [`Model::learn`] finds the points of terms that `weights.toml` holds.
//!
//! Reading order: [`corpus`] (labelled mail), [`features`] (what stands in it), `objective` (what is minimised), `learn`
//! (how), [`cross`] (how good it is on files it did not see), [`thresholds`] (from when on it may act), [`figures`],
//! [`mod@write`] (the file). [`answers`] learns from labelled dialogues what a flow weighs. The same mails give the same file: nothing here is random, and threads never add numbers
//! together.

pub mod answers;
pub mod corpus;
pub mod cross;
pub mod features;
pub mod figures;
mod learn;
mod objective;
pub mod thresholds;
pub mod write;

use crate::triage::classify::{self, Row};
use crate::triage::fitted::{Column, Fitted, Mark, Points, Terms};
use crate::triage::fold::fold_term;
use crate::triage::own_words::OwnWords;
use crate::triage::pack::{ClauseKind, Pack};
use crate::triage::rulebook::Rulebook;
use corpus::Record;
use features::{Vectors, Vocabulary};
use objective::{Labels, Objective};

/// How learning goes. The defaults were chosen by cross-validation over files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// A term stands in at least so many mails.
    pub least: usize,
    /// See [`Fitted::context`].
    pub context: f64,
    /// Of the squares of the weights.
    pub penalty: f64,
    /// How much more a mail with prohibited conduct counts than one without, when conduct is learned.
    pub conduct_weight: f64,
    /// See [`Fitted::steepness`]: what a point of the hand-written rules is worth.
    pub steepness: f64,
    /// Points smaller than this are left out of the file.
    pub smallest: f64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { least: 6, context: 1.0, penalty: 2e-5, conduct_weight: 3.0, steepness: 0.5, smallest: 0.3 }
    }
}

impl Settings {
    /// The weight that the file will hold: points with one digit, and none that are small.
    fn kept(self, weight: f64) -> f64 {
        let points = (weight / self.steepness * 10.0).round() / 10.0;
        if points.abs() < self.smallest { 0.0 } else { points * self.steepness }
    }
}

/// A labelled mail as learning sees it; clauses are indexes into the pack's.
#[derive(Debug, Clone)]
pub struct Example {
    pub id: String,
    /// The file it came from: mails of one file have one writer, so they are tested together.
    pub source: String,
    pub sentences: Vec<Row>,
    /// What the hand-written rules find alone.
    pub by_rules: Vec<usize>,
    /// Accepted sets of clauses; the first is the label itself.
    pub accepted: Vec<Vec<usize>>,
    pub conduct: Vec<usize>,
    /// Nobody could tell what is wanted.
    pub unclear: bool,
    /// Folded texts and the clause each carries.
    pub parts: Vec<(String, usize)>,
}

impl Example {
    /// `book`: of rules alone, without fitted terms.
    pub fn of(record: &Record, source: &str, book: &Rulebook) -> anyhow::Result<Example> {
        let find = |id: &String| {
            let found = book.pack.clauses.iter().position(|clause| clause.id == *id);
            found.ok_or_else(|| anyhow::anyhow!("{source}: {}: the pack has no clause {id}", record.id))
        };
        let set = |ids: &mut dyn Iterator<Item = &String>| ids.map(find).collect::<anyhow::Result<Vec<usize>>>();
        let mut accepted = vec![set(&mut record.scopes.iter())?];
        for other in &record.accept {
            accepted.push(set(&mut other.iter())?);
        }
        let part = |part: &corpus::Part| Ok((fold_term(&part.text, book.pack.folding), find(&part.scope)?));
        let inquiry = record.inquiry();
        let own = OwnWords::of(&inquiry);
        Ok(Example {
            by_rules: set(&mut classify::classify(&own, book).scopes.iter())?,
            sentences: classify::rows(&own, book),
            id: record.id.clone(),
            source: source.to_owned(),
            accepted,
            conduct: set(&mut record.conduct.iter())?,
            unclear: record.unclear,
            parts: record.parts.iter().map(part).collect::<anyhow::Result<_>>()?,
        })
    }

    /// The label itself.
    pub fn scopes(&self) -> &[usize] {
        self.accepted.first().map_or(&[], Vec::as_slice)
    }

    /// Are these clauses the label, or another set that is right, too?
    pub fn accepts(&self, found: &[usize]) -> bool {
        let same = |set: &Vec<usize>| set.len() == found.len() && set.iter().all(|clause| found.contains(clause));
        self.accepted.iter().any(same)
    }
}

/// The clauses that share the probability of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Scope,
    Conduct,
}

impl Group {
    /// Indexes into the pack's clauses, in their order.
    pub fn clauses(self, pack: &Pack) -> Vec<usize> {
        let fits = |kind: ClauseKind| match self {
            Group::Scope => matches!(kind, ClauseKind::InScope | ClauseKind::OutOfScope),
            Group::Conduct => kind == ClauseKind::Conduct,
        };
        (0..pack.clauses.len()).filter(|clause| fits(pack.clauses[*clause].kind)).collect()
    }
}

/// Terms, and for each group its weights in logarithms of odds, as `objective` has them.
#[derive(Debug, Clone)]
pub struct Model {
    pub vocabulary: Vocabulary,
    pub scope: Vec<f64>,
    pub conduct: Vec<f64>,
}

impl Model {
    /// Learns from all examples.
    pub fn learn(examples: &[&Example], pack: &Pack, settings: Settings) -> anyhow::Result<Model> {
        let vocabulary = Vocabulary::of(examples, settings.least);
        let scope = learned(Group::Scope, examples, &vocabulary, pack, settings)?;
        let conduct = learned(Group::Conduct, examples, &vocabulary, pack, settings)?;
        Ok(Model { vocabulary, scope, conduct })
    }

    /// As a pack holds it; thresholds are still to be set.
    pub fn fitted(&self, pack: &Pack, settings: Settings) -> Fitted {
        let groups = [(Group::Scope, &self.scope), (Group::Conduct, &self.conduct)];
        let points = |feature: usize| -> Points {
            let mut points = Points::new();
            for (group, weights) in groups {
                let clauses = group.clauses(pack);
                let row = &weights[feature * (clauses.len() + 1)..(feature + 1) * (clauses.len() + 1)];
                let common = pack.clauses.len() + usize::from(group == Group::Conduct);
                let columns = clauses.into_iter().chain([common]);
                let weighed = columns.zip(row).map(|(column, w)| (column, rounded(w / settings.steepness)));
                points.extend(weighed.filter_map(|(column, worth)| Some((Column::try_from(column).ok()?, worth))));
            }
            points.retain(|(_, worth)| *worth != 0.0);
            points.sort_by_key(|(column, _)| *column);
            points
        };
        let mut terms = Terms::default();
        // A term without points still has its part in the norm of a sentence.
        for (feature, (text, rarity)) in self.vocabulary.terms.iter().enumerate() {
            terms.push(text, *rarity, &points(feature));
        }
        let first_mark = self.vocabulary.terms.len();
        let marks = Mark::ALL.iter().enumerate().map(|(n, (mark, _))| (*mark, points(first_mark + n)));
        Fitted {
            terms,
            marks: marks.filter(|(_, points)| !points.is_empty()).collect(),
            context: settings.context,
            steepness: settings.steepness,
            ..Fitted::default()
        }
    }
}

/// The weights of a group.
fn learned(
    group: Group,
    examples: &[&Example],
    vocabulary: &Vocabulary,
    pack: &Pack,
    settings: Settings,
) -> anyhow::Result<Vec<f64>> {
    let vectors = Vectors::of(examples, vocabulary, settings.context);
    let labels = labels(examples, &group.clauses(pack), group, settings);
    let objective = Objective { vectors: &vectors, labels: &labels, penalty: settings.penalty };
    let parameters = objective.parameters();
    let weights = learn::learn(objective, parameters)?;
    Ok(weights.into_iter().map(|weight| settings.kept(weight)).collect())
}

/// Without what reckoning adds behind the last digit.
fn rounded(points: f64) -> f64 {
    (points * 10.0).round() / 10.0
}

fn labels(examples: &[&Example], clauses: &[usize], group: Group, settings: Settings) -> Labels {
    let of = |example: &Example| match group {
        Group::Scope => example.scopes().to_vec(),
        Group::Conduct => example.conduct.clone(),
    };
    let mails = examples.iter().map(|example| clauses.iter().map(|clause| of(example).contains(clause)).collect());
    let weight = |example: &&Example| match group {
        Group::Conduct if !example.conduct.is_empty() => settings.conduct_weight,
        _ => 1.0,
    };
    let known = |example: &&Example| match group {
        Group::Scope => known_sentences(example, clauses),
        Group::Conduct => vec![None; example.sentences.len()],
    };
    Labels {
        clauses: clauses.len(),
        mails: mails.collect(),
        weights: examples.iter().map(weight).collect(),
        sentences: examples.iter().flat_map(known).collect(),
    }
}

/// The clause of each sentence, where the labels tell it: by the parts of the mail, or as there is but one sentence.
fn known_sentences(example: &Example, clauses: &[usize]) -> Vec<Option<usize>> {
    let place = |clause: usize| clauses.iter().position(|known| *known == clause);
    match (example.sentences.len(), example.scopes()) {
        (_, scopes) if scopes.len() > 1 && !example.parts.is_empty() => {
            example.sentences.iter().map(|row| known_sentence(row, &example.parts, clauses)).collect()
        }
        (1, [only]) => vec![place(*only)],
        (sentences, _) => vec![None; sentences],
    }
}

fn known_sentence(row: &Row, parts: &[(String, usize)], clauses: &[usize]) -> Option<usize> {
    let carries = |part: &str| row.text.chars().count() > 3 && (part.contains(&row.text) || row.text.contains(part));
    let mut carried: Vec<usize> = parts.iter().filter(|(text, _)| carries(text)).map(|(_, clause)| *clause).collect();
    carried.dedup();
    match carried[..] {
        [clause] => clauses.iter().position(|known| *known == clause),
        // Nothing is asked here; only of the subject is that not sure.
        [] if !row.marks.contains(&Mark::Subject) => Some(clauses.len()),
        _ => None,
    }
}

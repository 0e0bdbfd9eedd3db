//! How good a pack is on mail that was not learned from.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::features::{Vectors, Vocabulary};
use super::{Example, Group, Settings, learned, objective};
use crate::triage::fitted::Reading;
use crate::triage::pack::Pack;

/// What is said of an example by those who did not see it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// Probability that each clause of [`Group::Scope`] is asked about.
    pub scope: Vec<f64>,
    /// The same without the hand-written rules.
    pub terms_alone: Vec<f64>,
    /// Probability of some prohibited conduct, and whether a rule finds it.
    pub conduct: f64,
    pub by_rule: bool,
}

/// Where files do not tell what goes together, every so many mails do.
const PIECES: usize = 5;

/// More would only wait for memory.
const THREADS: usize = 2;

/// Judges every example by what others teach, in their order: what it asks by what the other files teach, as a file
/// has one writer; conduct by four fifths of all mails, as few files hold most of it. `done` is called after each
/// piece with the number of pieces that are ready, and all.
pub fn cross_validate(
    examples: &[Example],
    pack: &Pack,
    settings: Settings,
    done: impl Fn(usize, usize) + Sync,
) -> anyhow::Result<Vec<Judged>> {
    let jobs: Vec<(Group, Vec<usize>)> = by_file(examples)
        .into_iter()
        .map(|piece| (Group::Scope, piece))
        .chain(by_turns(examples.len()).map(|piece| (Group::Conduct, piece)))
        .collect();
    let (next, ready) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for sender in vec![sender; THREADS] {
            let (jobs, next, ready, done) = (&jobs, &next, &ready, &done);
            scope.spawn(move || {
                while let Some((group, piece)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // The receiver outlives this scope.
                    let _ = sender.send(judge(*group, examples, piece, pack, settings).map(|read| (*group, read)));
                    done(ready.fetch_add(1, Ordering::Relaxed) + 1, jobs.len());
                }
            });
        }
    });
    let unread =
        |example| Judged { scope: Vec::new(), terms_alone: Vec::new(), conduct: 0.0, by_rule: by_rule(example, pack) };
    let mut judged: Vec<Judged> = examples.iter().map(unread).collect();
    for piece in receiver {
        let (group, read) = piece?;
        for Read { index, together, terms_alone } in read {
            match group {
                Group::Scope => (judged[index].scope, judged[index].terms_alone) = (together.mail, terms_alone.mail),
                Group::Conduct => judged[index].conduct = together.any(),
            }
        }
    }
    Ok(judged)
}

/// Indexes of the examples of each file, or turns of a single file.
fn by_file(examples: &[Example]) -> Vec<Vec<usize>> {
    let sources: BTreeSet<&str> = examples.iter().map(|example| example.source.as_str()).collect();
    let of = |source: &&str| (0..examples.len()).filter(|index| examples[*index].source == *source).collect();
    match sources.len() {
        0 | 1 => by_turns(examples.len()).collect(),
        _ => sources.iter().map(of).collect(),
    }
}

/// Every fifth example together.
fn by_turns(examples: usize) -> impl Iterator<Item = Vec<usize>> {
    (0..PIECES).map(move |piece| (0..examples).filter(|index| index % PIECES == piece).collect())
}

/// What is said of the example with this index.
struct Read {
    index: usize,
    /// By rules and terms, and by terms alone.
    together: Reading,
    terms_alone: Reading,
}

fn judge(
    group: Group,
    examples: &[Example],
    piece: &[usize],
    pack: &Pack,
    settings: Settings,
) -> anyhow::Result<Vec<Read>> {
    let others = (0..examples.len()).filter(|index| !piece.contains(index));
    let training: Vec<&Example> = others.map(|index| &examples[index]).collect();
    let tested: Vec<&Example> = piece.iter().map(|index| &examples[*index]).collect();
    let vocabulary = Vocabulary::of(&training, settings.least);
    let weights = learned(group, &training, &vocabulary, pack, settings)?;
    let vectors = Vectors::of(&tested, &vocabulary, settings.context);
    let clauses = group.clauses(pack);
    let together = read(&vectors, &tested, &weights, &clauses, settings.steepness);
    let terms_alone = read(&vectors, &tested, &weights, &clauses, 0.0);
    let both = piece.iter().zip(together).zip(terms_alone);
    Ok(both.map(|((index, together), terms_alone)| Read { index: *index, together, terms_alone }).collect())
}

fn by_rule(example: &Example, pack: &Pack) -> bool {
    let bad = Group::Conduct.clauses(pack);
    let reached = |points: &Vec<f64>| bad.iter().any(|clause| points[*clause] >= pack.thresholds.conduct);
    example.sentences.iter().any(|row| reached(&row.points))
}

/// Learned points and those of the rules together, these times `steepness`.
fn read(vectors: &Vectors, examples: &[&Example], weights: &[f64], clauses: &[usize], steepness: f64) -> Vec<Reading> {
    let mail = |(mail, example): (usize, &&Example)| {
        let mut points = objective::points(vectors, mail, weights, clauses.len());
        for (points, row) in points.iter_mut().zip(&example.sentences) {
            let rules = clauses.iter().map(|clause| row.points[*clause] * steepness);
            points.iter_mut().zip(rules).for_each(|(point, rules)| *point += rules);
        }
        Reading::of(&points, clauses.len(), 1.0)
    };
    examples.iter().enumerate().map(mail).collect()
}

//! The clauses of a mail where rules and fitted terms decide together.

use super::super::decision::{Evidence, RunnerUp, ScopePart};
use super::super::fitted::{COMMON, Fitted, Reading, Term, confidence, found};
use super::super::inquiry::Inquiry;
use super::super::pack::{Clause, ClauseKind};
use super::super::rulebook::Rulebook;
use super::super::scan::{FittedWord, Scan};
use super::super::sentence::place_text;
use super::{Classification, Doubt, Scored, best_points, evidence, found_conduct, found_scopes, ids};

/// What evidence of fitted terms calls its rule.
const FITTED: &str = "fitted";

/// Phrases of fitted terms worth less than this many points are not shown.
const WORTH_SHOWING: f64 = 1.0;

/// So many phrases of fitted terms are shown of a sentence for a clause.
const SHOWN: usize = 3;

/// A mail that asks something with less probability than this is unclear.
const PROBABLE: f64 = 0.8;

/// A companion of the most probable conduct clause is named from this probability on.
const CONDUCT_TOO: f64 = 0.5;

/// Clauses that share the probability of a sentence, and what the mail says of them.
struct Group {
    clauses: Vec<usize>,
    reading: Reading,
}

impl Group {
    fn of(points: &[Vec<f64>], kinds: &[ClauseKind], fitted: &Fitted, book: &Rulebook) -> Group {
        let all = book.pack.clauses.iter().enumerate();
        let clauses: Vec<usize> = all.filter(|(_, c)| kinds.contains(&c.kind)).map(|(index, _)| index).collect();
        let own = |points: &Vec<f64>| clauses.iter().map(|clause| points[*clause]).collect();
        let points: Vec<Vec<f64>> = points.iter().map(own).collect();
        Group { reading: Reading::of(&points, clauses.len(), fitted.steepness), clauses }
    }

    fn clauses(&self, places: &[usize]) -> Vec<usize> {
        places.iter().map(|place| self.clauses[*place]).collect()
    }
}

pub fn by_odds(scan: &Scan, scored: &[Scored], fitted: &Fitted, inquiry: &Inquiry, book: &Rulebook) -> Classification {
    let points = points(scan, scored, fitted, book);
    let scope = Group::of(&points, &[ClauseKind::InScope, ClauseKind::OutOfScope], fitted, book);
    let bad = Group::of(&points, &[ClauseKind::Conduct], fitted, book);
    let places = if scored.is_empty() { Vec::new() } else { found(&scope.reading.mail, fitted.companion) };
    let (scopes, conduct) = (scope.clauses(&places), conduct(&bad, scored, fitted, book));
    let by_rules = found_scopes(scored, &best_points(scored, book.pack.clauses.len()));
    let contradicted = by_rules.iter().any(|clause| !scopes.contains(clause));
    let sure = fitted.calibrated(confidence(&scope.reading.mail, &places, contradicted));
    let rival = rival(&scope, &places, fitted, book);
    let shown: Vec<usize> = scopes.iter().chain(&conduct).copied().collect();
    Classification {
        parts: parts(&scope, &places, scored, inquiry, book),
        evidence: all_evidence(scan, scored, &shown, fitted, inquiry, book),
        runner_up: rival,
        scopes: ids(&scopes, book),
        conduct: ids(&conduct, book),
        confidence: sure,
        lead: 0.0,
        products: Vec::new(),
        doubt: doubt(bad.reading.any(), scope.reading.any(), sure, fitted),
    }
}

/// What staff should look at, the gravest first.
fn doubt(bad: f64, asks: f64, sure: f64, fitted: &Fitted) -> Option<Doubt> {
    match () {
        _ if bad >= fitted.suspicion => Some(Doubt::Suspicion { probability: bad }),
        _ if asks < PROBABLE => Some(Doubt::Unclear),
        _ if sure < fitted.auto => Some(Doubt::Confidence { wanted: fitted.auto }),
        _ => None,
    }
}

/// Of each sentence for each clause: the rules' points, and the terms' of the sentence and, in part, of the mail.
pub fn points(scan: &Scan, scored: &[Scored], fitted: &Fitted, book: &Rulebook) -> Vec<Vec<f64>> {
    let of_sentence = |sentence: usize| different(scan.fitted(sentence).iter().map(|word| word.term));
    let terms: Vec<Vec<usize>> = (0..scored.len()).map(of_sentence).collect();
    let mut mail = vec![0.0; book.pack.clauses.len() + COMMON.len()];
    fitted.add(&different(terms.iter().flatten().copied()), fitted.context, &mut mail);
    let sum = |(sentence, scored): (usize, &Scored)| {
        let mut points = mail.clone();
        points.iter_mut().zip(&scored.points).for_each(|(sum, rules)| *sum += rules);
        fitted.add(&terms[sentence], 1.0, &mut points);
        fitted.add_marks(&scan.marks(sentence), &mut points);
        with_common(points, book)
    };
    scored.iter().enumerate().map(sum).collect()
}

/// The columns of [`COMMON`] added to those of their clauses.
fn with_common(points: Vec<f64>, book: &Rulebook) -> Vec<f64> {
    let clauses = &book.pack.clauses;
    let common = |clause: &Clause| points[clauses.len() + usize::from(clause.kind == ClauseKind::Conduct)];
    clauses.iter().zip(&points).map(|(clause, own)| own + common(clause)).collect()
}

fn different(terms: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut terms: Vec<usize> = terms.collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// What the rules find is found; what only the fitted terms say must be probable enough.
fn conduct(bad: &Group, scored: &[Scored], fitted: &Fitted, book: &Rulebook) -> Vec<usize> {
    let mut conduct = found_conduct(&best_points(scored, book.pack.clauses.len()), book);
    if conduct.is_empty() && !bad.clauses.is_empty() && bad.reading.any() >= fitted.conduct {
        conduct = bad.clauses(&found(&bad.reading.mail, CONDUCT_TOO));
    }
    conduct
}

/// The most probable clause that was not found.
fn rival(scope: &Group, found: &[usize], fitted: &Fitted, book: &Rulebook) -> Option<RunnerUp> {
    let mail = &scope.reading.mail;
    let others = (0..mail.len()).filter(|place| !found.contains(place));
    let next = others.max_by(|a, b| mail[*a].total_cmp(&mail[*b]))?;
    let clause = book.pack.clauses[scope.clauses[next]].id.clone();
    Some(RunnerUp { clause, score: rounded(mail[next]), lacked: rounded(fitted.companion - mail[next]) })
}

/// The sentences that carry each found clause: where no other clause is more probable, and at least its best one.
fn parts(scope: &Group, found: &[usize], scored: &[Scored], inquiry: &Inquiry, book: &Rulebook) -> Vec<ScopePart> {
    let sentences = &scope.reading.sentences;
    let best_of = |place: usize| {
        (0..sentences.len()).max_by(|a, b| sentences[*a][place].total_cmp(&sentences[*b][place]).then(b.cmp(a)))
    };
    let best: Vec<Option<usize>> = found.iter().map(|place| best_of(*place)).collect();
    let mut parts = Vec::new();
    for (sentence, shares) in sentences.iter().enumerate() {
        let nothing = 1.0 - shares.iter().sum::<f64>();
        for (place, best) in found.iter().zip(&best) {
            let leads = shares.iter().all(|share| *share <= shares[*place]) && shares[*place] > nothing;
            if leads || *best == Some(sentence) {
                let text = scored[sentence].sentence.text(inquiry).to_owned();
                parts.push(ScopePart { scope: book.pack.clauses[scope.clauses[*place]].id.clone(), text });
            }
        }
    }
    parts
}

/// The rules' evidence and, for the clauses that were found, the phrases of fitted terms that spoke for them.
fn all_evidence(
    scan: &Scan,
    scored: &[Scored],
    shown: &[usize],
    fitted: &Fitted,
    inquiry: &Inquiry,
    book: &Rulebook,
) -> Vec<Evidence> {
    let mut all = evidence(inquiry, scored, book);
    for (sentence, scored) in scored.iter().enumerate() {
        for clause in shown {
            let bad = book.pack.clauses[*clause].kind == ClauseKind::Conduct;
            let columns = [*clause, book.pack.clauses.len() + usize::from(bad)];
            let phrases = phrases(scan.fitted(sentence), columns, fitted);
            all.extend(phrases.into_iter().map(|phrase| {
                let (start, end) = scan.own.original((phrase.start, phrase.end));
                let text = place_text(inquiry, scored.sentence.place);
                Evidence {
                    clause: book.pack.clauses[*clause].id.clone(),
                    rule: FITTED.into(),
                    section: scored.sentence.place,
                    start: text[..start].chars().count(),
                    end: text[..end].chars().count(),
                    text: text[start..end].to_string(),
                    score: rounded(phrase.points),
                }
            }));
        }
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all
}

/// Two digits are enough for people.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Overlapping fitted terms that speak for one clause, as one stretch: people read words, not their pieces.
struct Phrase {
    start: usize,
    end: usize,
    points: f64,
}

/// The phrases of a sentence that speak most for a clause.
fn phrases(words: &[FittedWord], columns: [usize; 2], fitted: &Fitted) -> Vec<Phrase> {
    let terms = different(words.iter().map(|word| word.term));
    let shares: Vec<f64> = fitted.shares(&terms).map(|(term, share)| share * worth(&term, columns)).collect();
    let mut phrases: Vec<Phrase> = Vec::new();
    let mut counted = vec![false; terms.len()];
    for word in words {
        let place = terms.partition_point(|term| *term < word.term);
        // A term that stands twice counts once, where it stands first.
        let points = if std::mem::replace(&mut counted[place], true) { 0.0 } else { shares[place] };
        if points <= 0.0 {
            continue;
        }
        match phrases.last_mut().filter(|last| word.start < last.end) {
            Some(last) => {
                last.end = last.end.max(word.end);
                last.points += points;
            }
            None => phrases.push(Phrase { start: word.start, end: word.end, points }),
        }
    }
    phrases.retain(|phrase| phrase.points >= WORTH_SHOWING);
    phrases.sort_by(|a, b| b.points.total_cmp(&a.points));
    phrases.truncate(SHOWN);
    phrases
}

fn worth(term: &Term<'_>, columns: [usize; 2]) -> f64 {
    term.points().filter(|(of, _)| columns.contains(&usize::from(*of))).map(|(_, worth)| worth).sum()
}

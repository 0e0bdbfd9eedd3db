//! What is asked? Rules add points to clauses, sentence by sentence; a clause that wins a sentence is asked about.
//!
//! Nothing but the customer's own words of today votes ([`super::sentence`]); every point has its evidence.

use super::decision::{Evidence, RunnerUp, ScopePart};
use super::fitted::Mark;
use super::inquiry::Inquiry;
use super::own_words::OwnWords;
use super::pack::{ClauseKind, Severity};
use super::products::Mentioned;
use super::rulebook::Rulebook;
use super::scan::{Marks, Scan};
use super::sentence::{Sentence, Voice, place_text, voice};

mod odds;

/// A further clause must reach this share of the strongest one's points to count as asked too.
const COMPANION_SHARE: f64 = 0.6;

/// What is understood from words that are not the customer's own of today is worth this much less.
const BORROWED: f64 = 0.5;

/// What the words of a mail say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Classification {
    /// Clauses asked about, strongest first.
    pub scopes: Vec<String>,
    pub conduct: Vec<String>,
    pub parts: Vec<ScopePart>,
    pub evidence: Vec<Evidence>,
    /// 0…1, from the smallest lead of a winner over its rival.
    pub confidence: f64,
    /// The smallest lead in points, where rules decide alone.
    pub lead: f64,
    /// Why staff should decide, although something was understood.
    pub doubt: Option<Doubt>,
    pub runner_up: Option<RunnerUp>,
    /// What the pack's tables know of what it names, in the order of the text, each once.
    pub products: Vec<Mentioned>,
}

/// What was understood is not sure enough to act on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doubt {
    /// The lead over the next clause is below the pack's margin.
    Margin,
    /// Decisions as sure as this one were right too seldom; the pack asks for `wanted` (0…1).
    Confidence { wanted: f64 },
    /// No clause is more probable than not.
    Unclear,
    /// It may be prohibited conduct, with this probability (0…1).
    Suspicion { probability: f64 },
}

/// A rule that fired in a sentence, with the stretch of the words that made it.
struct Hit {
    rule: usize,
    start: usize,
    end: usize,
}

/// One sentence with its points for each clause.
struct Scored {
    sentence: Sentence,
    points: Vec<f64>,
    /// The scope clause with most points, if it reaches the threshold.
    winner: Option<usize>,
    hits: Vec<Hit>,
}

/// Finds the clauses a mail asks about.
pub fn classify(own: &OwnWords, book: &Rulebook) -> Classification {
    let inquiry = own.inquiry;
    let scan = Scan::of(own, book);
    let scored = score(&scan, book);
    let found = match &book.pack.fitted {
        Some(fitted) => odds::by_odds(&scan, &scored, fitted, inquiry, book),
        None => by_points(&scored, inquiry, book),
    };
    let trust = if voice(inquiry) == Voice::Own { 1.0 } else { BORROWED };
    Classification { confidence: found.confidence * trust, products: mentioned(&scan, inquiry), ..found }
}

/// So many things of the pack's tables are told of a mail.
const MENTIONED: usize = 30;

fn mentioned(scan: &Scan, inquiry: &Inquiry) -> Vec<Mentioned> {
    let mut all = Vec::new();
    for (sentence, named) in scan.own.sentences().iter().zip(&scan.products) {
        for named in named {
            let (start, end) = scan.own.original((named.start, named.end));
            let text = place_text(inquiry, sentence.place)[start..end].to_owned();
            let mentioned = Mentioned { product: named.product, text };
            if all.len() < MENTIONED && !all.contains(&mentioned) {
                all.push(mentioned);
            }
        }
    }
    all
}

/// By the hand-written rules alone.
fn by_points(scored: &[Scored], inquiry: &Inquiry, book: &Rulebook) -> Classification {
    let best = best_points(scored, book.pack.clauses.len());
    let conduct = found_conduct(&best, book);
    let scopes = found_scopes(scored, &best);
    let (lead, confidence) = lead(scored, &best, &scopes, book);
    Classification {
        parts: parts(inquiry, scored, &scopes, book),
        evidence: evidence(inquiry, scored, book),
        runner_up: runner_up(&best, &scopes, book),
        scopes: ids(&scopes, book),
        conduct: ids(&conduct, book),
        confidence,
        lead,
        products: Vec::new(),
        doubt: (lead < book.pack.thresholds.margin).then_some(Doubt::Margin),
    }
}

/// A sentence as learning sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Folded.
    pub text: String,
    pub marks: Vec<Mark>,
    /// Of the rules alone, for each clause of the pack.
    pub points: Vec<f64>,
}

/// The sentences that vote, for learning.
pub fn rows(own: &OwnWords, book: &Rulebook) -> Vec<Row> {
    let scan = Scan::of(own, book);
    let row = |(sentence, scored): (usize, Scored)| Row {
        marks: scan.marks(sentence),
        text: scan.own.sentence(sentence).to_owned(),
        points: scored.points,
    };
    score(&scan, book).into_iter().enumerate().map(row).collect()
}

/// The points behind a classification, for [`super::miss`].
pub(super) struct Sums {
    scored: Vec<Scored>,
    /// Each clause's best sentence.
    pub best: Vec<f64>,
}

impl Sums {
    pub fn of(own: &OwnWords, book: &Rulebook) -> Sums {
        let scan = Scan::of(own, book);
        let mut scored = score(&scan, book);
        if let Some(fitted) = &book.pack.fitted {
            let points = odds::points(&scan, &scored, fitted, book);
            for (sentence, points) in scored.iter_mut().zip(points) {
                sentence.winner = winner(&points, book);
                sentence.points = points;
            }
        }
        Sums { best: best_points(&scored, book.pack.clauses.len()), scored }
    }

    /// The points of the winner in the clause's best sentence; 0 where nothing wins.
    pub fn rival(&self, clause: usize) -> f64 {
        let best = self.scored.iter().max_by(|a, b| a.points[clause].total_cmp(&b.points[clause]));
        best.and_then(|s| s.winner.map(|winner| s.points[winner])).unwrap_or(0.0)
    }
}

fn ids(clauses: &[usize], book: &Rulebook) -> Vec<String> {
    clauses.iter().map(|c| book.pack.clauses[*c].id.clone()).collect()
}

/// The points of each sentence.
fn score(scan: &Scan, book: &Rulebook) -> Vec<Scored> {
    let mut marks = Marks::new(book);
    (0..scan.own.sentences().len()).map(|sentence| score_sentence(scan, sentence, &mut marks, book)).collect()
}

fn score_sentence(scan: &Scan, sentence: usize, marks: &mut Marks, book: &Rulebook) -> Scored {
    let mut points = vec![0.0; book.pack.clauses.len()];
    let hit = |(rule, stretch): (usize, (usize, usize))| {
        points[book.clause_of[rule]] += book.pack.rules[rule].score;
        let (start, end) = scan.own.original(stretch);
        Hit { rule, start, end }
    };
    let hits = marks.firing(scan, sentence, book).into_iter().map(hit).collect();
    Scored { sentence: scan.own.sentences()[sentence], winner: winner(&points, book), points, hits }
}

/// Each clause's best sentence.
fn best_points(scored: &[Scored], clauses: usize) -> Vec<f64> {
    let mut best = vec![0.0_f64; clauses];
    for sentence in scored {
        for (clause, points) in sentence.points.iter().enumerate() {
            best[clause] = best[clause].max(*points);
        }
    }
    best
}

fn found_conduct(best: &[f64], book: &Rulebook) -> Vec<usize> {
    let is_found =
        |c: &usize| book.pack.clauses[*c].kind == ClauseKind::Conduct && best[*c] >= book.pack.thresholds.conduct;
    let mut found = strongest_first((0..best.len()).filter(is_found).collect(), best);
    found.sort_by_key(|c| book.pack.clauses[*c].severity != Severity::Grave);
    found
}

fn found_scopes(scored: &[Scored], best: &[f64]) -> Vec<usize> {
    let mut winners: Vec<usize> = scored.iter().filter_map(|s| s.winner).collect();
    winners.sort_unstable();
    winners.dedup();
    let strongest = winners.iter().map(|c| best[*c]).fold(0.0, f64::max);
    winners.retain(|c| best[*c] >= strongest * COMPANION_SHARE);
    strongest_first(winners, best)
}

/// The scope clause with most points in a sentence, if it reaches the threshold.
fn winner(points: &[f64], book: &Rulebook) -> Option<usize> {
    let scopes = (0..points.len()).filter(|c| is_scope(*c, book));
    let best = scopes.max_by(|a, b| points[*a].total_cmp(&points[*b]))?;
    (points[best] >= book.pack.thresholds.scope).then_some(best)
}

fn is_scope(clause: usize, book: &Rulebook) -> bool {
    book.pack.clauses[clause].kind != ClauseKind::Conduct
}

fn strongest_first(mut clauses: Vec<usize>, best: &[f64]) -> Vec<usize> {
    clauses.sort_by(|a, b| best[*b].total_cmp(&best[*a]).then(a.cmp(b)));
    clauses
}

/// How clearly each found clause leads, in points and as a number 0…1: the smallest counts.
fn lead(scored: &[Scored], best: &[f64], scopes: &[usize], book: &Rulebook) -> (f64, f64) {
    if scopes.is_empty() {
        return (0.0, 0.0);
    }
    // A sentence whose own matter was dropped as too weak: perhaps a question that would stay unanswered.
    if scored.iter().filter_map(|s| s.winner).any(|c| !scopes.contains(&c)) {
        return (0.0, 0.0);
    }
    let outside =
        (0..best.len()).filter(|c| is_scope(*c, book) && !scopes.contains(c)).map(|c| best[c]).fold(0.0, f64::max);
    let weakest = scopes.iter().map(|c| best[*c]).fold(f64::INFINITY, f64::min);
    let over_rest = weakest - outside;
    let within = scored.iter().filter_map(|s| lead_in_sentence(s, book)).fold(f64::INFINITY, f64::min);
    let lead = over_rest.min(within).max(0.0);
    (lead, lead / (lead + book.pack.thresholds.margin.max(f64::MIN_POSITIVE)))
}

/// The winner's lead over the next clause of the same sentence.
fn lead_in_sentence(scored: &Scored, book: &Rulebook) -> Option<f64> {
    let winner = scored.winner?;
    let rivals = (0..scored.points.len()).filter(|c| *c != winner && is_scope(*c, book));
    Some(scored.points[winner] - rivals.map(|c| scored.points[c]).fold(0.0, f64::max))
}

fn runner_up(best: &[f64], scopes: &[usize], book: &Rulebook) -> Option<RunnerUp> {
    let others = (0..best.len()).filter(|c| is_scope(*c, book) && !scopes.contains(c) && best[*c] > 0.0);
    let clause = others.max_by(|a, b| best[*a].total_cmp(&best[*b]))?;
    let weakest = scopes.iter().map(|c| best[*c]).fold(f64::INFINITY, f64::min);
    let wanted = if weakest.is_finite() { weakest } else { book.pack.thresholds.scope };
    Some(RunnerUp { clause: book.pack.clauses[clause].id.clone(), score: best[clause], lacked: wanted - best[clause] })
}

/// The sentences that carry each found clause.
fn parts(inquiry: &Inquiry, scored: &[Scored], scopes: &[usize], book: &Rulebook) -> Vec<ScopePart> {
    let mut parts = Vec::new();
    for s in scored {
        let Some(clause) = s.winner.filter(|c| scopes.contains(c)) else { continue };
        let text = s.sentence.text(inquiry).to_string();
        parts.push(ScopePart { scope: book.pack.clauses[clause].id.clone(), text });
    }
    parts
}

fn evidence(inquiry: &Inquiry, scored: &[Scored], book: &Rulebook) -> Vec<Evidence> {
    let mut all = Vec::new();
    // Sentences stand in the order of their text: what was counted before one is counted for those behind it.
    let (mut counted, mut chars) = (&inquiry.subject[..0], 0);
    for sentence in scored.iter().filter(|sentence| !sentence.hits.is_empty()) {
        let before = &place_text(inquiry, sentence.sentence.place)[..sentence.sentence.start];
        chars = match before.strip_prefix(counted) {
            Some(more) => chars + more.chars().count(),
            None => before.chars().count(),
        };
        counted = before;
        all.extend(sentence.hits.iter().map(|hit| one_evidence(inquiry, sentence, hit, chars, book)));
    }
    all.sort_by(|a, b| b.score.total_cmp(&a.score));
    all
}

/// Evidence for one rule: from its first word to its last, exactly as it stands in the mail. `before`: characters
/// before the sentence.
fn one_evidence(inquiry: &Inquiry, scored: &Scored, hit: &Hit, before: usize, book: &Rulebook) -> Evidence {
    let rule = &book.pack.rules[hit.rule];
    let text = place_text(inquiry, scored.sentence.place);
    let (start, end) = (hit.start, hit.end);
    let before = before + text[scored.sentence.start..start].chars().count();
    Evidence {
        clause: rule.clause.clone(),
        rule: rule.id.clone(),
        section: scored.sentence.place,
        start: before,
        end: before + text[start..end].chars().count(),
        text: text[start..end].to_string(),
        score: rule.score,
    }
}

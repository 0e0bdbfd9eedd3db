//! From when on a decision may act: thresholds and confidence, from judgements of mail that was not learned from.

use super::cross::Judged;
use super::features::number;
use super::{Example, Group};
use crate::triage::fitted::{Fitted, confidence, found};
use crate::triage::pack::Pack;

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aims {
    /// Share of automatic decisions that are right.
    pub right: f64,
    /// At most this share of the mails without prohibited conduct is held for it.
    pub accused: f64,
    /// At most this share of the mails with prohibited conduct goes past staff, as far as [`Aims::looked_at`] allows.
    pub missed: f64,
    /// At most this share of the mails without prohibited conduct goes to staff for the suspicion alone.
    pub looked_at: f64,
}

impl Default for Aims {
    fn default() -> Aims {
        Aims { right: 0.99, accused: 0.007, missed: 0.02, looked_at: 0.1 }
    }
}

/// Companions are tried in steps of this.
const STEP: f64 = 0.05;

/// So many pairs of [`Fitted::calibration`] are kept at most.
const PAIRS: usize = 16;

/// Sets the thresholds of `fitted`. What a mail asks is judged by the mails of the `typical` sources: a threshold found
/// among more difficult ones than a desk gets would send too many to staff. Conduct is too rare for that.
pub fn set(
    fitted: &mut Fitted,
    examples: &[Example],
    judged: &[Judged],
    pack: &Pack,
    (aims, typical): (Aims, &[String]),
) {
    let cases: Vec<(&Example, &Judged)> = examples.iter().zip(judged).collect();
    let usual: Vec<_> = cases.iter().filter(|(example, _)| typical.contains(&example.source)).copied().collect();
    fitted.companion = companion(&usual, pack);
    let clean = |found: &(&Example, &Judged)| found.0.conduct.is_empty();
    let innocent: Vec<f64> = cases.iter().filter(|c| clean(c)).map(|(_, judged)| judged.conduct).collect();
    let guilty = cases.iter().filter(|case| !clean(case));
    let unseen: Vec<f64> = guilty.clone().map(|(_, j)| if j.by_rule { 1.0 } else { j.conduct }).collect();
    fitted.conduct = upper(innocent.clone(), aims.accused);
    fitted.suspicion = lower(unseen, aims.missed).max(upper(innocent, aims.looked_at)).min(fitted.conduct);
    fitted.calibration = calibration(&usual, fitted, pack);
    fitted.auto = aims.right;
}

/// The threshold with most mails exactly right.
fn companion(cases: &[(&Example, &Judged)], pack: &Pack) -> f64 {
    let tried = (2..19).map(|step| number(step) * STEP);
    let right = |at: &f64| asked(cases).filter(|(example, judged)| is_right(example, judged, *at, pack)).count();
    let best = tried.fold((0.5, 0), |best, at| match right(&at) {
        count if count > best.1 => (at, count),
        _ => best,
    });
    (best.0 * 100.0).round() / 100.0
}

/// Mails that a clause is wanted for.
pub fn asked<'a>(cases: &'a [(&'a Example, &'a Judged)]) -> impl Iterator<Item = &'a (&'a Example, &'a Judged)> {
    cases.iter().filter(|(example, _)| example.conduct.is_empty() && !example.scopes().is_empty() && !example.unclear)
}

pub fn is_right(example: &Example, judged: &Judged, companion: f64, pack: &Pack) -> bool {
    let clauses = Group::Scope.clauses(pack);
    let set: Vec<usize> = found(&judged.scope, companion).into_iter().map(|place| clauses[place]).collect();
    !example.unclear && !example.scopes().is_empty() && example.accepts(&set)
}

/// As [`crate::triage::classify`] reckons it, before it is calibrated.
pub fn confidence_in(example: &Example, judged: &Judged, companion: f64, pack: &Pack) -> f64 {
    let (clauses, places) = (Group::Scope.clauses(pack), found(&judged.scope, companion));
    let contradicted = example.by_rules.iter().any(|clause| !places.iter().any(|place| clauses[*place] == *clause));
    confidence(&judged.scope, &places, contradicted)
}

/// The value that at most this share of the values reaches.
fn upper(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(|a, b| b.total_cmp(a));
    let kept = values.iter().enumerate().take_while(|(n, _)| number(n + 1) <= share * number(values.len())).count();
    values.get(kept).map_or(1.0, |value| round_up(*value).min(1.0))
}

/// The value that at most this share of the values stays below.
fn lower(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let kept = values.iter().enumerate().take_while(|(n, _)| number(n + 1) <= share * number(values.len())).count();
    values.get(kept).map_or(1.0, |value| (value * 1000.0).floor() / 1000.0)
}

fn round_up(value: f64) -> f64 {
    ((value * 1000.0).floor() + 1.0) / 1000.0
}

/// Raw confidence → share of the decisions at least as sure that were right; where a lower raw confidence had a higher
/// share, the higher one holds. One wrong decision more than was seen is counted everywhere.
fn calibration(cases: &[(&Example, &Judged)], fitted: &Fitted, pack: &Pack) -> Vec<(f64, f64)> {
    let decided = cases.iter().filter(|(e, j)| e.conduct.is_empty() && !j.by_rule && j.conduct < fitted.suspicion);
    let mut sure: Vec<(f64, bool)> = decided
        .map(|(example, judged)| {
            (confidence_in(example, judged, fitted.companion, pack), is_right(example, judged, fitted.companion, pack))
        })
        .collect();
    sure.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut right = 0;
    let mut shares: Vec<(f64, f64)> = Vec::with_capacity(sure.len());
    for (n, (raw, is_right)) in sure.iter().enumerate() {
        right += usize::from(*is_right);
        shares.push((*raw, number(right) / number(n + 2)));
    }
    shares.reverse();
    thinned(&rising(shares))
}

/// Only pairs that are better than all before.
fn rising(shares: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (raw, share) in shares {
        let (raw, share) = ((raw * 1e4).round() / 1e4, (share * 1e4).floor() / 1e4);
        match kept.last_mut() {
            Some(last) if last.1 >= share => {}
            Some(last) if last.0 >= raw => last.1 = share,
            _ => kept.push((raw, share)),
        }
    }
    kept
}

/// Shares that people ask for: the first pair that reaches one is always kept.
const ROUND: [f64; 6] = [0.9, 0.95, 0.98, 0.99, 0.995, 0.999];

/// The first, the last, those that reach a round share, and others that share the way between them evenly.
fn thinned(pairs: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let (Some(first), Some(last)) = (pairs.first(), pairs.last()) else { return Vec::new() };
    let step = (last.1 - first.1) / number(PAIRS - 1);
    let mut kept: Vec<(f64, f64)> = vec![*first];
    for pair in &pairs[1..] {
        let before = kept.last().map_or(0.0, |before| before.1);
        let reaches = ROUND.iter().any(|share| before < *share && *share <= pair.1);
        if pair.1 >= before + step || reaches || pair == last {
            kept.push(*pair);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_keep_their_shares() {
        let values: Vec<f64> = (0..100).map(|n| number(n) / 100.0).collect();
        let at = upper(values.clone(), 0.05);
        assert_eq!(values.iter().filter(|value| **value >= at).count(), 5);
        let at = lower(values.clone(), 0.05);
        assert_eq!(values.iter().filter(|value| **value < at).count(), 5);
        assert_eq!(upper(Vec::new(), 0.05), 1.0);
    }

    #[test]
    fn calibration_only_rises() {
        let pairs = rising(vec![(0.1, 0.5), (0.2, 0.4), (0.3, 0.7), (0.30001, 0.8)]);
        assert_eq!(pairs, [(0.1, 0.5), (0.3, 0.8)]);
        assert_eq!(thinned(&pairs), pairs);
    }
}

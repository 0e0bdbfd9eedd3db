//! "Did you mean …?": the nearest of the names that would have been right.

use std::collections::BTreeSet;

/// `did you mean …?` if something is near, else the names there are.
pub fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    nearest(name, known.iter().copied()).map(did_you_mean).or_else(|| list(known))
}

pub fn did_you_mean(near: &str) -> String {
    format!("did you mean `{near}`?")
}

/// The names there are, each once.
pub fn list(mut known: Vec<&str>) -> Option<String> {
    const SHOWN: usize = 12;
    let mut seen = BTreeSet::new();
    known.retain(|name| seen.insert(*name));
    let more = if known.len() > SHOWN { " …" } else { "" };
    let shown: Vec<String> = known.iter().take(SHOWN).map(|k| format!("`{k}`")).collect();
    (!shown.is_empty()).then(|| format!("known here: {}{more}", shown.join(", ")))
}

/// The name with the fewest edits, if they are few enough to be a slip of the hand.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    let distances = known.into_iter().filter(|k| *k != name).map(|k| (distance(name, k), k));
    distances.min_by_key(|(edits, _)| *edits).filter(|(edits, _)| *edits <= allowed).map(|(_, k)| k)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), case ignored.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (row[j - 1] + 1).min(rows[i - 1][j] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_of_the_hand_and_nothing_else() {
        let known = ["address", "aliases", "pack", "port", "4-1-3", "端末"];
        for (typed, expected) in [
            ("adress", Some("address")),
            ("alaises", Some("aliases")),
            ("Pack", Some("pack")),
            ("prot", Some("port")),
            ("4-1-4", Some("4-1-3")),
            ("端未", Some("端末")),
            ("signature", None),
            ("zz", None),
        ] {
            assert_eq!(nearest(typed, known), expected, "{typed}");
        }
    }

    #[test]
    fn names_what_there_is_when_nothing_is_near() {
        assert_eq!(hint("zzzz", ["a", "b"]).as_deref(), Some("known here: `a`, `b`"));
        assert_eq!(hint("zzzz", []), None);
        let many: Vec<String> = (0..20).map(|n| format!("name-{n}")).collect();
        assert!(hint("zzzz", many.iter().map(String::as_str)).unwrap().ends_with("`name-11` …"));
    }
}

//! What must stand where a pattern matches: the automaton that finds the literals finds these, too, and only sentences
//! that hold one of them are given to the pattern.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// More texts than this are not worth looking for.
const MAX_TEXTS: usize = 48;

/// Texts of this many characters are as rare as is needed.
const LONG_ENOUGH: usize = 3;

/// Texts of which one at least stands in everything that the pattern matches; none if there are no such texts, or too
/// many. A pattern that does not parse has none.
pub fn required(pattern: &str) -> Option<Vec<String>> {
    regex_syntax::parse(pattern).ok().and_then(|hir| required_of(&hir))
}

/// See [`required`].
pub fn required_of(pattern: &Hir) -> Option<Vec<String>> {
    Texts::of(pattern).needed()
}

/// What is known about the texts that an expression matches.
#[derive(Debug, Clone)]
enum Texts {
    /// It matches these and nothing else.
    Exactly(Vec<String>),
    /// Everything it matches contains one of these.
    Contains(Vec<String>),
    Unknown,
}

impl Texts {
    fn of(hir: &Hir) -> Texts {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => Texts::Exactly(vec![String::new()]),
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => Texts::Exactly(vec![text.into()]),
                Err(_) => Texts::Unknown,
            },
            HirKind::Class(class) => Texts::of_class(class),
            HirKind::Capture(capture) => Texts::of(&capture.sub),
            HirKind::Repetition(repetition) => Texts::of_repetition(repetition),
            HirKind::Concat(parts) => Texts::of_sequence(parts),
            HirKind::Alternation(branches) => Texts::of_branches(branches),
        }
    }

    fn of_class(class: &Class) -> Texts {
        let Class::Unicode(class) = class else { return Texts::Unknown };
        let size: usize = class.ranges().iter().map(|range| range.len()).sum();
        if size > MAX_TEXTS {
            return Texts::Unknown;
        }
        let chars = class.ranges().iter().flat_map(|range| range.start()..=range.end());
        Texts::Exactly(chars.map(String::from).collect())
    }

    fn of_repetition(repetition: &Repetition) -> Texts {
        let once = Texts::of(&repetition.sub);
        match (repetition.min, repetition.max, once) {
            (1, Some(1), once) => once,
            (0, Some(1), Texts::Exactly(mut texts)) => {
                texts.push(String::new());
                Texts::Exactly(texts)
            }
            (0, ..) => Texts::Unknown,
            (_, _, once) => once.needed().map_or(Texts::Unknown, Texts::Contains),
        }
    }

    fn of_branches(branches: &[Hir]) -> Texts {
        let mut texts = Vec::new();
        let mut exact = true;
        for branch in branches.iter().map(Texts::of) {
            exact &= matches!(branch, Texts::Exactly(_));
            match branch {
                Texts::Exactly(more) | Texts::Contains(more) => texts.extend(more),
                Texts::Unknown => return Texts::Unknown,
            }
        }
        match exact {
            _ if texts.len() > MAX_TEXTS => Texts::Unknown,
            true => Texts::Exactly(texts),
            false => Texts::Contains(texts),
        }
    }

    /// Neighbours that are known exactly are joined; of what comes out, the rarest is taken.
    fn of_sequence(parts: &[Hir]) -> Texts {
        let mut best = None;
        let mut joined = vec![String::new()];
        let mut exact = true;
        for part in parts.iter().map(Texts::of) {
            match part {
                Texts::Exactly(next) if joined.len() * next.len() <= MAX_TEXTS => joined = product(&joined, &next),
                part => {
                    exact = false;
                    best = rarer(best, std::mem::replace(&mut joined, vec![String::new()]));
                    match part {
                        Texts::Exactly(next) => joined = next,
                        Texts::Contains(texts) => best = rarer(best, texts),
                        Texts::Unknown => {}
                    }
                }
            }
        }
        if exact {
            return Texts::Exactly(joined);
        }
        rarer(best, joined).map_or(Texts::Unknown, Texts::Contains)
    }

    fn needed(self) -> Option<Vec<String>> {
        match self {
            Texts::Exactly(texts) | Texts::Contains(texts) => rarer(None, texts),
            Texts::Unknown => None,
        }
    }
}

fn product(left: &[String], right: &[String]) -> Vec<String> {
    left.iter().flat_map(|l| right.iter().map(move |r| format!("{l}{r}"))).collect()
}

/// The one whose shortest text is longer, then the one with fewer texts; a text of nothing is everywhere.
fn rarer(best: Option<Vec<String>>, texts: Vec<String>) -> Option<Vec<String>> {
    let shortest = |texts: &[String]| texts.iter().map(|text| text.chars().count().min(LONG_ENOUGH)).min();
    let rank = |texts: &[String]| (shortest(texts), std::cmp::Reverse(texts.len()));
    match best {
        _ if shortest(&texts).unwrap_or(0) == 0 => best,
        Some(best) if rank(&best) >= rank(&texts) => Some(best),
        _ => Some(texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_every_match_contains() {
        let cases: &[(&str, &[&str])] = &[
            ("契約.{0,8}(変更|更新)", &["契約"]),
            (".{0,8}(変更後|更新前)", &["変更後", "更新前"]),
            ("[あい]方(を)?", &["あ方を", "あ方", "い方を", "い方"]),
            ("[0-9]+台", &["台"]),
            ("(ios|android) ?[0-9]+版", &["ios ", "ios", "android ", "android"]),
            ("^殺す(ぞ|$)", &["殺すぞ", "殺す"]),
            ("(?:できる){1,3}か", &["できる"]),
        ];
        for (pattern, wanted) in cases {
            assert_eq!(required(pattern).unwrap_or_default(), *wanted, "{pattern}");
        }
        for pattern in [".+", "[^a]", "a?b*", "(端末)?", "(a|.)", "\\w+"] {
            assert_eq!(required(pattern), None, "{pattern}");
        }
    }

    proptest::proptest! {
        /// Whatever matches holds one of the required texts.
        #[test]
        fn nothing_that_matches_is_left_out(text in "[あいうab0-2]{0,12}", at in 0usize..8) {
            let patterns = [
                "あ[いう]?b", "(あい|うb+)[0-2]", "(a|b){2}", "[あい]{1,2}う", "^あ|b$", "(あ.?い|[ab]0)+", "[^あ]い", "あ*い?う",
            ];
            let regex = regex::Regex::new(patterns[at]).unwrap();
            let found = regex.find_iter(&text).filter(|m| !m.is_empty()).map(|m| m.as_str());
            if let Some(texts) = required(patterns[at]) {
                for part in found {
                    assert!(texts.iter().any(|needed| part.contains(needed)), "{}: {part}", patterns[at]);
                }
            }
        }
    }
}

//! Contract numbers in a mail: what may be one, for the register to look up.

use super::inquiry::{Inquiry, SectionKind};
use super::nfkc::{is_plain, nfkc};
use super::word_set::WordSet;

/// Words behind which a number is a contract's, also a short or a plain one; narrow and lower case.
static LABELS: WordSet = WordSet::of(LABEL_WORDS);
const LABEL_WORDS: &[&str] = &[
    "契約番号",
    "契約no",
    "契約id",
    "契約コード",
    "お客様番号",
    "お客様id",
    "お客様コード",
    "顧客番号",
    "顧客コード",
    "contract",
    "customer no",
    "customer number",
    "customer id",
];

/// Without a label before it, only a mixture of letters and digits of at least this length is looked up: plain digits
/// are dates, amounts and telephone numbers.
const SHORTEST: usize = 5;
/// With a label.
const SHORTEST_LABELLED: usize = 3;
/// A number written in groups has no more of them.
const GROUPS: usize = 5;
/// A hostile mail can hold a million numbers.
const MOST: usize = 200;

/// Hyphens as people type them, a long vowel mark among them.
const HYPHENS: &[char] = &['-', '‐', '‑', '–', '—', '―', '−', 'ー', '_', '/', '.'];

/// Everything in the sender's own words that may be a contract number, each once.
pub fn candidates(inquiry: &Inquiry) -> Vec<String> {
    let own = |kind| {
        !matches!(kind, SectionKind::Quoted | SectionKind::Forwarded | SectionKind::Footer | SectionKind::Banner)
    };
    let sections = inquiry.sections.iter().filter(|section| own(section.kind));
    let texts = std::iter::once(inquiry.subject.as_str()).chain(sections.map(|section| inquiry.section_text(section)));
    let mut found: Vec<String> = Vec::new();
    for line in texts.flat_map(str::lines) {
        for number in in_line(line) {
            if found.len() < MOST && !found.contains(&number) {
                found.push(number);
            }
        }
    }
    found
}

fn in_line(line: &str) -> Vec<String> {
    if !line.contains(is_digit) {
        return Vec::new();
    }
    let line = nfkc(line).to_lowercase();
    let label = label_end(&line);
    let before = label.map_or(line.as_str(), |at| &line[..at]);
    let mut found: Vec<String> = words(before).filter(|word| speaks_for_itself(word)).collect();
    if let Some(at) = label {
        let groups: Vec<String> = words(&line[at..]).take(GROUPS).collect();
        found.extend(groups.iter().cloned());
        // `1234 5678 9012`
        found.extend((2..=groups.len()).map(|count| groups[..count].concat()));
        found.extend(words(&line[at..]).skip(GROUPS).filter(|word| speaks_for_itself(word)));
        found.retain(|word| word.len() >= SHORTEST_LABELLED && word.contains(|c: char| c.is_ascii_digit()));
    }
    found
}

/// Where the first label in the line ends.
fn label_end(line: &str) -> Option<usize> {
    let ends = LABEL_WORDS.iter().filter_map(|label| Some(line.find(label)? + label.len()));
    LABELS.is_in(line).then(|| ends.min())?
}

/// What NFKC may turn into a digit: every number has one.
fn is_digit(c: char) -> bool {
    if is_plain(c) {
        return c.is_ascii_digit();
    }
    matches!(c, '²'..='¾' | '\u{2070}'..='\u{2189}' | '\u{2460}'..='\u{24FF}' | '\u{2776}'..='\u{2793}')
        || matches!(c, '\u{3200}'..='\u{33FF}' | '０'..='９' | '\u{1D7CE}'..='\u{1FBFF}')
}

/// Runs of letters and digits, their hyphens left out.
fn words(text: &str) -> impl Iterator<Item = String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || HYPHENS.contains(&c);
    let words = text.split(move |c| !inside(c));
    words.map(|word| word.replace(HYPHENS, "")).filter(|word| !word.is_empty())
}

fn speaks_for_itself(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    word.len() >= SHORTEST && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::read::read;

    fn check(body: &str, expected: &[&str]) {
        let raw = format!("Subject: x\nContent-Type: text/plain; charset=utf-8\n\n{body}\n");
        assert_eq!(candidates(&read(raw.as_bytes(), raw.len() as u64, true)), expected, "{body}");
    }

    #[test]
    fn numbers_that_may_be_a_contracts_are_found() {
        check("ご契約番号：ＯＢ－１００１です", &["ob1001"]);
        check("契約番号は 1001 です", &["1001"]);
        check("契約番号 1234 5678", &["1234", "5678", "12345678"]);
        check("OB-1001の者です", &["ob1001"]);
        check("OBー1001", &["ob1001"]);
    }

    #[test]
    fn other_numbers_are_not() {
        check("03-1234-5678 2026/11/20 1001台", &[]);
        check("iOS17 の端末", &["ios17"]);
        check("契約番号が分かりません。", &[]);
        check("よろしく\n\n> 契約番号: OB-1001\n", &[]);
    }
}

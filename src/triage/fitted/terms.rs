//! What a fitted term can be: a run of characters, where a Latin word counts as one character.

/// A term has at most so many units: characters, or whole Latin words.
pub const LONGEST: usize = 4;

/// The units of a folded text, in order. A run of Latin letters and digits is one, so that no term cuts a word; None
/// stands for what no term reaches over: numbers, that mean another thing in every mail.
fn units(text: &str) -> Vec<Option<(usize, usize)>> {
    let mut units = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        let mut end = start + c.len_utf8();
        if c.is_ascii_alphanumeric() {
            while let Some((at, _)) = chars.next_if(|(_, next)| next.is_ascii_alphanumeric()) {
                end = at + 1;
            }
        }
        let number = text[start..end].bytes().all(|byte| byte.is_ascii_digit());
        match c {
            ' ' => {}
            _ => units.push((!number && c != '\n').then_some((start, end))),
        }
    }
    units
}

/// Every term that could stand in a folded text, as often as it stands there.
pub fn grams(text: &str) -> impl Iterator<Item = &str> {
    let units = units(text);
    let mut found = Vec::new();
    for first in 0..units.len() {
        for last in first..units.len().min(first + LONGEST) {
            let (Some((start, _)), Some((_, end))) = (units[first], units[last]) else { break };
            found.push(&text[start..end]);
        }
    }
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latin_word_is_one_unit_and_a_number_is_a_border() {
        let cases: &[(&str, &[&str])] = &[
            ("端末", &["端", "端末", "末"]),
            ("vpnの設", &["vpn", "vpnの", "vpnの設", "の", "の設", "設"]),
            ("can we", &["can", "can we", "we"]),
            ("第12条", &["第", "条"]),
            ("4gか", &["4g", "4gか", "か"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(grams(text).collect::<Vec<_>>(), *expected, "{text}");
        }
    }

    #[test]
    fn no_term_is_longer_than_four_units() {
        assert_eq!(grams("初期化したい").map(|term| term.chars().count()).max(), Some(LONGEST));
    }
}

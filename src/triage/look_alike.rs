//! Domains that could be taken for one another: `rn` for `m`, `0` for `o`, a Cyrillic `а`, a letter too much.
//!
//! Whoever wants to pass for a customer registers such a domain, and it is proved like any other. So it is not enough
//! that a domain is unknown: staff must see what it resembles.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// Shorter names have too many neighbours that mean nothing.
const SHORTEST: usize = 6;

/// What is drawn alike, in lower case: what is of ASCII first, and of that the longest first.
const ALIKE: &[(&str, &str)] = &[
    ("rn", "m"),
    ("vv", "w"),
    ("cl", "d"),
    ("0", "o"),
    ("1", "l"),
    ("i", "l"),
    ("5", "s"),
    ("а", "a"),
    ("с", "c"),
    ("ԁ", "d"),
    ("е", "e"),
    ("һ", "h"),
    ("і", "l"),
    ("ı", "l"),
    ("ј", "j"),
    ("о", "o"),
    ("ο", "o"),
    ("р", "p"),
    ("ѕ", "s"),
    ("у", "y"),
    ("х", "x"),
    ("ν", "v"),
    ("ー", "-"),
];

/// A number that domains drawn alike share, but hardly any others. The domain is in A-labels.
pub(super) fn shape(domain: &str) -> u64 {
    hash(&drawn(domain))
}

/// Shapes of the domains that a slip of the hand or of the eye makes of this one: itself, two neighbours swapped, one
/// character too much or too little.
pub(super) fn slips(domain: &str) -> impl Iterator<Item = u64> {
    const LETTERS: &str = "abcdefghjklmnopqrstuvwxyz23456789";
    let drawn = drawn(domain);
    let name: Vec<char> = drawn.chars().take_while(|c| *c != '.').collect();
    let rest: String = drawn.chars().skip(name.len()).collect();
    let long = name.len() >= SHORTEST;
    let places = if long { 0..name.len() } else { 0..0 };
    let swapped = places.clone().skip(1).map({
        let name = name.clone();
        move |at| {
            let mut name = name.clone();
            name.swap(at - 1, at);
            name
        }
    });
    let shorter = places.clone().map({
        let name = name.clone();
        move |at| [&name[..at], &name[at + 1..]].concat()
    });
    let longer = (0..if long { name.len() + 1 } else { 0 }).flat_map(move |at| {
        let name = name.clone();
        LETTERS.chars().map(move |letter| [&name[..at], &[letter], &name[at..]].concat())
    });
    let all = swapped.chain(shorter).chain(longer).map(move |name| hash(&(name.iter().collect::<String>() + &rest)));
    std::iter::once(hash(&drawn)).chain(all)
}

/// How it is drawn: readable, look-alikes made the same, hyphens gone.
fn drawn(domain: &str) -> String {
    // Most domains hide no other script, and a register has a hundred thousand of them.
    let readable = match domain.contains("xn--") {
        true => Cow::Owned(idna::domain_to_unicode(domain).0),
        false => Cow::Borrowed(domain),
    };
    let (mut name, rest) = readable.split_once('.').unwrap_or((&readable, ""));
    let of_ascii = ALIKE.partition_point(|(from, _)| from.is_ascii());
    let alike = if name.is_ascii() { &ALIKE[..of_ascii] } else { ALIKE };
    let mut drawn = String::with_capacity(readable.len() + 1);
    let stays =
        |byte: u8| byte.is_ascii_alphanumeric() && alike.iter().all(|(from, _)| !from.starts_with(byte as char));
    while let Some(first) = name.chars().next() {
        let same = name.bytes().position(|byte| !stays(byte)).unwrap_or(name.len());
        if same > 0 {
            drawn.push_str(&name[..same]);
            name = &name[same..];
            continue;
        }
        let known = alike.iter().find_map(|(from, to)| Some((*to, name.strip_prefix(*from)?)));
        let (text, behind) = known.unwrap_or_else(|| name.split_at(first.len_utf8()));
        drawn.extend(Some(text).filter(|text| *text != "-"));
        name = behind;
    }
    drawn.push('.');
    drawn.push_str(rest);
    drawn
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is `typed` found when `known` is looked for by shape?
    fn check(known: &str, typed: &str) -> bool {
        let typed = crate::triage::auth::domain::canonical(typed).unwrap();
        typed != known && slips(&typed).any(|slip| slip == shape(known))
    }

    #[test]
    fn domains_drawn_alike_are_found_and_others_not() {
        for typed in [
            "hin0de-foods.example.jp",
            "hlnode-foods.example.jp",
            "hinodefoods.example.jp",
            "hinode-food.example.jp",
            "hinode-fooods.example.jp",
            "hniode-foods.example.jp",
            "hinоde-foods.example.jp",
        ] {
            assert!(check("hinode-foods.example.jp", typed), "{typed}");
        }
        for typed in ["hinode-foods.example.jp", "hinode-tools.example.jp", "hinode-foods.example.com", "example.jp"] {
            assert!(!check("hinode-foods.example.jp", typed), "{typed}");
        }
        assert!(check("moonshot.example", "rnoonshot.example"));
        assert!(!check("abc.example", "ab.example"), "too short to mean anything");
    }
}

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

/// How many of them are of ASCII.
const OF_ASCII: usize = {
    let mut n = 0;
    while ALIKE[n].0.is_ascii() {
        n += 1;
    }
    n
};

/// Of each byte of ASCII: may what is drawn alike begin with it?
const BEGINS: [bool; 128] = {
    let (mut begins, mut n) = ([false; 128], 0);
    while n < ALIKE.len() {
        let first = ALIKE[n].0.as_bytes()[0] as usize;
        if first < begins.len() {
            begins[first] = true;
        }
        n += 1;
    }
    begins
};

/// A number that domains drawn alike share, but hardly any others. The domain is in A-labels; `room` is written over.
pub(super) fn shape(domain: &str, room: &mut String) -> u64 {
    room.clear();
    draw(domain, room);
    hash(&[room])
}

/// Shapes of the domains that a slip of the hand or of the eye makes of this one: itself, two neighbours swapped, one
/// character too much or too little.
pub(super) fn slips(domain: &str) -> Vec<u64> {
    const LETTERS: &str = "abcdefghjklmnopqrstuvwxyz23456789";
    let mut drawn = String::with_capacity(domain.len() + 1);
    draw(domain, &mut drawn);
    let name = drawn.split('.').next().unwrap_or_default();
    let mut found = vec![hash(&[&drawn])];
    if name.chars().count() < SHORTEST {
        return found;
    }
    let places: Vec<usize> = name.char_indices().map(|(at, _)| at).chain([name.len()]).collect();
    for place in places.windows(3) {
        let (before, one, two, behind) =
            (&drawn[..place[0]], &drawn[place[0]..place[1]], &drawn[place[1]..place[2]], &drawn[place[2]..]);
        found.push(hash(&[before, two, one, behind]));
    }
    found.extend(places.windows(2).map(|place| hash(&[&drawn[..place[0]], &drawn[place[1]..]])));
    for (before, behind) in places.iter().map(|at| drawn.split_at(*at)) {
        found.extend(LETTERS.split_inclusive(|_| true).map(|letter| hash(&[before, letter, behind])));
    }
    found
}

/// How it is drawn: readable, look-alikes made the same, hyphens gone.
fn draw(domain: &str, drawn: &mut String) {
    // Most domains hide no other script, and a register has a hundred thousand of them.
    let readable = match memchr::memchr(b'-', domain.as_bytes()).is_some_and(|_| domain.contains("xn--")) {
        true => Cow::Owned(idna::domain_to_unicode(domain).0),
        false => Cow::Borrowed(domain),
    };
    let (mut name, rest) = readable.split_once('.').unwrap_or((&readable, ""));
    let alike = if name.is_ascii() { ALIKE.split_at(OF_ASCII).0 } else { ALIKE };
    let stays = |byte: u8| byte.is_ascii_alphanumeric() && !BEGINS[usize::from(byte)];
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
}

/// Of the text that these pieces make.
fn hash(pieces: &[&str]) -> u64 {
    let mut hasher = DefaultHasher::new();
    pieces.iter().for_each(|piece| hasher.write(piece.as_bytes()));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is `typed` found when `known` is looked for by shape?
    fn check(known: &str, typed: &str) -> bool {
        let typed = crate::triage::auth::domain::canonical(typed).unwrap();
        typed != known && slips(&typed).contains(&shape(known, &mut String::new()))
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

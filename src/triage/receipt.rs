//! Receipt numbers: the reference of a case, as customers read it out on the telephone.
//!
//! `OB-261120-0017`: the desk's prefix, the day, the day's number and a check digit at the end, which finds every single
//! wrong digit and every two neighbours swapped (Damm's algorithm, over the prefix, too). A bare number opens nothing:
//! a mail joins a case by its thread, or by the number with our signature behind it, as our subjects have it
//! (`[OB-261120-0017-k7q2m9]`).

use hmac::{Hmac, KeyInit, Mac};
use icu_normalizer::ComposingNormalizerBorrowed;
use jiff::civil::Date;
use sha2::Sha256;

/// Damm's quasigroup of order 10.
const DAMM: [[u8; 10]; 10] = [
    [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
    [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
    [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
    [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
    [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
    [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
    [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
    [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
    [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
    [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
];

/// Letters and digits that are not mixed up: no i, l, o, u.
const SIGNS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 30 bits: guessing one needs a thousand million mails.
const TOKEN: usize = 6;
/// Digits of the day and least digits of the day's number.
const DAY: usize = 6;
const NUMBER: usize = 3;

/// The reference of the day's `number`-th case, from 1.
pub fn reference(prefix: &str, day: Date, number: u32) -> String {
    let body = format!("{prefix}-{:02}{:02}{:02}-{number:03}", day.year().rem_euclid(100), day.month(), day.day());
    format!("{body}{}", check_digit(&body))
}

/// The digit that belongs behind; hyphens do not count, letters count as two digits each.
fn check_digit(body: &str) -> u8 {
    let digits = body.bytes().flat_map(|byte| match byte {
        b'0'..=b'9' => vec![byte - b'0'],
        b'A'..=b'Z' => vec![(byte - b'A') / 10, (byte - b'A') % 10],
        _ => Vec::new(),
    });
    digits.fold(0, |check, digit| DAMM[usize::from(check)][usize::from(digit)])
}

/// A receipt number as somebody typed or heard it (`ob 261120 0017`, wide characters), in its usual form; none if it
/// is none, or if its check digit says that it was misread.
pub fn parse(typed: &str) -> Option<String> {
    let narrow = ComposingNormalizerBorrowed::new_nfkc().normalize(typed).to_uppercase();
    let bare: String = narrow.chars().filter(char::is_ascii_alphanumeric).collect();
    let digits = bare.find(|c: char| c.is_ascii_digit())?;
    let (prefix, digits) = bare.split_at(digits);
    let whole = digits.len() > DAY + NUMBER && digits.bytes().all(|byte| byte.is_ascii_digit());
    let (day, number) = digits.split_at_checked(DAY).filter(|_| whole && !prefix.is_empty())?;
    let reference = format!("{prefix}-{day}-{number}");
    let (body, check) = reference.split_at(reference.len() - 1);
    (check_digit(body).to_string() == check).then_some(reference)
}

/// What our subjects end with.
pub fn mark(reference: &str, secret: &[u8]) -> String {
    format!("[{reference}-{}]", token(reference, secret))
}

/// The reference in a subject that we signed.
pub fn signed(subject: &str, secret: &[u8]) -> Option<String> {
    marks(subject).find_map(|(_, inside)| {
        let (reference, token_there) = inside.rsplit_once('-')?;
        let reference = parse(reference)?;
        (token_there.to_lowercase() == token(&reference, secret)).then_some(reference)
    })
}

/// The subject without such marks, whoever signed them.
pub fn unmarked(subject: &str) -> String {
    let looks_so = |inside: &str| {
        inside.rsplit_once('-').is_some_and(|(reference, token)| token.len() == TOKEN && parse(reference).is_some())
    };
    let found: Vec<(usize, &str)> = marks(subject).filter(|(_, inside)| looks_so(inside)).collect();
    let mut out = subject.to_owned();
    for (at, inside) in found.into_iter().rev() {
        out.replace_range(at..at + inside.len() + 2, "");
    }
    out.trim_end().to_owned()
}

/// What stands in square brackets, with the place of the bracket.
fn marks(subject: &str) -> impl Iterator<Item = (usize, &str)> {
    subject.match_indices('[').filter_map(|(at, _)| Some((at, subject[at + 1..].split_once(']')?.0)))
}

fn token(reference: &str, secret: &[u8]) -> String {
    // HMAC takes keys of any length, so there is no error to meet here.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(b"case ");
    mac.update(reference.as_bytes());
    mac.finalize().into_bytes().iter().take(TOKEN).map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect()
}

/// A prefix from a desk's id: `optim-biz` → `OB`, `support` → `SU`.
pub fn prefix_of(desk: &str) -> String {
    let words: Vec<&str> = desk.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).collect();
    let letters: String = match words.as_slice() {
        [] => "M".into(),
        [only] => only.chars().take(2).collect(),
        many => many.iter().filter_map(|word| word.chars().next()).take(3).collect(),
    };
    letters.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(count: u32) -> String {
        reference("OB", Date::constant(2026, 11, 20), count)
    }

    #[test]
    fn a_number_has_prefix_day_number_and_check_digit() {
        assert_eq!(
            number(1),
            "OB-261120-0011".get(..12).map(|body| format!("{body}1{}", check_digit("OB-261120-001"))).unwrap()
        );
        assert_eq!((number(17).len(), number(1234).len()), (14, 15));
    }

    #[test]
    fn a_number_is_understood_however_it_is_written() {
        let known = number(17);
        let bare = known.replace('-', "");
        for typed in [&known, &bare, &known.to_lowercase(), &format!(" {} ", known.replace('-', " "))] {
            assert_eq!(parse(typed).as_deref(), Some(known.as_str()), "{typed}");
        }
        assert_eq!(parse("ＯＢー").as_deref(), None);
        assert_eq!(parse(&number(12_345)).as_deref(), Some(number(12_345).as_str()));
    }

    #[test]
    fn one_wrong_digit_and_two_swapped_ones_are_noticed() {
        let known = number(42);
        for at in known.char_indices().filter(|(_, c)| c.is_ascii_digit()).map(|(at, _)| at) {
            for digit in "0123456789".chars().filter(|digit| !known[at..].starts_with(*digit)) {
                let mut wrong = known.clone();
                wrong.replace_range(at..=at, &digit.to_string());
                assert_eq!(parse(&wrong), None, "{wrong}");
            }
        }
        let digits: Vec<char> = known.chars().collect();
        for at in 1..digits.len() {
            let mut swapped = digits.clone();
            swapped.swap(at - 1, at);
            let both = swapped[at - 1].is_ascii_digit() && swapped[at].is_ascii_digit();
            if both && swapped != digits {
                let swapped: String = swapped.into_iter().collect();
                assert_eq!(parse(&swapped), None, "{swapped}");
            }
        }
    }

    #[test]
    fn only_a_signed_number_counts_in_a_subject() {
        let (known, key) = (number(7), b"key");
        let subject = format!("Re: 設定 {}", mark(&known, key));
        assert_eq!(signed(&subject, key).as_deref(), Some(known.as_str()));
        assert_eq!(unmarked(&subject), "Re: 設定");
        for bare in [format!("Re: 設定 [{known}]"), format!("{known} の件"), subject.replace("[", ""), "[x]".into()]
        {
            assert_eq!(signed(&bare, key), None, "{bare}");
        }
        assert_eq!(signed(&subject, b"other"), None);
        assert_eq!(unmarked("Re: [list] a [b-c]"), "Re: [list] a [b-c]");
    }

    #[test]
    fn a_desk_has_a_prefix() {
        for (desk, prefix) in
            [("optim-biz", "OB"), ("biz-phone", "BP"), ("demo", "DE"), ("24", "M"), ("a_b.c-d", "ABC")]
        {
            assert_eq!(prefix_of(desk), prefix);
        }
    }
}

//! NFKC for text that is mostly ASCII, kana and kanji already, as that of mails is.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Characters that NFKC leaves alone, unless a mark follows that joins them.
pub fn is_plain(c: char) -> bool {
    c.is_ascii()
        || matches!(c, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '一'..='鿿' | '、' | '。' | '「' | '」' | '・' | '々')
}

/// How many bytes of plain characters the text begins with, of ASCII only those that are `taken`.
pub fn plain_length(text: &str, taken: impl Fn(u8) -> bool) -> usize {
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        at += match byte {
            0..0x80 if taken(*byte) => 1,
            0..0x80 => break,
            _ if is_kana_or_kanji(&text.as_bytes()[at..]) => 3,
            _ => match text[at..].chars().next().filter(|c| is_plain(*c)) {
                Some(c) => c.len_utf8(),
                None => break,
            },
        };
    }
    at
}

/// Does the text begin with a plain kana or kanji, as nearly all of a Japanese one is? Seen without decoding it, and
/// without a branch for each kind: no processor can guess which of them comes next.
fn is_kana_or_kanji(text: &[u8]) -> bool {
    let Some([first, second, third]) = text.first_chunk() else { return false };
    let bytes = u32::from_be_bytes([0, *first, *second, *third]);
    let hiragana = (0xE3_81_81..=0xE3_82_96).contains(&bytes);
    let katakana = (0xE3_82_A1..=0xE3_83_BC).contains(&bytes);
    let kanji = (0xE4_B8_80..=0xE9_BF_BF).contains(&bytes);
    hiragana | katakana | kanji
}

/// The text in NFKC. Only what is not plain goes through the normalizer, each piece with the character before it.
pub fn nfkc(text: &str) -> Cow<'_, str> {
    let normalizer = ComposingNormalizerBorrowed::new_nfkc();
    let mut out = String::new();
    let mut rest = text;
    loop {
        let rare = plain_length(rest, |_| true);
        if rare == rest.len() {
            break;
        }
        let start = rest[..rare].char_indices().next_back().map_or(0, |(at, _)| at);
        let end = rest[rare..].find(is_plain).map_or(rest.len(), |plain| rare + plain);
        out.reserve(rest.len());
        out.push_str(&rest[..start]);
        out.push_str(&normalizer.normalize(&rest[start..end]));
        rest = &rest[end..];
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_characters_stay_as_they_are_and_join_nothing_before_them() {
        let normalizer = ComposingNormalizerBorrowed::new_nfkc();
        let befores = ["", "a", "か", "ｶ", "e\u{301}", "\u{1100}", "漢"];
        for c in ('\0'..='\u{9FFF}').filter(|c| is_plain(*c)) {
            for before in befores {
                let text = format!("{before}{c}");
                assert_eq!(normalizer.normalize(&text), format!("{}{c}", normalizer.normalize(before)), "{text:?}");
            }
        }
    }

    #[test]
    fn plain_characters_are_known_by_their_bytes() {
        for c in '\0'..='\u{FFFF}' {
            let length = plain_length(&c.to_string(), |_| true);
            assert_eq!(length, if is_plain(c) { c.len_utf8() } else { 0 }, "{c:?}");
        }
        assert_eq!(plain_length("かな漢字 ABC", |byte| byte.is_ascii_lowercase()), 12);
    }

    proptest::proptest! {
        #[test]
        fn it_is_what_the_normalizer_makes_of_the_whole(
            text in "[ -~ぁ-ヿ一-丿ｦ-ﾟ！-～①-⑳㈱　…〜\u{300}-\u{345}\u{1DC0}-\u{1DCF}\u{1100}-\u{11FF}é\u{212B}\u{FE0F}]{0,12}|\\PC{0,12}"
        ) {
            assert_eq!(nfkc(&text), ComposingNormalizerBorrowed::new_nfkc().normalize(&text), "{text:?}");
        }
    }
}

//! NFKC for text that is mostly ASCII, kana and kanji already, as that of mails is.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;

/// Characters that NFKC leaves alone, unless a mark follows that joins them.
pub fn is_plain(c: char) -> bool {
    c.is_ascii()
        || matches!(c, 'ぁ'..='ゖ' | 'ァ'..='ヺ' | 'ー' | '一'..='鿿' | '、' | '。' | '「' | '」' | '・' | '々')
}

/// The text in NFKC. Only what is not plain goes through the normalizer, each piece with the character before it.
pub fn nfkc(text: &str) -> Cow<'_, str> {
    let normalizer = ComposingNormalizerBorrowed::new_nfkc();
    let mut out = String::new();
    let mut rest = text;
    while let Some(rare) = rest.find(|c| !is_plain(c)) {
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

    proptest::proptest! {
        #[test]
        fn it_is_what_the_normalizer_makes_of_the_whole(
            text in "[ -~ぁ-ヿ一-丿ｦ-ﾟ！-～①-⑳㈱　…〜\u{300}-\u{345}\u{1DC0}-\u{1DCF}\u{1100}-\u{11FF}é\u{212B}\u{FE0F}]{0,12}|\\PC{0,12}"
        ) {
            assert_eq!(nfkc(&text), ComposingNormalizerBorrowed::new_nfkc().normalize(&text), "{text:?}");
        }
    }
}

//! Bytes → text, for Japanese mail as it really is: labels that are wrong, missing or unknown to the WHATWG list.
//!
//! The declared charset comes first; only if it does not fit are the bytes looked at: escape sequences, UTF-8,
//! then Shift_JIS against EUC-JP. ISO-2022-JP never goes to `encoding_rs` as such (see [`super::jis`]).

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{EUC_JP, Encoding, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};
use memchr::memmem;

use super::jis;

/// Text and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub text: String,
    /// WHATWG name; "us-ascii" for pure ASCII without label.
    pub used: &'static str,
    pub fit: Fit,
}

/// Did the label fit?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Decoded as declared, or pure ASCII.
    Declared,
    /// No (known) label, but the bytes fit a charset.
    Guessed,
    /// The label is wrong; the bytes fit another charset.
    Mismatch,
    /// Nothing fits: the text has replacement characters.
    Lossy,
}

/// Labels of Japanese mailers that the WHATWG list does not have; lower case.
const ALIASES: &[(&str, &Encoding)] = &[
    ("cp932", SHIFT_JIS),
    ("cp943", SHIFT_JIS),
    ("ms_kanji", SHIFT_JIS),
    ("shift-jis", SHIFT_JIS),
    ("shift_jis-2004", SHIFT_JIS),
    ("shift_jisx0213", SHIFT_JIS),
    ("x-ms-cp932", SHIFT_JIS),
    ("x-cp932", SHIFT_JIS),
    ("eucjp", EUC_JP),
    ("euc_jp", EUC_JP),
    ("eucjp-ms", EUC_JP),
    ("eucjpms", EUC_JP),
    ("euc-jp-ms", EUC_JP),
    ("euc-jis-2004", EUC_JP),
    ("cp51932", EUC_JP),
    ("cp50220", ISO_2022_JP),
    ("cp50221", ISO_2022_JP),
    ("cp50222", ISO_2022_JP),
    ("iso2022jp", ISO_2022_JP),
    ("iso2022-jp", ISO_2022_JP),
    ("x-iso2022-jp", ISO_2022_JP),
    ("x-iso-2022-jp", ISO_2022_JP),
    ("iso-2022-jp-1", ISO_2022_JP),
    ("iso-2022-jp-2", ISO_2022_JP),
    ("iso-2022-jp-3", ISO_2022_JP),
    ("iso-2022-jp-2004", ISO_2022_JP),
    ("iso-2022-jp-ms", ISO_2022_JP),
    ("iso-2022-jp-ext", ISO_2022_JP),
    ("jis", ISO_2022_JP),
];

/// The encoding of a label as mails write it: quotes, case and RFC 2231 language (`*ja`) do not matter.
pub fn encoding(label: &str) -> Option<&'static Encoding> {
    let label = label.split('*').next()?.trim_matches(['\'', '"', ' ', '\t']);
    let alias = ALIASES.iter().find(|(name, _)| label.eq_ignore_ascii_case(name));
    alias.map(|(_, e)| *e).or_else(|| Encoding::for_label(label.as_bytes()))
}

/// Decodes with the label if it fits, else with what fits the bytes. Never fails.
pub fn decode(label: Option<&str>, bytes: &[u8]) -> Decoded {
    let declared = label.and_then(encoding);
    let ascii = bytes.is_ascii() && !jis::has_escape(bytes);
    if ascii && declared.is_none_or(|e| e.is_ascii_compatible() || e == ISO_2022_JP) {
        let used = declared.filter(|_| !is_ascii_label(label)).map_or("us-ascii", Encoding::name);
        return Decoded { text: lossy(bytes).into_owned(), used, fit: Fit::Declared };
    }
    let strict = declared.and_then(|e| fits(e, label, bytes));
    if let Some(text) = strict {
        let used = declared.map_or("us-ascii", Encoding::name);
        return Decoded { text, used, fit: Fit::Declared };
    }
    let sniffed = sniff(bytes);
    match (declared, sniffed.fit) {
        (Some(declared), Fit::Lossy) => fewer_replacements(with(declared, bytes), sniffed),
        (Some(_), _) => Decoded { fit: Fit::Mismatch, ..sniffed },
        (None, _) => sniffed,
    }
}

/// A beginning of a text, without a character or escape sequence that was cut at its end: such a piece would make
/// the rest look like another charset.
pub fn whole_characters<'a>(label: Option<&str>, bytes: &'a [u8]) -> &'a [u8] {
    let bytes = before_last(0x1b, 3, bytes);
    if let Err(error) = std::str::from_utf8(bytes)
        && error.error_len().is_none()
    {
        return &bytes[..error.valid_up_to()];
    }
    let ends = (bytes.len().saturating_sub(3)..=bytes.len()).rev();
    let whole = ends.map(|end| &bytes[..end]).find(|whole| decode(label, whole).fit == Fit::Declared);
    whole.unwrap_or(bytes)
}

/// What stands before the first `mark` among the last `length` bytes.
pub fn before_last(mark: u8, length: usize, bytes: &[u8]) -> &[u8] {
    let last = bytes.len().saturating_sub(length);
    let at = bytes[last..].iter().position(|byte| *byte == mark);
    at.map_or(bytes, |at| &bytes[..last + at])
}

/// The text of raw header bytes, borrowed if there is nothing to decode.
pub fn raw_text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !jis::has_escape(bytes) => Cow::Borrowed(text),
        _ => Cow::Owned(sniff(bytes).text),
    }
}

/// Decodes bytes without a (believable) label.
pub fn sniff(bytes: &[u8]) -> Decoded {
    let found = |(text, e): (String, &'static Encoding)| Decoded { text, used: e.name(), fit: Fit::Guessed };
    if let Some((e, _)) = Encoding::for_bom(bytes) {
        return found((e.decode(bytes).0.into_owned(), e));
    }
    if jis::has_escape(bytes)
        && let Some(text) = strict(ISO_2022_JP, bytes)
    {
        return found((text, ISO_2022_JP));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return found((text.to_owned(), UTF_8));
    }
    match (strict(SHIFT_JIS, bytes), strict(EUC_JP, bytes)) {
        (Some(sjis), Some(euc)) if half_width(&euc) < half_width(&sjis) => found((euc, EUC_JP)),
        (Some(sjis), _) => found((sjis, SHIFT_JIS)),
        (None, Some(euc)) => found((euc, EUC_JP)),
        (None, None) => guess(bytes),
    }
}

/// Nothing fits: the statistically likeliest.
fn guess(bytes: &[u8]) -> Decoded {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let e = detector.guess(Some(b"jp"), Utf8Detection::Allow);
    with(e, bytes)
}

/// Decodes at any price.
fn with(e: &'static Encoding, bytes: &[u8]) -> Decoded {
    let text = if e == ISO_2022_JP {
        EUC_JP.decode_without_bom_handling(&jis::to_euc(bytes)).0.into_owned()
    } else {
        e.decode_with_bom_removal(bytes).0.into_owned()
    };
    Decoded { text, used: e.name(), fit: Fit::Lossy }
}

fn fewer_replacements(a: Decoded, b: Decoded) -> Decoded {
    if replacements(&b.text) < replacements(&a.text) { b } else { a }
}

/// The number of U+FFFD.
pub fn replacements(text: &str) -> usize {
    memmem::find_iter(text.as_bytes(), "\u{FFFD}").count()
}

fn half_width(text: &str) -> usize {
    text.chars().filter(|c| ('\u{FF61}'..='\u{FF9F}').contains(c)).count()
}

/// The text if the declared charset explains every byte.
fn fits(e: &'static Encoding, label: Option<&str>, bytes: &[u8]) -> Option<String> {
    let escapes = jis::has_escape(bytes);
    if e == ISO_2022_JP {
        // without any escape, 8-bit bytes are another charset under the wrong label
        return strict(e, bytes).filter(|_| escapes || bytes.is_ascii());
    }
    if escapes && bytes.is_ascii() {
        return None;
    }
    // Latin-1 explains all bytes, so it proves nothing: mailers put it over everything
    if e == WINDOWS_1252 && (is_ascii_label(label) || std::str::from_utf8(bytes).is_ok()) {
        return None;
    }
    strict(e, bytes)
}

fn is_ascii_label(label: Option<&str>) -> bool {
    label.is_some_and(|l| l.to_ascii_lowercase().contains("ascii"))
}

fn strict(e: &'static Encoding, bytes: &[u8]) -> Option<String> {
    if e == ISO_2022_JP {
        return strict(EUC_JP, &jis::to_euc(bytes));
    }
    if e == encoding_rs::UTF_16LE || e == encoding_rs::UTF_16BE {
        let (text, _, errors) = e.decode(bytes);
        return (!errors).then(|| text.into_owned());
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").filter(|_| e == UTF_8).unwrap_or(bytes);
    e.decode_without_bom_handling_and_without_replacement(bytes).map(Cow::into_owned)
}

/// As UTF-8 at any price. Nearly always that is what it is, and to make sure takes a fifth of the time.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(label: Option<&str>, bytes: &[u8], text: &str, used: &str, fit: Fit) {
        let decoded = decode(label, bytes);
        assert_eq!((decoded.text.as_str(), decoded.used, decoded.fit), (text, used, fit), "{label:?}");
    }

    const JIS: &[u8] = b"\x1b$BF|K\\\x1b(B";
    const SJIS: &[u8] = b"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\xb6";
    const EUC: &[u8] = b"\xc6\xfc\xcb\xdc\xb8\xec\xa4\xce\xca\xb8";

    #[test]
    fn knows_the_labels_of_japanese_mailers() {
        for label in
            ["CP932", "Windows-31J", "x-sjis", "MS932", "MS_Kanji", "shift-jis", "Shift_JIS-2004", "x-ms-cp932"]
        {
            check(Some(label), SJIS, "日本語の文", "Shift_JIS", Fit::Declared);
        }
        for label in ["CP50220", "cp50221", "CP50222", "ISO-2022-JP-MS", "iso-2022-jp-1", "x-iso2022-jp", "csISO2022JP"]
        {
            check(Some(label), JIS, "日本", "ISO-2022-JP", Fit::Declared);
        }
        for label in ["eucJP-ms", "x-euc-jp", "CP51932", "'EUC-JP'", "euc-jp*ja"] {
            check(Some(label), EUC, "日本語の文", "EUC-JP", Fit::Declared);
        }
    }

    #[test]
    fn a_wrong_label_does_not_hide_the_text() {
        check(Some("us-ascii"), JIS, "日本", "ISO-2022-JP", Fit::Mismatch);
        check(Some("utf-8"), JIS, "日本", "ISO-2022-JP", Fit::Mismatch);
        check(Some("iso-8859-1"), JIS, "日本", "ISO-2022-JP", Fit::Mismatch);
        check(Some("utf-8"), SJIS, "日本語の文", "Shift_JIS", Fit::Mismatch);
        check(Some("iso-2022-jp"), SJIS, "日本語の文", "Shift_JIS", Fit::Mismatch);
        check(Some("iso-2022-jp"), "日本語".as_bytes(), "日本語", "UTF-8", Fit::Mismatch);
        check(Some("iso-8859-1"), "日本語".as_bytes(), "日本語", "UTF-8", Fit::Mismatch);
        check(Some("us-ascii"), EUC, "日本語の文", "EUC-JP", Fit::Mismatch);
    }

    #[test]
    fn without_a_label_the_bytes_decide() {
        check(None, b"plain", "plain", "us-ascii", Fit::Declared);
        check(None, JIS, "日本", "ISO-2022-JP", Fit::Guessed);
        check(None, SJIS, "日本語の文", "Shift_JIS", Fit::Guessed);
        check(None, EUC, "日本語の文", "EUC-JP", Fit::Guessed);
        check(Some("x-unknown"), SJIS, "日本語の文", "Shift_JIS", Fit::Guessed);
        check(None, "日本語".as_bytes(), "日本語", "UTF-8", Fit::Guessed);
    }

    #[test]
    fn latin_text_stays_latin() {
        check(Some("iso-8859-1"), b"caf\xe9", "café", "windows-1252", Fit::Declared);
        check(Some("utf-8"), b"\xEF\xBB\xBFabc\xC3\xA9", "abcé", "UTF-8", Fit::Declared);
        check(Some("utf-16"), b"\xFF\xFE\xE5\x65", "日", "UTF-16LE", Fit::Declared);
    }

    #[test]
    fn garbage_is_marked() {
        let decoded = decode(Some("utf-8"), b"\xff\xff\x81\xff\xa4\x00\xff\xfe");
        assert_eq!(decoded.fit, Fit::Lossy);
        assert!(replacements(&decoded.text) > 0);
    }
}

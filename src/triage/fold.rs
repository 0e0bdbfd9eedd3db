//! Folding: one spelling for what people write in many, with a way back to the exact original characters.
//!
//! Folded are: NFKC (half-width kana, full-width letters, ㈱ → (株), ① → 1), case, variants of the long-vowel mark and
//! the wave dash, a long-vowel mark at the end of a long katakana word (サーバー = サーバ), 髙 and 﨑, zero-width
//! characters and variation selectors, and white space: none between Japanese characters (a phrase broken by a
//! line end is one phrase), one space elsewhere. A pack can switch off those that would make its own words one
//! ([`Folding`]).

use icu_normalizer::ComposingNormalizerBorrowed;

use super::nfkc::is_plain;

/// Which variants are taken for one; all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folding {
    /// A and a.
    pub case: bool,
    /// サーバー and サーバ, and dashes written for a long-vowel mark.
    pub long_vowels: bool,
    /// 髙 and 高, 﨑 and 崎.
    pub kanji: bool,
    /// 設定 の 手順 and 設定の手順.
    pub spaces: bool,
}

impl Default for Folding {
    fn default() -> Folding {
        Folding { case: true, long_vowels: true, kanji: true, spaces: true }
    }
}

/// Folded text that knows where each piece came from.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    pub text: String,
    runs: Vec<Run>,
    folding: Folding,
}

/// A stretch of folded text and the original it came from; the next run's start is its end.
#[derive(Debug, Clone, Copy)]
struct Run {
    folded: usize,
    original: usize,
    original_end: usize,
    /// Byte for byte the same (up to ASCII case), so that positions inside map one to one.
    verbatim: bool,
}

/// Katakana words shorter than this keep their last long-vowel mark: キー, エラー and コピー are no キ, エラ and コピ.
const LONG_KATAKANA_WORD: usize = 4;

/// Folds a term of a rule: the same as text, without the way back.
pub fn fold_term(term: &str, folding: Folding) -> String {
    let mut folded = Folded::new(folding);
    folded.push(term, 0);
    folded.text.trim().to_string()
}

/// True of a term that no folding changes, as nearly every one of a long list is.
pub fn is_surely_folded(term: &str) -> bool {
    unchanged(term) == term.len()
}

impl Folded {
    pub fn new(folding: Folding) -> Folded {
        Folded { folding, ..Folded::default() }
    }

    /// Appends the folded form of `source`, which starts at byte `base` of the original.
    pub fn push(&mut self, source: &str, base: usize) {
        let mut folder = Folder { out: self, last: None, katakana: 0, space: None };
        let mut at = 0;
        while at < source.len() {
            let same = unchanged(&source[at..]);
            if same > 0 {
                folder.write_unchanged(&source[at..at + same], base + at);
                at += same;
            }
            let mut chars = source[at..].chars();
            let Some(c) = chars.next() else { break };
            let marks: usize = chars.take_while(|mark| is_combining(*mark)).map(char::len_utf8).sum();
            let end = at + c.len_utf8() + marks;
            folder.cluster(c, &source[at..end], base + at);
            at = end;
        }
        folder.end_of_katakana();
    }

    /// Appends a border that no term can cross.
    pub fn push_border(&mut self, at: usize) {
        self.runs.push(Run { folded: self.text.len(), original: at, original_end: at, verbatim: false });
        self.text.push('\n');
    }

    /// The original byte range of the folded range `start..end` (not empty).
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        let first = self.run_at(start);
        let last = self.run_at(end.saturating_sub(1));
        let from = if first.verbatim { first.original + (start - first.folded) } else { first.original };
        let to = if last.verbatim { last.original + (end - last.folded) } else { last.original_end };
        (from, to.max(from))
    }

    fn run_at(&self, folded: usize) -> Run {
        let next = self.runs.partition_point(|run| run.folded <= folded);
        let none = Run { folded: 0, original: 0, original_end: 0, verbatim: false };
        next.checked_sub(1).and_then(|i| self.runs.get(i)).copied().unwrap_or(none)
    }
}

/// State while one piece of text is folded.
struct Folder<'a> {
    out: &'a mut Folded,
    /// The last character written in this piece.
    last: Option<char>,
    /// Length in characters of the katakana word just written.
    katakana: usize,
    /// White space seen and not yet written, with its place.
    space: Option<(usize, usize)>,
}

impl Folder<'_> {
    fn cluster(&mut self, c: char, source: &str, at: usize) {
        if c.is_whitespace() {
            let start = self.space.map_or(at, |(start, _)| start);
            self.space = Some((start, at + source.len()));
        } else if is_plain(c) && !matches!(c, '嵜' | '髙') && source.len() == c.len_utf8() {
            self.settle_space(c);
            self.write_verbatim(if self.out.folding.case { c.to_ascii_lowercase() } else { c }, at);
        } else {
            self.fold_rare(source, at);
        }
    }

    /// What is neither ASCII nor plain Japanese: through NFKC and the table of variants.
    fn fold_rare(&mut self, source: &str, at: usize) {
        let normal = ComposingNormalizerBorrowed::new_nfkc().normalize(source);
        let case = self.out.folding.case;
        for c in normal.chars().flat_map(|c| lower(c, case)) {
            let Some(c) = self.variant(c) else { continue };
            if c.is_whitespace() {
                self.space.get_or_insert((at, at + source.len()));
                continue;
            }
            self.settle_space(c);
            self.write(c, at, at + source.len());
        }
    }

    /// The usual form of a character; none for what cannot be seen.
    fn variant(&self, c: char) -> Option<char> {
        let Folding { long_vowels, kanji, .. } = self.out.folding;
        match c {
            '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}' => None,
            '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => None,
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '─' | '━' if long_vowels && self.katakana > 0 => {
                Some('ー')
            }
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => Some('-'),
            '〜' => Some('~'),
            '髙' if kanji => Some('高'),
            '﨑' | '嵜' if kanji => Some('崎'),
            '’' | '‘' => Some('\''),
            '“' | '”' => Some('"'),
            other => Some(other),
        }
    }

    /// White space counts only where it parts words: not next to Japanese characters.
    fn settle_space(&mut self, next: char) {
        let Some((from, to)) = self.space.take() else { return };
        let Some(last) = self.last else { return };
        self.end_of_katakana();
        if !(self.out.folding.spaces && (is_japanese(last) || is_japanese(next))) {
            self.write(' ', from, to);
        }
    }

    /// A stretch of characters that stay as they are, no katakana among them.
    fn write_unchanged(&mut self, text: &str, at: usize) {
        if let Some(first) = text.chars().next() {
            self.settle_space(first);
        }
        self.end_of_katakana();
        self.last = text.chars().next_back();
        self.verbatim_run(at, text.len());
        self.out.text.push_str(text);
    }

    fn write_verbatim(&mut self, c: char, at: usize) {
        self.track(c);
        self.verbatim_run(at, c.len_utf8());
        self.out.text.push(c);
    }

    /// Notes that so many bytes follow that came from the bytes at `at`.
    fn verbatim_run(&mut self, at: usize, length: usize) {
        let folded = self.out.text.len();
        let goes_on = |r: &&mut Run| r.verbatim && r.original_end == at && at - r.original == folded - r.folded;
        match self.out.runs.last_mut().filter(goes_on) {
            Some(run) => run.original_end = at + length,
            None => self.out.runs.push(Run { folded, original: at, original_end: at + length, verbatim: true }),
        }
    }

    fn write(&mut self, c: char, from: usize, to: usize) {
        self.track(c);
        self.out.runs.push(Run { folded: self.out.text.len(), original: from, original_end: to, verbatim: false });
        self.out.text.push(c);
    }

    fn track(&mut self, c: char) {
        if is_katakana(c) {
            self.katakana += 1;
        } else {
            self.end_of_katakana();
        }
        self.last = Some(c);
    }

    /// サーバー and サーバ are one word.
    fn end_of_katakana(&mut self) {
        if self.out.folding.long_vowels && self.katakana >= LONG_KATAKANA_WORD && self.out.text.ends_with('ー') {
            self.out.text.pop();
            let length = self.out.text.len();
            while self.out.runs.last().is_some_and(|run| run.folded >= length) {
                self.out.runs.pop();
            }
        }
        self.katakana = 0;
    }
}

fn lower(c: char, fold: bool) -> impl Iterator<Item = char> {
    let lower = fold.then(|| c.to_lowercase());
    let same = if fold { None } else { Some(c) };
    lower.into_iter().flatten().chain(same)
}

/// Bytes at the beginning of the text that folding leaves as they are, whatever stands around them.
fn unchanged(text: &str) -> usize {
    let stays = |c: char| {
        matches!(c, 'ぁ'..='ゖ' | '一'..='鿿' | '、' | '。' | '「' | '」') && !matches!(c, '嵜' | '髙')
            || c.is_ascii_lowercase()
            || c.is_ascii_digit()
    };
    let mut last = 0;
    for (at, c) in text.char_indices() {
        if !stays(c) {
            // A combining mark belongs to the character before it.
            return if is_combining(c) { last } else { at };
        }
        last = at;
    }
    text.len()
}

fn is_katakana(c: char) -> bool {
    matches!(c, 'ァ'..='ヺ' | 'ー')
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309A}' | 'ﾞ' | 'ﾟ' | '\u{300}'..='\u{36F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Written without spaces between words.
pub fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30FF}' | '㐀'..='鿿' | '豈'..='\u{FAFF}' | '＀'..='￯')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (written, folded)
    const SPELLINGS: &[(&str, &str)] = &[
        ("ｱﾌﾟﾘ が 起動しません", "アプリが起動しません"),
        ("Ａｎｄｒｏｉｄ １４", "android 14"),
        ("サーバー", "サーバ"),
        ("サーバ―の再起動", "サーバの再起動"),
        ("ｻｰﾊﾞｰ", "サーバ"),
        ("キーとコピー機", "キーとコピー機"),
        ("㈱オプティム①", "(株)オプティム1"),
        ("１０〜１２時", "10~12時"),
        ("髙橋 﨑山", "高橋崎山"),
        ("設定の\n手順", "設定の手順"),
        ("Apple  Business\nManager", "apple business manager"),
        ("iOS の対応", "iosの対応"),
        ("ｶﾞ は\u{200B}か\u{3099}", "ガはが"),
        ("", ""),
    ];

    #[test]
    fn folds_spellings_to_one() {
        for (written, folded) in SPELLINGS {
            assert_eq!(fold_term(written, Folding::default()), *folded, "{written:?}");
        }
    }

    #[test]
    fn each_variant_can_be_kept_apart() {
        let all = Folding::default();
        for (folding, written, folded) in [
            (Folding { case: false, ..all }, "iPhone ＯＳ", "iPhone OS"),
            (Folding { long_vowels: false, ..all }, "サーバーとサーバ", "サーバーとサーバ"),
            (Folding { kanji: false, ..all }, "髙橋﨑山", "髙橋﨑山"),
            (Folding { spaces: false, ..all }, "設定\n の手順", "設定 の手順"),
        ] {
            assert_eq!(fold_term(written, folding), folded);
            assert_ne!(fold_term(written, all), folded);
        }
    }

    /// (original, folded piece, original piece)
    const WAYS_BACK: &[(&str, &str, &str)] = &[
        ("本日、ｱﾌﾟﾘが起動しません", "アプリが起動", "ｱﾌﾟﾘが起動"),
        ("サーバーの設定", "サーバの設定", "サーバーの設定"),
        ("サーバーの設定", "サーバ", "サーバ"),
        ("Ｗｉ－Ｆｉの設\n定", "wi-fiの設定", "Ｗｉ－Ｆｉの設\n定"),
        ("再 起 動", "起動", "起 動"),
        ("㈱オプティム", "(株)", "㈱"),
    ];

    #[test]
    fn maps_back_to_the_original() {
        for (original, piece, expected) in WAYS_BACK {
            let mut folded = Folded::default();
            folded.push(original, 0);
            let start = folded.text.find(piece).unwrap();
            let (from, to) = folded.original(start, start + piece.len());
            assert_eq!(&original[from..to], *expected, "{original:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_folded_piece_maps_to_character_borders(text in "[ｱﾌﾟﾘサーバーー a-zＡ１①㈱\\n\u{3099}かが髙〜―。]{0,40}") {
            let mut folded = Folded::default();
            folded.push(&text, 0);
            let borders: Vec<usize> = folded.text.char_indices().map(|(i, _)| i).chain([folded.text.len()]).collect();
            for pair in borders.windows(2) {
                let (from, to) = folded.original(pair[0], pair[1]);
                assert!(text.get(from..to).is_some(), "{text:?} {from}..{to}");
            }
        }
    }
}

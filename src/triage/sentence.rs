//! Sentences of what the customer wrote: the unit in which rules look for words and in which a compound mail
//! asks its several things.
//!
//! Mail text has hard line ends in the middle of sentences and chat-style lines without any full stop, so a line
//! end is judged by the words before it.

use std::ops::Range;

use super::decision::EvidenceSection;
use super::fold::is_japanese;
use super::inquiry::{Inquiry, SectionKind};
use super::word_set::WordSet;

/// A sentence: bytes `start..end` of the subject or of [`Inquiry::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence {
    pub place: EvidenceSection,
    pub start: usize,
    pub end: usize,
    /// It asks or requests something.
    pub question: bool,
}

impl Sentence {
    pub fn text<'a>(&self, inquiry: &'a Inquiry) -> &'a str {
        &place_text(inquiry, self.place)[self.start..self.end]
    }
}

/// The text that offsets of this place count in.
pub fn place_text(inquiry: &Inquiry, place: EvidenceSection) -> &str {
    match place {
        EvidenceSection::Subject => &inquiry.subject,
        EvidenceSection::In(_) => &inquiry.text,
    }
}

/// Nothing Japanese in the customer's own words: the answer is in English.
pub fn is_english(inquiry: &Inquiry) -> bool {
    let mut letters = 0;
    for c in pieces(inquiry).into_iter().flat_map(|(place, range)| place_text(inquiry, place)[range].chars()) {
        if is_japanese(c) {
            return false;
        }
        letters += usize::from(c.is_ascii_alphabetic());
    }
    letters > 0
}

/// Columns (a kanji counts two) from which a line may have been broken by the mail program.
const WRAPPED_COLUMNS: usize = 40;

/// Whose words a mail brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The customer's own of today: a body, or at least a new subject.
    Own,
    /// Only a mail that was forwarded. It is the inquiry, but its author is somebody else (mail-safety C2).
    Forwarded,
    /// Courtesies, a signature, a quote: 「ありがとうございました」 above our answer asks nothing.
    Nobody,
}

/// Whose words are these?
pub fn voice(inquiry: &Inquiry) -> Voice {
    let has = |kind| inquiry.sections.iter().any(|s| s.kind == kind && says(inquiry.section_text(s)));
    match () {
        _ if has(SectionKind::Body) => Voice::Own,
        _ if has(SectionKind::Forwarded) => Voice::Forwarded,
        _ if is_new(&inquiry.subject) && says(&inquiry.subject) => Voice::Own,
        _ => Voice::Nobody,
    }
}

fn says(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Written for this mail: the subject of an answer or a forward is that of an earlier one.
fn is_new(subject: &str) -> bool {
    subject[..subject_start(subject)].trim().is_empty()
}

/// The sentences that vote, in order: a new subject, then the body or what stands for it. Where nobody says anything,
/// all but the quotes is looked at: the cut may have been wrong.
pub fn sentences(inquiry: &Inquiry) -> Vec<Sentence> {
    let mut found = Vec::new();
    for (place, range) in pieces(inquiry) {
        match place {
            EvidenceSection::Subject => push_trimmed(&inquiry.subject, range, place, &mut found),
            EvidenceSection::In(_) => split(&inquiry.text, range, place, &mut found),
        }
    }
    found
}

/// The bytes of subject and text that vote.
fn pieces(inquiry: &Inquiry) -> Vec<(EvidenceSection, Range<usize>)> {
    let voice = voice(inquiry);
    let mut pieces = Vec::new();
    if is_new(&inquiry.subject) || voice == Voice::Forwarded {
        pieces.push((EvidenceSection::Subject, subject_start(&inquiry.subject)..inquiry.subject.len()));
    }
    let votes = |kind: SectionKind| match voice {
        Voice::Own => kind == SectionKind::Body,
        Voice::Forwarded => kind == SectionKind::Forwarded,
        Voice::Nobody => kind != SectionKind::Quoted,
    };
    let sections = inquiry.sections.iter().filter(|s| votes(s.kind));
    pieces.extend(sections.map(|s| (EvidenceSection::In(s.kind), s.start..s.end)));
    pieces
}

/// Where the subject proper begins behind `Re:`, `Fwd:`, `【転送】` and their kin (mail-safety C3).
pub fn subject_start(subject: &str) -> usize {
    const MARKS: [&str; 9] = ["re:", "re：", "ｒｅ：", "fw:", "fwd:", "返信:", "返信：", "転送:", "【転送】"];
    let mut at = 0;
    loop {
        let rest = subject[at..].trim_start();
        at = subject.len() - rest.len();
        let found = MARKS.iter().find_map(|mark| prefix_length(rest, mark));
        match found {
            Some(length) => at += length,
            None => return at,
        }
    }
}

/// Bytes of `text` that its case-insensitive prefix `mark` takes.
fn prefix_length(text: &str, mark: &str) -> Option<usize> {
    let mut rest = text.char_indices();
    for wanted in mark.chars() {
        let (_, c) = rest.next()?;
        if c.to_lowercase().next() != wanted.to_lowercase().next() {
            return None;
        }
    }
    Some(rest.next().map_or(text.len(), |(i, _)| i))
}

fn split(text: &str, range: Range<usize>, place: EvidenceSection, found: &mut Vec<Sentence>) {
    let body = &text[range.clone()];
    let mut start = 0;
    let mut line_start = 0;
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let end = at + c.len_utf8();
        let ends = match c {
            '。' | '！' | '？' | '!' | '?' | '｡' => !chars.peek().is_some_and(|(_, n)| is_inner(*n)),
            '\n' => {
                let ends = line_ends_sentence(&body[line_start..at], &body[end..]);
                line_start = end;
                ends
            }
            _ => false,
        };
        if ends {
            push_trimmed(text, range.start + start..range.start + end, place, found);
            start = end;
        }
    }
    push_trimmed(text, range.start + start..range.end, place, found);
}

/// After a full stop these belong to the same sentence still: 「…です。」と…, "?!", "v1.2?id=3".
fn is_inner(next: char) -> bool {
    matches!(next, '」' | '』' | '）' | ')' | '！' | '？' | '!' | '?' | '。' | '=' | '&')
        || next.is_ascii_alphanumeric()
}

fn line_ends_sentence(line: &str, rest: &str) -> bool {
    let line = line.trim_end();
    let next = rest.split('\n').next().unwrap_or_default();
    if line.trim().is_empty()
        || next.trim().is_empty()
        || starts_item(next)
        || next.starts_with(['\u{3000}', ' ', '\t'])
    {
        return true;
    }
    let Some(last) = line.chars().next_back() else { return true };
    if matches!(last, '、' | ',' | '，' | 'は' | 'が' | 'を' | 'に' | 'で' | 'と' | 'の' | 'へ' | 'も') {
        return false;
    }
    ends_like_a_sentence(line) || columns(line) < WRAPPED_COLUMNS
}

/// The line ends in a form that closes a Japanese clause.
fn ends_like_a_sentence(line: &str) -> bool {
    const FORMS: [&str; 18] = [
        "。",
        "！",
        "？",
        "!",
        "?",
        "：",
        ":",
        "」",
        "ます",
        "です",
        "ません",
        "ました",
        "でした",
        "ください",
        "下さい",
        "か",
        "たい",
        "ない",
    ];
    FORMS.iter().any(|form| line.ends_with(form))
}

/// A list item: 「・」「(1)」「①」「1.」…
fn starts_item(line: &str) -> bool {
    let line = line.trim_start();
    let mut chars = line.chars();
    match chars.next() {
        Some(
            '・' | '-' | '*' | '●' | '○' | '〇' | '■' | '□' | '◆' | '◇' | '▼' | '※' | '→' | '>' | '【' | '＜' | '［'
            | '[',
        ) => true,
        Some('①'..='⑳' | '⑴'..='⒇' | 'Ⅰ'..='Ⅻ') => true,
        Some('(' | '（') => chars.next().is_some_and(|c| c.is_numeric()),
        Some(c) if c.is_numeric() => {
            chars.next().is_some_and(|c| matches!(c, '.' | '．' | ')' | '）' | '、' | ':' | '：'))
        }
        _ => false,
    }
}

fn columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

fn push_trimmed(text: &str, range: Range<usize>, place: EvidenceSection, found: &mut Vec<Sentence>) {
    let piece = &text[range.clone()];
    let trimmed = piece.trim();
    if trimmed.is_empty() {
        return;
    }
    let start = range.start + (piece.len() - piece.trim_start().len());
    let question = asks(trimmed);
    found.push(Sentence { place, start, end: start + trimmed.len(), question });
}

/// What asks or requests.
static SIGNS: WordSet = WordSet::of(&[
    "？",
    "ですか",
    "ますか",
    "でしょうか",
    "ませんか",
    "いただけ",
    "頂け",
    "教えて",
    "ご教示",
    "ご教授",
    "知りたい",
    "お願い",
    "ください",
    "下さい",
    "お知らせ",
    "可能か",
    "伺い",
    "うかがい",
    "ほしい",
    "欲しい",
    "確認したい",
    "のか",
    "どうすれば",
    "かどうか",
]);
/// The same, in any case of their letters.
static ENGLISH_SIGNS: WordSet = WordSet::of(&["please", "how ", "could ", "can we", "can you"]);

/// Does the sentence ask or request?
fn asks(sentence: &str) -> bool {
    let english = || sentence.bytes().fold(false, |any, byte| any | byte.is_ascii_alphabetic());
    sentence.contains('?')
        || SIGNS.is_in(sentence)
        || (english() && ENGLISH_SIGNS.is_in(&sentence.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::inquiry::Section;

    fn texts(body: &str) -> Vec<String> {
        let sections = vec![Section { kind: SectionKind::Body, start: 0, end: body.len() }];
        let inquiry = Inquiry { text: body.into(), sections, ..Inquiry::default() };
        sentences(&inquiry).iter().map(|s| inquiry.text[s.start..s.end].to_string()).collect()
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        let cases: &[(&str, &[&str])] = &[
            ("アプリが落ちます。再起動しました。", &["アプリが落ちます。", "再起動しました。"]),
            ("アプリが落ちます\n再起動しました\n直りません", &["アプリが落ちます", "再起動しました", "直りません"]),
            (
                "端末の初期化を行ったところ、管理画面に表示されていた端末情報\nが消えました。",
                &["端末の初期化を行ったところ、管理画面に表示されていた端末情報\nが消えました。"],
            ),
            ("機種は次のとおりです\n・iPhone 13\n・Pixel 8", &["機種は次のとおりです", "・iPhone 13", "・Pixel 8"]),
            ("「できません。」と出ます。", &["「できません。」と出ます。"]),
            ("https://example.jp/?id=3 を見ました", &["https://example.jp/?id=3 を見ました"]),
            ("本当ですか?!\n\n困ります", &["本当ですか?!", "困ります"]),
            ("", &[]),
        ];
        for (body, expected) in cases {
            assert_eq!(texts(body), *expected, "{body:?}");
        }
    }

    #[test]
    fn it_is_known_who_speaks() {
        use SectionKind::{Body, Closing, Forwarded, Greeting, Quoted};
        let cases: &[(&str, &[SectionKind], Voice)] = &[
            ("", &[Greeting, Body, Quoted], Voice::Own),
            ("Fwd: 契約", &[Body, Forwarded], Voice::Own),
            ("Fwd: 契約", &[Greeting, Forwarded, Closing], Voice::Forwarded),
            ("", &[Forwarded], Voice::Forwarded),
            ("契約", &[Greeting], Voice::Own),
            ("契約", &[Quoted], Voice::Own),
            ("契約", &[], Voice::Own),
            ("Re: 契約", &[Greeting, Quoted], Voice::Nobody),
            ("Fwd: 契約", &[], Voice::Nobody),
            ("", &[Greeting, Closing], Voice::Nobody),
        ];
        for (subject, kinds, expected) in cases {
            let text = "字".repeat(kinds.len());
            let section = |(n, kind): (usize, &SectionKind)| Section { kind: *kind, start: n * 3, end: n * 3 + 3 };
            let sections = kinds.iter().enumerate().map(section).collect();
            let inquiry = Inquiry { subject: (*subject).into(), text, sections, ..Inquiry::default() };
            assert_eq!(voice(&inquiry), *expected, "{subject} {kinds:?}");
        }
        let sections = vec![Section { kind: Body, start: 0, end: 5 }];
        let rule = Inquiry { text: "-----".into(), sections, ..Inquiry::default() };
        assert_eq!(voice(&rule), Voice::Nobody);
    }

    #[test]
    fn the_subject_is_read_without_its_reply_marks() {
        let cases =
            [("Re: RE：Fwd: 件名", "件名"), ("【転送】返信: 契約", "契約"), ("Return の件", "Return の件"), ("", "")];
        for (subject, rest) in cases {
            assert_eq!(&subject[subject_start(subject)..], rest);
        }
    }

    #[test]
    fn a_request_is_a_question() {
        let cases = [
            ("手順を教えてください", true),
            ("可能でしょうか", true),
            ("確認しました。", false),
            ("How do I enroll?", true),
        ];
        for (sentence, expected) in cases {
            assert_eq!(asks(sentence), expected, "{sentence}");
        }
    }
}

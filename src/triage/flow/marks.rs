//! What stands where: a mail cut into pieces that say one thing each, and the words found in a piece.

use super::StepKind;
use super::words::{FlowBook, Meaning, can_stand_behind};
use crate::triage::decision::EvidenceSection;
use crate::triage::fold::{Folded, is_japanese};
use crate::triage::inquiry::{Inquiry, SectionKind};
use crate::triage::sentence::{Sentence, sentences, subject_start};

/// A sentence, or one answer of a line with several: 「1 はい 2 いいえ」 is two.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Piece {
    /// Folded.
    pub text: String,
    /// Places in our last mail that it answers, counted from 0.
    pub places: Vec<usize>,
    /// It is an item of a list.
    pub item: bool,
    /// It asks or requests.
    pub question: bool,
    /// The quoted line that it stands below, folded.
    pub above: String,
    /// A box stands before it, ticked or empty.
    pub ticked: Option<bool>,
}

/// A word that means something, at bytes `start..end` of its piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub start: usize,
    pub end: usize,
    pub meaning: Meaning,
}

/// The pieces of what the customer wrote today: a new subject, and the body; the subject of an answer without a body.
pub fn pieces(inquiry: &Inquiry) -> Vec<Piece> {
    let mut found = Vec::new();
    if inquiry.text.trim().is_empty() {
        push_line(&inquiry.subject[subject_start(&inquiry.subject)..], &mut found);
        return found;
    }
    let all = sentences(inquiry);
    for sentence in &all {
        let quoted = if sentence.place == EvidenceSection::Subject { None } else { question_above(inquiry, sentence) };
        let text = sentence.text(inquiry);
        let before = found.len();
        push_line(text, &mut found);
        for piece in &mut found[before..] {
            let Some((place, line)) = quoted.as_ref().filter(|_| piece.places.is_empty()) else { continue };
            piece.places.extend(place);
            piece.above.clone_from(line);
        }
    }
    found
}

/// The quoted question that the sentence stands below, if it is an answer between quoted lines: its number, and its
/// words.
fn question_above(inquiry: &Inquiry, sentence: &Sentence) -> Option<(Option<usize>, String)> {
    let own = inquiry.sections.iter().position(|s| s.start <= sentence.start && sentence.start < s.end)?;
    let above = inquiry.sections[..own].iter().rev().find(|s| s.kind == SectionKind::Quoted)?;
    if inquiry.sections[..own].iter().rev().take_while(|s| s.kind != SectionKind::Quoted).count() > 0 {
        return None;
    }
    let lines = inquiry.section_text(above).lines();
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches(['>', '＞', '|', ' ', '\u{3000}'])).collect();
    let numbers: Vec<usize> = lines.iter().filter_map(|line| places(line)?.0.first().copied()).collect();
    // Several questions above one answer: it answers them all, unless answers stand between others.
    let between = inquiry.sections.iter().filter(|s| s.kind == SectionKind::Quoted).count() > 1;
    let number = numbers.last().copied().filter(|_| between || numbers.len() == 1);
    let last = lines.iter().rev().find(|line| !line.trim().is_empty()).filter(|_| between).copied();
    let mut words = Folded::default();
    words.push(last.unwrap_or_default(), 0);
    Some((number, words.text))
}

/// Cuts a line at the places it names, then at ends of sentences that have no full stop (spoken mail).
fn push_line(text: &str, found: &mut Vec<Piece>) {
    let text = text.trim().trim_matches('|').trim();
    let before = found.len();
    let ticked = match text.chars().next() {
        Some('☑' | '✓' | '✔' | '✅' | '☒') => Some(true),
        Some('☐' | '▢') => Some(false),
        _ if text.starts_with("[x]") || text.starts_with("[X]") => Some(true),
        _ if text.starts_with("[ ]") => Some(false),
        _ => None,
    };
    push_places(text, found);
    for piece in &mut found[before..] {
        piece.ticked = ticked;
    }
}

fn push_places(text: &str, found: &mut Vec<Piece>) {
    let bullet = text.starts_with([
        '・', '-', '*', '●', '○', '■', '□', '◆', '◇', '※', '→', '+', '✓', '✔', '☑', '☐', '▢', '✅', '☒', '[',
    ]);
    let body =
        if bullet { text.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '「' && c != '（') } else { text };
    let Some((first, rest)) = places(body) else {
        return push_spoken(body, &[], bullet, found);
    };
    let (mut now, mut rest) = (first, rest);
    while let Some((cut, next, behind)) = next_place(rest, now.last().copied()) {
        push_spoken(&rest[..cut], &now, true, found);
        (now, rest) = (next, behind);
    }
    push_spoken(rest, &now, true, found);
}

/// The next place named inside a line: behind a space or a comma, or the number that follows the last one
/// (「1はい2いいえ」).
fn next_place(text: &str, last: Option<usize>) -> Option<(usize, Vec<usize>, &str)> {
    let mut before = None;
    text.char_indices().find_map(|(at, c)| {
        let previous = before.replace(c)?;
        let border = previous.is_whitespace() || matches!(previous, '、' | ',' | '，' | '/' | '／' | '。');
        let follows = number(c).is_some_and(|n| last.is_some_and(|last| n == last + 1)) && !previous.is_ascii();
        if !border && !follows {
            return None;
        }
        let (places, rest) = places(&text[at..])?;
        Some((at, places, rest))
    })
}

/// The places that a line begins with (`1.` `②` `(3)` `1、2：` `1番`), counted from 0, and what stands behind them.
fn places(text: &str) -> Option<(Vec<usize>, &str)> {
    let mut rest = text.trim_start();
    for word in ["項番", "手順", "質問", "設問", "ステップ", "No.", "no.", "NO.", "＃", "#"] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest = rest.trim_start_matches(['(', '（', '【', '[', '［', '<', '＜', '〈']);
    let mut found = Vec::new();
    loop {
        let digit = rest.chars().next()?;
        if let Some((ten, behind)) = two_digits(rest) {
            found.push(ten);
            rest = behind;
            match rest.starts_with(|c: char| number(c).is_some()) {
                true => continue,
                false => return Some((found, rest)),
            }
        }
        let written = kanji_number(digit).filter(|_| !found.is_empty() || stands_for_place(&rest[digit.len_utf8()..]));
        found.push(number(digit).or(written)?);
        rest = &rest[digit.len_utf8()..];
        let circled = written.is_some() || !digit.is_numeric() || ('①'..='⑳').contains(&digit);
        let behind = rest.trim_start_matches(['番', ' ', '　', '目']);
        let joint = behind.strip_prefix(['、', ',', '，', '・', 'と', '&', '/', '／', '～', '〜', '~', '-']);
        let joint = joint.map(str::trim_start).filter(|next| {
            next.chars().next().is_some_and(|c| {
                number(c).is_some()
                    || (kanji_number(c).is_some() && written.is_some() && stands_for_place(&next[c.len_utf8()..]))
            })
        });
        match joint {
            Some(next) => {
                let range = behind.starts_with(['～', '〜', '-', '~']);
                let last = next.chars().next().and_then(number).filter(|_| range);
                let from = found.last().copied().unwrap_or_default();
                found.extend(last.into_iter().flat_map(|last| from + 1..last));
                rest = next;
            }
            None => return ends_place(rest, circled || found.len() > 1).map(|rest| (found, rest)),
        }
    }
}

/// 「10)」「11：」, counted from 0.
fn two_digits(text: &str) -> Option<(usize, &str)> {
    let mut chars = text.chars();
    let (ten, one) = (chars.next().filter(|c| matches!(c, '1' | '１'))?, chars.next()?);
    let one = if matches!(one, '0' | '０') { 0 } else { number(one).filter(|_| !('①'..='⑳').contains(&one))? + 1 };
    let rest = chars.as_str();
    let behind = rest.trim_start().strip_prefix([')', '）', ':', '：', '】', ']', '］'])?;
    Some((number(ten)? + 9 + one, behind.trim_start()))
}

/// What follows a place, if it can follow one: 「1台」 and 「1.5」 are amounts.
fn ends_place(rest: &str, sure: bool) -> Option<&str> {
    const UNITS: &str = "台つ回個日月年時分秒人本度階件枚代名割円かヶカ箇歳社通週点式%％往";
    let Some(next) = rest.chars().next() else { return Some(rest) };
    let cut = |rest: &'_ str| -> usize {
        let marks = [
            '.', '．', ')', '）', '、', ':', '：', '】', ']', '］', '>', '＞', '番', '目', ' ', '\u{3000}', '→', '-',
            '=', '…',
        ];
        rest.len() - rest.trim_start_matches(marks).len()
    };
    let inner = rest.trim_start_matches(['.', '．']);
    let decimal = inner.len() < rest.len() && inner.starts_with(|c: char| c.is_ascii_digit());
    match next {
        _ if decimal || next.is_ascii_digit() => None,
        _ if sure => Some(&rest[cut(rest)..]),
        _ if UNITS.contains(next) || next.is_ascii_alphabetic() => None,
        _ => Some(&rest[cut(rest)..]),
    }
}

fn number(c: char) -> Option<usize> {
    let n = match c {
        '1'..='9' => c as u32 - '1' as u32,
        '１'..='９' => c as u32 - '１' as u32,
        '①'..='⑨' => c as u32 - '①' as u32,
        '⑴'..='⑼' => c as u32 - '⑴' as u32,
        _ => return None,
    };
    usize::try_from(n).ok()
}

/// 一、二、三
fn kanji_number(c: char) -> Option<usize> {
    "一二三四五六七八九".chars().position(|known| known == c)
}

/// What can follow a place written in kanji: 「一、」「二：」「三番の」「一と二は」, but not 「一度」「三毛」.
fn stands_for_place(rest: &str) -> bool {
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some('、' | '．' | '：' | ':' | '）' | ')' | '.' | 'は' | 'を' | 'も' | '\u{3000}' | ' '), _) => true,
        (Some('番'), Some('の' | 'は' | 'も' | '目' | 'を' | '、')) => true,
        (Some('と' | '・'), Some(next)) => kanji_number(next).is_some(),
        _ => false,
    }
}

/// Spoken mail has no full stops: after 「ました」 and its kin a new sentence begins, unless a particle follows.
fn push_spoken(text: &str, places: &[usize], item: bool, found: &mut Vec<Piece>) {
    const ENDINGS: [&str; 6] = ["ました", "ません", "でした", "ます", "です", "ください"];
    const GO_ON: &str = "｡､がけのでしかねよとたらもゆ、。,.，．!！?？（(）)「」『』っ〜ー…→：:\n";
    let mut start = 0;
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let end = ENDINGS.iter().find(|e| text[at..].starts_with(**e)).map(|e| at + e.len());
        match end {
            None if matches!(c, '。' | '！' | '？') && cuts(&text[start..at], &text[at + c.len_utf8()..]) => {
                at += c.len_utf8();
                push(&text[start..at], places, item, found);
                start = at;
            }
            None if at > start && names_step(&text[at..]) => {
                push(&text[start..at], places, item, found);
                (start, at) = (at, at + c.len_utf8());
            }
            None if text[at..].starts_with(". ") => {
                push(&text[start..at], places, item, found);
                (start, at) = (at + 1, at + 1);
            }
            Some(end)
                if text[end..].chars().next().is_some_and(|c| !GO_ON.contains(c))
                    && !text[end..].starts_with("ませ") =>
            {
                push(&text[start..end], places, item, found);
                (start, at) = (end, end);
            }
            _ => at += c.len_utf8(),
        }
    }
    push(&text[start..], places, item, found);
}

/// 「 Q3」: the next answer of the line.
fn names_step(text: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit() || ('０'..='９').contains(&c);
    text.strip_prefix([' ', '\u{3000}', '、', '，'])
        .and_then(|rest| rest.strip_prefix(['Q', 'q', 'Ｑ', 'ｑ']))
        .is_some_and(|rest| rest.starts_with(digit))
}

/// A full stop ends what stands before it, unless brackets are open there or close behind it.
fn cuts(before: &str, behind: &str) -> bool {
    let open = |open: char, close: char| before.matches(open).count() > before.matches(close).count();
    !open('「', '」') && !open('（', '）') && behind.starts_with(|c: char| c.is_ascii_alphanumeric())
}

fn push(text: &str, places: &[usize], item: bool, found: &mut Vec<Piece>) {
    let mut folded = Folded::default();
    folded.push(&apart(text), 0);
    let text = folded.text.trim().to_owned();
    if !text.is_empty() {
        let question = asks(&text);
        found.push(Piece { text, places: places.to_vec(), item, question, ..Piece::default() });
    }
}

/// Blanks between Japanese words set apart what folding would join: 「再起動　済」, 「やった　だめ」.
fn apart(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let before = out.chars().next_back();
        let blank = matches!(c, ' ' | '\u{3000}' | '\t');
        let between = before.is_some_and(is_word) && chars.peek().is_some_and(|next| is_word(*next));
        let joined = before
            .is_some_and(|c| "のはにがをもへでと".contains(c) || ('ァ'..='ー').contains(&c) || ('ｦ'..='ﾟ').contains(&c));
        match (blank && between && !joined, before) {
            (true, Some('ぁ'..='ん')) => out.push('、'),
            (true, _) => out.push(':'),
            _ => out.push(c),
        }
    }
    out
}

/// Kana, kanji and brackets.
fn is_word(c: char) -> bool {
    (is_japanese(c) && !matches!(c, '\u{3000}'..='\u{3002}' | '・' | '：' | '！' | '？')) || matches!(c, '「' | '」')
}

/// Requests count less here than in rules: 「再起動しました、次を教えてください」 tells what was done.
fn asks(folded: &str) -> bool {
    let end = folded.trim_end_matches(['。', '.', '!', ' ']);
    ["?", "か", "かな", "かね", "かしら", "でしょう"].iter().any(|ending| end.ends_with(ending))
}

/// Everything that is found in a piece, from left to right, what is meant of a step before what is meant of any, the
/// longest first; what is covered by a word that counts
/// does not count itself.
pub(super) fn marks(piece: &str, book: &FlowBook, asked: &[usize]) -> Vec<Mark> {
    let mut found: Vec<Mark> = Vec::new();
    for (meaning, regex) in &book.patterns {
        let stands = |at: usize| !matches!(meaning, Meaning::Place(_)) || can_stand_behind(&piece[..at]);
        let hits = regex.find_iter(piece).filter(|hit| !hit.is_empty() && stands(hit.start()));
        found.extend(hits.map(|hit| Mark { start: hit.start(), end: hit.end(), meaning: *meaning }));
    }
    found.sort_by_key(|mark| (mark.start, rank(mark.meaning, book, asked), std::cmp::Reverse(mark.end)));
    found
}

fn rank(meaning: Meaning, book: &FlowBook, asked: &[usize]) -> u8 {
    match meaning {
        Meaning::Nothing | Meaning::Place(_) | Meaning::Last | Meaning::Half(_) => 0,
        Meaning::Group(group) if book.flow.groups[group].all => 0,
        Meaning::Word(step, _) if asked.contains(&step) => 0,
        // Of the check that we asked for is said what names another one, too.
        Meaning::AskedTopic(step) if asked.contains(&step) && book.flow.steps[step].kind == StepKind::Check => 0,
        Meaning::Topic(_) | Meaning::AskedTopic(_) | Meaning::Group(_) | Meaning::Says(..) | Meaning::Word(..) => 1,
        _ => 2,
    }
}

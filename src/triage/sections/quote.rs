//! Earlier mails in a text: quoted line by line, or put below their header lines.
//!
//! One sign alone is never enough to cut a text to its end (a `From:` may stand in prose, a `-----` between topics).

use std::borrow::Cow;

use super::Hints;
use super::lines::{Line, is_prose, is_rule};
use crate::triage::inquiry::SectionKind;

pub fn mark(lines: &mut [Line], hints: &Hints) {
    marked_lines(lines, hints);
    for at in 0..lines.len() {
        if lines[at].is_own() && !attribution(lines, at) {
            header_block(lines, at, hints);
        }
    }
}

/// Lines in ranges that HTML marks, and lines that begin with a quote sign.
fn marked_lines(lines: &mut [Line], hints: &Hints) {
    let mut ranges = hints.quoted.iter().peekable();
    for line in lines.iter_mut().filter(|l| !l.is_blank()) {
        while ranges.next_if(|r| r.end <= line.start).is_some() {}
        let inside = ranges.peek().is_some_and(|r| r.start <= line.start);
        if inside && hints.forwarded {
            line.found = Some(SectionKind::Forwarded);
        } else if inside || line.text.starts_with(['>', '＞']) {
            line.found = Some(SectionKind::Quoted);
        }
    }
}

/// `2026年11月22日(日) 10:00 山田 <a@b.example>:` above a quote, also wrapped into two lines.
fn attribution(lines: &mut [Line], at: usize) -> bool {
    let (text, last) = match wrapped(lines, at) {
        Some(text) => (Cow::Owned(text), at + 1),
        None => (Cow::Borrowed(lines[at].text), at),
    };
    if text.len() > 400 || !text.ends_with([':', '：']) {
        return false;
    }
    let forward = says_forward(&text);
    let sign = forward || has_date(&text) || has_address(&text) || says_wrote(&text);
    // without marks below, only these say that all the rest is quoted
    let enough = has_date(&text) && (has_address(&text) || text.contains("wrote") || text.contains("書きました"));
    let kind = if forward { SectionKind::Forwarded } else { SectionKind::Quoted };
    let quote = lines.iter().skip(last + 1).position(|l| !l.is_blank()).map(|n| last + 1 + n);
    let end = match quote {
        Some(quote) if lines[quote].is_quote() && sign => {
            let run = lines[quote..].iter().take_while(|l| l.is_quote() || l.is_blank()).count();
            if forward { quote + run } else { last + 1 }
        }
        Some(quote) if enough => run_of_named_marks(lines, quote).unwrap_or(lines.len()),
        _ => return false,
    };
    set(&mut lines[at..end], kind);
    true
}

/// A line with a date, and the next one, where the attribution may go on.
fn wrapped(lines: &[Line], at: usize) -> Option<String> {
    let first = lines[at].text;
    let open = !first.ends_with([':', '：']) && has_date(first) && !is_prose(first);
    let second = lines.get(at + 1).filter(|l| open && l.is_own())?;
    Some(format!("{first} {}", second.text))
}

/// Lines `名前> 本文` or `| 本文`: the end of their run.
fn run_of_named_marks(lines: &[Line], from: usize) -> Option<usize> {
    let mark = named_mark(lines[from].text)?;
    let marked = |l: &&Line| l.is_blank() || named_mark(l.text) == Some(mark);
    Some(from + lines[from..].iter().take_while(marked).count())
}

fn named_mark(text: &str) -> Option<&str> {
    if text.starts_with(['|', '｜']) {
        return text.chars().next().map(|c| &text[..c.len_utf8()]);
    }
    let (name, _) = text.split_once(['>', '＞'])?;
    (name.chars().count() <= 10 && !name.contains(char::is_whitespace)).then_some(name)
}

/// `-----Original Message-----`, `差出人: … 送信日時: … 件名: …`: what follows is the other mail, to the end.
fn header_block(lines: &mut [Line], at: usize, hints: &Hints) {
    let title = is_title(lines[at].text);
    let first = if title || is_rule(lines[at].text) { at + 1 } else { at };
    let (keys, sender, end) = keys(lines, first);
    let enough = match title {
        true => keys >= 1,
        false => keys >= 3 && sender && (hints.forwarded || lines[..at].iter().any(Line::is_own)),
    };
    if !enough {
        return;
    }
    let forward = hints.forwarded || says_forward(lines[at].text);
    let kind = if forward { SectionKind::Forwarded } else { SectionKind::Quoted };
    let below = lines.iter().skip(end).position(|l| !l.is_blank()).map(|n| end + n);
    // if the mail below is marked line by line, unmarked lines between are answers
    let end = if below.is_some_and(|b| lines[b].is_quote()) { end } else { lines.len() };
    set(&mut lines[at..end], kind);
}

fn set(lines: &mut [Line], kind: SectionKind) {
    for line in lines.iter_mut().filter(|l| !l.is_blank()) {
        line.found = Some(kind);
    }
}

/// Header lines from `at` on, one continuation line each: (how many different ones, is the sender among them, end).
fn keys(lines: &[Line], at: usize) -> (usize, bool, usize) {
    let mut seen: Vec<&str> = Vec::new();
    let mut end = at;
    let mut continued = false;
    for (index, line) in lines.iter().enumerate().skip(at).take(12) {
        match header_key(line.text) {
            Some(key) if line.is_own() => {
                seen.push(key);
                end = index + 1;
                continued = false;
            }
            _ if line.is_blank() && seen.is_empty() => {}
            _ if line.is_blank() || continued || seen.is_empty() || !line.is_own() => break,
            _ => continued = true,
        }
    }
    let sender = seen.iter().any(|k| SENDERS.contains(k));
    seen.sort_unstable();
    seen.dedup();
    (seen.len(), sender, end)
}

const SENDERS: &[&str] = words!("from" "差出人" "送信者" "発信者");
const KEYS: &[&str] = words!(
    "sent" "date" "to" "cc" "bcc" "subject" "reply-to" "importance" "attachments" "送信日時" "送信日" "受信日時"
    "日付" "日時" "宛先" "件名" "表題" "題名" "添付ファイル" "重要度" "返信先" "ｃｃ"
);

/// The header a line states, if it does; key words may be padded (`件　名：`).
fn header_key(text: &str) -> Option<&'static str> {
    const LONGEST: usize = 40;
    let beginning = &text[..text.floor_char_boundary(LONGEST + '：'.len_utf8())];
    let end = beginning.find([':', '：']).filter(|end| *end <= LONGEST)?;
    let key: String =
        text[..end].chars().filter(|c| !c.is_whitespace() && *c != '*').collect::<String>().to_ascii_lowercase();
    SENDERS.iter().chain(KEYS).find(|k| **k == key).copied()
}

/// `-----Original Message-----`: dashes around words that say so, or Apple Mail's line.
fn is_title(text: &str) -> bool {
    const TITLES: &[&str] = words!(
        "original message" "forwarded message" "begin forwarded message" "元のメッセージ" "元のメール"
        "転送メッセージ" "転送されたメッセージ" "転送メール" "転送"
    );
    let inner = text.trim_matches(['-', '=', '_', '*', '－', '─', '━', '―', '>', ' ', ':', '：', '　']);
    inner.len() < text.len() && inner.len() <= 40 && TITLES.contains(&inner.to_ascii_lowercase().as_str())
}

fn says_forward(text: &str) -> bool {
    text.contains("転送") || text.to_ascii_lowercase().contains("forward")
}

fn says_wrote(text: &str) -> bool {
    const WROTE: &[&str] = words!("wrote" "writes" "書きました" "書いた" "のメール" "のメッセージ" "より");
    let text = text.trim_end_matches([':', '：', ' ']);
    WROTE.iter().any(|w| text.ends_with(w))
}

fn has_address(text: &str) -> bool {
    let inside = text.split(['<', '＜']).skip(1).filter_map(|p| p.split(['>', '＞']).next());
    inside.into_iter().any(|a| a.contains('@'))
}

/// A year with month, or an English month with year.
fn has_date(text: &str) -> bool {
    const MONTHS: &[&str] = words!("jan" "feb" "mar" "apr" "may" "jun" "jul" "aug" "sep" "oct" "nov" "dec");
    if !text.contains("20") {
        return false;
    }
    let year = text.match_indices("20").any(|(at, _)| {
        let rest = text[at + 2..].trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = text.len() - at - rest.len();
        digits == 4 && rest.starts_with(['年', '/', '-', '.'])
    });
    let lower = || text.to_ascii_lowercase();
    year || (text.contains(" 20") && MONTHS.iter().any(|m| lower().contains(m)))
}

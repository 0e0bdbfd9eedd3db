//! A text as lines, and what has been found out about each.

use crate::triage::inquiry::SectionKind;

#[derive(Debug, Clone)]
pub struct Line<'t> {
    /// Byte offset of its first character.
    pub start: usize,
    /// Byte offset after its line end.
    pub end: usize,
    /// Without surrounding white space.
    pub text: &'t str,
    /// Byte offset after `text`.
    pub text_end: usize,
    /// What it is, once known.
    pub found: Option<SectionKind>,
    /// Up to here it is a greeting; `start` if it is not.
    pub greeting_end: usize,
}

impl Line<'_> {
    pub fn is_blank(&self) -> bool {
        self.text.is_empty()
    }

    pub fn kind(&self) -> SectionKind {
        self.found.unwrap_or(SectionKind::Body)
    }

    /// Says something, and nobody knows yet what it is.
    pub fn is_own(&self) -> bool {
        self.found.is_none() && !self.is_blank()
    }

    pub fn is_quote(&self) -> bool {
        matches!(self.found, Some(SectionKind::Quoted | SectionKind::Forwarded))
    }
}

/// All lines of a text.
pub fn of(text: &str) -> Vec<Line<'_>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let end = start + line.len();
            let text_end = start + line.trim_end().len();
            let line = Line { start, end, text: line.trim(), text_end, found: None, greeting_end: start };
            start = end;
            line
        })
        .collect()
}

/// Indices of the lines the customer wrote, in runs that no quote interrupts.
pub fn own_runs(lines: &[Line]) -> Vec<Vec<usize>> {
    let mut runs = vec![Vec::new()];
    for (index, line) in lines.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if line.is_own() => run.push(index),
            Some(run) if line.is_quote() && !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// A line of nothing but rule characters: `-----`, `━━━━`, `** * **`.
pub fn is_rule(text: &str) -> bool {
    let mut count = 0;
    let only = text.chars().filter(|c| !c.is_whitespace()).all(|c| {
        count += 1;
        draws(c)
    });
    only && (count >= 3 || is_delimiter(text))
}

#[rustfmt::skip]
fn draws(c: char) -> bool {
    matches!(
        c,
        '-' | '=' | '*' | '_' | '~' | '#' | '+' | '/' | '━' | '─' | '═' | '―' | '＝' | '－' | '＿' | '＊' | '◇' | '◆' | '■'
        | '□' | '☆' | '★' | ':' | '…' | '┏' | '┓' | '┗' | '┛' | '╋' | '┃' | '┣' | '┫' | '┳' | '┻' | 'ー' | '・'
    )
}

/// The delimiter of mail signatures (`-- `), also as gateways and people change it.
pub fn is_delimiter(text: &str) -> bool {
    matches!(text, "--" | "- -" | "－－" | "――" | "──")
}

/// Does it read like a sentence?
pub fn is_prose(text: &str) -> bool {
    const ENDS: &[&str] = words!(
        "です" "ます" "ません" "ました" "でした" "ください" "下さい" "でしょうか" "ですか" "ますか" "ない" "ている"
        "たい" "ましょう"
    );
    let end = text.trim_end_matches(['！', '!', '）', ')', '」', '♪']);
    text.contains(['。', '？', '?']) || ENDS.iter().any(|e| end.ends_with(e))
}

//! Which words of a text did the customer write today?
//!
//! Everything else is found, kept and shown, but does not vote. In doubt a line stays body: a greeting too many in the
//! body costs nothing, a question lost in a "signature" costs the customer an answer.
//!
//! Order matters: quotes first (`quote`), then what gateways put in (`notice`), then the end (`ending`) and the
//! beginning (`greeting`) of what is left.

/// A word list, several to the line.
macro_rules! words {
    ($($word:literal)*) => { &[$($word),*] };
}

mod ending;
mod greeting;
mod lines;
mod notice;
mod quote;
mod vocabulary;

use std::ops::Range;

use self::lines::Line;
use super::inquiry::{Section, SectionKind};

/// What is known about a text beyond its characters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints<'a> {
    /// Byte ranges that HTML marks as quoted; sorted, on line borders.
    pub quoted: &'a [Range<usize>],
    /// The subject says that the mail was forwarded: a mail below header lines is then [`SectionKind::Forwarded`].
    pub forwarded: bool,
}

/// Divides a text. The sections cover it completely, in order, without overlap, on character borders; neighbours
/// differ in kind. A forward without own words has no body: the caller decides what that means.
pub fn split(text: &str, hints: &Hints) -> Vec<Section> {
    let mut lines = lines::of(text);
    quote::mark(&mut lines, hints);
    notice::mark(&mut lines);
    ending::mark(&mut lines);
    greeting::mark(&mut lines);
    assemble(&lines)
}

/// Lines → sections. Empty lines belong to what stands above them.
fn assemble(lines: &[Line]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in lines {
        if line.greeting_end > line.start {
            push(&mut sections, SectionKind::Greeting, line.start..line.greeting_end);
        }
        let above = sections.last().map(|s| s.kind);
        let kind = if line.is_blank() { above } else { Some(line.kind()) };
        let kind = kind.or_else(|| lines.iter().find(|l| !l.is_blank()).map(first_kind)).unwrap_or(SectionKind::Body);
        push(&mut sections, kind, line.greeting_end..line.end);
    }
    sections
}

fn first_kind(line: &Line) -> SectionKind {
    if line.greeting_end > line.start { SectionKind::Greeting } else { line.kind() }
}

fn push(sections: &mut Vec<Section>, kind: SectionKind, range: Range<usize>) {
    match sections.last_mut() {
        Some(last) if last.kind == kind => last.end = range.end,
        _ if range.is_empty() => {}
        _ => sections.push(Section { kind, start: range.start, end: range.end }),
    }
}

#[cfg(test)]
mod tests;

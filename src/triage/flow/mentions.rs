//! Which words of a mail are about which step, cut out for [`super::weigh`].

use std::collections::BTreeSet;

use super::Flow;
use super::marks::{Mark, Piece};
use super::words::Meaning;

/// Where a mail speaks of one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mention {
    /// From a little before its name up to the next name.
    pub near: Vec<String>,
    /// The sentences behind, as long as they name no step.
    pub behind: Vec<String>,
    /// What named it.
    pub by: BTreeSet<&'static str>,
}

impl Mention {
    pub fn is_none(&self) -> bool {
        self.near.is_empty()
    }
}

/// So many characters before a name belong to it: 「まだ」 of 「まだ再起動は」.
const BEFORE: usize = 6;
/// The same where another name stands before in the piece.
const BETWEEN: usize = 3;
/// Names so few bytes apart share what follows: 「ファイルと電源」.
const JOINED: usize = 6;
/// So many sentences behind are kept.
const BEHIND: usize = 3;

/// Names next to each other, at bytes of their piece.
struct Names {
    start: usize,
    end: usize,
    steps: Vec<usize>,
    all: bool,
}

/// The mentions of each step. `placed` tells the steps that the places before a piece stand for.
pub(super) fn mentions<'a>(
    pieces: impl Iterator<Item = (&'a Piece, &'a [Mark])>,
    flow: &Flow,
    asked: &[usize],
    placed: impl Fn(usize) -> Option<usize>,
) -> Vec<Mention> {
    let mut found = vec![Mention::default(); flow.steps.len()];
    let mut open: Vec<usize> = Vec::new();
    for (piece, marks) in pieces {
        let places: Vec<usize> = piece.places.iter().filter_map(|place| placed(*place)).collect();
        for step in &places {
            found[*step].near.push(piece.text.clone());
            found[*step].by.insert("line");
        }
        let names = names(marks, flow, asked, &mut found);
        for (at, name) in names.iter().enumerate() {
            let end = names.get(at + 1).map_or(piece.text.len(), |next| next.start);
            let words = cut(&piece.text, name.start, if at == 0 { BEFORE } else { BETWEEN }, end);
            name.steps.iter().for_each(|step| found[*step].near.push(words.to_owned()));
        }
        match names.last() {
            _ if !places.is_empty() => open = places,
            Some(last) => open.clone_from(&last.steps),
            None => {
                open.iter().for_each(|step| found[*step].behind.push(piece.text.clone()));
            }
        }
    }
    found.iter_mut().for_each(|mention| mention.behind.truncate(BEHIND));
    found
}

fn names(marks: &[Mark], flow: &Flow, asked: &[usize], found: &mut [Mention]) -> Vec<Names> {
    let mut names: Vec<Names> = Vec::new();
    let mut covered = 0;
    for mark in marks {
        let Some((by, steps)) = named(mark.meaning, flow, asked).filter(|_| mark.start >= covered) else { continue };
        covered = mark.end;
        steps.iter().for_each(|step| {
            found[*step].by.insert(by);
        });
        match names.last_mut().filter(|last| !last.all && mark.start <= last.end + JOINED) {
            Some(last) => {
                last.end = mark.end;
                last.steps.extend(steps.iter().filter(|step| !last.steps.contains(step)).collect::<Vec<_>>());
            }
            None => names.push(Names { start: mark.start, end: mark.end, all: by == "all", steps }),
        }
    }
    names
}

/// The steps that a word names, and by what.
fn named(meaning: Meaning, flow: &Flow, asked: &[usize]) -> Option<(&'static str, Vec<usize>)> {
    let found = match meaning {
        Meaning::Topic(step) => ("name", vec![step]),
        Meaning::AskedTopic(step) if asked.contains(&step) => ("weak name", vec![step]),
        Meaning::Group(group) => ("group", flow.groups[group].steps.clone()),
        Meaning::Place(place) => ("place", vec![*asked.get(place)?]),
        Meaning::Last => ("last", vec![*asked.last()?]),
        Meaning::All if !asked.is_empty() => ("all", asked.to_vec()),
        Meaning::Rest if !asked.is_empty() => ("rest", asked.to_vec()),
        Meaning::Says(step, _) => ("statement", vec![step]),
        _ => return None,
    };
    Some(found)
}

/// The text from so many characters before `start` to `end`.
fn cut(text: &str, start: usize, before: usize, end: usize) -> &str {
    let from = text[..start].char_indices().rev().nth(before - 1).map_or(0, |(at, _)| at);
    &text[from..end]
}

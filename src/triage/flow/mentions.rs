//! Which words of a mail are about which step, and what the flow's words in them mean, cut out for [`super::weigh`].

use std::collections::BTreeSet;
use std::ops::Range;

use super::marks::{Mark, Piece};
use super::words::Meaning;
use super::{Claim, Flow};

/// A part of a mail as one step sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Passage {
    pub text: String,
    /// What the flow's words in it mean, in their order.
    pub words: Vec<&'static str>,
    /// It asks or requests.
    pub question: bool,
}

impl Passage {
    /// All of a piece.
    pub(super) fn whole(piece: &Piece, marks: &[Mark], step: usize, asked: &[usize]) -> Passage {
        Passage::cut(piece, marks, 0..piece.text.len(), step, asked)
    }

    fn cut(piece: &Piece, marks: &[Mark], part: Range<usize>, step: usize, asked: &[usize]) -> Passage {
        let text = piece.text.get(part.clone()).unwrap_or_default().to_owned();
        let inside = marks.iter().filter(|mark| part.contains(&mark.start));
        let words = inside.filter_map(|mark| meant(mark.meaning, Some(step), asked)).collect();
        Passage { text, words, question: piece.question }
    }
}

/// What a word means to a step (none: to a mail as a whole); nothing if it answers another one.
pub(super) fn meant(meaning: Meaning, step: Option<usize>, asked: &[usize]) -> Option<&'static str> {
    let named = |named: Option<usize>| if named.is_some() && named == step { "name" } else { "other" };
    let claim = |of: usize, [yes, no, done, unknown]: [&'static str; 4], claim: Claim| {
        let word = match claim {
            Claim::Yes => yes,
            Claim::No => no,
            Claim::Done => done,
            Claim::Unknown => unknown,
        };
        Some(word).filter(|_| step == Some(of))
    };
    let word = match meaning {
        Meaning::Topic(of) | Meaning::AskedTopic(of) => named(Some(of)),
        Meaning::Place(place) => named(asked.get(place).copied()),
        Meaning::Says(of, said) => claim(of, ["says-yes", "says-no", "says-done", "says-unknown"], said)?,
        Meaning::Word(of, said) => claim(of, ["word-yes", "word-no", "word-done", "word-unknown"], said)?,
        Meaning::Group(_) => "group",
        Meaning::Half(_) => "half",
        Meaning::Last => "last",
        Meaning::All => "all",
        Meaning::Rest => "rest",
        Meaning::Same => "same",
        Meaning::Done => "done",
        Meaning::Undone => "undone",
        Meaning::NoEffect => "no-effect",
        Meaning::Still => "still",
        Meaning::Fixed => "fixed",
        Meaning::Unsure => "unsure",
        Meaning::Unclear => "unclear",
        Meaning::Yes => "yes",
        Meaning::No => "no",
        Meaning::Matter => "matter",
        Meaning::Good => "good",
        Meaning::Bad => "bad",
        Meaning::Nothing => "nothing",
    };
    Some(word)
}

/// Where a mail speaks of one step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mention {
    /// From a little before its name up to the next name.
    pub near: Vec<Passage>,
    /// The sentences behind, as long as they name no step.
    pub behind: Vec<Passage>,
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
            found[*step].near.push(Passage::whole(piece, marks, *step, asked));
            found[*step].by.insert("line");
        }
        let names = names(marks, flow, asked, &mut found);
        for (at, name) in names.iter().enumerate() {
            let end = names.get(at + 1).map_or(piece.text.len(), |next| next.start);
            let start = before(&piece.text, name.start, if at == 0 { BEFORE } else { BETWEEN });
            for step in &name.steps {
                found[*step].near.push(Passage::cut(piece, marks, start..end, *step, asked));
            }
        }
        match names.last() {
            _ if !places.is_empty() => open = places,
            Some(last) => open.clone_from(&last.steps),
            None => {
                for step in &open {
                    found[*step].behind.push(Passage::whole(piece, marks, *step, asked));
                }
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

/// The byte so many characters before `start`.
fn before(text: &str, start: usize, characters: usize) -> usize {
    text[..start].char_indices().rev().nth(characters - 1).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_answers_another_step_says_nothing_of_this_one() {
        let of = |meaning, step| meant(meaning, step, &[3, 5]);
        assert_eq!(of(Meaning::Topic(5), Some(5)), Some("name"));
        assert_eq!(of(Meaning::Topic(5), Some(3)), Some("other"));
        assert_eq!(of(Meaning::Topic(5), None), Some("other"), "a mail as a whole has no step");
        assert_eq!(of(Meaning::Place(1), Some(5)), Some("name"), "the second that was asked for");
        assert_eq!(of(Meaning::Place(2), Some(5)), Some("other"), "our last mail had no third");
        assert_eq!(of(Meaning::Says(5, Claim::No), Some(5)), Some("says-no"));
        assert_eq!(of(Meaning::Says(5, Claim::No), Some(3)), None);
        assert_eq!(of(Meaning::NoEffect, None), Some("no-effect"));
    }

    #[test]
    fn a_passage_has_the_words_that_begin_in_it() {
        let piece = Piece { text: "再起動しましたがだめ".to_owned(), ..Piece::default() };
        let mark = |start, end, meaning| Mark { start, end, meaning };
        let marks = [mark(0, 9, Meaning::Topic(5)), mark(9, 18, Meaning::Done), mark(24, 30, Meaning::Bad)];
        let part = Passage::cut(&piece, &marks, 9..24, 5, &[]);
        assert_eq!((part.text.as_str(), part.words), ("しましたが", vec!["done"]));
        assert_eq!(before(&piece.text, 9, 2), 3);
        assert_eq!(before(&piece.text, 3, 6), 0, "no more than there is");
    }
}

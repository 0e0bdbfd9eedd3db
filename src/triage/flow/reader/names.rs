//! Which steps words name: by their place in our mail, their number, their own words.

use super::Reader;
use crate::triage::flow::Group;
use crate::triage::flow::marks::{Piece, marks};
use crate::triage::flow::words::Meaning;

impl Reader<'_> {
    /// 「4) 済 5) 済」 where we asked for Q4 and Q5: these are no places.
    pub(super) fn numbers_steps(&self, pieces: &[Piece]) -> bool {
        let mut places = pieces.iter().flat_map(|piece| &piece.places).peekable();
        let beyond = pieces.iter().flat_map(|piece| &piece.places).any(|place| *place >= self.asked.len());
        places.peek().is_some() && beyond && places.all(|place| self.asked_by_number(*place).is_some())
    }

    /// The step asked for whose id ends with this number, counted from 0: `Q4` is 3.
    fn asked_by_number(&self, place: usize) -> Option<usize> {
        let number = |id: &str| id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        self.asked.iter().copied().find(|step| number(&self.flow().steps[*step].id) == Some(place + 1))
    }

    pub(super) fn placed(&self, place: usize) -> Option<usize> {
        if self.by_id { self.asked_by_number(place) } else { self.asked.get(place).copied() }
    }

    /// Steps asked for that a quoted question names.
    pub(super) fn named_in(&self, question: &str) -> Vec<usize> {
        let topics = marks(question, self.book, self.asked).into_iter().filter_map(|mark| match mark.meaning {
            Meaning::Topic(step) if self.asked.contains(&step) => Some(step),
            _ => None,
        });
        topics.take(1).collect()
    }

    /// Another step that was asked for or named needs this one.
    pub(super) fn completes(&self, step: usize) -> bool {
        let needs = |other: &usize| self.book.flow.steps[*other].with == Some(step);
        self.asked.iter().chain(&self.pending).any(needs)
    }

    /// 「最初の二つ」 and 「二つ目以降」, 「あとの二つ」 of three.
    pub(super) fn half(&mut self, first: bool) {
        let open: Vec<usize> = self.asked.iter().copied().filter(|step| self.found[*step].is_none()).collect();
        let two = match first {
            true => self.asked[..2].to_vec(),
            false if open.len() == 2 => open,
            false => self.asked[1..].to_vec(),
        };
        two.into_iter().for_each(|step| self.named(step));
    }

    /// Something names a step.
    pub(super) fn named(&mut self, step: usize) {
        if !self.spoken && self.unclear_which() && self.pending.contains(&step) {
            self.pending.clear();
        }
        self.which = true;
        self.topic(step);
    }

    fn topic(&mut self, step: usize) {
        if self.spoken || (self.by_place && !self.pending.contains(&step)) {
            self.pending.clear();
        }
        (self.spoken, self.by_place, self.matter) = (false, false, false);
        if !self.pending.contains(&step) {
            self.pending.push(step);
        }
    }

    /// A weak name never speaks against a stronger one.
    pub(super) fn asked_topic(&mut self, step: usize) {
        if self.pending.is_empty() || self.spoken || (self.completes(step) && !self.by_place) {
            self.named(step);
        }
    }

    /// 「再起動」 of what? The line's number, or our question, may tell.
    pub(super) fn group(&mut self, group: usize) {
        let group = &self.book.flow.groups[group];
        if !group.all && !self.spoken && self.pending.iter().any(|step| group.steps.contains(step)) {
            return;
        }
        let told: Vec<usize> = group.steps.iter().copied().filter(|step| self.answer(*step).is_some()).collect();
        if !group.all && told.len() == 1 {
            return told.into_iter().for_each(|step| self.named(step));
        }
        let asked: Vec<usize> = group.steps.iter().copied().filter(|step| self.asked.contains(step)).collect();
        let meant = if !group.all && asked.len() == 1 { asked } else { group.steps.clone() };
        self.which = group.all || meant.len() == 1;
        for step in meant {
            self.topic(step);
        }
    }

    /// Pending steps that one word named without saying which.
    pub(super) fn unclear_which(&self) -> bool {
        let unclear = |group: &Group| !group.all && self.pending == group.steps;
        !self.which && self.flow().groups.iter().any(unclear)
    }
}

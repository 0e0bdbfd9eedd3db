//! What the end of a sentence, and of the mail, settles.

use super::{Reader, Reading};
use crate::triage::flow::marks::{Mark, Piece};
use crate::triage::flow::words::Meaning;
use crate::triage::flow::{Answer, StepKind, sense};

impl Reader<'_> {
    pub(super) fn end(&mut self, piece: &Piece, marks: &[Mark], topics: bool) {
        let said = marks.iter().rfind(|mark| matches!(mark.meaning, Meaning::Done | Meaning::Undone));
        if piece.item || (topics && sense::deed(&piece.text).is_none()) {
            if let (Some(heading), false, false) = (self.heading, self.spoken, self.pending.is_empty()) {
                match heading {
                    Meaning::Undone => self.undone(piece),
                    _ => self.done(),
                }
            }
        } else {
            self.heading = said.filter(|_| !topics).map(|mark| mark.meaning);
        }
        if let (Some(said), false, false) = (self.unplaced, self.spoken, self.pending.is_empty() || piece.question) {
            match said {
                Meaning::Undone => self.undone(piece),
                _ => self.done(),
            }
        }
        if !self.spoken && !piece.question {
            let denied = self.book.denial.as_ref().is_some_and(|denial| denial.is_match(&piece.text));
            let hint = if denied { Answer::No } else { Answer::Yes };
            let asked = |step: &usize| self.asked.contains(step) && !self.is_action(*step);
            let hints: Vec<_> = self.pending.iter().copied().filter(asked).map(|step| (step, hint)).collect();
            self.hints.extend(hints);
        }
        if let Some(ticked) = piece.ticked {
            self.ticked(ticked);
        }
    }

    /// ☑ and ☐ before a step, if nothing else was said of it.
    fn ticked(&mut self, ticked: bool) {
        let targets: Vec<usize> = self.pending.iter().copied().filter(|step| !self.answered.contains(step)).collect();
        for step in targets.iter().copied() {
            match ticked {
                true if self.found[step].is_some_and(|found| found.answer != Answer::Unknown) => {}
                true => self.record(step, Answer::Yes, self.is_action(step), true),
                false if self.is_pure_action(step) => self.record(step, Answer::No, false, false),
                false => self.record(step, Answer::Unknown, false, false),
            }
        }
        if self.out.trouble {
            self.failed();
        }
        self.speak(targets);
    }

    pub(super) fn finish(mut self) -> Reading {
        for step in 0..self.found.len() {
            let named = &self.named_things[step];
            if !named.is_empty()
                && named.iter().all(|named| *named)
                && self.answer(step).is_none_or(|a| a == Answer::Unknown)
            {
                self.record(step, Answer::Yes, false, true);
            }
        }
        for (step, answer) in std::mem::take(&mut self.hints) {
            if self.found[step].is_none() {
                self.record(step, answer, false, true);
            }
        }
        let flow = self.book.flow.clone();
        for (index, step) in flow.steps.iter().enumerate() {
            let Some(found) = self.found[index] else { continue };
            let done = found.checked || !matches!(found.answer, Answer::No | Answer::Unknown);
            if done && found.answer != Answer::Unknown {
                self.out.done.push(step.id.clone());
            }
        }
        self.together();
        for (step, found) in flow.steps.iter().zip(&self.found) {
            let Some(found) = found else { continue };
            // A check that something was done about, without a word of its effect: it does not hold the way up.
            let settled = step.kind == StepKind::Check && found.untold;
            let answer = if settled { Answer::DoneNoEffect } else { found.answer };
            self.out.learned.insert(step.id.clone(), answer);
        }
        self.out.device = self.device.map(|device| flow.devices[device].id.clone());
        self.out
    }

    /// A step that needs another one: undone without it, and with it both have the same effect.
    fn together(&mut self) {
        for index in 0..self.found.len() {
            let Some(other) = self.book.flow.steps[index].with else { continue };
            let (Some(mine), Some(its)) = (self.found[index], self.found[other]) else { continue };
            let is_done = |answer| matches!(answer, Answer::Yes | Answer::DoneNoEffect | Answer::Fixed);
            let both = match () {
                _ if is_done(mine.answer) && its.answer == Answer::No => Answer::No,
                _ if is_done(mine.answer) && its.answer == Answer::Unknown => {
                    self.set(index, Answer::No);
                    continue;
                }
                _ if !is_done(mine.answer) || !is_done(its.answer) => continue,
                _ if mine.answer == Answer::Fixed || its.answer == Answer::Fixed => Answer::Fixed,
                _ if its.answer == Answer::DoneNoEffect || mine.answer == Answer::DoneNoEffect => Answer::DoneNoEffect,
                _ => Answer::Yes,
            };
            for step in [index, other] {
                self.set(step, both);
            }
        }
    }

    fn set(&mut self, step: usize, answer: Answer) {
        if let Some(found) = &mut self.found[step] {
            found.answer = answer;
        }
    }
}

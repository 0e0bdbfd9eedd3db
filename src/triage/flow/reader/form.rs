//! What the form of words says where no word of the flow was found: 「ファイルは倅に頼んで入れてもろた」 is something done.

use super::Reader;
use crate::triage::flow::Answer;
use crate::triage::flow::marks::Piece;
use crate::triage::flow::sense::{self, Deed};

impl Reader<'_> {
    /// Reads the words behind the name of a step, up to the next name.
    pub(super) fn by_form(&mut self, words: &str, piece: &Piece) {
        if words.trim().is_empty() {
            return;
        }
        if !self.matter {
            self.answer_by_form(words, piece);
        }
        self.effect_by_form(words, piece);
    }

    fn answer_by_form(&mut self, words: &str, piece: &Piece) {
        let alone = self.pending.is_empty() && self.answered.is_empty() && !self.spoken;
        if let (true, [step]) = (alone, self.asked)
            && !self.is_pure_action(*step)
            && self.found[*step].is_none()
            && !(self.out.refuses || self.out.angry)
        {
            self.check_by_form(*step, words, piece);
        }
        if !self.spoken && !self.pending.is_empty() {
            self.deeds_by_form(words, piece);
            self.checks_by_form(words, piece);
        }
    }

    fn deeds_by_form(&mut self, words: &str, piece: &Piece) {
        if !self.pending.iter().all(|step| self.is_pure_action(*step)) {
            return;
        }
        let head = sense::parts(words).map_or(words, |(head, ..)| head);
        let told = sense::parts(words).is_some_and(|(_, tail, _)| sense::rings_well(tail).is_some());
        match sense::deed(words) {
            Some(Deed::Undone) if sense::deed(head) == Some(Deed::Undone) => self.undone(piece),
            _ if piece.question => self.open_by_form(),
            _ if told || head.len() < words.len() && sense::deed(words) != Some(Deed::Undone) => self.done(),
            Some(Deed::Done) => self.done(),
            Some(Deed::InVain) => {
                self.done();
                self.failed();
            }
            Some(Deed::Undone) => self.undone(piece),
            Some(Deed::Open) => self.open_by_form(),
            None => {}
        }
    }

    /// He asks about steps that we asked for.
    fn open_by_form(&mut self) {
        if self.which && self.pending.iter().any(|step| self.asked.contains(step)) {
            self.unclear();
        }
    }

    fn checks_by_form(&mut self, words: &str, piece: &Piece) {
        let checks: Vec<usize> = self.pending.iter().copied().filter(|step| !self.is_pure_action(*step)).collect();
        for step in checks {
            self.check_by_form(step, words, piece);
        }
    }

    fn check_by_form(&mut self, step: usize, words: &str, piece: &Piece) {
        let kind = &self.flow().steps[step];
        let (asked, symptom) = (self.asked.contains(&step), kind.symptom);
        // Not asked for, and named without a doubt.
        let first = kind.open.is_some() && sense::rings_well(words).is_some() || symptom && self.asked.is_empty();
        // 「画面は変わりません」 behind something done tells its effect.
        let effect = symptom && sense::unchanged(words) && self.anything_done();
        if self.is_known(step) || !(asked || first) || effect {
            return;
        }
        let well = if symptom { sense::all_well(words) } else { sense::goes_well(words) };
        let open = piece.question || sense::asks(words) || sense::is_unseen(words);
        match well {
            _ if open && !asked => {}
            _ if open => {
                self.record(step, Answer::Unknown, false, false);
                self.spoken = true;
            }
            // Unasked, what else is bad on a screen is no answer.
            Some(false) if symptom && !asked => {}
            Some(well) => {
                self.record(step, if well { Answer::Yes } else { Answer::No }, false, true);
                self.spoken = true;
            }
            None => {}
        }
    }

    /// What came of what was done just now.
    fn effect_by_form(&mut self, words: &str, piece: &Piece) {
        let untold = |step: &usize| self.found[*step].is_some_and(|found| found.untold);
        if piece.question || !self.subject.iter().any(untold) {
            return;
        }
        let (tail, against) = sense::parts(words).map_or((words, false), |(_, tail, against)| (tail, against));
        if sense::is_unseen(tail) {
            return;
        }
        match sense::rings_well(tail) {
            Some(false) => self.failed(),
            Some(true) if !self.asked.is_empty() => self.fixed(),
            None if against && !tail.trim().is_empty() => self.failed(),
            _ => {}
        }
    }
}

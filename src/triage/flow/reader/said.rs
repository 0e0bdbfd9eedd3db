//! What is said of the steps that were named: done, not done, without effect, works again, yes and no.

use super::Reader;
use crate::triage::flow::Answer;
use crate::triage::flow::marks::Piece;
use crate::triage::flow::words::Meaning;

impl Reader<'_> {
    pub(super) fn done(&mut self) {
        let mut targets = self.targets();
        let answered: Vec<usize> =
            self.actions(&targets).into_iter().filter(|step| self.answered.contains(step)).collect();
        for step in &answered {
            if let Some(found) = self.found[*step].as_mut().filter(|found| found.answer == Answer::Yes) {
                found.untold = true;
            }
        }
        // 「バージョン（14.0.47020.0）まで進めました」: the number is the answer.
        targets.retain(|step| !(self.answered.contains(step) && self.answer(*step) == Some(Answer::Yes)));
        if targets.is_empty() {
            self.unplaced = Some(Meaning::Done);
        }
        let unknown = self.unclear_which();
        let actions = self.actions(&targets);
        for step in actions {
            match unknown {
                true if self.found[step].is_some() => {}
                true => self.record(step, Answer::Unknown, false, false),
                false => self.record(step, Answer::Yes, true, false),
            }
        }
        self.speak(targets);
    }

    pub(super) fn undone(&mut self, piece: &Piece) {
        let mut targets = self.targets();
        if targets.is_empty() && piece.text.contains("まだ") {
            targets = self.subject.clone();
        }
        let nothing =
            ["まだ", "何も", "なにも", "全然", "一つも", "ひとつも"].iter().any(|word| piece.text.contains(word));
        if targets.is_empty() && nothing && self.found.iter().all(Option::is_none) {
            targets = self.actions(self.asked);
        }
        if targets.is_empty() {
            self.unplaced = Some(Meaning::Undone);
        }
        for step in targets.iter().copied() {
            if self.is_pure_action(step) {
                self.record(step, Answer::No, false, false);
            } else if self.found[step].is_none() && self.asked.contains(&step) {
                self.record(step, Answer::Unknown, false, false);
            }
        }
        self.speak(targets);
    }

    /// Everything done so far had no effect.
    pub(super) fn no_effect(&mut self) {
        let ambiguous = self.unclear_which();
        if !ambiguous {
            let named = self.actions(if self.pending.is_empty() { &self.listed } else { &self.pending });
            let named = if named.is_empty() && self.asked.len() == 1 && !self.anything_done() {
                self.actions(self.asked)
            } else {
                named
            };
            for step in named.clone() {
                if self.found[step].is_some() {
                    continue;
                }
                self.record(step, Answer::Yes, true, false);
            }
            if !named.is_empty() {
                self.speak(named);
            }
        }
        self.failed();
    }

    pub(super) fn anything_done(&self) -> bool {
        self.found.iter().flatten().any(|found| found.untold)
    }

    pub(super) fn failed(&mut self) {
        self.fail();
        (self.out.works, self.out.trouble) = (false, true);
    }

    pub(super) fn fail(&mut self) {
        for found in self.found.iter_mut().flatten() {
            if found.untold || found.answer == Answer::Fixed {
                (found.answer, found.untold) = (Answer::DoneNoEffect, false);
            }
        }
    }

    /// Behind something done the trouble tells its effect.
    pub(super) fn still(&mut self) {
        self.failed();
    }

    /// The last thing done is what helped.
    pub(super) fn fixed(&mut self) {
        if !self.spoken && !self.unclear_which() {
            let named = self.actions(&self.pending);
            for step in named {
                self.record(step, Answer::Yes, true, false);
            }
        }
        let last = self.found.iter_mut().flatten().filter(|found| found.untold).max_by_key(|found| found.order);
        if let Some(found) = last {
            found.answer = Answer::Fixed;
        }
        for found in self.found.iter_mut().flatten() {
            found.untold = false;
        }
        self.spoken = true;
        self.out.works = true;
    }

    pub(super) fn unsure(&mut self) {
        for step in self.pending.clone() {
            self.record(step, Answer::Unknown, false, false);
        }
        self.spoken = true;
    }

    pub(super) fn unclear(&mut self) {
        let targets = self.targets();
        let missing = |step: &usize| self.answer(*step) == Some(Answer::No) && !self.is_action(*step);
        let open: Vec<usize> = targets.iter().copied().filter(|step| !missing(step)).collect();
        for step in open {
            self.record(step, Answer::Unknown, false, false);
            let id = self.flow().steps[step].id.clone();
            if !self.out.confused.contains(&id) {
                self.out.confused.push(id);
            }
        }
        self.out.lost |= targets.is_empty();
        self.speak(targets);
    }

    pub(super) fn yes_no(&mut self, answer: Answer) {
        let targets = self.targets();
        if self.spoken && !self.pending.is_empty() {
            return;
        }
        for step in targets.iter().copied().filter(|step| self.found[*step].is_none()).collect::<Vec<_>>() {
            let deed = self.is_action(step) && answer == Answer::Yes;
            self.record(step, answer, deed, true);
        }
        if !targets.is_empty() {
            self.speak(targets);
        }
    }

    pub(super) fn all(&mut self) {
        self.which = true;
        if self.pending.is_empty() || self.spoken {
            self.pending = if self.listed.is_empty() { self.asked.to_vec() } else { std::mem::take(&mut self.listed) };
            (self.spoken, self.by_place, self.which) = (false, false, true);
        }
    }

    pub(super) fn rest(&mut self) {
        self.pending = self.asked.iter().copied().filter(|step| self.found[*step].is_none()).collect();
        (self.spoken, self.by_place) = (false, false);
    }
}

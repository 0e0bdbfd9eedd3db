//! What a mail says about the steps of a flow.
//!
//! A mail is read piece by piece, and a piece word by word: words name steps (topics), and what is then said about
//! them (done, not done, no effect, works again, an answer) is said of the steps named last, of the numbered place of
//! the line, or of the only step that we asked for.

mod said;

use super::marks::{Mark, Piece, marks, pieces};
use super::words::{FlowBook, Meaning};
use super::{Answer, Claim, Flow, Group, Learned, StepKind};
use crate::triage::inquiry::Inquiry;
use crate::triage::pattern::Pattern;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    pub learned: Learned,
    /// Steps that the sender reports as made, in the flow's order: a reinstallation counts without its file.
    pub done: Vec<String>,
    /// The phone works again.
    pub works: bool,
    /// The trouble is told, or told to go on.
    pub trouble: bool,
    /// He will make the steps later.
    pub later: bool,
    /// He will not go on by mail: refuses, or asks for a person.
    pub refuses: bool,
    pub angry: bool,
    /// Steps that he did not understand; empty with `lost`: the whole mail.
    pub confused: Vec<String>,
    pub lost: bool,
    /// Id of the device it is about, if named.
    pub device: Option<String>,
}

/// What was found about one step.
#[derive(Debug, Clone, Copy)]
struct Found {
    answer: Answer,
    /// Done, and nothing said yet of its effect.
    untold: bool,
    /// Its check was made, whatever came out.
    checked: bool,
    /// Counts up through the mail.
    order: usize,
}

/// State while one mail is read.
struct Reader<'a> {
    book: &'a FlowBook,
    /// Steps that our last mail asked for, in its order.
    asked: &'a [usize],
    found: Vec<Option<Found>>,
    order: usize,
    /// Steps named and not yet spoken of.
    pending: Vec<usize>,
    /// Pending steps were spoken of: the next topic begins anew.
    spoken: bool,
    /// Pending comes from the line's number only.
    by_place: bool,
    /// Pending steps were named one by one, or all together.
    which: bool,
    /// Steps of the list above.
    listed: Vec<usize>,
    in_list: bool,
    /// Steps that this piece answered with words of their own.
    answered: Vec<usize>,
    /// Those of them that it stated in full.
    stated: Vec<usize>,
    /// What was said last was said of these.
    subject: Vec<usize>,
    /// A heading said so of the items below it.
    heading: Option<Meaning>,
    /// The trouble is spoken of, and no step.
    matter: bool,
    /// Which things of a check the mail named, for each step.
    named_things: Vec<Vec<bool>>,
    /// What mentions of checks that we asked for may mean, if nothing says it plainly.
    hints: Vec<(usize, Answer)>,
    device: Option<usize>,
    out: Reading,
}

/// Reads a mail; `asked` are the steps of our last mail, `device` what is known of it.
pub fn read(inquiry: &Inquiry, book: &FlowBook, asked: &[usize], device: Option<&str>) -> Reading {
    let device = device.and_then(|id| book.flow.devices.iter().position(|d| d.id == id));
    let mut reader = Reader {
        book,
        asked,
        found: vec![None; book.flow.steps.len()],
        order: 0,
        pending: Vec::new(),
        spoken: false,
        by_place: false,
        which: true,
        listed: Vec::new(),
        in_list: false,
        answered: Vec::new(),
        stated: Vec::new(),
        subject: Vec::new(),
        heading: None,
        matter: false,
        named_things: book.whole.iter().map(|things| vec![false; things.len()]).collect(),
        hints: Vec::new(),
        device: None,
        out: Reading::default(),
    };
    reader.device = reader.device_in(&inquiry.subject.to_lowercase()).or(device);
    for piece in pieces(inquiry) {
        reader.piece(&piece);
    }
    reader.finish()
}

impl Reader<'_> {
    fn flow(&self) -> &Flow {
        &self.book.flow
    }

    fn device_in(&self, text: &str) -> Option<usize> {
        self.book.devices.iter().position(|names| names.is_match(text))
    }

    fn piece(&mut self, piece: &Piece) {
        let text = piece.text.as_str();
        let matches = |words: &Option<Pattern>| words.as_ref().is_some_and(|words| words.is_match(text));
        self.out.later |= matches(&self.book.later);
        self.out.refuses |= matches(&self.book.refusal);
        self.out.angry |= matches(&self.book.anger);
        if self.device.is_none() {
            self.device = self.device_in(text);
        }
        self.begin(piece);
        for (things, named) in self.book.whole.iter().zip(&mut self.named_things) {
            things.iter().zip(named).for_each(|(thing, named)| *named |= thing.is_match(text));
        }
        let troubled = std::mem::take(&mut self.out.trouble);
        let marks = marks(text, self.book, self.asked);
        let topics = marks.iter().any(|mark| matches!(mark.meaning, Meaning::Topic(_) | Meaning::Group(_)));
        self.versions(text, piece);
        // A name leaves the verb that it ends with to be read: 「開き直」 of 「開き直しました」.
        let (mut covered, mut named) = (0, 0);
        for mark in &marks {
            let names = matches!(
                mark.meaning,
                Meaning::Topic(_) | Meaning::AskedTopic(_) | Meaning::Group(_) | Meaning::Place(_) | Meaning::Last
            );
            let inside = if names { mark.start < named } else { mark.end <= named };
            if mark.start < covered || inside || !self.applies(mark.meaning) {
                continue;
            }
            match names {
                true => named = mark.end,
                false => covered = mark.end + copula(&text[..mark.end], &text[mark.end..]),
            }
            self.mark(*mark, piece);
        }
        self.end(piece, &marks, topics);
        self.out.trouble |= troubled;
    }

    /// A line's number names its step.
    fn begin(&mut self, piece: &Piece) {
        self.answered.clear();
        self.stated.clear();
        self.matter = false;
        let placed: Vec<usize> = piece.places.iter().filter_map(|place| self.asked.get(*place).copied()).collect();
        if !placed.is_empty() {
            (self.pending, self.spoken, self.by_place) = (placed, false, true);
        } else if self.spoken || !piece.item {
            // A list of steps, and below it what was done about them.
            self.listed = if self.spoken || !self.in_list { Vec::new() } else { std::mem::take(&mut self.pending) };
            self.pending.clear();
            (self.spoken, self.by_place) = (false, false);
        }
        self.in_list = piece.item;
    }

    /// Some words count only where something was asked or spoken of.
    fn applies(&self, meaning: Meaning) -> bool {
        match meaning {
            Meaning::AskedTopic(step) => self.asked.contains(&step) || self.completes(step),
            Meaning::Word(step, _) => self.speaks_of(step),
            Meaning::Place(place) => place < self.asked.len(),
            _ => true,
        }
    }

    /// Another step that was asked for or named needs this one.
    fn completes(&self, step: usize) -> bool {
        let needs = |other: &usize| self.book.flow.steps[*other].with == Some(step);
        self.asked.iter().chain(&self.pending).any(needs)
    }

    fn mark(&mut self, mark: Mark, piece: &Piece) {
        match mark.meaning {
            Meaning::Topic(step) => self.named(step),
            Meaning::Place(place) => self.named(self.asked[place]),
            Meaning::Last => self.asked.last().copied().into_iter().for_each(|step| self.named(step)),
            Meaning::Same => self.same(),
            Meaning::AskedTopic(step) => self.asked_topic(step),
            Meaning::Group(group) => self.group(group),
            // A full statement outweighs the words of the same sentence.
            Meaning::Word(step, _) if self.stated.contains(&step) => {}
            // One thing that is missing is not there because others are.
            Meaning::Word(step, Claim::Yes)
                if self.flow().steps[step].symptom && self.answer(step) == Some(Answer::No) => {}
            // What was answered is not answered again by what is said of something else.
            Meaning::Word(step, Claim::Yes | Claim::No) if self.is_settled(step) => {}
            Meaning::Word(step, claim) => self.says(step, claim, piece),
            Meaning::Says(step, claim) => {
                self.says(step, claim, piece);
                self.stated.push(step);
            }
            Meaning::Matter => self.matter = true,
            Meaning::Good => self.good(piece),
            Meaning::Bad => self.bad(),
            Meaning::Done | Meaning::Undone | Meaning::Yes | Meaning::No if self.only_matter() => {}
            Meaning::Done => self.done(),
            Meaning::Undone => self.undone(piece),
            Meaning::Still if self.asks_of_checks() => self.yes_no(Answer::No),
            Meaning::Fixed if self.asks_of_checks() => self.yes_no(Answer::Yes),
            Meaning::NoEffect => self.no_effect(),
            Meaning::Still => self.still(),
            Meaning::Fixed if !piece.question => self.fixed(),
            Meaning::Unsure => self.unsure(),
            Meaning::Unclear => self.unclear(),
            Meaning::Yes => self.yes_no(Answer::Yes),
            Meaning::No => self.yes_no(Answer::No),
            Meaning::All => self.all(),
            Meaning::Rest => self.rest(),
            _ => {}
        }
    }

    /// It was answered before, and this piece does not speak of it.
    fn is_settled(&self, step: usize) -> bool {
        let here = self.pending.contains(&step) || self.answered.contains(&step);
        !here && self.answer(step).is_some_and(|answer| answer != Answer::Unknown)
    }

    /// Something names a step.
    fn named(&mut self, step: usize) {
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

    /// Nothing is left to be said of steps.
    fn only_matter(&self) -> bool {
        self.matter && (self.spoken || self.pending.is_empty())
    }

    /// 「同上」: what was said last.
    fn same(&mut self) {
        let last = self.found.iter().flatten().max_by_key(|found| found.order).copied();
        let Some(last) = last.filter(|_| !self.spoken) else { return };
        for step in self.pending.clone() {
            self.record(step, last.answer, last.untold, last.checked);
        }
        self.spoken = true;
    }

    /// A check was named and waits for its answer: what is said of the phone is said of that.
    fn asks_of_checks(&self) -> bool {
        let check = |step: &usize| !self.is_action(*step) && !self.flow().steps[*step].symptom;
        !self.matter && !self.spoken && !self.pending.is_empty() && self.pending.iter().all(check)
    }

    /// 「大丈夫です」 of the trouble, of a check, of something done.
    fn good(&mut self, piece: &Piece) {
        let done = self.spoken && self.pending.iter().any(|step| self.found[*step].is_some_and(|found| found.untold));
        if self.matter || done {
            return if piece.question { self.spoken = true } else { self.fixed() };
        }
        self.yes_no(Answer::Yes);
    }

    /// 「だめです」 of the trouble, of a check, of something done.
    fn bad(&mut self) {
        let checks: Vec<usize> = self.targets().into_iter().filter(|step| !self.is_pure_action(*step)).collect();
        if self.matter || self.spoken || checks.is_empty() {
            return self.no_effect();
        }
        for step in checks.into_iter().filter(|step| self.found[*step].is_none()).collect::<Vec<_>>() {
            self.record(step, Answer::No, false, true);
        }
        self.no_effect();
        self.spoken = true;
    }

    /// A weak name never speaks against a stronger one.
    fn asked_topic(&mut self, step: usize) {
        if self.pending.is_empty() || self.spoken || (self.completes(step) && !self.by_place) {
            self.named(step);
        }
    }

    /// 「再起動」 of what? The line's number, or our question, may tell.
    fn group(&mut self, group: usize) {
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
    fn unclear_which(&self) -> bool {
        let unclear = |group: &Group| !group.all && self.pending == group.steps;
        !self.which && self.flow().groups.iter().any(unclear)
    }

    fn speaks_of(&self, step: usize) -> bool {
        let near = if self.pending.is_empty() { &self.subject } else { &self.pending };
        !self.matter && self.is_near(near, step)
    }

    fn is_near(&self, near: &[usize], step: usize) -> bool {
        near.contains(&step)
            || (self.asked == [step] && (self.pending.is_empty() || !self.flow().steps[step].symptom))
            || (near.is_empty() && self.asked.contains(&step))
    }

    fn says(&mut self, step: usize, claim: Claim, piece: &Piece) {
        let looked = self.book.seen[step].as_ref().is_none_or(|seen| seen.is_match(&piece.text));
        match claim {
            Claim::Yes => self.record(step, Answer::Yes, false, true),
            // That something was not done is no check that was made.
            Claim::No => self.record(step, Answer::No, false, looked && !self.is_pure_action(step)),
            Claim::Done => self.record(step, Answer::Yes, true, true),
            Claim::Unknown => self.record(step, Answer::Unknown, false, false),
        }
        if claim == Claim::No && self.book.flow.steps[step].symptom {
            self.failed();
        }
        self.subject = vec![step];
        self.pending.retain(|pending| *pending != step);
        self.answered.push(step);
    }

    fn record(&mut self, step: usize, answer: Answer, untold: bool, checked: bool) {
        self.order += 1;
        let before = self.found[step];
        let checked = checked || before.is_some_and(|found| found.checked);
        // 「上げました。18.2になりました」 is still something done.
        let untold = untold || (answer == Answer::Yes && before.is_some_and(|found| found.untold));
        self.found[step] = Some(Found { answer, untold, checked, order: self.order });
    }

    /// The steps that a word is about.
    fn targets(&self) -> Vec<usize> {
        match () {
            _ if !self.pending.is_empty() => self.pending.clone(),
            _ if !self.listed.is_empty() => self.listed.clone(),
            _ if self.asked.len() == 1 => self.asked.to_vec(),
            _ => Vec::new(),
        }
    }

    fn speak(&mut self, targets: Vec<usize>) {
        self.spoken = true;
        self.subject = targets;
    }

    fn answer(&self, step: usize) -> Option<Answer> {
        self.found[step].map(|found| found.answer)
    }

    /// Nothing to look up: only done or not done.
    fn is_pure_action(&self, step: usize) -> bool {
        let step = &self.flow().steps[step];
        step.kind == StepKind::Action && !step.looked_up
    }

    fn actions(&self, steps: &[usize]) -> Vec<usize> {
        steps.iter().copied().filter(|step| self.is_action(*step)).collect()
    }

    fn is_action(&self, step: usize) -> bool {
        self.flow().steps[step].kind == StepKind::Action
    }

    fn end(&mut self, piece: &Piece, marks: &[Mark], topics: bool) {
        let said = marks.iter().find(|mark| matches!(mark.meaning, Meaning::Done | Meaning::Undone));
        if piece.item {
            if let (Some(heading), false, false) = (self.heading, self.spoken, self.pending.is_empty()) {
                match heading {
                    Meaning::Undone => self.undone(piece),
                    _ => self.done(),
                }
            }
        } else {
            self.heading = said.filter(|_| !topics).map(|mark| mark.meaning);
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
        if piece.question && !self.spoken {
            self.pending.clear();
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

    /// Version numbers, judged by the least that works on their device.
    fn versions(&mut self, text: &str, piece: &Piece) {
        let book = self.book;
        for (device, pattern) in &book.versions {
            let Some(version) = &book.flow.devices[*device].version else { continue };
            let Some(number) = pattern.captures(text).and_then(|groups| groups.get(1)) else { continue };
            let bare = number.as_str().len() == groups_length(pattern, text);
            let placed = piece.places.iter().any(|place| self.asked.get(*place) == Some(&version.step));
            let told = self.answered.contains(&version.step) || self.answer(version.step).is_some();
            let plausible = self.asked.contains(&version.step) && number.as_str().contains('.') && !told;
            if bare && !(placed || plausible) {
                continue;
            }
            if bare && self.device.is_some_and(|known| known != *device) {
                continue;
            }
            let numbers: Vec<u32> = number.as_str().split('.').filter_map(|n| n.parse().ok()).collect();
            let claim = if numbers >= version.least { Claim::Yes } else { Claim::No };
            if self.device.is_none() {
                self.device = Some(*device);
            }
            self.says(version.step, claim, piece);
            return;
        }
    }

    fn finish(mut self) -> Reading {
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
                _ if !is_done(mine.answer) || !is_done(its.answer) => continue,
                _ if mine.answer == Answer::Fixed || its.answer == Answer::Fixed => Answer::Fixed,
                _ if its.answer == Answer::DoneNoEffect || mine.answer == Answer::DoneNoEffect => Answer::DoneNoEffect,
                _ => Answer::Yes,
            };
            for step in [index, other] {
                if let Some(found) = &mut self.found[step] {
                    found.answer = both;
                }
            }
        }
    }
}

impl Reading {
    /// He only says that he will make the steps later.
    pub fn puts_off(&self) -> bool {
        let nothing_done = self.learned.values().all(|answer| *answer == Answer::No);
        self.later && nothing_done && !self.trouble && !self.lost && self.confused.is_empty()
    }
}

/// Length of the 「でした」 that goes on with a word: its 「した」 is nothing done.
fn copula(before: &str, rest: &str) -> usize {
    let begun = if before.ends_with('で') { "した" } else { "でした" };
    if rest.starts_with(begun) { begun.len() } else { 0 }
}

/// Length of the whole match: of a bare number it is that of the number.
fn groups_length(pattern: &Pattern, text: &str) -> usize {
    pattern.find_iter(text).next().map_or(0, |found| found.len())
}

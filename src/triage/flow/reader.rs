//! What a mail says about the steps of a flow.
//!
//! A mail is read piece by piece, and a piece word by word: words name steps (topics), and what is then said about
//! them (done, not done, no effect, works again, an answer) is said of the steps named last, of the numbered place of
//! the line, or of the only step that we asked for.

mod ends;
mod form;
mod names;
mod said;

use std::ops::Range;

use super::marks::{Mark, Piece, marks, pieces};
use super::mentions::mentions;
use super::sense;
use super::weigh::{self, Why};
use super::words::{FlowBook, Meaning};
use super::{Answer, Claim, Flow, Learned, StepKind};
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
    /// What weighed most, for the steps that were weighed.
    pub why: Why,
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
    /// The last sentence named these and said nothing of them.
    left: Vec<usize>,
    /// Said in this piece before anything was named: 「Tried all of it」
    unplaced: Option<Meaning>,
    /// The name is joined to the one before: 「ファイルと電源」
    joined: bool,
    /// Where the piece says that nobody looked.
    unseen: Range<usize>,
    /// Numbers in this mail are those of the steps, not of their places in our mail.
    by_id: bool,
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
    by_words(inquiry, book, asked, device, |mail| match &book.flow.weights {
        Some(weights) => weigh::weigh(mail, &book.names, weights),
        None => mail.reading.clone(),
    })
}

/// Reads a mail by the words of the flow alone, and hands over what can be weighed.
pub fn by_words<T>(
    inquiry: &Inquiry,
    book: &FlowBook,
    asked: &[usize],
    device: Option<&str>,
    with: impl FnOnce(weigh::Mail<'_>) -> T,
) -> T {
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
        left: Vec::new(),
        unplaced: None,
        joined: false,
        unseen: 0..0,
        by_id: false,
        heading: None,
        matter: false,
        named_things: book.whole.iter().map(|things| vec![false; things.len()]).collect(),
        hints: Vec::new(),
        device: None,
        out: Reading::default(),
    };
    reader.device = reader.device_in(&inquiry.subject.to_lowercase()).or(device);
    let pieces = pieces(inquiry);
    let marks: Vec<Vec<Mark>> = pieces.iter().map(|piece| marks(&piece.text, book, asked)).collect();
    reader.by_id = reader.numbers_steps(&pieces);
    for (piece, marks) in pieces.iter().zip(&marks) {
        reader.piece(piece, marks);
    }
    let both = pieces.iter().zip(marks.iter().map(Vec::as_slice));
    let mentions = mentions(both, &book.flow, asked, |place| reader.placed(place));
    let reading = reader.finish();
    with(weigh::Mail::new(&book.flow, &reading, asked, mentions, (&pieces, &marks)))
}

impl Reader<'_> {
    fn flow(&self) -> &Flow {
        &self.book.flow
    }

    fn device_in(&self, text: &str) -> Option<usize> {
        self.book.devices.iter().position(|names| names.is_match(text))
    }

    fn piece(&mut self, piece: &Piece, marks: &[Mark]) {
        let text = piece.text.as_str();
        self.tone(text);
        self.begin(piece);
        for (things, named) in self.book.whole.iter().zip(&mut self.named_things) {
            things.iter().zip(named).for_each(|(thing, named)| *named |= thing.is_match(text));
        }
        let troubled = std::mem::take(&mut self.out.trouble);
        let topics = marks.iter().any(|mark| matches!(mark.meaning, Meaning::Topic(_) | Meaning::Group(_)));
        self.versions(text, piece);
        self.words(piece, marks);
        if self.asked.is_empty() && !piece.question && sense::recovered(text) {
            self.fixed();
        }
        self.end(piece, marks, topics);
        self.out.trouble |= troubled;
    }

    /// What is looked for in a sentence whatever it is about.
    fn tone(&mut self, text: &str) {
        let matches = |words: &Option<Pattern>| words.as_ref().is_some_and(|words| words.is_match(text));
        self.out.later |= matches(&self.book.later);
        self.out.refuses |= matches(&self.book.refusal);
        self.out.angry |= matches(&self.book.anger);
        if self.device.is_none() {
            self.device = self.device_in(text);
        }
    }

    /// Word by word, and what stands between the names of steps by its form.
    fn words(&mut self, piece: &Piece, marks: &[Mark]) {
        let text = piece.text.as_str();
        // A name leaves the verb that it ends with to be read: 「開き直」 of 「開き直しました」.
        let (mut covered, mut named, mut behind, mut last_name) = (0, 0, 0, 0);
        let retold = sense::retold(text);
        self.unseen = sense::unseen(text).unwrap_or(0..0);
        for mark in marks {
            let names = mark.meaning.names();
            if mark.start < retold && (!names || matches!(mark.meaning, Meaning::Place(_))) {
                continue;
            }
            let inside = if names { mark.start < named } else { mark.end <= named };
            // 「残りの二つ」 names two of three, not what is left.
            let inside = inside || (mark.meaning == Meaning::Rest && mark.start < named);
            let quoted = matches!(mark.meaning, Meaning::Undone | Meaning::Unclear) && is_quoted(&text[..mark.start]);
            if mark.start < covered || inside || quoted || !self.applies(mark.meaning) {
                continue;
            }
            if names || matches!(mark.meaning, Meaning::Rest | Meaning::All) {
                self.by_form(text.get(behind.max(retold)..mark.start).unwrap_or_default(), piece);
                behind = stem_end(text, mark.end);
            }
            match names {
                true => named = mark.end,
                false => covered = mark.end + copula(&text[..mark.end], &text[mark.end..]),
            }
            let between = text.get(last_name..mark.start).unwrap_or("");
            self.joined = last_name > 0 && ["と", "も", "や", "、", "・", "も、", "と、", "&"].contains(&between);
            self.mark(*mark, piece);
            if names {
                last_name = mark.end;
            }
        }
        self.by_form(text.get(behind.max(retold)..).unwrap_or_default(), piece);
    }

    /// A line's number names its step.
    fn begin(&mut self, piece: &Piece) {
        self.answered.clear();
        self.stated.clear();
        self.unplaced = None;
        self.matter = false;
        let mut placed: Vec<usize> = piece.places.iter().filter_map(|place| self.placed(*place)).collect();
        if placed.is_empty() && !piece.above.is_empty() {
            placed = self.named_in(&piece.above);
        }
        self.left = if self.spoken { Vec::new() } else { self.pending.clone() };
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
            Meaning::Half(_) => self.asked.len() == 3,
            _ => true,
        }
    }

    fn mark(&mut self, mark: Mark, piece: &Piece) {
        match mark.meaning {
            Meaning::Topic(step) => self.named(step),
            Meaning::Place(place) => self.named(self.asked[place]),
            Meaning::Half(first) => self.half(first),
            Meaning::Last => self.asked.last().copied().into_iter().for_each(|step| self.named(step)),
            Meaning::Same => self.same(),
            Meaning::AskedTopic(step) if self.joined => self.named(step),
            Meaning::AskedTopic(step) => self.asked_topic(step),
            Meaning::Group(group) => self.group(group),
            // Of a check he says that nobody looked.
            Meaning::Word(step, Claim::Yes | Claim::No) | Meaning::Says(step, Claim::Yes | Claim::No)
                if self.unseen.start < mark.end && mark.start < self.unseen.end && !self.is_pure_action(step) =>
            {
                self.unlooked(step, piece);
            }
            Meaning::Word(step, Claim::Unknown) if !self.asked.contains(&step) || self.is_known(step) => {}
            // 「Safariもぐるぐるしたまま」 is no screen of the app.
            Meaning::Says(step, _) if piece.question && !self.asked.contains(&step) => {}
            Meaning::Says(step, _) if self.flow().steps[step].symptom && self.speaks_of_another_check(step) => {}
            // Who asks how to see it has not seen it.
            Meaning::Word(step, Claim::No)
                if !self.pending.contains(&step) && self.answer(step) == Some(Answer::Unknown) => {}
            // A full statement outweighs the words of the same sentence.
            Meaning::Word(step, claim) if self.stated.contains(&step) && claim != Claim::Done => {}
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
            Meaning::Fixed if self.asks_of_checks() => {
                self.yes_no(Answer::Yes);
                if self.asked.is_empty() {
                    self.fixed();
                }
            }
            Meaning::NoEffect if self.asks_of_checks() => self.yes_no(Answer::No),
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

    /// Nobody looked: that answers what was asked, or is asked first.
    fn unlooked(&mut self, step: usize, piece: &Piece) {
        if self.asked.contains(&step) || self.flow().steps[step].symptom {
            self.says(step, Claim::Unknown, piece);
        }
    }

    fn is_known(&self, step: usize) -> bool {
        self.answer(step).is_some_and(|answer| answer != Answer::Unknown)
    }

    fn speaks_of_another_check(&self, step: usize) -> bool {
        let other = |pending: &usize| *pending != step && !self.is_action(*pending);
        !self.pending.contains(&step) && self.pending.iter().chain(&self.answered).any(other)
    }

    /// It was answered before, and this piece does not speak of it.
    fn is_settled(&self, step: usize) -> bool {
        let here = self.pending.contains(&step) || self.answered.contains(&step);
        !here && self.is_known(step)
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
            _ if !self.left.is_empty() => self.left.clone(),
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

    /// Version numbers, judged by the least that works on their device.
    fn versions(&mut self, text: &str, piece: &Piece) {
        let book = self.book;
        for (device, pattern) in &book.versions {
            let Some(version) = &book.flow.devices[*device].version else { continue };
            let Some(number) = pattern.captures(text).and_then(|groups| groups.get(1)) else { continue };
            let bare = number.as_str().len() == groups_length(pattern, text);
            let placed = piece.places.iter().any(|place| self.placed(*place) == Some(version.step));
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
}

impl Reading {
    /// He only says that he will make the steps later.
    pub fn puts_off(&self) -> bool {
        let nothing_done = self.learned.values().all(|answer| *answer == Answer::No);
        self.later && nothing_done && !self.trouble && !self.lost && self.confused.is_empty()
    }
}

/// Where the ending of a name that is a verb begins: the 「せ」 of 「読ませ」 belongs to 「せた」.
fn stem_end(text: &str, end: usize) -> usize {
    let last = text[..end].chars().next_back().filter(|c| "しっいんえけせてねべめれげじちびみきり".contains(*c));
    end - last.map_or(0, char::len_utf8)
}

/// Inside 「…」: what a screen or somebody else says.
fn is_quoted(before: &str) -> bool {
    before.rfind('「').is_some_and(|open| !before[open..].contains('」'))
}

/// Length of the 「でした」 that goes on with a word: its 「した」 is nothing done.
fn copula(before: &str, rest: &str) -> usize {
    let begun = if before.ends_with('で') { "した" } else { "でした" };
    if rest.starts_with(begun) { begun.len() } else { 0 }
}

/// Length of the whole match: of a bare number it is that of the number.
fn groups_length(pattern: &Pattern, text: &str) -> usize {
    pattern.find(text).map_or(0, |found| found.len())
}

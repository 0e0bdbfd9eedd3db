//! What a mail says about the steps, weighed: what the flow's words found is one feature among others, beside the
//! words that stand near the name of a step.

use std::collections::BTreeMap;

use super::finder::{Found, Names};
use super::marks::{Mark, Piece};
use super::mentions::{Mention, Passage, meant};
use super::reader::Reading;
use super::weights::{ANSWERS, Features, OUTCOMES, Outcome, Weights, strongest};
use super::{Answer, Flow, Step, StepKind};
use crate::triage::fitted::grams;

/// What of a mail is weighed.
#[derive(Debug)]
pub struct Mail<'a> {
    pub flow: &'a Flow,
    /// What the words of the flow found.
    pub reading: &'a Reading,
    /// Steps that our last mail asked for, in its order.
    pub asked: &'a [usize],
    /// For each step.
    pub mentions: Vec<Mention>,
    /// All that the customer wrote today, piece by piece.
    pub pieces: &'a [Piece],
    /// The words of the flow in each piece.
    pub(super) marks: &'a [Vec<Mark>],
    /// For each step, once the learned names were looked for.
    found: Vec<Found<'a>>,
}

/// So many features tell why.
const REASONS: usize = 3;
/// A step with so many points by learned names is weighed: about one of eight was meant.
const WEIGHED: f32 = -2.0;
/// So many points more than nothing an answer must have where no word of the flow names its step: to ask again harms less
/// than to take a step for made.
const DOUBT: f32 = 1.0;
/// Of [`ANSWERS`].
const NOTHING: usize = 0;

impl<'a> Mail<'a> {
    /// As the words of the flow see it.
    pub(super) fn new(
        flow: &'a Flow,
        reading: &'a Reading,
        asked: &'a [usize],
        mentions: Vec<Mention>,
        (pieces, marks): (&'a [Piece], &'a [Vec<Mark>]),
    ) -> Mail<'a> {
        let found = vec![Found::NOTHING; mentions.len()];
        Mail { flow, reading, asked, mentions, pieces, marks, found }
    }

    /// Looks for learned names, too.
    #[must_use]
    pub fn with_names(mut self, names: &Names) -> Mail<'a> {
        self.found = names.find(self.pieces, self.asked);
        for (step, (mention, found)) in self.mentions.iter_mut().zip(&self.found).enumerate() {
            if let Some(piece) = found.piece.filter(|_| !mention.is_named() && found.points > WEIGHED) {
                mention.found(piece, self.pieces, self.marks, step, self.asked);
            }
        }
        self
    }

    /// Nothing was asked, and it names no step: there is nothing to weigh. Names were learned from dialogues, and mean
    /// nothing in mail about other matters.
    pub fn is_silent(&self) -> bool {
        self.asked.is_empty() && self.names_nothing()
    }

    /// The steps that it may answer, each with its features.
    pub fn steps(&self) -> impl Iterator<Item = (usize, Features)> {
        self.candidates().map(|step| (step, self.features(step)))
    }

    fn candidates(&self) -> impl Iterator<Item = usize> {
        (0..self.flow.steps.len()).filter(|step| self.may_answer(*step))
    }

    fn may_answer(&self, step: usize) -> bool {
        self.is_told(step) || self.is_asked(step) || self.found[step].points > WEIGHED
    }

    /// Named, found by the words of the flow, or by learned names more likely than not, whether it was asked for or not.
    fn is_told(&self, step: usize) -> bool {
        self.read(step).is_some() || self.mentions[step].is_named() || self.found[step].unasked > 0.0
    }

    /// It names no step by the words of the flow, and they found nothing.
    fn names_nothing(&self) -> bool {
        self.reading.learned.is_empty() && !self.mentions.iter().any(Mention::is_named)
    }

    /// The learned name of a step that no word of the flow names.
    fn name(&self, step: usize) -> Option<&str> {
        self.found[step].term.filter(|_| !self.mentions[step].near.is_empty() && !self.mentions[step].is_named())
    }

    fn is_asked(&self, step: usize) -> bool {
        self.asked.contains(&step)
    }

    fn asked_or_not(&self, step: usize) -> &'static str {
        if self.is_asked(step) { "asked" } else { "unasked" }
    }

    fn named_or_not(&self, step: usize) -> &'static str {
        if self.mentions[step].is_named() { "named" } else { "unnamed" }
    }

    fn read(&self, step: usize) -> Option<Answer> {
        self.reading.learned.get(&self.flow.steps[step].id).copied()
    }

    fn features(&self, step: usize) -> Features {
        let (mention, kind) = (&self.mentions[step], kind(&self.flow.steps[step]));
        let mut features = Vec::new();
        self.circumstances(step, kind, &mut features);
        self.rules(step, kind, &mut features);
        self.words(step, kind, &mut features);
        let mut terms = |place: &str, text: &str| {
            grams(text).for_each(|term| features.push(format!("{place} {kind} {term}")));
        };
        mention.near.iter().for_each(|passage| terms("near", &passage.text));
        mention.behind.iter().for_each(|passage| terms("behind", &passage.text));
        let all = if mention.is_named() { "beside" } else { "mail" };
        if mention.is_named() || self.is_asked(step) {
            self.pieces.iter().for_each(|piece| terms(all, &piece.text));
        }
        if let Some(piece) = self.found[step].piece.filter(|_| mention.is_named()) {
            terms("piece", &self.pieces[piece].text);
        }
        features.into_iter().collect()
    }

    /// What was asked, and where the mail speaks of it.
    fn circumstances(&self, step: usize, kind: &str, features: &mut Vec<String>) {
        let (id, asked) = (&self.flow.steps[step].id, self.asked_or_not(step));
        features.push(format!("{id} {asked}"));
        features.push(format!("{kind} {asked}"));
        features.push(format!("{kind} {asked} of {}", self.asked.len()));
        let mention = &self.mentions[step];
        mention.by.iter().for_each(|by| features.push(format!("{kind} {asked} by {by}")));
        if !mention.is_named() {
            let by = if mention.near.is_empty() { "nothing" } else { "what was learned" };
            features.push(format!("{kind} {asked} by {by}"));
        }
        // No minus before a zero.
        let points = self.found[step].points.round().clamp(-6.0, 6.0) + 0.0;
        features.push(format!("found {kind} {points}"));
        features.push(format!("found {id} {} {points}", self.named_or_not(step)));
        if let Some(place) = self.asked.iter().position(|asked| *asked == step) {
            features.push(format!("{kind} place {place}"));
            if !self.mentions.iter().any(Mention::is_named) {
                features.push(format!("{kind} alone of {}", self.asked.len()));
            }
        }
    }

    /// What the words of the flow found.
    fn rules(&self, step: usize, kind: &str, features: &mut Vec<String>) {
        let (id, asked) = (&self.flow.steps[step].id, self.asked_or_not(step));
        let read = word(self.read(step));
        let named = self.named_or_not(step);
        features.push(format!("read {read}"));
        features.push(format!("{kind} {asked} read {read}"));
        features.push(format!("{id} {asked} read {read}"));
        features.push(format!("{kind} {asked} {named} read {read}"));
        for flag in flags(self.reading) {
            features.push(format!("{kind} {flag}"));
            features.push(format!("{kind} {flag} read {read}"));
        }
        if self.reading.confused.contains(id) {
            features.push(format!("{kind} confused"));
        }
        let deeds = self.flow.steps.iter().filter(|step| step.kind == StepKind::Action);
        deeds.filter_map(|step| self.reading.learned.get(&step.id)).for_each(|answer| {
            features.push(format!("{kind} {asked} with {}", word(Some(*answer))));
        });
    }

    /// What the flow's words mean beside its name, behind it and, where it has none, anywhere; and in what order.
    fn words(&self, step: usize, kind: &str, features: &mut Vec<String>) {
        let (id, asked) = (&self.flow.steps[step].id, self.asked_or_not(step));
        let mention = &self.mentions[step];
        let mut passage = |place: &str, passage: &Passage| {
            let ask = if passage.question { " ?" } else { "" };
            for word in &passage.words {
                features.push(format!("said {place} {kind} {word}{ask}"));
                features.push(format!("said {place} {id} {word}"));
                features.push(format!("said {place} {asked} {word}"));
            }
            passage.words.windows(2).for_each(|pair| {
                features.push(format!("said {place} {kind} {}{ask}", pair.join(" ")));
            });
            let end = &passage.words[passage.words.len().saturating_sub(3)..];
            features.push(format!("said {place} {kind} {} .", end.join(" ")));
        };
        mention.near.iter().for_each(|near| passage("near", near));
        mention.behind.iter().for_each(|behind| passage("behind", behind));
        if !mention.is_named() && self.is_asked(step) {
            for (piece, marks) in self.pieces.iter().zip(self.marks) {
                passage("anywhere", &Passage::whole(piece, marks, step, self.asked));
            }
        }
        let named = self.named_or_not(step);
        for word in self.marks.iter().flatten().filter_map(|mark| meant(mark.meaning, None, self.asked)) {
            features.push(format!("said in mail {kind} {asked} {named} {word}"));
        }
    }

    /// Features of the whole mail.
    pub fn whole(&self) -> Features {
        let mut features = Vec::new();
        features.push(format!("asked {}", self.asked.len()));
        flags(self.reading).for_each(|flag| features.push(flag.to_owned()));
        for (holds, flag) in [(self.reading.refuses, "refuses"), (self.reading.angry, "angry")] {
            features.push(format!("{flag} {holds}"));
        }
        self.reading.learned.values().for_each(|answer| features.push(format!("read {}", word(Some(*answer)))));
        let mut terms = |place: &str, text: &str| {
            grams(text).for_each(|term| features.push(format!("{place} {term}")));
        };
        self.pieces.iter().for_each(|piece| terms("mail", &piece.text));
        self.pieces.first().into_iter().for_each(|piece| terms("first", &piece.text));
        self.pieces.last().into_iter().for_each(|piece| terms("last", &piece.text));
        features.into_iter().collect()
    }
}

/// `reading` as the weights see it.
pub fn weigh(mail: Mail<'_>, names: &Names, weights: &Weights) -> Reading {
    let mail = &mail.with_names(names);
    let mut out = mail.reading.clone();
    if mail.is_silent() || mail.reading.puts_off() {
        return out;
    }
    out.learned.clear();
    let outcome = OUTCOMES[weights.outcomes.best(&mail.whole())];
    // What was done about one step says nothing of another, and who refuses has answered nothing that he does not name.
    let all = outcome != Outcome::Staff && mail.names_nothing();
    let answered = |step: &usize| all || mail.is_told(*step);
    for step in mail.candidates().filter(answered) {
        let features = mail.features(step);
        let mut points = weights.answers.sum(&features);
        if !mail.mentions[step].is_named() {
            points[NOTHING] += DOUBT;
        }
        let column = strongest(&points);
        if let Some(answer) = ANSWERS[column] {
            let id = &mail.flow.steps[step].id;
            out.learned.insert(id.clone(), answer);
            let mut why = weights.answers.reasons(&features, column, REASONS);
            why.extend(mail.name(step).map(|term| format!("named {term}")));
            out.why.insert(id.clone(), why);
        }
    }
    together(mail, &mut out);
    out.confused = mail.asked.iter().map(|step| mail.flow.steps[*step].id.clone()).collect();
    out.confused.retain(|id| out.learned.get(id) == Some(&Answer::Unknown));
    out.works = outcome == Outcome::Works || out.learned.values().any(|answer| *answer == Answer::Fixed);
    // Not to understand a step is not to refuse: that counts by itself, and only the second time.
    out.refuses = outcome == Outcome::Staff && (out.confused.is_empty() || mail.reading.refuses);
    out.angry &= out.refuses;
    out
}

/// A file read in with the reinstalled app has the effect that this had.
fn together(mail: &Mail<'_>, out: &mut Reading) {
    for (index, step) in mail.flow.steps.iter().enumerate() {
        let Some(other) = step.with else { continue };
        let told = mail.read(index).is_some() && mail.read(other).is_some() && !mail.is_asked(other);
        if let Some(answer) = out.learned.get(&step.id).copied().filter(|_| told) {
            out.learned.insert(mail.flow.steps[other].id.clone(), answer);
        }
    }
}

/// Steps of one kind are answered alike.
fn kind(step: &Step) -> &'static str {
    match (step.kind, step.looked_up) {
        (StepKind::Check, _) => "check",
        (StepKind::Action, true) => "look",
        (StepKind::Action, false) => "action",
    }
}

fn flags(reading: &Reading) -> impl Iterator<Item = &'static str> {
    let all =
        [(reading.works, "works"), (reading.trouble, "trouble"), (reading.later, "later"), (reading.lost, "lost")];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, flag)| flag)
}

fn word(answer: Option<Answer>) -> &'static str {
    match answer {
        None => "nothing",
        Some(Answer::Yes) => "yes",
        Some(Answer::No) => "no",
        Some(Answer::DoneNoEffect) => "done-no-effect",
        Some(Answer::Fixed) => "fixed",
        Some(Answer::Unknown) => "unknown",
    }
}

/// Why each step was answered so: the features that weighed most.
pub type Why = BTreeMap<String, Vec<String>>;

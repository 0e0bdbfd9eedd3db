//! Guided troubleshooting: a decision tree that a pack declares, led by mail.
//!
//! Reading order: this file (what a flow is), [`walk`] (which steps come next), [`words`] (its patterns, compiled),
//! [`marks`] (what stands where in a sentence), [`sense`] (what the form of words says), [`reader`] (what a mail says about
//! the steps), `mentions` and [`weigh`] (the same weighed by what dialogues taught, [`weights`]), [`state`] (the dialogue:
//! `advance(state, mail) → state`), [`reply`] (the mail that follows).

pub mod finder;
pub mod grammar;
pub mod marks;
mod mentions;
pub mod reader;
pub mod reply;
pub mod sense;
pub mod state;
pub mod walk;
pub mod weigh;
pub mod weights;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pack::Term;

/// A decision tree in checked form: every exit leads somewhere, every step is reached, no way goes in a circle.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    pub id: String,
    /// For people: 「うまくつながらないときの確認手順」
    pub title: String,
    /// The clause of mails that it leads through.
    pub clause: String,
    /// Most steps that one mail asks for.
    pub ask: usize,
    /// Business days without an answer after which a dialogue is closed; none: it is not.
    pub close_after: Option<u32>,
    /// Index of the first step.
    pub start: usize,
    pub steps: Vec<Step>,
    pub ends: Vec<End>,
    pub devices: Vec<Device>,
    /// Words that name several steps at once.
    pub groups: Vec<Group>,
    pub words: Words,
    /// What labelled dialogues taught beside them.
    pub weights: Option<weights::Weights>,
}

/// One step, asked or told.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// `Q1` …
    pub id: String,
    pub kind: StepKind,
    /// A few words for staff: 「画面の表示」
    pub title: String,
    /// What the customer is asked, or told to do.
    pub text: Text,
    /// How it is done on a device, by [`Device::id`].
    pub how: BTreeMap<String, Text>,
    pub yes: Exit,
    /// Where a check leads that is answered with no; none for actions, which are then still to be made.
    pub no: Option<Exit>,
    /// Where to go on asking while it is open; none: nothing behind it is asked before it is answered.
    pub open: Option<Exit>,
    /// It is only complete together with this step, if that is mentioned: a reinstalled app needs its file.
    pub with: Option<usize>,
    /// Its "no" is the trouble itself: behind something done it says that it had no effect.
    pub symptom: bool,
    /// An action whose need is looked up first (a version, a switch): who has not looked has not answered.
    pub looked_up: bool,
    pub evidence: Evidence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A question: both answers lead on.
    Check,
    /// Something to do: open until it is done.
    Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Step(usize),
    End(usize),
}

/// Where a flow ends.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub id: String,
    pub who: Who,
    pub title: String,
    /// What the customer is told.
    pub text: Text,
}

/// Who acts at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Customer,
    Desk,
}

/// The same in both languages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    pub ja: String,
    pub en: String,
}

impl Text {
    pub fn say(&self, english: bool) -> &str {
        if english { &self.en } else { &self.ja }
    }
}

/// A kind of device: its names, and the least version that works on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    pub id: String,
    pub names: Vec<Term>,
    pub version: Option<Version>,
}

/// The version that [`StepKind::Action`] `step` wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    pub step: usize,
    /// Just enough.
    pub least: Vec<u32>,
    /// Patterns whose first group is the number.
    pub patterns: Vec<String>,
}

/// How one recognises in a mail what is said about a step. All terms are matched on folded text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Names the step.
    pub topic: Vec<Term>,
    /// Names the step where our last mail asked for it.
    pub asked: Vec<Term>,
    /// Answers it, whatever else stands there.
    pub says: Vec<(Claim, Vec<Term>)>,
    /// Answers it where the step is spoken of.
    pub word: Vec<(Claim, Vec<Term>)>,
    /// If not empty: without one of these a "no" tells the trouble, but not that somebody looked.
    pub seen: Vec<Term>,
    /// Things that a check looks for: a mail that names them all, and says nothing against one, says yes.
    pub whole: Vec<Term>,
}

/// What words claim about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    Yes,
    No,
    /// Something was done; its effect is told by other words.
    Done,
    Unknown,
}

/// Words that name several steps: all of them (「アプリもパソコンも再起動」), or one without saying which (「再起動」).
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub steps: Vec<usize>,
    pub all: bool,
    pub topic: Vec<Term>,
}

/// What people say about any step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Words {
    pub done: Vec<Term>,
    /// Not done, or put off.
    pub undone: Vec<Term>,
    /// Done, and the trouble is still there.
    pub no_effect: Vec<Term>,
    /// The trouble itself: behind something done it says that it had no effect.
    pub still: Vec<Term>,
    /// It works again.
    pub fixed: Vec<Term>,
    /// Meant to be done, perhaps done.
    pub unsure: Vec<Term>,
    /// Not understood.
    pub unclear: Vec<Term>,
    pub yes: Vec<Term>,
    pub no: Vec<Term>,
    /// All that were asked for.
    pub all: Vec<Term>,
    /// All that were asked for and not yet spoken of.
    pub rest: Vec<Term>,
    /// The same answer as to the step before: 「同上」
    pub same: Vec<Term>,
    /// The trouble itself is spoken of: what comes is said of it and of no step.
    pub matter: Vec<Term>,
    /// Of the trouble: gone; of a check: yes; of an action: made.
    pub good: Vec<Term>,
    /// Of the trouble: still there; of a check: no; of an action: made in vain.
    pub bad: Vec<Term>,
    /// Says that something is not so: a check that is only mentioned is then answered with no.
    pub denial: Vec<Term>,
    /// Looks like one of the above and says nothing.
    pub ignore: Vec<Term>,
    /// Will be done later: nothing to answer until then.
    pub later: Vec<Term>,
    pub refusal: Vec<Term>,
    pub anger: Vec<Term>,
}

/// What is known about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The answer to a check; of an action: done, effect not told.
    Yes,
    /// The answer to a check; of an action: not done, or put off.
    No,
    /// Done, and the trouble is still there.
    DoneNoEffect,
    /// Works after it.
    Fixed,
    /// Spoken of, without an answer.
    Unknown,
}

impl Answer {
    /// For staff.
    pub fn japanese(self, kind: StepKind) -> &'static str {
        match (self, kind) {
            (Answer::Yes, StepKind::Check) => "はい",
            (Answer::Yes, StepKind::Action) => "済み",
            (Answer::No, StepKind::Check) => "いいえ",
            (Answer::No, StepKind::Action) => "未実施",
            (Answer::DoneNoEffect, _) => "実施、効果なし",
            (Answer::Fixed, _) => "実施後に回復",
            (Answer::Unknown, _) => "不明",
        }
    }
}

/// What is known about each step, by its id.
pub type Learned = BTreeMap<String, Answer>;

impl Flow {
    pub fn step_index(&self, id: &str) -> Option<usize> {
        self.steps.iter().position(|step| step.id == id)
    }

    /// Ids of all steps, in their order.
    pub fn ids(&self) -> Vec<&str> {
        self.steps.iter().map(|step| step.id.as_str()).collect()
    }

    /// Ids of steps → their indices; unknown ones are left out.
    pub fn indices(&self, ids: &[String]) -> Vec<usize> {
        ids.iter().filter_map(|id| self.step_index(id)).collect()
    }
}

//! The dialogue: what is known so far, and what one more mail changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reader::{Reading, read};
use super::walk::{Way, next};
use super::weigh::Why;
use super::words::FlowBook;
use super::{Answer, Claim, Exit, Flow, Learned, Step, Who};
use crate::triage::inquiry::Inquiry;

/// How often one step may be misunderstood before staff take over.
const CONFUSIONS: u32 = 2;

/// What a case keeps of a flow; written as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowState {
    /// Id of the flow.
    pub flow: String,
    pub learned: Learned,
    /// Steps that our last mail asked for, in its order.
    pub asked: Vec<String>,
    pub place: Place,
    /// Id of the end that was reached.
    pub end: Option<String>,
    /// How often each step was not understood; "" is the whole mail.
    pub confused: BTreeMap<String, u32>,
    /// Steps done without what they need: it completes them.
    pub half: Vec<String>,
    pub device: Option<String>,
    /// What each mail said, oldest first: the transcript that staff get.
    pub turns: Vec<Turn>,
}

/// Where a dialogue stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    #[default]
    Asking,
    /// Works again.
    Solved,
    /// Staff go on.
    Handover,
    /// The flow ended at something that the customer does.
    CustomerEnd,
}

/// One mail of the customer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// What it answered.
    pub asked: Vec<String>,
    pub learned: Learned,
    /// Steps to ask next.
    pub next: Vec<String>,
    pub place: Place,
    pub end: Option<String>,
    /// Why staff take over before the end.
    pub reason: Option<Reason>,
    /// The steps are put off: nothing to answer.
    #[serde(default)]
    pub later: bool,
    /// The features that spoke the most for what was learned, where it was weighed.
    #[serde(default, skip_serializing_if = "Why::is_empty")]
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    Refusal,
    Anger,
    Confusion,
}

impl Place {
    /// For staff.
    pub fn japanese(self) -> &'static str {
        match self {
            Place::Asking => "確認を継続",
            Place::Solved => "回復",
            Place::Handover => "担当者へ引き継ぎ",
            Place::CustomerEnd => "お客様側での対応",
        }
    }
}

impl Reason {
    /// For staff.
    pub fn japanese(self) -> &'static str {
        match self {
            Reason::Refusal => "メールでの確認を希望されない",
            Reason::Anger => "強いご不満",
            Reason::Confusion => "ご説明が2度伝わらない",
        }
    }
}

impl FlowState {
    pub fn new(flow: &Flow) -> FlowState {
        FlowState { flow: flow.id.clone(), ..FlowState::default() }
    }

    /// Takes in one more mail of the customer; its turn is the last of the new state's.
    pub fn advance(&self, mail: &Inquiry, book: &FlowBook) -> FlowState {
        let flow = &*book.flow;
        let asked = self.asks(flow);
        let reading = read(mail, book, &asked, self.device.as_deref());
        let mut state = self.clone();
        state.device = reading.device.clone().or(state.device);
        let completed = state.take_in(&reading, flow);
        let reason = state.reason(&reading);
        let later = reading.puts_off() && reason.is_none() && !self.asked.is_empty();
        let (place, end, next) = state.way(&reading, reason, flow);
        let turn = Turn {
            asked: std::mem::replace(&mut state.asked, next.clone()),
            learned: reading.learned.into_iter().chain(completed).collect(),
            next,
            place,
            end: end.clone(),
            reason,
            later,
            why: reading.why,
        };
        (state.place, state.end) = (place, end);
        state.turns.push(turn);
        state
    }

    /// The steps that the next mail answers: those asked for, or the one that an end told the customer to make.
    pub fn asks(&self, flow: &Flow) -> Vec<usize> {
        if self.asked.is_empty() { self.told(flow) } else { flow.indices(&self.asked) }
    }

    /// The step about which the customer was told to do something at the end that was reached.
    fn told(&self, flow: &Flow) -> Vec<usize> {
        let end = self.end.as_ref().and_then(|id| flow.ends.iter().position(|end| end.id == *id));
        let leads = |step: &Step| end.is_some_and(|end| step.no == Some(Exit::End(end)));
        let can_be_done = |step: &Step| step.evidence.word.iter().any(|(claim, _)| *claim == Claim::Done);
        let steps = flow.steps.iter().enumerate().filter(|(_, step)| leads(step) && can_be_done(step));
        steps.map(|(index, _)| index).collect()
    }

    /// As if the mail after the last turn was not sent: a later mail is answered in its place.
    pub fn unsent(mut self) -> FlowState {
        self.asked.clear();
        self
    }

    /// Staff go on, wherever the dialogue stands.
    pub fn handed_over(mut self) -> FlowState {
        self.place = Place::Handover;
        self.asked.clear();
        self
    }

    /// The last turn.
    pub fn turn(&self) -> Option<&Turn> {
        self.turns.last()
    }

    /// Steps that the mail completed without a word of them.
    fn take_in(&mut self, reading: &Reading, flow: &Flow) -> Learned {
        for (step, answer) in &reading.learned {
            // That a step is spoken of says nothing against what is known of it.
            let known = self.learned.get(step).is_some_and(|known| is_done(*known));
            if *answer != Answer::Unknown || !known {
                self.learned.insert(step.clone(), *answer);
            }
        }
        let completed = self.complete(reading, flow);
        for step in &reading.confused {
            *self.confused.entry(step.clone()).or_default() += 1;
        }
        if reading.lost && reading.learned.is_empty() && !self.turns.is_empty() {
            *self.confused.entry(String::new()).or_default() += 1;
        }
        completed
    }

    /// 「設定ファイルなしで入れ直しました」 is complete once the file is read in.
    fn complete(&mut self, reading: &Reading, flow: &Flow) -> Learned {
        let mut done = Learned::new();
        for step in &flow.steps {
            let Some(other) = step.with.map(|other| &flow.steps[other]) else { continue };
            let now = |id: &str| reading.learned.get(id).copied();
            let reported = reading.done.contains(&step.id);
            if reported && now(&step.id) == Some(Answer::No) && !self.half.contains(&step.id) {
                self.half.push(step.id.clone());
            }
            let completed = now(&other.id).filter(|answer| is_done(*answer));
            if let Some(answer) = completed.filter(|_| self.half.contains(&step.id)) {
                self.half.retain(|id| *id != step.id);
                done.insert(step.id.clone(), answer);
            }
        }
        self.learned.extend(done.clone());
        done
    }

    fn reason(&self, reading: &Reading) -> Option<Reason> {
        let asked = || self.place == Place::Asking && !self.turns.is_empty();
        let often = |step: &String| self.confused.get(step).is_some_and(|times| *times >= CONFUSIONS);
        let whole = reading.lost && reading.learned.is_empty();
        match () {
            _ if reading.works => None,
            _ if reading.angry => Some(Reason::Anger),
            _ if reading.refuses => Some(Reason::Refusal),
            _ if reading.confused.iter().any(often) => Some(Reason::Confusion),
            _ if whole && asked() && often(&String::new()) => Some(Reason::Confusion),
            _ => None,
        }
    }

    fn way(&self, reading: &Reading, reason: Option<Reason>, flow: &Flow) -> (Place, Option<String>, Vec<String>) {
        let ids = |steps: Vec<usize>| steps.into_iter().map(|step| flow.steps[step].id.clone()).collect();
        // Thanks, a receipt: nothing new, so nothing changes; nor does impatience with staff.
        let nothing_new = reading.learned.is_empty();
        let silent = nothing_new && (self.place == Place::Handover || !reading.trouble);
        // Nobody writes for the first time to say that it works: it did so once.
        let first = self.turns.is_empty()
            && self.asked.is_empty()
            && !reading.learned.values().any(|answer| *answer == Answer::Fixed);
        if reading.works && !first {
            return (Place::Solved, None, Vec::new());
        }
        let way = next(flow, &self.learned);
        // Who has made every step may well ask for staff: they are next.
        let staff = matches!(way, Way::End(end) if flow.ends[end].who == Who::Desk) && !nothing_new;
        if reason.is_some() && !staff {
            return (Place::Handover, None, Vec::new());
        }
        match (self.place, way) {
            (Place::Solved | Place::Handover, _) if silent => (self.place, self.end.clone(), Vec::new()),
            (_, Way::Ask(steps)) => (Place::Asking, None, ids(steps)),
            (_, Way::End(end)) => {
                let end = &flow.ends[end];
                let place = if end.who == Who::Desk { Place::Handover } else { Place::CustomerEnd };
                (place, Some(end.id.clone()), Vec::new())
            }
        }
    }
}

fn is_done(answer: Answer) -> bool {
    matches!(answer, Answer::Yes | Answer::DoneNoEffect | Answer::Fixed)
}

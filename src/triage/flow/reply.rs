//! What we say after a turn, and what staff get when they take over.

use serde::Serialize;

use super::Flow;
use super::state::{FlowState, Place};

/// A dialogue as templates see it.
#[derive(Debug, Clone, Serialize)]
pub struct FlowText<'a> {
    /// The flow's title.
    pub title: &'a str,
    /// Steps to ask for, in order.
    pub steps: Vec<StepText<'a>>,
    /// What the customer is told at the end that was reached.
    pub end: Option<&'a str>,
    /// Nothing was asked before.
    pub first: bool,
    /// 「12月1日(火)」, in English "Tuesday, 1 December": the last day for an answer.
    pub deadline: Option<String>,
}

/// One step as the customer reads it.
#[derive(Debug, Clone, Serialize)]
pub struct StepText<'a> {
    pub id: &'a str,
    pub text: &'a str,
    /// How it is done: on the customer's device, or on every one.
    pub how: Vec<&'a str>,
    /// Asked for in the mail before, too, and not understood.
    pub again: bool,
}

/// The template of the mail that follows a turn.
pub fn template(place: Place) -> &'static str {
    match place {
        Place::Asking => "flow-ask",
        Place::Solved => "flow-solved",
        Place::CustomerEnd => "flow-end",
        Place::Handover => "flow-handover",
    }
}

/// What is said after the last turn of `state`.
pub fn text<'a>(state: &'a FlowState, flow: &'a Flow, english: bool, deadline: Option<String>) -> FlowText<'a> {
    let end = state.end.as_ref().and_then(|id| flow.ends.iter().find(|end| end.id == *id));
    FlowText {
        title: &flow.title,
        steps: state.asked.iter().filter_map(|id| step(id, state, flow, english)).collect(),
        end: end.map(|end| end.text.say(english)),
        first: state.turns.iter().all(|turn| turn.asked.is_empty()),
        deadline,
    }
}

fn step<'a>(id: &'a str, state: &FlowState, flow: &'a Flow, english: bool) -> Option<StepText<'a>> {
    let step = &flow.steps[flow.step_index(id)?];
    let known = state.device.as_ref().and_then(|device| step.how.get(device));
    let how = match known {
        Some(text) => vec![text.say(english)],
        None => flow.devices.iter().rev().filter_map(|d| step.how.get(&d.id)).map(|text| text.say(english)).collect(),
    };
    Some(StepText { id, text: step.text.say(english), how, again: state.confused.contains_key(id) })
}

/// The whole dialogue in order, for staff: what was asked, and what each mail said.
pub fn transcript(state: &FlowState, flow: &Flow) -> String {
    let mut out = String::new();
    for (number, turn) in state.turns.iter().enumerate() {
        out.push_str(&format!("[{}] 確認依頼: {}\n", number + 1, list(&turn.asked)));
        let told = flow.steps.iter().filter_map(|step| Some((step, turn.learned.get(&step.id)?)));
        for (step, answer) in told {
            out.push_str(&format!("    {} {}: {}\n", step.id, step.title, answer.japanese(step.kind)));
        }
        let reason = turn.reason.map(|reason| format!(" ({})", reason.japanese())).unwrap_or_default();
        out.push_str(&format!("    → {}{reason}\n", turn.place.japanese()));
    }
    out
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "なし".into() } else { ids.join("、") }
}

//! Which steps come next, given what is known: from the first step along the answers.

use super::{Answer, Exit, Flow, Learned, Step, StepKind};

/// Where the flow stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// These steps are open, in order; at most [`Flow::ask`].
    Ask(Vec<usize>),
    /// Index of the end that is reached.
    End(usize),
}

/// Walks from the start. Open steps are collected until one decides the way, or an end is known: what lies off the
/// way is not looked at.
pub fn next(flow: &Flow, learned: &Learned) -> Way {
    let mut open = Vec::new();
    let mut at = Exit::Step(flow.start);
    loop {
        let index = match at {
            Exit::End(end) if open.is_empty() => return Way::End(end),
            Exit::End(_) => return Way::Ask(open),
            Exit::Step(index) => index,
        };
        let step = &flow.steps[index];
        at = match settled(step, learned.get(&step.id).copied()) {
            Some(exit) => exit,
            None => {
                open.push(index);
                match step.open {
                    Some(exit) if open.len() < flow.ask => exit,
                    _ => return Way::Ask(open),
                }
            }
        };
    }
}

/// Where a step leads that needs no more asking.
fn settled(step: &Step, answer: Option<Answer>) -> Option<Exit> {
    match (step.kind, answer?) {
        (_, Answer::Yes | Answer::DoneNoEffect | Answer::Fixed) => Some(step.yes),
        (StepKind::Check, Answer::No) => step.no,
        _ => None,
    }
}

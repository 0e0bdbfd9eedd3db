//! What a mail tells beyond its question: read for staff and for drafts, and shown by `explain`.

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::flow::Learned;
use super::flow::reader;
use super::inquiry::Inquiry;

/// Facts read from the customer's own words of today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Steps of the pack's flow that the sender reports as made, in the flow's order.
    pub flow_done: Vec<String>,
    /// What he says about each step.
    pub flow_learned: Learned,
}

/// Reads the facts of a mail.
pub fn facts(inquiry: &Inquiry, ctx: &Context) -> Facts {
    let Some(book) = ctx.rules.flows.first() else { return Facts::default() };
    let reading = reader::read(inquiry, book, &[], None);
    Facts { flow_done: reading.done, flow_learned: reading.learned }
}

//! stub
use super::context::{Context, RequiredAuth};
use super::decision::{AuthLevel, Gate, GateVerdict};
use super::inquiry::{Inquiry, Mailbox};
pub enum Target {
    To(Mailbox),
    AcknowledgeOnly(Mailbox),
    Human { why: String },
}
pub fn judge(_: &Inquiry, _: &Context, _: AuthLevel) -> Gate {
    Gate { verdict: GateVerdict::Answer, hits: vec![] }
}
pub fn reply_target(i: &Inquiry, _: AuthLevel, _: RequiredAuth) -> Target {
    i.author().map_or(Target::Human { why: String::new() }, |m| Target::To(m.clone()))
}

//! Dialogues: guided troubleshooting led by mail (see [`super::flow`]). Which mail begins one or goes on with it, what
//! the case remembers of it, and when it ends without an answer.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::calendar::Calendar;
use super::classify::Classification;
use super::context::{Case, Context};
use super::decision::{Gate, Reason, Route, RouteKind};
use super::flow::state::{FlowState, Place};
use super::flow::words::FlowBook;
use super::flow::{Flow, reply};
use super::inquiry::Inquiry;
use super::notice;

/// Answers in one dialogue, at most: then staff go on, whatever was said. It is what the thread's budget (R22) becomes
/// for customers who are led, so two robots that ask each other end here.
pub const MOST_ANSWERS: u32 = 6;

/// The name under which a case remembers its dialogue.
const REMEMBERED: &str = "flow";

/// A dialogue after a mail of the customer.
#[derive(Debug, Clone)]
pub struct Dialogue<'a> {
    pub flow: &'a Flow,
    pub state: FlowState,
    /// It began with an earlier mail.
    pub goes_on: bool,
}

/// The dialogue that the case is in, if it is not with staff.
fn open_one<'a>(ctx: &Context<'a>) -> Option<(&'a FlowBook, FlowState)> {
    let state: FlowState = ctx.history.case.as_ref()?.remembered(REMEMBERED)?;
    let book = ctx.rules.flows.iter().find(|book| book.flow.id == state.flow)?;
    (state.place != Place::Handover).then_some((book, state))
}

/// Is the customer being led? Then his thread has a budget of its own ([`MOST_ANSWERS`]).
pub fn is_open(ctx: &Context) -> bool {
    open_one(ctx).is_some()
}

/// Takes the mail into the dialogue of its case, or begins one; none if it is not for a robot to lead.
pub fn lead<'a>(
    inquiry: &Inquiry,
    gate: &Gate,
    route: &Route,
    words: &Classification,
    ctx: &Context<'a>,
) -> Option<Dialogue<'a>> {
    let proved = ctx.desk.authentication.met_by(route.authenticated);
    // A robot's mail says nothing about the steps; the limits of our own are no reason not to read what was said.
    let ours = gate.hits.iter().all(|hit| ["R21", "R22"].contains(&hit.rule.as_str()));
    if route.kind != RouteKind::Direct || !proved || !ours || notice::in_place_of_all(ctx).is_some() {
        return None;
    }
    let going_on = open_one(ctx);
    let goes_on = going_on.is_some();
    let (book, before) = going_on.or_else(|| new_one(words, ctx))?;
    if notice::in_place_of(ctx, &book.flow.clause).is_some() {
        return None;
    }
    let state = before.advance(&of_this_matter(inquiry, words, &book.flow), book);
    (!is_silent(&before, &state)).then_some(Dialogue { flow: &book.flow, state, goes_on })
}

/// The mail without what it says about its other matters: that is no answer to a step.
fn of_this_matter<'a>(inquiry: &'a Inquiry, words: &Classification, flow: &Flow) -> Cow<'a, Inquiry> {
    let others: Vec<&str> = words.parts.iter().filter(|p| p.scope != flow.clause).map(|p| p.text.as_str()).collect();
    let own = |text: &str| words.parts.iter().any(|part| part.scope == flow.clause && part.text.contains(text));
    let mut cut = Cow::Borrowed(inquiry);
    for text in others.into_iter().filter(|text| words.doubt.is_none() && !own(text)) {
        // Blanks of the same length: the sections stay where they are.
        let at = inquiry.text.find(text).filter(|_| !text.is_empty());
        if let Some(at) = at {
            cut.to_mut().text.replace_range(at..at + text.len(), &" ".repeat(text.len()));
        }
    }
    cut
}

/// A case has one dialogue: whoever comes back after it is for staff.
fn new_one<'a>(words: &Classification, ctx: &Context<'a>) -> Option<(&'a FlowBook, FlowState)> {
    let had_one = ctx.history.case.as_ref().is_some_and(|case| case.state.contains_key(REMEMBERED));
    let asked = |clause: &String| words.scopes.contains(clause) || super::together::is_also_asked(clause, ctx);
    let book = ctx.rules.flows.iter().find(|book| asked(&book.flow.clause)).filter(|_| !had_one)?;
    Some((book, FlowState::new(&book.flow)))
}

/// Thanks after the end: nothing to answer.
fn is_silent(before: &FlowState, after: &FlowState) -> bool {
    let learned = after.turn().is_some_and(|turn| !turn.learned.is_empty());
    before.place != Place::Asking && before.place == after.place && !learned
}

impl Dialogue<'_> {
    /// The template of the mail that follows.
    pub fn template(&self) -> &'static str {
        reply::template(self.state.place)
    }

    /// What the mail is about: in a dialogue its matter first, and besides only what is beyond doubt.
    pub fn scopes(&self, words: &Classification) -> Vec<String> {
        if !self.goes_on {
            return words.scopes.clone();
        }
        let besides = words.scopes.iter().filter(|scope| words.doubt.is_none() && **scope != self.flow.clause);
        std::iter::once(&self.flow.clause).chain(besides).cloned().collect()
    }

    /// Is there nothing else to answer?
    pub fn is_all_of(&self, scopes: &[String]) -> bool {
        scopes.iter().all(|scope| *scope == self.flow.clause)
    }

    /// The customer says that he will make the steps later: there is nothing to answer until then.
    pub fn waits(&self) -> bool {
        self.state.turn().is_some_and(|turn| turn.later) && self.state.place == Place::Asking
    }

    /// Labels that staff look for.
    pub fn label(&self) -> Option<&'static str> {
        match self.state.place {
            Place::Solved => Some("solved"),
            Place::Handover => Some("handover"),
            Place::Asking | Place::CustomerEnd => None,
        }
    }

    /// What the case remembers where no mail of ours follows: a later mail is answered in its place, or staff go on. A
    /// dialogue that staff have from the beginning is none.
    pub fn stopped(&self, answered_later: bool) -> Option<FlowState> {
        match answered_later {
            true => Some(self.state.clone().unsent()),
            false => Some(self.state.clone().handed_over()).filter(|_| self.goes_on),
        }
    }

    /// What the mail that did not follow would have asked or told the customer to do, for staff, with its title.
    pub fn unsaid(&self) -> Option<(&'static str, Vec<String>)> {
        let text = reply::text(&self.state, self.flow, false, None);
        match self.state.place {
            Place::Asking => {
                let steps = text.steps.iter().map(|step| format!("{} {}", step.id, step.text));
                Some(("お送りしていない次の確認依頼", steps.collect()))
            }
            Place::CustomerEnd => {
                Some(("お送りしていないご案内", text.end.into_iter().flat_map(str::lines).map(str::to_owned).collect()))
            }
            Place::Solved | Place::Handover => None,
        }
    }

    /// When the dialogue is closed unless the customer answers: the opening after the flow's number of business days.
    pub fn closes_at(&self, asked: Timestamp, calendar: &Calendar) -> Option<Timestamp> {
        let days = self.flow.close_after.filter(|_| self.state.place == Place::Asking)?;
        calendar.next_opening(calendar.end_of_business_day(asked, days)?)
    }

    /// What became of it, for staff.
    pub fn reason(&self) -> Reason {
        let reason = |code: &str, text: String| Reason { code: code.into(), text };
        let end = self.state.end.as_ref().and_then(|id| self.flow.ends.iter().find(|end| end.id == *id));
        let end = end.map(|end| end.title.as_str()).unwrap_or_default();
        let why = self.state.turn().and_then(|turn| turn.reason).map_or(end, |reason| reason.japanese());
        match self.state.place {
            Place::Asking if self.waits() => reason("flow-later", "確認は後ほどとのことです。ご報告を待ちます".into()),
            Place::Asking => reason("flow-ask", format!("確認手順の {} をお願いします", self.state.asked.join("、"))),
            Place::Solved => reason("flow-solved", "電話が使えるようになったとのご連絡です".into()),
            Place::CustomerEnd => reason("flow-end", format!("お客様側でのご対応をご案内します: {end}")),
            Place::Handover => reason("flow-handover", format!("確認手順を終え、担当者が引き継ぎます: {why}")),
        }
    }
}

/// A case's dialogue mail by mail, for staff; none if it had none.
pub fn transcript(case: &Case, flows: &[Arc<Flow>]) -> Option<String> {
    let state: FlowState = case.remembered(REMEMBERED)?;
    let flow = flows.iter().find(|flow| flow.id == state.flow)?;
    Some(reply::transcript(&state, flow))
}

/// What the case is to remember.
pub fn remembered(state: Option<FlowState>) -> Map<String, Value> {
    let value = state.and_then(|state| serde_json::to_value(state).ok());
    value.map(|value| (REMEMBERED.to_owned(), value)).into_iter().collect()
}

//! What a mail tells beyond its question: read for staff and for drafts, and shown by `explain`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::classify::Classification;
use super::context::Context;
use super::credit::{Claim, Credit};
use super::deadline::{self, Deadline};
use super::decision::Route;
use super::figure::{Computed, FigureBook};
use super::flow::Answer;
use super::flow::reader;
use super::own_words::OwnWords;
use super::period::{self, Outages};
use super::products::Mentioned;
use super::rulebook::Rulebook;
use super::settled;
use super::urgent::{self, Alarm};

/// Facts read from the customer's own words of today.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Deadlines that the customer sets, in the order of the text (terms 6-2).
    pub deadlines: Vec<Deadline>,
    /// The sender says that the matter is settled.
    pub settled: bool,
    /// Steps of the pack's flow that the sender reports as made, in the flow's order.
    pub flow_done: Vec<String>,
    /// What he says about each step.
    pub flow_told: Vec<Told>,
    /// Stops of the service, where the mail is about a credit.
    pub outages: Option<Outages>,
    /// Operating systems and devices that the pack's tables know.
    pub products: Vec<Mentioned>,
    /// What the stops are worth by the pack's table; staff decide.
    pub credit: Option<Credit>,
    /// Dates and amounts that the terms count for what is asked; for staff.
    pub figures: Vec<Computed>,
    /// It is of a kind that staff must see at once.
    pub urgent: Option<Alarm>,
}

impl Facts {
    /// The first moment by which an answer is wanted, to sort by.
    pub fn due(&self) -> Option<Timestamp> {
        self.deadlines.iter().filter_map(|deadline| deadline.by).min()
    }
}

/// What is said about one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub step: String,
    pub answer: Answer,
}

/// Reads the facts of a mail, all but what it claims. `received`: when it was first decided, however long it waited.
pub fn facts(own: &OwnWords, words: &Classification, rules: &Rulebook, received: Timestamp) -> Facts {
    let inquiry = own.inquiry;
    let deadlines = deadline::deadlines(own, &rules.calendar, received);
    let mut facts =
        Facts { deadlines, settled: settled::settled(own), products: words.products.clone(), ..Facts::default() };
    if let Some(book) = rules.flows.first() {
        let reading = reader::read(inquiry, book, &[], None);
        let told = reading.learned.into_iter().map(|(step, answer)| Told { step, answer });
        (facts.flow_done, facts.flow_told) = (reading.done, told.collect());
    }
    let today = rules.calendar.date(inquiry.date.unwrap_or(received));
    let asked = |book: &&FigureBook| book.figure.clauses.iter().any(|clause| words.scopes.contains(clause));
    facts.figures = rules.figures.iter().filter(asked).filter_map(|book| book.compute(own, today)).collect();
    facts.urgent = urgent::alarm(own, &rules.urgent);
    facts
}

/// Reads what a mail claims, and holds it against what is recorded.
pub fn claim(facts: &mut Facts, own: &OwnWords, words: &Classification, route: &Route, ctx: &Context) {
    // Also where the clause only came near: staff should see the computation.
    let touches = |clause: &String| words.evidence.iter().any(|e| e.clause == *clause && e.score > 0.0);
    let credit = ctx.rules.credit.as_ref().filter(|book| touches(&book.table.clause) || book.is_named(own));
    if let Some(book) = credit {
        let zone = &ctx.rules.calendar.zone;
        let told = period::read(own, own.inquiry.date.unwrap_or(ctx.first_decided()), zone);
        let claim = Claim {
            told: &told,
            recorded: &ctx.outages,
            excluded: book.excluded(own),
            fee: registered_fee(route, ctx).or_else(|| book.fee(own)),
        };
        facts.credit = book.table.claim(&claim, zone);
        facts.outages = Some(told).filter(|told| !told.periods.is_empty());
    }
}

/// The monthly basic fee of the register; of nobody whose mail does not prove who he is.
fn registered_fee(route: &Route, ctx: &Context) -> Option<i64> {
    let proved = ctx.desk.authentication.met_by(route.authenticated);
    let customer = route.customer.as_deref().filter(|_| proved)?;
    ctx.register.customer(customer)?.monthly_fee().map(i64::from)
}

//! The pure room: from raw bytes to a decision, without clock, I/O, async or randomness.
//!
//! Reading order: [`inquiry`] (what a mail is), [`mod@read`] (bytes → inquiry), [`sections`] (what the customer wrote
//! today), [`form`] (mail of web forms), [`gate`] (may a robot answer?), [`budget`] (how often?), [`sender`] (whose
//! customer? by the [`register`]), [`own_words`] (its words, folded), `scan`, [`fitted`] and [`classify`] (what is asked?), [`calendar`] (open?),
//! [`verdict`] (who acts), [`reply`] (what we say: [`template`], [`message_id`]), [`decision`] (the result). Beside them
//! stand [`mod@bounce`], reports that a mail of ours came back, and [`circumstances`], what a decision is made again from.

pub mod arrival;
pub mod auth;
pub mod bounce;
pub mod budget;
pub mod calendar;
pub mod circumstances;
pub mod classify;
pub mod context;
pub mod contract;
pub mod credit;
pub mod dates;
pub mod deadline;
pub mod decision;
pub mod dialogue;
mod doubt;
pub mod facts;
pub mod figure;
pub mod fitted;
pub mod flow;
pub mod fold;
pub mod form;
pub mod gate;
pub mod inquiry;
mod look_alike;
pub mod memo;
pub mod message_id;
pub mod miss;
pub mod needs;
mod nfkc;
pub mod notice;
pub mod outage;
pub mod own_words;
pub mod pack;
pub mod pattern;
pub mod period;
pub mod products;
pub mod read;
pub mod receipt;
pub mod register;
pub mod reply;
mod required;
pub mod rulebook;
mod scan;
pub mod sections;
pub mod sender;
pub mod sentence;
pub mod settled;
pub mod template;
pub mod together;
pub mod urgent;
pub mod verdict;
mod word_set;

use jiff::Timestamp;

use classify::Classification;
use context::{Context, DeskProfile};
use decision::{Decision, Disposition, MadeWith};
use facts::Facts;
use inquiry::Inquiry;
use own_words::{Cut, OwnWords};
use rulebook::Rulebook;
use verdict::{Findings, Verdict};

/// Name and version of this program, as decisions record it.
const PROGRAM: &str = concat!("madoguchi ", env!("CARGO_PKG_VERSION"));

/// What a mail asks in its own words: the part of [`decide`] that hangs on nothing but the mail, the rules and when the mail
/// is first decided, so that it may be done ahead.
#[derive(Debug)]
pub struct Asked {
    text: gate::OwnText,
    /// It only brings the password of an attachment.
    notice: bool,
    cut: Cut,
    words: Classification,
    facts: Facts,
}

/// Reads what a mail asks. `received`: when it is first decided ([`Context::first_decided`]).
pub fn asked(inquiry: &Inquiry, desk: &DeskProfile, rules: &Rulebook, received: Timestamp) -> Asked {
    let inquiry = &*form::opened(inquiry, desk);
    let text = gate::OwnText::of(inquiry);
    let notice = gate::brings_password(inquiry, &text);
    let own = OwnWords::of(inquiry);
    let (mut words, mut facts) = (Classification::default(), Facts::default());
    // A mail with a password asks nothing, and no evidence must quote it.
    if !notice {
        words = classify::classify(&own, rules);
        facts = facts::facts(&own, &words, rules, received);
    }
    Asked { text, notice, cut: own.into_cut(), words, facts }
}

/// The whole product on one page: what is done about one mail, and why.
pub fn decide(inquiry: &Inquiry, ctx: &Context) -> Decision {
    decide_asked(inquiry, asked(inquiry, ctx.desk, ctx.rules, ctx.first_decided()), ctx)
}

/// The same, where it is known what the mail asks by the rules and at the time of `ctx`.
pub fn decide_asked(inquiry: &Inquiry, asked: Asked, ctx: &Context) -> Decision {
    let Asked { text, notice, cut, mut words, mut facts } = asked;
    // Who is it, how far is that proved, and may a robot answer at all?
    let inquiry = &*form::opened(inquiry, ctx.desk);
    let (authenticated, proof) = form::author_level(inquiry, ctx);
    let gate = gate::judge(inquiry, text, ctx, authenticated);
    let known = ctx.history.route.clone();
    let route = known.unwrap_or_else(|| sender::route(inquiry, ctx, authenticated).with_proof(&proof));

    // What is asked, in the customer's own words of today?
    let own = OwnWords::again(inquiry, cut);
    if !notice {
        facts::claim(&mut facts, &own, &words, &route, ctx);
    }

    // Is the customer led through steps, or to be?
    let dialogue = if notice { None } else { dialogue::lead(inquiry, &gate, &route, &words, ctx) };
    if let Some(dialogue) = &dialogue {
        words.scopes = dialogue.scopes(&words);
    }

    // Who acts, when, and with which words?
    let found = Findings {
        own: &own,
        gate: &gate,
        route: &route,
        words: &words,
        facts: &facts,
        notice,
        dialogue: dialogue.as_ref(),
    };
    let verdict = verdict::verdict(found, ctx);

    let case = case(&verdict, ctx);
    let mut case_state = dialogue::remembered(verdict.dialogue.clone());
    if verdict
        .actions
        .iter()
        .any(|action| matches!(action, decision::Action::Alert(_) | decision::Action::AlertCommand(_)))
    {
        case_state.insert(urgent::REMEMBERED.into(), true.into());
    }
    Decision {
        gate,
        disposition: verdict.disposition,
        reasons: verdict.reasons,
        route,
        scopes: words.scopes,
        conduct: words.conduct,
        parts: words.parts,
        evidence: words.evidence,
        confidence: words.confidence,
        runner_up: words.runner_up,
        facts,
        actions: verdict.actions,
        case,
        case_state,
        made_with: made_with(ctx),
    }
}

/// The case of the thread, or a new one for what a person should see; mail that is only observed opens none.
fn case(verdict: &Verdict, ctx: &Context) -> Option<String> {
    let known = ctx.history.case.as_ref().map(|case| case.reference.clone());
    let opens = verdict.disposition != Disposition::Ignore && !verdict::before_activation(ctx);
    known.or_else(|| ctx.receipt.clone().filter(|_| opens))
}

fn made_with(ctx: &Context) -> MadeWith {
    let pack = &ctx.rules.pack;
    MadeWith {
        pack: pack.id.clone(),
        pack_version: pack.version.clone(),
        rules_hash: pack.hash.clone(),
        program: PROGRAM.into(),
    }
}

/// The inquiry that stands for a mail that cannot be read at all: staff must look.
pub fn unreadable(size: u64) -> Inquiry {
    let oddity =
        inquiry::Oddity { code: "unreadable".into(), detail: "the mail could not be read".into(), serious: true };
    Inquiry { oddities: vec![oddity], size, ..Inquiry::default() }
}

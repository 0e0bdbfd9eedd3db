//! `madoguchi test`: does a pack keep its word? Every example of every rule, and every whole mail with what must be
//! decided about it.

mod examples;
mod mails;

use std::io::Write;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::screen::{Language, written};
use super::{Exit, loaded, packs};
use crate::config;
use crate::triage::rulebook::Rulebook;

/// Check the examples and tests that stand in a pack's files
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Checked are

  examples of rules    the rule applies to each of its `examples` and to none of its `counterexamples`; an example
                       of a rule that is strong enough to decide must not be taken by a sibling clause
  [[test]]             a whole mail with the disposition, scopes, conduct, template … that it must get

Outcomes: Right; Missing, what should be found is not; Noisy, what should not be found is; Wrong, something else
is found or done. Exit status: 0 if all are right, else 1.

  madoguchi test                          the packs of the program itself
  madoguchi test rules/optim-biz          a pack that is being edited
  madoguchi test --json rules/optim-biz   one object a line")]
pub struct Args {
    /// One JSON object a line for everything checked
    #[arg(long)]
    json: bool,
    /// Language of the labels; else as the locale says
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Packs: of the program itself, or folders rules/<pack>; none: all of the program itself
    #[arg(value_name = "PACK")]
    packs: Vec<String>,
}

/// How a claim turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    /// What should be found is not.
    Missing,
    /// What should not be found is.
    Noisy,
    /// Something else is found or done.
    Wrong,
}

impl Outcome {
    const ALL: [Outcome; 4] = [Outcome::Right, Outcome::Missing, Outcome::Noisy, Outcome::Wrong];

    fn as_str(self) -> &'static str {
        match self {
            Outcome::Right => "Right",
            Outcome::Missing => "Missing",
            Outcome::Noisy => "Noisy",
            Outcome::Wrong => "Wrong",
        }
    }
}

/// One claim, checked.
#[derive(Debug)]
struct Checked {
    outcome: Outcome,
    /// `rules/x/y.toml:12`
    place: String,
    /// The rule's id or the test's name.
    name: String,
    /// What was expected and found instead; empty for what is right.
    detail: String,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let language = args.language.unwrap_or_else(Language::of_locale);
    let packs = if args.packs.is_empty() { config::embedded_packs() } else { args.packs.clone() };
    let mut out = anstream::AutoStream::auto(std::io::stdout().lock());
    let mut exit = Exit::Ok;
    for name in packs {
        let Some((pack, claims)) = loaded(packs::pack(&name)) else { return Ok(Exit::Config) };
        let profile = packs::profile(&pack);
        let book = Rulebook::compile(pack.into())?;
        let mut checked = examples::check(&claims.examples, &book);
        checked.extend(mails::check(&claims.tests, &profile, &book));
        if checked.iter().any(|c| c.outcome != Outcome::Right) {
            exit = Exit::Failed;
        }
        written(show(&book.pack.id, &checked, args.json, language, &mut out))?;
    }
    Ok(exit)
}

fn show(pack: &str, checked: &[Checked], json: bool, language: Language, out: &mut impl Write) -> std::io::Result<()> {
    if json {
        return checked.iter().try_for_each(|claim| writeln!(out, "{}", object(pack, claim)));
    }
    for claim in checked.iter().filter(|claim| claim.outcome != Outcome::Right) {
        let style = Style::new().bold().fg_color(Some(match claim.outcome {
            Outcome::Wrong => AnsiColor::Red.into(),
            _ => AnsiColor::Yellow.into(),
        }));
        writeln!(out, "{style}{}{style:#} {} {}: {}", claim.outcome.as_str(), claim.place, claim.name, claim.detail)?;
    }
    let count = |outcome| checked.iter().filter(|claim| claim.outcome == outcome).count();
    let counts: Vec<String> = Outcome::ALL.map(|outcome| format!("{} {}", outcome.as_str(), count(outcome))).into();
    writeln!(out, "{pack}: {} {} ({})", checked.len(), language.say("件", "checked"), counts.join(", "))
}

fn object(pack: &str, claim: &Checked) -> Value {
    json!({
        "pack": pack,
        "outcome": claim.outcome.as_str(),
        "place": claim.place,
        "name": claim.name,
        "detail": claim.detail,
    })
}

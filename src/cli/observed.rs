//! `madoguchi observed`: what a desk would have done that has only observed its mailbox so far.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::screen::{self, Language, error_word, fit};
use super::{Exit, desk, loaded};
use crate::config::{self, Config, Desk};
use crate::store::{Activation, ObservedRow, Store, StoreError};
use crate::triage::decision::{Action, Decision};
use crate::triage::read;

/// Show what a desk would have done that has only observed its mailbox so far
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each mail is judged as if the desk had been active when it came, also mail that was there long before. Nothing of it
was or will be done. Satisfied? `madoguchi activate` lets the desk begin.

  madoguchi observed -c madoguchi.toml
  madoguchi observed --desk optim-biz --limit 500 --json")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only this desk
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// Only so many mails, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    /// One JSON object a mail and line
    #[arg(long)]
    json: bool,
}

/// An observed mail with what people know it by.
struct Seen {
    row: ObservedRow,
    decision: Decision,
    subject: String,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(mut config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(id) = &args.desk {
        desk::keep_only(&mut config, &args.config, id)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let desks = match runtime.block_on(all(&config, args.limit)) {
        Ok(desks) => desks,
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            return Ok(Exit::Unavailable);
        }
    };
    for (desk, (state, seen)) in config.desks.iter().zip(desks) {
        screen::written(match args.json {
            true => objects(desk, &seen),
            false => table(desk, state, &seen),
        })?;
    }
    Ok(Exit::Ok)
}

async fn all(config: &Config, limit: u32) -> Result<Vec<(Activation, Vec<Seen>)>, StoreError> {
    let store = Store::open_reading(&config.store)?;
    let mut desks = Vec::new();
    for desk in &config.desks {
        let id = &desk.profile.id;
        let state = store.activation(id, desk.mailbox.folder()).await?;
        let mut seen = Vec::new();
        for row in store.observed(id, limit).await? {
            // One of another version cannot be shown, but the others can.
            let Ok(decision) = row.decision() else { continue };
            seen.push(Seen { subject: subject(&store, &row).await, row, decision });
        }
        desks.push((state, seen));
    }
    Ok(desks)
}

/// "" if the mail is not kept any more.
async fn subject(store: &Store, row: &ObservedRow) -> String {
    match store.raw(row.mail).await {
        Ok((raw, complete)) => read::read(&raw, raw.len() as u64, complete).subject,
        Err(_) => String::new(),
    }
}

fn table(desk: &Desk, state: Activation, seen: &[Seen]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    let (id, language) = (&desk.profile.id, Language::of_locale());
    let state = match (desk.answer_since.or(state.active_since), state.first_look) {
        (Some(since), _) => format!("{} {since:.0}", language.say("動作中。開始:", "active since")),
        (None, Some(since)) => format!("{} {since:.0}", language.say("観察のみ。開始:", "only observes, since")),
        (None, None) => {
            language.say("まだメールボックスを見ていません", "has not looked at its mailbox yet").to_owned()
        }
    };
    writeln!(out, "{id}: {state}")?;
    for Seen { row, decision, subject } in seen {
        let arrived = row.arrived.map(|at| format!("{at:.0}")).unwrap_or_default();
        let style = screen::colour(decision.disposition);
        let (word, does) = (fit(&row.disposition, 7), fit(&does(decision, language), 24));
        let asks = fit(&asks(decision), 16);
        writeln!(out, "  {}  {style}{word}{style:#} {does} {asks} {}", fit(&arrived, 20), fit(subject, 40).trim_end())?;
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in seen {
        *counts.entry(one.row.disposition.as_str()).or_default() += 1;
    }
    let answers = seen.iter().filter(|one| one.decision.answers()).count();
    let counts: Vec<String> = counts.iter().map(|(disposition, count)| format!("{disposition} {count}")).collect();
    let (shown, answered) = (language.say("件のメール:", "mails:"), language.say("自動返信", "answers"));
    writeln!(out, "{id}: {} {shown} {} / {answered} {answers}", seen.len(), counts.join(", "))
}

/// Clauses, those of conduct first.
fn asks(decision: &Decision) -> String {
    let clauses: Vec<&str> = decision.conduct.iter().chain(&decision.scopes).map(String::as_str).collect();
    clauses.join(" ")
}

fn does(decision: &Decision, language: Language) -> String {
    let word = decision.actions.iter().find_map(|action| match action {
        Action::Reply(_) => Some(language.say("返信する", "would answer")),
        Action::Redirect(_) => Some(language.say("案内する", "would redirect")),
        Action::Forward(_) => Some(language.say("転送する", "would pass on")),
        Action::Draft(_) => Some(language.say("下書きを作る", "would draft")),
        _ => None,
    });
    word.unwrap_or(language.say("ラベルのみ", "would label")).to_owned()
}

fn objects(desk: &Desk, seen: &[Seen]) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    seen.iter().try_for_each(|one| writeln!(out, "{}", object(desk, one)))
}

fn object(desk: &Desk, Seen { row, decision, subject }: &Seen) -> Value {
    json!({
        "desk": desk.profile.id,
        "mail": row.mail.to_string(),
        "arrived": row.arrived.map(|at| at.to_string()),
        "subject": subject,
        "disposition": row.disposition,
        "scopes": decision.scopes,
        "conduct": decision.conduct,
        "reasons": decision.reasons,
        "answers": decision.answers(),
        "actions": decision.actions,
    })
}

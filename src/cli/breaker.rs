//! `madoguchi breaker`: how much each desk answers, and letting one go on that was stopped.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Config, Desk};
use crate::store::{DeskLoad, Store, StoreError, release_breaker};
use crate::triage::budget::usual_hour;

/// Show how much each desk answers, or let a stopped desk answer again
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
A desk that would answer far more than usual stops: its breaker opens, and staff decide about every mail until it is
released. Both commands work while `madoguchi run` is running.

  madoguchi breaker -c madoguchi.toml
  madoguchi breaker release --desk optim-biz -c madoguchi.toml"
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    file: File,
    /// Only this desk
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// One JSON object a desk and line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct File {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Let a desk answer by itself again
    Release {
        #[command(flatten)]
        file: File,
        /// The desk to release
        #[arg(long, value_name = "DESK")]
        desk: String,
    },
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let (file, desk) = match &args.action {
        Some(Action::Release { file, desk }) => (file, Some(desk)),
        None => (&args.file, args.desk.as_ref()),
    };
    let Some(mut config) = loaded(config::load(&file.config)) else { return Ok(Exit::Config) };
    if let Some(desk) = desk {
        super::desk::keep_only(&mut config, &file.config, desk)?;
    }
    let done = match (&args.action, desk) {
        (Some(_), Some(desk)) => release(&config.store, desk),
        _ => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
            runtime.block_on(show(&config, args.json))
        }
    };
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

fn release(store: &Path, desk: &str) -> Result<(), StoreError> {
    let say = |ja, en| Language::of_locale().say(ja, en);
    let done = match release_breaker(store, desk, Clock::System.now())? {
        true => say("自動返信を再開しました。", "released: it answers by itself again"),
        false => say("止まっていません。", "was not stopped"),
    };
    anstream::println!("{desk}: {done}");
    Ok(())
}

async fn show(config: &Config, json: bool) -> Result<(), StoreError> {
    let store = Store::open_reading(&config.store)?;
    let (now, language) = (Clock::System.now(), Language::of_locale());
    for desk in &config.desks {
        let load = store.desk_load(&desk.profile.id, now).await?;
        match json {
            true => anstream::println!("{}", object(desk, &load)),
            false => anstream::println!("{}", line(desk, &load, language)),
        }
    }
    Ok(())
}

fn line(desk: &Desk, load: &DeskLoad, language: Language) -> String {
    let state = match load.open_since {
        Some(at) => format!("{} {at:.0}", language.say("停止中", "stopped since")),
        None => language.say("自動返信中", "answering").to_owned(),
    };
    format!(
        "{}  {}  {} {} / {}",
        fit(&desk.profile.id, 20),
        fit(&state, 36),
        language.say("直近1時間の自動返信", "answers in the last hour"),
        load.last_hour,
        desk.profile.budgets.desk_limit(&load.hours),
    )
}

fn object(desk: &Desk, load: &DeskLoad) -> Value {
    let budgets = &desk.profile.budgets;
    json!({
        "desk": desk.profile.id,
        "breaker": if load.open_since.is_some() { "open" } else { "closed" },
        "open_since": load.open_since.map(|at| at.to_string()),
        "answers_last_hour": load.last_hour,
        "usual_hour": usual_hour(&load.hours),
        "limit": budgets.desk_limit(&load.hours),
        "budgets": {
            "sender_per_day": budgets.sender_per_day,
            "domain_per_hour": budgets.domain_per_hour,
            "desk_per_hour": budgets.desk_per_hour,
        },
    })
}

//! `madoguchi outage`: outages that the provider knows of, recorded for claims of a credit.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde_json::json;

use super::place::ids;
use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Config, Desk};
use crate::store::{Store, StoreError, end_outage, record_outage};
use crate::triage::outage::Outage;

/// Record outages of the service: claims of a credit are held against them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A credit counts from when the provider knew of the outage until its end, and only for outages that are the provider's
fault. Staff see in the draft which recorded outage a claim is about; customers are told nothing of it by the desk.

  madoguchi outage record core-1103 --from 2026-11-03T09:05+09:00 --known 2026-11-03T09:15+09:00 --cause \"基幹サーバーの故障\"
  madoguchi outage end core-1103 --at 2026-11-03T10:20+09:00
  madoguchi outage record power-1110 --from 2026-11-10T13:00+09:00 --until 2026-11-10T15:00+09:00 --not-ours --cause \"停電\"
  madoguchi outage list --json")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only this desk; else all whose pack has a table of credits
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the recorded outages
    List {
        #[command(flatten)]
        at: Place,
        /// One JSON object an outage and line
        #[arg(long)]
        json: bool,
    },
    /// Record an outage; one of the same id is replaced
    Record {
        #[command(flatten)]
        at: Place,
        #[command(flatten)]
        outage: New,
    },
    /// Note that an outage is over
    End {
        #[command(flatten)]
        at: Place,
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
        /// When it ended; else now
        #[arg(long = "at", value_name = "TIME")]
        until: Option<Timestamp>,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// A name to find it by
    #[arg(value_name = "ID")]
    id: String,
    /// When it began
    #[arg(long, value_name = "TIME")]
    from: Timestamp,
    /// When it ended; else it lasts until `outage end`
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// When the provider learned of it; else at its beginning
    #[arg(long, value_name = "TIME")]
    known: Option<Timestamp>,
    /// It is not the provider's fault: no credit is due
    #[arg(long)]
    not_ours: bool,
    /// What happened, for staff
    #[arg(long, value_name = "TEXT")]
    cause: String,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let (Action::List { at, .. } | Action::Record { at, .. } | Action::End { at, .. }) = &args.action;
    let Some(config) = loaded(config::load(&at.config)) else { return Ok(Exit::Config) };
    let desks = chosen(&config, at)?;
    let done = match args.action {
        Action::Record { outage, .. } => record(&config.store, &desks, outage)?,
        Action::End { id, until, .. } => end(&config.store, &desks, &id, until)?,
        Action::List { json, .. } => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
            runtime.block_on(list(&config.store, &desks, json))
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

fn chosen<'a>(config: &'a Config, at: &Place) -> anyhow::Result<Vec<&'a Desk>> {
    let named = |desk: &&Desk| match &at.desk {
        Some(id) => *id == desk.profile.id,
        None => desk.edition.pack.credit.is_some(),
    };
    let desks: Vec<&Desk> = config.desks.iter().filter(named).collect();
    if desks.is_empty() {
        let names: Vec<&str> = config.desks.iter().map(|desk| desk.profile.id.as_str()).collect();
        bail!(
            "{} has no such desk, or none with a table of credits; it has: {}",
            at.config.display(),
            names.join(", ")
        );
    }
    Ok(desks)
}

fn record(store: &Path, desks: &[&Desk], new: New) -> anyhow::Result<Result<(), StoreError>> {
    let New { id, from, until, known, not_ours, cause } = new;
    if until.is_some_and(|until| until <= from) {
        bail!("--until is not after --from");
    }
    let known = known.unwrap_or(from);
    if known < from {
        bail!("--known is before --from: nobody knows of an outage before it begins");
    }
    let outage = Outage { id, from, until, known, ours: !not_ours, cause };
    let recorded = record_outage(store, &ids(desks), &outage);
    if recorded.is_ok() {
        let say = Language::of_locale().say("障害を記録しました", "outage recorded");
        anstream::println!("{say}: {} ({})", outage.id, ids(desks).join(", "));
    }
    Ok(recorded)
}

fn end(store: &Path, desks: &[&Desk], id: &str, until: Option<Timestamp>) -> anyhow::Result<Result<(), StoreError>> {
    let ended = end_outage(store, &ids(desks), id, until.unwrap_or_else(|| Clock::System.now()));
    if matches!(ended, Ok(0)) {
        bail!("there is no outage `{id}`");
    }
    Ok(ended.map(|_| {
        let say = Language::of_locale().say("障害の終了を記録しました", "the end is recorded");
        anstream::println!("{say}: {id}");
    }))
}

async fn list(store: &Path, desks: &[&Desk], json: bool) -> Result<(), StoreError> {
    let language = Language::of_locale();
    // Before its first run a desk has no store, and nothing was recorded.
    let opened = match Store::open_reading(store) {
        Err(StoreError::Missing { .. }) => None,
        other => Some(other?),
    };
    let mut count = 0;
    for desk in desks {
        let outages = match &opened {
            Some(store) => store.outages(&desk.profile.id).await?,
            None => Vec::new(),
        };
        count += outages.len();
        for outage in outages {
            match json {
                true => anstream::println!("{}", object(desk, &outage)),
                false => anstream::println!("{}", line(desk, &outage, language)),
            }
        }
    }
    if count == 0 && !json {
        anstream::println!("{}", language.say("記録された障害はありません。", "no outages are recorded"));
    }
    Ok(())
}

fn object(desk: &Desk, outage: &Outage) -> serde_json::Value {
    let mut object = serde_json::to_value(outage).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("desk".into(), json!(desk.profile.id));
    }
    object
}

fn line(desk: &Desk, outage: &Outage, language: Language) -> String {
    let calendar = &desk.edition.calendar;
    let until = outage.until.map(|until| calendar.japanese(until)).unwrap_or_default();
    let whose = match outage.ours {
        true => language.say("当社の責め", "ours"),
        false => language.say("当社の責めでない", "not ours"),
    };
    format!(
        "{} {} {}～{until}  {} {} {}  {}",
        fit(&desk.profile.id, 12),
        fit(&outage.id, 20),
        calendar.japanese(outage.from),
        language.say("把握", "known"),
        calendar.japanese(outage.known),
        fit(whose, 16),
        outage.cause
    )
}

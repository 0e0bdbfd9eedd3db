//! `madoguchi notice`: service notices, listed, started and stopped while the desk is at work.

use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::place::{Place, ids};
use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Desk};
use crate::store::{NoticeRow, Store, StoreError, start_notice, stop_notice};
use crate::triage::notice::{Notice, NoticeKind};

/// List, start or stop service notices; what is in force changes answers at once
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
A notice in force changes what answers say: an interruption stands in place of every answer (or of those about its
clauses), a discontinuation is told until its last day and then stands in place of answers, a known outage stands in
place of the words about its clauses, or on top of every answer. Planned ones belong into the file that `notices` of
the configuration names; urgent ones are started here, also while `madoguchi run` is running.

  madoguchi notice -c madoguchi.toml
  madoguchi notice start interruption --text \"回線障害のため、対応を中断しております。\" --until 2026-11-24T13:00+09:00
  madoguchi notice start outage --clause 4-1-2 --text \"管理サイトに接続できない障害が発生しております。\" --id portal
  madoguchi notice stop portal"
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    at: Place,
    /// One JSON object a notice and line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the notices (as without a word)
    List {
        #[command(flatten)]
        at: Place,
        /// One JSON object a notice and line
        #[arg(long)]
        json: bool,
    },
    /// Start a notice
    Start {
        #[command(flatten)]
        at: Place,
        #[command(flatten)]
        notice: New,
    },
    /// Stop a notice, also one of the configuration's file
    Stop {
        #[command(flatten)]
        at: Place,
        /// Its id
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct New {
    /// interruption, discontinuation or outage
    #[arg(value_name = "KIND", value_parser = kind)]
    kind: NoticeKind,
    /// What customers read, in Japanese
    #[arg(long, value_name = "TEXT")]
    text: String,
    /// What customers read who write English
    #[arg(long, value_name = "TEXT")]
    english: Option<String>,
    /// A name to stop it by; else its kind and the time
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// A clause it covers (may be given several times); else everything
    #[arg(long = "clause", value_name = "CLAUSE")]
    clauses: Vec<String>,
    /// In force from then on; else now
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// In force before this moment; else until it is stopped
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// The last day, of a discontinuation
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Template of its paragraph, below templates/<pack>/notices/; else that of its kind
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
}

fn kind(text: &str) -> Result<NoticeKind, String> {
    let found = NoticeKind::ALL.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| NoticeKind::ALL.map(NoticeKind::as_str).join(", "))
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let (at, json) = match &args.action {
        Some(Action::List { at, json }) => (at, *json),
        Some(Action::Start { at, .. } | Action::Stop { at, .. }) => (at, false),
        None => (&args.at, args.json),
    };
    let Some(config) = loaded(config::load(&at.config)) else { return Ok(Exit::Config) };
    let desks = at.desks(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let done = match args.action {
        Some(Action::Start { notice, .. }) => start(&config.store, &desks, notice)?,
        Some(Action::Stop { ref id, .. }) => runtime.block_on(stop(&config.store, &desks, id)),
        _ => runtime.block_on(list(&config.store, &desks, json)),
    };
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

/// What does not fit the desks is refused before anything is written.
fn start(store: &Path, desks: &[&Desk], new: New) -> anyhow::Result<Result<(), StoreError>> {
    let now = Clock::System.now();
    if new.date.is_some() && new.kind != NoticeKind::Discontinuation {
        bail!("only a discontinuation has a --date: other notices end with --until");
    }
    let from = new.from.unwrap_or(now);
    if new.until.is_some_and(|until| until <= from) {
        bail!("--until is not after the beginning");
    }
    let id = new.id.unwrap_or_else(|| format!("{}-{}", new.kind.as_str(), from.strftime("%Y%m%d%H%M")));
    let New { kind, until, date, clauses, template, text, english, .. } = new;
    let notice = Notice { id, kind, from, until, date, clauses, template, text, english };
    for desk in desks {
        if let Some(clause) = notice.clauses.iter().find(|clause| desk.edition.pack.clause(clause).is_none()) {
            bail!("{}: pack {} has no clause {clause}", desk.profile.id, desk.edition.pack.id);
        }
        if !desk.edition.pack.templates.contains_key(&notice.template()) {
            bail!("{}: pack {} has no template {}.txt", desk.profile.id, desk.edition.pack.id, notice.template());
        }
    }
    let started = start_notice(store, &ids(desks), &notice);
    if started.is_ok() {
        let say = Language::of_locale().say("お知らせを開始しました", "notice started");
        anstream::println!("{say}: {} ({})", notice.id, ids(desks).join(", "));
    }
    Ok(started)
}

async fn stop(store: &Path, desks: &[&Desk], id: &str) -> Result<(), StoreError> {
    let mut known = entries(store, desks).await?;
    known.retain(|(_, entry)| entry.notice.id == id);
    let say = |ja, en| Language::of_locale().say(ja, en);
    let names: Vec<&str> = known.iter().map(|(desk, _)| desk.profile.id.as_str()).collect();
    if names.is_empty() {
        anstream::println!("{id}: {}", say("そのようなお知らせはありません", "there is no such notice"));
        return Ok(());
    }
    stop_notice(store, &names, id, Clock::System.now())?;
    anstream::println!("{id}: {} ({})", say("終了しました", "stopped"), names.join(", "));
    Ok(())
}

async fn list(store: &Path, desks: &[&Desk], json: bool) -> Result<(), StoreError> {
    let (now, language) = (Clock::System.now(), Language::of_locale());
    let entries = entries(store, desks).await?;
    if entries.is_empty() && !json {
        anstream::println!("{}", language.say("お知らせはありません。", "no notices"));
    }
    for (desk, entry) in entries {
        match json {
            true => anstream::println!("{}", object(desk, &entry, now)),
            false => anstream::println!("{}", line(desk, &entry, now, language)),
        }
    }
    Ok(())
}

/// A notice, and when it was stopped by command.
struct Entry {
    notice: Notice,
    stopped_at: Option<Timestamp>,
}

impl Entry {
    fn state(&self, now: Timestamp) -> &'static str {
        match () {
            () if self.stopped_at.is_some() => "stopped",
            () if self.notice.is_in_force(now) => "in-force",
            () if now < self.notice.from => "planned",
            () => "over",
        }
    }
}

/// Those of the file, then those that were started, for each desk.
async fn entries<'a>(store: &Path, desks: &[&'a Desk]) -> Result<Vec<(&'a Desk, Entry)>, StoreError> {
    // Before its first run a desk has no store, and nothing was started.
    let opened = match Store::open_reading(store) {
        Err(StoreError::Missing { .. }) => None,
        other => Some(other?),
    };
    let mut entries = Vec::new();
    for desk in desks {
        let rows: Vec<NoticeRow> = match &opened {
            Some(store) => store.notices(&desk.profile.id).await?,
            None => Vec::new(),
        };
        let stopped = |id: &str| rows.iter().find(|row| row.id == id).and_then(|row| row.stopped_at);
        for notice in &desk.notices {
            entries.push((*desk, Entry { notice: notice.clone(), stopped_at: stopped(&notice.id) }));
        }
        let started = rows.iter().filter_map(|row| Some((row.notice.clone()?, row.stopped_at)));
        entries.extend(started.map(|(notice, stopped_at)| (*desk, Entry { notice, stopped_at })));
    }
    Ok(entries)
}

fn line(desk: &Desk, entry: &Entry, now: Timestamp, language: Language) -> String {
    let (notice, calendar) = (&entry.notice, &desk.edition.calendar);
    let state = match entry.state(now) {
        "in-force" => language.say("掲示中", "in force"),
        "planned" => language.say("予定", "planned"),
        "stopped" => language.say("終了", "stopped"),
        _ => language.say("期間終了", "over"),
    };
    let until = notice.until.map(|until| calendar.say_end(until, false)).unwrap_or_default();
    let clauses = if notice.clauses.is_empty() { "*".to_owned() } else { notice.clauses.join(" ") };
    format!(
        "{} {} {} {} {} {}～{until}  {}",
        fit(&desk.profile.id, 16),
        fit(&notice.id, 28),
        fit(state, 8),
        fit(notice.kind.as_str(), 15),
        fit(&clauses, 12),
        calendar.japanese(notice.from),
        notice.text
    )
}

fn object(desk: &Desk, entry: &Entry, now: Timestamp) -> Value {
    let mut object = serde_json::to_value(&entry.notice).unwrap_or_default();
    if let Some(fields) = object.as_object_mut() {
        fields.insert("desk".into(), json!(desk.profile.id));
        fields.insert("state".into(), json!(entry.state(now)));
        fields.insert("stopped_at".into(), json!(entry.stopped_at));
    }
    object
}

//! `madoguchi run`: works the desks of a configuration until stopped.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info};

use super::{Exit, loaded, screen};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::health::alarm::{self, Alarm};
use crate::health::{Health, Pulse, http, systemd};
use crate::oauth::Account;
use crate::store::Store;
use crate::triage::pack::Pack;
use crate::triage::rulebook::{Book, Editions, RulebookError, Shelf};
use crate::upkeep;
use crate::worker::{WorkError, Worker};

/// A renewal of tokens that is under way at the end has so long.
const LAST_RENEWAL: Duration = Duration::from_secs(5);

/// Work the desks of a configuration until stopped (SIGTERM, Ctrl-C)
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 stopped as asked · 1 failed · 69 the store cannot be used · 78 the configuration is wrong
(in a systemd unit: Restart=on-failure, RestartPreventExitStatus=78).")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Work off what is there now and end; queued answers stay queued
    #[arg(long)]
    once: bool,
    /// Log lines as text or as JSON
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    log_to_stderr(args.log);
    runtime(config.desks.len()).context("no threads")?.block_on(work(config, args.once))
}

/// One desk waits for one thing at a time, and the store has a thread of its own: further threads would only keep
/// memory apart that they had freed.
fn runtime(desks: usize) -> std::io::Result<Runtime> {
    let mut builder = if desks > 1 { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    builder.enable_all().build()
}

/// Structured lines. The IMAP and SQL layers are kept quiet: their trace lines hold mail and passwords.
fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("MADOGUCHI_LOG").unwrap_or_else(|_| "info".into());
    let quiet = ["async_imap=warn", "imap_proto=warn", "rustls=warn", "lettre=warn"];
    let filter =
        quiet.iter().filter_map(|rule| rule.parse().ok()).fold(filter, |filter, rule| filter.add_directive(rule));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A log on a full disk must not end the desk: telling of it on the same stderr would panic.
    let lines = lines.log_internal_errors(false);
    // A panic's own words may quote the mail.
    std::panic::set_hook(Box::new(|panic| error!(at = panic.location().map(tracing::field::display), "panicked")));
    let colour = std::io::stderr().is_terminal();
    match format {
        LogFormat::Text => lines.with_ansi(colour).init(),
        LogFormat::Json => lines.json().init(),
    }
}

async fn work(config: Config, once: bool) -> anyhow::Result<Exit> {
    let clock = Clock::System;
    let store = match Store::open(&config.store, clock.now()) {
        Ok(store) => store,
        Err(error) => {
            anstream::eprintln!("{} {error}", screen::error_word());
            return Ok(Exit::Unavailable);
        }
    };
    let (stop, stopped) = watch::channel(false);
    stop_on_signal(stop);
    let ids = config.desks.iter().map(|desk| desk.profile.id.clone());
    let health = Health::new(ids, store.clone(), clock.clone(), config.health.limit).with_accounts(accounts(&config));
    let mut beside = if once { JoinSet::new() } else { beside(&config, &store, &clock, &health) };
    let used = used(&config);
    let mut desks = JoinSet::new();
    let mut shelf = shelf(&config.desks);
    for desk in config.desks {
        let rules = shelf.editions(&desk.edition, &desk.later);
        let (store, clock, health, stopped) = (store.clone(), clock.clone(), health.clone(), stopped.clone());
        desks.spawn(async move {
            let id = desk.profile.id.clone();
            (id, work_desk(desk, rules, store, clock, health, once, stopped).await)
        });
    }
    systemd::ready();
    let exit = ended(desks, &health).await;
    // The store is closed with the last of them: its files must be whole when the process ends.
    beside.shutdown().await;
    let settled = async {
        for account in &used {
            account.settle().await;
        }
    };
    _ = tokio::time::timeout(LAST_RENEWAL, settled).await;
    exit
}

/// Every pack is compiled once, all of them side by side. What is wrong with one is told by the desks that have it.
fn shelf(desks: &[config::Desk]) -> Shelf {
    let editions = desks.iter().flat_map(|desk| std::iter::once(&desk.edition).chain(&desk.later));
    let packs: BTreeMap<_, _> = editions.map(|edition| (Arc::as_ptr(&edition.pack), &edition.pack)).collect();
    let mut packs = packs.into_values();
    let first = packs.next();
    std::thread::scope(|scope| {
        let compile = |pack: &Arc<Pack>| {
            scope.spawn({
                let pack = pack.clone();
                move || Book::compile(pack)
            })
        };
        let compiling: Vec<_> = packs.map(compile).collect();
        // A single one needs no thread: its memory would be kept apart from all the other.
        let first = first.and_then(|pack| Book::compile(pack.clone()).ok());
        first.into_iter().chain(compiling.into_iter().filter_map(|book| book.join().ok()?.ok())).collect()
    })
}

/// Whose tokens each desk needs.
fn accounts(config: &Config) -> BTreeMap<String, Vec<Account>> {
    let of_desk = |desk: &config::Desk| (desk.profile.id.clone(), desk.accounts().into_iter().cloned().collect());
    config.desks.iter().map(of_desk).collect()
}

/// The accounts that desks need, each once.
fn used(config: &Config) -> Vec<Account> {
    let names: BTreeMap<&str, &Account> = config
        .desks
        .iter()
        .flat_map(config::Desk::accounts)
        .map(|account| (account.settings().name.as_str(), account))
        .collect();
    names.into_values().cloned().collect()
}

/// Waits for every desk.
async fn ended(mut desks: JoinSet<(String, Result<(), WorkError>)>, health: &Health) -> anyhow::Result<Exit> {
    let mut exit = Exit::Ok;
    while let Some(ended) = desks.join_next().await {
        let (desk, result) = ended.context("a desk's task ended early")?;
        match result {
            Ok(()) => info!(desk, "ended"),
            Err(error) => {
                error!(desk, %error, "the desk cannot go on");
                health.note(&desk, Pulse::Ended);
                exit = exit_of(&error);
            }
        }
    }
    Ok(exit)
}

/// What runs beside the desks as long as they work.
fn beside(config: &Config, store: &Store, clock: &Clock, health: &Health) -> JoinSet<()> {
    let mut beside = JoinSet::new();
    beside.spawn(upkeep::daily(store.clone(), config.keep, clock.clone()));
    beside.spawn(systemd::watchdog(health.clone()));
    for account in used(config) {
        beside.spawn(account.keep());
    }
    let ways = config.desks.iter().map(|desk| {
        let profile = &desk.profile;
        (profile.id.clone(), (profile.address.clone(), desk.outbox.clone()))
    });
    let config::Health { listen, command, mail, .. } = config.health.clone();
    beside.spawn(alarm::watch(health.clone(), Alarm { command, mail, ways: ways.collect() }));
    if let Some(listen) = listen {
        let health = health.clone();
        beside.spawn(async move {
            if let Err(error) = http::serve(listen, health).await {
                error!(%listen, %error, "health cannot be asked for here");
            }
        });
    }
    beside
}

async fn work_desk(
    desk: config::Desk,
    rules: Result<Editions, RulebookError>,
    store: Store,
    clock: Clock,
    health: Health,
    once: bool,
    stopped: watch::Receiver<bool>,
) -> Result<(), WorkError> {
    let id = desk.profile.id.clone();
    let mut worker = Worker::with_rules(desk, rules?, store, clock).await?;
    worker.stop_on(stopped);
    worker.on_pulse(move |pulse| health.note(&id, pulse));
    match once {
        true => worker.until_idle().await,
        false => worker.run().await,
    }
}

fn exit_of(error: &WorkError) -> Exit {
    match error {
        WorkError::Store(_) => Exit::Unavailable,
        error if error.is_permanent() => Exit::Config,
        _ => Exit::Failed,
    }
}

/// From the return of this on, SIGTERM (systemd) and SIGINT (Ctrl-C) end the work well.
fn stop_on_signal(stop: watch::Sender<bool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let (term, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let came = |signal: std::io::Result<tokio::signal::unix::Signal>| async move {
        match signal {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = came(term) => {}
            () = came(interrupt) => {}
        }
        info!("stopping after the step in hand");
        systemd::stopping();
        stop.send_replace(true);
    });
}

//! `madoguchi replay`: what changed rules would have decided about the mail of the last weeks. Writes and sends nothing.

mod compare;
mod report;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

use self::compare::{Outcome, deciding_rule, differences};
use self::report::{Change, Tally};
use super::screen::{self, Language, error_word};
use super::{Exit, desk, loaded};
use crate::clock::Clock;
use crate::config::{self, Desk};
use crate::store::{MailId, Past, Store, StoreError};
use crate::worker::Replay;

/// Decide the mail of the last weeks again, and show what changed rules would change
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Before changed rules go live: every mail that the journal has of the period is decided again, from its own bytes and in
the circumstances of then (time, thread and case, budgets, notices in force, whose customer the sender was), and compared
with what was decided. Nothing is written and nothing is sent, also while `madoguchi run` is running.

Each mail is judged by itself: that an earlier answer would not have gone out, or would have, changes nothing for later
mail. Calendar, desk settings, and names and contacts of the register are those of today.

  madoguchi replay -c madoguchi.toml                     the last 30 days, by the rules as they are on the disk now
  madoguchi replay -c madoguchi.toml --rules new/rules   by the packs in new/rules and new/templates
  madoguchi replay --days 7 --desk optim-biz --json
  madoguchi replay --from 2026-11-01T00:00+09:00 --until 2026-11-16T00:00+09:00

Exit status: 0 decided again · 1 with --fail-on-change: something would change · 69 the store cannot be read
78 the configuration or the rules are wrong")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Decide by the packs of this folder (and of `templates` beside it) instead of the configuration's
    #[arg(long, value_name = "FOLDER")]
    rules: Option<PathBuf>,
    /// Only this desk
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// Mail journalled in so many days up to now, or up to --until
    #[arg(long, value_name = "N", default_value_t = 30, conflicts_with = "from")]
    days: u32,
    /// Mail journalled from this moment on
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Mail journalled before this moment; else until now
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// At most so many changed mails are listed
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "json")]
    limit: usize,
    /// One JSON object a line for each mail that would change, or could not be decided again
    #[arg(long)]
    json: bool,
    /// Exit status 1 if a mail would change
    #[arg(long)]
    fail_on_change: bool,
}

/// Mails read from the store in one go.
const BATCH: usize = 64;

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let config = match &args.rules {
        Some(rules) if !rules.is_dir() => bail!("there is no folder {}", rules.display()),
        Some(rules) => config::load_with_rules(&args.config, rules),
        None => config::load(&args.config),
    };
    let Some(mut config) = loaded(config) else { return Ok(Exit::Config) };
    if let Some(id) = &args.desk {
        desk::keep_only(&mut config, &args.config, id)?;
    }
    let period = period(&args)?;
    let mut changed = false;
    for desk in &config.desks {
        let tally = match replayed(&config.store, desk, period)? {
            Ok(tally) => tally,
            Err(error) => {
                anstream::eprintln!("{} {error}", error_word());
                return Ok(Exit::Unavailable);
            }
        };
        changed |= !tally.changes.is_empty();
        let id = &desk.profile.id;
        screen::written(match args.json {
            true => report::objects(id, &tally),
            false => report::print(id, &tally, args.limit, period, Language::of_locale()),
        })?;
    }
    Ok(if changed && args.fail_on_change { Exit::Failed } else { Exit::Ok })
}

/// From when to when.
fn period(args: &Args) -> anyhow::Result<(Timestamp, Timestamp)> {
    let until = args.until.unwrap_or_else(|| Clock::System.now());
    let days = SignedDuration::from_hours(24 * i64::from(args.days));
    let from = match args.from {
        Some(from) => from,
        None => until.checked_sub(days).unwrap_or(Timestamp::MIN),
    };
    if from >= until {
        bail!("the period ends before it begins: {from:.0} to {until:.0}");
    }
    Ok((from, until))
}

/// Decides everything again, on all cores. The inner error is the store's.
fn replayed(
    store: &Path,
    desk: &Desk,
    (from, until): (Timestamp, Timestamp),
) -> anyhow::Result<Result<Tally, StoreError>> {
    let runtime = runtime()?;
    let first = async {
        let store = Store::open_reading(store)?;
        let mails = store.past_mails(&desk.profile.id, from, until).await?;
        let register = desk.register.current(&store).await?;
        let outages = store.outages(&desk.profile.id).await?;
        Ok((store.secret(), mails, register, outages))
    };
    let (secret, mails, register, outages) = match runtime.block_on(first) {
        Ok(read) => read,
        Err(error) => return Ok(Err(error)),
    };
    let replay = Replay::new(desk, secret, &register, &outages)?;
    let work = Work { replay, batches: mails.decided.chunks(BATCH).collect(), next: AtomicUsize::new(0) };
    let bar = ProgressBar::new(mails.decided.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get()).min(work.batches.len());
    let parts = std::thread::scope(|scope| -> anyhow::Result<Vec<Result<Tally, StoreError>>> {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| work.part(store, &bar))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread fell over"))).collect()
    })?;
    bar.finish_and_clear();
    let all = parts.into_iter().try_fold(Tally::of(&mails), |all, part| Ok(all.and(part?)));
    Ok(all.map(Tally::sorted))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().build().context("no runtime")
}

/// What the threads share: each takes the next batch.
struct Work<'a> {
    replay: Replay<'a>,
    batches: Vec<&'a [MailId]>,
    next: AtomicUsize,
}

impl Work<'_> {
    /// What one thread does, with a connection of its own.
    fn part(&self, store: &Path, bar: &ProgressBar) -> anyhow::Result<Result<Tally, StoreError>> {
        let runtime = runtime()?;
        let mut tally = Tally::default();
        let mut work = || {
            let store = Store::open_reading(store)?;
            while let Some(batch) = self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
                let found = runtime.block_on(store.past(batch.to_vec()))?;
                let purged = |mail: &&MailId| found.iter().all(|past| past.mail.id != **mail);
                tally.forgotten.extend(batch.iter().filter(purged));
                found.into_iter().for_each(|past| self.one(past, &mut tally));
                bar.inc(batch.len() as u64);
            }
            Ok(())
        };
        Ok(work().map(|()| tally))
    }

    fn one(&self, past: Past, tally: &mut Tally) {
        let Some((before, circumstances)) = past.decided() else {
            tally.unrecorded.push(past.mail.id);
            return;
        };
        let after = self.replay.decide(&past.mail, &before, circumstances);
        let pack = &self.replay.rules(&past.mail).pack;
        let outcomes = (Outcome::of(&before, pack), Outcome::of(&after, pack));
        let differences = differences(&before, &after);
        tally.count(&before, &after, outcomes, !differences.is_empty());
        if differences.is_empty() {
            return;
        }
        let rules = (deciding_rule(&before).to_owned(), deciding_rule(&after).to_owned());
        tally.changes.push(Change {
            mail: past.mail.id,
            arrived: past.mail.arrived(),
            sender: past.sender,
            observed: past.observed,
            case: before.case.clone(),
            outcomes,
            rules,
            differences,
            before: report::Side::of(&before),
            after: report::Side::of(&after),
        });
    }
}

//! `madoguchi purge`: what is older than it may be kept.

use std::path::PathBuf;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::store::{Keep, Purged, Store, StoreError, purge};

/// Show what is older than it may be kept; with --delete take it away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
How long mails and cases are kept stands in [store] of the configuration (keep_mails_days, keep_cases_days). A running
desk purges by itself once a day; this command shows what would go, and with --delete does it at once, also while the
desk works. Mail that is not done is kept whatever its age, a case with younger mail is kept whole, and where a mail lay
is never forgotten: it is not read as new again. Back-ups are not purged.

  madoguchi purge -c madoguchi.toml
  madoguchi purge -c madoguchi.toml --delete")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Take it away; it cannot be had back
    #[arg(long)]
    delete: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    let now = Clock::System.now();
    let done = match args.delete {
        true => purge(&config.store, config.keep, now),
        false => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
            runtime.block_on(would_go(&config, now))
        }
    };
    match done {
        Ok(purged) => {
            print(&args, config.keep, purged, now);
            Ok(Exit::Ok)
        }
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

async fn would_go(config: &Config, now: Timestamp) -> Result<Purged, StoreError> {
    Store::open_reading(&config.store)?.purgeable(config.keep, now).await
}

fn print(args: &Args, keep: Keep, purged: Purged, now: Timestamp) {
    let Purged { mails, cases, bounced, counts } = purged;
    let limit = |kept: Option<SignedDuration>| kept.and_then(|kept| now.checked_sub(kept).ok());
    let (of_mails, of_cases) = (limit(keep.mails.or(keep.cases)), limit(keep.cases));
    if args.json {
        let object = json!({
            "deleted": args.delete, "mails": mails, "cases": cases, "bounced": bounced, "counts": counts,
            "mails_before": of_mails.map(|at| at.to_string()), "cases_before": of_cases.map(|at| at.to_string()),
        });
        anstream::println!("{object}");
        return;
    }
    let say = |ja, en| Language::of_locale().say(ja, en);
    let before = |limit: Option<Timestamp>| match limit {
        Some(limit) => format!("{} {limit:.0}", say("これより前:", "before")),
        None => say("無期限に保存", "kept for ever").to_owned(),
    };
    let line = |what: &str, count: u64, limit| anstream::println!("{} {count:>8}  {}", fit(what, 34), before(limit));
    line(say("メール本体", "mails"), mails, of_mails);
    line(say("判定・返信・案件・差出人", "decisions, answers, cases, senders"), cases, of_cases);
    line(say("受け取りを拒否した宛先", "addresses that refused our mail"), bounced, of_cases);
    anstream::println!("{} {counts:>8}", fit(say("返信時刻の記録", "times of answers"), 34));
    let done = match args.delete {
        true => say("消去しました。", "They are gone."),
        false => say("まだ消去していません。--delete で消去します。", "Nothing was deleted; --delete does it."),
    };
    anstream::println!("{done}");
}

//! `madoguchi purge`: what is older than it may be kept, or what is kept of one person.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::store::{Forgotten, Keep, Purged, Store, StoreError, forget, purge};

/// Show what is older than it may be kept, or what is kept of one person; with --delete take it away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
How long mails and cases are kept stands in [store] of the configuration (keep_mails_days, keep_cases_days). A running
desk purges by itself once a day; this command shows what would go, and with --delete does it at once, also while the
desk works. Mail that is not done is kept whatever its age, a case with younger mail is kept whole, and where a mail lay
is never forgotten: it is not read as new again. Back-ups are not purged.

With --address it is about one person, who has asked to be forgotten, whatever the age: all mail from the address (also
with a plus-tag), decisions, answers, cases. Mail that is not done stays until it is, mail of others that names the person
stays, and so does the register: these are counted. `madoguchi export` shows all of it before.

  madoguchi purge -c madoguchi.toml
  madoguchi purge -c madoguchi.toml --delete
  madoguchi purge --address taro@customer.example --delete

Exit status: 0 · 1 with --address: mail from there is not done yet, ask again later · 69 the store cannot be used")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only what is kept of the person with this address, all of it
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Take it away; it cannot be had back
    #[arg(long)]
    delete: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(address) = &args.address {
        return of_person(&args, &config, address);
    }
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
        Err(error) => unavailable(&error),
    }
}

fn unavailable(error: &StoreError) -> anyhow::Result<Exit> {
    anstream::eprintln!("{} {error}", error_word());
    Ok(Exit::Unavailable)
}

fn of_person(args: &Args, config: &Config, address: &str) -> anyhow::Result<Exit> {
    if !address.contains('@') {
        bail!("`{address}` is no address");
    }
    let found = match args.delete {
        true => forget(&config.store, address),
        false => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
            runtime.block_on(async { Store::open_reading(&config.store)?.forgettable(address).await })
        }
    };
    match found {
        Ok(found) => {
            print_person(args, found);
            Ok(if found.open > 0 { Exit::Failed } else { Exit::Ok })
        }
        Err(error) => unavailable(&error),
    }
}

fn print_person(args: &Args, found: Forgotten) {
    let Forgotten { mails, rows, open, others, register } = found;
    if args.json {
        let object = json!({
            "deleted": args.delete, "mails": mails, "rows": rows, "open": open, "others": others, "register": register,
        });
        anstream::println!("{object}");
        return;
    }
    let say = |ja, en| Language::of_locale().say(ja, en);
    let line = |what: &str, count: u64, note: &str| anstream::println!("{} {count:>8}  {note}", fit(what, 38));
    line(say("このアドレスからのメールと判定・返信", "mails, with decisions and answers"), mails, "");
    line(say("案件・差出人などの記録", "records of cases and of the sender"), rows, "");
    line(
        say("処理中のメール", "mails from there that are not done"),
        open,
        say("終わるまで残ります。後でもう一度実行してください", "stay until they are: ask again then"),
    );
    line(
        say("このアドレスを含む他の方のメール", "mails of others that name the address"),
        others,
        say("残ります", "stay"),
    );
    line(
        say("取り込んだ台帳の項目", "entries of the imported register"),
        register,
        say("残ります。台帳の元データを直してください", "stay: correct the register's source"),
    );
    anstream::println!("{}", done(args));
}

fn done(args: &Args) -> &'static str {
    let say = |ja, en| Language::of_locale().say(ja, en);
    match args.delete {
        true => say("消去しました。", "They are gone."),
        false => say("まだ消去していません。--delete で消去します。", "Nothing was deleted; --delete does it."),
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
    anstream::println!("{}", done(args));
}

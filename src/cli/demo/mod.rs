//! `madoguchi demo`: one business day of a desk with invented customers, on embedded parts, in seconds.
//!
//! The mailbox is a Maildir, answers go to a folder, the store is SQLite: the same code path as `run`. Only the
//! clock is moved by hand, from mail to mail.

pub mod mails;
mod mime;
mod table;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use self::mails::{SampleMail, sample_mails};
use super::Exit;
use super::screen::Language;
use crate::clock::Clock;
use crate::config;
use crate::store::Store;
use crate::worker::Worker;

/// See it work: a desk in a folder, a day of sample mails, embedded parts only
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The sample day is Friday 2026-11-20 (and the Saturday after it; Monday 2026-11-23 is a holiday).
  madoguchi demo                                           the whole day
  madoguchi demo --clock 2026-11-20T10:30+09:00            only until half past ten
  madoguchi demo --clock 2026-11-24T10:00+09:00            on to Tuesday: queued answers go out
Run again, it has nothing new to do.")]
pub struct Args {
    /// Folder to keep mailbox, answers and store in
    #[arg(long, value_name = "DIR", default_value = "madoguchi-demo")]
    keep: PathBuf,
    /// Stop the desk's clock at this moment; else at the last sample mail
    #[arg(long, value_name = "TIME")]
    clock: Option<Timestamp>,
    /// Language of the table; else as the locale says
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
}

/// The day on which the sample mails arrive: a Friday before a long weekend.
const SAMPLE_DAY: Date = Date::constant(2026, 11, 20);
/// Name of the demo's border server; `desk.toml` trusts it.
const AUTHSERV: &str = "mx.desk.example";

const FILES: [(&str, &str); 2] =
    [("madoguchi.toml", include_str!("desk.toml")), ("register.toml", include_str!("register.toml"))];

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads")?;
    runtime.block_on(demo(args))
}

async fn demo(args: Args) -> anyhow::Result<Exit> {
    let language = args.language.unwrap_or_else(Language::of_locale);
    set_up(&args.keep)?;
    let config = match config::load(&args.keep.join("madoguchi.toml")) {
        Ok(config) => config,
        Err(problems) => bail!("the demo's folder was edited:\n{}", problems.render(false)),
    };
    let samples = timed(sample_mails(SAMPLE_DAY, AUTHSERV)?)?;
    let first = samples.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at);
    let end = args.clock.or_else(|| samples.last().map(|(at, _)| *at)).unwrap_or(first);
    let store = Store::open(&config.store, first)?;
    let Some(desk) = config.desks.into_iter().next() else { bail!("{}: no desk", args.keep.display()) };
    let before = table::state(&store).await?;

    let clock = Clock::manual(first);
    let mut worker = Worker::new(desk, store.clone(), clock.clone()).await?;
    let shown = play(&samples, end, &args.keep, &mut worker, &clock).await?;

    let after = table::state(&store).await?;
    let later = samples.len() - shown;
    if before == after {
        anstream::println!("{}", language.say("新しいメールはありません。", "nothing new"));
    } else {
        table::print(&store, &samples, language).await?;
    }
    farewell(&args.keep, later, language);
    Ok(Exit::Ok)
}

/// The folder with the desk's files; those that exist are left as they are.
fn set_up(folder: &Path) -> anyhow::Result<()> {
    for part in ["Maildir/new", "Maildir/cur", "Maildir/tmp", "sent"] {
        let path = folder.join(part);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    }
    for (name, text) in FILES {
        let path = folder.join(name);
        match File::create_new(&path) {
            Ok(mut file) => {
                file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("cannot create {}", path.display())),
        }
    }
    Ok(())
}

/// Samples with their moment of arrival.
fn timed(samples: Vec<SampleMail>) -> anyhow::Result<Vec<(Timestamp, SampleMail)>> {
    let tokyo = TimeZone::get("Asia/Tokyo").context("time zone data")?;
    let at = |mail: &SampleMail| mail.arrives.to_zoned(tokyo.clone()).map(|z| z.timestamp());
    samples.into_iter().map(|mail| Ok((at(&mail)?, mail))).collect()
}

/// Delivers the mails that arrive until `end`, one by one, and lets the desk work after each; then until `end`.
async fn play(
    samples: &[(Timestamp, SampleMail)],
    end: Timestamp,
    folder: &Path,
    worker: &mut Worker,
    clock: &Clock,
) -> anyhow::Result<usize> {
    let due: Vec<_> = samples.iter().filter(|(at, _)| *at <= end).collect();
    let bar = ProgressBar::new(due.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    for (at, mail) in &due {
        bar.set_message(mail.name.clone());
        clock.set(*at);
        if deliver(folder, *at, mail)? {
            worker.until_idle().await?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    clock.set(end);
    worker.until_idle().await?;
    Ok(due.len())
}

/// Puts a mail into the Maildir as an MTA does; false if it is there already.
fn deliver(folder: &Path, at: Timestamp, mail: &SampleMail) -> anyhow::Result<bool> {
    let maildir = folder.join("Maildir");
    let name = format!("{}.{}.demo", at.as_second(), mail.name);
    let seen = maildir.join("cur").join(format!("{name}:2,S"));
    let target = maildir.join("new").join(&name);
    if target.exists() || maildir.join("cur").join(format!("{name}:2,")).exists() || seen.exists() {
        return Ok(false);
    }
    let draft = maildir.join("tmp").join(&name);
    let mut file = File::create(&draft).with_context(|| format!("cannot create {}", draft.display()))?;
    file.write_all(&mail.raw).with_context(|| format!("cannot write {}", draft.display()))?;
    file.set_modified(at.into()).context("modification time")?;
    std::fs::rename(&draft, &target).with_context(|| format!("cannot create {}", target.display()))?;
    Ok(true)
}

/// Where everything lies, and what to try next.
fn farewell(folder: &Path, later: usize, language: Language) {
    let at = |part: &str| folder.join(part).display().to_string();
    let lines = [
        (("受信箱", "mailbox"), at("Maildir")),
        (("返信", "answers"), at("sent")),
        (("記録", "store"), at("madoguchi.db")),
        (("設定", "configuration"), at("madoguchi.toml")),
    ];
    anstream::println!();
    for ((ja, en), path) in lines {
        anstream::println!("{}{path}", super::screen::fit(language.say(ja, en), 15));
    }
    if later > 0 {
        anstream::println!(
            "{}",
            language.say("まだ届いていないメール:", "mails still to come:").to_string() + &format!(" {later}")
        );
    }
    anstream::println!("\n{}", language.say("次に試すこと:", "what to run next:"));
    let keep = folder.display();
    anstream::println!("  madoguchi demo --keep {keep} --clock 2026-11-24T10:00+09:00");
    anstream::println!("  madoguchi explain -c {} {}/Maildir/new", at("madoguchi.toml"), keep);
    anstream::println!("  madoguchi init my-desk");
}

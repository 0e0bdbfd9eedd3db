//! `madoguchi doctor`: a configuration against the live servers, one line a check.

mod inbox;
mod outbox;
mod probe;
mod token;

use std::io::Write;
use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use anyhow::Context as _;
use serde_json::json;

use super::screen::{self, Language, fit};
use super::{Exit, desk, loaded};
use crate::clock::Clock;
use crate::config::{self, Config, Desk};
use crate::store::{Store, StoreError};
use crate::triage::context::RequiredAuth;

/// Check a configuration against the live servers: each line OK, or what to do
#[derive(Debug, clap::Args)]
#[command(after_help = "\
OAuth tokens, names, connection, TLS, login, folder, capabilities, Drafts and Sent, own folders, keywords, quota, clock; the way out
with its login, envelope sender and limits. Nothing is changed on the servers and nothing is sent, but with --probe:
then the desk sends one mail to its own address and waits for it. A running desk puts it down as its own.

  madoguchi doctor -c madoguchi.toml
  madoguchi doctor --desk optim-biz --probe

Exit status: 0 nothing must be done (warnings are allowed) · 1 something must be done · 78 the configuration is wrong")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only this desk
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// Send a mail from each desk to itself and wait for it
    #[arg(long)]
    probe: bool,
    /// Wait at most so many seconds for the probe
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "probe")]
    probe_seconds: u64,
    /// One JSON object a check and line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check and what came of it.
struct Line {
    check: &'static str,
    verdict: Verdict,
    found: String,
    /// What the operator should do about it.
    todo: Option<String>,
}

impl Line {
    fn ok(check: &'static str, found: impl Into<String>) -> Line {
        Line { check, verdict: Verdict::Ok, found: found.into(), todo: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Line {
        Line { check, verdict: Verdict::Warn, found: found.into(), todo: Some(todo.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Line {
        Line { check, verdict: Verdict::Fail, found: found.into(), todo: Some(todo.into()) }
    }
}

/// Prints the lines of a desk as they come: a slow server is seen to be one.
struct Report<'a> {
    desk: &'a str,
    language: Language,
    json: bool,
    worst: Verdict,
}

impl Report<'_> {
    fn say<'a>(&self, ja: &'a str, en: &'a str) -> &'a str {
        self.language.say(ja, en)
    }

    fn add(&mut self, line: Line) -> anyhow::Result<()> {
        self.worst = self.worst.max(line.verdict);
        let mut out = anstream::stdout().lock();
        let Line { check, verdict, found, todo } = line;
        if self.json {
            let result = json!({
                "desk": self.desk, "check": check, "result": verdict.name(), "found": found, "todo": todo,
            });
            return screen::written(writeln!(out, "{result}"));
        }
        let (style, word) = verdict.shown(self.language);
        let word = fit(word, 6);
        let line = writeln!(out, "{}  {style}{word}{style:#}  {}  {found}", self.desk, fit(check, 14));
        screen::written(line)?;
        match todo {
            Some(todo) => screen::written(writeln!(out, "{}  → {todo}", " ".repeat(self.desk.len()))),
            None => Ok(()),
        }
    }
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }

    fn shown(self, language: Language) -> (Style, &'static str) {
        let (colour, ja, en) = match self {
            Verdict::Ok => (AnsiColor::Green, "正常", "OK"),
            Verdict::Warn => (AnsiColor::Yellow, "注意", "NOTE"),
            Verdict::Fail => (AnsiColor::Red, "要対応", "TO DO"),
        };
        (colour.on_default().bold(), language.say(ja, en))
    }
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(mut config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(id) = &args.desk {
        desk::keep_only(&mut config, &args.config, id)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let worst = runtime.block_on(examine(&config, &args))?;
    Ok(if worst == Verdict::Fail { Exit::Failed } else { Exit::Ok })
}

async fn examine(config: &Config, args: &Args) -> anyhow::Result<Verdict> {
    let language = Language::of_locale();
    let mut worst = Verdict::Ok;
    for desk in &config.desks {
        let mut report = Report { desk: &desk.profile.id, language, json: args.json, worst: Verdict::Ok };
        if desk.profile.authentication == RequiredAuth::Off {
            let found = report.say("差出人を確認しません（authentication = \"off\"）", "authentication = \"off\"");
            let todo = report.say(
                "なりすましを防ぐには \"strong\" と trusted_authserv を設定してください",
                "anybody can pose as a customer: use \"strong\" and trusted_authserv",
            );
            report.add(Line::warn("authentication", found, todo))?;
        }
        report.add(store(config, &report))?;
        report.add(activation(config, desk, &report).await)?;
        token::examine(desk, &mut report).await?;
        let inbox = inbox::examine(desk, &mut report).await?;
        let outbox = outbox::examine(desk, &mut report).await?;
        if args.probe {
            let line = match inbox.zip(outbox) {
                Some((inbox, outbox)) => {
                    probe::send(desk, inbox, outbox, args.probe_seconds, &Clock::System, &report).await
                }
                None => {
                    let found = report.say("送りませんでした", "not sent");
                    Line::fail("probe", found, report.say("先に上の問題を直してください", "mend the above first"))
                }
            };
            report.add(line)?;
        }
        worst = worst.max(report.worst);
    }
    Ok(worst)
}

fn store(config: &Config, report: &Report<'_>) -> Line {
    match Store::open_reading(&config.store) {
        Ok(_) => Line::ok("store", config.store.display().to_string()),
        Err(error @ (StoreError::Missing { .. } | StoreError::Older { .. })) => {
            let todo = report.say("最初の run が作成・更新します", "the first `run` makes it or brings it up to date");
            Line::warn("store", error.to_string(), todo)
        }
        Err(error) => {
            let todo =
                report.say("docs/operations.md の The store を参照してください", "see The store in docs/operations.md");
            Line::fail("store", error.to_string(), todo)
        }
    }
}

/// Does the desk act, or only observe?
async fn activation(config: &Config, desk: &Desk, report: &Report<'_>) -> Line {
    if let Some(since) = desk.answer_since {
        return Line::ok("activation", format!("answer_since = {since:.0}"));
    }
    let state = match Store::open_reading(&config.store) {
        Ok(store) => store.activation(&desk.profile.id, desk.mailbox.folder()).await.ok(),
        Err(_) => None,
    };
    match state.and_then(|state| state.active_since) {
        Some(since) => Line::ok("activation", format!("{since:.0}")),
        None => Line::warn(
            "activation",
            report.say("観察のみで、返信しません", "the desk only observes"),
            report.say(
                "madoguchi observed で確認し、madoguchi activate で開始してください",
                "look at `madoguchi observed`, then begin with `madoguchi activate`",
            ),
        ),
    }
}

/// Where a name leads; the line says so.
async fn name(check: &'static str, host: &str, port: u16, report: &Report<'_>) -> Line {
    match tokio::net::lookup_host((host, port)).await {
        Ok(found) => {
            let mut addresses: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            addresses.dedup();
            Line::ok(check, format!("{host} → {}", addresses.join(", ")))
        }
        Err(error) => Line::fail(
            check,
            format!("{host}: {error}"),
            report.say("host の名前と DNS を確認してください", "look at `host` and at this machine's DNS"),
        ),
    }
}

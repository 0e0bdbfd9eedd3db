//! The command line: one file a command.

mod activate;
mod backup;
mod breaker;
mod calendar;
mod case;
mod check;
mod contract;
mod demo;
mod desk;
mod doctor;
mod eval;
mod explain;
mod export;
mod fit;
mod flow;
mod hours;
mod init;
mod login;
mod notice;
mod observed;
mod outage;
mod outbox;
mod packs;
mod place;
mod purge;
mod quarantine;
mod reconcile;
mod register;
mod replay;
mod restore;
mod run;
mod screen;
mod sources;
mod test;
mod who;
mod why_not;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Problems;

/// How a command ended, as an exit status that systemd and scripts understand (sysexits.h where it has a word).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// Something given was wrong: a file unreadable, a check failed.
    Failed,
    /// The store or the mail folder cannot be used (EX_UNAVAILABLE).
    Unavailable,
    /// The configuration is wrong (EX_CONFIG): starting again will not help.
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            Exit::Unavailable => 69,
            Exit::Config => 78,
        })
    }
}

/// 窓口: answers a support mailbox by readable rules, exactly once, with evidence.
#[derive(Debug, Parser)]
#[command(name = "madoguchi", version, about, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  madoguchi demo                              see it work, with embedded parts only
  madoguchi init desk && cd desk              a commented configuration with rules and templates to edit
  madoguchi check -c madoguchi.toml           all problems of all files at once
  madoguchi explain mail.eml                  what would be decided about a mail, and why
  madoguchi test rules/optim-biz              the examples and tests that stand in a pack
  madoguchi eval --pack optim-biz mails.jsonl how well a pack decides labelled mail
  madoguchi fit --pack rules/optim-biz m.jsonl learn from labelled mail what terms are worth
  madoguchi replay -c madoguchi.toml          what changed rules would have decided about the mail of a month
  madoguchi run -c madoguchi.toml             work the desk until stopped
  madoguchi observed -c madoguchi.toml        what a desk would have done that only observes
  madoguchi activate -c madoguchi.toml        let it begin
  madoguchi login m365                        sign in at Microsoft 365, Google …, for desks with `oauth`
  madoguchi doctor -c madoguchi.toml          does everything work with the live servers?
  madoguchi reconcile -c madoguchi.toml       has every mail an outcome, and every outcome a mail?
  madoguchi backup /var/backups/desk.db       a copy of the store, while the desk works
  madoguchi purge -c madoguchi.toml           what is older than it may be kept
  madoguchi export taro@customer.example      everything the store has about a person
  madoguchi breaker -c madoguchi.toml         how much each desk answers, and whether it was stopped
  madoguchi hours -c madoguchi.toml           open or closed, next opening, closed days and why
  madoguchi notice -c madoguchi.toml          interruptions and outages that change what answers say
  madoguchi outbox                            answers that did not go out: send them again or drop them
  madoguchi outage list -c madoguchi.toml     recorded outages, for claims of a credit
  madoguchi register import customers.csv     customers and partners into the store
  madoguchi who taro@customer.example         whose customer is it, and what may an answer say?
  madoguchi case OB-261120-0017               the whole story of a case";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Init(init::Args),
    Check(check::Args),
    Explain(explain::Args),
    Flow(flow::Args),
    Test(test::Args),
    Eval(eval::Args),
    Fit(fit::Args),
    Run(run::Args),
    Replay(replay::Args),
    Observed(observed::Args),
    Activate(activate::Args),
    Login(login::Args),
    Doctor(doctor::Args),
    Reconcile(reconcile::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Purge(purge::Args),
    Export(export::Args),
    Breaker(breaker::Args),
    Hours(hours::Args),
    Notice(notice::Args),
    Outbox(outbox::Args),
    Quarantine(quarantine::Args),
    Outage(outage::Args),
    Calendar(calendar::Args),
    Register(register::Args),
    Who(who::Args),
    Case(case::Args),
}

/// Runs the command line `args` (with the program's name first).
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let ended = match cli.command {
        Command::Demo(args) => demo::command(args),
        Command::Init(args) => init::command(args),
        Command::Check(args) => check::command(args),
        Command::Explain(args) => explain::command(args),
        Command::Flow(args) => flow::command(args),
        Command::Test(args) => test::command(args),
        Command::Eval(args) => eval::command(args),
        Command::Fit(args) => fit::command(args),
        Command::Run(args) => run::command(args),
        Command::Replay(args) => replay::command(args),
        Command::Observed(args) => observed::command(args),
        Command::Activate(args) => activate::command(args),
        Command::Login(args) => login::command(args),
        Command::Doctor(args) => doctor::command(args),
        Command::Reconcile(args) => reconcile::command(args),
        Command::Backup(args) => backup::command(args),
        Command::Restore(args) => restore::command(args),
        Command::Purge(args) => purge::command(args),
        Command::Export(args) => export::command(args),
        Command::Breaker(args) => breaker::command(args),
        Command::Notice(args) => notice::command(args),
        Command::Outbox(args) => outbox::command(args),
        Command::Quarantine(args) => quarantine::command(args),
        Command::Outage(args) => outage::command(args),
        Command::Hours(args) => hours::command(args),
        Command::Calendar(args) => calendar::command(args),
        Command::Register(args) => register::command(args),
        Command::Who(args) => who::command(args),
        Command::Case(args) => case::command(args),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            anstream::eprintln!("{} {error:#}", screen::error_word());
            Exit::Failed.into()
        }
    }
}

/// What was loaded; if nothing could be, its problems are shown and the command ends with [`Exit::Config`].
fn loaded<T>(result: Result<T, Problems>) -> Option<T> {
    let shown = |problems: &Problems| anstream::eprint!("{}", problems.render(std::io::stderr().is_terminal()));
    result.inspect_err(shown).ok()
}

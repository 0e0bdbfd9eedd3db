//! `madoguchi check`: every file a run would read, and all their problems at once.

mod usage;

use std::io::IsTerminal;
use std::path::PathBuf;

use super::screen::Language;
use super::{Exit, packs};
use crate::clock::Clock;
use crate::config;
use crate::triage::pack::Pack;

/// Check every file a run would read and show all problems at once
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Warnings tell of words and rules that do nothing: never needed beside another word, stopped by the rule's own `none`,
in nearly every sentence, twice the same. With --corpus also of those that do nothing in real mail.

  madoguchi check -c madoguchi.toml
  madoguchi check --pack rules/optim-biz --corpus mails.jsonl

Exit status: 0 if nothing is wrong (warnings are allowed), 1 if `run` would refuse to start.")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml", conflicts_with = "pack")]
    config: PathBuf,
    /// Check one pack only: one of the program itself, or a folder rules/<pack>
    #[arg(long, value_name = "PACK")]
    pack: Option<String>,
    /// Mails, as files, folders or labelled .jsonl: which words and rules of the pack do nothing there?
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "pack")]
    corpus: Vec<PathBuf>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let colour = std::io::stderr().is_terminal();
    let language = Language::of_locale();
    if let Some(name) = &args.pack {
        return match packs::check(name) {
            Ok(((pack, claims), warnings)) => {
                anstream::eprint!("{}", warnings.render(colour));
                say_fine(&pack.id, &pack, language);
                if !args.corpus.is_empty() {
                    usage::print(pack, &claims, &args.corpus, language)?;
                }
                Ok(Exit::Ok)
            }
            Err(problems) => Ok(refused(&problems, colour)),
        };
    }
    match config::check(&args.config) {
        Ok(config) => {
            anstream::eprint!("{}", config.warnings.render(colour));
            for desk in &config.desks {
                warn_of_holidays(desk, language);
                say_fine(&desk.profile.id, &desk.edition.pack, language);
            }
            Ok(Exit::Ok)
        }
        Err(problems) => Ok(refused(&problems, colour)),
    }
}

/// A desk whose list of holidays runs out still works: by the Act.
fn warn_of_holidays(desk: &config::Desk, language: Language) {
    let Some(year) = desk.edition.calendar.holidays_missing(Clock::System.now()) else { return };
    let hint = language.say(
        "年の祝日の一覧がありません。内閣府の syukujitsu.csv を用意し、holidays に指定してください。それまでは法律から計算します",
        ": the list of holidays is missing; get syukujitsu.csv of the Cabinet Office and name it in `holidays`. Until \
         then they are computed from the Act",
    );
    anstream::eprintln!("{}: {year}{hint}", desk.profile.id);
}

fn refused(problems: &config::Problems, colour: bool) -> Exit {
    anstream::eprint!("{}", problems.render(colour));
    Exit::Failed
}

fn say_fine(name: &str, pack: &Pack, language: Language) {
    anstream::println!(
        "{name}: {} {} {} ({} {}, {} {}, {})",
        language.say("問題ありません。パック", "OK, pack"),
        pack.id,
        pack.version,
        pack.rules.len(),
        language.say("規則", "rules"),
        pack.templates.len(),
        language.say("テンプレート", "templates"),
        pack.hash
    );
}

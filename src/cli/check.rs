//! `madoguchi check`: every file a run would read, and all their problems at once.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::Exit;
use super::screen::Language;
use crate::clock::Clock;
use crate::config;

/// Check every file a run would read and show all problems at once
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 if nothing is wrong (warnings are allowed), 1 if `run` would refuse to start.")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let colour = std::io::stderr().is_terminal();
    let language = Language::of_locale();
    match config::load(&args.config) {
        Ok(config) => {
            anstream::eprint!("{}", config.warnings.render(colour));
            for desk in &config.desks {
                warn_of_holidays(desk, language);
                let pack = &desk.pack;
                anstream::println!(
                    "{}: {} {} {} ({} {}, {} {}, {})",
                    desk.profile.id,
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
            Ok(Exit::Ok)
        }
        Err(problems) => {
            anstream::eprint!("{}", problems.render(colour));
            Ok(Exit::Failed)
        }
    }
}

/// A desk whose list of holidays runs out still works: by the Act.
fn warn_of_holidays(desk: &config::Desk, language: Language) {
    let Some(year) = desk.pack.calendar.holidays_missing(Clock::System.now()) else { return };
    let hint = language.say(
        "年の祝日の一覧がありません。内閣府の syukujitsu.csv を用意し、holidays に指定してください。それまでは法律から計算します",
        ": the list of holidays is missing; get syukujitsu.csv of the Cabinet Office and name it in `holidays`. Until \
         then they are computed from the Act",
    );
    anstream::eprintln!("{}: {year}{hint}", desk.profile.id);
}

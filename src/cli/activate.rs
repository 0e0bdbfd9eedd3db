//! `madoguchi activate`: lets a desk begin that has only observed its mailbox.

use std::path::PathBuf;

use super::screen::{Language, error_word};
use super::{Exit, desk, loaded};
use crate::clock::Clock;
use crate::config::{self, Desk};
use crate::store::{StoreError, activate};

/// Let a desk begin that has only observed its mailbox
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A desk that looks at a mailbox for the first time does nothing there: it journals and decides, and `madoguchi observed`
shows what it would have done. From its activation on it answers, labels and moves mail that arrives; what arrived
before is never answered. Works while `madoguchi run` is running. With `answer_since` in its configuration a desk needs
no activation.

  madoguchi observed -c madoguchi.toml
  madoguchi activate -c madoguchi.toml --desk optim-biz")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// The desk; needed where there are several
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(mut config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(id) = &args.desk {
        desk::keep_only(&mut config, &args.config, id)?;
    }
    let [desk] = config.desks.as_slice() else {
        let names: Vec<&str> = config.desks.iter().map(|desk| desk.profile.id.as_str()).collect();
        anyhow::bail!("{} has several desks; choose one with --desk: {}", args.config.display(), names.join(", "));
    };
    let begun = activate(&config.store, &desk.profile.id, desk.mailbox.folder(), Clock::System.now());
    let say = |ja, en| Language::of_locale().say(ja, en);
    match begun {
        Ok(begun) => say_so(desk, begun),
        Err(error @ StoreError::Missing { .. }) => {
            let first = say("先に madoguchi run を始めてください", "start `madoguchi run` first");
            anstream::eprintln!("{} {error}: {first}", error_word());
            return Ok(Exit::Unavailable);
        }
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            return Ok(Exit::Unavailable);
        }
    }
    Ok(Exit::Ok)
}

fn say_so(desk: &Desk, begun: bool) {
    let say = |ja, en| Language::of_locale().say(ja, en);
    let done = match (begun, desk.answer_since) {
        (_, Some(_)) => say(
            "answer_since が設定されているため、すでに動作しています。",
            "acts already: its configuration has `answer_since`",
        ),
        (true, None) => say(
            "開始しました。これから届くメールに対応します。",
            "activated: it works on mail that arrives from now on",
        ),
        (false, None) => say("すでに開始しています。", "was activated before"),
    };
    anstream::println!("{}: {done}", desk.profile.id);
}

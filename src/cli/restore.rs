//! `madoguchi restore`: a copy in the place of the store.

use std::path::PathBuf;

use super::screen::{Language, error_word};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config;
use crate::store::restore;

/// Put a copy made by `backup` in the place of the store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only while the desk is stopped. The copy is checked first; the store that is there now is kept beside it. Then start the
desk: it reads mail that came after the copy anew, and what it has answered meanwhile carries its labels and goes to
staff, not into a second answer. Answers that were queued in the copy may have gone out: see docs/operations.md.

  madoguchi restore -c madoguchi.toml /var/backups/madoguchi-2026-11-24.db
  madoguchi reconcile -c madoguchi.toml

Exit status: 0 restored · 69 the copy is not sound, or somebody works with the store")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// The copy
    #[arg(value_name = "COPY")]
    from: PathBuf,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    let say = |ja, en| Language::of_locale().say(ja, en);
    match restore(&config.store, &args.from, Clock::System.now()) {
        Ok(kept) => {
            anstream::println!("{}: {}", config.store.display(), say("復元しました。", "restored"));
            if let Some(kept) = kept {
                anstream::println!("{} {}", say("復元前の記録:", "the store before is kept as"), kept.display());
            }
            Ok(Exit::Ok)
        }
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

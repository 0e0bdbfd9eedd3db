//! `madoguchi backup`: a copy of the store while the desk works.

use std::path::PathBuf;

use super::screen::{Language, error_word};
use super::{Exit, loaded};
use crate::config;
use crate::store::back_up;

/// Copy the store to a file, also while the desk works
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The copy is the store as it is at one moment. The file appears under its name when it is whole, every page of it checked
and on the disk; an existing file is not overwritten. Whole mails of customers lie in it: keep it as the store.

  madoguchi backup -c madoguchi.toml /var/backups/madoguchi-$(date +%F).db
  madoguchi restore -c madoguchi.toml /var/backups/madoguchi-2026-11-24.db

Exit status: 0 copied · 69 the store cannot be read or the file not be written")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Where to
    #[arg(value_name = "COPY")]
    to: PathBuf,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    match back_up(&config.store, &args.to) {
        Ok(bytes) => {
            let (copied, size) = (args.to.display(), Language::of_locale().say("バイト", "bytes"));
            anstream::println!("{copied}: {bytes} {size}");
            Ok(Exit::Ok)
        }
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

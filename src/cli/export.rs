//! `madoguchi export`: everything the store has about a person.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::screen::{Language, error_word};
use super::{Exit, loaded};
use crate::config;
use crate::store::{Export, Store};

/// Write everything the store has about a person into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
data.jsonl has one object a row of the store: mails from the address and mails that name it, decisions, answers, cases,
budgets, entries of an imported register. The mails themselves, as far as they are kept, lie beside it as mail-N.eml.
Read it before you hand it out: mails of others that name the person are in it, too. What staff keep in the mailbox, and
back-ups, are not in it.

  madoguchi export taro@customer.example --out taro/

Exit status: 0 written, also if there is nothing · 1 the folder cannot be made · 69 the store cannot be read")]
pub struct Args {
    /// The configuration; names the store
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// A folder to make
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// The person's address
    #[arg(value_name = "ADDRESS")]
    address: String,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if !args.address.contains('@') {
        bail!("`{}` is no address", args.address);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let found = runtime.block_on(async { Store::open_reading(&config.store)?.export(&args.address).await });
    match found {
        Ok(export) => {
            write(&args.out, &export).with_context(|| args.out.display().to_string())?;
            let (rows, mails) = (export.rows.len(), export.mails.len());
            let say = |ja, en| Language::of_locale().say(ja, en);
            let out = args.out.display();
            anstream::println!("{out}: {} {rows}, {} {mails}", say("記録", "rows"), say("メール", "mails"));
            Ok(Exit::Ok)
        }
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

/// For our eyes only, as the store.
fn write(folder: &Path, export: &Export) -> std::io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let file = |name: &str| OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join(name));
    let mut data = file("data.jsonl")?;
    export.rows.iter().try_for_each(|row| writeln!(data, "{row}"))?;
    for (mail, bytes) in &export.mails {
        file(&format!("mail-{mail}.eml"))?.write_all(bytes)?;
    }
    data.sync_all()
}

//! `madoguchi quarantine`: mails that could not be worked on.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::config::{self, Config};
use crate::store::{CaseRow, IN_VAIN, Store, StoreError};
use crate::triage::arrival::{Item, MailKey};

/// List the mails that could not be worked on: staff handle them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A mail on which the program ended, or that the server did not give, three times is taken out of the way and labelled
`mado-quarantine`; the rest goes on. Nothing is decided about it and nobody answers it: look at it in the mailbox.
Listed behind those is mail that was decided, and that the server three times would not label or move, or of which
`alert_command` could not tell anybody in five tries.

  madoguchi quarantine -c madoguchi.toml")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only this desk; else all
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// One JSON object a mail and line
    #[arg(long)]
    json: bool,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(id) = &args.desk
        && !config.desks.iter().any(|desk| desk.profile.id == *id)
    {
        bail!("{} has no desk {id}", args.config.display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    match runtime.block_on(show(&config, &args)) {
        Ok(()) => Ok(Exit::Ok),
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

async fn show(config: &Config, args: &Args) -> Result<(), StoreError> {
    let (store, language) = (Store::open_reading(&config.store)?, Language::of_locale());
    let mut empty = true;
    for desk in config.desks.iter().filter(|desk| args.desk.as_ref().is_none_or(|id| *id == desk.profile.id)) {
        for row in store.quarantined(&desk.profile.id).await? {
            empty = false;
            match args.json {
                true => anstream::println!("{}", object(&row)),
                false => {
                    let seen = row.seen_at.to_zoned(desk.edition.calendar.zone.clone()).strftime("%Y-%m-%d %H:%M");
                    let (mail, note) = (row.mail.to_string(), note(&row).unwrap_or_default());
                    anstream::println!("{}  {seen}  {}  {note}", fit(&mail, 8), fit(&place(&row.key), 24));
                }
            }
        }
    }
    if empty && !args.json {
        anstream::println!("{}", language.say("隔離したメールはありません。", "nothing is in quarantine"));
    }
    Ok(())
}

/// Why it was put aside, or what the server failed on after it was decided.
fn note(row: &CaseRow) -> Option<&str> {
    let failed = row.effects.iter().filter_map(|effect| effect.note.as_deref()).find(|note| note.contains(IN_VAIN));
    failed.or(row.note.as_deref())
}

/// Where staff find it.
fn place(key: &MailKey) -> String {
    match &key.item {
        Item::Uid(uid) => format!("{} UID {uid}", key.mailbox),
        Item::File(name) => name.clone(),
    }
}

fn object(row: &CaseRow) -> serde_json::Value {
    json!({
        "desk": row.desk,
        "mail": row.mail.to_string(),
        "place": place(&row.key),
        "seen_at": row.seen_at.to_string(),
        "decided": row.decision.is_some(),
        "note": note(row),
    })
}

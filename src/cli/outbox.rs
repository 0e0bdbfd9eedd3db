//! `madoguchi outbox`: what did not go out, staff's word about it, and addresses that nothing is sent to.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::place::Place;
use super::screen::{Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Desk};
use crate::store::{
    After, EffectId, EffectState, MailId, Refused, Store, StoreError, Unsent, allow_address, drop_send, send_again,
};

/// List answers that did not go out, send them again or drop them; addresses that refuse mail
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
An answer is held if it may have gone out (the program or the connection ended while the server's last word was
awaited), or if it must not go out any more (budgets). One that was refused, given up or came back has failed. Look
whether the customer has it; then `send` it again (at once, whatever the budgets say) or `drop` it, because you have
answered yourself. The label on the mail follows. All of it works while `madoguchi run` is running, which acts within
its `poll_seconds`.

  madoguchi outbox                       failed, held and retried answers, with their numbers
  madoguchi outbox send 1204
  madoguchi outbox drop 1204
  madoguchi outbox refused               addresses that refused mail: nothing is sent to them by itself for 61 days
  madoguchi outbox allow taro@customer.example"
)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    at: Place,
    /// One JSON object an answer and line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List what did not go out (as without a word)
    List {
        #[command(flatten)]
        at: Place,
        /// One JSON object an answer and line
        #[arg(long)]
        json: bool,
    },
    /// Send an answer again, at once
    Send {
        #[command(flatten)]
        at: Place,
        /// Its number in the list
        #[arg(value_name = "NUMBER")]
        number: i64,
    },
    /// Drop an answer: it is settled and not sent
    Drop {
        #[command(flatten)]
        at: Place,
        /// Its number in the list
        #[arg(value_name = "NUMBER")]
        number: i64,
    },
    /// List the addresses that refused mail for good
    Refused {
        #[command(flatten)]
        at: Place,
        /// One JSON object an address and line
        #[arg(long)]
        json: bool,
    },
    /// Send to an address again
    Allow {
        #[command(flatten)]
        at: Place,
        #[arg(value_name = "ADDRESS")]
        address: String,
    },
}

impl Args {
    fn place(&self) -> &Place {
        match &self.action {
            Some(
                Action::List { at, .. }
                | Action::Send { at, .. }
                | Action::Drop { at, .. }
                | Action::Refused { at, .. }
                | Action::Allow { at, .. },
            ) => at,
            None => &self.at,
        }
    }
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let at = args.place();
    let Some(config) = loaded(config::load(&at.config)) else { return Ok(Exit::Config) };
    let desks = at.desks(&config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let (store, now) = (config.store.as_path(), Clock::System.now());
    let done = match args.action {
        None => runtime.block_on(list(store, &desks, args.json)),
        Some(Action::List { json, .. }) => runtime.block_on(list(store, &desks, json)),
        Some(Action::Refused { json, .. }) => runtime.block_on(refused(store, &desks, json)),
        Some(Action::Send { number, .. }) => {
            send_again(store, EffectId::new(number), now).map(|mail| told(number, mail, SENT_AGAIN))
        }
        Some(Action::Drop { number, .. }) => {
            drop_send(store, EffectId::new(number), now).map(|mail| told(number, mail, DROPPED))
        }
        Some(Action::Allow { address, .. }) => allow(store, &desks, &address),
    };
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(error @ (StoreError::NoSuchEffect { .. } | StoreError::WrongState { .. })) => Err(error.into()),
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

const SENT_AGAIN: (&str, &str) = ("再送信の待ち行列に入れました", "will be sent");
const DROPPED: (&str, &str) = ("対応済みにしました。送信しません", "dropped: it is not sent");

fn told(number: i64, mail: MailId, (ja, en): (&str, &str)) {
    let language = Language::of_locale();
    anstream::println!("{number}: {} ({} {mail})", language.say(ja, en), language.say("メール", "mail"));
}

fn allow(store: &Path, desks: &[&Desk], address: &str) -> Result<(), StoreError> {
    let language = Language::of_locale();
    let mut allowed = Vec::new();
    for desk in desks {
        if allow_address(store, &desk.profile.id, address)? {
            allowed.push(desk.profile.id.as_str());
        }
    }
    match allowed.is_empty() {
        true => anstream::println!("{address}: {}", language.say("止めていません", "nothing was in the way")),
        false => {
            let say = language.say("再び送信します", "is written to again");
            anstream::println!("{address}: {say} ({})", allowed.join(", "));
        }
    }
    Ok(())
}

async fn list(store: &Path, desks: &[&Desk], json: bool) -> Result<(), StoreError> {
    let (store, language) = (Store::open_reading(store)?, Language::of_locale());
    let mut empty = true;
    for desk in desks {
        for entry in store.unsent(&desk.profile.id).await? {
            empty = false;
            match json {
                true => anstream::println!("{}", object(&entry)),
                false => print(&entry, &desk.edition.calendar.zone, language),
            }
        }
    }
    if empty && !json {
        anstream::println!("{}", language.say("未送信のメールはありません。", "everything went out"));
    }
    Ok(())
}

async fn refused(store: &Path, desks: &[&Desk], json: bool) -> Result<(), StoreError> {
    let (store, language) = (Store::open_reading(store)?, Language::of_locale());
    let mut empty = true;
    for desk in desks {
        for Refused { desk: id, address, at, reason } in store.refused(&desk.profile.id).await? {
            empty = false;
            let reason = reason.unwrap_or_default();
            match json {
                true => {
                    let object = json!({ "desk": id, "address": address, "at": at.to_string(), "reason": reason });
                    anstream::println!("{object}");
                }
                false => {
                    let at = local(at, &desk.edition.calendar.zone);
                    anstream::println!("{}  {}  {at}  {reason}", fit(&id, 16), fit(&address, 40));
                }
            }
        }
    }
    if empty && !json {
        anstream::println!("{}", language.say("拒否したアドレスはありません。", "no address refuses mail"));
    }
    Ok(())
}

/// What became of it, in a word for scripts.
fn state(entry: &Unsent) -> &'static str {
    match (entry.state, entry.after) {
        (EffectState::Held, _) => "held",
        (EffectState::Failed, Some(After::Bounced)) => "bounced",
        (EffectState::Failed, _) => "failed",
        _ => "retried",
    }
}

fn print(entry: &Unsent, zone: &TimeZone, language: Language) {
    let state = match state(entry) {
        "held" => language.say("保留", "held"),
        "bounced" => language.say("不達", "came back"),
        "failed" => language.say("失敗", "failed"),
        _ => language.say("再試行中", "retried"),
    };
    let Unsent { id, mail, desk, kind, reply, case, due, next_try, note, attempts, .. } = entry;
    anstream::println!(
        "{}  {}  {}  {}  {}  {} {mail}",
        fit(&id.to_string(), 8),
        fit(state, 10),
        local(*due, zone),
        fit(case.as_deref().unwrap_or("-"), 18),
        fit(desk, 12),
        language.say("メール", "mail"),
    );
    anstream::println!("          {kind} → {}  {}", reply.to.address, reply.subject);
    let next = next_try.map(|at| format!(" ({} {})", language.say("次回", "next try"), local(at, zone)));
    let tries = language.say("回試行", "tries");
    anstream::println!(
        "          {}{} [{attempts} {tries}]",
        note.as_deref().unwrap_or_default(),
        next.unwrap_or_default()
    );
}

fn object(entry: &Unsent) -> Value {
    json!({
        "number": entry.id.number(),
        "desk": entry.desk,
        "mail": entry.mail.to_string(),
        "case": entry.case,
        "kind": entry.kind,
        "state": state(entry),
        "to": entry.reply.to.address,
        "subject": entry.reply.subject,
        "message_id": entry.reply.message_id,
        "due": entry.due.to_string(),
        "attempts": entry.attempts,
        "next_try": entry.next_try.map(|at| at.to_string()),
        "note": entry.note,
    })
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

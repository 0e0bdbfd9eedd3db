//! `madoguchi reconcile`: mailbox, journal, outbox and Sent folder side by side.

mod compare;

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::{Value, json};

use self::compare::{Finding, Kind, Sides, compare};
use super::screen::{self, Language, error_word, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config::{self, Config, Desk};
use crate::mailbox::{Inbox, MailboxError, Place};
use crate::store::{Store, StoreError};
use crate::triage::arrival::Item;

/// Compare mailbox, journal, outbox and Sent folder; list what does not fit
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Lists every mail without an outcome (unread, undecided, unfinished, waiting) and every outcome without a mail
(labelled-unknown, copy-gone, sent-unknown). Also told, but no problem by themselves: quarantined, held,
held-but-sent, and gone (mail that staff filed or deleted; only counted without --json).

Only reads, also while `madoguchi run` is running; what the desk has in hand at that moment is listed then, and gone
when you ask again.

  madoguchi reconcile -c madoguchi.toml
  madoguchi reconcile --desk optim-biz --json

Exit status: 0 everything fits · 1 something is listed that should not be · 69 store or mailbox cannot be read")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Only this desk
    #[arg(long, value_name = "DESK")]
    desk: Option<String>,
    /// One JSON object a finding and line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Mailbox(#[from] MailboxError),
}

/// What a desk came to.
struct Outcome {
    mails: usize,
    answers: usize,
    findings: Vec<Finding>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(mut config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    if let Some(desk) = &args.desk {
        super::desk::keep_only(&mut config, &args.config, desk)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(all(&config, args.json))
}

async fn all(config: &Config, json: bool) -> anyhow::Result<Exit> {
    let store = match Store::open_reading(&config.store) {
        Ok(store) => store,
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            return Ok(Exit::Unavailable);
        }
    };
    let mut exit = Exit::Ok;
    for desk in &config.desks {
        match one(desk, &store).await {
            Ok(outcome) => {
                screen::written(print(desk, &outcome, json))?;
                if exit == Exit::Ok && outcome.findings.iter().any(|finding| finding.kind.is_problem()) {
                    exit = Exit::Failed;
                }
            }
            Err(error) => {
                anstream::eprintln!("{} {}: {error}", error_word(), desk.profile.id);
                exit = Exit::Unavailable;
            }
        }
    }
    Ok(exit)
}

/// The mailbox is asked before the journal: what comes in between is in the journal and not missing from it.
async fn one(desk: &Desk, store: &Store) -> Result<Outcome, Unreadable> {
    let mut inbox = Inbox::open(&desk.mailbox).await?;
    let mailbox = inbox.list().await?;
    let sent = inbox.message_ids(&Place::Sent).await?.map(HashSet::from_iter);
    let mails = store.ledger(&desk.profile.id).await?;
    let sends = store.ledger_sends(&desk.profile.id).await?;
    let findings = compare(&Sides {
        place: inbox.place(),
        mailbox: &mailbox,
        sent: sent.as_ref(),
        mails: &mails,
        sends: &sends,
        label_prefix: &desk.profile.label_prefix,
        secret: &store.secret(),
        now: Clock::System.now(),
    });
    Ok(Outcome { mails: mails.len(), answers: sends.len(), findings })
}

fn print(desk: &Desk, outcome: &Outcome, json: bool) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    if json {
        return outcome.findings.iter().try_for_each(|finding| writeln!(out, "{}", object(desk, finding)));
    }
    let (id, language) = (&desk.profile.id, Language::of_locale());
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for finding in &outcome.findings {
        *counts.entry(finding.kind).or_default() += 1;
        if finding.kind != Kind::Gone {
            writeln!(out, "{id}: {}", line(finding, language))?;
        }
    }
    let problems = outcome.findings.iter().filter(|finding| finding.kind.is_problem()).count();
    writeln!(
        out,
        "{id}: {} {} / {} {} / {} {problems} / {} {}",
        language.say("記録したメール", "mails journalled"),
        outcome.mails,
        language.say("返信と転送", "answers and forwards"),
        outcome.answers,
        language.say("不一致", "that do not fit"),
        language.say("担当者が移動または削除したメール", "filed or deleted by staff"),
        counts.get(&Kind::Gone).unwrap_or(&0),
    )
}

fn line(finding: &Finding, language: Language) -> String {
    let since = finding.since.map(|at| format!("  {at:.0}")).unwrap_or_default();
    let note = finding.note.as_ref().map(|note| format!("  ({note})")).unwrap_or_default();
    let (name, ja, en) = words(finding.kind);
    format!("{}  {}  {}{since}{note}", fit(name, 16), fit(&what(finding), 30), language.say(ja, en))
}

/// The mail as the operator can find it again.
fn what(finding: &Finding) -> String {
    let mail = finding.mail.map(|mail| format!("mail {mail}"));
    let item = finding.item.as_ref().map(|item| match item {
        Item::Uid(uid) => format!("UID {uid}"),
        Item::File(name) => name.clone(),
    });
    let id = finding.message_id.as_ref().map(|id| format!("<{id}>"));
    [mail, item, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn object(desk: &Desk, finding: &Finding) -> Value {
    let (uid, file) = match &finding.item {
        Some(Item::Uid(uid)) => (Some(*uid), None),
        Some(Item::File(name)) => (None, Some(name)),
        None => (None, None),
    };
    json!({
        "desk": desk.profile.id,
        "finding": words(finding.kind).0,
        "problem": finding.kind.is_problem(),
        "mail": finding.mail.map(|mail| mail.to_string()),
        "uid": uid,
        "file": file,
        "message_id": finding.message_id,
        "since": finding.since.map(|at| at.to_string()),
        "note": finding.note,
    })
}

/// Name, and what it means in both languages.
fn words(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Unread => ("unread", "まだ読み込んでいません", "not read yet"),
        Kind::LabelledUnknown => (
            "labelled-unknown",
            "ラベルはありますが、記録がありません",
            "has our label, and the journal does not know it",
        ),
        Kind::Undecided => ("undecided", "まだ判定していません", "read, and not decided"),
        Kind::Unfinished => ("unfinished", "判定しましたが、処理が終わっていません", "decided, and not carried out"),
        Kind::Waiting => ("waiting", "順番を過ぎても待っています", "its turn is over, and it still waits"),
        Kind::Quarantined => ("quarantined", "隔離しました。担当者が確認してください", "set aside: staff must look"),
        Kind::Held => ("held", "送信できたか不明です。担当者が確認してください", "perhaps sent: staff must look"),
        Kind::HeldButSent => {
            ("held-but-sent", "送信済みフォルダにあるため、送信できています", "held as perhaps sent; it lies in Sent")
        }
        Kind::CopyGone => {
            ("copy-gone", "送信しましたが、送信済みフォルダに控えがありません", "sent, and its copy is not in Sent")
        }
        Kind::SentUnknown => (
            "sent-unknown",
            "送信済みフォルダにありますが、記録がありません",
            "in Sent, and the journal does not know it",
        ),
        Kind::Gone => ("gone", "メールボックスにありません", "no longer in the mailbox"),
    }
}

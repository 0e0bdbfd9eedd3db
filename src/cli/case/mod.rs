//! `madoguchi case`: the whole story of a case, for whoever has the customer on the telephone; without a number, the
//! cases that want a person, the most pressing first.

mod list;
mod story;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::tz::TimeZone;

use super::screen::{Language, error_word};
use super::{Exit, loaded};
use crate::config::{self, Config};
use crate::store::{After, CaseEffect, CaseRow, EffectState, Store, StoreError};
use crate::triage::decision::{Action, Decision, Disposition, Reply};
use crate::triage::inquiry::{Inquiry, SectionKind};
use crate::triage::{dialogue, read, receipt};

/// Show the whole story of a case, or list the cases that want a person, by deadline
///
/// With a receipt number: mails, decisions, evidence, what was sent when, and where the case stands. Without: one line
/// for each case whose last mail is with staff or was not sent, those with a customer's deadline first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The receipt number may be typed as it is heard: case, blanks and hyphens do not matter. Its last digit tells a slip.

What staff answered from their own mail program is not known here: such cases stay in the list until they are among
the newest mails no more.

  madoguchi case
  madoguchi case OB-261120-0017
  madoguchi case \"ob 261120 0017\" --json")]
pub struct Args {
    /// The configuration; names the store
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// One JSON object, or one a line for the list
    #[arg(long)]
    json: bool,
    /// The list looks at so many of the newest mails
    #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "reference")]
    mails: u32,
    /// The receipt number
    #[arg(value_name = "REF")]
    reference: Option<String>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let done = runtime.block_on(async {
        let store = Store::open_reading(&config.store)?;
        match &args.reference {
            Some(reference) => tell(&store, &config, reference, args.json).await,
            None => list::list(&store, &config, args.mails, args.json).await,
        }
    });
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(error) if error.is::<StoreError>() => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
        Err(error) => Err(error),
    }
}

async fn tell(store: &Store, config: &Config, typed: &str, json: bool) -> anyhow::Result<()> {
    let Some(reference) = receipt::parse(typed) else {
        bail!("`{typed}` is no receipt number: a digit may be wrong");
    };
    let Some(case) = store.case(&reference).await? else { bail!("there is no case {reference}") };
    let mut chapters = Vec::new();
    for row in store.mails_of_case(&reference).await? {
        chapters.push(Chapter::open(store, row).await?);
    }
    let zone = chapters.first().map_or(TimeZone::UTC, |chapter| zone(config, &chapter.row.desk));
    let desk = config.desks.iter().find(|desk| chapters.first().is_some_and(|first| first.row.desk == desk.profile.id));
    let dialogue = desk.and_then(|desk| dialogue::transcript(&case, &desk.edition.pack.flows));
    let page = story::Page { case, chapters, zone, dialogue, language: Language::of_locale() };
    match json {
        true => anstream::println!("{}", page.object()),
        false => page.print(),
    }
    Ok(())
}

/// The desk's time zone; UTC for a desk that is no longer configured.
fn zone(config: &Config, desk: &str) -> TimeZone {
    let found = config.desks.iter().find(|known| known.profile.id == desk);
    found.map_or(TimeZone::UTC, |desk| desk.edition.calendar.zone.clone())
}

/// A mail of the case with what it says.
struct Chapter {
    row: CaseRow,
    decision: Decision,
    inquiry: Inquiry,
}

impl Chapter {
    async fn open(store: &Store, row: CaseRow) -> anyhow::Result<Chapter> {
        let decided = row.decision.as_ref().context("a mail of the case is not decided")?;
        let decision = decided.decision().context("decided by another version of this program")?;
        let (raw, complete) = match store.raw(row.mail).await {
            // Purged: the decision stays longer than the mail.
            Err(StoreError::NoSuchMail { .. }) => (Vec::new(), true),
            found => found?,
        };
        let inquiry = read::read(&raw, raw.len() as u64, complete);
        Ok(Chapter { row, decision, inquiry })
    }

    fn reply(&self) -> Option<&Reply> {
        self.decision.actions.iter().find_map(|action| match action {
            Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
            _ => None,
        })
    }

    /// The sending of the answer; the acknowledgement of mail that waited went out before it.
    fn send(&self) -> Option<&CaseEffect> {
        let now =
            |action: &Action| matches!(action, Action::Reply(reply) | Action::Redirect(reply) if reply.at.is_none());
        let mut sends = self.row.effects.iter().filter(|effect| effect.kind == "send");
        self.decision.actions.iter().any(now).then(|| sends.next_back()).flatten()
    }

    fn waits(&self) -> bool {
        self.row.waits_until.is_some() && self.decision.disposition == Disposition::Auto
    }

    /// What the customer wrote today.
    fn own_words(&self) -> String {
        let own = self.inquiry.sections.iter().filter(|section| section.kind == SectionKind::Body);
        own.map(|section| self.inquiry.section_text(section)).collect()
    }
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AnswerNotSent,
    AnswerQueued,
    WithPartner,
    WithCustomer,
    WithStaff,
    Solved,
    Ignored,
}

impl State {
    /// Its last mail decides that asks for something: a report that an answer came back does not.
    fn of(chapters: &[Chapter]) -> State {
        let asks = |chapter: &&Chapter| chapter.decision.disposition != Disposition::Ignore;
        let Some(last) = chapters.iter().rfind(asks) else { return State::Ignored };
        let sent = last.send().map(|send| send.state);
        match (last.decision.disposition, sent) {
            _ if last.send().is_some_and(|send| send.after == Some(After::Dropped)) => State::WithStaff,
            _ if last.waits() => State::AnswerQueued,
            (_, Some(EffectState::Held | EffectState::Failed)) => State::AnswerNotSent,
            (_, Some(EffectState::Waiting | EffectState::Pending | EffectState::Started)) => State::AnswerQueued,
            (Disposition::Review | Disposition::Hold, _) => State::WithStaff,
            (Disposition::Ignore, _) => State::Ignored,
            (Disposition::Auto, _) => match last.reply().map(|reply| reply.template.as_str()) {
                Some("redirect") => State::WithPartner,
                Some("ask-contract" | "flow-ask" | "flow-end") => State::WithCustomer,
                Some("flow-solved") => State::Solved,
                None if last.decision.reasons.iter().any(|reason| reason.code == "flow-later") => State::WithCustomer,
                _ => State::WithStaff,
            },
        }
    }

    /// For scripts.
    fn as_str(self) -> &'static str {
        match self {
            State::AnswerNotSent => "answer-not-sent",
            State::AnswerQueued => "answer-queued",
            State::WithPartner => "with-partner",
            State::WithCustomer => "with-customer",
            State::WithStaff => "with-staff",
            State::Solved => "solved",
            State::Ignored => "ignored",
        }
    }

    fn words(self, language: Language) -> &'static str {
        let (ja, en) = match self {
            State::AnswerNotSent => {
                ("返信を送信できていません。確認が必要です", "the answer did not go out: look at it")
            }
            State::AnswerQueued => ("返信は送信待ちです", "the answer is queued"),
            State::WithPartner => ("パートナーへご案内しました", "the customer was sent to the partner"),
            State::WithCustomer => ("お客様のご返信を待っています", "waiting for the customer"),
            State::WithStaff => ("担当者の対応を待っています", "waiting for staff"),
            State::Solved => ("解決したとのご連絡がありました", "the customer says that it works again"),
            State::Ignored => ("対応不要です", "nothing to do"),
        };
        language.say(ja, en)
    }
}

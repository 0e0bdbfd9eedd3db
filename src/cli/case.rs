//! `madoguchi case`: the whole story of a case, for whoever has the customer on the telephone.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::Exit;
use super::screen::{Language, colour, dim, error_word, fit};
use crate::config;
use crate::store::{CaseEffect, CaseRow, EffectState, Store, StoreError};
use crate::triage::context::Case;
use crate::triage::decision::{Action, Decision, Disposition, Reply};
use crate::triage::inquiry::{Inquiry, SectionKind};
use crate::triage::{dialogue, read, receipt};

/// Show the whole story of a case: mails, decisions, evidence, what was sent when, and where it stands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The receipt number may be typed as it is heard: case, blanks and hyphens do not matter. Its last digit tells a slip.

  madoguchi case OB-261120-0017
  madoguchi case \"ob 261120 0017\" --json")]
pub struct Args {
    /// The configuration; names the store
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
    /// The receipt number
    #[arg(value_name = "REF")]
    reference: String,
}

/// A mail of the case with what it says.
struct Chapter {
    row: CaseRow,
    decision: Decision,
    inquiry: Inquiry,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            anstream::eprint!("{}", problems.render(std::io::stderr().is_terminal()));
            return Ok(Exit::Config);
        }
    };
    let Some(reference) = receipt::parse(&args.reference) else {
        bail!("`{}` is no receipt number: a digit may be wrong", args.reference);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("no runtime")?;
    let story = match runtime.block_on(story(&config.store, &reference)) {
        Ok(story) => story,
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            return Ok(Exit::Unavailable);
        }
    };
    let Some((case, rows)) = story else { bail!("there is no case {reference}") };
    let chapters = rows.into_iter().map(chapter).collect::<anyhow::Result<Vec<_>>>()?;
    let desk = chapters.first().map(|chapter| chapter.row.desk.clone()).unwrap_or_default();
    let pack = config.desks.iter().find(|known| known.profile.id == desk).map(|desk| &desk.pack);
    let zone = pack.map_or(TimeZone::UTC, |pack| pack.calendar.zone.clone());
    let dialogue = pack.and_then(|pack| dialogue::transcript(&case, &pack.flows));
    let page = Page { case, chapters, zone, dialogue, language: Language::of_locale() };
    if args.json {
        anstream::println!("{}", page.object());
    } else {
        page.print();
    }
    Ok(Exit::Ok)
}

type Story = Option<(Case, Vec<(CaseRow, Vec<u8>, bool)>)>;

async fn story(store: &std::path::Path, reference: &str) -> Result<Story, StoreError> {
    let store = Store::open_reading(store)?;
    let Some(case) = store.case(reference).await? else { return Ok(None) };
    let mut rows = Vec::new();
    for row in store.mails_of_case(reference).await? {
        let (raw, complete) = store.raw(row.mail).await?;
        rows.push((row, raw, complete));
    }
    Ok(Some((case, rows)))
}

fn chapter((row, raw, complete): (CaseRow, Vec<u8>, bool)) -> anyhow::Result<Chapter> {
    let decided = row.decision.as_ref().context("a mail of the case is not decided")?;
    let decision = decided.decision().context("decided by another version of this program")?;
    let inquiry = read::read(&raw, raw.len() as u64, complete);
    Ok(Chapter { row, decision, inquiry })
}

impl Chapter {
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

/// Where a case stands, in a word for scripts.
fn state(chapters: &[Chapter]) -> &'static str {
    let Some(last) = chapters.last() else { return "empty" };
    let sent = last.send().map(|send| send.state);
    match (last.decision.disposition, sent) {
        _ if last.waits() => "answer-queued",
        (_, Some(EffectState::Held | EffectState::Failed)) => "answer-not-sent",
        (_, Some(EffectState::Waiting | EffectState::Pending | EffectState::Started)) => "answer-queued",
        (Disposition::Review | Disposition::Hold, _) => "with-staff",
        (Disposition::Ignore, _) => "ignored",
        (Disposition::Auto, _) => match last.reply().map(|reply| reply.template.as_str()) {
            Some("redirect") => "with-partner",
            Some("ask-contract" | "flow-ask" | "flow-end") => "with-customer",
            Some("flow-solved") => "solved",
            None if last.decision.reasons.iter().any(|reason| reason.code == "flow-later") => "with-customer",
            _ => "with-staff",
        },
    }
}

struct Page {
    case: Case,
    chapters: Vec<Chapter>,
    zone: TimeZone,
    /// Guided troubleshooting, step by step.
    dialogue: Option<String>,
    language: Language,
}

impl Page {
    fn object(&self) -> Value {
        let mails: Vec<Value> = self
            .chapters
            .iter()
            .map(|chapter| {
                let CaseRow { mail, seen_at, sender, message_id, effects, .. } = &chapter.row;
                let effects: Vec<Value> = effects
                    .iter()
                    .map(|e| json!({ "kind": e.kind, "state": e.state.as_str(), "due": e.due, "finished_at": e.finished_at, "note": e.note }))
                    .collect();
                json!({
                    "mail": mail.to_string(),
                    "seen_at": seen_at,
                    "from": sender,
                    "message_id": message_id,
                    "subject": chapter.inquiry.subject,
                    "text": chapter.own_words(),
                    "decision": chapter.decision,
                    "effects": effects,
                })
            })
            .collect();
        let desk = self.chapters.first().map(|chapter| &chapter.row.desk);
        json!({ "case": self.case.reference, "desk": desk, "state": state(&self.chapters), "remembers": self.case.state, "mails": mails })
    }

    fn print(&self) {
        let bold = anstyle::Style::new().bold();
        anstream::println!("{bold}{}{bold:#}  {}", self.case.reference, self.standing());
        for chapter in &self.chapters {
            anstream::println!();
            self.print_mail(chapter);
        }
        if let Some(dialogue) = &self.dialogue {
            anstream::println!("\n{}", self.language.say("確認手順の記録", "the steps, mail by mail"));
            dialogue.lines().for_each(|line| anstream::println!("  {line}"));
        }
    }

    fn standing(&self) -> &str {
        let words = match state(&self.chapters) {
            "answer-not-sent" => ("返信を送信できていません。確認が必要です", "the answer did not go out: look at it"),
            "answer-queued" => ("返信は送信待ちです", "the answer is queued"),
            "with-partner" => ("パートナーへご案内しました", "the customer was sent to the partner"),
            "with-customer" => ("お客様のご返信を待っています", "waiting for the customer"),
            "solved" => ("解決したとのご連絡がありました", "the customer says that it works again"),
            "ignored" => ("対応不要です", "nothing to do"),
            _ => ("担当者の対応を待っています", "waiting for staff"),
        };
        self.language.say(words.0, words.1)
    }

    fn print_mail(&self, chapter: &Chapter) {
        let row = |ja, en, text: &str| anstream::println!("  {} {text}", fit(self.language.say(ja, en), 9));
        let decision = &chapter.decision;
        anstream::println!("{}  {}", self.time(chapter.row.seen_at), chapter.row.sender.as_deref().unwrap_or_default());
        row("件名", "subject", &chapter.inquiry.subject);
        let style = colour(decision.disposition);
        let reasons: Vec<String> = decision.reasons.iter().map(|reason| self.language.reason(reason)).collect();
        row("判定", "decision", &format!("{style}{}{style:#} — {}", decision.disposition.as_str(), reasons.join("; ")));
        let asked: Vec<&str> = decision.conduct.iter().chain(&decision.scopes).map(String::as_str).collect();
        row("内容", "asks", &asked.join(" + "));
        row("送信者", "sender", &decision.route.proof);
        for found in decision.evidence.iter().take(5) {
            let words = found.text.replace('\n', "");
            row("根拠", "evidence", &format!("「{words}」 {} → {} {:+.1}", found.rule, found.clause, found.score));
        }
        for line in chapter.own_words().trim().lines() {
            anstream::println!("  {} │ {line}", fit("", 9));
        }
        for effect in &chapter.row.effects {
            row("対応", "done", &self.effect(chapter, effect));
        }
        if let (Some(reply), Some(_)) = (chapter.reply(), chapter.send()) {
            let style = dim();
            for line in reply.body.trim_end().lines() {
                anstream::println!("  {style}{} │ {line}{style:#}", fit(self.language.say("返信", "answer"), 9));
            }
        }
    }

    fn effect(&self, chapter: &Chapter, effect: &CaseEffect) -> String {
        let what = match (effect.kind.as_str(), chapter.reply()) {
            ("send", _) if chapter.send().is_none_or(|send| send.seq != effect.seq) => "send acknowledge".into(),
            ("send" | "draft", Some(reply)) => format!("{} {}", effect.kind, reply.template),
            (kind, _) => kind.to_owned(),
        };
        let when = self.time(effect.finished_at.unwrap_or(effect.due));
        let note = effect.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        format!("{what}: {} {when}{note}", effect.state.as_str())
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

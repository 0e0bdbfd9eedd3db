//! The whole story of one case, page by page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Chapter, State};
use crate::cli::screen::{Language, colour, dim, fit};
use crate::store::{After, CaseEffect, CaseRow};
use crate::triage::context::Case;

/// A case as it is shown, told in time order.
pub(super) struct Page {
    pub(super) case: Case,
    pub(super) chapters: Vec<Chapter>,
    /// The desk's.
    pub(super) zone: TimeZone,
    /// Guided troubleshooting, step by step.
    pub(super) dialogue: Option<String>,
    pub(super) language: Language,
}

impl Page {
    pub(super) fn object(&self) -> Value {
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
        json!({ "case": self.case.reference, "desk": desk, "state": State::of(&self.chapters).as_str(), "remembers": self.case.state, "mails": mails })
    }

    pub(super) fn print(&self) {
        let bold = anstyle::Style::new().bold();
        anstream::println!("{bold}{}{bold:#}  {}", self.case.reference, State::of(&self.chapters).words(self.language));
        for chapter in &self.chapters {
            anstream::println!();
            self.print_mail(chapter);
        }
        if let Some(dialogue) = &self.dialogue {
            anstream::println!("\n{}", self.language.say("確認手順の記録", "the steps, mail by mail"));
            dialogue.lines().for_each(|line| anstream::println!("  {line}"));
        }
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
        let state = effect.after.filter(|after| *after != After::Again).map_or(effect.state.as_str(), After::as_str);
        format!("{what}: {state} {when}{note}")
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }
}

//! The cases that want a person, those with a deadline first, the nearest at the top (terms 6-2: shown, never promised).

use std::collections::HashSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{Chapter, State, zone};
use crate::cli::screen::{Language, colour, dim, fit};
use crate::config::Config;
use crate::store::Store;

/// A case by its newest mail.
struct Line {
    reference: String,
    state: State,
    /// The nearest deadline of any of its mails.
    due: Option<Timestamp>,
    zone: TimeZone,
    chapter: Chapter,
}

/// Prints the cases with staff among the newest `mails` mails of all desks.
pub(super) async fn list(store: &Store, config: &Config, mails: u32, json: bool) -> anyhow::Result<()> {
    let mut seen = HashSet::new();
    let mut lines = Vec::new();
    for row in store.overview(None, mails).await? {
        let case = row.decision.as_ref().and_then(|decided| decided.case.clone());
        let Some(reference) = case.filter(|reference| seen.insert(reference.clone())) else { continue };
        lines.extend(line(store, config, reference).await?);
    }
    lines.sort_by_key(|line| (line.due.is_none(), line.due, line.chapter.row.seen_at));
    match json {
        true => lines.iter().for_each(|line| anstream::println!("{}", line.object())),
        false => print(&lines),
    }
    Ok(())
}

/// None if nobody has to do anything about the case.
async fn line(store: &Store, config: &Config, reference: String) -> anyhow::Result<Option<Line>> {
    let mut chapters = Vec::new();
    for row in store.mails_of_case(&reference).await? {
        chapters.push(Chapter::open(store, row).await?);
    }
    let state = State::of(&chapters);
    let due = chapters.iter().filter_map(|chapter| chapter.decision.facts.due()).min();
    let wanted = matches!(state, State::WithStaff | State::AnswerNotSent);
    let newest = chapters.pop().filter(|_| wanted);
    Ok(newest.map(|chapter| Line { reference, state, due, zone: zone(config, &chapter.row.desk), chapter }))
}

impl Line {
    fn object(&self) -> Value {
        let Chapter { row, decision, inquiry } = &self.chapter;
        json!({
            "case": self.reference, "desk": row.desk, "state": self.state.as_str(), "due": self.due,
            "disposition": decision.disposition, "scopes": decision.scopes, "conduct": decision.conduct,
            "seen_at": row.seen_at, "from": row.sender, "subject": inquiry.subject,
        })
    }

    fn print(&self) {
        let Chapter { row, decision, inquiry } = &self.chapter;
        let time = |at: Timestamp| at.to_zoned(self.zone.clone()).strftime("%m-%d %H:%M").to_string();
        let due = self.due.map_or(String::new(), time);
        let asked: Vec<&str> = decision.conduct.iter().chain(&decision.scopes).map(String::as_str).collect();
        let kind = match self.state {
            State::AnswerNotSent => self.state.as_str(),
            _ => decision.disposition.as_str(),
        };
        let style = colour(decision.disposition);
        anstream::println!(
            "{}{}{}{style}{}{style:#}{}{}{}",
            fit(&due, 13),
            fit(&self.reference, 16),
            fit(&time(row.seen_at), 13),
            fit(kind, 17),
            fit(&asked.join(" "), 15),
            fit(row.sender.as_deref().unwrap_or_default(), 25),
            inquiry.subject
        );
    }
}

fn print(lines: &[Line]) {
    let language = Language::of_locale();
    if lines.is_empty() {
        return anstream::println!("{}", language.say("担当者の対応を待つ案件はありません", "no case waits for staff"));
    }
    let style = dim();
    let [due, case, seen, state, asks, from, subject] = match language {
        Language::Ja => ["期限", "受付番号", "受信", "判定", "内容", "差出人", "件名"],
        Language::En => ["due", "case", "received", "decision", "asks", "from", "subject"],
    };
    anstream::println!(
        "{style}{}{}{}{}{}{}{subject}{style:#}",
        fit(due, 13),
        fit(case, 16),
        fit(seen, 13),
        fit(state, 17),
        fit(asks, 15),
        fit(from, 25)
    );
    lines.iter().for_each(Line::print);
}

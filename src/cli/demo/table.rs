//! The demo's result: who wrote, what it is about, what was decided and sent, and the strongest evidence.

use std::collections::HashMap;

use anstyle::Style;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::mails::SampleMail;
use crate::cli::screen::{Language, colour, fit};
use crate::store::{CaseRow, EffectState, Store};
use crate::triage::decision::{Action, Decision, Disposition, Reply};

/// More than the demo ever has.
const ALL: u32 = 1000;

/// What has been decided and done so far, to see whether anything is new.
pub async fn state(store: &Store) -> anyhow::Result<Vec<CaseRow>> {
    Ok(store.overview(None, ALL).await?)
}

/// Prints a line a mail, in order of arrival, and the sums.
pub async fn print(store: &Store, samples: &[(Timestamp, SampleMail)], language: Language) -> anyhow::Result<()> {
    let arrived: HashMap<String, Timestamp> = samples.iter().map(|(at, mail)| (mail.name.clone(), *at)).collect();
    let mut rows = store.overview(None, ALL).await?;
    rows.sort_by_key(|row| row.mail);
    let columns = [
        ("着信", "came"),
        ("差出人", "from"),
        ("内容", "asks"),
        ("判定", "decision"),
        ("対応", "done"),
        ("根拠", "evidence"),
    ];
    anstream::println!("{}", line(columns.map(|(ja, en)| language.say(ja, en)), Style::new()));
    for row in &rows {
        let name = sample_name(row);
        let at = arrived.get(&name).copied().unwrap_or(row.seen_at);
        print_row(row, at, language)?;
    }
    print_sums(&rows, language);
    Ok(())
}

/// The sample's name, from the Maildir file name that `deliver` gave it.
fn sample_name(row: &CaseRow) -> String {
    let file = match &row.key.item {
        crate::triage::arrival::Item::File(name) => name.as_str(),
        crate::triage::arrival::Item::Uid(_) => "",
    };
    file.split('.').nth(1).unwrap_or_default().to_string()
}

/// Terminal columns of all cells but the last.
const WIDTHS: [usize; 5] = [11, 30, 14, 8, 44];

/// A line of the table; the fourth cell is coloured.
fn line(cells: [&str; 6], judged: Style) -> String {
    let [came, from, asks, decision, done, evidence] = cells;
    let [came, from, asks, decision, done] =
        [(came, 0), (from, 1), (asks, 2), (decision, 3), (done, 4)].map(|(cell, i)| fit(cell, WIDTHS[i]));
    format!("{came} {from} {asks} {judged}{decision}{judged:#} {done} {evidence}")
}

fn print_row(row: &CaseRow, at: Timestamp, language: Language) -> anyhow::Result<()> {
    let Some(decided) = &row.decision else { return Ok(()) };
    let decision = decided.decision()?;
    let came = at.to_zoned(TimeZone::get("Asia/Tokyo")?).strftime("%m/%d %H:%M").to_string();
    let from = row.sender.clone().unwrap_or_default();
    let asks = decision.conduct.iter().chain(&decision.scopes).cloned().collect::<Vec<_>>().join(" ");
    let (done, evidence) = (done(row, &decision, language), evidence(&decision));
    let cells = [came.as_str(), &from, &asks, decision.disposition.as_str(), &done, &evidence];
    anstream::println!("{}", line(cells, colour(decision.disposition)));
    Ok(())
}

/// What was sent, or until when it waits, or why nothing is sent.
fn done(row: &CaseRow, decision: &Decision, language: Language) -> String {
    let reply = decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply) | Action::Redirect(reply) | Action::Draft(reply) => Some(reply),
        _ => None,
    });
    match reply {
        Some(reply) => sending(row, reply, language),
        None => decision.reasons.first().map(|reason| language.reason(reason)).unwrap_or_default(),
    }
}

fn sending(row: &CaseRow, reply: &Reply, language: Language) -> String {
    if let Some(turn) = row.waits_until {
        let local = turn.to_zoned(TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC));
        return format!(
            "{} {} {}",
            reply.template,
            language.say("予約", "queued until"),
            local.strftime("%m/%d %H:%M")
        );
    }
    let send = row.effects.iter().rfind(|effect| effect.kind == "send");
    let state = match send.map(|send| send.state) {
        Some(EffectState::Done) => language.say("送信済み", "sent"),
        Some(EffectState::Held) => language.say("要確認", "held"),
        Some(EffectState::Failed) => language.say("送信できず", "refused"),
        Some(_) => language.say("送信待ち", "to be sent"),
        None => language.say("下書き", "draft"),
    };
    format!("{} {state}", reply.template)
}

fn evidence(decision: &Decision) -> String {
    if let Some(hit) = decision.gate.hits.first() {
        return hit.detail.clone();
    }
    let best =
        decision.evidence.iter().find(|e| decision.scopes.contains(&e.clause) || decision.conduct.contains(&e.clause));
    best.map(|e| format!("「{}」", e.text.replace('\n', ""))).unwrap_or_default()
}

fn print_sums(rows: &[CaseRow], language: Language) {
    let dispositions = [Disposition::Auto, Disposition::Review, Disposition::Hold, Disposition::Ignore];
    let count = |d: Disposition| {
        rows.iter().filter(|r| r.decision.as_ref().is_some_and(|x| x.disposition == d.as_str())).count()
    };
    let sums = dispositions.map(|d| format!("{} {}", d.as_str(), count(d)));
    let sends = rows.iter().flat_map(|row| &row.effects).filter(|e| e.kind == "send");
    let sent = sends.filter(|e| e.state == EffectState::Done).count();
    let waiting = rows.iter().filter(|row| row.waits_until.is_some()).count();
    anstream::println!(
        "\n{} {}: {}; {} {}, {} {}",
        rows.len(),
        language.say("通", "mails"),
        sums.join(", "),
        language.say("送信", "sent"),
        sent,
        language.say("予約", "queued"),
        waiting
    );
}

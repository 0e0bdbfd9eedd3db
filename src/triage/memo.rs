//! What staff get to answer with: the record of a dialogue and what the terms compute, each step with its article.
//! It stands in a draft; nothing of it goes out by itself.

use super::dialogue::Dialogue;
use super::facts::Facts;
use super::figure::Computed;
use super::flow::reply::transcript;
use super::flow::state::Place;

/// The template of the draft.
pub const STAFF: &str = "staff";

/// The lines of the memo; none if there is nothing to tell. `stopped`: no mail of ours follows, so staff take over the
/// dialogue where it stands.
pub fn lines(facts: &Facts, dialogue: Option<&Dialogue>, stopped: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(dialogue) = dialogue.filter(|led| led.state.place == Place::Handover || (stopped && led.goes_on)) {
        let told = transcript(&dialogue.state, dialogue.flow);
        section(&mut lines, &format!("確認の記録（{}）", dialogue.flow.title), told.lines().map(str::to_owned));
        if let Some((title, unsaid)) = dialogue.unsaid() {
            section(&mut lines, title, unsaid.into_iter());
        }
    }
    if let Some(credit) = &facts.credit {
        section(
            &mut lines,
            "減額の計算（回答としてお約束する前に、原因と時刻をご確認ください）",
            credit.steps.iter().cloned(),
        );
    }
    if !facts.figures.is_empty() {
        section(&mut lines, "日付と金額", facts.figures.iter().map(figure));
    }
    lines
}

fn section(lines: &mut Vec<String>, title: &str, of: impl Iterator<Item = String>) {
    lines.push(format!("■ {title}"));
    lines.extend(of.map(|line| format!("　{line}")));
}

fn figure(figure: &Computed) -> String {
    let Computed { title, article, value, basis } = figure;
    match value {
        Some(value) => format!("{title}: {value}（{basis}、{article}）"),
        None => format!("{title}: 計算できません。{basis}（{article}）"),
    }
}

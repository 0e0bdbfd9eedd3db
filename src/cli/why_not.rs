//! `madoguchi explain --why-not CLAUSE`: what the clause found in the mail, what it lacked, what would help.

use std::io::Write;

use super::screen::{Language, fit};
use crate::triage::miss::{Change, Lack, Miss, RuleSeen};

/// So many rules and changes are shown: the rest would have to change more.
const SHOWN: usize = 6;
/// So many words of a group.
const WORDS: usize = 6;

/// Writes the page about one mail; `name` is its file.
pub fn write(name: &str, clause: &str, miss: &Miss, language: Language, out: &mut impl Write) -> std::io::Result<()> {
    let bold = anstyle::Style::new().bold();
    writeln!(out, "{bold}{name}{bold:#}")?;
    let mut line = |ja, en, text: String| writeln!(out, "  {} {text}", fit(language.say(ja, en), 10));
    let reached = language.say("必要", "needs");
    line("条項", "clause", format!("{clause}: {:.1} ({reached} {:.1})", miss.points, miss.threshold))?;
    let instead: Vec<String> = miss.instead.iter().map(|(id, points)| format!("{id} {points:.1}")).collect();
    let nothing = || language.say("なし", "nothing").to_owned();
    line("判定", "found", if instead.is_empty() { nothing() } else { instead.join(", ") })?;
    if miss.found {
        line("", "", language.say("この条項も見つかっています", "this clause was found, too").into())?;
    }
    for seen in miss.rules.iter().take(SHOWN) {
        line("規則", "rule", rule(seen, language))?;
    }
    if miss.rules.is_empty() {
        line("規則", "rule", language.say("近いものもありません", "none came near").into())?;
    }
    for change in miss.changes.iter().take(SHOWN) {
        line("変更案", "change", self::change(change, language))?;
    }
    if miss.changes.is_empty() && !miss.found {
        let none = language.say("一箇所の変更では足りません", "no single change would do: it needs a rule of its own");
        line("変更案", "change", none.into())?;
    }
    Ok(())
}

fn rule(seen: &RuleSeen, language: Language) -> String {
    let sentence = fit(&seen.sentence.replace('\n', ""), 60);
    let state = match &seen.lacked {
        None => language.say("適用", "fired").to_owned(),
        Some(Lack::Group { words }) => format!("{} {}", language.say("無い語:", "lacked one of"), group(words)),
        Some(Lack::Forbidden { word }) => format!("{} {word}", language.say("除外の語:", "stopped by")),
        Some(Lack::Near { width }) => format!("{} {width}", language.say("離れすぎ:", "words too far apart:")),
        Some(Lack::Place) => {
            language.say("質問の文でない、または場所が違う", "not a question, or another place").into()
        }
    };
    format!("{} {:+.1} {state} 「{}」", seen.rule, seen.score, sentence.trim_end())
}

fn group(words: &[String]) -> String {
    let more = if words.len() > WORDS { " …" } else { "" };
    format!("[{}{more}]", words[..words.len().min(WORDS)].join(", "))
}

fn change(change: &Change, language: Language) -> String {
    match change {
        Change::Word { rule, group: words } => {
            format!("{rule}: {} {}", language.say("この文の語を加える:", "add a word of the sentence to"), group(words))
        }
        Change::Allow { rule, word } => {
            format!("{rule}: {} {word}", language.say("none から外す:", "take out of none:"))
        }
        Change::Score { rule, from, to } => format!("{rule}: score {from} → {to}"),
        Change::Threshold { key, from, to } => format!("thresholds.{key} {from} → {to}"),
    }
}

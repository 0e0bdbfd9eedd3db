//! `weights.toml` as people read and edit it.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::triage::fitted::{COMMON, Column, Fitted, Mark};
use crate::triage::pack::Pack;

/// The file's text. `head` stands above it as a comment.
pub fn toml(fitted: &Fitted, pack: &Pack, head: &str) -> String {
    let mut out = String::new();
    head.lines().for_each(|line| line_of(&mut out, format_args!("{}", format!("# {line}").trim_end())));
    line_of(&mut out, format_args!(""));
    for (key, value, meaning) in [
        ("context", fitted.context, "share of the whole mail's points that every sentence gets besides its own"),
        ("steepness", fitted.steepness, "natural logarithm of the odds that a point is worth"),
        ("companion", fitted.companion, "a further clause counts as asked from this probability on"),
        ("conduct", fitted.conduct, "prohibited conduct counts as found from this probability on"),
        ("suspicion", fitted.suspicion, "from this probability of prohibited conduct on staff look at the mail"),
        ("auto", fitted.auto, "share of decisions at least as sure that were right, needed to act without staff"),
    ] {
        line_of(&mut out, format_args!("{key} = {value:?} # {meaning}"));
    }
    line_of(&mut out, format_args!("# [raw confidence, share right of the decisions at least as sure]"));
    let pairs: Vec<String> = fitted.calibration.iter().map(|(raw, right)| format!("[{raw:?}, {right:?}]")).collect();
    line_of(&mut out, format_args!("calibration = [\n  {},\n]", pairs.join(",\n  ")));
    line_of(&mut out, format_args!("\n# Points of what a sentence is\n[marks]"));
    for (mark, points) in &fitted.marks {
        let name = Mark::ALL.iter().find(|(known, _)| known == mark).map_or("any", |(_, name)| name);
        line_of(&mut out, format_args!("{name} = {{ {} }}", points_of(points.iter().copied(), pack)));
    }
    line_of(&mut out, format_args!("\n# Points of what a sentence says; rare terms weigh more beside others\n[terms]"));
    for term in fitted.terms.iter() {
        let points = points_of(term.points(), pack);
        let points = if points.is_empty() { points } else { format!(", {points}") };
        line_of(&mut out, format_args!("{} = {{ rarity = {:?}{points} }}", quoted(term.text), term.rarity));
    }
    out
}

fn line_of(out: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{line}");
}

fn points_of(points: impl Iterator<Item = (Column, f64)>, pack: &Pack) -> String {
    let name = |column: usize| match pack.clauses.get(column) {
        Some(clause) => key(&clause.id),
        None => COMMON[column - pack.clauses.len()].to_owned(),
    };
    let of = |(column, worth): (Column, f64)| format!("{} = {worth:?}", name(usize::from(column)));
    points.map(of).collect::<Vec<_>>().join(", ")
}

/// A bare key where TOML allows one.
fn key(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if bare { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What was learned from: hash over names and bytes of the files, hex, first 16 digits.
pub fn hash<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hash = Sha256::new();
    for (name, bytes) in files {
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

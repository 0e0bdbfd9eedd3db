//! `pack.toml`: what the pack is, and its clauses.

use std::ops::Range;

use jiff::civil::Date;

use super::sheet::{self, RawTerm};
use crate::config::check;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table, Value};
use crate::triage::fold::Folding;
use crate::triage::pack::{Clause, ClauseKind, Link, Severity, Thresholds};

/// The pack's head; each clause stands with the place of its id.
pub struct Head {
    pub name: String,
    pub version: String,
    pub effective: Date,
    pub thresholds: Thresholds,
    pub folding: Folding,
    pub muted: RawMuted,
    pub clauses: Vec<At<Clause>>,
}

/// See [`crate::triage::pack::Muted`].
#[derive(Default)]
pub struct RawMuted {
    pub denied: Vec<At<RawTerm>>,
    pub reported: Vec<At<RawTerm>>,
}

/// `id`: the folder's name, which the file must repeat.
pub fn read(file: File<'_>, id: &str) -> Option<Head> {
    reader::read(file, |root| {
        if let Some(written) = root.string("id").filter(|written| written.value != id) {
            let message = format!("the pack in folder `{id}` calls itself `{}`", written.value);
            file.add(Problem::error(message).at(&written.span));
        }
        let name = root.string("name");
        let version = root.string("version");
        let effective = root.require("effective").and_then(Value::date);
        let thresholds = root.require("thresholds").and_then(|value| value.table("[thresholds]", thresholds));
        let folding = root.get("folding").and_then(|value| value.table("[folding]", |t| Some(folding(t))));
        let muted = root.get("muted").and_then(|value| value.table("[muted]", |t| Some(muted(t))));
        root.require("clause");
        let clauses = root.tables("clause", "[[clause]]", clause);
        unique(file, &clauses);
        Some(Head {
            name: name?.value,
            version: version?.value,
            effective: effective?,
            thresholds: thresholds?,
            folding: folding.unwrap_or_default(),
            muted: muted.unwrap_or_default(),
            clauses,
        })
    })
}

fn thresholds(table: &Table<'_>) -> Option<Thresholds> {
    let scope = points(table, "scope", f64::MIN_POSITIVE);
    let margin = points(table, "margin", 0.0);
    let conduct = points(table, "conduct", f64::MIN_POSITIVE);
    Some(Thresholds { scope: scope?, margin: margin?, conduct: conduct? })
}

fn folding(table: &Table<'_>) -> Folding {
    Folding {
        case: table.flag("case", true),
        long_vowels: table.flag("long_vowels", true),
        kanji: table.flag("kanji", true),
        spaces: table.flag("spaces", true),
    }
}

fn muted(table: &Table<'_>) -> RawMuted {
    let terms = |key| table.get(key).map(sheet::terms).unwrap_or_default();
    RawMuted { denied: terms("denied"), reported: terms("reported") }
}

fn points(table: &Table<'_>, key: &'static str, least: f64) -> Option<f64> {
    let value = table.require(key)?;
    let points = value.number()?;
    if points < least {
        value.error(format!("`{key}` must be {}", if least > 0.0 { "more than 0" } else { "0 or more" }));
    }
    Some(points)
}

fn clause(table: &Table<'_>) -> Option<At<Clause>> {
    const KINDS: [(&str, ClauseKind); 4] = [
        ("in-scope", ClauseKind::InScope),
        ("out-of-scope", ClauseKind::OutOfScope),
        ("conduct", ClauseKind::Conduct),
        ("staff", ClauseKind::Staff),
    ];
    let id = table.require("id").and_then(check::name);
    let title = table.string("title");
    let kind = table.require("kind").and_then(|kind| kind.choice(&KINDS));
    let department = table.get("department").and_then(check::name).map(|department| department.value);
    let acknowledge = table.flag("acknowledge", true);
    let severity = severity(table, kind);
    let links = table.tables("links", "{ title, url }", link);
    let At { value: id, span } = id?;
    let title = title.map(|title| title.value).unwrap_or_default();
    // A wrong kind is reported; the id alone keeps its rules from being reported, too.
    let kind = kind.unwrap_or(ClauseKind::Conduct);
    Some(At { value: Clause { id, title, kind, severity, department, acknowledge, links }, span })
}

fn severity(table: &Table<'_>, kind: Option<ClauseKind>) -> Severity {
    const SEVERITIES: [(&str, Severity); 2] = [("ordinary", Severity::Ordinary), ("grave", Severity::Grave)];
    let Some(value) = table.get("severity") else { return Severity::default() };
    if kind.is_some_and(|kind| kind != ClauseKind::Conduct) {
        value.error("only a clause of kind `conduct` has a severity");
    }
    value.choice(&SEVERITIES).unwrap_or_default()
}

fn link(table: &Table<'_>) -> Option<Link> {
    let title = table.string("title");
    let url = table.string("url")?;
    if !url.value.starts_with("https://") && !url.value.starts_with("http://") {
        table.file.add(Problem::error(format!("`{}` is not a web address", url.value)).at(&url.span));
    }
    Some(Link { title: title?.value, url: url.value })
}

fn unique(file: File<'_>, clauses: &[At<Clause>]) {
    for (n, clause) in clauses.iter().enumerate() {
        let first: Option<&Range<usize>> = clauses[..n].iter().find(|c| c.value.id == clause.value.id).map(|c| &c.span);
        if let Some(first) = first {
            let message = format!("clause `{}` appears twice", clause.value.id);
            file.add(Problem::error(message).at(&clause.span).hint(format!("first at {}", file.line(first))));
        }
    }
}

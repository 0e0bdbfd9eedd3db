//! `os-support.toml` and `devices.toml`: what is supported, as data that admins replace.

use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table};
use crate::triage::products::{Series, System, Version, version_number};

/// The operating systems.
pub fn systems(file: File<'_>) -> Vec<System> {
    reader::read(file, |root| {
        root.require("os");
        Some(root.tables("os", "[[os]]", system))
    })
    .unwrap_or_default()
}

fn system(table: &Table<'_>) -> Option<System> {
    let names = names(table, "names");
    table.require("versions");
    let versions: Vec<Version> = table.tables("versions", "a version", version);
    if versions.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        table.error("the versions must rise: the oldest comes first");
    }
    Some(System { names, versions })
}

/// `{ number = "10", until = 2026-03-31 }`
fn version(table: &Table<'_>) -> Option<Version> {
    let number = table.string("number")?;
    let parsed = version_number(&number.value);
    if parsed.is_none() {
        let problem = Problem::error(format!("`{}` is no version", number.value)).at(&number.span);
        table.file.add(problem.hint("digits and dots: \"8.1\"".to_owned()));
    }
    let (from, until) = (table.get("from").and_then(|day| day.date()), table.get("until").and_then(|day| day.date()));
    if from.zip(until).is_some_and(|(from, until)| until < from) {
        table.error("`until` is before `from`");
    }
    Some(Version { number: parsed?, from, until })
}

/// The series of devices with the models that are supported.
pub fn series(file: File<'_>) -> Vec<Series> {
    reader::read(file, |root| {
        root.require("series");
        Some(root.tables("series", "[[series]]", one_series))
    })
    .unwrap_or_default()
}

fn one_series(table: &Table<'_>) -> Option<Series> {
    let name = table.string("name")?.value;
    table.require("models");
    let models = table.strings("models");
    for At { value: model, span } in models.iter().filter(|model| !model.value.starts_with(&name)) {
        let problem = Problem::error(format!("the model `{model}` does not begin with its series `{name}`"));
        table.file.add(problem.at(span));
    }
    Some(Series { name, models: models.into_iter().map(|model| model.value).collect() })
}

fn names(table: &Table<'_>, key: &'static str) -> Vec<String> {
    let named = table.require(key).map(|_| table.strings(key)).unwrap_or_default();
    if named.is_empty() {
        table.error(format!("`{key}` is empty"));
    }
    named.into_iter().map(|name| name.value).collect()
}

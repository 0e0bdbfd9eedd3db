//! `flows/<flow>.weights.toml`: what `madoguchi flow fit` learned for a flow; a flow may do without.

use std::collections::HashMap;

use crate::config::problems::File;
use crate::config::reader::{self, Table as Section, Value};
use crate::triage::flow::weights::{Table, Weights};

/// How the name of such a file ends.
pub const ENDING: &str = ".weights.toml";

pub fn read(file: File<'_>) -> Option<Weights> {
    plain(file.text).or_else(|| {
        reader::read(file, |root| {
            let names = root.require("names").and_then(|value| value.table("[names]", table));
            let answers = root.require("answers").and_then(|value| value.table("[answers]", table));
            let outcomes = root.require("outcomes").and_then(|value| value.table("[outcomes]", table));
            Some(Weights { names: names?, answers: answers?, outcomes: outcomes? })
        })
    })
}

fn table<const COLUMNS: usize>(section: &Section<'_>) -> Option<Table<COLUMNS>> {
    let row = |value: Value<'_>| {
        let numbers: Vec<f64> = value.items().into_iter().filter_map(Value::number).collect();
        let row = <[f64; COLUMNS]>::try_from(numbers).ok().filter(|row| row.iter().all(|points| points.is_finite()));
        if row.is_none() {
            value.error(format!("a feature has {COLUMNS} points in brackets"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "points are small numbers with two digits")]
        row.map(|row| row.map(|points| points as f32))
    };
    let rows = section.entries().filter_map(|(feature, value)| Some((feature.value.into(), row(value)?)));
    Some(Table { rows: rows.collect() })
}

/// The file as the program writes it, a feature a line. A TOML reader for ten thousand lines would take most of the time
/// in which the program gets ready, so it is asked only about other files, and about what is wrong.
fn plain(text: &str) -> Option<Weights> {
    let (names, answers) = text.split_once("\n[names]\n")?.1.split_once("\n[answers]\n")?;
    let (answers, outcomes) = answers.split_once("\n[outcomes]\n")?;
    Some(Weights { names: rows(names)?, answers: rows(answers)?, outcomes: rows(outcomes)? })
}

fn rows<const COLUMNS: usize>(text: &str) -> Option<Table<COLUMNS>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut rows = HashMap::new();
    for line in lines {
        let (feature, points) = line.strip_prefix('"')?.split_once("\" = [")?;
        if feature.bytes().any(|byte| byte == b'"' || byte == b'\\' || byte.is_ascii_control()) {
            return None;
        }
        let mut row = [0.0; COLUMNS];
        let mut numbers = points.strip_suffix(']')?.split(", ");
        for place in &mut row {
            *place = numbers.next()?.parse::<f32>().ok().filter(|points| points.is_finite())?;
        }
        if numbers.next().is_some() || rows.insert(feature.into(), row).is_some() {
            return None;
        }
    }
    Some(Table { rows })
}

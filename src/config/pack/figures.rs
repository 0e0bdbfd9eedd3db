//! `figures.toml`: dates and amounts that the terms count.

use super::sheet;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table};
use crate::config::suggest;
use crate::triage::figure::{Count, Figure};
use crate::triage::pack::{Clause, ClauseKind};

pub fn read(file: File<'_>, clauses: &[At<Clause>]) -> Vec<Figure> {
    let figures = reader::read(file, |root| Some(root.tables("figure", "[[figure]]", |table| figure(table, clauses))));
    figures.unwrap_or_default()
}

fn figure(table: &Table<'_>, clauses: &[At<Clause>]) -> Option<Figure> {
    let (title, article) = (table.string("title"), table.string("article"));
    table.require("clauses");
    let named = table.strings("clauses");
    let known = || clauses.iter().map(|clause| &clause.value).filter(|clause| clause.kind == ClauseKind::InScope);
    for clause in named.iter().filter(|clause| !known().any(|known| known.id == clause.value)) {
        let problem = Problem::error(format!("there is no clause `{}` that the desk handles", clause.value));
        let hint = suggest::hint(&clause.value, known().map(|clause| clause.id.as_str()));
        table.file.add(problem.at(&clause.span).hint(hint));
    }
    let terms = |key| table.get(key).map(sheet::plain_terms).unwrap_or_default();
    let (when, from) = (terms("when"), terms("from"));
    Some(Figure {
        clauses: named.into_iter().map(|clause| clause.value).collect(),
        article: article?.value,
        title: title?.value,
        count: count(table)?,
        when,
        from,
    })
}

const COUNTS: &str = "one of `days`, `month_end`, `less_percent` (with `tax_percent`), `above_yen`";

/// The one way of counting that the table has.
fn count(table: &Table<'_>) -> Option<Count> {
    const YEAR: i64 = 366;
    const MOST_YEN: i64 = 100_000_000;
    let number = |key, most| table.get(key).and_then(|value| value.integer(0..=most));
    let small = |number: i64| i32::try_from(number).ok();
    let percent = number("less_percent", 100);
    let tax = number("tax_percent", 100).unwrap_or(0);
    let counts = [
        number("days", YEAR).and_then(small).map(Count::Days),
        number("month_end", YEAR).and_then(small).map(Count::MonthEnd),
        percent.map(|percent| Count::LessByAge { percent, tax }),
        number("above_yen", MOST_YEN).map(Count::Above),
    ];
    let mut given = counts.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(count), None) => Some(count),
        _ => {
            table.error(format!("a figure counts in one way: {COUNTS}"));
            None
        }
    }
}

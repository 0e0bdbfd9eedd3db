//! `needs.toml`: facts that answers about a clause need.

use super::sheet;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table};
use crate::config::suggest;
use crate::triage::flow::Text;
use crate::triage::needs::Need;
use crate::triage::pack::{Clause, ClauseKind};

pub fn read(file: File<'_>, clauses: &[At<Clause>]) -> Vec<Need> {
    let needs = reader::read(file, |root| Some(root.tables("need", "[[need]]", |table| need(table, clauses))));
    needs.unwrap_or_default()
}

fn need(table: &Table<'_>, clauses: &[At<Clause>]) -> Option<Need> {
    let (ja, en) = (table.string("ja"), table.string("en"));
    let given = table.require("given").map(sheet::plain_terms);
    table.require("clauses");
    let named = table.strings("clauses");
    let known = || clauses.iter().map(|clause| &clause.value).filter(|clause| clause.kind == ClauseKind::InScope);
    for clause in named.iter().filter(|clause| !known().any(|known| known.id == clause.value)) {
        let problem = Problem::error(format!("there is no clause `{}` that the desk handles", clause.value));
        let hint = suggest::hint(&clause.value, known().map(|clause| clause.id.as_str()));
        table.file.add(problem.at(&clause.span).hint(hint));
    }
    let text = Text { ja: ja?.value, en: en?.value };
    Some(Need { clauses: named.into_iter().map(|clause| clause.value).collect(), text, given: given? })
}

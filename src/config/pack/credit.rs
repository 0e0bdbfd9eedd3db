//! `credit.toml`: what a stop of the service is worth.

use super::sheet;
use crate::config::check;
use crate::config::problems::{File, Problem};
use crate::config::reader::{self, At, Table};
use crate::config::suggest;
use crate::triage::credit::{CreditTable, Exclusion, Rounding, Tier};
use crate::triage::pack::Clause;

pub fn read(file: File<'_>, clauses: &[At<Clause>]) -> Option<CreditTable> {
    reader::read(file, |root| {
        let clause = root.string("clause");
        if let Some(clause) = &clause {
            let known = || clauses.iter().map(|clause| clause.value.id.as_str());
            if !known().any(|id| id == clause.value) {
                let problem = Problem::error(format!("there is no clause `{}` in pack.toml", clause.value));
                file.add(problem.at(&clause.span).hint(suggest::hint(&clause.value, known())));
            }
        }
        const YEAR: i64 = 12;
        let claim_months = i32::try_from(root.integer("claim_months", 1..=YEAR, 1)).unwrap_or(1);
        let rounding = root.require("rounding").and_then(|rounding| rounding.choice(&ROUNDINGS));
        let words = root.require("words").map(sheet::plain_terms).unwrap_or_default();
        root.require("tier");
        let tiers = root.tables("tier", "[[tier]]", tier);
        let exclusions = root.tables("exclusion", "[[exclusion]]", exclusion);
        if tiers.windows(2).any(|pair| pair[0].least >= pair[1].least) {
            root.error("the tiers must rise: each begins later than the one before");
        }
        let text = |key| root.optional_string(key).map(|text| text.value).unwrap_or_default();
        let (article, claim_article, note) = (text("article"), text("claim_article"), text("note"));
        Some(CreditTable {
            clause: clause?.value,
            words,
            tiers,
            claim_months,
            rounding: rounding?,
            exclusions,
            article,
            claim_article,
            note,
        })
    })
}

const ROUNDINGS: [(&str, Rounding); 3] =
    [("down", Rounding::Down), ("up", Rounding::Up), ("nearest", Rounding::Nearest)];

/// `{ minutes = 30, credit = "1/90" }`
fn tier(table: &Table<'_>) -> Option<Tier> {
    const YEAR: i64 = 366 * 24 * 60;
    let minutes = table.require("minutes").and_then(|value| value.integer(1..=YEAR));
    let credit = table.string("credit")?;
    let (part, of) = credit.value.split_once('/').unwrap_or((&credit.value, "1"));
    let (part, of) = (part.trim().parse::<i64>().ok(), of.trim().parse::<i64>().ok());
    let fits = matches!((part, of), (Some(part), Some(of)) if part > 0 && of >= part);
    if !fits {
        let problem = Problem::error(format!("`{}` is no part of a fee", credit.value)).at(&credit.span);
        table.file.add(problem.hint("for example \"1/90\", or \"1\" for the whole".to_owned()));
    }
    Some(Tier { least: minutes? * 60, part: part?, of: of.filter(|of| *of > 0)? })
}

fn exclusion(table: &Table<'_>) -> Option<Exclusion> {
    let id = table.require("id").and_then(check::name);
    let reason = table.string("reason");
    let words = table.require("words").map(sheet::plain_terms);
    let unless = table.get("unless").map(sheet::plain_terms).unwrap_or_default();
    Some(Exclusion { id: id?.value, reason: reason?.value, words: words?, unless })
}

//! What cross-validation found, as tests/corpus/score.py counts it.

use super::cross::Judged;
use super::thresholds::{confidence_in, is_right};
use super::{Example, Group};
use crate::triage::fitted::{Fitted, found};
use crate::triage::pack::{ClauseKind, Pack};

/// Counts of mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Mails without prohibited conduct that a clause is wanted for, and how many are exactly right: by rules and terms
    /// together, by terms alone, by rules alone.
    pub asked: usize,
    pub exact: usize,
    pub by_terms: usize,
    pub by_rules: usize,
    /// Mails without prohibited conduct; decided automatically; of those, right.
    pub clean: usize,
    pub auto: usize,
    pub auto_right: usize,
    /// Mails in scope, and those of them that get only out-of-scope clauses automatically.
    pub in_scope: usize,
    pub declined: usize,
    /// Mails with prohibited conduct; held for it; decided automatically; and mails without that are held.
    pub guilty: usize,
    pub caught: usize,
    pub let_through: usize,
    pub accused: usize,
}

impl Figures {
    pub fn of(cases: &[(&Example, &Judged)], fitted: &Fitted, pack: &Pack) -> Figures {
        let mut figures = Figures::default();
        cases.iter().for_each(|(example, judged)| figures.count(example, judged, fitted, pack));
        figures
    }

    fn count(&mut self, example: &Example, judged: &Judged, fitted: &Fitted, pack: &Pack) {
        let clauses = Group::Scope.clauses(pack);
        let set =
            |mail: &[f64]| found(mail, fitted.companion).into_iter().map(|place| clauses[place]).collect::<Vec<_>>();
        let says = set(&judged.scope);
        let raw = confidence_in(example, judged, fitted.companion, pack);
        let held = judged.by_rule || judged.conduct >= fitted.conduct;
        let auto = !held && judged.conduct < fitted.suspicion && fitted.calibrated(raw) >= fitted.auto;
        if !example.conduct.is_empty() {
            add(&mut self.guilty, true);
            add(&mut self.caught, held);
            add(&mut self.let_through, auto);
            return;
        }
        let right = is_right(example, judged, fitted.companion, pack);
        add(&mut self.clean, true);
        add(&mut self.accused, held);
        add(&mut self.auto, auto);
        add(&mut self.auto_right, auto && right);
        if example.unclear || example.scopes().is_empty() {
            return;
        }
        add(&mut self.asked, true);
        add(&mut self.exact, right);
        add(&mut self.by_terms, example.accepts(&set(&judged.terms_alone)));
        add(&mut self.by_rules, example.accepts(&example.by_rules));
        let inside = |clause: &usize| pack.clauses[*clause].kind == ClauseKind::InScope;
        let all_inside = example.scopes().iter().all(inside);
        add(&mut self.in_scope, all_inside);
        add(&mut self.declined, all_inside && auto && !says.iter().any(inside));
    }

    /// Names of [`Figures::columns`].
    pub const COLUMNS: [&str; 10] = [
        "exact",
        "terms alone",
        "rules alone",
        "coverage",
        "auto-right",
        "declined",
        "conduct",
        "accused",
        "let through",
        "mails",
    ];

    /// Shares in percent, with one digit, and the number of mails; `-` where nothing can be counted.
    pub fn columns(&self) -> [String; 10] {
        [
            share(self.exact, self.asked),
            share(self.by_terms, self.asked),
            share(self.by_rules, self.asked),
            share(self.auto, self.clean),
            share(self.auto_right, self.auto),
            share(self.declined, self.in_scope),
            share(self.caught, self.guilty),
            share(self.accused, self.clean),
            share(self.let_through, self.guilty),
            (self.clean + self.guilty).to_string(),
        ]
    }
}

fn add(sum: &mut usize, counts: bool) {
    *sum += usize::from(counts);
}

fn share(part: usize, whole: usize) -> String {
    match whole {
        0 => "-".into(),
        _ => format!("{:.1}", 100.0 * super::features::number(part) / super::features::number(whole)),
    }
}

/// Of each file and of all, as lines of a table.
pub fn table(examples: &[Example], judged: &[Judged], fitted: &Fitted, pack: &Pack) -> String {
    let cases: Vec<(&Example, &Judged)> = examples.iter().zip(judged).collect();
    let mut sources: Vec<&str> = Vec::new();
    for example in examples {
        if !sources.contains(&example.source.as_str()) {
            sources.push(&example.source);
        }
    }
    let width = sources.iter().map(|source| source.len()).max().unwrap_or(0).max(4);
    let line = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>11}")).collect();
        format!("{name:width$} {}\n", cells.join(" "))
    };
    let mut out = line("%", &Figures::COLUMNS.map(str::to_owned));
    for source in sources {
        let own: Vec<(&Example, &Judged)> = cases.iter().filter(|(e, _)| e.source == source).copied().collect();
        out += &line(source, &Figures::of(&own, fitted, pack).columns());
    }
    out + &line("all", &Figures::of(&cases, fitted, pack).columns())
}

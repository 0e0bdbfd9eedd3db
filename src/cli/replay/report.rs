//! What a replay came to: counts before and after, and the mails that would change.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::compare::{Difference, Outcome};
use crate::cli::screen::{Language, fit};
use crate::store::{MailId, PastMails};
use crate::triage::decision::Decision;

/// What a decision comes to, without words of mails.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    pub disposition: &'static str,
    pub scopes: Vec<String>,
    pub conduct: Vec<String>,
    pub reasons: Vec<String>,
    /// Kinds, with the template of those that are mails.
    pub actions: Vec<String>,
    pub labels: Vec<String>,
}

impl Side {
    pub fn of(decision: &Decision) -> Side {
        let Decision { disposition, scopes, conduct, reasons, actions, .. } = decision;
        let kinds = actions.iter().filter_map(|action| {
            let action = serde_json::to_value(action).ok()?;
            let kind = action["kind"].as_str()?;
            let template = action["template"].as_str().map(|name| format!(" {name}")).unwrap_or_default();
            Some(format!("{kind}{template}"))
        });
        Side {
            disposition: disposition.as_str(),
            scopes: scopes.clone(),
            conduct: conduct.clone(),
            reasons: reasons.iter().map(|reason| reason.code.clone()).collect(),
            actions: kinds.collect(),
            labels: decision.labels(),
        }
    }

    fn object(&self, outcome: Outcome, rule: &str) -> Value {
        let Side { disposition, scopes, conduct, reasons, actions, labels } = self;
        json!({
            "outcome": outcome, "disposition": disposition, "scopes": scopes, "conduct": conduct, "reasons": reasons,
            "actions": actions, "labels": labels, "rule": rule,
        })
    }

    fn clauses(&self) -> String {
        let clauses: Vec<&str> = self.conduct.iter().chain(&self.scopes).map(String::as_str).collect();
        clauses.join(" ")
    }
}

/// A mail that would change. Pairs are before and after.
#[derive(Debug)]
pub struct Change {
    pub mail: MailId,
    pub arrived: Timestamp,
    pub sender: String,
    /// It was only observed; "before" is what would have been decided.
    pub observed: bool,
    pub case: Option<String>,
    pub outcomes: (Outcome, Outcome),
    pub rules: (String, String),
    pub differences: Vec<Difference>,
    pub before: Side,
    pub after: Side,
}

impl Change {
    /// What somebody should look at first: who would be refused that was not, then who would be answered by the desk
    /// itself that was not.
    fn urgency(&self) -> u8 {
        match self.outcomes {
            (before, Outcome::Refuse) if before != Outcome::Refuse => 0,
            (before, after) if after.is_sent() && !before.is_sent() => 1,
            _ => 2,
        }
    }

    /// `t…@customer.example`
    fn short_sender(&self) -> String {
        let Some((local, domain)) = self.sender.rsplit_once('@') else { return String::new() };
        format!("{}…@{domain}", local.chars().next().unwrap_or_default())
    }
}

/// How many, before and after.
type Counts = BTreeMap<String, (usize, usize)>;

#[derive(Debug, Default)]
pub struct Tally {
    pub judged: usize,
    pub changes: Vec<Change>,
    /// Decided by an older program, without its circumstances.
    pub unrecorded: Vec<MailId>,
    /// Their bytes are not kept any more.
    pub forgotten: Vec<MailId>,
    undecided: usize,
    outcomes: BTreeMap<Outcome, (usize, usize)>,
    labels: Counts,
    /// Mails of a route, and those of them that would change.
    routes: Counts,
}

impl Tally {
    pub fn of(mails: &PastMails) -> Tally {
        Tally { forgotten: mails.forgotten.clone(), undecided: mails.undecided, ..Tally::default() }
    }

    pub fn count(&mut self, before: &Decision, after: &Decision, outcomes: (Outcome, Outcome), changed: bool) {
        self.judged += 1;
        self.outcomes.entry(outcomes.0).or_default().0 += 1;
        self.outcomes.entry(outcomes.1).or_default().1 += 1;
        for label in before.labels() {
            self.labels.entry(label).or_default().0 += 1;
        }
        for label in after.labels() {
            self.labels.entry(label).or_default().1 += 1;
        }
        let kind = serde_json::to_value(before.route.kind).ok();
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        let route = match &before.route.partner {
            Some(partner) => format!("{kind} {partner}"),
            None => kind.to_owned(),
        };
        let route = self.routes.entry(route).or_default();
        *route = (route.0 + 1, route.1 + usize::from(changed));
    }

    pub fn and(mut self, other: Tally) -> Tally {
        self.judged += other.judged;
        self.changes.extend(other.changes);
        self.unrecorded.extend(other.unrecorded);
        self.forgotten.extend(other.forgotten);
        add(&mut self.outcomes, other.outcomes);
        add(&mut self.labels, other.labels);
        add(&mut self.routes, other.routes);
        self
    }

    /// What is to be looked at first stands first.
    pub fn sorted(mut self) -> Tally {
        self.changes.sort_by_key(|change| (change.urgency(), change.mail));
        self.unrecorded.sort();
        self.forgotten.sort();
        self
    }
}

fn add<K: Ord>(all: &mut BTreeMap<K, (usize, usize)>, more: BTreeMap<K, (usize, usize)>) {
    for (key, (before, after)) in more {
        let sum = all.entry(key).or_default();
        *sum = (sum.0 + before, sum.1 + after);
    }
}

pub fn print(
    desk: &str,
    tally: &Tally,
    limit: usize,
    (from, until): (Timestamp, Timestamp),
    language: Language,
) -> std::io::Result<()> {
    let mut out = anstream::stdout().lock();
    let say = |ja, en| language.say(ja, en);
    let share = tally.changes.len() as f64 * 100.0 / tally.judged.max(1) as f64;
    let (judged, changed) = (say("件を再判定、うち変化", "mails decided again, would change"), tally.changes.len());
    writeln!(out, "{desk}: {} {judged} {changed} ({share:.1} %)  {from:.0} – {until:.0}", tally.judged)?;
    for (count, why) in [
        (tally.forgotten.len(), say("本文の保存期間が過ぎた", "not decided again: not kept any more")),
        (tally.unrecorded.len(), say("判定時の状況の記録がない", "not decided again: of an older program")),
        (tally.undecided, say("未判定または隔離中", "not decided again: undecided or in quarantine")),
    ] {
        if count > 0 {
            writeln!(out, "  {count:>6} {why}")?;
        }
    }
    writeln!(out, "  {} {:>7}   {:>7}", fit(say("対応", "outcome"), 24), say("前", "before"), say("後", "after"))?;
    for outcome in Outcome::ALL {
        if let Some(counts) = tally.outcomes.get(&outcome) {
            row(&mut out, outcome.as_str(), *counts)?;
        }
    }
    let differs = |counts: &&(usize, usize)| counts.0 != counts.1;
    for (label, counts) in tally.labels.iter().filter(|(_, counts)| differs(counts)) {
        row(&mut out, label, *counts)?;
    }
    for (route, (all, changed)) in tally.routes.iter().filter(|(_, (_, changed))| *changed > 0) {
        let (of, change) = (say("件中", "of"), say("件が変化", "change"));
        writeln!(out, "  {} {changed:>7} {of} {all} {change}", fit(route, 24))?;
    }
    for change in tally.changes.iter().take(limit) {
        line(&mut out, change, language)?;
    }
    match tally.changes.len().saturating_sub(limit) {
        0 => Ok(()),
        more => writeln!(out, "  … {more} {}", say("件は省略 (--limit)", "more (--limit)")),
    }
}

fn row(out: &mut impl Write, name: &str, (before, after): (usize, usize)) -> std::io::Result<()> {
    writeln!(out, "  {} {before:>7} → {after:>7}", fit(name, 24))
}

fn line(out: &mut impl Write, change: &Change, language: Language) -> std::io::Result<()> {
    let mark = match change.urgency() {
        0 => language.say("新たに対象外", "newly refused"),
        1 => language.say("新たに自動返信", "newly answered"),
        _ => "",
    };
    let (before, after) = (side(change.outcomes.0, &change.before), side(change.outcomes.1, &change.after));
    let rule = match change.rules.0 == change.rules.1 {
        true => change.rules.1.clone(),
        false => format!("{} → {}", named(&change.rules.0), named(&change.rules.1)),
    };
    let differs: Vec<&str> = change.differences.iter().map(|what| what.as_str()).collect();
    let reference = change.case.as_deref().unwrap_or_default();
    writeln!(
        out,
        "  #{} {reference} {:.0} {}  {mark}\n      {before} → {after}  [{}]  {rule}",
        change.mail,
        change.arrived,
        change.short_sender(),
        differs.join(" ")
    )
}

fn side(outcome: Outcome, side: &Side) -> String {
    format!("{} {}", outcome.as_str(), side.clauses()).trim_end().to_owned()
}

fn named(rule: &str) -> &str {
    if rule.is_empty() { "–" } else { rule }
}

pub fn objects(desk: &str, tally: &Tally) -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for change in &tally.changes {
        writeln!(out, "{}", object(desk, change))?;
    }
    for (why, mails) in [("not-kept", &tally.forgotten), ("no-circumstances", &tally.unrecorded)] {
        for mail in mails {
            writeln!(out, "{}", json!({ "desk": desk, "mail": mail.to_string(), "skipped": why }))?;
        }
    }
    out.flush()
}

fn object(desk: &str, change: &Change) -> Value {
    let newly = match change.urgency() {
        0 => Some("refused"),
        1 => Some("answered"),
        _ => None,
    };
    json!({
        "desk": desk,
        "mail": change.mail.to_string(),
        "case": change.case,
        "arrived": change.arrived.to_string(),
        "sender": change.short_sender(),
        "observed": change.observed,
        "newly": newly,
        "changes": change.differences,
        "before": change.before.object(change.outcomes.0, &change.rules.0),
        "after": change.after.object(change.outcomes.1, &change.rules.1),
    })
}

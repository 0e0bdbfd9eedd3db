//! What a pack claims of itself and `madoguchi test` checks: the examples of its rules, and `[[test]]`: whole mails and
//! what must be decided about them.

use std::ops::Range;
use std::path::PathBuf;

use jiff::Timestamp;

use super::sheet::{RawRule, RawTerm, Sheet};
use crate::config::problems::{File, Lines, Problem};
use crate::config::reader::{At, Table, Value};
use crate::config::suggest;
use crate::triage::decision::{Disposition, RouteKind};
use crate::triage::pack::{Clause, ClauseKind, Term};

/// The claims of one pack, in order of files and lines; each with its place `rules/x/y.toml:12`.
#[derive(Debug, Default)]
pub struct Claims {
    pub examples: Vec<Example>,
    pub tests: Vec<MailTest>,
    /// Every term as it is written, in word lists and in rules.
    pub terms: Vec<WrittenTerm>,
}

/// A term and where it is written.
#[derive(Debug, Clone)]
pub struct WrittenTerm {
    pub place: String,
    pub term: Term,
}

/// A sentence that a rule must apply to, or must not.
#[derive(Debug)]
pub struct Example {
    pub place: String,
    /// Index in the pack's rules.
    pub rule: usize,
    pub text: String,
    pub applies: bool,
}

/// A whole mail and what must be decided about it.
#[derive(Debug, Clone)]
pub struct MailTest {
    pub place: String,
    pub name: String,
    pub mail: GivenMail,
    /// The moment of the decision.
    pub at: Timestamp,
    /// Whose customer the sender is.
    pub customer: RouteKind,
    pub expected: Expected,
}

#[derive(Debug, Clone)]
pub enum GivenMail {
    Written {
        from: String,
        subject: String,
        body: String,
        quoted: Option<String>,
    },
    /// Relative to the file that names it.
    File(PathBuf),
}

/// What is given here is compared, the rest may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expected {
    pub disposition: Option<Disposition>,
    /// In any order.
    pub scopes: Option<Vec<String>>,
    /// In any order.
    pub conduct: Option<Vec<String>>,
    /// One of the codes of the decision.
    pub reason: Option<String>,
    pub route: Option<RouteKind>,
    /// Of the answer, redirect or draft.
    pub template: Option<String>,
    /// When the answer goes out, if not at once.
    pub reply_at: Option<Timestamp>,
}

/// A test as written; its place and its clauses are not looked up yet.
pub struct RawTest {
    pub test: MailTest,
    pub span: Range<usize>,
    pub clauses: Vec<At<String>>,
    pub conduct: Vec<At<String>>,
}

const DISPOSITIONS: [(&str, Disposition); 4] = [
    ("auto", Disposition::Auto),
    ("review", Disposition::Review),
    ("hold", Disposition::Hold),
    ("ignore", Disposition::Ignore),
];

const ROUTES: [(&str, RouteKind); 3] =
    [("direct", RouteKind::Direct), ("partner", RouteKind::Partner), ("unknown", RouteKind::Unknown)];

/// Tuesday, 2026-11-24, 10:30 in Tokyo: desks are open.
const WORKING_HOURS: i64 = 1_795_483_800;

/// Reads a `[[test]]`.
pub fn test(table: &Table<'_>) -> Option<RawTest> {
    let name = table.string("name");
    let mail = mail(table);
    let at = table.get("at").and_then(Value::moment).or(Timestamp::from_second(WORKING_HOURS).ok());
    let customer = table.optional_choice("customer", &ROUTES).unwrap_or(RouteKind::Direct);
    let (clauses, conduct) = (table.strings("scopes"), table.strings("conduct"));
    let ids = |key, found: &[At<String>]| table.get(key).map(|_| found.iter().map(|id| id.value.clone()).collect());
    let expected = Expected {
        disposition: table.optional_choice("disposition", &DISPOSITIONS),
        scopes: ids("scopes", &clauses),
        conduct: ids("conduct", &conduct),
        reason: table.optional_string("reason").map(|reason| reason.value),
        route: table.optional_choice("route", &ROUTES),
        template: table.optional_string("template").map(|template| template.value),
        reply_at: table.get("reply_at").and_then(Value::moment),
    };
    if expected == Expected::default() {
        table.error("this test asserts nothing: it needs `disposition`, `scopes`, `conduct`, `template` or the like");
    }
    let At { value: name, span } = name?;
    let test = MailTest { place: String::new(), name, mail: mail?, at: at?, customer, expected };
    Some(RawTest { test, span, clauses, conduct })
}

fn mail(table: &Table<'_>) -> Option<GivenMail> {
    let text = |key| table.get(key).and_then(Value::text).map(|text| text.value);
    let (from, subject, body, quoted) = (text("from"), text("subject"), text("body"), text("quoted"));
    let Some(file) = table.optional_string("file") else {
        if subject.is_none() && body.is_none() {
            table.error("a test needs a mail: `subject` and `body`, or `file`");
        }
        let from = from.unwrap_or_else(|| "customer@sender.example".into());
        let (subject, body) = (subject.unwrap_or_default(), body.unwrap_or_default());
        return Some(GivenMail::Written { from, subject, body, quoted });
    };
    if from.is_some() || subject.is_some() || body.is_some() || quoted.is_some() {
        table.error("a test has either a `file` or a mail of its own");
    }
    let folder = table.file.name.parent().unwrap_or(std::path::Path::new(""));
    Some(GivenMail::File(folder.join(file.value)))
}

/// All claims of the pack's files; clauses that do not exist are reported.
pub fn resolve(clauses: &[At<Clause>], sheets: &[Sheet<'_>]) -> Claims {
    let mut claims = Claims::default();
    let mut numbers = 0..;
    for sheet in sheets {
        let (file, lines) = (sheet.file, Lines::of(sheet.file));
        for (rule, n) in sheet.rules.iter().zip(numbers.by_ref()) {
            claims.examples.extend(examples(n, &lines, rule));
        }
        for RawTest { test, span, clauses: scopes, conduct } in &sheet.tests {
            scopes.iter().for_each(|id| known(file, id, clauses, "clause", |kind| kind != ClauseKind::Conduct));
            conduct.iter().for_each(|id| known(file, id, clauses, "conduct", |kind| kind == ClauseKind::Conduct));
            claims.tests.push(MailTest { place: lines.place(span), ..test.clone() });
        }
        claims.terms.extend(terms(sheet, &lines));
    }
    claims
}

fn terms(sheet: &Sheet<'_>, lines: &Lines<'_>) -> impl Iterator<Item = WrittenTerm> {
    let terms = sheet.words.iter().flat_map(|list| &list.terms).chain(sheet.rules.iter().flat_map(RawRule::terms));
    terms.filter_map(|term| match &term.value {
        RawTerm::Term(value) => Some(WrittenTerm { place: lines.place(&term.span), term: value.clone() }),
        RawTerm::List(_) => None,
    })
}

fn examples(n: usize, lines: &Lines<'_>, rule: &RawRule) -> Vec<Example> {
    let claim = |text: &At<String>, applies| Example {
        place: lines.place(&text.span),
        rule: n,
        text: text.value.clone(),
        applies,
    };
    let good = rule.examples.iter().map(|text| claim(text, true));
    good.chain(rule.counterexamples.iter().map(|text| claim(text, false))).collect()
}

fn known(file: File<'_>, id: &At<String>, clauses: &[At<Clause>], what: &str, fits: fn(ClauseKind) -> bool) {
    let ids = || clauses.iter().filter(|c| fits(c.value.kind)).map(|c| c.value.id.as_str());
    if !ids().any(|known| known == id.value) {
        let problem = Problem::error(format!("there is no {what} `{}` in pack.toml", id.value)).at(&id.span);
        file.add(problem.hint(suggest::hint(&id.value, ids())));
    }
}

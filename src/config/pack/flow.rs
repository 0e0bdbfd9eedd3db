//! `flows/*.toml`: a decision tree as written → checked. Every exit leads somewhere, every step is reached from the
//! start, no way goes in a circle, and every way ends.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::files::PackFile;
use super::flow_weights;
use super::sheet;
use crate::config::check;
use crate::config::problems::{File, Problem, Report};
use crate::config::reader::{self, At, Table, Value};
use crate::config::suggest;
use crate::triage::flow::grammar;
use crate::triage::flow::{Claim, Device, End, Evidence, Exit, Flow, Group, Step, StepKind, Text, Version, Who, Words};
use crate::triage::pack::{Clause, Term};

/// A step with its exits as written.
struct RawStep {
    id: At<String>,
    kind: StepKind,
    title: String,
    text: Text,
    how: Vec<(At<String>, Text)>,
    yes: At<String>,
    no: Option<At<String>>,
    open: Option<At<String>>,
    with: Option<At<String>>,
    symptom: bool,
    looked_up: bool,
    evidence: Evidence,
}

/// A device, and its version with the step as written.
type RawDevice = (Device, Option<(At<String>, Version)>);

struct RawFlow {
    clause: At<String>,
    start: At<String>,
    title: String,
    ask: usize,
    close_after: Option<u32>,
    steps: Vec<RawStep>,
    ends: Vec<At<End>>,
    devices: Vec<RawDevice>,
    groups: Vec<(Vec<At<String>>, bool, Vec<Term>)>,
    words: Words,
}

/// Reads all flows of a pack; what is wrong with them is reported, and such a flow is left out.
pub fn read_all<'f>(
    report: &Report,
    clauses: &[At<Clause>],
    files: impl Iterator<Item = &'f PackFile>,
) -> Vec<Arc<Flow>> {
    let (weights, flows): (Vec<_>, Vec<_>) = files.partition(|file| file.name.ends_with(flow_weights::ENDING));
    let read = |source: &PackFile| {
        let file = source.open(report)?;
        let name = source.name.strip_suffix(".toml")?;
        let weights = weights.iter().find(|file| file.name.strip_suffix(flow_weights::ENDING) == Some(name));
        let flow = read(file, name.rsplit('/').next()?.to_owned(), clauses)?;
        let weights = weights.and_then(|source| flow_weights::read(source.open(report)?));
        Some(Arc::new(Flow { weights, ..flow }))
    };
    let known: Vec<&str> = flows.iter().filter_map(|file| file.name.strip_suffix(".toml")).collect();
    for file in &weights {
        let flow = file.name.strip_suffix(flow_weights::ENDING).unwrap_or_default();
        if !known.contains(&flow) {
            let problem = Problem::error(format!("these weights are for no flow: there is no `{flow}.toml`"));
            report.of_file(&file.shown, problem);
        }
    }
    flows.iter().copied().filter_map(read).collect()
}

fn read(file: File<'_>, id: String, clauses: &[At<Clause>]) -> Option<Flow> {
    let raw = reader::read(file, raw)?;
    let known = || clauses.iter().map(|clause| clause.value.id.as_str());
    if !known().any(|clause| clause == raw.clause.value) {
        let problem = Problem::error(format!("there is no clause `{}` in pack.toml", raw.clause.value));
        file.add(problem.at(&raw.clause.span).hint(suggest::hint(&raw.clause.value, known())));
    }
    resolve(file, id, raw)
}

fn raw(root: &Table<'_>) -> Option<RawFlow> {
    let clause = root.string("clause");
    let title = root.string("title");
    let start = root.string("start");
    const MOST: i64 = 9;
    const USUAL: i64 = 3;
    let ask = usize::try_from(root.integer("ask", 1..=MOST, USUAL)).unwrap_or(1);
    const LONGEST_DAYS: i64 = 60;
    let days = |_| u32::try_from(root.integer("close_after_days", 1..=LONGEST_DAYS, 1)).ok();
    let close_after = root.get("close_after_days").and_then(days);
    root.require("step");
    root.require("end");
    let verbs = root.get("verbs").and_then(|verbs| verbs.table("[verbs]", |table| Some(self::verbs(table))));
    let verbs = verbs.unwrap_or_default();
    let parts = root.get("parts").and_then(|parts| parts.table("[parts]", |table| Some(self::parts(table, &verbs))));
    let parts = verbs.into_iter().chain(parts.unwrap_or_default()).collect();
    let steps = root.tables("step", "[[step]]", |table| step(table, &parts));
    let ends = root.tables("end", "[[end]]", end);
    let devices = root.tables("device", "[[device]]", |table| device(table, &parts));
    let groups = root.tables("group", "[[group]]", |table| {
        let topic = table.require("topic").map(|value| terms(value, &parts)).unwrap_or_default();
        Some((table.strings("steps"), table.flag("all", false), topic))
    });
    let words = root.require("words").and_then(|words| words.table("[words]", |table| Some(words_of(table, &parts))));
    Some(RawFlow {
        clause: clause?,
        title: title?.value,
        start: start?,
        ask,
        close_after,
        steps,
        ends,
        devices,
        groups,
        words: words?,
    })
}

/// Parts of patterns by name: `<device>` in a pattern stands for one.
type Parts = BTreeMap<String, String>;

/// What is said with verbs: of `works` the parts `works-past`, `works-not` …
fn verbs(table: &Table<'_>) -> Parts {
    let mut parts = Parts::new();
    for (name, value) in table.entries() {
        let verbs: Vec<String> = value.items().into_iter().filter_map(|item| Some(item.string()?.value)).collect();
        for (form, pattern) in grammar::FORMS.map(|(suffix, form)| (suffix, grammar::pattern(&verbs, form))) {
            let Some(pattern) = pattern else {
                value.error_with("these are not all verbs", "verbs stand as in the dictionary: \"鳴る\", \"開く\"");
                break;
            };
            parts.insert(format!("{}-{form}", name.value), pattern);
        }
    }
    parts
}

fn parts(table: &Table<'_>, verbs: &Parts) -> Parts {
    let read = |(name, value): (At<String>, Value<'_>)| {
        let full = put_in(&value.string()?.value, |name| verbs.get(name).map(String::as_str));
        if let Err(error) = regex_syntax::parse(&full) {
            value.error(format!("with its verbs put in, this is no regular expression: {error}"));
            return None;
        }
        Some((name.value, full))
    };
    table.entries().filter_map(read).collect()
}

fn put_in<'p>(pattern: &str, part: impl Fn(&str) -> Option<&'p str>) -> String {
    let (mut full, mut rest) = (String::new(), pattern);
    while let Some((before, behind)) = rest.split_once('<') {
        full.push_str(before);
        let named = behind.split_once('>').and_then(|(name, behind)| Some((part(name)?, behind)));
        match named {
            Some((part, _)) => full.extend(["(?:", part, ")"]),
            None => full.push('<'),
        }
        rest = named.map_or(behind, |(_, behind)| behind);
    }
    full + rest
}

/// The terms of a list, with the named parts put in.
fn terms(value: Value<'_>, parts: &Parts) -> Vec<Term> {
    let full = |term| match term {
        Term::Pattern(pattern) if pattern.contains('<') => {
            let full = put_in(&pattern, |name| parts.get(name).map(String::as_str));
            // Each part was checked where it stands, and full patterns are long: only `check` compiles them. The bracket
            // tells of a part in a class of characters, where it is no expression.
            let short = put_in(&pattern, |name| parts.contains_key(name).then_some("]"));
            let sound = regex_syntax::parse(&short).is_ok() && !value.file.report.lint;
            if !sound && let Err(error) = regex::Regex::new(&full) {
                value.error(format!("with its parts put in, a pattern is no regular expression: {error}"));
                return None;
            }
            if let Some(name) = unknown_part(&full) {
                value.error_with(format!("there is no part `{name}`"), "parts of patterns are named in [parts]");
            }
            Some(Term::Pattern(full))
        }
        term => Some(term),
    };
    sheet::plain_terms(value).into_iter().filter_map(full).collect()
}

/// `<name>` that is still there.
fn unknown_part(pattern: &str) -> Option<&str> {
    let (_, rest) = pattern.split_once('<')?;
    let (name, _) = rest.split_once('>')?;
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')).then_some(name)
}

fn words_of(table: &Table<'_>, parts: &Parts) -> Words {
    let terms = |key| table.get(key).map(|value| terms(value, parts)).unwrap_or_default();
    Words {
        done: terms("done"),
        undone: terms("undone"),
        no_effect: terms("no-effect"),
        still: terms("still"),
        fixed: terms("fixed"),
        unsure: terms("unsure"),
        unclear: terms("unclear"),
        yes: terms("yes"),
        no: terms("no"),
        all: terms("all"),
        rest: terms("rest"),
        same: terms("same"),
        denial: terms("denial"),
        matter: terms("matter"),
        good: terms("good"),
        bad: terms("bad"),
        ignore: terms("ignore"),
        later: terms("later"),
        refusal: terms("refusal"),
        anger: terms("anger"),
    }
}

fn step(table: &Table<'_>, parts: &Parts) -> Option<RawStep> {
    const KINDS: [(&str, StepKind); 2] = [("check", StepKind::Check), ("action", StepKind::Action)];
    let id = table.require("id").and_then(check::name);
    let kind = table.require("kind").and_then(|kind| kind.choice(&KINDS));
    let title = table.string("title");
    let text = text(table);
    let how = table.get("how").and_then(|how| how.table("[step.how]", |how| Some(texts(how)))).unwrap_or_default();
    let yes = table.string("yes");
    let no = table.optional_string("no");
    let open = table.optional_string("open");
    let with = table.optional_string("with");
    let (symptom, looked_up) = (table.flag("symptom", false), table.flag("looked_up", false));
    let terms = |key| table.get(key).map(|value| terms(value, parts)).unwrap_or_default();
    let evidence = Evidence {
        topic: terms("topic"),
        asked: terms("asked"),
        says: claims(table, "says", parts),
        word: claims(table, "word", parts),
        seen: terms("seen"),
        whole: terms("whole"),
    };
    let (id, kind) = (id?, kind?);
    if kind == StepKind::Check && no.is_none() {
        table.error(format!("check `{}` needs `no`: where its no leads", id.value));
    }
    if let (StepKind::Action, Some(exit)) = (kind, no.as_ref().or(open.as_ref())) {
        let message = format!("action `{}` has only `yes`: it stays open until it is done", id.value);
        table.file.add(Problem::error(message).at(&exit.span));
    }
    Some(RawStep {
        id,
        kind,
        title: title?.value,
        text: text?,
        how,
        yes: yes?,
        no,
        open,
        with,
        symptom,
        looked_up,
        evidence,
    })
}

fn text(table: &Table<'_>) -> Option<Text> {
    let (ja, en) = (table.string("ja"), table.string("en"));
    Some(Text { ja: ja?.value.trim().to_owned(), en: en?.value.trim().to_owned() })
}

fn texts(table: &Table<'_>) -> Vec<(At<String>, Text)> {
    let read = |(key, value): (At<String>, Value<'_>)| Some((key, value.table("a text { ja, en }", text)?));
    table.entries().filter_map(read).collect()
}

fn claims(table: &Table<'_>, key: &'static str, parts: &Parts) -> Vec<(Claim, Vec<Term>)> {
    const CLAIMS: [(&str, Claim); 4] =
        [("yes", Claim::Yes), ("no", Claim::No), ("done", Claim::Done), ("unknown", Claim::Unknown)];
    let read = |claims: &Table<'_>| {
        let found = CLAIMS.iter().filter_map(|(name, claim)| Some((*claim, terms(claims.get(name)?, parts))));
        Some(found.collect())
    };
    table.get(key).and_then(|value| value.table("the answers", read)).unwrap_or_default()
}

fn end(table: &Table<'_>) -> Option<At<End>> {
    const WHO: [(&str, Who); 2] = [("customer", Who::Customer), ("desk", Who::Desk)];
    let id = table.require("id").and_then(check::name);
    let who = table.require("who").and_then(|who| who.choice(&WHO));
    let title = table.string("title");
    let text = text(table);
    let At { value: id, span } = id?;
    Some(At { value: End { id, who: who?, title: title?.value, text: text? }, span })
}

fn device(table: &Table<'_>, parts: &Parts) -> Option<RawDevice> {
    let id = table.require("id").and_then(check::name);
    let names = table.require("names").map(|value| terms(value, parts));
    let version =
        table.get("version").and_then(|version| version.table("[device.version]", |table| version_of(table, parts)));
    Some((Device { id: id?.value, names: names?, version: None }, version))
}

fn version_of(table: &Table<'_>, parts: &Parts) -> Option<(At<String>, Version)> {
    let step = table.string("step");
    let least = table.string("least");
    let patterns = table.require("patterns").map(|value| terms(value, parts)).unwrap_or_default();
    let least = least?;
    let numbers: Option<Vec<u32>> = least.value.split('.').map(|n| n.parse().ok()).collect();
    if numbers.is_none() {
        let message = format!("`{}` is not a version number like 14.0.2", least.value);
        table.file.add(Problem::error(message).at(&least.span));
    }
    let mut sources = Vec::new();
    for term in patterns {
        match term {
            Term::Pattern(source) if source.contains('(') => sources.push(source),
            _ => table.error("a version is found by patterns /…(number)…/ whose first group is the number"),
        }
    }
    Some((step?, Version { step: 0, least: numbers?, patterns: sources }))
}

/// Names → places, then the tree as a whole.
fn resolve(file: File<'_>, id: String, raw: RawFlow) -> Option<Flow> {
    let names = Names::of(file, &raw);
    let start = names.step(&raw.start);
    let groups = raw.groups.iter().map(|(steps, all, topic)| {
        let steps = steps.iter().filter_map(|step| names.step(step)).collect();
        Group { steps, all: *all, topic: topic.clone() }
    });
    let groups = groups.collect();
    let devices: Vec<Device> = raw.devices.iter().map(|(device, version)| names.device(device, version)).collect();
    let steps: Vec<Option<Step>> = raw.steps.iter().map(|step| names.checked(step, &devices)).collect();
    let steps: Vec<Step> = steps.into_iter().collect::<Option<_>>()?;
    let spans: Vec<&Range<usize>> = raw.steps.iter().map(|step| &step.id.span).collect();
    whole(file, start?, &steps, &spans, &raw.ends);
    let ends = raw.ends.into_iter().map(|end| end.value).collect();
    let RawFlow { title, ask, close_after, words, clause, .. } = raw;
    let (clause, start, weights) = (clause.value, start?, None);
    Some(Flow { id, title, clause, ask, close_after, start, steps, ends, devices, groups, words, weights })
}

/// What names of the file stand for.
struct Names<'a> {
    file: File<'a>,
    steps: BTreeMap<String, usize>,
    ends: BTreeMap<String, usize>,
}

impl<'a> Names<'a> {
    fn of(file: File<'a>, raw: &RawFlow) -> Names<'a> {
        let mut names = Names { file, steps: BTreeMap::new(), ends: BTreeMap::new() };
        for (index, step) in raw.steps.iter().enumerate() {
            names.claim(&step.id.value, &step.id.span);
            names.steps.insert(step.id.value.clone(), index);
        }
        for (index, end) in raw.ends.iter().enumerate() {
            names.claim(&end.value.id, &end.span);
            names.ends.insert(end.value.id.clone(), index);
        }
        names
    }

    fn claim(&self, name: &str, span: &Range<usize>) {
        if self.steps.contains_key(name) || self.ends.contains_key(name) {
            self.file.add(Problem::error(format!("`{name}` appears twice")).at(span));
        }
    }

    fn unknown(&self, name: &At<String>, what: &str) {
        let known = self.steps.keys().chain(self.ends.keys()).map(String::as_str);
        let problem = Problem::error(format!("there is no {what} `{}`", name.value)).at(&name.span);
        self.file.add(problem.hint(suggest::hint(&name.value, known)));
    }

    fn step(&self, name: &At<String>) -> Option<usize> {
        let found = self.steps.get(&name.value).copied();
        if found.is_none() {
            self.unknown(name, "step");
        }
        found
    }

    fn exit(&self, name: &At<String>) -> Option<Exit> {
        let step = self.steps.get(&name.value).map(|step| Exit::Step(*step));
        let found = step.or_else(|| self.ends.get(&name.value).map(|end| Exit::End(*end)));
        if found.is_none() {
            self.unknown(name, "step or end");
        }
        found
    }

    fn device(&self, device: &Device, version: &Option<(At<String>, Version)>) -> Device {
        let version =
            version.as_ref().and_then(|(step, version)| Some(Version { step: self.step(step)?, ..version.clone() }));
        Device { version, ..device.clone() }
    }

    fn checked(&self, raw: &RawStep, devices: &[Device]) -> Option<Step> {
        let yes = self.exit(&raw.yes);
        let no = raw.no.as_ref().map(|exit| self.exit(exit));
        let open = raw.open.as_ref().map(|exit| self.exit(exit));
        let with = raw.with.as_ref().map(|step| self.step(step));
        for (device, _) in raw.how.iter().filter(|(key, _)| !devices.iter().any(|d| d.id == key.value)) {
            let problem = Problem::error(format!("there is no device `{}`", device.value)).at(&device.span);
            let known = devices.iter().map(|device| device.id.as_str());
            self.file.add(problem.hint(suggest::hint(&device.value, known)));
        }
        let yes = yes?;
        Some(Step {
            id: raw.id.value.clone(),
            kind: raw.kind,
            title: raw.title.clone(),
            text: raw.text.clone(),
            how: raw.how.iter().map(|(device, text)| (device.value.clone(), text.clone())).collect(),
            yes,
            no: transpose(no)?,
            // An action that is still to be made does not hide what comes behind it.
            open: transpose(open)?.or((raw.kind == StepKind::Action).then_some(yes)),
            with: transpose(with)?,
            symptom: raw.symptom,
            looked_up: raw.looked_up,
            evidence: raw.evidence.clone(),
        })
    }
}

/// None: not written; the outer none: written and wrong.
fn transpose<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        Some(None) => None,
        Some(found) => Some(found),
        None => Some(None),
    }
}

/// Unreachable steps and ends, and ways that go in a circle.
fn whole(file: File<'_>, start: usize, steps: &[Step], spans: &[&Range<usize>], ends: &[At<End>]) {
    let mut tour = Tour { steps, state: vec![Visit::Never; steps.len()], ends: vec![false; ends.len()], circle: None };
    tour.visit(Exit::Step(start));
    if let Some(step) = tour.circle {
        let message = format!("from step `{}` the flow comes back to it: it may never end", steps[step].id);
        file.add(Problem::error(message).at(spans[step]));
    }
    for (step, span) in steps.iter().zip(spans).enumerate().filter(|(n, _)| tour.state[*n] == Visit::Never).map(|s| s.1)
    {
        file.add(Problem::error(format!("no way leads to step `{}`", step.id)).at(span));
    }
    for (end, _) in ends.iter().zip(&tour.ends).filter(|(_, reached)| !**reached) {
        file.add(Problem::error(format!("no way leads to end `{}`", end.value.id)).at(&end.span));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visit {
    Never,
    OnTheWay,
    Left,
}

struct Tour<'a> {
    steps: &'a [Step],
    state: Vec<Visit>,
    ends: Vec<bool>,
    circle: Option<usize>,
}

impl Tour<'_> {
    fn visit(&mut self, exit: Exit) {
        let step = match exit {
            Exit::End(end) => return self.ends[end] = true,
            Exit::Step(step) => step,
        };
        match self.state[step] {
            Visit::Left => return,
            Visit::OnTheWay => return self.circle = Some(step),
            Visit::Never => self.state[step] = Visit::OnTheWay,
        }
        let Step { yes, no, open, .. } = &self.steps[step];
        for exit in [Some(*yes), *no, *open].into_iter().flatten() {
            self.visit(exit);
        }
        self.state[step] = Visit::Left;
    }
}

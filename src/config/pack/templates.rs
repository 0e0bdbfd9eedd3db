//! Templates: every answered clause has its paragraph, every paragraph its clause, and all of them compile.

use std::collections::BTreeMap;
use std::ops::Range;

use super::files::{FLOWS, PackFile, PackFiles};
use super::{URGENT, contexts};
use crate::config::problems::{File, Problem, Report};
use crate::config::reader::At;
use crate::config::suggest;
use crate::triage::memo::STAFF;
use crate::triage::notice::NoticeKind;
use crate::triage::pack::{Clause, ClauseKind};
use crate::triage::template::{TemplateError, Templates};
use crate::triage::urgent::{ALERT, INSTRUCTIONS};

const PARTS: &str = "parts/";

/// The mails that `triage::reply` writes.
const MAILS: [&str; 6] = ["acknowledge", "answer", "ask-contract", "forward", "notice", "redirect"];

/// The mails of a dialogue, for packs with flows.
pub const FLOW_MAILS: [&str; 5] = ["flow-ask", "flow-closed", "flow-end", "flow-handover", "flow-solved"];

/// Name without `.txt` → text, with line ends `\n`.
pub fn read(report: &Report, files: &[PackFile]) -> BTreeMap<String, String> {
    let mut templates = BTreeMap::new();
    for source in files {
        let Some(file) = source.open(report) else { continue };
        compile(file);
        templates.insert(name(source).to_owned(), file.text.replace("\r\n", "\n"));
    }
    templates
}

fn name(file: &PackFile) -> &str {
    file.name.strip_suffix(".txt").unwrap_or(&file.name)
}

fn compile(file: File<'_>) {
    let environment = minijinja::Environment::new();
    if let Err(error) = environment.template_from_str(file.text) {
        let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let span = error.range().or_else(|| error.line().map(|line| line_span(file.text, line)));
        let problem = Problem::error(format!("the template does not compile: {reason}"));
        file.add(Problem { span, ..problem });
    }
}

/// Renders every template with everything it may meet: a misspelt variable is an error here, not at the first mail.
pub fn render(report: &Report, templates: &BTreeMap<String, String>, clauses: &[At<Clause>], files: &[PackFile]) {
    // What does not compile was reported.
    let Ok(compiled) = Templates::compile(templates) else { return };
    for error in templates.keys().flat_map(|name| failures(&compiled, name, clauses)) {
        let TemplateError { template, line, span, reason } = error;
        let source = files.iter().find(|file| name(file) == template);
        let Some(file) = source.and_then(|source| source.open(report)) else { continue };
        let span = span.or_else(|| line.map(|line| line_span(file.text, line)));
        file.add(Problem { span, ..Problem::error(format!("the template does not render: {reason}")) });
    }
}

fn failures(templates: &Templates, name: &str, clauses: &[At<Clause>]) -> Vec<TemplateError> {
    let is_mail = MAILS.iter().chain(&FLOW_MAILS).chain(&[ALERT, STAFF]).any(|mail| *mail == name);
    let contexts = match name.split_once('/') {
        Some(("parts", id)) => clauses.iter().find(|c| c.value.id == id).map(|clause| contexts::of_part(&clause.value)),
        Some(_) => Some(contexts::of_notice()),
        // Others are only included.
        None => is_mail.then(|| contexts::of_mail(name)),
    };
    contexts.iter().flatten().filter_map(|context| templates.render(name, context).err()).collect()
}

/// The bytes of a line, counted from 1.
fn line_span(text: &str, line: usize) -> Range<usize> {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = text[start..].find('\n').unwrap_or(text.len() - start);
    start..start + length
}

/// Is every mail there, and do the paragraphs fit the clauses? Conduct is never answered, so it needs none.
pub fn fit(head: File<'_>, clauses: &[At<Clause>], pack: &PackFiles) {
    let (report, files) = (head.report, &pack.templates);
    if files.is_empty() {
        report.of_file(&pack.templates_folder, Problem::error("there are no templates here"));
        return;
    }
    let notices = NoticeKind::ALL.map(|kind| format!("notices/{}", kind.as_str()));
    let has = |name: &str| pack.rules.iter().any(|file| file.name.starts_with(name));
    let flows = FLOW_MAILS.into_iter().filter(|_| has(FLOWS));
    let urgent = [ALERT, INSTRUCTIONS].into_iter().filter(|_| has(URGENT));
    let wanted = MAILS.into_iter().chain(flows).chain(urgent).chain(notices.iter().map(String::as_str));
    for mail in wanted.filter(|mail| !files.iter().any(|file| name(file) == *mail)) {
        report.of_file(&pack.templates_folder, Problem::error(format!("the template {mail}.txt is missing")));
    }
    let parts = || files.iter().filter_map(|file| Some((file, name(file).strip_prefix(PARTS)?)));
    for clause in clauses.iter().filter(|clause| clause.value.kind != ClauseKind::Conduct) {
        let id = &clause.value.id;
        if !parts().any(|(_, part)| part == id) {
            let problem = Problem::error(format!("clause `{id}` has no paragraph for its answer")).at(&clause.span);
            head.add(problem.hint(format!("write it into the pack's templates: {PARTS}{id}.txt")));
        }
    }
    let known = || clauses.iter().map(|clause| clause.value.id.as_str());
    for (file, part) in parts().filter(|(_, part)| !known().any(|id| id == *part)) {
        let problem = Problem::error(format!("there is no clause `{part}` in pack.toml for this paragraph"));
        report.of_file(&file.shown, problem.hint(suggest::hint(part, known())));
    }
}

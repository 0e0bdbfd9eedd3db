//! `notices.toml`: dated service notices.

use super::check;
use super::problems::{File, Problem};
use super::reader::{self, At, Table, Value};
use super::suggest;
use crate::triage::notice::{Notice, NoticeKind};
use crate::triage::pack::Pack;

/// A notice as written.
pub struct Draft {
    pub notice: Notice,
    /// Desks it is for; none: all.
    pub desks: Vec<At<String>>,
    clauses: Vec<At<String>>,
    template: Option<At<String>>,
}

/// None if the file is not TOML; all else that is wrong is reported and left out.
pub fn read(file: File<'_>) -> Option<Vec<Draft>> {
    let mut drafts = reader::read(file, |root| Some(root.tables("notice", "[[notice]]", draft)))?;
    drafts.sort_by_key(|draft| draft.notice.from);
    for (n, draft) in drafts.iter().enumerate() {
        if drafts[..n].iter().any(|earlier| earlier.notice.id == draft.notice.id) {
            let message = format!("notice `{}` appears twice", draft.notice.id);
            file.report.of_file(file.name, Problem::error(message));
        }
    }
    Some(drafts)
}

fn draft(table: &Table<'_>) -> Option<Draft> {
    let kinds = NoticeKind::ALL.map(|kind| (kind.as_str(), kind));
    let id = table.require("id").and_then(check::name);
    let kind = table.require("kind").and_then(|kind| kind.choice(&kinds));
    let from = table.require("from").and_then(Value::moment);
    let until = table.get("until");
    let date = table.get("date");
    let template = table.get("template").and_then(check::name);
    let text = table.string("text");
    let english = table.optional_string("english").map(|text| text.value);
    let desks = table.strings("desks");
    let clauses = table.strings("clauses");
    let (id, kind, from, text) = (id?.value, kind?, from?, text?.value);
    if let Some(date) = date.filter(|_| kind != NoticeKind::Discontinuation) {
        date.error("only a `discontinuation` has a `date`: other notices end with `until`");
    }
    let end = until.and_then(Value::moment);
    if let Some(until) = until.filter(|_| end.is_some_and(|end| end <= from)) {
        until.error("`until` is not after `from`");
    }
    let notice = Notice {
        id,
        kind,
        from,
        until: end,
        date: date.and_then(Value::date),
        clauses: clauses.iter().map(|clause| clause.value.clone()).collect(),
        template: template.as_ref().map(|template| template.value.clone()),
        text,
        english,
    };
    Some(Draft { notice, desks, clauses, template })
}

impl Draft {
    /// For this desk?
    pub fn concerns(&self, desk: &str) -> bool {
        self.desks.is_empty() || self.desks.iter().any(|named| named.value == desk)
    }

    /// Clauses and template, against the pack of a desk that it is for.
    pub fn fits(&self, file: File<'_>, pack: &Pack) {
        let known = || pack.clauses.iter().map(|clause| clause.id.as_str());
        for clause in self.clauses.iter().filter(|clause| !known().any(|id| id == clause.value)) {
            let message = format!("there is no clause `{}` in pack `{}`", clause.value, pack.id);
            file.add(Problem::error(message).at(&clause.span).hint(suggest::hint(&clause.value, known())));
        }
        let Some(template) = &self.template else { return };
        if !pack.templates.contains_key(&self.notice.template()) {
            let message = format!("pack `{}` has no template {}.txt", pack.id, self.notice.template());
            file.add(Problem::error(message).at(&template.span));
        }
    }
}

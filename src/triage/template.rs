//! Templates: parsed once, rendered with strict variables.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde::Serialize;

use super::calendar::{japanese_date, say_date};
use super::dates;

/// Instructions a template may take: a loop that never ends is a mistake, not a reason to stand still.
const FUEL: u64 = 100_000;

/// The parsed templates of a pack.
pub struct Templates {
    environment: Environment<'static>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// A template that does not parse, or does not render.
#[derive(Debug, thiserror::Error)]
#[error("template {template}: {}{reason}", .line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct TemplateError {
    /// Where it stands: of an include the included one.
    pub template: String,
    /// Counted from 1.
    pub line: Option<usize>,
    /// Bytes of the template.
    pub span: Option<Range<usize>>,
    /// Without the values.
    pub reason: String,
}

impl Templates {
    pub fn compile(sources: &BTreeMap<String, String>) -> Result<Templates, TemplateError> {
        let mut environment = Environment::new();
        filters(&mut environment);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        for (name, source) in sources {
            environment.add_template_owned(name.clone(), source.clone()).map_err(|e| refused(name, &e))?;
        }
        Ok(Templates { environment })
    }

    pub fn has(&self, name: &str) -> bool {
        self.environment.get_template(name).is_ok()
    }

    /// Renders a template; the error names template and line, never the values.
    pub fn render(&self, name: &str, variables: &impl Serialize) -> Result<String, TemplateError> {
        let template = self.environment.get_template(name).map_err(|e| refused(name, &e))?;
        let text = template.render(Value::from(Serde(variables))).map_err(|e| refused(name, &e))?;
        Ok(tidy(&text))
    }
}

/// Filters that count days (see [`dates`]): `{{ today | month_end(1) | japanese_date }}`.
fn filters(environment: &mut Environment<'static>) {
    environment.add_filter("days_after", |day: String, days: i32| counted(&day, |day| dates::days_after(day, days)));
    environment.add_filter("months_after", |day: String, n: i32| counted(&day, |day| dates::months_after(day, n)));
    environment.add_filter("month_end", |day: String, months: i32| counted(&day, |day| dates::month_end(day, months)));
    environment.add_filter("cancellation_end", |day: String| counted(&day, dates::cancellation_end));
    environment.add_filter("japanese_date", |day: String| date(&day).map(japanese_date));
    environment.add_filter("english_date", |day: String| date(&day).map(|day| say_date(day, true)));
}

fn counted(day: &str, count: impl Fn(Date) -> Option<Date>) -> Result<String, minijinja::Error> {
    let beyond = || minijinja::Error::new(ErrorKind::InvalidOperation, "beyond the calendar");
    Ok(count(date(day)?).ok_or_else(beyond)?.to_string())
}

fn date(day: &str) -> Result<Date, minijinja::Error> {
    let error = |_| minijinja::Error::new(ErrorKind::InvalidOperation, "not a date like 2026-11-20");
    day.parse().map_err(error)
}

fn refused(name: &str, error: &minijinja::Error) -> TemplateError {
    let inner = std::error::Error::source(error).and_then(|source| source.downcast_ref::<minijinja::Error>());
    if let Some(inner) = inner {
        return refused(inner.name().unwrap_or(name), inner);
    }
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let reason = format!("{}{detail}", error.kind());
    TemplateError { template: name.into(), line: error.line(), span: error.range(), reason }
}

/// No trailing spaces, at most one empty line in a row, one line end at the end.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variable_is_an_error_with_its_line() {
        let sources = BTreeMap::from([("x".to_string(), "一行目\n{{ nobody }}".to_string())]);
        let templates = Templates::compile(&sources).unwrap();
        let error = templates.render("x", &BTreeMap::<String, String>::new()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn filters_count_days() {
        let render = |source: &str| {
            let templates = Templates::compile(&BTreeMap::from([("x".to_string(), source.to_string())])).unwrap();
            let today = BTreeMap::from([("today", "2026-11-30")]);
            templates.render("x", &today).map(|text| text.trim_end().to_owned()).map_err(|error| error.to_string())
        };
        for (filter, expected) in [
            ("days_after(30)", "2026-12-30"),
            ("months_after(1)", "2026-12-31"),
            ("month_end(2)", "2027-01-31"),
            ("cancellation_end | japanese_date", "12月31日(木)"),
            ("cancellation_end | english_date", "Thursday, 31 December"),
        ] {
            assert_eq!(render(&format!("{{{{ today | {filter} }}}}")).as_deref(), Ok(expected), "{filter}");
        }
        assert!(render("{{ 'soon' | days_after(1) }}").unwrap_err().contains("not a date"));
        assert!(render("{{ today | days_after(99999999) }}").unwrap_err().contains("beyond"));
    }

    #[test]
    fn tidy_leaves_single_empty_lines() {
        assert_eq!(tidy("\n\na  \n\n\n\nb\n\n"), "a\n\nb\n");
    }
}

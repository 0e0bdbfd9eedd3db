//! Templates: parsed once, rendered with strict variables.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

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
#[error("template {template}: {reason}")]
pub struct TemplateError {
    pub template: String,
    /// With the line, without the values.
    pub reason: String,
}

impl Templates {
    pub fn compile(sources: &BTreeMap<String, String>) -> Result<Templates, TemplateError> {
        let mut environment = Environment::new();
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

fn refused(name: &str, error: &minijinja::Error) -> TemplateError {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    TemplateError { template: name.into(), reason: format!("{line}{}{detail}", error.kind()) }
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
    fn tidy_leaves_single_empty_lines() {
        assert_eq!(tidy("\n\na  \n\n\n\nb\n\n"), "a\n\nb\n");
    }
}

//! Patterns that are compiled when a mail first needs them: a pack has hundreds, and a mail wakes a few.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::{CaptureMatches, Captures, Match, Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::required::required_of;

/// States of the automaton, by the estimate of [`states`]: large ones take 32 bytes a state, so that the limit of the
/// `regex` crate (10 MB) has room for five times as many.
const SURELY_SMALL: usize = 60_000;

/// A character of a class takes this many states at most for each of its ranges.
const STATES_A_RANGE: usize = 12;

/// Bytes for what is known to compile: ten times what one expression alone may take, as many in one take more.
const ENOUGH: usize = 100 << 20;

/// Bytes that the states of an expression may take while it is used. With less (the crate gives 2 MB) long alternatives of
/// Japanese words lose theirs again and again and are searched in a way that takes ten times as long.
const STATES: usize = 16 << 20;

/// A regular expression, compiled or known to compile.
#[derive(Debug)]
pub struct Pattern {
    source: String,
    /// None within: it does not compile.
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// # Errors
    /// It is no regular expression, or too large.
    pub fn new(source: &str) -> Result<Pattern, regex::Error> {
        let compiled = OnceLock::new();
        if !is_plain(source) {
            let regex = Regex::new(source)?;
            _ = compiled.set(Some(regex));
        }
        Ok(Pattern { source: source.to_owned(), compiled })
    }

    /// The same, and the texts that `required_of` finds in it: it is parsed once for both.
    ///
    /// # Errors
    /// It is no regular expression, or too large.
    pub fn with_required(source: &str) -> Result<(Pattern, Option<Vec<String>>), regex::Error> {
        match regex_syntax::parse(source) {
            Ok(hir) if is_small(&hir) => Ok((Pattern::known(source), required_of(&hir))),
            parsed => Ok((Pattern::new(source)?, parsed.ok().and_then(|hir| required_of(&hir)))),
        }
    }

    /// Of what is known to compile: `config` has checked it, or it is our own. What does not compile finds nothing.
    pub fn known(source: impl Into<String>) -> Pattern {
        Pattern { source: source.into(), compiled: OnceLock::new() }
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    pub fn find<'t>(&self, text: &'t str) -> Option<Match<'t>> {
        self.regex()?.find(text)
    }

    pub fn replace_all<'t>(&self, text: &'t str, by: &str) -> Cow<'t, str> {
        self.regex().map_or(Cow::Borrowed(text), |regex| regex.replace_all(text, by))
    }

    pub fn find_iter<'t>(&self, text: &'t str) -> impl Iterator<Item = Match<'t>> {
        self.regex().into_iter().flat_map(|regex| regex.find_iter(text))
    }

    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }

    pub fn captures_iter<'r, 't>(&'r self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        let all = |regex: &'r Regex| -> CaptureMatches<'r, 't> { regex.captures_iter(text) };
        self.regex().into_iter().flat_map(all)
    }

    fn regex(&self) -> Option<&Regex> {
        let compile = || RegexBuilder::new(&self.source).size_limit(ENOUGH).dfa_size_limit(STATES).build().ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// True if this surely is a regular expression that compiles, and that matches something whenever it matches. Found out
/// without compiling it, which takes ten times as long; false may also mean that only compiling it tells.
pub fn is_plain(source: &str) -> bool {
    regex_syntax::parse(source).is_ok_and(|hir| is_small(&hir))
}

fn is_small(hir: &Hir) -> bool {
    states(hir) <= SURELY_SMALL && hir.properties().minimum_len().is_some_and(|len| len > 0)
}

/// More than the automaton has.
fn states(hir: &Hir) -> usize {
    let sum = |parts: &[Hir]| parts.iter().map(states).fold(1_usize, usize::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().saturating_mul(STATES_A_RANGE),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len(),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).saturating_add(1);
            states(&repetition.sub).saturating_add(1).saturating_mul(times as usize)
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plain_compiles_and_what_does_not_compile_is_not_plain() {
        for source in ["契約.{0,8}変更", r"\d{1,3}台", r"(?:[^。]{0,20}[はが])?できません", "^.", r"\b(?:by|until) \w+"]
        {
            assert!(is_plain(source), "{source}");
            assert!(Pattern::new(source).unwrap().regex().is_some(), "{source}");
        }
        for source in ["(", "a*", r"\b", r"\w{1000}", r"(\w{50}){50}", "(?:(?:.{1,99}){99}){99}"] {
            assert!(!is_plain(source), "{source}");
        }
        assert!(Pattern::new(r"\w{1000}").is_err());
        assert!(Pattern::new("a*b?").unwrap().regex().is_some());
    }
}

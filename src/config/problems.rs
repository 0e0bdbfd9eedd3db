//! What is wrong with the configuration: file, line, column, the offending line, the reason and a hint.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

/// Does a problem keep the configuration from being used?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One thing that is wrong, or at least odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// As the reader should see it: relative where the configuration was given relative.
    pub file: PathBuf,
    /// Bytes of the file; none: the file as a whole.
    pub span: Option<Range<usize>>,
    /// Line of the file, for tables whose text is not shown.
    pub line: Option<usize>,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub fn error(message: impl Into<String>) -> Problem {
        let file = PathBuf::new();
        Problem { severity: Severity::Error, file, span: None, line: None, message: message.into(), hint: None }
    }

    pub fn warning(message: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(message) }
    }

    pub fn at(mut self, span: &Range<usize>) -> Problem {
        self.span = Some(span.clone());
        self
    }

    pub fn line(mut self, line: usize) -> Problem {
        self.line = Some(line);
        self
    }

    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Problem {
        self.hint = hint.into();
        self
    }
}

/// All problems of a configuration, with the text of the files they are in.
#[derive(Clone, Default)]
pub struct Problems {
    /// By file and position.
    pub list: Vec<Problem>,
    pub sources: BTreeMap<PathBuf, String>,
}

impl Problems {
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|p| p.severity == Severity::Error)
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// For people, one block a problem and a last line that counts them; with ANSI colours if `colour`.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let blocks = self.list.iter().map(|problem| renderer.render(&[self.block(problem)]) + "\n\n");
        let text: String = blocks.collect();
        text + &self.count() + "\n"
    }

    fn block<'a>(&'a self, problem: &'a Problem) -> Group<'a> {
        let level = match problem.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let path = problem.file.to_string_lossy();
        let group = level.primary_title(problem.message.as_str());
        let group = match (&problem.span, self.sources.get(&problem.file)) {
            (Some(span), Some(source)) => {
                let marked = AnnotationKind::Primary.span(within(span, source));
                group.element(Snippet::source(without_passwords(source)).path(path).annotation(marked))
            }
            _ => group.element(match problem.line {
                Some(line) => Origin::path(path).line(line),
                None => Origin::path(path),
            }),
        };
        match &problem.hint {
            Some(hint) => group.element(Level::HELP.message(normalize_untrusted_str(hint))),
            None => group,
        }
    }

    fn count(&self) -> String {
        let errors = self.list.iter().filter(|p| p.severity == Severity::Error).count();
        let warnings = self.list.len() - errors;
        match (errors, warnings) {
            (0, w) => plural(w, "warning"),
            (e, 0) => plural(e, "error"),
            (e, w) => format!("{}, {}", plural(e, "error"), plural(w, "warning")),
        }
    }
}

fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// At least one character to underline, and never outside the text.
fn within(span: &Range<usize>, source: &str) -> Range<usize> {
    let start = source.floor_char_boundary(span.start.min(source.len()));
    let end = source.ceil_char_boundary(span.end.min(source.len()));
    if end > start {
        return start..end;
    }
    let next = source[start..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
    start..start + next
}

/// A password written where only a reference belongs must not reach a terminal or a log (invariant 8). Stars keep
/// the number of bytes, so that every span stays true.
fn without_passwords(source: &str) -> String {
    source.split_inclusive('\n').map(without_password).collect()
}

fn without_password(line: &str) -> Cow<'_, str> {
    let texts = line.match_indices('=').filter_map(|(at, _)| {
        let value = line[at + 1..].trim_start();
        (names_a_secret(&line[..at]) && value.starts_with(['"', '\''])).then(|| line.len() - value.len() + 1)
    });
    let Some(start) = texts.min() else { return Cow::Borrowed(line) };
    let stars = line[start..].bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' });
    Cow::Owned(line[..start].chars().chain(stars).collect())
}

/// Also when misspelt: `pasword`, `passwd`, `passwrod`.
fn names_a_secret(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches(['"', '\'']).to_lowercase();
    let key = before.rsplit([' ', '{', ',', '.', '"', '\'']).next().unwrap_or_default();
    ["pas", "word", "secret", "token"].iter().any(|part| key.contains(part))
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// Collects problems while files are being read.
#[derive(Default)]
pub struct Report {
    problems: RefCell<Problems>,
    /// Look also for what is only clumsy: that takes longer than reading.
    pub lint: bool,
}

impl Report {
    pub fn with_lints() -> Report {
        Report { lint: true, ..Report::default() }
    }

    pub fn has_errors(&self) -> bool {
        self.problems.borrow().has_errors()
    }

    /// Reports a problem of a file as a whole.
    pub fn of_file(&self, file: &Path, problem: Problem) {
        self.problems.borrow_mut().list.push(Problem { file: file.to_owned(), ..problem });
    }

    /// A report of the same kind, for a part that is read beside: see [`Report::take_over`].
    pub fn beside(&self) -> Report {
        Report { lint: self.lint, ..Report::default() }
    }

    /// Adds what was reported beside.
    pub fn take_over(&self, other: Report) {
        let Problems { list, sources } = other.problems.into_inner();
        let mut problems = self.problems.borrow_mut();
        problems.list.extend(list);
        for (file, text) in sources {
            problems.sources.entry(file).or_insert(text);
        }
    }

    pub fn finish(self) -> Problems {
        let mut problems = self.problems.into_inner();
        problems.list.sort_by_key(|p| (p.file.clone(), p.line, p.span.as_ref().map(|s| s.start), p.severity));
        problems.list.dedup();
        problems
    }
}

/// One file being read.
#[derive(Clone, Copy)]
pub struct File<'a> {
    pub report: &'a Report,
    pub name: &'a Path,
    pub text: &'a str,
    /// Where the part begins that is read, in bytes: places count from there.
    pub base: usize,
}

impl<'a> File<'a> {
    pub fn new(report: &'a Report, name: &'a Path, text: &'a str) -> File<'a> {
        File { report, name, text, base: 0 }
    }

    pub fn add(&self, problem: Problem) {
        let span = problem.span.map(|span| span.start + self.base..span.end + self.base);
        let problem = Problem { span, ..problem };
        let mut problems = self.report.problems.borrow_mut();
        problems.sources.entry(self.name.to_owned()).or_insert_with(|| self.text.to_owned());
        problems.list.push(Problem { file: self.name.to_owned(), ..problem });
    }

    /// `rules/optim-biz/conduct.toml:12`, for hints that point elsewhere. Counts from the beginning: for many places
    /// there is [`Lines`].
    pub fn line(&self, span: &Range<usize>) -> String {
        Lines::of(*self).place(span)
    }
}

/// Where the lines of a file end.
pub struct Lines<'a> {
    file: File<'a>,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(file: File<'a>) -> Lines<'a> {
        Lines { file, ends: file.text.match_indices('\n').map(|(at, _)| at).collect() }
    }

    /// `rules/optim-biz/conduct.toml:12`
    pub fn place(&self, span: &Range<usize>) -> String {
        let before = self.ends.partition_point(|end| *end < span.start);
        format!("{}:{}", self.file.name.display(), before + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_starred_without_moving_a_byte() {
        for (line, shown) in [
            ("password = \"s3cret\"\n", "password = \"*******\n"),
            ("password='s3cret'", "password='*******"),
            ("mailbox = { password = \"秘密\" }\n", "mailbox = { password = \"*********\n"),
            ("\"password\" = \"x\"\n", "\"password\" = \"**\n"),
            ("password = { file = \"mail.password\" }\n", "password = { file = \"mail.password\" }\n"),
            ("pasword = \"s3cret\"\n", "pasword = \"*******\n"),
            ("a = 'b', outbox.passwd= 'c=\"d'", "a = 'b', outbox.passwd= '*****"),
            ("# password\nname = \"x\"\n", "# password\nname = \"x\"\n"),
            ("password = [\"パスワード\"]\n", "password = [\"パスワード\"]\n"),
        ] {
            assert_eq!(without_passwords(line), shown);
            assert_eq!(without_passwords(line).len(), line.len());
        }
    }

    #[test]
    fn an_underline_never_leaves_the_text_or_splits_a_character() {
        for (span, text, expected) in
            [(0..0, "あ", 0..3), (1..2, "あい", 0..3), (9..12, "ab", 2..2), (0..0, "", 0..0), (1..1, "a\nb", 1..1)]
        {
            assert_eq!(within(&span, text), expected, "{text}");
        }
    }

    #[test]
    fn counts_in_words() {
        let mut problems = Problems::default();
        for expected in ["1 error\n", "1 error, 1 warning\n", "1 error, 2 warnings\n"] {
            let next = if problems.is_empty() { Problem::error("x") } else { Problem::warning("y") };
            problems.list.push(next);
            assert!(problems.render(false).ends_with(expected));
        }
    }
}

//! Tidy: what must hold for the source tree as a whole, found by reading it as text.
//!
//! Every scanner is a function from text to findings and is itself tested on a small bad snippet, so that a check
//! which can no longer fail is noticed. The limits are ratchets: lower them when the tree allows it.

#![allow(clippy::unwrap_used, reason = "a broken tree is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_FILE_LINES: usize = 600;
const MEDIAN_FILE_LINES: usize = 200;
const MAX_FUNCTION_LINES: usize = 70;
const MEDIAN_FUNCTION_LINES: usize = 10;

/// What each module of the crate may import; imports point inwards only.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("triage", &[]),
    ("clock", &[]),
    ("command", &[]),
    ("net", &[]),
    ("dkim", &["triage"]),
    ("oauth", &["clock", "net"]),
    ("mailbox", &["triage", "net", "oauth"]),
    ("outbox", &["triage", "net", "oauth"]),
    ("store", &["triage"]),
    ("apply", &["triage", "mailbox", "outbox", "store", "clock", "command"]),
    ("config", &["triage", "mailbox", "outbox", "store", "net", "oauth"]),
    ("fit", &["triage"]),
    ("upkeep", &["store", "clock"]),
    ("health", &["store", "clock", "command", "outbox", "oauth"]),
    ("worker", &["triage", "dkim", "mailbox", "outbox", "store", "clock", "net", "apply", "config", "health"]),
    (
        "cli",
        &[
            "triage", "dkim", "mailbox", "outbox", "store", "clock", "net", "apply", "config", "fit", "worker",
            "upkeep", "health", "oauth",
        ],
    ),
];

/// Modules of std that the pure room does not touch.
const IMPURE_STD: &[&str] = &["fs", "net", "env", "process", "thread"];
const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "async fn",
    "SystemTime",
    "Instant",
    "Timestamp::now",
    "Zoned::now",
    "fastrand",
    "getrandom",
    "println!",
    "eprintln!",
];

/// What no file of the repository says: paths of the machine it was built on, promises instead of work.
const NOWHERE: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("TO", "DO"), concat!("FIX", "ME")];

// ---- the tree as it is ----

#[test]
fn imports_point_inwards() {
    let problems = sources().iter().flat_map(|f| import_problems(&f.path, &f.code)).collect::<Vec<_>>();
    none(problems);
}

#[test]
fn the_pure_room_is_pure() {
    let rooms = sources().into_iter().filter(|f| module_path(&f.path).first().is_some_and(|m| m == "triage"));
    none(rooms.flat_map(|f| prefix(&f.path, impurities(&f.code))).collect());
}

#[test]
fn files_stay_short() {
    let files = sources();
    let long = files.iter().filter(|f| f.lines > MAX_FILE_LINES);
    none(long.map(|f| format!("{}: {} lines, at most {MAX_FILE_LINES}", f.path, f.lines)).collect());
    let median = median(files.iter().map(|f| f.lines).collect());
    assert!(median <= MEDIAN_FILE_LINES, "median file: {median} lines, at most {MEDIAN_FILE_LINES}");
}

#[test]
fn functions_stay_short() {
    let mut lengths = Vec::new();
    let mut problems = Vec::new();
    for file in sources() {
        for (name, lines) in functions(&file.code) {
            lengths.push(lines);
            if lines > MAX_FUNCTION_LINES {
                problems.push(format!("{}: fn {name}: {lines} lines, at most {MAX_FUNCTION_LINES}", file.path));
            }
        }
    }
    none(problems);
    let median = median(lengths);
    assert!(median <= MEDIAN_FUNCTION_LINES, "median function: {median} lines, at most {MEDIAN_FUNCTION_LINES}");
}

#[test]
fn nothing_panics_on_purpose() {
    none(sources().iter().flat_map(|f| prefix(&f.path, panics(&f.code))).collect());
}

#[test]
fn packs_have_rules_and_templates() {
    let files = repository().into_keys().collect::<Vec<_>>();
    none(pack_problems(&files));
}

#[test]
fn no_file_names_a_build_machine_or_puts_work_off() {
    none(repository().iter().flat_map(|(path, text)| prefix(path, unwanted(text))).collect());
}

// ---- the scanners, each on something bad ----

#[test]
fn import_scanner_sees_every_spelling() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("src/triage/gate.rs", "use super::inquiry::Inquiry;", &[]),
        ("src/triage/gate.rs", "use crate::triage::inquiry::Inquiry;", &[]),
        ("src/triage/gate.rs", "use crate::store::Store;", &["store"]),
        ("src/triage/gate.rs", "fn f() { crate :: clock::now() }", &["clock"]),
        ("src/triage/gate.rs", "use super::super::config;", &["config"]),
        ("src/triage/mod.rs", "use super::config;", &["config"]),
        ("src/triage/read/html.rs", "use super::super::fold;", &[]),
        ("src/triage/read/html.rs", "use super::super::super::{apply, triage};", &["apply"]),
        ("src/mailbox/imap.rs", "use crate::{net, triage::pack, outbox::{Settings}};", &["outbox"]),
        ("src/store/mod.rs", "pub(crate) fn f() {} use crate::mailbox::*;", &["mailbox"]),
        ("src/worker.rs", "use crate::cli::run;", &["cli"]),
        ("src/worker.rs", "use super::cli::run;", &["cli"]),
        ("src/worker.rs", "// use crate::cli::run;\nconst S: &str = \"crate::cli::x\";", &[]),
        ("src/worker.rs", "#[cfg(test)]\nmod tests { use crate::cli::run; }", &[]),
        ("src/lib.rs", "use crate::cli::run;", &[]),
        ("src/brand_new.rs", "", &["brand_new"]),
    ];
    for (path, source, wanted) in cases {
        let found = import_problems(path, &code_of(source));
        assert_eq!(found.len(), wanted.len(), "{path}: {source}: {found:?}");
        assert!(found.iter().zip(*wanted).all(|(line, word)| line.contains(word)), "{source}: {found:?}");
    }
}

#[test]
fn purity_scanner_finds_each_impurity() {
    for bad in
        ["use std::fs;", "use std::{fmt, net::IpAddr};", "std::env::var(x)", "async fn f() {}", "Timestamp::now()"]
    {
        assert_eq!(impurities(&code_of(bad)).len(), 1, "{bad}");
    }
    for good in ["use std::fmt;", "// tokio", "let x = \"println!\";", "fn f(now: Timestamp) {}", "Instantly"] {
        assert_eq!(impurities(&code_of(good)), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn function_scanner_counts_from_fn_to_brace() {
    let source = "fn one() {}\nimpl X {\n  pub async fn four(a: [u8; 3])\n  where\n  {\n    let s = \"}\"; let c = '}'; /* } */\n  }\n}\n\
        trait T { fn none(&self); }\n#[cfg(test)]\nmod tests {\n fn hidden() {}\n}\nfn after() {\n}\n";
    let found = functions(&code_of(source));
    assert_eq!(found, [("one".to_string(), 1), ("four".to_string(), 5), ("after".to_string(), 2)]);
}

#[test]
fn panic_scanner_ignores_tests_comments_and_strings() {
    let source = "fn f() { a.unwrap(); b\n.expect(\"x\"); c.unwrap_or(0); }\n// d.unwrap()\nconst S: &str = r#\"e.unwrap()\"#;\n\
        #[cfg(test)]\nmod tests { fn g() { f.unwrap() } }\nfn h<'a>(x: &'a str) { x.unwrap() }";
    assert_eq!(panics(&code_of(source)), ["1: .unwrap()", "2: .expect(", "7: .unwrap()"]);
}

#[test]
fn test_file_scanner_finds_modules_of_their_own() {
    let source = "#[cfg(test)]\nmod plans;\nmod real;\n#[cfg(test)] mod inline { }\n";
    assert_eq!(test_files("src/store/mod.rs", source), ["src/store/plans.rs"]);
    assert_eq!(test_files("src/store.rs", source), ["src/store/plans.rs"]);
    assert_eq!(test_files("src/lib.rs", source), ["src/plans.rs"]);
}

#[test]
fn pack_scanner_finds_orphans() {
    let files = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    let good = ["rules/a/pack.toml", "templates/a/answer.txt", "templates/a/parts/1.txt"];
    assert_eq!(pack_problems(&files(&good)), Vec::<String>::new());
    let bad = ["rules/a/pack.toml", "templates/b/answer.txt", "templates/stray.txt"];
    let found = pack_problems(&files(&bad));
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn word_scanner_finds_each_word_with_its_line() {
    for word in NOWHERE {
        assert_eq!(unwanted(&format!("fine\nsee {word}x")), [format!("2: {word}")]);
    }
}

#[test]
fn median_of_odd_even_and_nothing() {
    assert_eq!([median(vec![3, 1, 2]), median(vec![4, 1]), median(vec![])], [2, 4, 0]);
}

// ---- scanners ----

/// Imports that [`MAY_IMPORT`] does not allow. `lib.rs` and `main.rs` stand above the modules.
fn import_problems(path: &str, code: &str) -> Vec<String> {
    let own = module_path(path);
    let Some(module) = own.first() else { return Vec::new() };
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| name == module) else {
        return vec![format!("{path}: module {module} has no line in MAY_IMPORT")];
    };
    let mut imports = children_of("crate", code);
    imports.extend(children_of(&vec!["super"; own.len()].join("::"), code));
    imports
        .into_iter()
        .filter(|import| import != module && !allowed.contains(&import.as_str()))
        .filter(|import| MAY_IMPORT.iter().any(|(name, _)| name == import))
        .map(|import| format!("{path}: {module} imports {import}"))
        .collect()
}

/// `src/triage/read/html.rs` → triage, read, html; nothing for `lib.rs` and `main.rs`.
fn module_path(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts = inner.split('/').map(str::to_string).collect::<Vec<_>>();
    if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// First names behind `root::` in `use` and in paths: `root::{a::x, b}` and `root::a::y()` give a and b.
fn children_of(root: &str, code: &str) -> BTreeSet<String> {
    let tight = tighten(code);
    let start = format!("{root}::");
    let begins = tight.match_indices(&start).filter(|(at, _)| starts_word(&tight, *at));
    begins.flat_map(|(at, _)| first_names(&tight[at + start.len()..])).collect()
}

/// No space around `::` and after `{`, so that every spelling of a path looks the same.
fn tighten(code: &str) -> String {
    let mut text = code.split_whitespace().collect::<Vec<_>>().join(" ");
    for mark in ["::", "{", ","] {
        text = text.replace(&format!(" {mark}"), mark).replace(&format!("{mark} "), mark);
    }
    text
}

fn first_names(tail: &str) -> Vec<String> {
    let Some(group) = tail.strip_prefix('{') else { return vec![identifier(tail)] };
    let mut names = vec![identifier(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(identifier(&group[at + 1..])),
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn starts_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(is_word)
}

fn impurities(code: &str) -> Vec<String> {
    let std = children_of("std", code).into_iter().filter(|name| IMPURE_STD.contains(&name.as_str()));
    let words = IMPURE_WORDS.iter().filter(|word| {
        let mut hits = code.match_indices(**word);
        hits.any(|(at, word)| starts_word(code, at) && !code[at + word.len()..].starts_with(is_word))
    });
    std.map(|name| format!("std::{name}")).chain(words.map(|word| word.to_string())).collect()
}

/// Name and length of each function that has a body, from the line of `fn` to that of its last brace.
fn functions(code: &str) -> Vec<(String, usize)> {
    let begins = code.match_indices("fn ").filter(|(at, _)| starts_word(code, *at));
    begins
        .filter_map(|(at, _)| {
            let name = identifier(code[at + 3..].trim_start());
            let end = item_end(code, at)?;
            let body = code[at..=end].ends_with('}') && !name.is_empty();
            body.then(|| (name, code[at..=end].lines().count()))
        })
        .collect()
}

/// Where the item that begins at `from` ends: at its `;` or at the brace that closes its first one.
fn item_end(code: &str, from: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0usize, 0usize);
    for (at, c) in code[from..].char_indices() {
        match c {
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            '{' => braces += 1,
            '}' if braces <= 1 => return Some(from + at),
            '}' => braces -= 1,
            ';' if braces == 0 && brackets == 0 => return Some(from + at),
            _ => {}
        }
    }
    None
}

fn panics(code: &str) -> Vec<String> {
    find_lines(code, &[".unwrap()", ".expect("])
}

fn unwanted(text: &str) -> Vec<String> {
    find_lines(text, NOWHERE)
}

fn find_lines(text: &str, words: &[&str]) -> Vec<String> {
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(n, line)| words.iter().filter(|w| line.contains(**w)).map(move |w| format!("{}: {w}", n + 1)))
        .collect()
}

/// Packs with rules but no templates, and templates that belong to no pack.
fn pack_problems(files: &[String]) -> Vec<String> {
    let packs_of = |top: &str| {
        let inside = files.iter().filter_map(|f| f.strip_prefix(top)?.strip_prefix('/'));
        inside.filter_map(|f| f.split_once('/')).map(|(pack, _)| pack.to_string()).collect::<BTreeSet<_>>()
    };
    let (rules, templates) = (packs_of("rules"), packs_of("templates"));
    let stray = files.iter().filter(|f| f.strip_prefix("templates/").is_some_and(|rest| !rest.contains('/')));
    let bare = rules.difference(&templates).map(|pack| format!("rules/{pack} has no templates"));
    let orphans = templates.difference(&rules).map(|pack| format!("templates/{pack} has no rules"));
    bare.chain(orphans).chain(stray.map(|f| format!("{f} belongs to no pack"))).collect()
}

fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or(0)
}

// ---- Rust text without what is not code ----

/// The code of a file: comments and literals blanked, test-only items taken out, every line where it was.
fn code_of(source: &str) -> String {
    without_tests(&blank_text(source))
}

/// Blanks every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut left = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let end = item_end(rest, at + MARK.len()).map_or(rest.len(), |end| end + 1);
        left.push_str(&rest[..at]);
        left.extend(rest[at..end].chars().filter(|c| *c == '\n'));
        rest = &rest[end..];
    }
    left + rest
}

/// Files that `path` declares as modules for tests only: `#[cfg(test)] mod name;`.
fn test_files(path: &str, source: &str) -> Vec<String> {
    let folder = match path.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let code = tighten(&blank_text(source));
    let declared = code.split("#[cfg(test)]").skip(1).filter_map(|rest| rest.trim_start().strip_prefix("mod "));
    let names = declared.filter(|rest| rest.trim_start_matches(is_word).starts_with(';')).map(identifier);
    names.map(|name| format!("{folder}/{name}.rs")).collect()
}

/// Blanks comments, strings and character literals; line ends stay.
fn blank_text(source: &str) -> String {
    let chars = source.chars().collect::<Vec<_>>();
    let mut code = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// The end of the comment or literal that begins at `at`, or `at` where none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => find_from(chars, at, "\n"),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => quoted_end(chars, at + 1, '"'),
        'r' if at == 0 || !is_word(chars[at - 1]) || chars[at - 1] == 'b' => raw_string_end(chars, at),
        // 'x' and '\n' are characters, 'a without a closing quote is a lifetime
        '\'' if next == Some('\\') => quoted_end(chars, at + 1, '\''),
        '\'' if chars.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn quoted_end(chars: &[char], mut at: usize, quote: char) -> usize {
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    (find_from(chars, at + 2 + hashes, &close) + close.len()).min(chars.len())
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') if depth == 1 => return at + 2,
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    chars.len()
}

fn find_from(chars: &[char], from: usize, text: &str) -> usize {
    let wanted = text.chars().collect::<Vec<_>>();
    (from..chars.len()).find(|at| chars[*at..].starts_with(&wanted)).unwrap_or(chars.len())
}

// ---- reading the tree ----

struct Source {
    /// From the top of the repository, with `/`.
    path: String,
    lines: usize,
    code: String,
}

/// All Rust files under `src` but those that hold only tests.
fn sources() -> Vec<Source> {
    let mut files = repository();
    files.retain(|path, _| path.starts_with("src/") && path.ends_with(".rs"));
    let only_tests = files.iter().flat_map(|(path, text)| test_files(path, text)).collect::<BTreeSet<_>>();
    files.retain(|path, _| !path.ends_with("tests.rs") && !path.contains("/tests/") && !only_tests.contains(path));
    assert!(files.len() > 10, "the scan found only {} source files", files.len());
    let source = |(path, text): (String, String)| Source { lines: text.lines().count(), code: code_of(&text), path };
    files.into_iter().map(source).collect()
}

/// Every file of the repository with its text, without what git ignores at the top.
fn repository() -> BTreeMap<String, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = fs::read_to_string(top.join(".gitignore")).unwrap();
    let mut skip = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect::<BTreeSet<_>>();
    skip.insert(".git");
    let mut files = BTreeMap::new();
    for entry in entries(top) {
        if !skip.contains(entry.file_name().unwrap().to_str().unwrap()) {
            collect(top, &entry, &mut files);
        }
    }
    files
}

fn collect(top: &Path, path: &Path, files: &mut BTreeMap<String, String>) {
    if path.is_dir() {
        entries(path).iter().for_each(|entry| collect(top, entry, files));
    } else {
        let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_string();
        files.insert(name, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn prefix(path: &str, findings: Vec<String>) -> Vec<String> {
    findings.into_iter().map(|finding| format!("{path}:{finding}")).collect()
}

fn none(problems: Vec<String>) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

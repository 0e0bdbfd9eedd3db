//! What the documents show is what the program does: commands, flags, output, keys and codes.
//!
//! A ```` ```console ```` block holds commands behind `$ ` and what they print; it is run in a folder of the document's
//! own, after a demo where the document has not run one itself. A line `…` means that lines are left out: then those
//! that are shown must be printed in that order. Configurations in the documents are loaded by `tests/config.rs`.
//!
//! With `UPDATE_EXPECTED=1` output is written into the documents instead of compared; read the diff before you commit.

#![allow(clippy::unwrap_used, reason = "a broken document is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const LEFT_OUT: &str = "…";
/// Lines of a shortened output are found again by so many words.
const KEY: usize = 2;
/// Keys with a closed list of values, all of which stand in the key's row.
const LISTED: &[&str] = &[
    "sections[].kind",
    "gate.verdict",
    "disposition",
    "route.kind",
    "route.authenticated",
    "actions[].kind",
    "actions[].template",
];

// ---- output ----

#[test]
fn output_in_the_documents_is_what_the_program_prints() {
    let mut shown = 0;
    for document in documents() {
        let original = read(&document);
        let mut text = original.clone();
        let console = Console::new(&document);
        for block in blocks(&text).into_iter().filter(|block| block.info == "console") {
            let (command, output) = block.text.split_once('\n').unwrap_or((&block.text, ""));
            let printed = console.run(command.strip_prefix("$ ").unwrap());
            let fresh = match output {
                "" => continue,
                _ if updating() => filled_in(output, &printed),
                _ => output.to_owned(),
            };
            shown += 1;
            text = text.replace(&block.text, &format!("{command}\n{fresh}"));
            if let Some(missing) = not_printed(&fresh, &printed) {
                panic!("{document}: `{command}` does not print\n{missing}\nbut\n{printed}");
            }
        }
        if text != original {
            fs::write(&document, text).unwrap();
        }
    }
    assert!(shown >= 4, "only {shown} outputs are shown");
}

#[test]
fn a_shown_line_that_is_not_printed_is_found() {
    let printed = "one\ntwo \nthree\n";
    for good in ["one\ntwo\nthree\n", "one\n…\nthree\n", "…\ntwo\n…\n"] {
        assert_eq!(not_printed(good, printed), None, "{good}");
    }
    for (bad, missing) in [("one\nthree\n", "one\nthree\n"), ("…\nfour\n", "four"), ("three\n…\none\n", "one")] {
        assert_eq!(not_printed(bad, printed).as_deref(), Some(missing));
    }
    assert_eq!(
        filled_in("11/20 07:42  old\n…\nlast\n", "11/20 07:42 new\nmiddle\nlast\n"),
        "11/20 07:42 new\n…\nlast\n"
    );
}

/// The part of `shown` that `printed` lacks; blanks at line ends and empty lines at the end do not count.
fn not_printed(shown: &str, printed: &str) -> Option<String> {
    let lines = |text: &str| text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    if !shown.lines().any(|line| line == LEFT_OUT) {
        return (lines(shown) != lines(printed)).then(|| shown.to_owned());
    }
    let printed = lines(printed);
    let mut rest = printed.iter();
    lines(shown).into_iter().filter(|line| line != LEFT_OUT).find(|line| !rest.any(|other| other == line))
}

/// `shown` with each line as it is printed now.
fn filled_in(shown: &str, printed: &str) -> String {
    if !shown.lines().any(|line| line == LEFT_OUT) {
        return printed.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    }
    let key = |line: &str| line.split_whitespace().take(KEY).map(str::to_owned).collect::<Vec<_>>();
    let fresh = |line: &str| {
        let wanted = key(line);
        printed.lines().find(|p| !wanted.is_empty() && key(p).starts_with(&wanted)).map(str::trim_end)
    };
    shown.lines().map(|line| format!("{}\n", fresh(line).unwrap_or(line))).collect()
}

/// With `UPDATE_EXPECTED=1` the drawing is written into the document.
#[test]
fn the_drawn_flow_is_that_of_the_pack() {
    let document = "docs/flows.md";
    let text = read(document);
    let shown = blocks(&text).into_iter().find(|block| block.info == "mermaid").unwrap();
    let drawn = Console::new(document).run("madoguchi flow show --mermaid biz-phone/trouble");
    if updating() {
        return fs::write(document, text.replace(&shown.text, &drawn)).unwrap();
    }
    assert_eq!(shown.text, drawn);
}

// ---- commands ----

#[test]
fn commands_in_the_documents_exist_with_their_flags() {
    let mut count = 0;
    for document in documents() {
        for block in blocks(&read(&document)) {
            for command in commands(&block) {
                count += 1;
                let problem = problem_of(&command);
                assert!(problem.is_none(), "{document}: `{}`: {}", command.join(" "), problem.unwrap());
            }
        }
    }
    assert!(count >= 20, "only {count} commands");
}

#[test]
fn commands_and_flags_that_do_not_exist_are_found() {
    let block = |info: &str, text: &str| Block { info: info.into(), text: text.into() };
    let found = commands(&block("sh", "ls\ncd x\nmadoguchi run --once # comment\n$ cargo run --release -- demo\n"));
    assert_eq!(found, [vec!["run", "--once"], vec!["demo"]]);
    assert_eq!(commands(&block("ini", "User=x\nExecStart=/usr/bin/madoguchi check -c x\n")), [["check", "-c", "x"]]);
    assert!(commands(&block("text", "madoguchi run")).is_empty());
    for bad in [&["walk"][..], &["run", "--twice"], &["explain", "--jso"], &[]] {
        assert!(problem_of(&bad.iter().map(|word| word.to_string()).collect::<Vec<_>>()).is_some(), "{bad:?}");
    }
}

/// What a shell block runs of ours: the words behind `madoguchi`.
fn commands(block: &Block) -> Vec<Vec<String>> {
    let prefixes: &[&str] = match block.info.as_str() {
        "sh" => &["", "$ "],
        "console" => &["$ "],
        "ini" => &["ExecStart="],
        _ => &[],
    };
    let lines = block.text.lines().map(|line| line.split(" #").next().unwrap_or(line));
    lines.filter_map(|line| words(prefixes.iter().rev().find_map(|prefix| line.strip_prefix(prefix))?)).collect()
}

/// None if the command is not ours.
fn words(line: &str) -> Option<Vec<String>> {
    let words: Vec<&str> = line.split_whitespace().take_while(|word| !["|", "&&", ">"].contains(word)).collect();
    let rest = match words.as_slice() {
        ["cargo", "run", "--release", "--", rest @ ..] | ["cargo", "run", "--", rest @ ..] => rest,
        [program, rest @ ..] if program.rsplit('/').next() == Some("madoguchi") => rest,
        _ => return None,
    };
    Some(rest.iter().map(|word| word.to_string()).collect())
}

fn problem_of(command: &[String]) -> Option<String> {
    let Some((subcommand, rest)) = command.split_first() else { return Some("no subcommand".into()) };
    // `register import` has flags of its own.
    let inner = rest.iter().take(1).filter(|word| !word.starts_with('-')).cloned();
    let asked: Vec<String> = std::iter::once(subcommand.clone()).chain(inner).chain(["--help".into()]).collect();
    let help = madoguchi(Path::new("."), "C", &asked);
    if !help.status.success() {
        return Some("no such subcommand".into());
    }
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<&str> = help.split(|c: char| c.is_whitespace() || c == ',').collect();
    let unknown = rest.iter().find(|word| word.len() > 1 && word.starts_with('-') && !known.contains(word.as_str()));
    unknown.map(|flag| format!("no flag {flag}"))
}

// ---- the contract of explain --json ----

#[test]
fn the_contract_lists_the_keys_that_are_printed() {
    let contract = read("docs/explain-json.md");
    let documented: BTreeSet<String> = codes(section(&contract, "Keys")).into_keys().collect();
    let mut printed = BTreeMap::new();
    for object in objects() {
        collect("", &object, &mut printed);
    }
    let found: BTreeSet<String> = printed.keys().cloned().collect();
    assert_eq!(found, documented, "printed (left) and documented (right) keys differ");
    let rows = codes(section(&contract, "Keys"));
    for key in LISTED {
        for value in printed[*key].iter().filter_map(Value::as_str) {
            assert!(rows[*key].contains(&format!("`{value}`")), "{key}: {value} is not documented");
        }
    }
}

#[test]
fn keys_are_collected_through_objects_and_arrays() {
    let mut found = BTreeMap::new();
    collect("", &serde_json::json!({"a": {"b": 1}, "c": [{"d": null}], "e": ["x"]}), &mut found);
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["a", "a.b", "c", "c[].d", "e"]);
    let table = "## Keys\n| key | |\n|---|---|\n| `a.b` | x |\nno `row`\n## Else\n| `c` |\n";
    assert_eq!(codes(section(table, "Keys")).into_keys().collect::<Vec<_>>(), ["a.b"]);
}

/// Codes stand as literals in the sources.
#[test]
fn the_contract_lists_every_reason_and_oddity() {
    let contract = read("docs/explain-json.md");
    let documented = |heading| codes(section(&contract, heading)).into_keys().collect::<BTreeSet<String>>();
    let mut reasons = literals_behind("reason(", &read("src/triage/verdict.rs"));
    reasons.extend(literals_behind("reason(", &read("src/triage/doubt.rs")));
    reasons.extend(literals_behind("reason(", &read("src/triage/dialogue.rs")));
    reasons.extend(literals_behind("reason(", &read("src/triage/urgent.rs")));
    let rules = literals_behind("(", section_of(&read("src/triage/gate/mod.rs"), "const RULES", "];"));
    assert!(rules.len() > 20);
    reasons.extend(rules.iter().map(|rule| format!("gate-{rule}")));
    assert_eq!(reasons, documented("Reason codes"), "sources (left) and document (right) differ");
    let mut oddities = literals_behind("Oddity { code: ", &read("src/triage/mod.rs"));
    oddities.extend(literals_behind(": &str = ", &read("src/triage/form.rs")));
    for file in files(Path::new("src/triage/read")) {
        let source = read(file.to_str().unwrap());
        let source = source.split("#[cfg(test)]").next().unwrap();
        oddities.extend(
            ["serious(", "mild(", "pub const TEXT_CUT: &str = "].iter().flat_map(|call| literals_behind(call, source)),
        );
    }
    assert_eq!(oddities, documented("Oddities"), "sources (left) and document (right) differ");
}

#[test]
fn literals_are_found_behind_a_call_also_on_its_next_line() {
    let source = "f(\"a\", x) f(\n    \"b\") f(y) g(\"c\")";
    assert_eq!(literals_behind("f(", source), ["a", "b"].map(String::from).into());
}

#[test]
fn the_contract_shows_a_real_object() {
    let document = "docs/explain-json.md";
    let text = read(document);
    let found = blocks(&text);
    let at = found.iter().position(|block| block.info == "json").unwrap();
    let command = found[at - 1].text.trim_start_matches("$ ").trim_end();
    let printed: Value = serde_json::from_str(&Console::new(document).run(command)).unwrap();
    if updating() {
        let fresh = serde_json::to_string_pretty(&printed).unwrap();
        return fs::write(document, text.replace(&found[at].text, &format!("{fresh}\n"))).unwrap();
    }
    let mut shown: Value = serde_json::from_str(&found[at].text).unwrap();
    // It changes with every edit of the pack, and says nothing to readers.
    shown["made_with"]["rules_hash"] = printed["made_with"]["rules_hash"].clone();
    assert_eq!(shown, printed);
}

/// A desk that alerts staff by command.
const PHONE: &str = r#"
[store]
path = "phone.db"
[[desk]]
id = "phone"
name = "窓口"
address = "support@desk.example"
pack = "biz-phone"
authentication = "off"
alert_command = ["page"]
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.departments]
sales = { name = "営業窓口", contact = "sales@desk.example" }
"#;

/// Objects with every key there is: the demo's mails as desks with drafts and folders see them, odd mails, a file
/// that is not there, urgent mail.
fn objects() -> Vec<Value> {
    let console = Console::new("");
    console.run("madoguchi demo");
    let config = console.folder.path().join("madoguchi-demo/madoguchi.toml");
    let plain = fs::read_to_string(&config).unwrap();
    let folders = plain.replace("[desk.mailbox]", "[desk.folders]\nauto = \"done\"\n\n[desk.mailbox]");
    let drafts = folders.replace("register =", "drafts = \"review\"\nregister =");
    assert!(folders != plain && drafts != folders);
    fs::write(&config, drafts).unwrap();
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let odd: Vec<PathBuf> = files(&odd).into_iter().filter(|f| f.extension().is_some_and(|e| e == "eml")).collect();
    let odd: Vec<&str> = odd.iter().map(|file| file.to_str().unwrap()).collect();
    let seen = "madoguchi explain --json -c madoguchi-demo/madoguchi.toml madoguchi-demo/Maildir/new no-such-file";
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let claim = ["claim.eml", "cancel.eml", "stolen.eml"].map(|name| folder.join(name).display().to_string()).join(" ");
    let claim = format!("madoguchi explain --json --pack biz-phone {claim}");
    fs::write(console.folder.path().join("phone.toml"), PHONE).unwrap();
    let stolen = format!("madoguchi explain --json -c phone.toml {}", folder.join("stolen.eml").display());
    let printed = console.run(&format!("{seen} {}", odd.join(" "))) + &console.run(&claim) + &console.run(&stolen);
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every key below `value` as a path (`a.b`, `c[].d`) with its values.
fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                found.entry(path.clone()).or_default().push(value.clone());
                collect(&path, value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(&format!("{path}[]"), item, found)),
        _ => {}
    }
}

/// First cells of table rows that are one code, with the whole row.
fn codes(text: &str) -> BTreeMap<String, &str> {
    let row = |line| Some((str::strip_prefix(line, "| `")?.split_once("` |")?.0.to_owned(), line));
    text.lines().filter_map(row).collect()
}

/// The text below `## heading`.
fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    section_of(text, &format!("\n## {heading}\n"), "\n## ")
}

fn section_of<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let text = text.split_once(from).or_else(|| text.split_once(from.trim_start())).unwrap().1;
    text.split(to).next().unwrap()
}

/// String literals that come right behind `call`.
fn literals_behind(call: &str, source: &str) -> BTreeSet<String> {
    let arguments = source.split(call).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"'));
    arguments.map(|literal| literal.split('"').next().unwrap().to_owned()).collect()
}

// ---- the two readmes, and what documents point to ----

#[test]
fn both_readmes_say_the_same() {
    let outline = |file: &str| {
        let text = read(file);
        let headings = text.lines().filter(|line| line.starts_with('#')).map(|l| l.split(' ').next().unwrap().len());
        let blocks = blocks(&text).into_iter().map(|block| match block.info.as_str() {
            "console" => block.text.lines().next().unwrap_or_default().to_owned(),
            _ => block.text,
        });
        (headings.collect::<Vec<_>>(), blocks.collect::<Vec<_>>(), text.matches("\n- ").count())
    };
    assert_eq!(outline("README.md"), outline("README.ja.md"));
}

#[test]
fn everything_the_documents_point_to_exists() {
    for document in documents() {
        let missing = pointers(&read(&document)).into_iter().filter(|path| {
            let folder = if path.starts_with("./") { Path::new(&document).parent().unwrap() } else { Path::new("") };
            !folder.join(path).exists()
        });
        assert_eq!(missing.collect::<Vec<_>>(), [""; 0], "{document}");
    }
}

#[test]
fn pointers_are_links_and_paths_of_the_repository() {
    let text = "[a](rules.md) [b](rules.md#c) [d](https://e) [f](#g) `src/lib.rs` `src/{a,b}.rs` `tests/x y` `a/b`\n";
    assert_eq!(pointers(text), ["./rules.md", "./rules.md", "src/lib.rs", "src/a.rs", "src/b.rs"]);
}

/// Targets of links (from the document's folder: `./…`) and paths in backticks (from the top).
fn pointers(text: &str) -> Vec<String> {
    let links = text.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap());
    let links = links.filter(|link| !link.is_empty() && !link.contains("://")).map(|link| format!("./{link}"));
    let tops = ["src/", "tests/", "docs/", "scripts/"];
    let paths = text.split('`').skip(1).step_by(2);
    let paths = paths.filter(|path| tops.iter().any(|top| path.starts_with(top)) && !path.contains([' ', '<', '*']));
    links.chain(paths.flat_map(alternatives)).collect()
}

/// `a/{b,c}.rs`: `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?))) {
        Some((head, (middle, tail))) => middle.split(',').map(|name| format!("{head}{name}{tail}")).collect(),
        None => vec![path.to_owned()],
    }
}

// ---- helpers ----

fn documents() -> Vec<String> {
    let mut found = vec!["README.md".to_owned(), "README.ja.md".to_owned()];
    found.extend(files(Path::new("docs")).iter().map(|file| file.to_str().unwrap().to_owned()));
    assert!(found.len() >= 7, "{found:?}");
    found
}

fn read(file: &str) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The files of a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_file());
    found.sort();
    found
}

fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECTED").is_some()
}

/// A fenced block.
struct Block {
    info: String,
    text: String,
}

fn blocks(text: &str) -> Vec<Block> {
    let fenced = text.split("\n```").skip(1).step_by(2);
    let block = |block: &str| {
        let (info, text) = block.split_once('\n').unwrap();
        Block { info: info.to_owned(), text: format!("{text}\n") }
    };
    fenced.map(block).collect()
}

/// Where a document's commands are run.
struct Console {
    folder: TempDir,
    locale: &'static str,
}

impl Console {
    fn new(document: &str) -> Console {
        let locale = if document.ends_with(".ja.md") { "ja_JP.UTF-8" } else { "C.UTF-8" };
        Console { folder: TempDir::new().unwrap(), locale }
    }

    /// What the command prints.
    fn run(&self, command: &str) -> String {
        let command = words(command).unwrap_or_else(|| panic!("not our command: {command}"));
        let is_demo = command.first().is_some_and(|first| first == "demo");
        if !is_demo && !self.folder.path().join("madoguchi-demo").exists() {
            self.run("madoguchi demo");
        }
        let output = madoguchi(self.folder.path(), self.locale, &command);
        String::from_utf8(output.stdout).unwrap()
    }
}

fn madoguchi(folder: &Path, locale: &str, arguments: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    command.current_dir(folder).env_remove("LC_MESSAGES").env("LC_ALL", locale).env("COLUMNS", "100");
    command.args(arguments).output().unwrap()
}

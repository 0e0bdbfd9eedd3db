//! The tools for people who write rules: `test`, `eval`, `check --pack` and `explain --why-not`, each run on a copy of the
//! small pack with something wrong put in.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// The small pack, with these lines behind its rules.
fn pack(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new("tests/packs"), folder.path());
    let rules = folder.path().join("rules/mini/rules.toml");
    let text = fs::read_to_string(&rules).unwrap();
    fs::write(&rules, text + "\n" + more).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        match entry.is_dir() {
            true => copy(&entry, &target),
            false => drop(fs::copy(&entry, &target).unwrap()),
        }
    }
}

fn run(folder: &TempDir, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    command.args(args).current_dir(folder.path()).env("LC_ALL", "C").output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

/// Each of these stands in the text, in this order.
fn shows(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for piece in wanted {
        let at = rest.find(piece).unwrap_or_else(|| panic!("no {piece:?} in\n{rest}\nof\n{text}"));
        rest = &rest[at + piece.len()..];
    }
}

const RIGHT: &str = r#"
[[test]]
name = "a procedure"
body = "設定の手順を教えてください。"
disposition = "auto"
scopes = ["how"]
template = "answer"
route = "direct"

[[test]]
name = "a quoted matter does not vote, and at night nothing goes out"
at = 2026-11-20T22:00:00+09:00
body = "設定の手順を教えてください。"
quoted = "見積をお願いします。"
scopes = ["how"]
reason = "out-of-hours"
reply_at = 2026-11-24T10:00:00+09:00

[[test]]
name = "a file"
customer = "partner"
file = "mail.eml"
template = "redirect"
"#;

#[test]
fn a_pack_that_keeps_its_word_is_right() {
    let folder = pack(RIGHT);
    let mail = "From: a@b.example\r\nSubject: x\r\n\r\n設定の手順を教えてください。\r\n";
    fs::write(folder.path().join("rules/mini/mail.eml"), mail).unwrap();
    let output = run(&folder, &["test", "rules/mini"]);
    shows(&printed(&output), &["mini: 24 checked (Right 24, Missing 0, Noisy 0, Wrong 0)"]);
    assert!(output.status.success());
}

#[test]
fn the_packs_of_the_program_keep_their_word() {
    let output = run(&tempfile::tempdir().unwrap(), &["test", "--language", "en"]);
    let text = printed(&output);
    shows(&text, &["biz-phone: ", "Missing 0, Noisy 0, Wrong 0", "optim-biz: ", "Missing 0, Noisy 0, Wrong 0"]);
    assert!(output.status.success());
}

const BROKEN: &str = r#"
[[rule]]
id = "broken"
clause = "how"
score = 2.5
any = ["設置"]
examples = ["装置を置きます。", "設置と訪問と見積。"]
counterexamples = ["設置しました。"]

[[test]]
name = "more is found"
body = "設定の手順を教えてください。見積をお願いします。"
scopes = ["how"]

[[test]]
name = "less is found"
body = "設定の手順を教えてください。"
scopes = ["how", "buy"]

[[test]]
name = "something else is found"
body = "設定の手順を教えてください。"
disposition = "hold"
scopes = ["buy"]

[[test]]
name = "no such file"
file = "gone.eml"
scopes = []
"#;

#[test]
fn what_is_not_kept_is_shown_with_its_line() {
    let folder = pack(BROKEN);
    let output = run(&folder, &["test", "rules/mini"]);
    let text = printed(&output);
    shows(
        &text,
        &[
            "Missing rules/mini/rules.toml:94 broken: silent on its example 「装置を置きます。」",
            "Noisy rules/mini/rules.toml:94 broken: buy takes its example: 「設置と訪問と見積。」",
            "Noisy rules/mini/rules.toml:95 broken: applies to its counterexample",
            "Noisy rules/mini/rules.toml:98 more is found: scopes: wanted how, found buy how",
            "Missing rules/mini/rules.toml:103 less is found: scopes: wanted how buy, found how",
            "Wrong rules/mini/rules.toml:108 something else is found: disposition: wanted hold, found auto (clear); scopes",
            "Wrong rules/mini/rules.toml:114 no such file: cannot read rules/mini/gone.eml",
            "Missing 2, Noisy 3, Wrong 2)",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let json = printed(&run(&folder, &["test", "--json", "rules/mini"]));
    let lines: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let wrong = lines.iter().filter(|line| line["outcome"] != "Right");
    assert_eq!(wrong.count(), 7);
}

const CORPUS: &str = r#"
{"id": "a", "pack": "mini", "subject": "", "body": "設定の手順を教えてください。", "scopes": ["how"], "conduct": []}
{"id": "b", "pack": "mini", "subject": "見積", "body": "", "scopes": ["how"], "accept": [["buy"]], "conduct": []}
{"id": "c", "pack": "mini", "subject": "", "body": "訪問をお願いします。", "scopes": ["how"], "conduct": []}
{"id": "d", "pack": "mini", "subject": "", "body": "殴り込みに行くぞ。", "scopes": [], "conduct": ["threat"]}
{"id": "e", "pack": "mini", "subject": "Re: x", "body": "天気の話です。", "quoted": "見積をお願いします。", "scopes": [], "unclear": true, "conduct": []}
{"id": "f", "pack": "mini", "subject": "", "body": "つぶすぞ。設定の手順を教えてください。", "scopes": ["how"], "conduct": ["threat"]}
"#;

#[test]
fn eval_counts_what_is_right() {
    let folder = pack("");
    fs::write(folder.path().join("mails.jsonl"), CORPUS).unwrap();
    let text = printed(&run(&folder, &["eval", "--pack", "rules/mini", "mails.jsonl"]));
    let figures = "\
messages        6
exact           2/3 = 66.7%
  single        2/3 = 66.7%
  compound      none
coverage        3/4 = 75.0%
auto-right      2/3 = 66.7%
false-decline   none
unclear guessed 0/1 = 0.0%
conduct recall  1/2 = 50.0%   precision 1/1 = 100.0%
conduct clause  1/1 = 100.0%
conduct answered automatically 1/2 = 50.0%
accused         0/4 = 0.0%
clause      precision  recall
buy             0.0%     0.0%   (0)
how           100.0%    33.3%   (3)
visit           0.0%     0.0%   (0)
";
    shows(
        &text,
        &[
            figures,
            "how                2      1",
            "\nf: wanted threat how, found how (auto",
            "\nc: wanted how, found visit (auto",
        ],
    );
    let json = printed(&run(&folder, &["eval", "--json", "--pack", "rules/mini", "mails.jsonl"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["figures"]["exact"]["part"], &json["figures"]["exact"]["whole"]), (&2.into(), &3.into()));
    assert_eq!(json["worst"][0]["id"], "f");
}

#[test]
fn eval_refuses_what_is_no_corpus_of_the_pack() {
    let folder = pack("");
    for (corpus, said) in [
        ("{\"id\": 1}", "mails.jsonl:1: not a labelled mail"),
        (&CORPUS.replace("mini", "other"), "mails.jsonl:2: a mail of pack other, not mini"),
        ("\n", "no mails"),
    ] {
        fs::write(folder.path().join("mails.jsonl"), corpus).unwrap();
        let output = run(&folder, &["eval", "--pack", "rules/mini", "mails.jsonl"]);
        shows(&printed(&output), &[said]);
        assert_eq!(output.status.code(), Some(1));
    }
}

const CLUMSY: &str = r#"
[[rule]]
id = "clumsy"
clause = "how"
score = 1.0
any = ["スマートフォンの初期化", "@device", "iPhone端末", "ｉｐｈｏｎｅ端末", "topic"]
none = ["pi"]

[[rule]]
id = "dead"
clause = "how"
score = 1.0
all = [["ご来社", "ご来訪"], ["いつ"]]
none = ["来社", "/ご来訪/", "来訪"]

[[rule]]
id = "visit-again"
clause = "visit"
score = 1.0
any = ["訪問"]
"#;

#[test]
fn check_finds_words_and_rules_that_do_nothing() {
    let folder = pack(CLUMSY);
    fs::write(folder.path().join("mails.jsonl"), CORPUS).unwrap();
    let output = run(&folder, &["check", "--pack", "rules/mini", "--corpus", "mails.jsonl"]);
    let warnings = String::from_utf8(output.stderr.clone()).unwrap();
    shows(
        &warnings,
        &[
            "`スマートフォンの初期化` is never needed: `スマートフォン` of the same list",
            "`iphone端末` is never needed: `端末`",
            "`iphone端末` is never needed",
            "rule `dead` can never apply",
            "rule `visit-again` asks for the same as another one",
            "first at rules/mini/rules.toml:39",
        ],
    );
    assert!(!warnings.contains("`topic`"), "{warnings}");
    let text = String::from_utf8(output.stdout).unwrap();
    shows(&text, &["rules/mini/rules.toml:2: `端末` is in no mail", "never applied:", "server-fault", "dead"]);
    assert!(!text.contains("`見積` is in no mail") && output.status.success(), "{text}");
}

#[test]
fn the_miss_is_explained_with_changes_that_help() {
    let folder = pack("");
    for (clause, mail, wanted) in [
        (
            "fault",
            "サーバーが購入した翌日に落ちます。",
            &["fault: 0.0 (needs 2.0)", "server-fault +2.5 stopped by 購入", "server-fault: take out of none: 購入"][..],
        ),
        (
            "fault",
            "端末が遅いです。設定の手順を教えてください。",
            &[
                "found      how 2.5",
                "server-fault +2.5 lacked one of [落ちます, 動きません, /エラー ?[0-9]+/]",
                "add a word of the sentence",
            ],
        ),
        (
            "fault",
            "充電はできますが、しばらくするとまた切れます。",
            &["battery +2.5 words too far apart: 20", "no single change"],
        ),
        (
            "visit",
            "訪問と見積のお願いです。",
            &["visit: 2.5", "found      buy 3.0", "visit +2.5 fired", "visit: score 2.5 → 4"],
        ),
        ("threat", "天気です。", &["nothing", "none came near", "no single change"]),
        ("how", "手順を教えてください。", &["found, too"]),
    ] {
        fs::write(folder.path().join("mail.eml"), format!("From: a@b.example\r\n\r\n{mail}\r\n")).unwrap();
        let output = run(&folder, &["explain", "--pack", "rules/mini", "--why-not", clause, "mail.eml"]);
        shows(&printed(&output), wanted);
    }
    let output = run(&folder, &["explain", "--pack", "rules/mini", "--why-not", "hwo", "mail.eml"]);
    shows(&printed(&output), &["pack mini has no clause hwo"]);
}

/// Labelled mails that no rule of the small pack understands: what each asks, and its words.
const TAUGHT: [(&str, &str); 12] = [
    ("how", "画面の開きかたが分かりません。"),
    ("how", "開きかたを示した資料はありませんか。"),
    ("how", "印刷のしかたが分かりません。"),
    ("how", "しかたが分からず困っています。"),
    ("how", "入力のしかたを知りたいです。"),
    ("how", "画面の切り替えかたが分かりません。"),
    ("visit", "技術の人に会社まで来てもらえますか。"),
    ("visit", "営業所まで来てもらいたいです。"),
    ("visit", "支店に来てもらえると助かります。"),
    ("visit", "一度こちらへ来てもらえますか。"),
    ("visit", "店まで来てもらうことはできますか。"),
    ("visit", "来週、社まで来てもらえないでしょうか。"),
];

/// Two files of labelled mails: each teaches what the other asks.
fn teach(folder: &TempDir) {
    for file in ["a", "b"] {
        let record = |(n, (scope, body)): (usize, &(&str, &str))| {
            format!(
                r#"{{"id":"{file}{n}","pack":"mini","subject":"","body":"{body}","scopes":["{scope}"],"conduct":[]}}"#
            )
        };
        let lines: Vec<String> = TAUGHT.iter().enumerate().map(record).collect();
        fs::write(folder.path().join(format!("{file}.jsonl")), lines.join("\n")).unwrap();
    }
}

const FIT: [&str; 7] = ["fit", "--pack", "rules/mini", "--right", "0.8", "a.jsonl", "b.jsonl"];

#[test]
fn what_no_rule_knows_is_learned_and_the_same_mails_teach_the_same() {
    let folder = pack("");
    teach(&folder);
    let weights = folder.path().join("rules/mini/weights.toml");
    let before = printed(&run(&folder, &["eval", "--pack", "rules/mini", "a.jsonl"]));
    shows(&before, &["exact           0/12 = 0.0%"]);
    let output = run(&folder, &FIT);
    assert!(output.status.success(), "{}", printed(&output));
    let first = fs::read(&weights).unwrap();
    let after = printed(&run(&folder, &["eval", "--pack", "rules/mini", "a.jsonl"]));
    shows(&after, &["exact           12/12 = 100.0%", "coverage        12/12 = 100.0%"]);
    fs::write(folder.path().join("mail.eml"), "From: a@b.example\r\nSubject: x\r\n\r\nしかたが分かりません。\r\n")
        .unwrap();
    let output = run(&folder, &["explain", "--pack", "rules/mini", "--why-not", "buy", "mail.eml"]);
    assert!(output.status.success(), "{}", printed(&output));
    // What was written before teaches nothing.
    assert!(run(&folder, &FIT).status.success());
    assert!(fs::read(&weights).unwrap() == first, "the same mails gave another file");
}

/// Names are learned for each file from the others: there were none, and it never ended.
#[test]
fn a_flow_learns_from_a_single_file_and_from_two() {
    let folder = tempfile::tempdir().unwrap();
    let all = include_str!("corpus/dev/biz-phone-dialogues.jsonl");
    for (file, skipped) in [("a.jsonl", 0), ("b.jsonl", 10)] {
        let lines: Vec<&str> = all.lines().skip(skipped).take(10).collect();
        fs::write(folder.path().join(file), lines.join("\n")).unwrap();
    }
    for files in [&["a.jsonl"][..], &["a.jsonl", "b.jsonl"]] {
        let output = run(&folder, &[&["flow", "fit", "--out", "w.toml", "biz-phone/trouble"][..], files].concat());
        assert!(output.status.success(), "{}", printed(&output));
        shows(
            &fs::read_to_string(folder.path().join("w.toml")).unwrap(),
            &["[names]\n\"", "[answers]\n\"", "[outcomes]\n\""],
        );
    }
}

#[test]
fn a_dry_run_of_fit_writes_nothing() {
    let folder = pack("");
    teach(&folder);
    let output = run(&folder, &["fit", "--pack", "rules/mini", "--dry-run", "a.jsonl", "b.jsonl"]);
    shows(&printed(&output), &["Learned from 24 mails", "terms alone", "rules alone"]);
    assert!(output.status.success());
    assert!(!folder.path().join("rules/mini/weights.toml").exists());
}

#[test]
fn fit_says_what_it_cannot_learn_from() {
    let folder = pack("");
    let record = r#"{"id":"x","pack":"mini","subject":"","body":"y","scopes":["nothing"],"conduct":[]}"#;
    fs::write(folder.path().join("a.jsonl"), record).unwrap();
    let output = run(&folder, &["fit", "--pack", "rules/mini", "--dry-run", "a.jsonl"]);
    shows(&printed(&output), &["a: x: the pack has no clause nothing"]);
    let output = run(&folder, &["fit", "--pack", "optim-biz", "a.jsonl"]);
    shows(&printed(&output), &["optim-biz is no folder: say --out FILE or --dry-run"]);
}

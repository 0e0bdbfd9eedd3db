//! Mail decided again by changed rules: nothing changes where the rules did not, and exactly what they changed is shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

use crate::site::{Desk, Kind, Site, mail};
use crate::tool::{Said, tool, tool_in};

/// Those of the first mails.
const CUSTOMERS: &str = r#"
[[customer]]
id = "c-0"
name = "第一商会"
domains = ["firm0.example", "firm3.example"]
[[customer]]
id = "c-1"
name = "第二商会"
domains = ["firm1.example"]
"#;

/// A desk on a Maildir with a folder for answers that has worked off these mails.
fn worked_off(mails: impl IntoIterator<Item = Vec<u8>>) -> Site {
    let site = Site::new(&[]);
    let (maildir, sent) = (site.path("Maildir"), site.path("sent"));
    let mailbox = format!("kind = \"maildir\"\npath = \"{}\"", maildir.display());
    let outbox = format!("kind = \"folder\"\npath = \"{}\"", sent.display());
    site.configure(&[Desk::new("desk", mailbox, outbox).keys("register = \"register.toml\"")]);
    site.write("register.toml", CUSTOMERS);
    ["cur", "new", "tmp"].iter().for_each(|name| fs::create_dir_all(maildir.join(name)).unwrap());
    for (n, mail) in mails.into_iter().enumerate() {
        fs::write(maildir.join(format!("new/{n:04}.desk")), mail).unwrap();
    }
    site.once();
    site
}

const KINDS: [Kind; 6] = [Kind::HowTo, Kind::Purchase, Kind::Unclear, Kind::Doubtful, Kind::Threat, Kind::Robot];

fn one_of_each_kind() -> Site {
    worked_off(KINDS.iter().enumerate().map(|(n, kind)| mail(n, *kind)))
}

/// Replaces words of a rules file.
fn change(site: &Site, from: &str, to: &str) {
    let file = site.path("rules/mini/rules.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(file, text.replace(from, to)).unwrap();
}

/// Outcomes of the changed mails, as they are listed.
fn changed(said: &Said) -> Vec<(String, String)> {
    let outcome = |value: &Value| value["outcome"].as_str().unwrap().to_owned();
    said.json().iter().map(|mail| (outcome(&mail["before"]), outcome(&mail["after"]))).collect()
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => drop(found.insert(entry.display().to_string(), fs::read(&entry).unwrap())),
        }
    }
    found
}

#[test]
fn a_day_with_queue_cases_and_dialogue_decided_again_by_the_same_rules_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_madoguchi")).args(words).current_dir(folder.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["demo"]);
    let period = ["--from", "2026-11-01T00:00Z", "--until", "2026-12-01T00:00Z", "--fail-on-change"];
    let of_the_demo = [&["replay", "-c", "madoguchi-demo/madoguchi.toml"], &period[..]].concat();
    let said = run(&of_the_demo);
    assert!(said.starts_with("demo: 42 mails decided again, would change 0 (0.0 %)"), "{said}");
}

#[test]
fn every_mail_of_the_collection_decided_again_by_the_same_rules_stays_as_it_was() {
    let collection = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mails = fs::read_dir(collection).unwrap().map(|entry| entry.unwrap().path());
    let mails = mails.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    let mails: Vec<Vec<u8>> = mails.map(|path| fs::read(path).unwrap()).collect();
    let count = mails.len();
    assert!(count > 80, "only {count} mails");
    let site = worked_off(mails);
    let said = tool(&site, &["replay", "--fail-on-change"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.starts_with(&format!("desk: {count} mails decided again, would change 0")), "{}", said.out);
}

#[test]
fn a_changed_rule_shows_exactly_the_mails_it_changes_refused_ones_first_and_writes_nothing() {
    let site = one_of_each_kind();
    let before = (site.rows(), files(&site.path("sent")), files(&site.path("Maildir")));
    // 手順 is now a matter of the sales desk, and nobody is threatened any more.
    change(&site, "clause = \"how\"\nscore = 2.5", "clause = \"buy\"\nscore = 9.0");
    change(&site, "[\"殴り込み\"]", "[\"果たし合い\"]");
    change(&site, "examples = [\"殴り込みに行くぞ。\"]", "examples = [\"果たし合いだ。\"]");
    let said = tool(&site, &["replay", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    assert_eq!(changed(&said), [pair("answer", "refuse"), pair("review", "refuse"), pair("hold", "review")]);
    let first = &said.json()[0];
    assert_eq!((first["newly"].as_str(), first["sender"].as_str()), (Some("refused"), Some("k…@firm0.example")));
    assert_eq!((first["before"]["rule"].as_str(), first["after"]["rule"].as_str()), (Some("how-to"), Some("how-to")));
    assert_eq!(first["after"]["scopes"], serde_json::json!(["buy"]));

    let text = tool(&site, &["replay", "--limit", "1", "--fail-on-change"]);
    assert_eq!(text.code, Some(1));
    for line in ["answer                         1 →       0", "mado-buy                       1 →       3", "2 more"]
    {
        assert!(text.out.contains(line), "{line}: {}", text.out);
    }
    assert!(text.out.contains("newly refused") && !text.out.contains("kyaku@"), "{}", text.out);
    let japanese = tool_in("ja_JP.UTF-8", &site, &["replay"]);
    assert!(japanese.out.contains("新たに対象外"), "{}", japanese.out);
    assert_eq!((site.rows(), files(&site.path("sent")), files(&site.path("Maildir"))), before);
}

#[test]
fn other_words_in_a_template_are_a_change_and_other_rules_can_lie_elsewhere() {
    let site = one_of_each_kind();
    let there = site.path("new");
    fs::create_dir(&there).unwrap();
    for folder in ["rules", "templates"] {
        assert!(Command::new("cp").arg("-r").arg(site.path(folder)).arg(&there).status().unwrap().success());
    }
    let template = there.join("templates/mini/answer.txt");
    let words = fs::read_to_string(&template).unwrap();
    fs::write(&template, format!("拝啓\n{words}")).unwrap();
    assert_eq!(changed(&tool(&site, &["replay", "--json"])), []);
    let rules = there.join("rules");
    let said = tool(&site, &["replay", "--json", "--rules", rules.to_str().unwrap()]);
    assert!(changed(&said).len() == 2, "{said:?}");
    assert!(said.json().iter().all(|mail| mail["changes"] == serde_json::json!(["words"])), "{}", said.out);
}

#[test]
fn the_world_of_then_counts_and_not_that_of_now() {
    let site = one_of_each_kind();
    site.write("register.toml", "");
    let notice = ["notice", "start", "interruption", "--from", "2020-01-01T00:00Z", "--text", "休止中です。"];
    assert_eq!(tool(&site, &notice).code, Some(0));
    assert_eq!(changed(&tool(&site, &["replay", "--json"])), []);
}

#[test]
fn what_cannot_be_had_back_is_told_and_no_failure() {
    let site = one_of_each_kind();
    {
        let store = Connection::open(site.path("state/store.db")).unwrap();
        store
            .execute_batch(
                "DELETE FROM raw WHERE mail_id = 1; UPDATE mail SET kept = 1 WHERE id = 1;
                 UPDATE decision SET circumstances = NULL WHERE mail_id = 2;
                 UPDATE mail SET state = 'quarantined' WHERE id = 3;",
            )
            .unwrap();
    }
    let said = tool(&site, &["replay", "--json"]);
    let skipped: Vec<_> = said.json().iter().map(|mail| (mail["mail"].clone(), mail["skipped"].clone())).collect();
    assert_eq!(skipped, [("1".into(), "not-kept".into()), ("2".into(), "no-circumstances".into())]);
    let text = tool(&site, &["replay", "--fail-on-change"]);
    assert_eq!(text.code, Some(0));
    let told = [
        "desk: 3 mails",
        "1 not decided again: not kept",
        "1 not decided again: of an older",
        "1 not decided again: und",
    ];
    assert!(told.iter().all(|line| text.out.contains(line)), "{}", text.out);
    let none = tool(&site, &["replay", "--until", "2020-01-01T00:00Z"]);
    assert!(none.out.starts_with("desk: 0 mails"), "{}{}", none.out, none.err);
    assert_eq!(tool(&site, &["replay", "--rules", "nowhere"]).code, Some(1));
}

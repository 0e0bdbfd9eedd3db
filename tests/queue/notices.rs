//! Notices change what is said, from their beginning to their end, and at once.

use std::process::Command;

use crate::desk::Desk;

const HOW: &str = "設定の手順を教えてください。";
const BOTH: &str = "設定の手順を教えてください。端末が動きません。";

/// The desk with these notices in its file.
async fn with(at: &str, notices: &str) -> Desk {
    let mut desk = Desk::start(at, "").await;
    std::fs::write(desk.path("notices.toml"), notices).unwrap();
    desk.restart_with("notices = \"notices.toml\"\n====\n").await;
    desk
}

async fn answer(desk: &mut Desk, id: &str, body: &str) -> String {
    desk.deliver(id, &format!("{id}@direct.example.jp"), id, body);
    desk.work().await;
    desk.collect().into_iter().map(|mail| mail.text()).collect()
}

#[tokio::test]
async fn an_interruption_stands_in_place_of_every_answer_while_it_lasts() {
    let notices = "[[notice]]\nid = \"x\"\nkind = \"interruption\"\nfrom = 2026-11-20T11:00:00+09:00\n\
                   until = 2026-11-20T13:00:00+09:00\ntext = \"設備点検のためです。\"\n";
    let mut desk = with("2026-11-20T10:59:59", notices).await;
    assert!(answer(&mut desk, "before", HOW).await.contains("[in-scope]"));
    desk.work_at("2026-11-20T11:00:00").await;
    assert_eq!(answer(&mut desk, "during", HOW).await.trim(), "【interruption】設備点検のためです。");
    desk.work_at("2026-11-20T12:59:59").await;
    assert!(answer(&mut desk, "still", HOW).await.contains("【interruption】"));
    desk.work_at("2026-11-20T13:00:00").await;
    assert!(answer(&mut desk, "after", HOW).await.contains("[in-scope]"));
    assert_eq!(desk.ends().await, ["auto clear"; 4]);
}

#[tokio::test]
async fn a_known_outage_stands_in_place_of_its_matter_only() {
    let notices = "[[notice]]\nid = \"x\"\nkind = \"outage\"\nfrom = 2026-11-20T00:00:00+09:00\n\
                   clauses = [\"fault\"]\ntext = \"復旧作業中です。\"\n";
    let mut desk = with("2026-11-20T10:30:00", notices).await;
    let text = answer(&mut desk, "both", BOTH).await;
    assert!(text.contains("[notice] 【outage】復旧作業中です。") && text.contains("[in-scope]"), "{text}");
    assert!(!answer(&mut desk, "other", HOW).await.contains("outage"));
}

#[tokio::test]
async fn a_discontinuation_is_in_force_when_its_last_day_is_over() {
    let notices = "[[notice]]\nid = \"x\"\nkind = \"discontinuation\"\nfrom = 2026-11-01T00:00:00+09:00\n\
                   date = 2026-11-24\nclauses = [\"how\"]\ntext = \"終了します。\"\n";
    let mut desk = with("2026-11-24T17:59:00", notices).await;
    assert!(answer(&mut desk, "last-day", HOW).await.contains("[in-scope]"));
    desk.work_at("2026-11-25T10:00:00").await;
    assert!(answer(&mut desk, "over", HOW).await.contains("[notice] 【discontinuation】終了します。"));
}

#[tokio::test]
async fn mail_that_waits_meets_the_notice_of_its_turn() {
    let notices =
        "[[notice]]\nid = \"x\"\nkind = \"interruption\"\nfrom = 2026-11-24T09:00:00+09:00\ntext = \"中断\"\n";
    let mut desk = with("2026-11-20T20:00:00", notices).await;
    assert!(answer(&mut desk, "night", HOW).await.starts_with("受け付けました"));
    desk.work_at("2026-11-24T10:00:00").await;
    assert_eq!(desk.collect()[0].text().trim(), "【interruption】中断");
}

/// Runs `madoguchi` on the desk's configuration while the desk is at work.
fn madoguchi(desk: &Desk, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    let output = command.args(args).arg("-c").arg(desk.path("madoguchi.toml")).env("LC_ALL", "C").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn staff_start_and_stop_notices_while_the_desk_is_at_work() {
    let planned =
        "[[notice]]\nid = \"planned\"\nkind = \"interruption\"\nfrom = 2020-01-01T00:00:00+09:00\ntext = \"計画\"\n";
    let mut desk = with("2026-11-20T10:30:00", planned).await;
    assert!(answer(&mut desk, "planned", HOW).await.contains("計画"));
    let (ok, said) = madoguchi(&desk, &["notice", "stop", "planned"]);
    assert!(ok && said.contains("planned: stopped (test)"), "{said}");
    assert!(answer(&mut desk, "stopped", HOW).await.contains("[in-scope]"));

    let start =
        ["notice", "start", "interruption", "--text", "緊急", "--id", "now", "--from", "2026-11-20T00:00+09:00"];
    let (ok, said) = madoguchi(&desk, &start);
    assert!(ok && said.contains("notice started: now (test)"), "{said}");
    assert!(answer(&mut desk, "urgent", HOW).await.contains("【interruption】緊急"));
    let (ok, said) = madoguchi(&desk, &["notice", "list", "--json"]);
    let states: Vec<String> = said
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|notice| format!("{} {}", notice["id"].as_str().unwrap(), notice["state"].as_str().unwrap()))
        .collect();
    assert!(ok && states == ["planned stopped", "now in-force"], "{said}");
    assert!(madoguchi(&desk, &["notice", "stop", "now"]).0);
    assert!(answer(&mut desk, "over", HOW).await.contains("[in-scope]"));

    for (args, said_so) in [
        (&["start", "outage", "--text", "x", "--clause", "nine"][..], "has no clause nine"),
        (&["start", "outage", "--text", "x", "--template", "mine"], "has no template notices/mine.txt"),
        (&["start", "outage", "--text", "x", "--date", "2026-12-31"], "only a discontinuation"),
        (&["start", "outage", "--text", "x", "--until", "2020-01-01T00:00Z"], "--until is not after"),
        (&["stop", "x", "--desk", "other"], "has no such desk; it has: test"),
    ] {
        let (ok, said) = madoguchi(&desk, &[&["notice"], args].concat());
        assert!(!ok && said.contains(said_so), "{said}");
    }
}

#[tokio::test]
async fn the_desks_hours_are_shown_with_its_own_days() {
    let mut desk = Desk::start("2026-11-20T10:30:00", "").await;
    desk.restart_with("closed = [{ date = 2026-11-24, reason = \"創立記念日\" }]").await;
    let (ok, said) = madoguchi(&desk, &["hours", "--at", "2026-11-20T18:00+09:00"]);
    assert!(ok && said.contains("closed, opens 2026-11-25 (Wed) 10:00") && said.contains("創立記念日"), "{said}");
    let (ok, said) = madoguchi(&desk, &["hours", "--at", "2026-11-20T17:59+09:00", "--year", "2026", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(ok && shown["open"] == true && shown["closes"] == "2026-11-20T18:00:00+09:00", "{said}");
    assert_eq!(shown["days"].as_array().unwrap().len(), 365);
    assert_eq!(shown["days"][327]["reason"], "創立記念日");
}

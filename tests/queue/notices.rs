//! Notices change what is said, from their beginning to their end, and at once.

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

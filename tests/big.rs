//! Big mail: as much is read as its text needs, and never the attachments behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;

use madoguchi::mailbox::HEAD_BYTES;
use madoguchi::store::{CaseRow, Store};
use madoguchi::worker::Progress;
use rusqlite::Connection;
use support::desk::{ALL, TestDesk};

const REGISTER: &str = "[[customer]]\nid = \"c\"\nname = \"c\"\ndomains = [\"direct.example\"]\n";

/// A log of `text` bytes with the question below it, and an attachment of `attached` bytes behind (or before) it.
fn mail(id: &str, text: usize, attached: usize, attachment_first: bool) -> Vec<u8> {
    let log = "2026-11-20 10:00:00 INFO device=ok\r\n".repeat(text / 36);
    let question = "Android端末の初期化（ワイプ）の操作手順を教えてください。\r\n";
    let text = format!("Content-Type: text/plain; charset=utf-8\r\n\r\nお世話になっております。\r\n{log}{question}");
    let file = format!(
        "Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
        "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5eg==\r\n".repeat(attached / 74)
    );
    let parts = if attachment_first { [file, text] } else { [text, file] };
    format!(
        "From: a@direct.example\r\nTo: support@desk.example\r\nSubject: log\r\nMessage-ID: <{id}@direct.example>\r\n\
         Date: Tue, 01 Dec 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{}\r\n--b\r\n{}\r\n--b--\r\n",
        parts[0], parts[1]
    )
    .into_bytes()
}

/// Bytes journalled of the desk's one mail, their size on the server, and whether they are all of it.
fn journalled(desk: &TestDesk) -> (usize, usize, bool) {
    let sql = "SELECT length(bytes), size, complete FROM mail JOIN raw ON mail_id = id";
    let size = |row: &rusqlite::Row<'_>, column| row.get::<_, u32>(column).map(|size| size as usize);
    let store = Connection::open(desk.store_file()).unwrap();
    store.query_row(sql, [], |row| Ok((size(row, 0)?, size(row, 1)?, row.get(2)?))).unwrap()
}

async fn worked_off(desk: &TestDesk, store: &Store) -> CaseRow {
    desk.worker(store).await.until_idle().await.unwrap();
    store.overview(None, ALL).await.unwrap().remove(0)
}

async fn check(raw: &[u8], disposition: &str, read: usize, complete: bool) {
    let desk = TestDesk::start("optim-biz", REGISTER);
    desk.dovecot.deliver(raw);
    let store = desk.open_store();
    let row = worked_off(&desk, &store).await;
    assert_eq!(row.decision.unwrap().disposition.to_string(), disposition);
    drop(store);
    assert_eq!(journalled(&desk), (read, raw.len(), complete));
    assert_eq!(desk.received().len(), usize::from(disposition == "auto"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_read_to_its_end_and_the_attachment_is_not() {
    check(&mail("short", 1_000, 500_000, false), "auto", HEAD_BYTES, false).await;
    check(&mail("long", 100_000, 5_000_000, false), "auto", 2 * HEAD_BYTES, false).await;
    check(&mail("longer", 400_000, 5_000_000, false), "auto", 8 * HEAD_BYTES, false).await;
    let behind = mail("behind", 1_000, 200_000, true);
    check(&behind, "auto", behind.len(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_to_be_read_is_for_staff() {
    check(&mail("endless", 3_000_000, 0, false), "review", HEAD_BYTES + (1 << 20), false).await;
    check(&mail("buried", 1_000, 3_000_000, true), "review", HEAD_BYTES + (1 << 20), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_mail_that_is_gone_before_the_rest_is_read_is_decided_by_its_head_for_staff() {
    let desk = Arc::new(TestDesk::start("optim-biz", REGISTER));
    let raw = mail("gone", 100_000, 0, false);
    desk.dovecot.deliver(&raw);
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    let staff = desk.clone();
    worker.on_progress(move |step| {
        if step == Progress::Journalled(1) {
            staff.dovecot.doveadm(&["expunge", "mailbox", "INBOX", "all"]);
        }
    });
    worker.until_idle().await.unwrap();
    let row = store.overview(None, ALL).await.unwrap().remove(0);
    let decision = row.decision.unwrap().decision().unwrap();
    assert_eq!((decision.disposition.as_str(), decision.gate.hits[0].detail.as_str()), ("review", "text-cut"));
    drop((worker, store));
    assert_eq!(journalled(&desk), (HEAD_BYTES, raw.len(), false));
}

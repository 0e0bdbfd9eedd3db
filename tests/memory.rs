//! What a desk needs of memory does not depend on what people attach. Alone in its program, as what is measured is the
//! program's.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;

use madoguchi::store::MailState;
use support::desk::{ALL, TestDesk};

/// As many as told where it was built for speed, as `scripts/bench-memory` does.
const MAILS: usize = if cfg!(debug_assertions) { 40 } else { 200 };
const ATTACHED: u64 = 20 << 20;
/// Every so many mails one has a text that is longer than the head.
const LONG: usize = 20;
/// KiB; the test's own share is in it.
const MOST_KIB: u64 = 100 * 1024;

/// The beginning of a mail with an attachment; the rest of it is a hole in the file.
fn head(number: usize) -> Vec<u8> {
    let log = if number % LONG == 1 { 8_000 } else { 10 };
    let mut head = format!(
        "From: a@x{number}.example\r\nTo: support@desk.example\r\nSubject: {number}\r\nMessage-ID: <{number}@x.example>\r\n\
         Date: Tue, 01 Dec 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}端末の初期化の操作手順を教えてください。\r\n--b\r\n\
         Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        "2026-11-20 10:00:00 INFO device=ok\r\n".repeat(log)
    );
    head.push_str(&format!("{}\r\n", "QUJD".repeat(19)).repeat(1_000));
    head.into_bytes()
}

/// The most memory this program ever held, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn attachments_of_twenty_megabytes_need_no_memory() {
    let desk = TestDesk::start("optim-biz", "");
    for number in 0..MAILS {
        desk.dovecot.deliver_sparse(&head(number), ATTACHED);
    }
    let before = peak();
    let store = desk.open_store();
    desk.worker(&store).await.until_idle().await.unwrap();
    let after = peak();
    let rows = store.overview(None, ALL).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.state == MailState::Done).count(), MAILS);
    println!(
        "{MAILS} mails of {} MiB: peak {:.1} MiB, {:.1} MiB before the first",
        ATTACHED >> 20,
        after as f64 / 1024.0,
        before as f64 / 1024.0
    );
    assert!(after < MOST_KIB, "{after} KiB");
}

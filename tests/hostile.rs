//! Mail that wants to stop the desk: it is decided like any other, never answered, and the next mail is.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::mailbox::HEAD_BYTES;
use madoguchi::outbox::Outbox;
use madoguchi::store::{MailState, Store};
use madoguchi::triage;
use madoguchi::triage::context::{Context, DeskProfile, History, RequiredAuth, Seen};
use madoguchi::triage::decision::{Decision, Disposition};
use madoguchi::triage::read::read;
use madoguchi::triage::register::Register;
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::worker::Worker;
use support::desk::{ALL, OPEN};

/// A mail that is answered at once.
const ORDINARY: &str = "Return-Path: <kyaku@firm.example>\r\nFrom: kyaku@firm.example\r\nTo: desk@desk.example\r\n\
    Subject: q\r\nMessage-ID: <ordinary@firm.example>\r\nDate: Tue, 1 Dec 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\n";
const QUESTION: &str = "設定の手順を教えてください。\r\n";

fn ordinary() -> Vec<u8> {
    text("", QUESTION)
}

/// The ordinary mail with more header lines and another text.
fn text(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{ORDINARY}{headers}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The ordinary mail with this content type (and body).
fn typed(content: &str) -> Vec<u8> {
    format!("{ORDINARY}Content-Type: {content}").into_bytes()
}

fn part(kind: &str) -> String {
    format!("--b\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{QUESTION}\r\n")
}

fn nested(depth: usize) -> Vec<u8> {
    let open = |n: usize| format!("multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\nContent-Type: ");
    let inner: String = (0..depth).map(open).collect();
    let ends: String = (0..depth).rev().map(|n| format!("\r\n--b{n}--")).collect();
    typed(&format!("{inner}text/plain; charset=utf-8\r\n\r\nsettei\r\n{ends}\r\n"))
}

/// Bytes that mean nothing, the same every time.
fn garbage(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let alternative = |parts: String| typed(&format!("multipart/mixed; boundary=b\r\n\r\n{parts}--b--\r\n"));
    vec![
        ("empty", Vec::new()),
        ("one line end", b"\r\n".to_vec()),
        ("no header", QUESTION.as_bytes().to_vec()),
        ("50 MB", text("", &QUESTION.repeat(50 << 20 >> 5))),
        ("50 MB on one line", text("", &"手".repeat(50 << 20 >> 2))),
        ("10,000 parts", alternative(part("text/plain").repeat(10_000))),
        ("200 deep", nested(200)),
        ("100,000 deep", nested(100_000)),
        ("100,000 messages in messages", typed(&"message/rfc822\r\n\r\nContent-Type: ".repeat(100_000))),
        ("NUL bytes", text("X: a\0b\r\n", "設定の\0手順を\0教えて\0ください。\0")),
        (
            "NUL in the subject",
            text("", QUESTION).iter().flat_map(|b| if *b == b'q' { vec![0, *b] } else { vec![*b] }).collect(),
        ),
        (
            "NUL in the Message-ID",
            String::from_utf8(ordinary()).unwrap().replace("<ordinary", "<\0ordinary").into_bytes(),
        ),
        ("two senders", text("From: other@firm.example\r\n", QUESTION)),
        ("every field twice", [ORDINARY.as_bytes(), &text("", QUESTION)].concat()),
        ("binary garbage", garbage(100_000)),
        ("garbage behind a header", [ORDINARY.as_bytes(), b"\r\n", &garbage(100_000)].concat()),
        ("1 MB header line", text(&format!("X-Long: {}\r\n", "x".repeat(1 << 20)), QUESTION)),
        (
            "1 MB subject",
            text("", QUESTION).iter().flat_map(|b| if *b == b'q' { vec![b'q'; 1 << 20] } else { vec![*b] }).collect(),
        ),
        ("100,000 header lines", text(&"X: y\r\n".repeat(100_000), QUESTION)),
        ("1 MB of short lines", text("", &"a\r\n".repeat(1 << 18))),
        ("1 MB of full stops", text("", &"。".repeat(1 << 18))),
        ("1 MB of denials", text("", &"購入の話ではなく充電".repeat(1 << 15))),
        (
            "1 MB of words that must stand near others",
            text("", &format!("切れ{}{}", "、".repeat(20), "充電".repeat(1 << 17))),
        ),
        ("1 MB of quote marks", text("", &">".repeat(1 << 20))),
        ("1 MB of open tags", typed(&format!("text/html; charset=utf-8\r\n\r\n{}", "<div><table>".repeat(1 << 16)))),
        ("endless references", text(&format!("References: {}\r\n", "<a@b>\r\n ".repeat(100_000)), QUESTION)),
        (
            "broken base64",
            typed("text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!====AAAA\u{0}"),
        ),
        ("unknown charset", typed("text/plain; charset=klingon\r\n\r\n\u{3042}\u{3044}")),
    ]
}

/// A mail of several parts, so that what is missing can be known.
fn sample() -> Vec<u8> {
    let parts = part("text/plain") + &part("text/html");
    typed(&format!("multipart/alternative; boundary=b\r\n\r\n{parts}--b--"))
}

struct Judge {
    desk: DeskProfile,
    rules: Rulebook,
    register: Register,
}

impl Judge {
    fn new() -> Judge {
        let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
        let pack = config::pack_from(&packs.join("rules"), &packs.join("templates"), "mini").unwrap();
        let desk = DeskProfile {
            id: "desk".into(),
            address: "desk@desk.example".into(),
            own_addresses: ["desk@desk.example".into()].into(),
            authentication: RequiredAuth::Off,
            label_prefix: "mado-".into(),
            ..DeskProfile::default()
        };
        Judge { desk, rules: Rulebook::compile(pack.into()).unwrap(), register: Register::default() }
    }

    fn decide(&self, raw: &[u8], size: usize) -> Decision {
        let inquiry = read(raw, size as u64, raw.len() == size);
        let (now, history) = (OPEN.parse().unwrap(), History::default());
        let seen = Seen { internal_date: Some(now), ..Seen::default() };
        let (desk, rules, register) = (&self.desk, &self.rules, &self.register);
        let (receipt, notices, release) = (None, Vec::new(), None);
        triage::decide(
            &inquiry,
            &Context { now, desk, rules, register, seen, history, receipt, notices, outages: Vec::new(), release },
        )
    }
}

#[test]
fn hostile_mail_is_never_answered_however_much_of_it_is_read() {
    let judge = Judge::new();
    assert_eq!(judge.decide(&ordinary(), ordinary().len()).disposition, Disposition::Auto);
    for (what, raw) in hostile() {
        for limit in [HEAD_BYTES, usize::MAX] {
            let head = &raw[..raw.len().min(limit)];
            let decision = judge.decide(head, raw.len());
            let quiet = matches!(decision.disposition, Disposition::Review | Disposition::Ignore);
            assert!(quiet, "{what}, {} bytes read: {:?}", head.len(), decision.disposition);
        }
    }
}

#[test]
fn a_head_that_ends_in_the_header_of_a_text_part_is_not_taken_for_the_whole_text() {
    let parts = part("text/plain") + "--b\r\nContent-Type: text/plain; char";
    let head = typed(&format!("multipart/mixed; boundary=b\r\n\r\n{parts}"));
    assert_eq!(Judge::new().decide(&head, head.len() + 1000).disposition, Disposition::Review);
}

#[test]
fn a_mail_cut_off_anywhere_is_never_answered() {
    let (judge, whole) = (Judge::new(), sample());
    assert_eq!(judge.decide(&whole, whole.len()).disposition, Disposition::Auto);
    for length in (0..whole.len()).step_by(7) {
        let decision = judge.decide(&whole[..length], length);
        let quiet = matches!(decision.disposition, Disposition::Review | Disposition::Ignore);
        assert!(quiet, "the first {length} bytes of {}: {:?}", whole.len(), decision.disposition);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_works_through_hostile_mail_and_answers_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let maildir: PathBuf = folder.path().join("Maildir");
    ["new", "cur", "tmp"].iter().for_each(|part| fs::create_dir_all(maildir.join(part)).unwrap());
    let mails = hostile();
    for (number, (_, raw)) in mails.iter().enumerate() {
        fs::write(maildir.join(format!("new/{number:03}.test")), raw).unwrap();
    }
    let config = config_text(&maildir);
    fs::write(folder.path().join("madoguchi.toml"), config).unwrap();
    let config = config::load(&folder.path().join("madoguchi.toml")).unwrap_or_else(|p| panic!("{}", p.render(false)));
    let clock = Clock::manual(OPEN.parse().unwrap());
    let store = Store::open(&folder.path().join("store.db"), clock.now()).unwrap();
    let desk = config.desks.into_iter().next().unwrap();
    let mut worker = Worker::with_outbox(desk, store.clone(), clock, Outbox::memory()).await.unwrap();
    worker.until_idle().await.unwrap();
    let next = String::from_utf8(ordinary()).unwrap().replace("firm.example", "next.example");
    fs::write(maildir.join("new/999.test"), next).unwrap();
    worker.until_idle().await.unwrap();
    let rows = store.overview(None, ALL).await.unwrap();
    assert_eq!(rows.len(), mails.len() + 1);
    assert!(rows.iter().all(|row| row.state == MailState::Done));
    let Outbox::Memory(memory) = worker.outbox() else { unreachable!() };
    let sent: Vec<String> = memory.sent().into_iter().map(|mail| mail.to).collect();
    assert_eq!(sent, ["kyaku@next.example"], "one answer, to the ordinary mail");
    assert_eq!(rows[0].message_id.as_deref(), Some("ordinary@next.example"));
}

fn config_text(maildir: &Path) -> String {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
    let (packs, maildir) = (packs.display(), maildir.display());
    format!(
        r#"
[store]
path = "store.db"
[packs]
rules = "{packs}/rules"
templates = "{packs}/templates"
[[desk]]
id = "desk"
name = "試験窓口"
address = "desk@desk.example"
pack = "mini"
authentication = "off"
max_age_hours = 0
answer_since = 2020-01-01T00:00:00+09:00
signature = "試験窓口"
[desk.mailbox]
kind = "maildir"
path = "{maildir}"
[desk.outbox]
kind = "folder"
path = "out"
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
"#
    )
}

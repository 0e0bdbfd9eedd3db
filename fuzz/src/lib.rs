//! What must hold for any bytes: one function for each target of `cargo fuzz`, which panics where a promise is broken.
//!
//! `tests/fuzz.rs` of the program runs the same functions over the mails of `tests/mail` and over random input, so
//! that they are kept without `cargo fuzz`, too.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken promise ends the run")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use madoguchi::config;
use madoguchi::outbox;
use madoguchi::triage::auth::level;
use madoguchi::triage::context::{Border, Context, Department, DeskProfile, Drafts, History, RequiredAuth, Seen};
use madoguchi::triage::decision::{
    Action, AuthLevel, Decision, Disposition, Evidence, EvidenceSection, GateVerdict, Reply,
};
use madoguchi::triage::fold::Folded;
use madoguchi::triage::inquiry::{Header, Inquiry, Mailbox, Section};
use madoguchi::triage::register::{Customer, Register};
use madoguchi::triage::rulebook::Rulebook;
use madoguchi::triage::sections::{Hints, split};
use madoguchi::triage::{decide, read as reader};

/// 2026-11-20 10:30 in Tokyo, while the desk of the tests is open.
const NOW: Timestamp = Timestamp::constant(1_795_138_200, 0);

/// Raw bytes → inquiry.
pub fn read(data: &[u8]) {
    for complete in [true, false] {
        let inquiry = reader::read(data, data.len() as u64, complete);
        check_sections(&inquiry.text, &inquiry.sections);
        check_strings(&inquiry);
        assert_eq!(inquiry, reader::read(data, data.len() as u64, complete), "reading is not repeatable");
    }
}

fn check_strings(inquiry: &Inquiry) {
    let control = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    assert!(!inquiry.text.contains(control), "control character in the text");
    let mailboxes = [&inquiry.from, &inquiry.sender, &inquiry.reply_to, &inquiry.to, &inquiry.cc].into_iter().flatten();
    // Addresses stay as written, for the gate to judge.
    let names = mailboxes.map(|mailbox| &mailbox.name);
    let files = inquiry.attachments.iter().map(|attachment| &attachment.name);
    for text in names.chain(files).chain([&inquiry.subject]) {
        assert!(!text.contains(char::is_control), "control character in {text:?}");
    }
    for header in &inquiry.headers {
        assert!(!header.raw.contains(['\n', '\r']), "line end in {header:?}");
    }
}

/// Sections cover the text, in order, without overlap, on character borders.
pub fn check_sections(text: &str, sections: &[Section]) {
    let mut at = 0;
    for section in sections {
        assert_eq!(section.start, at, "gap or overlap");
        assert!(section.end > section.start, "empty section");
        assert!(text.get(section.start..section.end).is_some(), "not on character borders");
        at = section.end;
    }
    assert_eq!(at, text.len(), "the text is not covered");
}

/// Text → sections.
pub fn sections(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for forwarded in [false, true] {
        check_sections(&text, &split(&text, &Hints { quoted: &[], forwarded }));
    }
}

/// Raw bytes → the whole decision, and the mail it sends.
pub fn gate(data: &[u8]) {
    let inquiry = reader::read(data, data.len() as u64, true);
    let decision = decided(&inquiry);
    let acts = decision.disposition == Disposition::Auto;
    let serious = inquiry.oddities.iter().any(|oddity| oddity.serious);
    assert!(!(acts && serious), "acted upon a text that cannot be trusted: {:?}", inquiry.oddities);
    assert!(!acts || decision.gate.verdict == GateVerdict::Answer, "acted against the gate: {:?}", decision.gate);
    assert_eq!(decision.gate.verdict == GateVerdict::Sink, decision.disposition == Disposition::Ignore);
    decision.evidence.iter().for_each(|evidence| check_evidence(evidence, &inquiry));
    for action in &decision.actions {
        match action {
            Action::Reply(reply) | Action::Redirect(reply) => {
                assert!(acts, "an answer without a clear decision");
                let odd = |c: char| c.is_control() || c.is_whitespace();
                assert!(!reply.to.address.contains(odd), "an answer to {:?}", reply.to.address);
                check_mail(reply);
            }
            Action::Draft(reply) => check_mail(reply),
            _ => {}
        }
    }
}

fn check_evidence(evidence: &Evidence, inquiry: &Inquiry) {
    let whole = match evidence.section {
        EvidenceSection::Subject => &inquiry.subject,
        EvidenceSection::In(_) => &inquiry.text,
    };
    assert!(evidence.start <= evidence.end && evidence.end <= whole.chars().count(), "outside: {evidence:?}");
    let there: String = whole.chars().skip(evidence.start).take(evidence.end - evidence.start).collect();
    assert_eq!(there, evidence.text, "evidence is not what stands there");
}

/// Decided by the small pack of the tests, for a desk that knows the senders of example.jp.
pub fn decided(inquiry: &Inquiry) -> Decision {
    static RULES: OnceLock<Rulebook> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let packs = [here.join("tests/packs"), here.join("../tests/packs")].into_iter().find(|path| path.is_dir());
        let packs = packs.expect("tests/packs");
        let pack = config::pack_from(&packs.join("rules"), &packs.join("templates"), "mini");
        Rulebook::compile(pack.unwrap_or_else(|problems| panic!("{}", problems.render(false))).into()).unwrap()
    });
    let (desk, register) = (desk(), register());
    let seen = Seen { internal_date: Some(NOW), ..Seen::default() };
    let (history, notices, release) = (History::default(), Vec::new(), None);
    let receipt = Some("T-261120-0011".into());
    let ctx = Context {
        now: NOW,
        desk: &desk,
        rules,
        register: &register,
        seen,
        history,
        receipt,
        notices,
        outages: Vec::new(),
        release,
    };
    decide(inquiry, &ctx)
}

fn desk() -> DeskProfile {
    let sales = Department { name: "営業窓口".into(), contact: "sales@desk.example".into() };
    DeskProfile {
        id: "test".into(),
        name: "試験窓口".into(),
        address: "support@desk.example".into(),
        border: border(),
        authentication: RequiredAuth::Off,
        label_prefix: "mado-".into(),
        drafts: Drafts::Review,
        departments: BTreeMap::from([("sales".to_string(), sales)]),
        signature: "試験窓口".into(),
        secret: vec![7; 32],
        ..DeskProfile::default()
    }
}

fn border() -> Border {
    Border { authserv: Some("mx.desk.example".into()), ..Border::default() }
}

fn register() -> Register {
    let domains = vec!["example.jp".into(), "example.com".into()];
    let customer = Customer { id: "c".into(), name: "c".into(), domains, ..Customer::default() };
    Register::new(vec![], vec![customer]).unwrap()
}

/// Text of an `Authentication-Results` field → how far a sender of example.jp is proved.
pub fn auth(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let from = vec![Mailbox { name: String::new(), address: "a@example.jp".into() }];
    let bare = |raw: &str| {
        let headers = vec![Header { name: "Authentication-Results".into(), raw: raw.to_string() }];
        level(&Inquiry { headers, from: from.clone(), ..Inquiry::default() }, &border(), None)
    };
    let (found, proof) = bare(&text);
    assert!(!proof.contains('@'), "an address in the proof: {proof:?}");
    let said = text.replace(['"', '\\'], "").to_ascii_lowercase();
    let named = ["mx.desk.example", "pass", "example.jp"].iter().all(|word| said.contains(word));
    assert!(found == AuthLevel::None || named, "{found:?} out of nothing: {proof:?}");
    let (disowned, _) = bare(&format!("{text}; dmarc=fail header.from=example.jp"));
    assert_eq!(disowned, AuthLevel::None, "a failure appended is not seen");
}

/// Text → folded text with its way back.
pub fn fold(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut folded = Folded::default();
    folded.push(&text, 0);
    let mut last = 0;
    for (start, c) in folded.text.char_indices() {
        let (from, to) = folded.original(start, start + c.len_utf8());
        assert!(text.get(from..to).is_some(), "not on character borders: {from}..{to}");
        assert!(from >= last, "out of order");
        last = from;
        let (whole, _) = folded.original(start, folded.text.len());
        assert_eq!(whole, from, "the same character comes from two places");
    }
}

/// The fields of an answer, parted by bytes 0xFF → a mail.
pub fn compose(data: &[u8]) {
    let mut fields = data.split(|byte| *byte == 0xff).map(|field| String::from_utf8_lossy(field).into_owned());
    let mut next = || fields.next().unwrap_or_default();
    let to = Mailbox { name: next(), address: next() };
    check_mail(&Reply {
        template: "answer".into(),
        // A longer one is refused before anything is sent.
        to: Mailbox { address: to.address.chars().take(60).collect(), ..to },
        at: None,
        until: None,
        follows: false,
        subject: next(),
        body: next(),
        message_id: next(),
        in_reply_to: Some(next()),
        references: vec![next(), next(), next()],
    });
}

const FIELDS: [&str; 13] = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "X-Madoguchi-Loop",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// One header block with the fields we write, each once, in lines that every server takes; no text starts a field.
fn check_mail(reply: &Reply) {
    let from = Mailbox { name: "試験窓口".into(), address: "support@desk.example".into() };
    let raw = outbox::compose(reply, &from, &NOW.to_zoned(TimeZone::UTC));
    let text = String::from_utf8(raw).expect("UTF-8");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare CR, LF or NUL");
    assert!(text.split("\r\n").all(|line| line.len() <= 998), "a line is too long");
    let (head, _) = text.split_once("\r\n\r\n").expect("a header");
    let own = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    let names: Vec<&str> = own.map(|line| line.split(':').next().unwrap_or_default()).collect();
    let mut wanted = FIELDS.to_vec();
    wanted.retain(|name| !matches!(*name, "In-Reply-To" | "References") || names.contains(name));
    assert_eq!(names, wanted, "a field too many or too few");
}

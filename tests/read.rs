//! What reading a mail must give: the folder `tests/mail` (see its `make.py`), and promises that hold for any bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use madoguchi::triage::inquiry::{Inquiry, SectionKind};
use madoguchi::triage::read::{TEXT_CUT, read};
use proptest::prelude::*;
use serde::Deserialize;

/// Only what is given is compared.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    subject: Option<String>,
    /// `name <address>`
    from: Option<Vec<String>>,
    text: Option<String>,
    sections: Option<Vec<(SectionKind, String)>>,
    /// Declared ("" if nothing is), used.
    charset: Option<(String, String)>,
    oddities: Option<Vec<String>>,
    /// Codes of the serious oddities.
    serious: Option<Vec<String>>,
    attachments: Option<Vec<String>>,
    parts: Option<Vec<String>>,
    message_id: Option<String>,
    in_reply_to: Option<Vec<String>>,
    references: Option<Vec<String>>,
    date: Option<Timestamp>,
}

impl Expected {
    /// What a mail gave, as far as `self` asks for it.
    fn asked_of(&self, inquiry: &Inquiry) -> Expected {
        let codes = |serious: bool| {
            let found = inquiry.oddities.iter().filter(|o| o.serious || !serious);
            found.map(|o| o.code.clone()).collect::<Vec<_>>()
        };
        let from = || inquiry.from.iter().map(|m| format!("{} <{}>", m.name, m.address)).collect();
        let sections = || inquiry.sections.iter().map(|s| (s.kind, inquiry.section_text(s).to_string())).collect();
        let charset = || (inquiry.charset.declared.clone().unwrap_or_default(), inquiry.charset.used.clone());
        Expected {
            subject: self.subject.as_ref().map(|_| inquiry.subject.clone()),
            from: self.from.as_ref().map(|_| from()),
            text: self.text.as_ref().map(|_| inquiry.text.clone()),
            sections: self.sections.as_ref().map(|_| sections()),
            charset: self.charset.as_ref().map(|_| charset()),
            oddities: self.oddities.as_ref().map(|_| codes(false)),
            serious: self.serious.as_ref().map(|_| codes(true)),
            attachments: self
                .attachments
                .as_ref()
                .map(|_| inquiry.attachments.iter().map(|a| a.name.clone()).collect()),
            parts: self.parts.as_ref().map(|_| inquiry.parts.iter().map(|p| p.content_type.clone()).collect()),
            message_id: self.message_id.as_ref().and(inquiry.message_id.clone()),
            in_reply_to: self.in_reply_to.as_ref().map(|_| inquiry.in_reply_to.clone()),
            references: self.references.as_ref().map(|_| inquiry.references.clone()),
            date: self.date.and(inquiry.date),
        }
    }
}

fn mails() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.retain(|p| p.extension().is_some_and(|e| e == "eml"));
    found.sort();
    found
}

fn read_all(raw: &[u8]) -> Inquiry {
    read(raw, raw.len() as u64, true)
}

#[test]
fn every_mail_is_read_as_expected() {
    let mails = mails();
    assert!(mails.len() >= 60, "only {} mails", mails.len());
    let (mut wrong, mut read) = (Vec::new(), BTreeMap::new());
    for path in mails {
        let expected = std::fs::read_to_string(path.with_extension("toml")).unwrap();
        let expected: Expected = toml::from_str(&expected).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_ne!(expected, Expected::default(), "{} asks for nothing", path.display());
        let raw = std::fs::read(&path).unwrap();
        for (line_ends, raw) in [vec![("its own", raw.clone())], variants(&raw)].concat() {
            *read.entry(line_ends).or_insert(0) += 1;
            let found = expected.asked_of(&read_all(&raw));
            if found != expected {
                let name = path.display();
                wrong.push(format!("{name}, line ends {line_ends}\nexpected {expected:#?}\nfound {found:#?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    for (line_ends, least) in [("its own", 60), ("LF", 60), ("CRLF", 3), ("CR", 60)] {
        assert!(read[line_ends] >= least, "only {read:?}");
    }
}

/// The same mail as other systems keep it: LF as CRLF, CRLF as LF, and a text that is not encoded with the CR alone of
/// old Macs. Not where line ends are mixed on purpose, nor where they are two bytes each.
fn variants(raw: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = raw.iter().map(|byte| char::from(*byte)).collect::<String>();
    let bytes = |text: String| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
    let unix = text.replace("\r\n", "\n");
    let mixed = unix.contains('\r') || (text != unix && text != unix.replace('\n', "\r\n"));
    if mixed || text.contains('\0') {
        return Vec::new();
    }
    let mut variants = Vec::new();
    if text == unix {
        variants.push(("CRLF", bytes(unix.replace('\n', "\r\n"))));
    } else {
        variants.push(("LF", bytes(unix.clone())));
    }
    let lower = unix.to_ascii_lowercase();
    if let Some((head, body)) = unix.split_once("\n\n")
        && !lower.contains("multipart/")
        && !lower.contains("quoted-printable")
    {
        variants.push(("CR", bytes(format!("{head}\n\n{}", body.replace('\n', "\r")))));
    }
    variants
}

fn serious(inquiry: &Inquiry) -> Vec<&str> {
    inquiry.oddities.iter().filter(|o| o.serious).map(|o| o.code.as_str()).collect()
}

#[test]
fn a_huge_text_is_cut_on_a_character() {
    let raw = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{}", "あ".repeat(400_000));
    let inquiry = read_all(raw.as_bytes());
    assert_eq!(serious(&inquiry), ["text-too-long"]);
    assert_eq!(inquiry.text.len(), (1 << 20) / 3 * 3);
    check_sections(&inquiry);
}

#[test]
fn fifty_megabytes_are_read_without_decoding_the_attachment() {
    let mut raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n\
        Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let line = [&[b'A'; 76][..], b"\r\n"].concat();
    raw.extend(line.repeat((50 << 20) / line.len()));
    raw.extend(b"--b--\r\n");
    let inquiry = read_all(&raw);
    assert_eq!((inquiry.text.as_str(), inquiry.attachments[0].name.as_str()), ("text", "a.zip"));
    assert!(inquiry.oddities.is_empty());
}

#[test]
fn a_head_only_fetch_says_whether_the_text_was_cut() {
    let text = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext";
    assert_eq!(serious(&read(text.as_bytes(), 9_000, false)), ["text-cut"]);
    let whole = format!("{text}\r\n--b\r\nContent-Type: image/png\r\n\r\nAAAA");
    assert_eq!(serious(&read(whole.as_bytes(), 9_000, false)), [""; 0]);
    assert_eq!(serious(&read_all(whole.as_bytes())), ["truncated"]);
}

#[test]
fn a_head_that_ends_before_the_text_says_so() {
    let parts = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nAAAA\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\ntext\r\n--b--\r\n";
    let whole = parts.find("\r\n--b--").unwrap();
    for end in 1..parts.len() {
        let cut = serious(&read(&parts.as_bytes()[..end], 9_000, false)).contains(&TEXT_CUT);
        assert_eq!(cut, end < whole + 7, "{:?}", &parts[..end]);
    }
    let picture = "Content-Type: image/png\r\n\r\nAAAA";
    assert_eq!(serious(&read(picture.as_bytes(), 9_000, false)), ["no-text"], "no text can follow");
}

#[test]
fn an_encoded_text_cut_anywhere_is_a_beginning_of_it() {
    let text = "お世話になっております。\r\n端末ID𠮷①の登録方法を教えてください。\r\nabc\r\n".repeat(3);
    let base64 = base64(text.as_bytes());
    let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ";
    let quoted: String = text.bytes().map(|b| format!("={b:02X}")).collect();
    for (encoding, body) in [("base64", base64), ("quoted-printable", quoted), ("8bit", text.clone())] {
        let raw = format!("{head}{encoding}\r\n\r\n{body}");
        let full = read_all(raw.as_bytes());
        assert_eq!((full.text.replace('\n', "\r\n"), serious(&full).len()), (text.clone(), 0), "{encoding}");
        for end in raw.len() - body.len()..raw.len() {
            let cut = read(&raw.as_bytes()[..end], raw.len() as u64, false);
            assert_eq!(serious(&cut)[..1], [TEXT_CUT], "{encoding} cut at {end}");
            check_sections(&cut);
            // A character and its escape may be cut, too.
            let sure = cut.text.trim_end_matches(|c: char| c == '\u{FFFD}' || c.is_ascii());
            assert!(full.text.starts_with(sure), "{encoding} cut at {end}: {:?}", cut.text);
        }
    }
}

#[test]
fn a_cut_character_does_not_make_the_rest_another_charset() {
    let text = "端末の登録方法を教えてください。\nABM 連携ができません。";
    for charset in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP, encoding_rs::ISO_2022_JP, encoding_rs::UTF_8] {
        let head = format!("Content-Type: text/plain; charset={}\r\n\r\n", charset.name());
        let body = charset.encode(text).0.into_owned();
        for end in 12..body.len() {
            let raw = [head.as_bytes(), &body[..end]].concat();
            let cut = read(&raw, 9_000, false);
            assert_eq!(serious(&cut), [TEXT_CUT], "{} cut at {end}: {:?}", charset.name(), cut.text);
            assert!(text.starts_with(&cut.text), "{} cut at {end}: {:?}", charset.name(), cut.text);
        }
    }
}

/// In lines of 76.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        let digit = |n: usize| if n > three.len() { '=' } else { DIGITS[(bits >> (18 - 6 * n)) as usize & 63] as char };
        out.extend((0..4).map(digit));
        out.push_str(if out.len() % 78 == 76 { "\r\n" } else { "" });
    }
    out
}

#[test]
fn a_line_of_one_megabyte_is_read() {
    for raw in ["X".repeat(1 << 20), format!("Subject: {}", "=?UTF-8?B?".repeat(100_000)), "<".repeat(1 << 20)] {
        check_sections(&read_all(raw.as_bytes()));
        check_sections(&read_all(format!("Content-Type: text/html\n\n{raw}").as_bytes()));
    }
}

/// Sections cover the text, in order, without overlap, on character borders.
fn check_sections(inquiry: &Inquiry) {
    let mut at = 0;
    for section in &inquiry.sections {
        assert_eq!(section.start, at);
        assert!(section.end > section.start);
        assert!(inquiry.text.get(section.start..section.end).is_some());
        at = section.end;
    }
    assert_eq!(at, inquiry.text.len());
    let control = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    assert!(!inquiry.text.contains(control));
    assert!(!inquiry.subject.contains(|c: char| c.is_control()));
}

/// A mail of the folder with some bytes replaced, removed or doubled, and cut somewhere.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let small = |p: &PathBuf| std::fs::metadata(p).is_ok_and(|m| m.len() < 8_000);
    let mails: Vec<PathBuf> = mails().into_iter().filter(small).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 0..12);
    (prop::sample::select(mails), edits, any::<prop::sample::Index>()).prop_map(|(path, edits, cut)| {
        let mut raw = std::fs::read(path).unwrap();
        for (at, byte, how) in edits {
            let at = at.index(raw.len().max(1));
            match how {
                _ if raw.is_empty() => raw.push(byte),
                0 => raw[at] = byte,
                1 => drop(raw.remove(at)),
                _ => raw.extend_from_within(at..),
            }
            raw.truncate(20_000);
        }
        let end = cut.index(raw.len() + 1);
        raw.truncate(if end % 3 == 0 { end } else { raw.len() });
        raw
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_read(raw in prop::collection::vec(any::<u8>(), 0..2_000), complete: bool) {
        check_sections(&read(&raw, raw.len() as u64, complete));
    }

    #[test]
    fn any_text_is_divided(text in "([>＞|a-c山田株式会社様。、:：@<\\-=─ 　\\t]{0,20}\n|お世話になっております|-----Original Message-----\n|From: a\n|To: b\n|件名：c\n|以上\n|TEL 03-0000-0000\n|本メール誤って受信破棄\n){0,30}") {
        let raw = format!("Content-Type: text/plain; charset=utf-8\n\n{text}");
        let inquiry = read_all(raw.as_bytes());
        prop_assert_eq!(inquiry.text.as_str(), if text.trim().is_empty() { "" } else { &text });
        check_sections(&inquiry);
    }

    #[test]
    fn any_html_is_shown(body in "(<[a-z/!]{1,12}( (style|class|id|type)=['\"a-z:_ 0]{0,20})?>|[あa \n&#;]{0,5}|</blockquote>|<blockquote>|<div class=gmail_quote>|&#x3042;){0,40}") {
        check_sections(&read_all(format!("Content-Type: text/html; charset=utf-8\n\n{body}").as_bytes()));
    }

    #[test]
    fn mutated_mails_are_read(raw in mutated()) {
        check_sections(&read_all(&raw));
    }
}

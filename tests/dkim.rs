//! DKIM signatures checked with keys from a DNS server of the test's own.
//!
//! `tests/dkim/rsa.eml` was signed by another implementation (dkimpy) with a key that nobody kept; its public half is
//! `rsa.txt`. All other mails are signed here.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "support/dns.rs"]
mod dns;

use std::fs;
use std::time::Duration;

use dns::{Dns, Says};
use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::dkim::Checker;
use madoguchi::store::Store;
use madoguchi::triage::decision::AuthLevel;
use madoguchi::triage::read::read;
use madoguchi::worker::Worker;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use mail_parser::decoders::base64::base64_decode;
use tempfile::TempDir;

const RSA_MAIL: &[u8] = include_bytes!("dkim/rsa.eml");
const RSA_KEY: &str = include_str!("dkim/rsa.txt");
const RSA_NAME: &str = "rsa._domainkey.customer.example.jp";
/// Longer than any answer on this machine takes.
const LONG: Duration = Duration::from_secs(20);
const MAIL: &str =
    "From: =?utf-8?B?5bGx55Sw?= <yamada@customer.example.jp>\r\nTo: support@desk.example\r\nSubject: a\r\n\r\nb\r\n";

/// Who signed, as far as a checker with this DNS can tell.
async fn signer(dns: &Dns, raw: &[u8]) -> Option<String> {
    Checker::asking(dns.address, LONG).unwrap().signer(raw, &read(raw, raw.len() as u64, true)).await
}

fn good() -> Option<String> {
    Some("customer.example.jp".to_string())
}

/// A fresh key: its DNS record and the mail signed with it for `domain`.
fn signed(domain: &str, fields: &[&str], mail: &str) -> (String, String) {
    let key = Ed25519Key::from_pkcs8_der(&Ed25519Key::generate_pkcs8().unwrap()).unwrap();
    let record = format!("v=DKIM1; k=ed25519; p={}", base64(&key.public_key()));
    let signer = DkimSigner::from_key(key).domain(domain).selector("s1").headers(fields.to_vec());
    let field = signer.sign(mail.as_bytes()).unwrap().to_header();
    (record, format!("{field}{mail}"))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |chunk: &[u8], at: usize| {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let index = (bits >> (18 - 6 * at)) & 63;
        if at <= chunk.len() { char::from(LETTERS[index as usize]) } else { '=' }
    };
    bytes.chunks(3).flat_map(|chunk| (0..4).map(move |at| letter(chunk, at))).collect()
}

#[tokio::test]
async fn a_japanese_mail_signed_elsewhere() {
    let dns = Dns::start(&[(RSA_NAME, Says::Text(RSA_KEY.trim().into()))]);
    assert_eq!(signer(&dns, RSA_MAIL).await, good());
}

#[tokio::test]
async fn a_maildir_keeps_line_feeds_only() {
    let dns = Dns::start(&[(RSA_NAME, Says::Text(RSA_KEY.trim().into()))]);
    let lines: Vec<u8> = RSA_MAIL.iter().copied().filter(|byte| *byte != b'\r').collect();
    assert_eq!(signer(&dns, &lines).await, good());
}

#[tokio::test]
async fn a_changed_mail_is_not_signed() {
    let dns = Dns::start(&[(RSA_NAME, Says::Text(RSA_KEY.trim().into()))]);
    let text = String::from_utf8(RSA_MAIL.to_vec()).unwrap();
    let changes = [
        text.replace("<Yamada@", "<tanaka@"),
        text.replace("Subject: ", "Subject: [EXTERNAL] "),
        format!("{text}footer\r\n"),
        text.replace("d=customer.example.jp", "d=example.jp"),
        text.replace("From: ", "From: x@customer.example.jp\r\nFrom: "),
        format!("From: x@customer.example.jp\r\n{text}"),
        text.replace("a=rsa-sha256", "a=rsa-sha1"),
    ];
    for changed in changes {
        assert_ne!(changed, text);
        assert_eq!(signer(&dns, changed.as_bytes()).await, None, "{changed}");
    }
}

#[tokio::test]
async fn whatever_dns_does_wrong_the_mail_is_not_signed() {
    let (other, _) = signed("customer.example.jp", &["From"], MAIL);
    for says in [
        Says::NoSuchName,
        Says::Failure,
        Says::Garbage,
        Says::Text(String::new()),
        Says::Text("v=DKIM1; k=rsa; p=".into()),
        Says::Text("v=DKIM1; k=rsa; p=!!!".into()),
        Says::Text("v=spf1 -all".into()),
        Says::Text(other),
    ] {
        let dns = Dns::start(&[(RSA_NAME, says.clone())]);
        // Rubbish is passed over, in case the real answer follows: short, so that the test need not wait for that.
        let checker = Checker::asking(dns.address, Duration::from_millis(300)).unwrap();
        let inquiry = read(RSA_MAIL, RSA_MAIL.len() as u64, true);
        assert_eq!(checker.signer(RSA_MAIL, &inquiry).await, None, "{says:?}");
    }
}

#[tokio::test]
async fn a_silent_dns_is_not_waited_for() {
    let dns = Dns::start(&[(RSA_NAME, Says::Nothing)]);
    let checker = Checker::asking(dns.address, Duration::from_millis(50)).unwrap();
    assert_eq!(checker.signer(RSA_MAIL, &read(RSA_MAIL, RSA_MAIL.len() as u64, true)).await, None);
}

#[tokio::test]
async fn part_of_a_mail_is_not_checked() {
    let dns = Dns::start(&[(RSA_NAME, Says::Text(RSA_KEY.trim().into()))]);
    let checker = Checker::asking(dns.address, LONG).unwrap();
    assert_eq!(checker.signer(RSA_MAIL, &read(RSA_MAIL, 10_000_000, false)).await, None);
    assert_eq!(dns.asked(), 0);
}

#[tokio::test]
async fn only_the_authors_own_domain_counts() {
    for (domain, expected) in [
        ("customer.example.jp", good()),
        ("example.jp", Some("example.jp".into())),
        ("evil.example", None),
        ("jp", None),
    ] {
        let (record, mail) = signed(domain, &["From", "Subject"], MAIL);
        let dns = Dns::start(&[(&format!("s1._domainkey.{domain}"), Says::Text(record))]);
        assert_eq!(signer(&dns, mail.as_bytes()).await, expected, "{domain}");
        assert_eq!(dns.asked() > 0, expected.is_some(), "nobody else's DNS is asked: {domain}");
    }
}

#[tokio::test]
async fn a_signature_that_leaves_out_the_sender_is_none() {
    let (record, mail) = signed("customer.example.jp", &["Subject"], MAIL);
    let dns = Dns::start(&[("s1._domainkey.customer.example.jp", Says::Text(record))]);
    assert_eq!(signer(&dns, mail.as_bytes()).await, None);
}

#[tokio::test]
async fn one_good_signature_among_bad_ones_is_enough() {
    let (record, mail) = signed("customer.example.jp", &["From"], MAIL);
    let (_, foreign) = signed("list.example", &["From"], MAIL);
    let foreign = &foreign[..foreign.len() - MAIL.len()];
    let broken = "DKIM-Signature: v=1; a=rsa-sha256; d=customer.example.jp; b=\r\n";
    let dns = Dns::start(&[("s1._domainkey.customer.example.jp", Says::Text(record))]);
    assert_eq!(signer(&dns, format!("{foreign}{broken}{mail}").as_bytes()).await, good());
}

#[tokio::test]
async fn a_thousand_signatures_ask_dns_five_times_at_most() {
    let (_, mail) = signed("customer.example.jp", &["From"], MAIL);
    let field = &mail[..mail.len() - MAIL.len()];
    let names: Vec<String> = (0..1000).map(|n| format!("s=x{n};")).collect();
    let fields: String = names.iter().map(|name| field.replace("s=s1;", name)).collect();
    let dns = Dns::start(&[]);
    assert_eq!(signer(&dns, format!("{fields}{MAIL}").as_bytes()).await, None);
    assert!((1..=5).contains(&dns.names()), "{}", dns.names());
}

#[tokio::test]
async fn mail_without_signature_asks_nothing() {
    let dns = Dns::start(&[]);
    for mail in [MAIL, "", "\r\n", "x", "DKIM-Signature: x\r\n\r\n", "From: \r\nDKIM-Signature: v=1\r\n"] {
        assert_eq!(signer(&dns, mail.as_bytes()).await, None);
    }
    assert_eq!(dns.asked(), 0);
}

#[tokio::test]
async fn a_desk_that_checks_writes_down_what_it_found() {
    let folder = TempDir::new().unwrap();
    for sub in ["Maildir/new", "Maildir/cur", "Maildir/tmp"] {
        fs::create_dir_all(folder.path().join(sub)).unwrap();
    }
    fs::write(folder.path().join("madoguchi.toml"), include_str!("dkim/desk.toml")).unwrap();
    fs::write(folder.path().join("Maildir/new/1.a.b"), RSA_MAIL).unwrap();
    let desk = config::load(&folder.path().join("madoguchi.toml")).unwrap().desks.remove(0);
    let clock = Clock::manual("2026-11-24T10:00:00+09:00".parse().unwrap());
    let store = Store::open(&folder.path().join("store.db"), clock.now()).unwrap();
    let mut worker = Worker::new(desk, store.clone(), clock).await.unwrap();
    let dns = Dns::start(&[(RSA_NAME, Says::Text(RSA_KEY.trim().into()))]);
    worker.check_dkim_with(Checker::asking(dns.address, LONG).unwrap());
    worker.until_idle().await.unwrap();
    let row = store.find("test", "rsa-1@customer.example.jp").await.unwrap().remove(0);
    let route = row.decision.unwrap().decision().unwrap().route;
    let expected = "not in the register; dkim=pass header.d=customer.example.jp, checked here";
    assert_eq!((route.authenticated, route.proof.as_str()), (AuthLevel::Strong, expected));
}

#[test]
fn keys_are_encoded_as_dns_holds_them() {
    for text in ["", "a", "ab", "abc", "abcd"] {
        let encoded = base64(text.as_bytes());
        assert_eq!(base64_decode(encoded.as_bytes()).unwrap_or_default(), text.as_bytes(), "{encoded}");
    }
}

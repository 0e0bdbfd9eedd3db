//! The promises that `cargo fuzz` attacks (`fuzz/src/lib.rs`), kept for every mail of `tests/mail`, whole and cut, and
//! for random input. Runs everywhere; `scripts/fuzz` searches longer.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../fuzz/src/lib.rs"]
mod promises;

use std::fs;
use std::path::Path;

use madoguchi::triage::decision::Disposition;
use madoguchi::triage::inquiry::{Section, SectionKind};
use madoguchi::triage::read::read;
use proptest::prelude::*;

/// Mails longer than this are for `tests/read.rs`.
const LONGEST: u64 = 20_000;

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mail");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mails = files.filter(|path| path.extension().is_some_and(|end| end == "eml"));
    mails.filter(|path| path.metadata().unwrap().len() < LONGEST).map(|path| fs::read(path).unwrap()).collect()
}

/// Every seed, whole and cut in three places.
fn over_seeds(promise: fn(&[u8])) {
    let seeds = seeds();
    assert!(seeds.len() >= 60, "only {} mails", seeds.len());
    for seed in seeds {
        for quarter in 1..=4 {
            promise(&seed[..seed.len() * quarter / 4]);
        }
    }
}

#[test]
fn seeds_are_read() {
    over_seeds(promises::read);
}

#[test]
fn seeds_are_divided() {
    over_seeds(promises::sections);
}

#[test]
fn seeds_are_decided() {
    over_seeds(promises::gate);
}

#[test]
fn seeds_are_folded() {
    over_seeds(promises::fold);
}

#[test]
fn seeds_prove_nobody() {
    over_seeds(promises::auth);
}

#[test]
fn seeds_are_answered_in_one_mail() {
    over_seeds(promises::compose);
}

#[test]
fn found_a_name_as_long_as_a_mail() {
    promises::compose("a ".repeat(5_000).as_bytes());
}

#[test]
fn the_desk_of_the_promises_does_answer() {
    let raw = "From: a@example.jp\nTo: support@desk.example\nSubject: x\nMessage-ID: <1@example.jp>\n\n設定の手順を教えてください。\n";
    let decision = promises::decided(&read(raw.as_bytes(), raw.len() as u64, true));
    assert_eq!((decision.disposition, decision.evidence.len()), (Disposition::Auto, 1), "{:?}", decision.reasons);
}

#[test]
#[should_panic(expected = "gap or overlap")]
fn a_broken_promise_is_seen() {
    promises::check_sections("ab", &[Section { kind: SectionKind::Body, start: 1, end: 2 }]);
}

/// A mail of a customer, with hostile pieces in every place.
fn mail() -> impl Strategy<Value = String> {
    let piece = "(設定の手順を教えてください。|ｻｰﾊﾞ―が落ちます|端末|見積|殴り込み|\\?|\n|\r| |=\\?utf-8\\?Q\\?=0D=0ABcc:_a@b\\?=|[ -~]{0,9}|\\PC{0,9}){0,6}";
    (piece, "[a-z.]{1,9}|\"\\PC{0,9}\"", piece, "[a-z0-9@<> ]{0,20}").prop_map(|(subject, local, body, id)| {
        let subject = subject.replace(['\r', '\n'], "\r\n ");
        format!(
            "From: {local}@example.jp\r\nTo: support@desk.example\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n"
        )
    })
}

/// Pieces of the grammar of RFC 8601 in any order.
const RESULTS: &str = "(mx\\.desk\\.example|;|=| |\\(|\\)|\"|\\\\|dmarc|dkim|spf|pass|fail|none|1|header\\.(d|from|i)|smtp\\.mailfrom|example\\.jp|@|reason){0,14}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_keep_every_promise(data in prop::collection::vec(any::<u8>(), 0..600)) {
        let promises = [promises::read, promises::sections, promises::gate, promises::auth, promises::fold, promises::compose];
        promises.iter().for_each(|promise| promise(&data));
    }

    #[test]
    fn any_text_keeps_every_promise_about_text(text in "\\PC{0,60}|[ｱｶﾞﾟ゛ーサーバ―\u{3099}\u{200B}㈱①İẞ\n 　a]{0,40}") {
        [promises::sections, promises::fold].iter().for_each(|promise| promise(text.as_bytes()));
    }

    #[test]
    fn any_mail_is_decided(mail in mail()) {
        promises::gate(mail.as_bytes());
    }

    #[test]
    fn any_results_prove_only_what_they_say(results in RESULTS) {
        promises::auth(results.as_bytes());
        promises::auth(format!("mx.desk.example; dmarc=pass header.from=example.jp {results}").as_bytes());
    }
}

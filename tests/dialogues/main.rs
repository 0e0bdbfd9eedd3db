//! Guided troubleshooting, with whole desks: a mail in, the mail out, time passes, the next mail.
//!
//! `tests/dialogues/*.txt` are scenarios. What the test does stands in lines of its own, what it saw below them:
//!
//! ```text
//! drafts                    staff want drafts
//! outage ID FROM UNTIL KNOWN   an outage that staff recorded; each time is a day and an hour
//! @ 2026-11-24 10:30        the desk works until then
//! << Subject                a mail comes in, its text below; with `Re:` it answers our last one
//! restart                   the desk ends and starts anew on its store
//! >> 10:30 flow-ask         what went out, without what every mail ends with
//! == auto flow-ask | flow   what was decided: disposition, first reason, labels
//! -- …                      what staff read of the dialogue when they take over
//! ```
//!
//! With `UPDATE_EXPECTED=1` what was seen is written into the files; read the diff before you commit it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod desk;

use std::fs;
use std::path::{Path, PathBuf};

use desk::Desk;
use madoguchi::triage::context::Drafts;

/// What the test does; the rest of a file is what it sees.
enum Doing {
    Until(String),
    Mail { subject: String, body: String },
    Restart,
    Drafts,
    Outage(String),
}

fn doings(text: &str) -> (String, Vec<Doing>) {
    let mut doings = Vec::new();
    let mut head = String::new();
    let mut in_mail = false;
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        in_mail &= !["@", "<<", "restart", "drafts", "outage", ">>", "==", "--"].contains(&mark);
        match (mark, doings.last_mut()) {
            ("@", _) => doings.push(Doing::Until(rest.to_owned())),
            ("restart", _) => doings.push(Doing::Restart),
            ("drafts", _) => doings.push(Doing::Drafts),
            ("outage", _) => doings.push(Doing::Outage(rest.to_owned())),
            ("<<", _) => {
                in_mail = true;
                doings.push(Doing::Mail { subject: rest.to_owned(), body: String::new() });
            }
            (_, Some(Doing::Mail { body, .. })) if in_mail => body.push_str(&format!("{line}\n")),
            (_, None) => head.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    (head, doings)
}

async fn played(text: &str) -> String {
    let (head, doings) = doings(text);
    let mut shown = head.clone();
    let mut desk = Desk::start().await;
    for doing in doings {
        match doing {
            Doing::Until(at) => {
                shown.push_str(&format!("@ {at}\n"));
                desk.clock.set(desk::tokyo(&at));
            }
            Doing::Restart => {
                shown.push_str("restart\n");
                desk.restart().await;
            }
            Doing::Drafts => {
                shown.push_str("drafts\n");
                desk.drafts = Drafts::Review;
                desk.restart().await;
            }
            Doing::Outage(outage) => {
                shown.push_str(&format!("outage {outage}\n"));
                desk.record(&outage);
            }
            Doing::Mail { subject, body } => {
                shown.push_str(&format!("<< {subject}\n{body}"));
                desk.deliver(&subject, body.trim_end());
            }
        }
        desk.work().await;
        shown.push_str(&desk.seen().await);
    }
    shown
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "txt"));
    files.sort();
    files
}

#[tokio::test]
async fn dialogues_go_as_the_scenarios_say() {
    let files = scenarios();
    assert!(files.len() >= 8, "only {} scenarios", files.len());
    let mut failures = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let seen = played(&text).await;
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, seen).unwrap();
        } else if seen != text {
            failures.push(format!("{}\n{seen}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

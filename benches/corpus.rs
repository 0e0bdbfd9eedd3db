//! The mails of the yardstick (`bench/README.md`) from raw bytes to the decision, on one core; `scripts/bench` runs it
//! beside a probe that only parses, decodes and scans.
//!
//! ```sh
//! CORPUS=bench-state/mails CONFIG=bench-state/desk/madoguchi.toml cargo bench --bench corpus
//! ```
//!
//! `OUT=FILE` also writes what each mail asks, `number<TAB>clauses` a line; `LOOPS` is how often each mail is decided.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on fails")]

use std::env::var;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use madoguchi::config::{self, RegisterSource};
use madoguchi::mailbox::HEAD_BYTES;
use madoguchi::triage::context::{Context, DeskProfile, History, Seen};
use madoguchi::triage::decision::Decision;
use madoguchi::triage::register::Register;
use madoguchi::triage::rulebook::Editions;
use madoguchi::triage::{decide, read};

/// A mail as the worker has it: its head.
struct Mail {
    number: u64,
    head: Vec<u8>,
    size: usize,
}

struct Desk {
    profile: DeskProfile,
    rules: Editions,
    register: Register,
}

fn main() {
    let (Ok(corpus), Ok(config)) = (var("CORPUS"), var("CONFIG")) else {
        println!("corpus: set CORPUS and CONFIG, or run scripts/bench");
        return;
    };
    let (desk, mails) = (desk(Path::new(&config)), mails(&corpus));
    let loops: usize = var("LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(3);
    let small: Vec<&Mail> = mails.iter().filter(|mail| mail.size < HEAD_BYTES).collect();
    let all: Vec<&Mail> = mails.iter().collect();
    for (name, mails) in [("decide under 64 KB", small), ("decide all", all)] {
        let before = cpu();
        for mail in (0..loops).flat_map(|_| &mails) {
            black_box(desk.decide(mail));
        }
        let spent = (cpu() - before) / (mails.len() * loops) as f64 * 1000.0;
        println!("{name:24} cpu/1000 {spent:.4}");
    }
    if let Ok(out) = var("OUT") {
        let mut lines = String::new();
        for mail in &mails {
            writeln!(lines, "{}\t{}", mail.number, desk.decide(mail).scopes.join(",")).unwrap();
        }
        fs::write(out, lines).unwrap();
    }
}

fn desk(config: &Path) -> Desk {
    let desk = config::load(config).unwrap().desks.remove(0);
    let RegisterSource::Files(register) = desk.register else { panic!("the register is read from files") };
    let rules = Editions::compile(&desk.edition, &desk.later).unwrap();
    Desk { profile: desk.profile, rules, register: Register::clone(&register) }
}

impl Desk {
    fn decide(&self, mail: &Mail) -> Decision {
        let inquiry = read::read(&mail.head, mail.size as u64, mail.head.len() == mail.size);
        let now = inquiry.date.unwrap_or_default();
        let (seen, history, notices, release) = (Seen::default(), History::default(), Vec::new(), None);
        let (desk, rules, register) = (&self.profile, self.rules.at(now), &self.register);
        let ctx =
            Context { now, desk, rules, register, seen, history, receipt: None, notices, outages: Vec::new(), release };
        decide(&inquiry, &ctx)
    }
}

fn mails(corpus: &str) -> Vec<Mail> {
    let truth = fs::read_to_string(format!("{corpus}/truth.jsonl")).unwrap();
    let mail = |line: &str| {
        let truth: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut head = fs::read(format!("{corpus}/mail/cur/{}", truth["file"].as_str().unwrap())).unwrap();
        let size = head.len();
        head.truncate(HEAD_BYTES);
        Mail { number: truth["i"].as_u64().unwrap(), head, size }
    };
    truth.lines().map(mail).collect()
}

/// Processor time of this thread, in seconds.
fn cpu() -> f64 {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    spent.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

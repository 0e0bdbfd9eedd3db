//! What one more mail costs when the store is long, and when the pack is large; `scripts/bench-flat` makes a table and a
//! picture of it.
//!
//! ```sh
//! MOST=1000000 cargo bench --bench flat
//! ```
//!
//! Prints one JSON object a line: `what` (`store` or `terms`), `n`, and `ms`, processor time a mail.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on fails")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use madoguchi::config::{embedded_pack, pack_from};
use madoguchi::store::{Effect, HistoryQuery, MailMeta, NewEffect, Outcome, Record, Store};
use madoguchi::triage::arrival::{Arrival, Item, MailKey};
use madoguchi::triage::circumstances::Circumstances;
use madoguchi::triage::context::{Context, DeskProfile, History, Seen};
use madoguchi::triage::decision::{Decision, Reply};
use madoguchi::triage::inquiry::{Inquiry, Mailbox};
use madoguchi::triage::register::Register;
use madoguchi::triage::rulebook::Editions;
use madoguchi::triage::{decide, read};

const DESK: &str = "desk";
/// Mails put in in one go, and mails measured.
const BATCH: u32 = 1000;
const MEASURED: u32 = 200;
/// People who write, each again and again.
const PEOPLE: u32 = 20_000;

fn main() {
    // `cargo test` runs this program, too, and has no time for it.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("flat: run it with cargo bench, or scripts/bench-flat");
        return;
    }
    let most: u32 = std::env::var("MOST").ok().and_then(|most| most.parse().ok()).unwrap_or(10_000);
    stores(most);
    [500, 5_000, 50_000].into_iter().for_each(terms);
}

fn told(what: &str, n: u32, spent: f64, mails: u32) {
    println!("{{\"what\": \"{what}\", \"n\": {n}, \"ms\": {:.4}}}", spent / f64::from(mails) * 1000.0);
}

/// Processor time of all threads, in seconds.
fn cpu() -> f64 {
    let threads = fs::read_dir("/proc/self/task").unwrap().flatten();
    let spent = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    spent.map(|spent| spent.split(' ').next().unwrap().parse::<f64>().unwrap()).sum::<f64>() / 1e9
}

// ---- a long store ----

fn stores(most: u32) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let filled = Filled::new(folder.path());
    let mut there = 0;
    for n in [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|n| *n <= most) {
        while there < n {
            runtime.block_on(filled.take(there, BATCH));
            there += BATCH;
        }
        let before = cpu();
        for more in 0..MEASURED {
            runtime.block_on(filled.take(there + more, 1));
        }
        told("store", n, cpu() - before, MEASURED);
        // The next batch begins behind them.
        there += BATCH;
    }
}

/// A store that takes mails, each with all that a worker asks and writes about it.
struct Filled {
    store: Store,
    decision: Decision,
}

impl Filled {
    fn new(folder: &Path) -> Filled {
        let store = Store::open(&folder.join("store.db"), at(0)).unwrap();
        let rules = Editions::compile(&embedded_pack("optim-biz").unwrap().into(), &[]).unwrap();
        let decision = decided(&mail(0), &DeskProfile::default(), &rules);
        Filled { store, decision }
    }

    /// Journals, decides and carries out so many mails.
    async fn take(&self, first: u32, count: u32) {
        let now = at(first);
        let arrivals = (first..first + count).map(arrival).collect();
        let ids = self.store.journal(DESK, arrivals, now).await.unwrap();
        let records: Vec<Record> = ids.iter().zip(first..).map(|(id, n)| self.record(*id, n)).collect();
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let decide = move |books: &madoguchi::store::Books<'_>| {
            books.desk_load(DESK, now)?;
            for record in &records {
                black_box(books.history(DESK, &HistoryQuery::new(record.mail, &record.meta), now)?);
                black_box((books.notices(DESK)?, books.outages(DESK)?, books.next_case(DESK, day)?));
                books.record_in_turn(record, None, now)?;
            }
            Ok(())
        };
        self.store.in_one(decide).await.unwrap();
        let ready = self.store.ready_to_send(DESK, now, count).await.unwrap();
        assert_eq!(ready.len(), count as usize);
        let carry_out = move |books: &madoguchi::store::Books<'_>| {
            for row in &ready {
                black_box(books.standing(row, true, now)?);
                books.start(row.id, now)?;
                books.finish(row.id, &Outcome::Done { note: None }, now)?;
            }
            Ok(())
        };
        self.store.in_one(carry_out).await.unwrap();
        black_box(self.store.next_due(DESK, now).await.unwrap());
    }

    fn record(&self, mail: madoguchi::store::MailId, n: u32) -> Record {
        let sender = sender(n);
        let meta = MailMeta {
            message_id: Some(format!("m{n}@customer.example")),
            sender: sender.clone(),
            // Every third mail names an earlier one of its sender.
            thread: n
                .is_multiple_of(3)
                .then(|| format!("m{}@customer.example", n.saturating_sub(PEOPLE)))
                .into_iter()
                .collect(),
            subject: format!("問い合わせ {}", n % 1000),
            signed_case: None,
            day: Some(at(n).to_zoned(jiff::tz::TimeZone::UTC).date()),
            bounce: None,
        };
        let decision = Decision { case: Some(format!("DE-{n}")), ..self.decision.clone() };
        let reply = reply(n, sender);
        let effects = vec![NewEffect { effect: Effect::Send(reply), due: None }];
        let circumstances = Circumstances {
            now: at(n),
            seen: Seen { mailbox: "INBOX".into(), ..Seen::default() },
            history: History::default(),
            receipt: Some(format!("DE-{n}")),
            notices: Vec::new(),
            outages: None,
            release: None,
        };
        Record { mail, meta, decision, effects, circumstances: Some(circumstances) }
    }
}

/// A mail every ten seconds.
fn at(n: u32) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(10 * i64::from(n))
}

fn sender(n: u32) -> String {
    format!("taro@c{}.example.jp", n % PEOPLE)
}

fn mail(n: u32) -> Vec<u8> {
    format!(
        "From: <{}>\r\nTo: support@desk.example\r\nSubject: =?utf-8?B?44GK5ZWP44GE5ZCI44KP44Gb?=\r\n\
         Message-ID: <m{n}@customer.example>\r\nDate: Thu, 1 Jan 2026 10:00:00 +0900\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         お世話になっております。\n端末のパスワードを設定する手順を教えてください。番号は {n} です。\n",
        sender(n)
    )
    .into_bytes()
}

fn arrival(n: u32) -> Arrival {
    let raw = mail(n);
    let key = MailKey { mailbox: "INBOX".into(), validity: 1, item: Item::Uid(n + 1) };
    Arrival { key, internal_date: Some(at(n)), flags: Vec::new(), size: raw.len() as u64, raw, complete: true }
}

fn reply(n: u32, address: String) -> Reply {
    Reply {
        template: "answer".into(),
        to: Mailbox { name: String::new(), address },
        at: None,
        until: None,
        follows: false,
        subject: "Re: お問い合わせ".into(),
        body: "ご案内いたします。\n".repeat(20),
        message_id: format!("r{n}@desk.example"),
        in_reply_to: Some(format!("m{n}@customer.example")),
        references: Vec::new(),
    }
}

// ---- a large pack ----

fn terms(n: u32) {
    let folder = tempfile::tempdir().unwrap();
    let rules = pack_of(n, folder.path());
    let desk = DeskProfile::default();
    let mails: Vec<Vec<u8>> = (0..MEASURED).map(mail).collect();
    mails.iter().for_each(|mail| drop(black_box(decided(mail, &desk, &rules))));
    let before = cpu();
    mails.iter().for_each(|mail| drop(black_box(decided(mail, &desk, &rules))));
    told("terms", n, cpu() - before, MEASURED);
}

/// The tests' small pack with so many terms, ten a rule: four syllables each, as long words are.
fn pack_of(terms: u32, folder: &Path) -> Editions {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
    for name in ["rules", "templates"] {
        let copied = std::process::Command::new("cp").arg("-r").arg(packs.join(name)).arg(folder).status();
        assert!(copied.unwrap().success());
    }
    let mut text = String::new();
    for rule in 0..terms / 10 {
        let words: Vec<String> = (0..10).map(|word| format!("\"{}\"", word_of(rule * 10 + word))).collect();
        let example = word_of(rule * 10);
        text += &format!(
            "[[rule]]\nid = \"r{rule}\"\nclause = \"fault\"\nscore = 2.5\nany = [{}]\nexamples = [\"{example}。\"]\n\
             counterexamples = [\"無関係。\"]\n",
            words.join(", ")
        );
    }
    fs::write(folder.join("rules/mini/many.toml"), text).unwrap();
    let pack = pack_from(&folder.join("rules"), &folder.join("templates"), "mini");
    Editions::compile(&pack.unwrap_or_else(|problems| panic!("{problems}")).into(), &[]).unwrap()
}

fn word_of(number: u32) -> String {
    const SYLLABLES: &str = "アイウエオカキクケコサシスセソタチツテト";
    let syllables: Vec<char> = SYLLABLES.chars().collect();
    let digit = |place: u32| syllables[(number / 20_u32.pow(place) % 20) as usize];
    // The number's digits, mixed, so that neighbours do not share their beginning.
    [digit(0), digit(2), digit(1), digit(3), 'ン'].iter().collect()
}

fn decided(raw: &[u8], desk: &DeskProfile, rules: &Editions) -> Decision {
    let inquiry: Inquiry = read::read(raw, raw.len() as u64, true);
    let register = Register::default();
    let now = inquiry.date.unwrap();
    let ctx = Context {
        now,
        desk,
        rules: rules.at(now),
        register: &register,
        seen: Seen::default(),
        history: History::default(),
        receipt: None,
        notices: Vec::new(),
        outages: Vec::new(),
        release: None,
    };
    decide(&inquiry, &ctx)
}

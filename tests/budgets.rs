//! Budgets and breaker with whole desks: Maildir, folder outbox, store on disk, a clock moved by hand.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::store::{CaseRow, EffectState, Store, StoreError, release_breaker};
use madoguchi::triage::read;
use madoguchi::worker::Worker;
use support::smtp::SmtpSink;
use tempfile::TempDir;

/// A Tuesday morning in opening hours.
const OPEN: &str = "2026-12-01T10:30:00+09:00";
/// What every pack answers by itself.
const QUESTION: &str = "お世話になっております。\nAndroid端末の登録方法を教えてください。\n設定の手順が分かりません。\nよろしくお願いいたします。\n";

/// A desk at work in a throw-away folder.
struct Desk {
    folder: TempDir,
    address: String,
    /// Lines of `[desk.outbox]`.
    outbox: String,
    clock: Clock,
    store: Option<Store>,
    worker: Option<Worker>,
    delivered: AtomicU32,
    collected: BTreeSet<PathBuf>,
}

impl Desk {
    async fn start(address: &str, clock: &Clock) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("mail").join(part)).unwrap();
        }
        // A known customer is answered each time; who is unknown is asked for the contract once.
        let register = "[[customer]]\nid = \"c\"\nname = \"c\"\ndomains = [\"customer.example\"]\n";
        fs::write(folder.path().join("register.toml"), register).unwrap();
        let (address, clock) = (address.to_owned(), clock.clone());
        let mut desk = Desk {
            folder,
            address,
            outbox: "kind = \"folder\"\npath = \"sent\"".into(),
            clock,
            store: None,
            worker: None,
            delivered: AtomicU32::new(0),
            collected: BTreeSet::new(),
        };
        desk.restart("").await;
        desk
    }

    /// Ends the desk and starts it on the same store. `budgets`: lines of `[desk.budgets]`.
    async fn restart(&mut self, budgets: &str) {
        self.worker = None;
        self.store = None;
        fs::write(self.config_file(), self.config_text(budgets)).unwrap();
        let config = config::load(&self.config_file()).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let store = Store::open(&self.store_file(), self.clock.now()).unwrap();
        let desk = config.desks.into_iter().next().unwrap();
        self.worker = Some(Worker::new(desk, store.clone(), self.clock.clone()).await.unwrap());
        self.store = Some(store);
    }

    fn config_file(&self) -> PathBuf {
        self.folder.path().join("madoguchi.toml")
    }

    fn store_file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    fn config_text(&self, budgets: &str) -> String {
        format!(
            r#"
[store]
path = "store.db"
[[desk]]
id = "test"
name = "試験窓口"
address = "{}"
pack = "optim-biz"
authentication = "off"
max_age_hours = 0
answer_since = 2020-01-01T00:00:00+09:00
register = "register.toml"
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
{}
[desk.budgets]
{budgets}
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
license = {{ name = "契約窓口", contact = "license@desk.example" }}
onsite = {{ name = "導入支援", contact = "onsite@desk.example" }}
"#,
            self.address, self.outbox
        )
    }

    fn deliver(&self, raw: &[u8]) {
        let number = self.delivered.fetch_add(1, Ordering::Relaxed);
        let (written, name) = (self.folder.path().join("mail/tmp/x"), format!("17{number:08}.M{number}.test"));
        fs::write(&written, raw).unwrap();
        fs::rename(written, self.folder.path().join("mail/new").join(name)).unwrap();
    }

    /// A question from `from` with a subject of its own.
    fn ask(&self, from: &str) {
        let number = self.delivered.load(Ordering::Relaxed);
        self.deliver(&mail(from, &self.address, &format!("端末登録の質問 {number}"), &self.clock));
    }

    async fn work(&mut self) {
        self.worker.as_mut().unwrap().until_idle().await.unwrap();
    }

    fn wait(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
    }

    /// Answers sent since the last call.
    fn collect(&mut self) -> Vec<Vec<u8>> {
        let files: BTreeSet<PathBuf> = emls(&self.folder.path().join("sent"));
        let new: Vec<PathBuf> = files.difference(&self.collected).cloned().collect();
        self.collected = files;
        new.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    fn sent(&self) -> usize {
        emls(&self.folder.path().join("sent")).len()
    }

    /// Oldest first.
    async fn rows(&self) -> Vec<CaseRow> {
        let mut rows = self.store.as_ref().unwrap().overview(None, 10_000).await.unwrap();
        rows.reverse();
        rows
    }

    async fn is_open(&self) -> bool {
        let load = self.store.as_ref().unwrap().desk_load("test", self.clock.now()).await.unwrap();
        load.open_since.is_some()
    }
}

fn emls(folder: &Path) -> BTreeSet<PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|e| e == "eml")).collect()
}

fn mail(from: &str, to: &str, subject: &str, clock: &Clock) -> Vec<u8> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let (number, date) = (NUMBER.fetch_add(1, Ordering::Relaxed), clock.now().strftime("%a, %d %b %Y %H:%M:%S +0000"));
    format!(
        "From: {from}\nTo: {to}\nSubject: {subject}\nDate: {date}\nMessage-ID: <fresh{number}@robot.example>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{QUESTION}"
    )
    .into_bytes()
}

/// An answer as the rudest robot passes it on: its own headers only, a fresh id, and the same question again.
fn stripped(answer: &[u8], from: &str, to: &str, clock: &Clock) -> Vec<u8> {
    let subject = read::read(answer, answer.len() as u64, true).subject;
    mail(from, to, &subject, clock)
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Two desks that write to each other until nobody answers any more; how many answers that were.
async fn exchange(subject: &str, pause: SignedDuration, intact: bool) -> usize {
    let clock = Clock::manual(OPEN.parse::<Timestamp>().unwrap());
    let (one, other) = ("support@one.example", "support@other.example");
    let mut desks = [Desk::start(one, &clock).await, Desk::start(other, &clock).await];
    desks[0].deliver(&mail(other, one, subject, &clock));
    let (mut answers, mut in_transit) = (0, 1);
    for turn in 0..20 {
        if in_transit == 0 {
            break;
        }
        let [here, there] = [turn % 2, (turn + 1) % 2];
        desks[here].work().await;
        in_transit = 0;
        for answer in desks[here].collect() {
            in_transit += 1;
            let (from, to) = (desks[here].address.clone(), desks[there].address.clone());
            let passed_on = if intact { answer } else { stripped(&answer, &from, &to, &clock) };
            desks[there].deliver(&passed_on);
        }
        answers += in_transit;
        desks[here].wait(pause);
    }
    answers
}

#[tokio::test]
async fn two_desks_that_write_to_each_other_exchange_two_mails_at_most() {
    assert_eq!(exchange("端末の登録", MINUTE, true).await, 1, "headers intact");
    // Robots that take their time stay in business hours: Tuesday, Wednesday, Thursday.
    for (subject, pause) in
        [("端末の登録", MINUTE), ("端末の登録", HOUR * 25), ("", MINUTE), (&"端末の登録".repeat(80), MINUTE)]
    {
        assert_eq!(exchange(subject, pause, false).await, 2, "headers stripped, {subject:.20} {pause}");
    }
}

#[tokio::test]
async fn one_sender_gets_three_answers_a_day_however_many_threads_he_opens() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    for number in 0..50 {
        desk.ask(&format!("Taro+{number}@customer.example"));
        desk.work().await;
        if number == 25 {
            desk.restart("").await;
        }
        desk.wait(MINUTE * 28);
    }
    desk.wait(HOUR * 24);
    desk.work().await;
    assert_eq!(desk.sent(), 3);
    desk.wait(HOUR * 24);
    desk.ask("taro@customer.example");
    desk.work().await;
    desk.wait(HOUR * 72);
    desk.work().await;
    assert_eq!(desk.sent(), 4, "and again on another day");
}

#[tokio::test]
async fn one_domain_gets_twenty_answers_an_hour_and_free_mail_is_no_domain() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    for number in 0..100 {
        desk.ask(&format!("user{number}@host{number}.customer.example"));
        desk.work().await;
        desk.wait(SignedDuration::from_secs(30));
    }
    assert_eq!(desk.sent(), 20);
    desk.wait(HOUR * 2);
    for number in 0..25 {
        desk.ask(&format!("user{number}@gmail.com"));
    }
    desk.ask("user101@customer.example");
    desk.work().await;
    assert_eq!(desk.sent(), 20 + 26);
    assert!(!desk.is_open().await);
}

#[tokio::test]
async fn a_flood_opens_the_breaker_until_it_is_released() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    for number in 0..500 {
        desk.ask(&format!("user@flood{number}.example"));
        if number % 10 == 9 {
            desk.work().await;
        }
        if number == 250 {
            desk.restart("").await;
        }
        desk.wait(SignedDuration::from_secs(5));
    }
    assert_eq!(desk.sent(), 30, "half of desk_per_hour at a new desk");
    assert!(desk.is_open().await);
    let rows = desk.rows().await;
    assert_eq!(rows.len(), 500);
    for row in &rows[30..] {
        let decision = row.decision.as_ref().unwrap().decision().unwrap();
        assert_eq!((row.decision.as_ref().unwrap().disposition.as_str(), row.effects.len()), ("review", 1));
        assert!(decision.gate.hits.iter().any(|hit| hit.rule == "R21" && hit.detail == "breaker open"));
    }
    desk.wait(HOUR * 2);
    desk.ask("patient@customer.example");
    desk.work().await;
    assert_eq!(desk.sent(), 30, "time alone does not release it");

    assert!(release_breaker(&desk.store_file(), "test", desk.clock.now()).unwrap(), "beside the running desk");
    assert!(!release_breaker(&desk.store_file(), "test", desk.clock.now()).unwrap());
    desk.ask("grateful@customer.example");
    desk.work().await;
    assert_eq!(desk.sent(), 31);
}

#[tokio::test]
async fn a_release_within_the_hour_lets_the_desk_go_on_with_a_new_count() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    desk.restart("desk_per_hour = 4").await;
    for number in 0..10 {
        if number == 5 {
            desk.wait(MINUTE);
            assert!(release_breaker(&desk.store_file(), "test", desk.clock.now()).unwrap());
            desk.wait(MINUTE);
        }
        desk.ask(&format!("user@c{number}.example"));
        desk.work().await;
    }
    assert_eq!(desk.sent(), 4, "two, then two more");
    assert!(desk.is_open().await);
}

#[tokio::test]
async fn mail_that_is_not_answered_anyway_opens_no_breaker() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    desk.restart("desk_per_hour = 2").await;
    desk.ask("user@customer.example");
    let robot = mail("user@robot.example", &desk.address, "端末の登録", &desk.clock);
    desk.deliver(&[b"Auto-Submitted: auto-replied\n", robot.as_slice()].concat());
    desk.work().await;
    assert_eq!(desk.sent(), 1);
    assert!(!desk.is_open().await);
}

/// Answers decided on Tuesday night, for Wednesday morning.
async fn with_queued_answers(senders: &[&str]) -> Desk {
    let night = "2026-12-01T22:00:00+09:00".parse().unwrap();
    let mut desk = Desk::start("support@desk.example", &Clock::manual(night)).await;
    for sender in senders {
        desk.ask(sender);
    }
    desk.work().await;
    assert_eq!(desk.collect().len(), senders.len(), "each is told that the mail came");
    desk
}

/// What was decided about each mail, and whether a person or the gate decided it.
async fn ends(desk: &Desk) -> Vec<String> {
    let rows = desk.rows().await;
    let end = |row: &CaseRow| {
        let decision = row.decision.as_ref().unwrap().decision().unwrap();
        format!("{} {}", decision.disposition.as_str(), decision.reasons[0].code)
    };
    rows.iter().map(end).collect()
}

#[tokio::test]
async fn a_queued_answer_is_not_sent_while_the_breaker_is_open() {
    let mut desk = with_queued_answers(&["taro@customer.example"]).await;
    desk.store.as_ref().unwrap().open_breaker("test", desk.clock.now()).await.unwrap();
    desk.wait(HOUR * 13);
    desk.work().await;
    assert_eq!((desk.collect().len(), ends(&desk).await), (0, vec!["review gate-R21".to_owned()]));
    let effects = desk.rows().await.remove(0).effects;
    let label = effects.iter().find(|effect| effect.kind == "remove-labels").unwrap();
    assert_eq!(label.state, EffectState::Done, "staff see that it does not wait any more");
}

#[tokio::test]
async fn queued_answers_beyond_the_budget_of_their_time_are_not_sent() {
    let mut desk = with_queued_answers(&["taro@customer.example", "hanako@customer.example"]).await;
    desk.restart("domain_per_hour = 1").await;
    desk.wait(HOUR * 13);
    desk.work().await;
    assert_eq!((desk.collect().len(), ends(&desk).await), (1, vec!["auto clear".into(), "review gate-R21".into()]));
}

#[tokio::test]
async fn answers_that_go_out_side_by_side_count_for_each_other() {
    let mut sink = SmtpSink::start();
    sink.stop();
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    desk.outbox = format!(
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nbounce_address = \"b@desk.example\"\nconnections = 4",
        sink.port
    );
    desk.restart("").await;
    (0..5).for_each(|number| desk.ask(&format!("user{number}@customer.example")));
    desk.work().await;
    sink.restart();
    desk.restart("domain_per_hour = 2").await;
    desk.wait(SignedDuration::from_mins(1));
    desk.work().await;
    assert_eq!(sink.count(), 2);
}

#[tokio::test]
async fn answers_that_others_aim_at_one_person_are_counted_for_him() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    for number in 0..5 {
        let from = format!("user{number}@customer.example\nReply-To: victim@customer.example");
        desk.deliver(&mail(&from, &desk.address, &format!("端末登録の質問 {number}"), &desk.clock));
        desk.work().await;
    }
    assert_eq!(desk.sent(), 3);
}

fn breaker(desk: &Desk, args: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    command.arg("breaker").args(args).arg("-c").arg(desk.config_file()).env("LC_ALL", "C");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_command_shows_and_releases_while_the_desk_is_at_work() {
    let mut desk = Desk::start("support@desk.example", &Clock::manual(OPEN.parse().unwrap())).await;
    desk.ask("taro@customer.example");
    desk.work().await;
    assert!(matches!(Store::open(&desk.store_file(), desk.clock.now()), Err(StoreError::Locked { .. })));
    let state = |desk: &Desk| {
        let (ok, line) = breaker(desk, &["--json"]);
        assert!(ok, "{line}");
        serde_json::from_str::<serde_json::Value>(&line).unwrap()
    };
    let shown = state(&desk);
    assert_eq!((&shown["desk"], &shown["breaker"], &shown["limit"]), (&"test".into(), &"closed".into(), &30.into()));
    desk.store.as_ref().unwrap().open_breaker("test", desk.clock.now()).await.unwrap();
    assert_eq!(state(&desk)["open_since"], "2026-12-01T01:30:00Z");
    assert!(breaker(&desk, &[]).1.contains("stopped since 2026-12-01T01:30:00Z"));

    assert_eq!(
        breaker(&desk, &["release", "--desk", "test"]),
        (true, "test: released: it answers by itself again\n".into())
    );
    assert_eq!(breaker(&desk, &["release", "--desk", "test"]), (true, "test: was not stopped\n".into()));
    assert_eq!(state(&desk)["breaker"], "closed");
    desk.ask("hanako@customer.example");
    desk.work().await;
    assert_eq!(desk.sent(), 2);

    let (ok, said) = breaker(&desk, &["release", "--desk", "other"]);
    assert!(!ok && said.contains("has no such desk; it has: test"), "{said}");
    desk.worker = None;
    desk.store = None;
    fs::remove_file(desk.store_file()).unwrap();
    let (ok, said) = breaker(&desk, &[]);
    assert!(!ok && said.contains("there is no store here"), "{said}");
}

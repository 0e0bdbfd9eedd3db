//! A desk in a throw-away folder: Maildir, folder outbox, store on a file, a clock moved by hand.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::store::{CaseRow, Store};
use madoguchi::triage::decision::Decision;
use madoguchi::triage::read;
use madoguchi::worker::Worker;
use tempfile::TempDir;

pub const ADDRESS: &str = "support@desk.example";

/// Keys of the desk that let a test send as much as it likes.
const WIDE: &str = "sender_per_day = 1000\ndomain_per_hour = 100000\ndesk_per_hour = 100000";

pub struct Desk {
    folder: TempDir,
    pub clock: Clock,
    pub store: Option<Store>,
    pub worker: Option<Worker>,
    delivered: usize,
    /// Names of the answers that were looked at.
    collected: HashSet<OsString>,
    /// Further keys of the desk.
    keys: String,
}

/// A mail that went out. A year has thousands of them: the text is read only where it is looked at.
#[derive(Debug, Clone)]
pub struct Sent {
    pub at: Timestamp,
    /// Without the domain.
    pub in_reply_to: String,
    raw: Vec<u8>,
}

impl Sent {
    fn new(raw: Vec<u8>) -> Sent {
        let head = String::from_utf8_lossy(&raw);
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let at = jiff::fmt::rfc2822::parse(field("Date:")).unwrap().timestamp();
        let id = field("In-Reply-To:").trim_start_matches('<').split('@').next().unwrap_or_default();
        Sent { at, in_reply_to: id.to_owned(), raw: raw.clone() }
    }

    pub fn text(&self) -> String {
        read::read(&self.raw, self.raw.len() as u64, true).text
    }

    /// It begins with 「受け付けました」, in base64.
    pub fn is_acknowledgement(&self) -> bool {
        const BASE64: &[u8] = b"5Y+X44GR5LuY44GR44G+44GX44Gf";
        self.raw.windows(BASE64.len()).any(|bytes| bytes == BASE64)
    }
}

/// `2026-11-20T22:00` in Tokyo.
pub fn tokyo(text: &str) -> Timestamp {
    format!("{text}+09:00").parse().unwrap()
}

impl Desk {
    /// Open as the terms say, with national holidays.
    pub async fn start(at: &str, keys: &str) -> Desk {
        // A store that syncs to a real disk takes minutes for a year.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("mail").join(part)).unwrap();
        }
        let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(packs.join("rules")).arg(packs.join("templates")).arg(folder.path());
        assert!(copy.status().is_ok_and(|status| status.success()));
        fs::copy(packs.join("register.toml"), folder.path().join("register.toml")).unwrap();
        let calendar = folder.path().join("rules/mini/calendar.toml");
        let hours = fs::read_to_string(&calendar).unwrap();
        fs::write(calendar, hours.replace("[week]", "holidays = \"japan\"\n[week]")).unwrap();
        let (clock, collected) = (Clock::manual(tokyo(at)), HashSet::new());
        let keys = keys.to_owned();
        let mut desk = Desk { folder, clock, store: None, worker: None, delivered: 0, collected, keys };
        desk.restart().await;
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ends the desk, however far it is, and starts it anew on the same store.
    pub async fn restart(&mut self) {
        self.worker = None;
        self.store = None;
        fs::write(self.path("madoguchi.toml"), self.config_text()).unwrap();
        let config = config::load(&self.path("madoguchi.toml")).unwrap_or_else(|problems| panic!("{problems}"));
        let store = Store::open(&config.store, self.clock.now()).unwrap();
        let desk = config.desks.into_iter().next().unwrap();
        self.worker = Some(Worker::new(desk, store.clone(), self.clock.clone()).await.unwrap());
        self.store = Some(store);
    }

    pub async fn restart_with(&mut self, keys: &str) {
        self.keys = keys.to_owned();
        self.restart().await;
    }

    fn config_text(&self) -> String {
        let authentication = if self.keys.contains("authentication") { "" } else { "authentication = \"off\"" };
        let (top, keys) = self.keys.split_once("====\n").unwrap_or(("", &self.keys));
        format!(
            r#"
{top}
[store]
path = "store.db"
[packs]
rules = "rules"
templates = "templates"
[[desk]]
id = "test"
name = "試験窓口"
address = "{ADDRESS}"
pack = "mini"
register = "register.toml"
{authentication}
answer_since = 2020-01-01T00:00:00+09:00
sent_copy = false
{keys}
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.budgets]
{WIDE}
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
"#
        )
    }

    /// Delivers a mail that arrives now; answers its file.
    pub fn deliver(&mut self, id: &str, from: &str, subject: &str, body: &str) -> PathBuf {
        self.delivered += 1;
        let now = self.clock.now();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let raw = format!(
            "Return-Path: <{from}>\nFrom: {from}\nTo: {ADDRESS}\nSubject: {subject}\nDate: {date}\nMessage-ID: <{id}@customer.example>\n\
             MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n"
        );
        let written = self.path("mail/tmp/x");
        fs::write(&written, raw).unwrap();
        File::options().write(true).open(&written).unwrap().set_modified(now.into()).unwrap();
        let file = self.path("mail/new").join(format!("{:010}.M{:05}.test", now.as_second(), self.delivered));
        fs::rename(written, &file).unwrap();
        file
    }

    pub async fn work(&mut self) {
        self.worker.as_mut().unwrap().until_idle().await.unwrap();
    }

    /// Sets the clock and works.
    pub async fn work_at(&mut self, at: &str) {
        self.clock.set(tokyo(at));
        self.work().await;
    }

    pub fn wait(&self, time: SignedDuration) {
        self.clock.set(self.clock.now() + time);
    }

    /// What went out since the last call, oldest first.
    pub fn collect(&mut self) -> Vec<Sent> {
        let files = fs::read_dir(self.path("sent")).unwrap().map(|entry| entry.unwrap());
        let new: Vec<_> = files.filter(|file| self.collected.insert(file.file_name())).collect();
        let mut sent: Vec<Sent> = new.iter().map(|file| Sent::new(fs::read(file.path()).unwrap())).collect();
        sent.sort_by_key(|mail| mail.at);
        sent
    }

    /// Oldest first.
    pub async fn rows(&self) -> Vec<CaseRow> {
        let mut rows = self.store.as_ref().unwrap().overview(None, 100_000).await.unwrap();
        rows.reverse();
        rows
    }

    /// Disposition and first reason of each mail, oldest first.
    pub async fn ends(&self) -> Vec<String> {
        let end = |row: &CaseRow| {
            let Decision { disposition, reasons, .. } = row.decision.as_ref().unwrap().decision().unwrap();
            format!("{} {}", disposition.as_str(), reasons[0].code)
        };
        self.rows().await.iter().map(end).collect()
    }

    /// The labels of each mail in the mailbox, oldest first.
    pub async fn labels(&self) -> Vec<String> {
        let of = |row: &CaseRow| {
            let madoguchi::triage::arrival::Item::File(name) = &row.key.item else { return String::new() };
            let base = name.split(":2,").next().unwrap();
            let labels = fs::read_to_string(self.path("mail/madoguchi-labels").join(base)).unwrap_or_default();
            let mut labels: Vec<&str> = labels.lines().map(|label| label.trim_start_matches("mado-")).collect();
            labels.sort_unstable();
            labels.join(" ")
        };
        self.rows().await.iter().map(of).collect()
    }
}

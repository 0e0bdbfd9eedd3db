//! An installation in a throw-away folder, and the program at work in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use madoguchi::store::{CaseRow, Store};
use tempfile::TempDir;

use crate::support::desk::ALL;
use crate::support::dovecot::{Dovecot, MARKED, PASSWORD, USER};
use crate::support::smtp::{SmtpSink, eventually};

/// Stands in every mail and must stand in no log.
const PRIVATE: &str = "内緒話";

/// What the program is started with; `{}` is the configuration.
pub const RUN: &[&str] = &["run", "-c", "{}"];
pub const ONCE: &[&str] = &["run", "--once", "-c", "{}"];
pub const CHECK: &[&str] = &["check", "-c", "{}"];

/// A folder with `madoguchi.toml`, own packs that are open day and night, and a password file.
pub struct Site {
    folder: TempDir,
    starts: AtomicU32,
}

impl Site {
    pub fn new(desks: &[Desk]) -> Site {
        let site = Site { folder: tempfile::tempdir().unwrap(), starts: AtomicU32::new(0) };
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packs");
        for folder in ["rules", "templates"] {
            let copied = Command::new("cp").arg("-r").arg(here.join(folder)).arg(site.path(folder)).status();
            assert!(copied.is_ok_and(|status| status.success()), "cannot copy {folder}");
        }
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let week: String = days.map(|day| format!("{day} = [\"00:00-24:00\"]\n")).concat();
        site.write("rules/mini/calendar.toml", &format!("time_zone = \"Asia/Tokyo\"\n[week]\n{week}"));
        site.write("password", PASSWORD);
        site.write("wrong-password", "wrong");
        site.configure(desks);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn configure(&self, desks: &[Desk]) {
        let desks: String = desks.iter().map(Desk::text).collect();
        let packs = "[packs]\nrules = \"rules\"\ntemplates = \"templates\"\n";
        self.write("madoguchi.toml", &format!("[store]\npath = \"state/store.db\"\n{packs}{desks}"));
    }

    pub fn start(&self) -> Running {
        self.spawn(&[], RUN)
    }

    /// Works off what is there; must end well.
    pub fn once(&self) -> Ended {
        let ended = self.spawn(&[], ONCE).ended();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended
    }

    /// Works off what is there, however long that takes.
    pub fn drained(&self) {
        const PART: Duration = Duration::from_secs(20);
        loop {
            let (mut running, begun) = (self.spawn(&[], ONCE), Instant::now());
            eventually("a part is worked off", || (running.has_ended() || begun.elapsed() > PART).then_some(()));
            if running.has_ended() {
                assert_eq!(running.ended().code, Some(0));
                return;
            }
            assert_eq!(running.stop().code, Some(0));
        }
    }

    /// Starts the program with `arguments` through `wrapper`, another program that starts what it is given.
    pub fn spawn(&self, wrapper: &[&str], arguments: &[&str]) -> Running {
        let config = self.path("madoguchi.toml");
        let mut words = wrapper.iter().copied().chain([env!("CARGO_BIN_EXE_madoguchi")]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(arguments.iter().map(|word| word.replace("{}", config.to_str().unwrap())));
        let log = self.path(&format!("log.{}", self.starts.fetch_add(1, Ordering::Relaxed)));
        let stderr = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.env("LC_ALL", "C.UTF-8").env("MADOGUCHI_LOG", "info,madoguchi=trace");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        Running { child, log }
    }

    /// What a command prints; it must end well.
    pub fn says(&self, arguments: &[&str]) -> String {
        let config = self.path("madoguchi.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
        command.args(arguments.iter().map(|word| word.replace("{}", config.to_str().unwrap())));
        let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The journal, newest mail first; also while somebody works with it.
    pub fn rows(&self) -> Vec<CaseRow> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let store = Store::open_reading(&self.path("state/store.db")).unwrap();
        runtime.block_on(store.overview(None, ALL)).unwrap()
    }
}

/// A desk of the configuration, as text.
pub struct Desk {
    pub id: &'static str,
    /// Further keys of the desk.
    pub keys: String,
    pub mailbox: String,
    pub outbox: String,
    /// Further tables of the desk.
    pub tables: String,
}

impl Desk {
    pub fn new(id: &'static str, mailbox: String, outbox: String) -> Desk {
        Desk { id, keys: String::new(), mailbox, outbox, tables: String::new() }
    }

    /// Plain text on this machine; woken by IDLE alone.
    pub fn on(id: &'static str, dovecot: &Dovecot, sink: &SmtpSink) -> Desk {
        Desk::new(id, imap(dovecot.port), smtp(sink.port))
    }

    pub fn keys(self, keys: &str) -> Desk {
        Desk { keys: keys.to_owned(), ..self }
    }

    pub fn tables(self, tables: &str) -> Desk {
        Desk { tables: tables.to_owned(), ..self }
    }

    fn text(&self) -> String {
        let Desk { id, keys, mailbox, outbox, tables } = self;
        format!(
            r#"
[[desk]]
id = "{id}"
name = "試験窓口"
address = "{id}@desk.example"
pack = "mini"
authentication = "off"
max_age_hours = 0
answer_since = 2020-01-01T00:00:00+09:00
signature = "試験窓口"
{keys}
[desk.mailbox]
{mailbox}
[desk.outbox]
{outbox}
[desk.budgets]
desk_per_hour = 100000
domain_per_hour = 100000
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
{tables}
"#
        )
    }
}

pub fn imap(port: u16) -> String {
    imap_as(port, "tls = \"none\"")
}

/// `tls`: lines about the protection.
pub fn imap_as(port: u16, tls: &str) -> String {
    format!(
        "kind = \"imap\"\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{USER}\"\npassword = {{ file = \"password\" }}\n\
         poll_seconds = 3600\n{tls}"
    )
}

pub fn smtp(port: u16) -> String {
    format!("kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nbounce_address = \"b@desk.example\"")
}

/// Dovecot that does not let a wrong password wait.
pub fn dovecot() -> Dovecot {
    Dovecot::start_with(MARKED, "auth_failure_delay = 0\n")
}

/// The program at work; killed when dropped.
pub struct Running {
    child: Child,
    log: PathBuf,
}

/// How it ended, and everything it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub log: String,
}

impl Running {
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn wait_for(&self, words: &str) {
        self.wait_until(words, |log| log.contains(words));
    }

    pub fn wait_until(&self, what: &str, found: impl Fn(&str) -> bool) {
        eventually(&format!("the log says: {what}"), || found(&self.log()).then_some(()));
    }

    /// `TERM`, `INT`, `KILL` …
    pub fn signal(&self, name: &str) {
        let told = Command::new("kill").arg(format!("-{name}")).arg(self.pid()).status();
        assert!(told.is_ok_and(|status| status.success()), "it has ended already:\n{}", self.log());
    }

    pub fn stop(self) -> Ended {
        self.signal("TERM");
        self.ended()
    }

    pub fn ended(mut self) -> Ended {
        let status = eventually("the program ends", || self.child.try_wait().unwrap());
        let ended = Ended { code: status.code(), log: self.log() };
        discreet(&ended.log);
        ended
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the program's log:\n{}", self.log());
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// No full address, no mail text, no password (invariant 8). Text of the configuration itself is the operator's.
fn discreet(log: &str) {
    for line in log.lines().filter(|line| !line.contains(" | ")) {
        let full = |(at, _): (usize, &str)| line[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        assert!(!line.match_indices('@').any(full), "a full address: {line}");
        assert!(!line.contains(PRIVATE) && !line.contains("手順"), "mail text: {line}");
        assert!(!line.contains(&PASSWORD[..4]), "the password: {line}");
    }
}

/// What a customer may write, as it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// auto, in scope: `how`
    HowTo,
    /// auto, out of scope: `buy`
    Purchase,
    /// review, and nothing was understood
    Unclear,
    /// review, between `how` and `visit`
    Doubtful,
    /// hold
    Threat,
    /// ignore
    Robot,
}

/// Message-ID of [`mail`].
pub fn id(number: usize) -> String {
    format!("m{number}@firm{number}.example")
}

/// A mail from a customer of its own.
pub fn mail(number: usize, kind: Kind) -> Vec<u8> {
    let (extra, body) = match kind {
        Kind::HowTo => ("", "設定の手順を教えてください。"),
        Kind::Purchase => ("", "見積をお願いします。"),
        Kind::Unclear => ("", "あの件はどうなりましたでしょうか。"),
        Kind::Doubtful => ("", "来社の手順を教えてください。"),
        Kind::Threat => ("", "殴り込みに行くぞ。"),
        Kind::Robot => ("Auto-Submitted: auto-replied\r\n", "休暇をいただいております。"),
    };
    let customer = format!("kyaku@firm{number}.example");
    let (from, bounces) = match kind {
        Kind::Robot => (format!("MAILER-DAEMON@firm{number}.example"), ""),
        _ => (customer.clone(), customer.as_str()),
    };
    format!(
        "Return-Path: <{bounces}>\r\nFrom: =?utf-8?B?{PRIVATE_B64}?= <{from}>\r\n\
         To: desk@desk.example, other@desk.example\r\nSubject: =?utf-8?B?{PRIVATE_B64}?=\r\nMessage-ID: <{}>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0900\r\n{extra}MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{body}\r\n\r\n{PRIVATE}\r\n",
        id(number)
    )
    .into_bytes()
}

/// [`PRIVATE`] in base64.
const PRIVATE_B64: &str = "5YaF57eS6Kmx";

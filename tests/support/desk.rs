//! A whole desk for tests: Dovecot, smtp-sink, a store and a configuration in a throw-away folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::store::{CaseRow, EffectState, Store};
use madoguchi::triage::decision::Action;
use madoguchi::worker::Worker;
use tempfile::TempDir;

use super::dovecot::{Dovecot, PASSWORD, USER};
use super::smtp::{Received, SmtpSink};

/// More mails than any test delivers.
pub const ALL: u32 = 1_000_000;
/// A Tuesday morning in opening hours, after all dates of the corpus.
pub const OPEN: &str = "2026-12-01T10:30:00+09:00";

pub struct TestDesk {
    pub dovecot: Dovecot,
    pub sink: SmtpSink,
    pub clock: Clock,
    pub folder: TempDir,
}

impl TestDesk {
    /// A desk with the embedded pack `pack`. `register`: text of the register file.
    pub fn start(pack: &str, register: &str) -> TestDesk {
        let desk = TestDesk {
            dovecot: Dovecot::start(),
            sink: SmtpSink::start(),
            clock: Clock::manual(OPEN.parse().unwrap()),
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(desk.folder.path().join("register.toml"), register).unwrap();
        fs::write(desk.folder.path().join("password"), PASSWORD).unwrap();
        fs::write(desk.config_file(), desk.config_text(pack)).unwrap();
        desk
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.path().join("madoguchi.toml")
    }

    pub fn store_file(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    fn config_text(&self, pack: &str) -> String {
        let (imap, smtp) = (self.dovecot.port, self.sink.port);
        format!(
            r#"
[store]
path = "store.db"
[[desk]]
id = "test"
name = "試験窓口"
address = "support@desk.example"
pack = "{pack}"
authentication = "off"
max_age_hours = 0
answer_since = 2020-01-01T00:00:00+09:00
register = "register.toml"
signature = "試験窓口"
[desk.mailbox]
kind = "imap"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{USER}"
password = {{ file = "password" }}
[desk.outbox]
kind = "smtp"
host = "127.0.0.1"
port = {smtp}
tls = "none"
bounce_address = "bounce@desk.example"
[desk.budgets]
desk_per_hour = 100000
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
license = {{ name = "契約窓口", contact = "license@desk.example" }}
onsite = {{ name = "導入支援", contact = "onsite@desk.example" }}
"#
        )
    }

    pub fn open_store(&self) -> Store {
        Store::open(&self.store_file(), self.clock.now()).unwrap()
    }

    pub async fn worker(&self, store: &Store) -> Worker {
        let config = config::load(&self.config_file()).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
        let desk = config.desks.into_iter().next().unwrap();
        Worker::new(desk, store.clone(), self.clock.clone()).await.unwrap()
    }

    pub fn labels(&self) -> BTreeMap<String, Vec<String>> {
        labels(&self.dovecot, "INBOX")
    }

    pub fn received(&self) -> Vec<(String, String)> {
        received(&self.sink)
    }
}

/// Keywords of every mail in a folder: Message-ID → labels of ours, sorted.
pub fn labels(dovecot: &Dovecot, folder: &str) -> BTreeMap<String, Vec<String>> {
    let fetched = dovecot.doveadm(&["-f tab fetch", "hdr.message-id flags", "mailbox", folder]);
    let rows = fetched.lines().skip(1).filter_map(|line| line.split_once('\t'));
    rows.map(|(id, flags)| {
        let mut labels: Vec<String> = flags.split(' ').filter(|f| f.starts_with("mado-")).map(Into::into).collect();
        labels.sort();
        (id.trim().trim_matches(['<', '>']).to_string(), labels)
    })
    .collect()
}

/// What an SMTP server got: recipient and Message-ID, sorted.
pub fn received(sink: &SmtpSink) -> Vec<(String, String)> {
    listed(&sink.received())
}

/// Recipient and Message-ID, sorted.
pub fn listed(mails: &[Received]) -> Vec<(String, String)> {
    let mut got: Vec<(String, String)> =
        mails.iter().map(|mail| (recipient(mail), header(&mail.message, "Message-ID"))).collect();
    got.sort();
    got
}

/// The one recipient, `<address>`, without the options behind it.
pub fn recipient(mail: &Received) -> String {
    let [only] = mail.rcpt_to.as_slice() else { panic!("{} recipients", mail.rcpt_to.len()) };
    only.split(' ').next().unwrap_or_default().to_string()
}

/// One header field of a mail, without angle brackets.
pub fn header(raw: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(raw);
    let prefix = format!("{}:", name.to_ascii_lowercase());
    let line =
        text.lines().take_while(|line| !line.is_empty()).find(|line| line.to_ascii_lowercase().starts_with(&prefix));
    let value = line.map(|line| line[prefix.len()..].trim().trim_matches(['<', '>'])).unwrap_or_default();
    value.to_string()
}

/// What the journal says was sent: recipient and Message-ID, sorted.
pub fn sent(rows: &[CaseRow]) -> Vec<(String, String)> {
    let mut sent = Vec::new();
    for row in rows.iter().filter(|row| row.effects.iter().any(|e| e.kind == "send" && e.state == EffectState::Done)) {
        for action in row.decision.as_ref().unwrap().decision().unwrap().actions {
            if let Action::Reply(reply) | Action::Redirect(reply) = action {
                sent.push((format!("<{}>", reply.to.address), reply.message_id));
            }
        }
    }
    sent.sort();
    sent
}

/// Renders corpus files of a pack to mails as Japanese mail programs write them: id → bytes.
pub fn corpus(prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let target = tempfile::tempdir().unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(corpus.join("dev")).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    for file in files.iter().filter(|f| name(f).starts_with(prefix) && name(f).ends_with(".jsonl")) {
        if name(file).contains("dialogues") {
            continue;
        }
        let mut render = Command::new("python3");
        let output = render.arg(corpus.join("render.py")).arg(file).arg(target.path()).output().expect("python3");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mails = fs::read_dir(target.path()).unwrap().map(|e| e.unwrap().path());
    mails.map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())).collect()
}

/// A register in which a third of the corpus's senders bought directly and a third through a partner.
pub fn corpus_register<'a>(ids: impl Iterator<Item = &'a String>) -> String {
    let mut text = "[[partner]]\nid = \"acme\"\nname = \"アクメ商会\"\ncontact = \"help@acme.example\"\n".to_string();
    for (i, id) in ids.enumerate() {
        let partner = match i % 3 {
            0 => "",
            1 => "partner = \"acme\"\n",
            _ => continue,
        };
        text.push_str(&format!(
            "[[customer]]\nid = \"{id}\"\nname = \"{id}\"\ndomains = [\"{id}.example\"]\n{partner}"
        ));
    }
    text
}

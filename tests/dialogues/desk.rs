//! A desk of the business phone in a throw-away folder: Maildir, memory outbox, store on a file, a clock moved by hand.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::outbox::{Memory, Outbox};
use madoguchi::store::{CaseRow, MailId, Store, record_outage};
use madoguchi::triage::context::Drafts;
use madoguchi::triage::decision::{Action, Decision};
use madoguchi::triage::flow::reply::transcript;
use madoguchi::triage::flow::state::{FlowState, Place};
use madoguchi::triage::inquiry::Inquiry;
use madoguchi::triage::outage::Outage;
use madoguchi::triage::read::read;
use madoguchi::worker::Worker;
use tempfile::TempDir;

const START: &str = "2026-11-24 10:00";

const REGISTER: &str = r#"
[[customer]]
id = "minato"
name = "みなと商店"
domains = ["minato.example.jp"]
monthly_fee = 9800
"#;

const CONFIG: &str = r#"
[store]
path = "store.db"
[[desk]]
id = "phone"
name = "ビジネスフォン窓口"
address = "support@desk.example"
signature = "ビジネスフォン窓口"
pack = "biz-phone"
register = "register.toml"
alert = "oncall@desk.example"
authentication = "off"
answer_since = 2020-01-01T00:00:00+09:00
sent_copy = false
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.departments]
sales = { name = "営業窓口", contact = "sales@desk.example" }
"#;

/// Read once: a pack is long.
static DESK: LazyLock<config::Desk> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("register.toml"), REGISTER).unwrap();
    let file = folder.path().join("madoguchi.toml");
    fs::write(&file, CONFIG).unwrap();
    let config = config::load(&file).unwrap_or_else(|problems| panic!("{problems}"));
    config.desks.into_iter().next().unwrap()
});

/// Mails end with these.
const ENDINGS: [&str; 3] = ["このメールは、いただいた", "このメールは自動で", "This message was sent automatically"];

pub struct Desk {
    folder: TempDir,
    pub clock: Clock,
    store: Option<Store>,
    worker: Option<Worker>,
    memory: Memory,
    pub drafts: Drafts,
    delivered: usize,
    shown_sends: usize,
    shown_decisions: HashSet<(MailId, String)>,
}

/// `2026-11-20 22:00` in Tokyo.
pub fn tokyo(text: &str) -> Timestamp {
    format!("{}:00+09:00", text.replace(' ', "T")).parse().unwrap()
}

impl Desk {
    pub async fn start() -> Desk {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("mail").join(part)).unwrap();
        }
        let mut desk = Desk {
            folder,
            clock: Clock::manual(tokyo(START)),
            store: None,
            worker: None,
            memory: Memory::default(),
            drafts: Drafts::Never,
            delivered: 0,
            shown_sends: 0,
            shown_decisions: HashSet::new(),
        };
        desk.restart().await;
        desk
    }

    /// Ends the desk, however far it is, and starts it anew on the same store.
    pub async fn restart(&mut self) {
        (self.worker, self.store) = (None, None);
        let store = Store::open(&self.folder.path().join("store.db"), self.clock.now()).unwrap();
        let mut desk = DESK.clone();
        let madoguchi::mailbox::Settings::Maildir { path, .. } = &mut desk.mailbox else { panic!("no Maildir") };
        *path = self.folder.path().join("mail");
        desk.profile.drafts = self.drafts;
        let outbox = Outbox::Memory(self.memory.clone());
        self.worker = Some(Worker::with_outbox(desk, store.clone(), self.clock.clone(), outbox).await.unwrap());
        self.store = Some(store);
    }

    /// Delivers a mail that arrives now. A reply names the thread of our last mail, and its subject.
    pub fn deliver(&mut self, subject: &str, body: &str) {
        self.delivered += 1;
        let (now, number) = (self.clock.now(), self.delivered);
        let last = self.memory.sent().last().map(|mail| read(&mail.raw, mail.raw.len() as u64, true));
        let thread = last.filter(|_| subject.starts_with("Re:")).map(|last| thread(&last)).unwrap_or_default();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let raw = format!(
            "From: taro@minato.example.jp\nTo: support@desk.example\nSubject: {subject}\nDate: {date}\n\
             Message-ID: <c{number}@minato.example.jp>\n{thread}MIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n"
        );
        let file = self.folder.path().join("mail/new").join(format!("{:010}.M{number:05}.test", now.as_second()));
        fs::write(&file, raw).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(now.into()).unwrap();
    }

    /// `ID FROM UNTIL KNOWN`
    pub fn record(&self, outage: &str) {
        let words: Vec<&str> = outage.split(' ').collect();
        let at = |index: usize| tokyo(&words[index..index + 2].join(" "));
        let (id, cause) = (words[0].to_owned(), "基幹サーバーの故障".to_owned());
        let outage = Outage { id, from: at(1), until: Some(at(3)), known: at(5), ours: true, cause };
        record_outage(&self.folder.path().join("store.db"), &["phone"], &outage).unwrap();
    }

    pub async fn work(&mut self) {
        self.worker.as_mut().unwrap().until_idle().await.unwrap();
    }

    /// What was decided and sent since the last call.
    pub async fn seen(&mut self) -> String {
        let mut rows = self.store.as_ref().unwrap().overview(None, 1000).await.unwrap();
        rows.reverse();
        let mut shown = String::new();
        let sent = self.memory.sent();
        for mail in &sent[self.shown_sends..] {
            let template = rows.iter().find_map(|row| template(&decision(row), &mail.message_id)).unwrap();
            let inquiry = read(&mail.raw, mail.raw.len() as u64, true);
            let text = inquiry.text.trim_end();
            let end = ENDINGS.iter().find_map(|ending| text.find(ending)).unwrap_or(text.len());
            let clock = inquiry.date.unwrap().to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
            shown.push_str(&format!(">> {} {template}\n{}\n", clock.strftime("%H:%M"), text[..end].trim_end()));
        }
        self.shown_sends = sent.len();
        for row in &rows {
            let decision = decision(row);
            let line = self.decided(row, &decision);
            if self.shown_decisions.insert((row.mail, line.clone())) {
                shown.push_str(&line);
            }
        }
        shown
    }

    fn decided(&self, row: &CaseRow, decision: &Decision) -> String {
        let codes: Vec<&str> = decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
        let labels = self.labels(row);
        let drafts = decision.actions.iter().filter_map(|action| match action {
            Action::Draft(reply) => Some(format!(">> draft {}\n{}", reply.template, reply.body)),
            _ => None,
        });
        let drafts: String = drafts.collect();
        let mut line = format!("{drafts}== {} {} | {labels}\n", decision.disposition.as_str(), codes.join(" "));
        let state = decision.case_state.get("flow").map(|state| serde_json::from_value::<FlowState>(state.clone()));
        if let Some(state) = state.map(Result::unwrap).filter(|state| state.place == Place::Handover) {
            let lines = transcript(&state, &DESK.edition.pack.flows[0]);
            line.extend(lines.lines().map(|line| format!("-- {line}\n")));
        }
        line
    }

    fn labels(&self, row: &CaseRow) -> String {
        let madoguchi::triage::arrival::Item::File(name) = &row.key.item else { return String::new() };
        let base = name.split(":2,").next().unwrap();
        let file = self.folder.path().join("mail/madoguchi-labels").join(base);
        let labels = fs::read_to_string(file).unwrap_or_default();
        let mut labels: Vec<&str> = labels.lines().map(|label| label.trim_start_matches("mado-")).collect();
        labels.sort_unstable();
        labels.join(" ")
    }
}

fn decision(row: &CaseRow) -> Decision {
    row.decision.as_ref().unwrap().decision().unwrap()
}

/// The template of our mail with this id.
fn template(decision: &Decision, message_id: &str) -> Option<String> {
    decision.actions.iter().find_map(|action| match action {
        Action::Reply(reply)
        | Action::Redirect(reply)
        | Action::Acknowledge(reply)
        | Action::Close(reply)
        | Action::Alert(reply)
        | Action::Draft(reply)
            if reply.message_id == message_id =>
        {
            Some(reply.template.clone())
        }
        _ => None,
    })
}

/// The header fields of an answer to our mail.
fn thread(last: &Inquiry) -> String {
    let id = last.message_id.clone().unwrap();
    let references: Vec<String> = last.references.iter().chain([&id]).map(|id| format!("<{id}>")).collect();
    format!("In-Reply-To: <{id}>\nReferences: {}\n", references.join("\n "))
}

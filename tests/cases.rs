//! Cases from the first mail to the last: who joins one, what is said once, what goes on to the partner, and the story
//! that staff see. A desk on a Maildir with a folder for its answers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::process::Command;

use madoguchi::clock::Clock;
use madoguchi::config;
use madoguchi::store::{CaseRow, Store};
use madoguchi::triage::read::read;
use madoguchi::triage::receipt;
use madoguchi::worker::Worker;
use tempfile::TempDir;

const OPEN: &str = "2026-11-20T10:30:00+09:00";
const HOW: &str = "端末の初期化の操作手順を教えてください。";

const REGISTER: &str = r#"
[[partner]]
id = "acme"
name = "アクメ商会"
mail = "support@acme.example"
hours = "平日 9:00〜17:00"
phone_support = { valid_until = 2026-11-22, covers = "設定のご相談" }
forward_to = "intake@acme.example"

[[customer]]
id = "direct"
name = "直接株式会社"
domains = ["direct.example"]

[[customer]]
id = "through"
name = "経由株式会社"
contracts = ["OB-2001"]
domains = ["through.example"]
partner = "acme"
"#;

struct Desk {
    folder: TempDir,
    clock: Clock,
    store: Store,
    worker: Worker,
    delivered: u32,
}

impl Desk {
    /// `keys`: further lines of `[[desk]]`.
    async fn start(keys: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        for part in ["new", "cur", "tmp"] {
            fs::create_dir_all(folder.path().join("mail").join(part)).unwrap();
        }
        fs::write(folder.path().join("register.toml"), REGISTER).unwrap();
        fs::write(folder.path().join("madoguchi.toml"), config_text(keys)).unwrap();
        let clock = Clock::manual(OPEN.parse().unwrap());
        let (store, worker) = open(&folder, &clock).await;
        Desk { folder, clock, store, worker, delivered: 0 }
    }

    async fn restarted(self) -> Desk {
        let Desk { folder, clock, store, worker, delivered } = self;
        drop((store, worker));
        let (store, worker) = open(&folder, &clock).await;
        Desk { folder, clock, store, worker, delivered }
    }

    /// Delivers a mail and lets the desk work; the decision about it.
    async fn mail(&mut self, from: &str, subject: &str, headers: &str, body: &str) -> CaseRow {
        self.delivered += 1;
        let number = self.delivered;
        let date = self.clock.now().to_zoned(jiff::tz::TimeZone::get("Asia/Tokyo").unwrap());
        let raw = format!(
            "Authentication-Results: mx.desk.example; dmarc=pass header.from={}\nFrom: {from}\nTo: support@desk.example\n\
             Subject: {subject}\nMessage-ID: <m{number}@x.example>\n{headers}Date: {}\nMIME-Version: 1.0\n\
             Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{body}\n",
            from.split('@').nth(1).unwrap(),
            jiff::fmt::rfc2822::to_string(&date).unwrap(),
        );
        let file = self.folder.path().join(format!("mail/new/{number}.test"));
        fs::write(&file, raw).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(self.clock.now().into()).unwrap();
        self.work().await;
        self.store.overview(None, 1).await.unwrap().remove(0)
    }

    async fn work(&mut self) {
        self.worker.until_idle().await.unwrap();
    }

    fn wait(&self, hours: i64) {
        self.clock.set(self.clock.now() + jiff::SignedDuration::from_hours(hours));
    }

    /// Everything that went out.
    fn sent(&self) -> Vec<Vec<u8>> {
        let files =
            fs::read_dir(self.folder.path().join("sent")).into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|end| end == "eml")).collect();
        files.sort_by_key(|file| fs::metadata(file).unwrap().modified().unwrap());
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }

    /// `reference`: "" for the list.
    fn story(&self, reference: &str, args: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
        command
            .arg("case")
            .args(Some(reference).filter(|text| !text.is_empty()))
            .args(args)
            .arg("-c")
            .arg(self.folder.path().join("madoguchi.toml"));
        let output = command.env("LC_ALL", "C").output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

async fn open(folder: &TempDir, clock: &Clock) -> (Store, Worker) {
    let config = config::load(&folder.path().join("madoguchi.toml")).unwrap_or_else(|p| panic!("{}", p.render(false)));
    let store = Store::open(&config.store, clock.now()).unwrap();
    let desk = config.desks.into_iter().next().unwrap();
    (store.clone(), Worker::new(desk, store, clock.clone()).await.unwrap())
}

fn config_text(keys: &str) -> String {
    format!(
        r#"
[store]
path = "store.db"
[[desk]]
id = "optim-biz"
name = "試験窓口"
address = "support@desk.example"
pack = "optim-biz"
authentication = "strong"
trusted_authserv = "mx.desk.example"
register = "register.toml"
answer_since = 2026-11-01T00:00:00+09:00
{keys}
[desk.mailbox]
kind = "maildir"
path = "mail"
[desk.outbox]
kind = "folder"
path = "sent"
[desk.departments]
sales = {{ name = "営業窓口", contact = "sales@desk.example" }}
license = {{ name = "契約窓口", contact = "license@desk.example" }}
onsite = {{ name = "導入支援", contact = "onsite@desk.example" }}
"#
    )
}

fn case(row: &CaseRow) -> String {
    row.decision.as_ref().unwrap().case.clone().unwrap()
}

/// The first reason, and the text that was sent if any.
fn did(row: &CaseRow) -> String {
    let decision = row.decision.as_ref().unwrap().decision().unwrap();
    let sends = row.effects.iter().filter(|effect| effect.kind == "send").count();
    let template = decision.actions.iter().find_map(|action| match action {
        madoguchi::triage::decision::Action::Reply(reply) => Some(reply.template.clone()),
        madoguchi::triage::decision::Action::Redirect(reply) => Some(reply.template.clone()),
        _ => None,
    });
    assert_eq!(sends, usize::from(template.is_some()));
    template.unwrap_or_else(|| decision.reasons[0].code.clone())
}

fn header(raw: &[u8], name: &str) -> String {
    let inquiry = read(raw, raw.len() as u64, true);
    match name {
        "Subject" => inquiry.subject,
        "Message-ID" => inquiry.message_id.unwrap_or_default(),
        other => inquiry.header(other).next().unwrap_or_default().to_owned(),
    }
}

#[tokio::test]
async fn a_case_has_a_receipt_number_that_the_answer_names() {
    let mut desk = Desk::start("").await;
    let first = desk.mail("a@direct.example", "初期化", "", HOW).await;
    let second = desk.mail("b@direct.example", "別件", "", HOW).await;
    let day = jiff::civil::date(2026, 11, 20);
    assert_eq!(case(&first), receipt::reference("OB", day, 1));
    assert_eq!(case(&second), receipt::reference("OB", day, 2));
    let answer = &desk.sent()[0];
    let text = read(answer, answer.len() as u64, true).text;
    assert!(text.contains(&format!("受付番号：{}", case(&first))), "{text}");
    assert!(header(answer, "Subject").starts_with(&format!("Re: 初期化 [{}-", case(&first))));
    let mut desk = desk.restarted().await;
    desk.wait(72);
    let later = desk.mail("c@direct.example", "翌週", "", HOW).await;
    assert_eq!(case(&later), receipt::reference("OB", jiff::civil::date(2026, 11, 23), 1));
}

/// (sender, subject, header lines, does it join the case?)
#[tokio::test]
async fn a_mail_joins_a_case_by_its_thread_or_our_signature_and_only_from_the_same_person() {
    let mut desk = Desk::start("").await;
    let first = desk.mail("taro@direct.example", "初期化", "", HOW).await;
    let answer = desk.sent().remove(0);
    let (ours, subject, number) = (header(&answer, "Message-ID"), header(&answer, "Subject"), case(&first));
    let reply_to_us = format!("In-Reply-To: <{ours}>\n");
    let forged = subject.replace(&subject[subject.len() - 4..], "000]");
    for (from, subject, headers, joins) in [
        ("taro@direct.example", "Re: 初期化", reply_to_us.as_str(), true),
        ("Taro+ipad@direct.example", "Re: 初期化", "References: <m1@x.example>\n", true),
        ("taro@direct.example", subject.as_str(), "", true),
        ("taro@direct.example", &format!("Fw: {subject} 追記"), "", true),
        ("taro@direct.example", &format!("{number} の件"), "", false),
        ("taro@direct.example", &format!("別件 [{number}]"), "", false),
        ("taro@direct.example", &forged, "", false),
        ("jiro@direct.example", "Re: 初期化", &reply_to_us, false),
        ("jiro@direct.example", &subject, "", false),
    ] {
        let row = desk.mail(from, subject, headers, "追加で質問があります。").await;
        assert_eq!(case(&row) == number, joins, "{from} {subject} {headers}: {}", case(&row));
        assert_eq!(desk.sent().len(), 1, "nothing is answered twice: {from} {subject}");
        desk.wait(1);
    }
}

#[tokio::test]
async fn a_follow_up_goes_to_staff_also_where_the_first_mail_had_no_answer() {
    let mut desk = Desk::start("").await;
    assert_eq!(did(&desk.mail("taro@direct.example", "相談", "", "例の件、よろしく。").await), "unclear");
    let follow_up = desk.mail("taro@direct.example", "Re: 相談", "In-Reply-To: <m1@x.example>\n", HOW).await;
    assert_eq!(did(&follow_up), "follow-up");
    assert_eq!(did(&desk.mail("taro@direct.example", "新しい質問", "", HOW).await), "answer");
}

#[tokio::test]
async fn who_is_unknown_is_asked_once_and_answered_when_he_names_his_contract() {
    let mut desk = Desk::start("").await;
    assert_eq!(did(&desk.mail("taro@shop.example", "初期化", "", HOW).await), "ask-contract");
    let reply = "In-Reply-To: <m1@x.example>\n";
    let named = desk.mail("taro@shop.example", "Re: 初期化", reply, "契約番号は OB-2001 です。").await;
    assert_eq!(did(&named), "redirect");
    let again = desk.mail("taro@shop.example", "Re: 初期化", reply, "OB-2001 です。急いでいます。").await;
    assert_eq!(did(&again), "gate-R22");
    assert_eq!(did(&desk.mail("jiro@shop.example", "初期化", "", HOW).await), "ask-contract");
    let without = desk.mail("jiro@shop.example", "Re: 初期化", "In-Reply-To: <m4@x.example>\n", HOW).await;
    assert_eq!(did(&without), "asked-before");
    assert_eq!(did(&desk.mail("jiro@shop.example", "別の質問", "", HOW).await), "asked-before");
    desk.wait(24 * 10);
    assert_eq!(did(&desk.mail("jiro@shop.example", "翌週の質問", "", HOW).await), "ask-contract");
    assert_eq!(desk.sent().len(), 4);
}

#[tokio::test]
async fn a_partners_customer_is_redirected_once_in_a_week() {
    let mut desk = Desk::start("").await;
    assert_eq!(did(&desk.mail("hanako@through.example", "初期化", "", HOW).await), "redirect");
    let thread = desk.mail("hanako@through.example", "Re: 初期化", "In-Reply-To: <m1@x.example>\n", HOW).await;
    assert_eq!(did(&thread), "gate-R22");
    assert_eq!(did(&desk.mail("hanako@through.example", "別の質問", "", HOW).await), "redirected-before");
    assert_eq!(desk.sent().len(), 1);
    desk.wait(24 * 10);
    assert_eq!(did(&desk.mail("hanako@through.example", "来週の質問", "", HOW).await), "redirect");
    let bodies: Vec<String> = desk.sent().iter().map(|raw| read(raw, raw.len() as u64, true).text.clone()).collect();
    assert!(bodies.iter().all(|body| body.contains("受付時間：平日 9:00〜17:00")));
    let telephone: Vec<bool> = bodies.iter().map(|body| body.contains("お電話によるお問い合わせ")).collect();
    assert_eq!(telephone, [true, false], "the telephone contract has ended in between");
}

#[tokio::test]
async fn an_inquiry_goes_on_to_the_partner_only_where_the_desk_says_so() {
    let mut desk = Desk::start("").await;
    desk.mail("hanako@through.example", "初期化", "", HOW).await;
    assert_eq!(desk.sent().len(), 1);

    let mut desk = Desk::start("forward_to_partner = true").await;
    let row = desk.mail("hanako@through.example", "初期化", "", HOW).await;
    let kinds: Vec<(&str, &str)> = row.effects.iter().map(|e| (e.kind.as_str(), e.state.as_str())).collect();
    assert!(kinds.contains(&("forward", "done")), "{kinds:?}");
    let forwarded = desk.sent().into_iter().find(|raw| header(raw, "To").contains("intake@acme.example")).unwrap();
    assert_eq!(header(&forwarded, "Auto-Submitted"), "auto-generated");
    assert!(header(&forwarded, "Subject").starts_with("Fwd: 初期化 ["));
    assert_eq!(header(&forwarded, "In-Reply-To"), "");
    let original = fs::read(
        fs::read_dir(desk.folder.path().join("mail/cur"))
            .into_iter()
            .flatten()
            .chain(fs::read_dir(desk.folder.path().join("mail/new")).unwrap())
            .next()
            .unwrap()
            .unwrap()
            .path(),
    )
    .unwrap();
    let original = String::from_utf8(original).unwrap().replace('\n', "\r\n");
    let text = String::from_utf8(forwarded).unwrap();
    assert!(text.contains("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"), "{text}");
    assert!(text.contains(&original), "whole and unchanged");
    assert_eq!(
        desk.mail("a@direct.example", "初期化", "", HOW).await.effects.iter().filter(|e| e.kind == "forward").count(),
        0
    );
}

#[tokio::test]
async fn the_story_of_a_case_is_told_to_whoever_knows_its_number() {
    let mut desk = Desk::start("").await;
    let first = desk.mail("taro@direct.example", "初期化", "", HOW).await;
    desk.wait(1);
    desk.mail("taro@direct.example", "Re: 初期化", "In-Reply-To: <m1@x.example>\n", "解決しませんでした。").await;
    let number = case(&first);
    let (ok, told) = desk.story(&number.replace('-', " ").to_lowercase(), &[]);
    assert!(ok, "{told}");
    for part in [
        number.as_str(),
        "waiting for staff",
        "2026-11-20 10:30  taro@direct.example",
        "端末の初期化の操作手順",
        "send answer: done 2026-11-20 10:30",
        "2026-11-20 11:30",
        "解決しませんでした。",
        "gate-R22",
        "お問い合わせいただき、ありがとうございます。",
    ] {
        assert!(told.contains(part), "{part} is missing:\n{told}");
    }
    let (ok, told) = desk.story(&number, &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(ok && told["state"] == "with-staff" && told["mails"][0]["effects"][0]["kind"] == "add-labels", "{told}");
    let wrong = number.replace("-00", "-01");
    assert!(!desk.story(&wrong, &[]).0 && desk.story(&wrong, &[]).1.contains("a digit may be wrong"));
    assert!(desk.story(&receipt::reference("OB", jiff::civil::date(2026, 11, 20), 99), &[]).1.contains("no case"));
}

#[tokio::test]
async fn cases_that_want_a_person_are_listed_by_their_deadlines() {
    let mut desk = Desk::start("").await;
    assert!(desk.story("", &[]).1.contains("no case waits for staff"));
    let late = desk.mail("taro@direct.example", "依頼", "", &format!("{HOW}\n11/27までにご回答ください。")).await;
    let none = desk.mail("jiro@direct.example", "手順", "", HOW).await;
    let soon = desk.mail("hanako@direct.example", "急ぎ", "", &format!("{HOW}\n11/25 15時までにお願いします。")).await;
    let partner = desk.mail("saburo@through.example", "手順", "", HOW).await;
    let (ok, told) = desk.story("", &[]);
    let place = |row: &CaseRow| told.find(&case(row)).unwrap_or(usize::MAX);
    assert!(ok && place(&soon) < place(&late) && place(&late) < place(&none), "{told}");
    assert!(!told.contains(&case(&partner)) && told.contains("11-25 15:00"), "{told}");
    let (ok, told) = desk.story("", &["--json", "--mails", "3"]);
    let lines: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(ok && lines.len() == 2, "{told}");
    assert_eq!((&lines[0]["due"], &lines[0]["case"]), (&"2026-11-25T06:00:00Z".into(), &case(&soon).into()), "{told}");
}

#[tokio::test]
async fn what_one_person_writes_in_a_night_is_one_case_with_one_answer() {
    let mut desk = Desk::start("").await;
    desk.wait(10);
    let first = desk.mail("taro@direct.example", "初期化", "", HOW).await;
    let early = desk.sent().remove(0);
    let reply = format!("In-Reply-To: <{}>\n", header(&early, "Message-ID"));
    let other = desk.mail("jiro@direct.example", "別の人", "", HOW).await;
    let second = desk.mail("Taro+x@direct.example", "別件", "", "Wi-Fi の設定手順を教えてください。").await;
    let third = desk.mail("taro@direct.example", "Re: 初期化", &reply, "端末の初期化の手順をお願いします。").await;
    let number = case(&first);
    assert_eq!([case(&second), case(&third)], [number.clone(), number.clone()]);
    assert_ne!(case(&other), number);
    assert!(header(&early, "Subject").starts_with(&format!("Re: 初期化 [{number}-")), "the acknowledgement names it");
    assert!(desk.story(&number, &[]).1.contains("the answer is queued"));
    assert_eq!(desk.sent().len(), 2, "one acknowledgement a person");

    desk.clock.set("2026-11-24T10:05:00+09:00".parse().unwrap());
    desk.work().await;
    let answers: Vec<Vec<u8>> = desk.sent().split_off(2);
    let of_taro: Vec<_> = answers.iter().filter(|raw| header(raw, "To").contains("taro@")).collect();
    assert_eq!((answers.len(), of_taro.len()), (2, 1));
    assert!(header(of_taro[0], "Subject").contains(&number));
    let (_, told) = desk.story(&number, &[]);
    assert!(told.contains("send acknowledge: done 2026-11-20 20:30"), "{told}");
    assert!(told.contains("send answer: done 2026-11-24 10:0") && told.contains("waiting for staff"), "{told}");

    let follow_up = desk.mail("taro@direct.example", "Re: 別件", &reply, HOW).await;
    assert_eq!((case(&follow_up), did(&follow_up).as_str()), (number, "gate-R22"));
}

#[tokio::test]
async fn a_follow_up_that_waits_with_a_new_inquiry_stays_a_follow_up() {
    let mut desk = Desk::start("").await;
    let known = desk.mail("taro@direct.example", "相談", "", "例の件、よろしく。").await;
    desk.wait(10);
    let new = desk.mail("taro@direct.example", "新しい質問", "", HOW).await;
    let follow_up = desk.mail("taro@direct.example", "Re: 相談", "In-Reply-To: <m1@x.example>\n", HOW).await;
    assert_eq!(case(&follow_up), case(&known));
    assert_ne!(case(&new), case(&known));
    desk.clock.set("2026-11-24T10:05:00+09:00".parse().unwrap());
    desk.work().await;
    let rows = desk.store.overview(None, 2).await.unwrap();
    assert_eq!(rows.iter().map(did_not_answer).collect::<Vec<_>>(), ["follow-up", "wrote-again"]);
    assert_eq!(desk.sent().len(), 1, "the acknowledgement");
}

/// The first reason, whatever was acknowledged.
fn did_not_answer(row: &CaseRow) -> String {
    row.decision.as_ref().unwrap().decision().unwrap().reasons[0].code.clone()
}

#[tokio::test]
async fn what_waits_is_decided_by_the_register_of_its_turn_and_forwarded_only_then() {
    let desk = Desk::start("forward_to_partner = true").await;
    let config = desk.folder.path().join("madoguchi.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("register = \"register.toml\"", "register = \"store\"")).unwrap();
    let mut desk = desk.restarted().await;
    desk.wait(10);
    let night = desk.mail("hanako@through.example", "初期化", "", HOW).await;
    let decided = night.decision.as_ref().unwrap().decision().unwrap();
    assert!(format!("{:?}", decided.actions).contains("ask-contract"), "nobody is known yet");
    let before = desk.sent().len();
    let mut import = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    let import = import.args(["register", "import", "register.toml"]).current_dir(desk.folder.path()).output().unwrap();
    assert!(import.status.success(), "{import:?}");
    desk.mail("hanako@through.example", "Re: 初期化", "", "よろしくお願いいたします。").await;
    assert_eq!(desk.sent().len(), before, "nothing goes to the partner before the turn");
    desk.clock.set("2026-11-24T10:05:00+09:00".parse().unwrap());
    desk.work().await;
    let sent = desk.sent().split_off(before);
    let to: Vec<String> = sent.iter().map(|raw| header(raw, "To")).collect();
    assert!(to.len() == 2 && to[0].contains("hanako@") && to[1].contains("intake@acme.example"), "{to:?}");
}

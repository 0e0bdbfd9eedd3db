//! `kill -9` at every step of the rarer kinds of effect and ways: what waited for the opening, what is passed on, urgent
//! mail, dialogues and their end, answers that come back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use madoguchi::store::Effect;
use madoguchi::triage::decision::Alert;
use rusqlite::Connection;

use crate::faults::report;
use crate::kills::{self, Bench};
use crate::site::{Kind, id, mail};
use crate::support::desk::{header, labels};

/// More points than a life has.
const MOST_POINTS: u32 = 600;

/// A way that a mail can take.
struct Scenario {
    name: &'static str,
    /// Effects that are cut off in it.
    effects: &'static [&'static str],
    /// Changes what was installed.
    install: fn(&Bench),
    /// Mail of this number comes, and all is done up to the life that ends.
    before: fn(&Bench, usize),
}

const OPENING: Scenario = Scenario {
    name: "the opening",
    effects: &["remove-labels", "send", "label-send", "sent-copy"],
    install: |_| (),
    before: |bench, number| {
        calendar(bench, &far_away());
        bench.dovecot.deliver(&mail(number, Kind::HowTo));
        bench.site.once();
        calendar(bench, &DAYS);
        sql(bench, "UPDATE queue SET due = 1");
    },
};

const FORWARD: Scenario = Scenario {
    name: "passing on",
    effects: &["forward", "label-send"],
    install: |bench| {
        register(bench, "partner = \"acme\"\n");
        keys(bench, "forward_to_partner = true");
    },
    before: |bench, number| bench.dovecot.deliver(&mail(number, Kind::HowTo)),
};

const ALERT: Scenario = Scenario {
    name: "urgent mail",
    effects: &["alert-command", "alert", "send"],
    install: |bench| {
        flow(bench);
        keys(bench, "alert = \"oncall@desk.example\"");
        // Not counted and not killed itself.
        let script = format!("echo $MADOGUCHI_RECEIPT >> {}", bench.site.path("told").display());
        keys(bench, &format!("alert_command = [\"env\", \"-u\", \"LD_PRELOAD\", \"sh\", \"-c\", \"{script}\"]"));
    },
    before: |bench, number| {
        bench.dovecot.deliver(&asking(number, "パスワードが盗まれました。設定の手順を教えてください。"))
    },
};

const CLOSE: Scenario = Scenario {
    name: "the end of a dialogue",
    effects: &["close", "sent-copy", "label-send"],
    install: flow,
    before: |bench, number| {
        bench.dovecot.deliver(&asking(number, "端末が動きません。"));
        bench.site.once();
        sql(bench, "UPDATE effect SET due_at = 1, not_before = 1 WHERE kind = 'close' AND state = 'pending'");
    },
};

const DIALOGUE: Scenario = Scenario {
    name: "the next turn of a dialogue",
    effects: &["add-labels", "send", "label-send", "sent-copy"],
    install: flow,
    before: |bench, number| {
        bench.dovecot.deliver(&asking(number, "端末が動きません。"));
        bench.site.once();
        let asked = answer_to(bench, number);
        let (own, subject) = (header(&asked, "Message-ID"), header(&asked, "Subject"));
        let reply = String::from_utf8(asking(number, "1 はい")).unwrap();
        let reply = reply.replace(&id(number), &format!("reply{number}@firm{number}.example"));
        let thread = format!("In-Reply-To: <{own}>\r\nSubject: {subject}\r\nDate:");
        let subject_before = reply.lines().find(|line| line.starts_with("Subject")).unwrap().to_owned() + "\r\n";
        bench.dovecot.deliver(reply.replace(&subject_before, "").replacen("Date:", &thread, 1).as_bytes());
    },
};

const BOUNCE: Scenario = Scenario {
    name: "an answer that comes back",
    effects: &["add-labels", "label-send"],
    install: |_| (),
    before: |bench, number| {
        bench.dovecot.deliver(&mail(number, Kind::HowTo));
        bench.site.once();
        let report = report(&answer_to(bench, number), "b@desk.example", "5.1.1");
        let own = format!("report@firm{number}.example");
        let report = String::from_utf8(report).unwrap().replace("report@mx.example", &own);
        bench.dovecot.deliver(report.as_bytes());
    },
};

/// Where each kind of effect is cut off. A new kind does not compile before it is cut off somewhere.
fn cut_off_in(effect: &Effect) -> &'static [&'static str] {
    match effect {
        Effect::RemoveLabels { .. } => OPENING.effects,
        Effect::Forward(_) => FORWARD.effects,
        Effect::Alert(_) | Effect::AlertCommand(_) => ALERT.effects,
        Effect::Close(_) => CLOSE.effects,
        Effect::AddLabels { .. }
        | Effect::Send(_)
        | Effect::SentCopy { .. }
        | Effect::LabelSend { .. }
        | Effect::Draft(_)
        | Effect::Move { .. } => kills::EFFECTS,
    }
}

#[test]
fn every_kind_of_effect_is_cut_off_somewhere() {
    let simple = [
        Effect::AddLabels { labels: Vec::new() },
        Effect::RemoveLabels { labels: Vec::new() },
        Effect::SentCopy { of: 0 },
        Effect::LabelSend { of: 0, sent: Vec::new(), unsent: Vec::new() },
        Effect::Move { folder: String::new() },
        Effect::AlertCommand(Alert::default()),
    ];
    for effect in simple {
        assert!(cut_off_in(&effect).contains(&effect.kind()), "{}", effect.kind());
    }
    // Those with a mail in them, by their names.
    for (scenario, kind) in [(FORWARD.effects, "forward"), (ALERT.effects, "alert"), (CLOSE.effects, "close")] {
        assert!(scenario.contains(&kind));
    }
    assert!(kills::EFFECTS.contains(&"send") && kills::EFFECTS.contains(&"draft"));
}

// ---- the desk ----

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Open all day on these days.
fn calendar(bench: &Bench, days: &[&str]) {
    let week: String = days.iter().map(|day| format!("{day} = [\"00:00-24:00\"]\n")).collect();
    bench.site.write("rules/mini/calendar.toml", &format!("time_zone = \"Asia/Tokyo\"\n[week]\n{week}"));
}

/// A weekday that it is not, nor will be tomorrow.
fn far_away() -> [&'static str; 1] {
    let today = Command::new("date").arg("+%u").output().unwrap();
    let today: usize = String::from_utf8(today.stdout).unwrap().trim().parse().unwrap();
    [DAYS[(today - 1 + 3) % 7]]
}

/// Everybody who writes is a customer.
fn register(bench: &Bench, of_each: &str) {
    let partner = "[[partner]]\nid = \"acme\"\nname = \"アクメ商会\"\ncontact = \"help@acme.example\"\n\
                   forward_to = \"desk@acme.example\"\n";
    let customer =
        |n: u32| format!("[[customer]]\nid = \"c{n}\"\nname = \"c{n}\"\ndomains = [\"firm{n}.example\"]\n{of_each}");
    let customers: String = (0..MOST_POINTS).map(customer).collect();
    bench.site.write("register.toml", &(partner.to_owned() + &customers));
    keys(bench, "register = \"register.toml\"");
}

fn keys(bench: &Bench, keys: &str) {
    let config = fs::read_to_string(bench.site.path("madoguchi.toml")).unwrap();
    let signature = "signature = \"試験窓口\"\n";
    bench.site.write("madoguchi.toml", &config.replacen(signature, &format!("{signature}{keys}\n"), 1));
}

fn sql(bench: &Bench, statement: &str) {
    Connection::open(bench.site.path("state/store.db")).unwrap().execute_batch(statement).unwrap();
}

/// The pack leads mails about faults, and knows an urgent kind.
fn flow(bench: &Bench) {
    register(bench, "");
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/biz-phone");
    for file in fs::read_dir(templates).unwrap().map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_str().unwrap();
        if name.starts_with("flow-") || ["alert.txt", "urgent.txt"].contains(&name) {
            fs::copy(&file, bench.site.path("templates/mini").join(name)).unwrap();
        }
    }
    fs::create_dir_all(bench.site.path("rules/mini/flows")).unwrap();
    bench.site.write("rules/mini/flows/light.toml", FLOW);
    bench.site.write("rules/mini/urgent.toml", URGENT);
}

const URGENT: &str = "[[urgent]]\ntitle = \"盗難\"\narticle = \"第13条\"\nwords = [\"/パスワード.{0,10}盗まれ/\"]\n";

const FLOW: &str = r#"
clause = "fault"
title = "動かないとき"
start = "Q1"
ask = 1
close_after_days = 5
[[step]]
id = "Q1"
kind = "check"
title = "電源"
ja = "電源は入っていますか。"
en = "Is the power on?"
yes = "Q2"
no = "power"
topic = ["電源"]
[step.word]
yes = ["入って"]
no = ["切れて"]
[[step]]
id = "Q2"
kind = "action"
title = "再起動"
ja = "再起動してください。"
en = "Please restart it."
yes = "staff"
topic = ["再起動"]
[[end]]
id = "power"
who = "customer"
title = "電源を入れる"
ja = "電源をお入れください。"
en = "Please switch the power on."
[[end]]
id = "staff"
who = "desk"
title = "担当者"
ja = "担当者が対応いたします。"
en = "Our staff will take over."
[words]
done = ["/しました|した(。|$)/"]
undone = ["していません", "まだ"]
no-effect = ["変わりません"]
fixed = ["動きました"]
"#;

fn asking(number: usize, text: &str) -> Vec<u8> {
    String::from_utf8(mail(number, Kind::HowTo)).unwrap().replace("設定の手順を教えてください。", text).into_bytes()
}

/// What went out as the answer to the mail of this number.
fn answer_to(bench: &Bench, number: usize) -> Vec<u8> {
    let received = bench.sink.received().into_iter().map(|mail| mail.message);
    let mut answers = received.filter(|mail| header(mail, "In-Reply-To") == id(number));
    answers.next().expect("an answer went out")
}

// ---- its end ----

/// What has become of the mails of one number: of each its labels, and its effects with how often their mail was received.
type End = Vec<(String, BTreeSet<String>, Vec<(String, String, Option<usize>)>)>;

fn ends(bench: &Bench, numbers: usize) -> Vec<End> {
    let store = Connection::open(bench.site.path("state/store.db")).unwrap();
    let received: Vec<String> = bench.sink.received().iter().map(|mail| header(&mail.message, "Message-ID")).collect();
    let labels = labels(&bench.dovecot, "INBOX");
    let mut ends: Vec<End> = vec![Vec::new(); numbers];
    let mut mails = store.prepare("SELECT id, message_id, state FROM mail ORDER BY id").unwrap();
    let mails =
        mails.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)));
    for (mail, message_id, state) in mails.unwrap().map(Result::unwrap) {
        let number: String =
            message_id.split("@firm").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect();
        let mut effects =
            store.prepare("SELECT kind, state, message_id FROM effect WHERE mail_id = ?1 ORDER BY seq").unwrap();
        let count = |id: Option<String>| id.map(|id| received.iter().filter(|got| **got == id).count());
        let effects = effects.query_map([mail], |row| Ok((row.get(0)?, row.get(1)?, count(row.get(2)?)))).unwrap();
        let found = labels.get(&message_id).cloned().unwrap_or_default().into_iter().collect();
        ends[number.parse::<usize>().unwrap()].push((state, found, effects.map(Result::unwrap).collect()));
    }
    ends
}

const SAID_OF_SENDS: [&str; 4] = ["mado-answered", "mado-unsent", "mado-forwarded", "mado-closed"];

/// Nothing may have gone out twice. Answers how many are held, and the end as it would be if those had gone out, but for
/// the labels that tell of it.
fn settled(end: &End) -> (usize, End) {
    let (mut held, mut end) = (0, end.clone());
    for (_, state, received) in end.iter_mut().flat_map(|(.., effects)| effects) {
        assert!(received.is_none_or(|count| count <= 1), "sent twice");
        if state == "held" {
            held += 1;
            (*state, *received) = ("done".to_owned(), Some(1));
        }
    }
    (held, if held > 0 { untold(end) } else { end })
}

fn untold(mut end: End) -> End {
    end.iter_mut().for_each(|(_, labels, _)| labels.retain(|label| !SAID_OF_SENDS.contains(&label.as_str())));
    end
}

/// Ends a life at every second point from `first` on, each with mail of its own, until one ends by itself.
fn at_every_point(scenario: &Scenario, first: u32) -> (Bench, usize) {
    let name = scenario.name;
    let bench = Bench::new("");
    (scenario.install)(&bench);
    (scenario.before)(&bench, 0);
    bench.site.once();
    let mut cut_off = BTreeSet::new();
    let points = (first..MOST_POINTS).step_by(2).zip(1..);
    let lives = points.take_while(|(point, number)| {
        (scenario.before)(&bench, *number);
        let killed = bench.life("all", *point).code.is_none();
        if killed {
            cut_off.extend(kills::next_in_line(&bench.site.rows()));
        }
        bench.site.once();
        killed
    });
    let lives = lives.count();
    let mut ends = ends(&bench, lives + 2).into_iter();
    let undisturbed = ends.next().unwrap();
    let mut held = 0;
    for (number, end) in ends.enumerate() {
        let (now_held, end) = settled(&end);
        held += now_held;
        let expected = if now_held > 0 { untold(undisturbed.clone()) } else { undisturbed.clone() };
        assert_eq!(end, expected, "{name}, point {}", first as usize + 2 * number);
    }
    println!("{name}: {lives} points, {held} held; undisturbed {undisturbed:?}");
    let missing: Vec<_> = scenario.effects.iter().filter(|kind| !cut_off.contains(**kind)).collect();
    assert!(missing.is_empty(), "{name}: never next in line when killed: {missing:?}, only {cut_off:?}");
    assert!(lives > 10, "{name}: only {lives} points: are the calls counted?");
    assert!(held <= 4, "{name}: {held} points held: the window has grown");
    (bench, lives + 2)
}

#[test]
fn killed_while_the_queue_is_worked_off() {
    at_every_point(&OPENING, 1);
}

#[test]
fn killed_while_mail_is_passed_on() {
    at_every_point(&FORWARD, 1);
}

#[test]
fn killed_while_staff_are_alerted() {
    let (bench, mails) = at_every_point(&ALERT, 1);
    // Their command is run for each; again only for one whose good end could not be noted.
    let told = fs::read_to_string(bench.site.path("told")).unwrap();
    let receipts: BTreeSet<&str> = told.lines().collect();
    assert_eq!(receipts.len(), mails, "{told}");
    assert!(told.lines().count() - mails <= 3, "the window has grown: {told}");
}

#[test]
fn killed_while_a_dialogue_is_closed() {
    at_every_point(&CLOSE, 1);
}

#[test]
fn killed_while_a_dialogue_goes_on() {
    at_every_point(&DIALOGUE, 1);
}

#[test]
fn killed_while_an_answer_comes_back() {
    at_every_point(&BOUNCE, 1);
}

//! What customers read: every template and paragraph of both packs, with all there is to say and with as little as can
//! be, in both languages.
//!
//! `tests/templates/<pack>/<template>.txt` holds the texts one below the other. After a change of words
//! `UPDATE_EXPECTED=1 cargo test --test templates` writes them anew; read the diff before you commit it.

#![allow(clippy::unwrap_used, reason = "a broken fixture is a failed test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use madoguchi::config;
use madoguchi::triage::flow::reply::{FlowText, StepText};
use madoguchi::triage::flow::{Flow, Who};
use madoguchi::triage::pack::{Clause, ClauseKind, Pack};
use madoguchi::triage::reply::{
    DepartmentText, LinkText, NoticeVariables, PartText, PartVariables, PartnerText, Variables,
};
use madoguchi::triage::template::Templates;
use madoguchi::triage::urgent::Alarm;
use serde::Serialize;

const PACKS: [&str; 2] = ["optim-biz", "biz-phone"];
const TODAY: &str = "2026-11-20";
/// A Friday evening: the desk is closed until Tuesday, for Monday is a holiday.
const OPENING: Words = ("11月24日(火) 10:00", "10:00 on Tuesday, 24 November");

/// The same in both languages.
type Words = (&'static str, &'static str);

fn say((japanese, english_words): Words, english: bool) -> String {
    if english { english_words } else { japanese }.into()
}

#[test]
fn every_template_says_what_was_proof_read() {
    let mut failures = Vec::new();
    for id in PACKS {
        let folder = Path::new("tests/templates").join(id);
        let mut golden = BTreeSet::new();
        for (name, text) in texts(id) {
            let file = folder.join(format!("{name}.txt"));
            failures.extend(compare(&file, &text));
            golden.insert(file);
        }
        failures.extend(files(&folder).difference(&golden).map(|file| format!("{}: no template", file.display())));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n----\n"));
}

/// No holes: what minijinja writes for a value that is not there, what is left of a template that is not closed, and
/// brackets around nothing. No promise that the terms do not make (articles 6, 15 and 16). No careless Japanese.
#[test]
fn no_text_has_a_hole_or_a_promise() {
    let holes = ["none", "None", "undefined", "{{", "}}", "{%", "%}", "「」", "（）", "()", "、、", "。。"];
    let promises = ["必ずご回答", "必ず解決", "保証いたします", "補償いたします", "返金いたします", "減額いたします"];
    let careless = ["了解", "ご苦労", "させて頂", "致します", "下さい", "guarantee that", "we will refund"];
    for id in PACKS {
        for (name, text) in texts(id) {
            for words in holes.iter().chain(&promises).chain(&careless) {
                assert!(!text.contains(words), "{id}/{name} says {words}:\n{text}");
            }
        }
    }
}

/// Every template of a pack with all its texts.
fn texts(id: &str) -> Vec<(String, String)> {
    let pack = config::embedded_pack(id).unwrap();
    let desk = Desk::new(&pack);
    pack.templates.keys().map(|name| (name.clone(), desk.every_text(name))).collect()
}

/// The difference to the golden text; none if there is none, or if it is to be written.
fn compare(file: &Path, text: &str) -> Option<String> {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
        return None;
    }
    match fs::read_to_string(file) {
        Ok(golden) if golden == text => None,
        Ok(golden) => Some(format!("{}\nexpected:\n{golden}\nsaid:\n{text}", file.display())),
        Err(error) => Some(format!("{}: {error}", file.display())),
    }
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let paths = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { BTreeSet::from([path]) }).collect()
}

/// A desk that renders its pack's templates.
struct Desk<'a> {
    pack: &'a Pack,
    templates: Templates,
    memo: Vec<String>,
    alarm: Option<Alarm>,
}

/// How much there is to say.
#[derive(Clone, Copy, PartialEq)]
enum Much {
    Full,
    Sparse,
}

impl<'a> Desk<'a> {
    fn new(pack: &'a Pack) -> Desk<'a> {
        let templates = Templates::compile(&pack.templates).unwrap();
        let memo = vec!["■ 日付と金額".into(), "　解約日: 12月31日(木)（本日お届けの場合、利用約款 第7条）".into()];
        let alarm = pack.urgent.first().map(|kind| Alarm { title: kind.title.clone(), article: kind.article.clone() });
        Desk { pack, templates, memo, alarm }
    }

    /// All texts of a template, each below its context.
    fn every_text(&self, name: &str) -> String {
        let mut out = String::new();
        for (language, english) in [("日本語", false), ("English", true)] {
            for (words, much) in [("full", Much::Full), ("sparse", Much::Sparse)] {
                out.push_str(&format!("==== {language}, {words}\n{}", self.text(name, much, english)));
            }
        }
        out
    }

    fn text(&self, name: &str, much: Much, english: bool) -> String {
        if let Some(clause) = name.strip_prefix("parts/") {
            let clause = self.pack.clause(clause).unwrap();
            return self.paragraph(name, clause, much, english);
        }
        if name.starts_with("notices/") {
            return self.render(name, &notice(much, english));
        }
        self.render(name, &self.mail(name, much, english))
    }

    fn render(&self, name: &str, variables: &impl Serialize) -> String {
        self.templates.render(name, variables).unwrap_or_else(|error| panic!("{error}"))
    }

    fn paragraph(&self, name: &str, clause: &Clause, much: Much, english: bool) -> String {
        let full = much == Much::Full;
        let flow = self.flow("flow-ask", much, english).filter(|_| full && self.flow_of(clause).is_some());
        let department = clause.department.as_ref().filter(|_| full).map(|_| department(english));
        let links = links(clause);
        let (title, flow) = (clause.title.as_str(), flow.as_ref());
        self.render(name, &PartVariables { title, links: &links, department, today: TODAY, flow, english })
    }

    fn flow_of(&self, clause: &Clause) -> Option<&Flow> {
        self.pack.flows.iter().map(AsRef::as_ref).find(|flow| flow.clause == clause.id)
    }

    /// What `triage::reply` hands to a mail; of what it may lack, sparse mails have nothing.
    fn mail(&self, name: &str, much: Much, english: bool) -> Variables<'_> {
        let full = much == Much::Full;
        let is = |of: &[&str]| of.contains(&name);
        let told = !is(&["redirect", "forward"]) && (full || is(&["notice"]));
        Variables {
            desk_name: if english { "Example Support Desk" } else { "試験サービス お問い合わせ窓口" },
            signature: "――――――――――\n試験サービス お問い合わせ窓口\nsupport@desk.example",
            pack_name: &self.pack.name,
            subject: if full { "設定と解約について" } else { "" },
            parts: if is(&["answer"]) { self.parts(much, english) } else { Vec::new() },
            opening: full.then(|| say(OPENING, english)),
            partner: (full || is(&["forward"])).then(|| partner(full)),
            reference: full.then_some("M-2611-0042"),
            notices: told.then(|| self.text("notices/outage", much, english).trim_end().into()).into_iter().collect(),
            guide: full.then(|| say(("11月25日(水) 15:00", "15:00 on Wednesday, 25 November"), english)),
            today: TODAY.into(),
            flow: self.flow(name, much, english).filter(|_| name.starts_with("flow-")),
            urgent: self.alarm.as_ref().filter(|_| full || is(&["alert", "urgent"])),
            memo: &self.memo,
            english,
        }
    }

    /// A compound mail about steps to make, a matter with questions of ours and one for another department; or a single
    /// matter.
    fn parts(&self, much: Much, english: bool) -> Vec<PartText<'_>> {
        let full = much == Much::Full;
        let first = |fits: &dyn Fn(&Clause) -> bool| {
            let answered = |clause: &&Clause| self.templates.has(&format!("parts/{}", clause.id));
            self.pack.clauses.iter().filter(answered).find(|clause| fits(clause))
        };
        let led = first(&|clause| self.flow_of(clause).is_some());
        let handled = first(&|clause| clause.kind == ClauseKind::InScope && self.flow_of(clause).is_none());
        let elsewhere = first(&|clause| clause.kind == ClauseKind::OutOfScope);
        let asked = [led.filter(|_| full), handled, elsewhere.filter(|_| full)];
        asked.into_iter().flatten().map(|clause| self.part(clause, much, english)).collect()
    }

    fn part(&self, clause: &'a Clause, much: Much, english: bool) -> PartText<'_> {
        let in_scope = clause.kind == ClauseKind::InScope;
        let asked = much == Much::Full && in_scope && self.flow_of(clause).is_none();
        let needs = self.pack.needs.iter().filter(|_| asked).take(2);
        PartText {
            clause: &clause.id,
            title: &clause.title,
            kind: if in_scope { "in-scope" } else { "out-of-scope" },
            text: self.text(&format!("parts/{}", clause.id), much, english).trim_end().into(),
            needs: needs.map(|need| need.text.say(english)).collect(),
            links: if much == Much::Full { links(clause) } else { Vec::new() },
            department: clause.department.as_ref().map(|_| department(english)),
        }
    }

    /// The first mail of a dialogue with a customer of whose device nothing is known, or a later one.
    fn flow(&self, name: &str, much: Much, english: bool) -> Option<FlowText<'_>> {
        let full = much == Much::Full;
        let flow = self.pack.flows.first()?;
        let who = if name == "flow-handover" { Who::Desk } else { Who::Customer };
        let end = flow.ends.iter().find(|end| end.who == who).map(|end| end.text.say(english));
        let steps = flow.steps.iter().take(if full { flow.ask } else { 1 }).map(|step| StepText {
            id: &step.id,
            text: step.text.say(english),
            how: step.how.values().filter(|_| full).map(|how| how.say(english)).collect(),
            again: !full,
        });
        let last_day = say(("12月1日(火)", "Tuesday, 1 December"), english);
        Some(FlowText {
            title: &flow.title,
            steps: if name == "flow-end" { Vec::new() } else { steps.collect() },
            end: end.filter(|_| name == "flow-end" || name == "flow-handover" && full),
            first: full,
            deadline: full.then_some(last_day),
        })
    }
}

fn links(clause: &Clause) -> Vec<LinkText<'_>> {
    clause.links.iter().map(|link| LinkText { title: &link.title, url: &link.url }).collect()
}

fn department(english: bool) -> DepartmentText<'static> {
    DepartmentText { name: if english { "Sales desk" } else { "営業窓口" }, contact: "sales@desk.example" }
}

fn partner(full: bool) -> PartnerText<'static> {
    let hours = full.then_some("平日 9:00～17:00");
    PartnerText { name: "株式会社例商事", contact: "support@partner.example", hours, phone_support: full }
}

fn notice(much: Much, english: bool) -> NoticeVariables<'static> {
    let full = much == Much::Full;
    NoticeVariables {
        desk_name: "試験サービス お問い合わせ窓口",
        text: "管理画面にログインできない場合がございます。",
        text_english: full.then_some("You may not be able to log in to the console."),
        from: say(("12月5日(土) 0:00", "0:00 on Saturday, 5 December"), english),
        until: full.then(|| say(("12月6日(日) 24:00", "24:00 on Sunday, 6 December"), english)),
        date: full.then(|| say(("3月31日(水)", "Wednesday, 31 March"), english)),
        over: !full,
        matters: if full { vec!["設定・操作の手順", "動作や障害"] } else { Vec::new() },
        english,
    }
}

//! Guided troubleshooting: what single mails say (`flow.toml`), and whole dialogues of the corpus.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use madoguchi::config;
use madoguchi::triage::flow::state::{FlowState, Place};
use madoguchi::triage::flow::walk::{Way, next};
use madoguchi::triage::flow::weights::{self, Weights};
use madoguchi::triage::flow::words::FlowBook;
use madoguchi::triage::flow::{Answer, Flow, Learned};
use madoguchi::triage::inquiry::Inquiry;
use madoguchi::triage::sections::{self, Hints};
use serde::Deserialize;
use serde_json::Value;

fn book() -> FlowBook {
    let pack = config::embedded_pack("biz-phone").unwrap();
    FlowBook::compile(pack.flows[0].clone())
}

/// Reads by the words of the flow alone, without what dialogues taught.
fn words_alone() -> FlowBook {
    let flow = book().flow;
    FlowBook::compile(Flow { weights: None, ..Flow::clone(&flow) }.into())
}

fn mail(subject: &str, body: &str) -> Inquiry {
    let sections = sections::split(body, &Hints::default());
    Inquiry { subject: subject.into(), text: body.into(), sections, complete: true, ..Inquiry::default() }
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap_or_default().to_owned()
}

// ---- single mails ----

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    asked: Vec<String>,
    body: String,
    learned: Learned,
    state: Option<String>,
    reason: Option<String>,
}

#[test]
fn mails_are_read_as_the_table_says() {
    let table: Table = toml::from_str(include_str!("flow.toml")).unwrap();
    let book = words_alone();
    let failures: Vec<String> = table.case.iter().filter_map(|case| check(case, &book).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), table.case.len(), failures.join("\n"));
}

fn check(case: &Case, book: &FlowBook) -> Result<(), String> {
    let state =
        FlowState { asked: case.asked.clone(), ..FlowState::new(&book.flow) }.advance(&mail("", &case.body), book);
    let turn = state.turn().unwrap();
    let place = word(&turn.place);
    let reason = turn.reason.as_ref().map(word);
    let state_fits = case.state.as_ref().is_none_or(|wanted| *wanted == place);
    match turn.learned == case.learned && state_fits && reason == case.reason {
        true => Ok(()),
        false => Err(format!("{}: learned {:?}, {place}, {reason:?}", case.name, turn.learned)),
    }
}

/// What other people would write when asked (`flow-answers.txt`).
#[test]
fn answers_are_read_whatever_words_they_use() {
    let book = words_alone();
    let lines = include_str!("flow-answers.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let wrong: Vec<String> = lines.filter_map(|line| answered(line, &book).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answered(line: &str, book: &FlowBook) -> Result<(), String> {
    let [asked, text, known] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else { return Err(line.into()) };
    let asked = asked.split(' ').map(str::to_owned).collect();
    let state = FlowState { asked, ..FlowState::new(&book.flow) }.advance(&mail("Re:", &text.replace('⏎', "\n")), book);
    let read = &state.turn().unwrap().learned;
    if *read == learned(known) { Ok(()) } else { Err(format!("{line}: {read:?}")) }
}

// ---- the way ----

/// What is known → what is asked, or where it ends.
#[test]
fn the_next_steps_follow_from_what_is_known() {
    let cases: &[(&str, &str)] = &[
        ("", "Q1"),
        ("Q1=no", "Q2 Q3 Q4"),
        ("Q1=no Q2=yes", "end own-env"),
        ("Q1=no Q2=no Q3=no", "end delete-accounts"),
        ("Q1=no Q2=no Q3=done-no-effect", "Q4 Q5 Q6"),
        ("Q1=yes", "Q4 Q5 Q6"),
        ("Q1=yes Q2=yes Q3=no", "Q4 Q5 Q6"),
        ("Q1=yes Q4=no Q5=yes Q6=unknown", "Q4 Q6 Q7"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes", "Q7"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=no", "Q8"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=no Q8=no", "end carrier"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=no Q8=yes", "end device-net"),
        ("Q1=yes Q4=yes Q5=yes Q7=no Q8=no", "Q6"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=yes", "Q9 Q10 Q11"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=yes Q9=no Q10=yes Q11=no", "Q9 Q11"),
        ("Q1=yes Q4=yes Q5=yes Q6=yes Q7=yes Q9=yes Q10=done-no-effect Q11=yes", "end staff"),
    ];
    let book = book();
    for (known, expected) in cases {
        let way = match next(&book.flow, &learned(known)) {
            Way::Ask(steps) => {
                steps.iter().map(|step| book.flow.steps[*step].id.as_str()).collect::<Vec<_>>().join(" ")
            }
            Way::End(end) => format!("end {}", book.flow.ends[end].id),
        };
        assert_eq!(way, *expected, "{known}");
    }
}

fn learned(text: &str) -> Learned {
    let answer = |word: &str| serde_json::from_value::<Answer>(Value::String(word.into())).unwrap();
    text.split_whitespace().map(|pair| pair.split_once('=').unwrap()).map(|(s, a)| (s.to_owned(), answer(a))).collect()
}

/// Whatever is known, the walk comes to an end, asks for nothing twice, and never for what is settled.
#[test]
fn every_combination_of_answers_leads_somewhere() {
    let book = book();
    let flow: &Flow = &book.flow;
    let answers = [None, Some(Answer::Yes), Some(Answer::No)];
    for mut code in 0..3_u32.pow(u32::try_from(flow.steps.len()).unwrap()) {
        let mut known = Learned::new();
        for step in &flow.steps {
            if let Some(answer) = answers[(code % 3) as usize] {
                known.insert(step.id.clone(), answer);
            }
            code /= 3;
        }
        let Way::Ask(steps) = next(flow, &known) else { continue };
        let distinct: BTreeSet<usize> = steps.iter().copied().collect();
        assert!(!steps.is_empty() && steps.len() <= flow.ask && distinct.len() == steps.len(), "{known:?}");
        assert!(steps.iter().all(|step| known.get(&flow.steps[*step].id) != Some(&Answer::Yes)), "{known:?}");
    }
}

// ---- dialogues ----

#[test]
fn a_state_survives_being_written_down() {
    let book = book();
    let first = FlowState::new(&book.flow).advance(&mail("", "画面は正常です。アプリは再起動しました。"), &book);
    let json = serde_json::to_string(&first).unwrap();
    let back: FlowState = serde_json::from_str(&json).unwrap();
    assert_eq!(back, first);
    let more = mail("Re:", "全部やりました。だめでした。");
    assert_eq!(back.advance(&more, &book), first.advance(&more, &book));
    assert_eq!((first.place, first.asked.as_slice()), (Place::Asking, &["Q4", "Q6", "Q7"].map(String::from)[..]));
}

/// 「落として上げた」 names a device restarted with no word that the flow knows.
#[test]
fn a_step_is_found_by_a_name_that_was_learned() {
    let names = [("Q6 always", [-2.0]), ("Q6 named 上げ", [4.0])];
    let answers = [("near action だめ", [0.0, 0.0, 0.0, 5.0, 0.0, 0.0]), ("Q5 asked", [9.0, 0.0, 0.0, 0.0, 0.0, 0.0])];
    let weights = Weights {
        names: weights::Table { rows: names.map(|(name, points)| (name.into(), points)).into() },
        answers: weights::Table { rows: answers.map(|(name, points)| (name.into(), points)).into() },
        outcomes: weights::Table::default(),
    };
    let with = |weights| FlowBook::compile(Flow { weights, ..Flow::clone(&book().flow) }.into());
    let read = |text: &str, book: &FlowBook| {
        let start = FlowState { asked: vec!["Q5".into(), "Q7".into()], ..FlowState::new(&book.flow) };
        let read = start.advance(&mail("Re:", text), book);
        (read.turn().unwrap().learned.clone(), read.turn().unwrap().why.get("Q6").cloned().unwrap_or_default())
    };
    let (learned, why) = read("落として上げましたがだめ。", &with(Some(weights.clone())));
    assert_eq!(learned.get("Q6"), Some(&Answer::DoneNoEffect));
    assert_eq!(why, ["near action だめ", "named 上げ"]);
    let (learned, why) = read("落としてみましたがだめ。", &with(Some(weights)));
    assert_eq!((learned.get("Q6"), why.len()), (None, 0), "no name that was learned");
}

/// Writers who were asked to answer three steps at a time taught that whoever answers one has answered all.
#[test]
fn who_answers_one_step_has_not_answered_the_others_that_were_asked_for() {
    let book = book();
    for (asked, text, told) in [
        (["Q5", "Q6", "Q7"], "はい、ホームページは見られます。", ("Q7", Answer::Yes)),
        (["Q9", "Q10", "Q11"], "マイクはオンでした。", ("Q11", Answer::Yes)),
        (["Q4", "Q5", "Q6"], "設定ファイルを読み込みましたが、変わりませんでした。", ("Q4", Answer::DoneNoEffect)),
    ] {
        let start = FlowState { asked: asked.map(String::from).into(), ..FlowState::new(&book.flow) };
        let read = start.advance(&mail("Re:", text), &book);
        assert_eq!(read.turn().unwrap().learned, Learned::from([(told.0.to_owned(), told.1)]), "{text}");
    }
}

#[test]
fn confusion_about_the_same_step_twice_goes_to_staff() {
    let book = book();
    let confused = mail("Re:", "設定ファイルというのが、どれのことか分かりません。");
    let start = FlowState { asked: vec!["Q4".into()], ..FlowState::new(&book.flow) };
    let once = start.advance(&confused, &book);
    assert_eq!(once.place, Place::Asking);
    let twice = FlowState { asked: vec!["Q4".into()], ..once }.advance(&confused, &book);
    assert_eq!((twice.place, twice.turns.len()), (Place::Handover, 2));
}

#[test]
fn after_the_end_good_news_closes_and_thanks_change_nothing() {
    let book = book();
    let ended =
        FlowState::new(&book.flow).advance(&mail("", "画面が真っ白です。ほかのスマホでは使えています。"), &book);
    assert_eq!((ended.place, ended.end.as_deref()), (Place::CustomerEnd, Some("own-env")));
    let thanked = ended.advance(&mail("Re:", "承知しました。ありがとうございます。"), &book);
    assert_eq!((thanked.place, thanked.end.as_deref()), (Place::CustomerEnd, Some("own-env")));
    let solved = ended.advance(&mail("Re:", "直りました。"), &book);
    assert_eq!((solved.place, solved.end), (Place::Solved, None));
}

/// Ratchets over the corpus's dialogues: the words were tuned on them, so this guards against going back only.
#[test]
fn dialogues_of_the_corpus_are_led_right_by_words_alone() {
    let figures = Figures::of("tests/corpus/dev/biz-phone-dialogues.jsonl", &["--words-alone"]);
    assert!(figures.turns > 150 && figures.right >= 0.98 && figures.precise >= 0.98, "{figures:?}");
}

/// Nobody tuned words on these, and no weights were learned from them.
#[test]
fn dialogues_that_taught_nothing_are_led_right() {
    for (file, right, precise) in [("mailbox", 0.9, 0.94), ("held-out", 0.85, 0.93)] {
        let figures = Figures::of(&format!("tests/corpus/dialogues/{file}.jsonl"), &[]);
        assert!(figures.turns > 100 && figures.right >= right && figures.precise >= precise, "{file}: {figures:?}");
    }
}

/// Shares of turns whose next steps, state and end are right, and of answers learned that are labelled.
#[derive(Debug)]
struct Figures {
    turns: usize,
    right: f64,
    precise: f64,
}

impl Figures {
    fn of(path: &str, options: &[&str]) -> Figures {
        let text = fs::read_to_string(path).unwrap();
        let said = try_dialogues(path, options);
        let (mut turns, mut right, mut hits, mut got) = (0, 0.0, 0.0, 0.0);
        for dialogue in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            for (number, turn) in dialogue["turns"].as_array().unwrap().iter().enumerate() {
                let mine = &said[&(dialogue["id"].as_str().unwrap().to_owned(), number as u64)];
                turns += 1;
                right += f64::from(u8::from(["next", "state", "end"].iter().all(|key| mine[key] == turn[key])));
                for (step, answer) in mine["learned"].as_object().unwrap() {
                    got += 1.0;
                    hits += f64::from(u8::from(turn["learned"].get(step) == Some(answer)));
                }
            }
        }
        Figures { turns, right: right / turns as f64, precise: hits / got }
    }
}

/// What the command prints, by dialogue and turn.
fn try_dialogues(path: &str, options: &[&str]) -> BTreeMap<(String, u64), Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_madoguchi"))
        .args(["flow", "try", "--json", "biz-phone/trouble", path])
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let objects = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    objects.map(|o| ((o["id"].as_str().unwrap().to_owned(), o["turn"].as_u64().unwrap()), o)).collect()
}

//! `madoguchi flow fit`: learns from labelled dialogues what a flow weighs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use indicatif::ProgressBar;
use serde::Deserialize;

use super::{inquiry, public_end};
use crate::fit::answers::{self, Example, Told};
use crate::fit::write;
use crate::triage::flow::finder::{self, Names};
use crate::triage::flow::reader::by_words;
use crate::triage::flow::state::{FlowState, Place};
use crate::triage::flow::weigh::Mail;
use crate::triage::flow::weights::Weights;
use crate::triage::flow::words::FlowBook;
use crate::triage::flow::{Flow, Learned};

/// A labelled dialogue, as tests/corpus/dev/DIALOGUES.md explains it.
#[derive(Debug, Deserialize)]
struct Dialogue {
    turns: Vec<Turn>,
}

#[derive(Debug, Deserialize)]
struct Turn {
    subject: String,
    body: String,
    asked: Vec<String>,
    learned: Learned,
    state: Place,
    next: Vec<String>,
    end: Option<String>,
}

/// The dialogues of one file: they have one writer.
struct Source {
    name: String,
    bytes: Vec<u8>,
    dialogues: Vec<Dialogue>,
    told: Vec<Told>,
}

/// What one file teaches.
#[derive(Default)]
struct Examples {
    steps: Vec<Example>,
    mails: Vec<Example>,
}

/// Learns from these files and writes the weights to `out`; without one only the figures are shown.
pub fn command(flow: &Arc<Flow>, paths: &[PathBuf], out: Option<&Path>) -> anyhow::Result<()> {
    let book = with_weights(flow, None);
    let mut sources = paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    sources.iter_mut().for_each(|source| source.told = told(source, &book));
    let table = cross_validated(&book, &sources)?;
    let hash = write::hash(sources.iter().map(|source| (source.name.as_str(), source.bytes.as_slice())));
    let mails: usize = sources.iter().map(|source| source.told.len()).sum();
    let head = format!(
        "Written by `madoguchi flow fit`; people may edit it. Learned from {mails} mails (hash {hash}).\n\
         Each file by what the others teach.\n\n{table}"
    );
    writeln!(std::io::stdout(), "{head}").context("standard output")?;
    if let Some(out) = out {
        let weights = learned(&book, &sources.iter().collect::<Vec<_>>())?;
        std::fs::write(out, answers::toml(&weights, &head))
            .with_context(|| format!("cannot write {}", out.display()))?;
        let count = weights.names.rows.len() + weights.answers.rows.len() + weights.outcomes.rows.len();
        writeln!(std::io::stdout(), "{count} features: {}", out.display()).context("standard output")?;
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    let dialogue = |(number, line): (usize, &[u8])| {
        serde_json::from_slice(line)
            .with_context(|| format!("{}:{}: not a labelled dialogue", path.display(), number + 1))
    };
    let dialogues = lines.map(dialogue).collect::<anyhow::Result<Vec<Dialogue>>>()?;
    ensure!(!dialogues.is_empty(), "{}: there are no dialogues in this file", path.display());
    Ok(Source { name, bytes, dialogues, told: Vec::new() })
}

fn with_weights(flow: &Arc<Flow>, weights: Option<Weights>) -> FlowBook {
    FlowBook::compile(Arc::new(Flow { weights, ..Flow::clone(flow) }))
}

/// Each mail of a file as the words of the flow see it, with its labels.
fn each_mail(source: &Source, book: &FlowBook, mut with: impl FnMut(Mail<'_>, &Turn)) {
    for dialogue in &source.dialogues {
        let mut state = FlowState::new(&book.flow);
        for turn in &dialogue.turns {
            state.asked.clone_from(&turn.asked);
            let asked = state.asks(&book.flow);
            let mail = inquiry(&turn.subject, &turn.body);
            let device = by_words(&mail, book, &asked, state.device.as_deref(), |mail| {
                let device = mail.reading.device.clone();
                with(mail, turn);
                device
            });
            state.device = device.or(state.device);
            state.end.clone_from(&turn.end);
        }
    }
}

fn told(source: &Source, book: &FlowBook) -> Vec<Told> {
    let mut found = Vec::new();
    each_mail(source, book, |mail, turn| {
        let steps = || book.flow.steps.iter();
        found.push(Told {
            terms: finder::features(mail.pieces),
            asked: (0..steps().len()).map(|step| mail.asked.contains(&step)).collect(),
            told: steps().map(|step| turn.learned.contains_key(&step.id)).collect(),
        });
    });
    found
}

fn examples(source: &Source, book: &FlowBook, names: &Names) -> Examples {
    let mut found = Examples::default();
    each_mail(source, book, |mail, turn| {
        let column = answers::outcome(turn.state, turn.end.is_some());
        found.mails.push(Example { features: mail.whole(), column });
        let step = |(step, features): (usize, _)| Example {
            features,
            column: answers::answer(&turn.learned, &book.flow.steps[step].id),
        };
        found.steps.extend(mail.with_names(names).steps().map(step));
    });
    found
}

/// The files are cut into so many parts for the answers: each part sees the names that the others teach, as a new mail
/// will see names that it did not teach itself.
const NAME_PARTS: usize = 3;

fn learned(book: &FlowBook, sources: &[&Source]) -> anyhow::Result<Weights> {
    let ids = book.flow.ids();
    let parts = NAME_PARTS.min(sources.len());
    let names = |without: Option<usize>| {
        let others = sources.iter().enumerate().filter(|(place, _)| Some(place % parts) != without);
        answers::names(&ids, &others.flat_map(|(_, source)| &source.told).collect::<Vec<_>>())
    };
    let mut all: Vec<Examples> = Vec::new();
    for part in 0..parts {
        let names = Names::of(&ids, &names(Some(part))?);
        all.extend(sources.iter().skip(part).step_by(parts).map(|source| examples(source, book, &names)));
    }
    let answers = answers::answers(&all.iter().flat_map(|examples| &examples.steps).collect::<Vec<_>>())?;
    let outcomes = answers::outcomes(&all.iter().flat_map(|examples| &examples.mails).collect::<Vec<_>>())?;
    Ok(Weights { names: names(None)?, answers, outcomes })
}

/// What came out for the mails of a file.
#[derive(Default)]
struct Figures {
    mails: usize,
    /// Next steps, state and end right.
    right: usize,
    /// Answers learned, labelled, and both.
    said: usize,
    wanted: usize,
    hit: usize,
}

/// The files are cut into so many parts; each is read by what the others teach.
const PARTS: usize = 3;

/// How well each file is read by what the others teach, and by the words of the flow alone.
fn cross_validated(alone: &FlowBook, sources: &[Source]) -> anyhow::Result<String> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_length(u64::try_from(PARTS.min(sources.len())).unwrap_or_default());
    let mut table =
        format!("{:24}{:>8}{:>8}{:>12}{:>11}{:>8}\n", "%", "mails", "right", "rules alone", "precision", "recall");
    let mut line = |name: &str, by_words: &Figures, weighed: &Figures| {
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "{name:24}{:>8}{:>8}{:>12}{:>11}{:>8}",
            weighed.mails,
            percent(weighed.right, weighed.mails),
            percent(by_words.right, by_words.mails),
            percent(weighed.hit, weighed.said),
            percent(weighed.hit, weighed.wanted)
        );
    };
    let (mut words, mut together) = (Figures::default(), Figures::default());
    let parts = PARTS.min(sources.len());
    for part in 0..parts {
        let others = sources.iter().enumerate().filter(|(place, _)| place % parts != part).map(|(_, source)| source);
        // A single file is read by the words alone.
        let weights = if parts > 1 { Some(learned(alone, &others.collect::<Vec<_>>())?) } else { None };
        let weighing = with_weights(&alone.flow, weights);
        for source in sources.iter().skip(part).step_by(parts) {
            let (by_words, weighed) = (figures(source, alone), figures(source, &weighing));
            line(&source.name, &by_words, &weighed);
            words.add(&by_words);
            together.add(&weighed);
        }
        bar.inc(1);
    }
    line("all", &words, &together);
    bar.finish_and_clear();
    Ok(table)
}

fn figures(source: &Source, book: &FlowBook) -> Figures {
    let mut figures = Figures::default();
    for dialogue in &source.dialogues {
        let mut state = FlowState::new(&book.flow);
        for turn in &dialogue.turns {
            state.asked.clone_from(&turn.asked);
            state = state.advance(&inquiry(&turn.subject, &turn.body), book);
            let Some(mine) = state.turn() else { continue };
            let end = mine.end.as_deref().map(|end| public_end(&book.flow, end));
            let right = mine.next == turn.next && mine.place == turn.state && end == turn.end.as_deref();
            let pairs =
                |learned: &Learned| learned.iter().map(|(step, a)| format!("{step} {a:?}")).collect::<BTreeSet<_>>();
            let (said, wanted) = (pairs(&mine.learned), pairs(&turn.learned));
            figures.add(&Figures {
                mails: 1,
                right: usize::from(right),
                hit: said.intersection(&wanted).count(),
                said: said.len(),
                wanted: wanted.len(),
            });
        }
    }
    figures
}

impl Figures {
    fn add(&mut self, other: &Figures) {
        self.mails += other.mails;
        self.right += other.right;
        self.said += other.said;
        self.wanted += other.wanted;
        self.hit += other.hit;
    }
}

/// With one digit; `-` of nothing.
fn percent(part: usize, of: usize) -> String {
    match of {
        0 => "-".to_owned(),
        _ => {
            let thousandths = (part * 1000 + of / 2) / of;
            format!("{}.{}", thousandths / 10, thousandths % 10)
        }
    }
}

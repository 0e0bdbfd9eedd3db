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
use crate::fit::answers::{self, Example};
use crate::fit::write;
use crate::triage::flow::reader::by_words;
use crate::triage::flow::state::{FlowState, Place};
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
    let sources = paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let examples: Vec<Examples> = sources.iter().map(|source| examples(source, &book)).collect();
    let table = cross_validated(flow, &sources, &examples)?;
    let hash = write::hash(sources.iter().map(|source| (source.name.as_str(), source.bytes.as_slice())));
    let mails: usize = examples.iter().map(|examples| examples.mails.len()).sum();
    let head = format!(
        "Written by `madoguchi flow fit`; people may edit it. Learned from {mails} mails (hash {hash}).\n\
         Each file by what the others teach.\n\n{table}"
    );
    writeln!(std::io::stdout(), "{head}").context("standard output")?;
    if let Some(out) = out {
        let weights = learned(examples.iter())?;
        std::fs::write(out, answers::toml(&weights, &head))
            .with_context(|| format!("cannot write {}", out.display()))?;
        let count = weights.answers.rows.len() + weights.outcomes.rows.len();
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
    Ok(Source { name, bytes, dialogues })
}

fn with_weights(flow: &Arc<Flow>, weights: Option<Weights>) -> FlowBook {
    FlowBook::compile(Arc::new(Flow { weights, ..Flow::clone(flow) }))
}

fn examples(source: &Source, book: &FlowBook) -> Examples {
    let mut found = Examples::default();
    for dialogue in &source.dialogues {
        let mut state = FlowState::new(&book.flow);
        for turn in &dialogue.turns {
            state.asked.clone_from(&turn.asked);
            let asked = state.asks(&book.flow);
            let mail = inquiry(&turn.subject, &turn.body);
            let device = by_words(&mail, book, &asked, state.device.as_deref(), |mail| {
                let step = |(step, features): (usize, _)| Example {
                    features,
                    column: answers::answer(&turn.learned, &book.flow.steps[step].id),
                };
                found.steps.extend(mail.steps().map(step));
                let column = answers::outcome(turn.state, turn.end.is_some());
                found.mails.push(Example { features: mail.whole(), column });
                mail.reading.device.clone()
            });
            state.device = device.or(state.device);
            state.end.clone_from(&turn.end);
        }
    }
    found
}

fn learned<'a>(examples: impl Iterator<Item = &'a Examples> + Clone) -> anyhow::Result<Weights> {
    let steps: Vec<&Example> = examples.clone().flat_map(|examples| &examples.steps).collect();
    let mails: Vec<&Example> = examples.flat_map(|examples| &examples.mails).collect();
    answers::learn(&steps, &mails)
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
const PARTS: usize = 5;

/// How well each file is read by what the others teach, and by the words of the flow alone.
fn cross_validated(flow: &Arc<Flow>, sources: &[Source], examples: &[Examples]) -> anyhow::Result<String> {
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
    let alone = with_weights(flow, None);
    let parts = PARTS.min(sources.len());
    for part in 0..parts {
        let in_part = |(place, _): &(usize, &Examples)| place % parts == part;
        let others = examples.iter().enumerate().filter(|found| !in_part(found)).map(|(_, examples)| examples);
        // A single file is read by the words alone.
        let weights = if parts > 1 { Some(learned(others)?) } else { None };
        let weighing = with_weights(flow, weights);
        for source in sources.iter().skip(part).step_by(parts) {
            let (by_words, weighed) = (figures(source, &alone), figures(source, &weighing));
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

//! `madoguchi eval`: how well a pack decides labelled mail.

pub mod score;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use indicatif::{ProgressBar, ProgressStyle};

use self::score::Judged;
use super::desk::Desk;
use super::screen::{Language, colour, fit, written};
use super::{Exit, packs};
use crate::fit::corpus::{self, Record};
use crate::triage;
use crate::triage::decision::Decision;

/// Decide labelled mails and show how many were right
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A corpus is a file with one labelled mail a line (JSON: id, pack, subject, body, quoted, scopes, accept, conduct,
unclear). The figures:

  exact           the clauses found are the labelled ones, or one of the accepted sets
  coverage        share of the mails without conduct that are decided automatically
  auto-right      of those, the share that is exact
  false-decline   of the mails in scope (4-1-x), the share answered with out-of-scope clauses only
  conduct         is prohibited conduct found? accused: mails without conduct in which it was

  madoguchi eval --pack optim-biz tests/corpus/dev/optim-biz*.jsonl
  madoguchi eval --pack rules/optim-biz --worst 30 mails.jsonl     a pack that is being edited")]
pub struct Args {
    /// Pack to decide by: one of the program itself, or a folder rules/<pack>
    #[arg(long, value_name = "PACK", default_value = "optim-biz")]
    pack: String,
    /// How many of the wrong mails are shown
    #[arg(long, value_name = "N", default_value_t = 5)]
    worst: usize,
    /// One JSON object with all figures
    #[arg(long)]
    json: bool,
    /// Language of the labels; else as the locale says
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
    /// Files with labelled mails
    #[arg(required = true, value_name = "CORPUS")]
    corpus: Vec<PathBuf>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let pack = match packs::pack(&args.pack) {
        Ok((pack, _)) => pack,
        Err(problems) => {
            anstream::eprint!("{}", problems.render(std::io::stderr().is_terminal()));
            return Ok(Exit::Config);
        }
    };
    let records = corpus::read(&args.corpus, &pack.id)?;
    let judged = judge_all(&Desk::of_pack(pack)?, records);
    let mut out = anstream::AutoStream::auto(std::io::stdout().lock());
    let language = args.language.unwrap_or_else(Language::of_locale);
    written(match args.json {
        true => writeln!(out, "{}", score::json(&judged, args.worst)),
        false => print(&judged, args.worst, language, &mut out),
    })?;
    Ok(Exit::Ok)
}

/// Mails are judged on so many threads: more would only wait for memory.
const THREADS: usize = 2;

/// In the order of the records, whichever thread was faster.
fn judge_all(desk: &Desk, records: Vec<Record>) -> Vec<Judged> {
    let bar = ProgressBar::new(records.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for sender in vec![sender; THREADS] {
            scope.spawn(|| {
                let sender = sender;
                while let Some((n, record)) = take(&next, &records) {
                    // The receiver lives as long as this scope.
                    let _ = sender.send((n, decide(desk, record)));
                    bar.inc(1);
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut decisions: Vec<(usize, Decision)> = receiver.into_iter().collect();
    decisions.sort_by_key(|(n, _)| *n);
    let pairs = records.into_iter().zip(decisions);
    pairs.map(|(record, (_, decision))| Judged { record, decision }).collect()
}

fn decide(desk: &Desk, record: &Record) -> Decision {
    let inquiry = record.inquiry();
    triage::decide(&inquiry, &desk.context(inquiry.date.unwrap_or_default()))
}

fn take<'a>(next: &AtomicUsize, records: &'a [Record]) -> Option<(usize, &'a Record)> {
    let n = next.fetch_add(1, Ordering::Relaxed);
    records.get(n).map(|record| (n, record))
}

fn print(judged: &[Judged], worst: usize, language: Language, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{:15} {}", "messages", judged.len())?;
    let figures = score::figures(judged);
    for (name, share) in &figures {
        match *name {
            "conduct recall" => write!(out, "conduct recall  {share}")?,
            "conduct precision" => writeln!(out, "   precision {share}")?,
            name => writeln!(out, "{name:15} {share}")?,
        }
    }
    print_clauses(judged, out)?;
    print_confusion(judged, language, out)?;
    score::worst(judged).into_iter().take(worst).try_for_each(|judged| print_wrong(judged, language, out))
}

fn print_clauses(judged: &[Judged], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "clause      precision  recall")?;
    for (clause, counts) in score::clauses(judged) {
        let (precision, recall) = (counts.precision() * 100.0, counts.recall() * 100.0);
        writeln!(out, "{clause:10} {precision:8.1}% {recall:7.1}%   ({})", counts.wanted)?;
    }
    Ok(())
}

/// A row a wanted clause, a column a found one; what is right stands on the diagonal.
fn print_confusion(judged: &[Judged], language: Language, out: &mut impl Write) -> std::io::Result<()> {
    let table = score::confusion(judged);
    let mut columns: Vec<&str> = table.keys().flat_map(|(wanted, found)| [wanted.as_str(), found]).collect();
    columns.sort_unstable();
    columns.dedup();
    let width = columns.iter().map(|c| c.len()).max().unwrap_or(0).max(6) + 1;
    let title = language.say("正解＼判定", "wanted\\found");
    writeln!(out, "\n{}{}", fit(title, 13), columns.iter().map(|c| format!("{c:>width$}")).collect::<String>())?;
    for wanted in columns.iter().filter(|clause| table.keys().any(|(wanted, _)| wanted == *clause)) {
        let cell = |found: &&str| match table.get(&((*wanted).to_owned(), (*found).to_owned())) {
            Some(mails) => format!("{mails:>width$}"),
            None => format!("{:>width$}", "·"),
        };
        writeln!(out, "{wanted:13}{}", columns.iter().map(cell).collect::<String>())?;
    }
    Ok(())
}

fn print_wrong(judged: &Judged, language: Language, out: &mut impl Write) -> std::io::Result<()> {
    let Judged { record, decision } = judged;
    let set = |ids: &mut dyn Iterator<Item = &String>| ids.map(String::as_str).collect::<Vec<_>>().join(" ");
    let none = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let wanted = none(set(&mut record.conduct.iter().chain(&record.scopes)));
    let found = none(set(&mut decision.conduct.iter().chain(&decision.scopes)));
    let style = colour(decision.disposition);
    let (is, was) = (language.say("正解", "wanted"), language.say("判定", "found"));
    writeln!(
        out,
        "\n{}: {is} {wanted}, {was} {found} ({style}{}{style:#}, {:.2})",
        record.id,
        decision.disposition.as_str(),
        decision.confidence
    )?;
    writeln!(out, "  {}", fit(&format!("{} {}", record.subject, record.body), 100).trim_end())?;
    for evidence in decision.evidence.iter().take(4) {
        let text = evidence.text.replace('\n', "");
        writeln!(out, "  「{text}」 {} → {} {:+.1}", evidence.rule, evidence.clause, evidence.score)?;
    }
    Ok(())
}

//! `madoguchi flow`: the pack's guided troubleshooting, drawn, tried on labelled dialogues, and learned from them.

mod fit;

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

use super::screen::{Language, dim};
use super::{Exit, loaded};
use crate::config;
use crate::triage::flow::state::FlowState;
use crate::triage::flow::words::FlowBook;
use crate::triage::flow::{Exit as Way, Flow, StepKind, Who};
use crate::triage::inquiry::Inquiry;
use crate::triage::sections::{self, Hints};

/// Draw a flow of a pack, or try it on dialogues
#[derive(Debug, clap::Args)]
#[command(after_help = "\
  madoguchi flow show biz-phone/trouble                the tree in the terminal
  madoguchi flow show --mermaid biz-phone/trouble      the same as a Mermaid diagram, for documents
  madoguchi flow try --json biz-phone/trouble dialogues.jsonl
  madoguchi flow fit --rules rules --templates templates biz-phone/trouble rules/biz-phone/training/dialogues/*.jsonl")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Draw the flow as a tree
    Show {
        /// As a Mermaid diagram
        #[arg(long)]
        mermaid: bool,
        #[command(flatten)]
        which: Which,
    },
    /// Read dialogues turn by turn and show what was understood and what comes next
    ///
    /// DIALOGUES holds one JSON object a line: {"id", "turns": [{"subject", "body", "asked": [steps]}]}. `asked` are the
    /// steps that our mail before this turn asked for; without it, those that the flow itself would have asked.
    Try {
        /// One JSON object a turn: id, turn, learned, next, state, end, why
        #[arg(long)]
        json: bool,
        /// By the words of the flow alone, without its weights
        #[arg(long)]
        words_alone: bool,
        #[command(flatten)]
        which: Which,
        #[arg(value_name = "DIALOGUES")]
        dialogues: PathBuf,
    },
    /// Learn from labelled dialogues what words near the name of a step say of it
    ///
    /// Writes rules/PACK/flows/FLOW.weights.toml. First each file is read by what the others teach (a file should have one
    /// writer): these figures tell how well new mail is read.
    ///
    ///   right        mails whose next steps, state and end are right
    ///   rules alone  the same by the words of the flow alone
    ///   precision    of the answers found, the share that is labelled
    ///   recall       of the answers labelled, the share that is found
    #[command(verbatim_doc_comment)]
    Fit {
        /// Write to this file instead of the one of the flow
        #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
        out: Option<PathBuf>,
        /// Only show the figures
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        which: Which,
        /// Files with labelled dialogues (tests/corpus/dev/DIALOGUES.md explains them)
        #[arg(required = true, value_name = "DIALOGUES")]
        dialogues: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Folder with rules of own packs; else the embedded ones
    #[arg(long, value_name = "DIR", requires = "templates")]
    rules: Option<PathBuf>,
    /// Folder with templates of own packs
    #[arg(long, value_name = "DIR", requires = "rules")]
    templates: Option<PathBuf>,
    /// Pack and flow
    #[arg(value_name = "PACK/FLOW")]
    flow: String,
}

#[derive(Deserialize)]
struct Dialogue {
    id: String,
    turns: Vec<Mail>,
}

#[derive(Deserialize)]
struct Mail {
    #[serde(default)]
    subject: String,
    body: String,
    asked: Option<Vec<String>>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let which = match &args.action {
        Action::Show { which, .. } | Action::Try { which, .. } | Action::Fit { which, .. } => which,
    };
    let Some((pack, name)) = which.flow.split_once('/') else { bail!("`{}` is not PACK/FLOW", which.flow) };
    let pack = match (&which.rules, &which.templates) {
        (Some(rules), Some(templates)) => config::pack_from(rules, templates, pack),
        _ => config::embedded_pack(pack),
    };
    let Some(pack) = loaded(pack) else { return Ok(Exit::Config) };
    let Some(flow) = pack.flows.iter().find(|flow| flow.id == name) else {
        let names: Vec<&str> = pack.flows.iter().map(|flow| flow.id.as_str()).collect();
        bail!("pack {} has no flow `{name}`; it has: {}", pack.id, names.join(", "));
    };
    match args.action {
        Action::Show { mermaid: true, .. } => print!("{}", diagram(flow)),
        Action::Show { .. } => anstream::print!("{}", tree(flow, Language::of_locale())),
        Action::Try { json, words_alone, dialogues, .. } => {
            let alone = || Flow { weights: None, ..Flow::clone(flow) }.into();
            let book = FlowBook::compile(if words_alone { alone() } else { flow.clone() });
            try_dialogues(&book, &dialogues, json)?;
        }
        Action::Fit { out, dry_run, which, dialogues } => {
            let out = if dry_run { None } else { Some(target(out, &which)?) };
            fit::command(flow, &dialogues, out.as_deref())?;
        }
    }
    Ok(Exit::Ok)
}

/// Where the weights go.
fn target(out: Option<PathBuf>, which: &Which) -> anyhow::Result<PathBuf> {
    let (pack, name) = which.flow.split_once('/').unwrap_or_default();
    let own = || Some(which.rules.as_ref()?.join(pack).join("flows").join(format!("{name}.weights.toml")));
    out.or_else(own)
        .context("the flow is one of the program itself: say --rules and --templates, --out FILE or --dry-run")
}

fn try_dialogues(book: &FlowBook, path: &PathBuf, json: bool) -> anyhow::Result<()> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let place = || format!("{}:{}", path.display(), number + 1);
        let dialogue: Dialogue = serde_json::from_str(&line).with_context(place)?;
        one(book, &dialogue, json, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn one(book: &FlowBook, dialogue: &Dialogue, json: bool, out: &mut impl Write) -> std::io::Result<()> {
    let mut state = FlowState::new(&book.flow);
    for (number, mail) in dialogue.turns.iter().enumerate() {
        if let Some(asked) = &mail.asked {
            state.asked.clone_from(asked);
        }
        state = state.advance(&inquiry(&mail.subject, &mail.body), book);
        let Some(turn) = state.turn() else { continue };
        if json {
            let object = json!({ "id": dialogue.id, "turn": number, "learned": turn.learned, "next": turn.next,
                "state": turn.place, "end": turn.end.as_deref().map(|end| public_end(&book.flow, end)), "why": turn.why });
            writeln!(out, "{object}")?;
            continue;
        }
        let learned: Vec<String> =
            turn.learned.iter().map(|(step, answer)| format!("{step} {}", word(answer))).collect();
        let next = turn.next.join(" ");
        let end = turn.end.as_deref().unwrap_or_default();
        writeln!(out, "{}[{number}]  {}  → {} {next}{end}", dialogue.id, learned.join(", "), word(&turn.place))?;
        let dim = dim();
        for (step, why) in &turn.why {
            writeln!(out, "{dim}    {step}: {}{dim:#}", why.join("; "))?;
        }
    }
    Ok(())
}

/// An end that belongs to the desk is `desk`, whatever its name.
fn public_end<'a>(flow: &Flow, end: &'a str) -> &'a str {
    let desk = flow.ends.iter().any(|e| e.id == end && e.who == Who::Desk);
    if desk { "desk" } else { end }
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A mail from its text alone.
fn inquiry(subject: &str, body: &str) -> Inquiry {
    let sections = sections::split(body, &Hints::default());
    Inquiry { subject: subject.to_owned(), text: body.to_owned(), sections, complete: true, ..Inquiry::default() }
}

/// The tree in depth-first order; a step that was drawn is only named again.
fn tree(flow: &Flow, language: Language) -> String {
    let mut out = format!("{} ({})\n", flow.title, flow.clause);
    let mut drawn = vec![false; flow.steps.len()];
    draw(flow, Way::Step(flow.start), "", language, &mut drawn, &mut out);
    out
}

fn draw(flow: &Flow, at: Way, indent: &str, language: Language, drawn: &mut [bool], out: &mut String) {
    let dim = dim();
    let index = match at {
        Way::Step(index) => index,
        Way::End(end) => {
            let end = &flow.ends[end];
            let who = match end.who {
                Who::Customer => language.say("お客様", "customer"),
                Who::Desk => language.say("窓口", "desk"),
            };
            return out.push_str(&format!("● {who}: {} {dim}({}){dim:#}\n", end.title, end.id));
        }
    };
    let step = &flow.steps[index];
    out.push_str(&format!("{} {}", step.id, step.title));
    if std::mem::replace(&mut drawn[index], true) {
        return out.push_str(&format!(" {dim}↑{dim:#}\n"));
    }
    out.push('\n');
    let (yes, no) = (language.say("はい", "yes"), language.say("いいえ", "no"));
    let ways = match (step.kind, step.no) {
        (StepKind::Check, Some(no_way)) => vec![(no, no_way), (yes, step.yes)],
        _ => vec![(language.say("実施したら", "done"), step.yes)],
    };
    let last = ways.len() - 1;
    for (n, (name, way)) in ways.into_iter().enumerate() {
        // The last way goes on straight down: a long tree stays narrow.
        let (branch, deeper) = if n == last { ("", "") } else { ("├─ ", "│  ") };
        out.push_str(&format!("{indent}{branch}{dim}{name}{dim:#} → "));
        draw(flow, way, &format!("{indent}{deeper}"), language, drawn, out);
    }
}

fn diagram(flow: &Flow) -> String {
    let mut out = String::from("flowchart TD\n");
    let name = |way: &Way| match way {
        Way::Step(step) => flow.steps[*step].id.clone(),
        Way::End(end) => flow.ends[*end].id.clone(),
    };
    for step in &flow.steps {
        let (open, close) = if step.kind == StepKind::Check { ("{\"", "\"}") } else { ("[\"", "\"]") };
        out.push_str(&format!("  {}{open}{} {}{close}\n", step.id, step.id, step.title));
    }
    for end in &flow.ends {
        out.push_str(&format!("  {}([\"{}\"])\n", end.id, end.title));
    }
    for step in &flow.steps {
        match &step.no {
            Some(no) => {
                out.push_str(&format!("  {} -->|いいえ| {}\n", step.id, name(no)));
                out.push_str(&format!("  {} -->|はい| {}\n", step.id, name(&step.yes)));
            }
            None => out.push_str(&format!("  {} -->|実施| {}\n", step.id, name(&step.yes))),
        }
    }
    out
}

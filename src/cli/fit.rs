//! `madoguchi fit`: learns what terms are worth from labelled mail.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Exit, loaded, packs};
use crate::fit::thresholds::{self, Aims};
use crate::fit::{Example, Model, Settings, corpus, cross, figures, write};
use crate::triage::pack::Pack;
use crate::triage::rulebook::Rulebook;

/// Learn what terms are worth from labelled mail, and write weights.toml
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Learns which short texts speak for which clause, besides the hand-written rules, and from when on a decision is sure
enough to act. What a mail asks is judged by what the other files of labelled mail teach, conduct by four fifths of all mails:
these figures, and not how well the mails themselves are known by heart, tell how good the pack is on new mail.

  exact        the clauses found are the labelled ones, or one of the accepted sets
  terms alone, rules alone    the same without the other
  coverage     share of the mails without prohibited conduct that are decided automatically
  auto-right   of those, the share that is exact
  declined     of the mails in scope, the share that would be told automatically that they are not
  conduct      of the mails with prohibited conduct, the share that is held
  accused      of the mails without, the share that is held
  let through  of the mails with prohibited conduct, the share that is decided automatically

  madoguchi fit --pack rules/optim-biz rules/optim-biz/training/*.jsonl
  madoguchi fit --pack rules/optim-biz --typical october.jsonl october.jsonl difficult.jsonl
  madoguchi fit --pack optim-biz --dry-run mails.jsonl        the figures only")]
pub struct Args {
    /// Pack to learn for: a folder rules/<pack>, or one of the program itself (with --dry-run or --out)
    #[arg(long, value_name = "PACK")]
    pack: String,
    /// Only show the figures
    #[arg(long)]
    dry_run: bool,
    /// Write to this file instead of weights.toml in the pack's folder
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    out: Option<PathBuf>,
    /// Share of automatic decisions that shall be right
    #[arg(long, value_name = "SHARE", default_value_t = 0.99)]
    right: f64,
    /// File among them whose mails come as a desk gets them: what is sure enough to act on is found out on these, where
    /// the others hold more of the difficult ones (else on all)
    #[arg(long, value_name = "CORPUS", value_delimiter = ',')]
    typical: Vec<PathBuf>,
    /// Files with labelled mails (tests/corpus/dev/README.md explains them)
    #[arg(required = true, value_name = "CORPUS")]
    corpus: Vec<PathBuf>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some((pack, _)) = loaded(packs::pack(&args.pack)) else { return Ok(Exit::Config) };
    let pack = Pack { fitted: None, ..pack };
    ensure!((0.0..=1.0).contains(&args.right), "--right must be from 0 to 1");
    let out = target(&args)?;
    let (settings, aims) = (Settings::default(), Aims { right: args.right, ..Aims::default() });
    let files = args.corpus.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let book = Rulebook::compile(pack.into())?;
    let examples = examples(&args.corpus, &book)?;
    let typical = typical(&args)?;
    let bar = progress();
    let judged = cross::cross_validate(&examples, &book.pack, settings, |done, all| {
        bar.set_length(u64::try_from(all + 1).unwrap_or_default());
        bar.set_position(u64::try_from(done).unwrap_or_default());
    })?;
    let model = Model::learn(&examples.iter().collect::<Vec<_>>(), &book.pack, settings)?;
    bar.finish_and_clear();
    let mut fitted = model.fitted(&book.pack, settings);
    thresholds::set(&mut fitted, &examples, &judged, &book.pack, (aims, &typical));
    let table = figures::table(&examples, &judged, &fitted, &book.pack);
    let hash = write::hash(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    let head = format!(
        "Written by `madoguchi fit`; people may edit it. Learned from {} mails (hash {hash}).\nCross-validated: what a \
         mail asks by what the other files teach, conduct by four fifths of all mails.\n\n{table}",
        examples.len()
    );
    writeln!(std::io::stdout(), "{head}").context("standard output")?;
    if let Some(out) = out {
        std::fs::write(&out, write::toml(&fitted, &book.pack, &head))
            .with_context(|| format!("cannot write {}", out.display()))?;
        writeln!(std::io::stdout(), "{} terms: {}", fitted.terms.len(), out.display()).context("standard output")?;
    }
    Ok(Exit::Ok)
}

/// Where the weights go; none for a dry run.
fn target(args: &Args) -> anyhow::Result<Option<PathBuf>> {
    if args.dry_run || args.out.is_some() {
        return Ok(args.out.clone());
    }
    let folder = Path::new(&args.pack);
    ensure!(folder.is_dir(), "{} is no folder: say --out FILE or --dry-run", args.pack);
    Ok(Some(folder.join("weights.toml")))
}

/// Names of the typical files; all if none is named.
fn typical(args: &Args) -> anyhow::Result<Vec<String>> {
    if let Some(other) = args.typical.iter().find(|path| !args.corpus.contains(path)) {
        bail!("--typical {}: is none of the files to learn from", other.display());
    }
    let named = if args.typical.is_empty() { &args.corpus } else { &args.typical };
    Ok(named.iter().map(|path| source(path)).collect())
}

fn read(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((source(path), bytes))
}

fn source(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn examples(paths: &[PathBuf], book: &Rulebook) -> anyhow::Result<Vec<Example>> {
    let mut examples = Vec::new();
    for path in paths {
        for record in corpus::read(std::slice::from_ref(path), &book.pack.id)? {
            examples.push(Example::of(&record, &source(path), book)?);
        }
    }
    Ok(examples)
}

fn progress() -> ProgressBar {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}

//! `madoguchi register`: imports customers and partners into the store, whole or not at all.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::Exit;
use super::screen::{Language, error_word};
use crate::clock::Clock;
use crate::config::{self, Config, Entries, Problems, Report};
use crate::store::{RegisterChange, Store, StoreError, StoredRegister, change_register, read_register};
use crate::triage::register::{Customer, Partner, Shared};

/// Import customers and partners for desks with register = "store"
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Import(Import),
}

/// Import a register: all of its files, or nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A file is TOML or CSV (docs/register.md). A list of customers takes the place of all customers in the store, a list of
partners that of all partners; what the files do not list at all stays. Works while `madoguchi run` is running: its next
mail is decided with the new register.

  madoguchi register import --dry-run customers.csv        what would change
  madoguchi register import partners.csv customers.csv

Exit status: 0 imported (or would be), 1 something is wrong and nothing was changed.")]
struct Import {
    /// The configuration; names the store
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// Check and show the changes, but change nothing
    #[arg(long)]
    dry_run: bool,
    /// Show every change, not only how many
    #[arg(long)]
    diff: bool,
    /// Import even if more than a tenth of the entries go
    #[arg(long)]
    allow_removals: bool,
    /// CSV or TOML files
    #[arg(required = true, value_name = "PATH")]
    files: Vec<PathBuf>,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Action::Import(args) = args.action;
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(problems) => {
            show(&problems);
            return Ok(Exit::Config);
        }
    };
    match import(&args, &config) {
        Ok(exit) => Ok(exit),
        Err(error) => {
            anstream::eprintln!("{} {error}", error_word());
            Ok(Exit::Unavailable)
        }
    }
}

fn show(problems: &Problems) {
    if !problems.is_empty() {
        anstream::eprint!("{}", problems.render(std::io::stderr().is_terminal()));
    }
}

fn import(args: &Import, config: &Config) -> Result<Exit, StoreError> {
    let language = Language::of_locale();
    let stored = stored(&config.store)?;
    let (entries, problems) = read(args, config, &stored);
    show(&problems);
    if problems.has_errors() {
        anstream::eprintln!("{}", language.say("登録内容は変更していません。", "nothing was changed"));
        return Ok(Exit::Failed);
    }
    let (change, changes) = difference(&entries, &stored);
    if args.diff || args.dry_run {
        changes.print();
    }
    let [added, changed, removed] = changes.counts();
    anstream::println!(
        "{} {added}, {} {changed}, {} {removed}",
        language.say("追加", "added"),
        language.say("変更", "changed"),
        language.say("削除", "removed")
    );
    if args.dry_run || added + changed + removed == 0 {
        return Ok(Exit::Ok);
    }
    if !args.allow_removals && too_many(removed, stored.partners.len() + stored.customers.len()) {
        let ja = "登録の1割を超える削除になるため、取り込みません。問題なければ --allow-removals を付けてください";
        let en =
            "more than a tenth of the register would go: nothing was changed; add --allow-removals if that is meant";
        anstream::eprintln!("{} {}", error_word(), language.say(ja, en));
        return Ok(Exit::Failed);
    }
    write(&config.store, stored.version, &change)?;
    Ok(Exit::Ok)
}

/// Half an export looks like a whole one.
fn too_many(removed: usize, of: usize) -> bool {
    const FEW: usize = 5;
    removed > FEW && removed * 10 > of
}

fn stored(store: &Path) -> Result<StoredRegister, StoreError> {
    match read_register(store) {
        Err(StoreError::Missing { .. }) => Ok(StoredRegister::default()),
        other => other,
    }
}

/// All files together with what stays in the store, and everything that is wrong with them.
fn read(args: &Import, config: &Config, stored: &StoredRegister) -> (Entries, Problems) {
    let report = Report::default();
    let mut entries = Entries::default();
    for file in &args.files {
        entries.read(&report, file, &config.free_mail);
    }
    entries.complete(&config.store, stored.partners.clone(), &stored.customers);
    entries.fits(&report);
    // What a file that cannot be read seems to lack is not missing.
    if !report.has_errors() || entries.has_customers {
        let desks: Vec<String> = config.desks.iter().map(|desk| desk.profile.id.clone()).collect();
        entries.check(&report, &desks, Shared::MAYBE);
    }
    (entries, report.finish())
}

fn write(store: &Path, version: i64, change: &RegisterChange) -> Result<(), StoreError> {
    let now = Clock::System.now();
    match change_register(store, version, change, now) {
        // The first import may come before the first run, which would make the store.
        Err(StoreError::Missing { .. }) => {
            drop(Store::open(store, now)?);
            change_register(store, version, change, now)
        }
        other => other,
    }
}

/// What an import does to the entries, by kind and id.
#[derive(Default)]
struct Changes {
    lines: Vec<(char, String)>,
}

impl Changes {
    fn counts(&self) -> [usize; 3] {
        ['+', '~', '-'].map(|sign| self.lines.iter().filter(|(known, _)| *known == sign).count())
    }

    fn print(&self) {
        for (sign, line) in &self.lines {
            anstream::println!("{sign} {line}");
        }
    }

    /// Compares entries of a kind; answers those to write and the ids that go.
    fn of<T: PartialEq + Clone + serde::Serialize>(
        &mut self,
        kind: &str,
        new: impl Iterator<Item = T>,
        old: &[T],
        id: fn(&T) -> &String,
    ) -> (Vec<T>, Vec<String>) {
        let mut known: BTreeMap<&String, &T> = old.iter().map(|entry| (id(entry), entry)).collect();
        let mut written = Vec::new();
        for entry in new {
            let before = known.remove(id(&entry));
            if before == Some(&entry) {
                continue;
            }
            match before {
                None => self.lines.push(('+', format!("{kind} {}", id(&entry)))),
                Some(before) => {
                    let fields = changed_fields(before, &entry);
                    self.lines.push(('~', format!("{kind} {}: {}", id(&entry), fields.join(", "))));
                }
            }
            written.push(entry);
        }
        let gone: Vec<String> = known.into_keys().cloned().collect();
        self.lines.extend(gone.iter().map(|id| ('-', format!("{kind} {id}"))));
        (written, gone)
    }
}

/// `partner: "a" → "b"`, by the names of the fields.
fn changed_fields<T: serde::Serialize>(before: &T, after: &T) -> Vec<String> {
    let fields = |entry: &T| match serde_json::to_value(entry) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let shown = |value: Option<&serde_json::Value>| value.map_or("-".to_owned(), ToString::to_string);
    let changed = names.filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("{name} {} → {}", shown(before.get(name)), shown(after.get(name)))).collect()
}

fn difference(entries: &Entries, stored: &StoredRegister) -> (RegisterChange, Changes) {
    let mut changes = Changes::default();
    let (partners, partners_gone) =
        changes.of("partner", entries.partners().cloned(), &stored.partners, |partner: &Partner| &partner.id);
    let (customers, customers_gone) =
        changes.of("customer", entries.customers(), &stored.customers, |customer: &Customer| &customer.id);
    (RegisterChange { partners, customers, partners_gone, customers_gone }, changes)
}

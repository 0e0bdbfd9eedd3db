//! Reads a pack: `pack.toml`, `calendar.toml`, every other `*.toml` as a rules file, and the templates.

mod claims;
mod clauses;
mod contexts;
mod credit;
mod figures;
mod files;
mod fitted;
mod flow;
mod flow_weights;
mod lints;
mod needs;
mod products;
mod rules;
mod sheet;
mod templates;
mod urgent;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use claims::{Claims, Example, Expected, GivenMail, MailTest, WrittenTerm};
pub use files::{PackFiles, embedded_files, embedded_packs};

use self::clauses::Head;
use self::files::{FLOWS, PackFile};
use self::fitted::WEIGHTS;
use super::calendar;
use super::problems::{File, Problem, Problems, Report};
use crate::triage::pack::Pack;
use crate::triage::products::Products;

const HEAD: &str = "pack.toml";
const CALENDAR: &str = "calendar.toml";
const CREDIT: &str = "credit.toml";
const NEEDS: &str = "needs.toml";
const FIGURES: &str = "figures.toml";
const URGENT: &str = "urgent.toml";
const SYSTEMS: &str = "os-support.toml";
const DEVICES: &str = "devices.toml";
/// Files of a pack that are no rules files.
const OTHERS: [&str; 9] = [HEAD, CALENDAR, CREDIT, NEEDS, FIGURES, URGENT, WEIGHTS, SYSTEMS, DEVICES];

/// A pack, its claims and its warnings.
pub type Loaded = ((Pack, Claims), Problems);

/// A pack of the binary itself.
pub fn embedded_pack(id: &str) -> Result<Pack, Problems> {
    pack_with_claims(None, id).map(|(pack, _)| pack)
}

/// A pack from `rules_dir/<id>` and `templates_dir/<id>`.
pub fn pack_from(rules_dir: &Path, templates_dir: &Path, id: &str) -> Result<Pack, Problems> {
    pack_with_claims(Some((rules_dir, templates_dir)), id).map(|(pack, _)| pack)
}

/// A pack from the folders of rules and of templates, or of the binary itself, with what it claims of itself.
pub fn pack_with_claims(folders: Option<(&Path, &Path)>, id: &str) -> Result<(Pack, Claims), Problems> {
    load(Report::default(), folders, id).map(|(read, _)| read)
}

/// [`pack_with_claims`] and all warnings, also those about what is only clumsy.
pub fn check_pack(folders: Option<(&Path, &Path)>, id: &str) -> Result<Loaded, Problems> {
    load(Report::with_lints(), folders, id)
}

fn load(report: Report, folders: Option<(&Path, &Path)>, id: &str) -> Result<Loaded, Problems> {
    let files = match folders {
        Some((rules, templates)) => PackFiles::from_folders(&report, rules, templates, id),
        None => PackFiles::embedded(id),
    };
    let read = read_all(&report, id, &files);
    checked(read, report)
}

/// The result with its warnings, or all problems.
pub fn checked<T>(result: Option<T>, report: Report) -> Result<(T, Problems), Problems> {
    let problems = report.finish();
    match result {
        Some(result) if !problems.has_errors() => Ok((result, problems)),
        _ => Err(problems),
    }
}

/// Reads a pack from the folder `folder`: its id, or for a later edition its id, `@` and the day from which it is in
/// force. What is wrong with it is reported.
pub fn read(report: &Report, folder: &str, files: &PackFiles) -> Option<Pack> {
    read_all(report, folder, files).map(|(pack, _)| pack)
}

fn read_all(report: &Report, folder: &str, files: &PackFiles) -> Option<(Pack, Claims)> {
    if files.rules.is_empty() {
        report.of_file(&files.folder, Problem::error("there is no pack here"));
        return None;
    }
    let (id, day) = folder.split_once('@').map_or((folder, None), |(id, day)| (id, Some(day)));
    let head = file(report, files, HEAD).and_then(|file| Some((file, clauses::read(file, id)?)));
    let calendar = file(report, files, CALENDAR).and_then(calendar::read);
    let is_flow = |f: &&PackFile| f.name.starts_with(FLOWS);
    let is_sheet = |f: &&PackFile| !OTHERS.contains(&f.name.as_str()) && !is_flow(f);
    let sheet_files = files.rules.iter().filter(is_sheet);
    let texts: Vec<Option<File<'_>>> = sheet_files.map(|f| f.open(report)).collect();
    let sheets: Option<Vec<_>> = texts.into_iter().map(|file| sheet::read(file?)).collect();
    let templates = templates::read(report, &files.templates);
    let (head_file, head) = head?;
    templates::fit(head_file, &head.clauses, files);
    templates::render(report, &templates, &head.clauses, &files.templates);
    // With a file missing, what the others refer to may only seem to be missing.
    let sheets = sheets?;
    let (rules, muted) = rules::resolve(head_file, &head, &sheets);
    let claims = claims::resolve(&head.clauses, &sheets);
    let fitted = match files.rules.iter().find(|file| file.name == WEIGHTS) {
        Some(weights) => Some(fitted::read(weights.open(report)?, &head.clauses, head.folding)?),
        None => None,
    };
    let flows = flow::read_all(report, &head.clauses, files.rules.iter().filter(is_flow));
    let opened = |name: &str| files.rules.iter().find(|file| file.name == name).and_then(|source| source.open(report));
    let credit = opened(CREDIT).and_then(|file| credit::read(file, &head.clauses));
    let needs = opened(NEEDS).map(|file| needs::read(file, &head.clauses)).unwrap_or_default();
    let products = Products {
        systems: opened(SYSTEMS).map(products::systems).unwrap_or_default(),
        series: opened(DEVICES).map(products::series).unwrap_or_default(),
    };
    let figures = opened(FIGURES).map(|file| figures::read(file, &head.clauses)).unwrap_or_default();
    let urgent = opened(URGENT).map(urgent::read).unwrap_or_default();
    if day.is_some_and(|day| day != head.effective.to_string()) {
        let message = format!("the folder `{folder}` says another day than `effective`, which is {}", head.effective);
        head_file.add(Problem::error(message));
    }
    let Head { name, version, effective, thresholds, folding, clauses, .. } = head;
    let clauses = clauses.into_iter().map(|clause| clause.value).collect();
    let (id, hash, hours) = (id.to_owned(), hash(files), calendar?);
    let pack = Pack {
        id,
        name,
        version,
        effective,
        thresholds,
        folding,
        muted,
        clauses,
        rules,
        fitted,
        flows,
        credit,
        needs,
        figures,
        urgent,
        products,
        templates,
        hours,
        hash,
    };
    Some((pack, claims))
}

fn file<'a>(report: &'a Report, files: &'a PackFiles, name: &str) -> Option<File<'a>> {
    let found = files.rules.iter().find(|file| file.name == name);
    if found.is_none() {
        report.of_file(&files.folder, Problem::error(format!("the pack has no {name}")));
    }
    found.and_then(|file| file.open(report))
}

/// SHA-256 over names, lengths and bytes of all files in order of their names; hex, first 16 digits.
fn hash(files: &PackFiles) -> String {
    let mut hash = Sha256::new();
    let rules = files.rules.iter().map(|file| ("rules", file));
    for (folder, PackFile { name, bytes, .. }) in rules.chain(files.templates.iter().map(|file| ("templates", file))) {
        hash.update(format!("{folder}/{name}\0{}\0", bytes.len()));
        hash.update(bytes);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

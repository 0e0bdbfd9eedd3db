//! The files of a pack: from the binary, or from folders.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rust_embed::Embed;

use crate::config::problems::{File, Problem, Report};

/// Without the labelled mails that weights were learned from.
#[derive(Embed)]
#[folder = "rules"]
#[exclude = "*/training/*"]
struct EmbeddedRules;

#[derive(Embed)]
#[folder = "templates"]
struct EmbeddedTemplates;

/// The pack's folder of flows.
pub const FLOWS: &str = "flows/";
/// Folders of paragraphs among the templates.
const SUBFOLDERS: [&str; 2] = ["parts/", "notices/"];

/// All files of one pack, sorted by name.
pub struct PackFiles {
    /// Folder of the rules, for messages.
    pub folder: PathBuf,
    /// Folder of the templates, for messages.
    pub templates_folder: PathBuf,
    pub rules: Vec<PackFile>,
    pub templates: Vec<PackFile>,
}

pub struct PackFile {
    /// Within the pack's folder, with `/`: `pack.toml`, `parts/4-1-3.txt`.
    pub name: String,
    /// For messages.
    pub shown: PathBuf,
    pub bytes: Cow<'static, [u8]>,
}

/// Ids of the packs in the binary.
pub fn embedded_packs() -> Vec<String> {
    let heads = EmbeddedRules::iter().filter_map(|path| path.strip_suffix("/pack.toml").map(str::to_owned));
    heads.filter(|id| !id.contains('/')).collect()
}

/// Every file of the packs in the binary: `rules/…` and `templates/…` with their bytes.
pub fn embedded_files() -> impl Iterator<Item = (String, Cow<'static, [u8]>)> {
    let visible = |path: &Cow<'static, str>| !path.split('/').any(is_hidden);
    let rules = EmbeddedRules::iter().filter(visible);
    let rules = rules.filter_map(|path| Some((format!("rules/{path}"), EmbeddedRules::get(&path)?.data)));
    let templates = EmbeddedTemplates::iter().filter(visible);
    rules.chain(templates.filter_map(|path| Some((format!("templates/{path}"), EmbeddedTemplates::get(&path)?.data))))
}

impl PackFiles {
    /// Without files if there is no such pack.
    pub fn embedded(id: &str) -> PackFiles {
        let within = |top: &str, fits: fn(&str) -> bool| {
            let prefix = format!("{top}/{id}/");
            let files = embedded_files().filter_map(|(path, bytes)| {
                let name = path.strip_prefix(&prefix).filter(|name| fits(name))?.to_owned();
                Some(PackFile { name, shown: PathBuf::from(&path), bytes })
            });
            sorted(files.collect())
        };
        let folder = Path::new("rules").join(id);
        let templates_folder = Path::new("templates").join(id);
        let (rules, templates) = (within("rules", is_rules), within("templates", is_template));
        PackFiles { folder, templates_folder, rules, templates }
    }

    pub fn from_folders(report: &Report, rules_dir: &Path, templates_dir: &Path, id: &str) -> PackFiles {
        let folder = rules_dir.join(id);
        let templates_folder = templates_dir.join(id);
        let mut rules = list(report, &folder, "", is_rules);
        rules.extend(list(report, &folder.join("flows"), FLOWS, is_rules));
        let mut templates = list(report, &templates_folder, "", is_template);
        for sub in SUBFOLDERS {
            templates.extend(list(report, &templates_folder.join(sub), sub, is_template));
        }
        PackFiles { folder, templates_folder, rules: sorted(rules), templates: sorted(templates) }
    }
}

impl PackFile {
    /// The file as text; without the byte order mark that some editors put first.
    pub fn open<'a>(&'a self, report: &'a Report) -> Option<File<'a>> {
        let text = match std::str::from_utf8(&self.bytes) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("not UTF-8 at byte {}", error.valid_up_to());
                let hint = "save the file as UTF-8; it may be Shift_JIS".to_owned();
                report.of_file(&self.shown, Problem::error(message).hint(hint));
                return None;
            }
        };
        Some(File::new(report, &self.shown, text.strip_prefix('\u{feff}').unwrap_or(text)))
    }
}

fn is_rules(name: &str) -> bool {
    let name = name.strip_prefix(FLOWS).unwrap_or(name);
    name.ends_with(".toml") && !name.contains('/') && !is_hidden(name)
}

fn is_template(name: &str) -> bool {
    let name = SUBFOLDERS.iter().find_map(|sub| name.strip_prefix(sub)).unwrap_or(name);
    name.ends_with(".txt") && !name.contains('/') && !is_hidden(name)
}

/// Editors leave `.pack.toml.swp` and the like behind.
fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '#'])
}

fn sorted(mut files: Vec<PackFile>) -> Vec<PackFile> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

/// The fitting files of a folder; none if there is no such folder.
fn list(report: &Report, folder: &Path, prefix: &str, fits: fn(&str) -> bool) -> Vec<PackFile> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            report.of_file(folder, Problem::error(format!("cannot read the folder: {error}")));
            return Vec::new();
        }
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file());
    let named = paths.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)));
    named.filter(|(name, _)| fits(name)).filter_map(|(name, path)| load(report, prefix, &name, path)).collect()
}

fn load(report: &Report, prefix: &str, name: &str, path: PathBuf) -> Option<PackFile> {
    match std::fs::read(&path) {
        Ok(bytes) => Some(PackFile { name: format!("{prefix}{name}"), shown: path, bytes: bytes.into() }),
        Err(error) => {
            report.of_file(&path, Problem::error(format!("cannot read: {error}")));
            None
        }
    }
}

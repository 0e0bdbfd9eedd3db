//! `madoguchi init`: a folder with a commented configuration and copies of packs and templates to edit.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::Exit;
use super::screen::Language;
use crate::config;

/// Write a commented madoguchi.toml with copies of rules and templates to edit
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder to write to; made if missing. Files that exist are never overwritten
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let target = args.folder.join("madoguchi.toml");
    if target.exists() {
        bail!("{} exists already; nothing was written", target.display());
    }
    for (path, bytes) in config::embedded_files() {
        write_new(&args.folder.join(path), &bytes)?;
    }
    write_new(&target, config::DEFAULT.as_bytes())?;
    let say = |ja, en| Language::of_locale().say(ja, en);
    anstream::println!("{} {}", say("作成しました:", "written:"), target.display());
    anstream::println!(
        "{} {}",
        say("規則とテンプレート:", "rules and templates:"),
        args.folder.join("rules").display()
    );
    anstream::println!("{}", say("次に:", "next:"));
    anstream::println!("  1. {} {}", say("編集する:", "edit"), target.display());
    anstream::println!("  2. madoguchi check -c {}", target.display());
    anstream::println!("  3. madoguchi run -c {}", target.display());
    Ok(Exit::Ok)
}

fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = file.with_context(|| format!("cannot create {}", path.display()))?;
    file.write_all(bytes).with_context(|| format!("cannot write {}", path.display()))
}

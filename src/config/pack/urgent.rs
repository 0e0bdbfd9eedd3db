//! `urgent.toml`: kinds of mail that staff must see at once.

use super::sheet;
use crate::config::problems::File;
use crate::config::reader::{self, Table};
use crate::triage::urgent::Urgent;

pub fn read(file: File<'_>) -> Vec<Urgent> {
    let kinds = reader::read(file, |root| Some(root.tables("urgent", "[[urgent]]", urgent)));
    kinds.unwrap_or_default()
}

fn urgent(table: &Table<'_>) -> Option<Urgent> {
    let (title, article) = (table.string("title"), table.string("article"));
    let words = table.require("words").map(sheet::plain_terms);
    let unless = table.get("unless").map(sheet::plain_terms).unwrap_or_default();
    Some(Urgent { title: title?.value, article: article?.value, words: words?, unless })
}

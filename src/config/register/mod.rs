//! The register's files: partners and customers as TOML or CSV, read into one list, and checked together.
//!
//! `toml` and `csv` read a file each; `columns` and `cells` say what the columns of a CSV are called and how people and
//! spreadsheets write what stands in them; `check` compares entries with each other, wherever they came from.

mod cells;
mod check;
mod columns;
mod csv;
mod encoding;
mod toml;

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::freemail::FreeMail;
use super::problems::{File, Problem, Report};
use super::text_of;
use crate::triage::register::{Customer, Partner, Register};

/// Where an entry stands.
#[derive(Debug, Clone)]
pub enum Place {
    Span(Range<usize>),
    /// Of a CSV file, from 1.
    Line(usize),
    /// It was imported before.
    Store,
}

/// An entry and where it came from: the number of a file in `Entries::files`.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    pub value: T,
    file: usize,
    place: Place,
}

/// What the files of a register say.
#[derive(Debug, Default)]
pub struct Entries {
    /// Name, and the text where places are shown in it.
    files: Vec<(PathBuf, String)>,
    pub partners: Vec<Entry<Partner>>,
    pub customers: Vec<Entry<Customer>>,
    /// At least one file was one of partners, or of customers.
    pub has_partners: bool,
    pub has_customers: bool,
}

impl Entries {
    /// Reads a file of the register, CSV by its name, else TOML; what is wrong with it alone is reported.
    pub fn read(&mut self, report: &Report, path: &Path, free_mail: &FreeMail) {
        let csv = path
            .extension()
            .is_some_and(|end| ["csv", "tsv", "txt"].iter().any(|known| end.eq_ignore_ascii_case(known)));
        let file = self.files.len();
        if csv {
            self.files.push((path.to_owned(), String::new()));
            if let Some(text) = encoding::text_of(report, path) {
                csv::read(report, path, &text, free_mail, file, self);
            }
            return;
        }
        let text = text_of(report, path).unwrap_or_default();
        toml::read(File::new(report, path, &text), free_mail, file, self);
        self.files.push((path.to_owned(), text));
    }

    /// Adds what the store has of a kind that the files do not.
    pub fn complete(&mut self, store: &Path, partners: Vec<Partner>, customers: Vec<Customer>) {
        let file = self.files.len();
        self.files.push((store.to_owned(), String::new()));
        if !self.has_partners {
            self.partners = partners.into_iter().map(|value| Entry { value, file, place: Place::Store }).collect();
        }
        if !self.has_customers {
            self.customers = customers.into_iter().map(|value| Entry { value, file, place: Place::Store }).collect();
        }
    }

    /// Compares the entries with each other. `desks`: ids of the desks that there are.
    pub fn check(&self, report: &Report, desks: &[String]) {
        check::all(self, report, desks);
    }

    /// Packs the entries.
    pub fn register(self, report: &Report) -> Option<Register> {
        let name = self.files.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let partners = self.partners.into_iter().map(|entry| entry.value).collect();
        match Register::new(partners, self.customers.into_iter().map(|entry| entry.value)) {
            Ok(register) => Some(register),
            Err(error) => {
                report.of_file(&name, Problem::error(error.to_string()));
                None
            }
        }
    }

    fn report<T>(&self, report: &Report, entry: &Entry<T>, problem: Problem) {
        let Some((name, text)) = self.files.get(entry.file) else { return };
        match &entry.place {
            Place::Span(span) => File::new(report, name, text).add(problem.at(span)),
            Place::Line(line) => report.of_file(name, problem.line(*line)),
            Place::Store => report.of_file(name, problem),
        }
    }

    /// `customers.csv:12`
    fn place<T>(&self, entry: &Entry<T>) -> String {
        let Some((name, text)) = self.files.get(entry.file) else { return String::new() };
        match &entry.place {
            Place::Span(span) => File::new(&Report::default(), name, text).line(span),
            Place::Line(line) => format!("{}:{line}", name.display()),
            Place::Store => format!("{} (imported before)", name.display()),
        }
    }
}

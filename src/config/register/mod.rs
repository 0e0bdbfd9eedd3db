//! The register's files: partners and customers as TOML or CSV, read into one list, and checked together.
//!
//! `toml` and `csv` read a file each; `columns` and `cells` say what the columns of a CSV are called and how people and
//! spreadsheets write what stands in them; `list` holds the customers; `check` compares entries with each other, wherever
//! they came from.

mod cells;
mod check;
mod columns;
mod csv;
mod encoding;
mod list;
mod toml;

use std::ops::Range;
use std::path::{Path, PathBuf};

use self::list::{Customers, Listed};
use super::freemail::FreeMail;
use super::problems::{File, Problem, Report};
use super::text_of;
use crate::triage::register::{Customer, Partner, Register, Shared, TooLarge};

/// Where an entry stands.
#[derive(Debug, Clone)]
pub enum Place {
    /// Boxed, as only few entries are in files that have some.
    Span(Box<Range<usize>>),
    /// Of a CSV file, from 1.
    Line(usize),
    /// It was imported before.
    Store,
}

/// Where an entry came from: the number of a file in `Entries::files`, and its place there.
#[derive(Debug, Clone)]
pub struct Origin {
    file: usize,
    place: Place,
}

/// An entry and where it came from.
#[derive(Debug, Clone)]
pub struct Entry<T> {
    pub value: T,
    origin: Origin,
}

/// What the files of a register say.
#[derive(Debug, Default)]
pub struct Entries {
    /// Name, and the text where places are shown in it.
    files: Vec<(PathBuf, String)>,
    partners: Vec<Entry<Partner>>,
    customers: Customers,
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
    pub fn complete(&mut self, store: &Path, partners: Vec<Partner>, customers: &[Customer]) {
        let origin = Origin { file: self.files.len(), place: Place::Store };
        self.files.push((store.to_owned(), String::new()));
        if !self.has_partners {
            let entry = |value| Entry { value, origin: origin.clone() };
            self.partners = partners.into_iter().map(entry).collect();
        }
        if !self.has_customers {
            self.customers = Customers::default();
            customers.iter().for_each(|customer| self.customers.push(customer, origin.clone()));
        }
    }

    pub fn partners(&self) -> impl Iterator<Item = &Partner> {
        self.partners.iter().map(|entry| &entry.value)
    }

    pub fn customers(&self) -> impl Iterator<Item = Customer> {
        self.customers.iter().map(Listed::to_customer)
    }

    /// Compares the entries with each other. `desks`: ids of the desks that there are; `shared`: what is known of them.
    pub fn check(&self, report: &Report, desks: &[String], shared: Shared) {
        check::all(self, report, desks, shared);
    }

    /// Packs the entries.
    pub fn register(&self, report: &Report) -> Option<Register> {
        let packed = || Register::new(self.partners().cloned().collect(), self.customers.iter());
        self.fits(report).then(packed)?.map_err(|error| self.refuse(error, report)).ok()
    }

    /// All customers are held; else it is reported.
    pub fn fits(&self, report: &Report) -> bool {
        let fits = !self.customers.is_too_large();
        if !fits {
            self.refuse(TooLarge, report);
        }
        fits
    }

    fn refuse(&self, why: TooLarge, report: &Report) {
        let name = self.files.first().map(|(name, _)| name.clone()).unwrap_or_default();
        report.of_file(&name, Problem::error(why.to_string()));
    }

    fn report(&self, report: &Report, origin: &Origin, problem: Problem) {
        let Some((name, text)) = self.files.get(origin.file) else { return };
        match &origin.place {
            Place::Span(span) => File::new(report, name, text).add(problem.at(span)),
            Place::Line(line) => report.of_file(name, problem.line(*line)),
            Place::Store => report.of_file(name, problem),
        }
    }

    /// `customers.csv:12`
    fn place(&self, origin: &Origin) -> String {
        let Some((name, text)) = self.files.get(origin.file) else { return String::new() };
        match &origin.place {
            Place::Span(span) => File::new(&Report::default(), name, text).line(span),
            Place::Line(line) => format!("{}:{line}", name.display()),
            Place::Store => format!("{} (imported before)", name.display()),
        }
    }
}

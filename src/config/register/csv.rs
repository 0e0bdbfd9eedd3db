//! A CSV file: rows with their line numbers (RFC 4180, but forgiving), and what they say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::path::Path;

use super::cells::{self, Cell};
use super::check::Repeated;
use super::columns::{Column, Columns, Kind, columns};
use super::list::{ADDED, Customers, FIELDS, Field, Listed};
use super::{Entries, Entry, Origin, Place};
use crate::config::freemail::FreeMail;
use crate::config::problems::{Problem, Report};
use crate::triage::register::{Partner, Period, PhoneSupport};

/// Rows of cells. A quoted cell may go over several lines; a row has the number of its first line.
struct Rows<'t> {
    rest: &'t str,
    separator: char,
    line: usize,
}

/// From this length on two read a file, in bytes.
const LONG: usize = 1 << 20;

/// A row: its line, its cells, and whether its last quote is never closed.
#[derive(Default)]
struct Row<'t> {
    line: usize,
    cells: Vec<Cow<'t, str>>,
    open: bool,
}

impl<'t> Rows<'t> {
    fn new(text: &'t str) -> Rows<'t> {
        let first = text.lines().next().unwrap_or_default();
        // Excel reads and writes such a line.
        if let Some(separator) = first.strip_prefix("sep=").and_then(|rest| rest.chars().next()) {
            let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
            return Rows { rest, separator, line: 2 };
        }
        let count = |separator: &char| first.matches(*separator).count();
        let separator = [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',');
        Rows { rest: text, separator, line: 1 }
    }

    /// A long file in two parts. Where nothing is quoted, every line is a row.
    fn parted(self) -> (Rows<'t>, Option<Rows<'t>>) {
        let middle = self.rest.floor_char_boundary(self.rest.len() / 2);
        let end = self.rest[middle..].find('\n').filter(|_| self.rest.len() >= LONG && !self.rest.contains('"'));
        let Some(end) = end else { return (self, None) };
        let (first, second) = self.rest.split_at(middle + end + 1);
        let line = self.line + first.matches('\n').count();
        (Rows { rest: first, ..self }, Some(Rows { rest: second, line, ..self }))
    }

    /// The next cell, and whether its row goes on behind it.
    fn cell(&mut self, open: &mut bool) -> (Cow<'t, str>, bool) {
        if self.rest.starts_with(['"', ' ', '　'])
            && let Some(inside) = self.rest.trim_start_matches([' ', '　']).strip_prefix('"')
        {
            return self.quoted(inside, open);
        }
        let (cell, rest) = self.rest.split_at(self.end_of_cell(self.rest));
        self.rest = rest;
        (Cow::Borrowed(cell), self.behind())
    }

    /// Where the cell ends that `text` begins with.
    fn end_of_cell(&self, text: &str) -> usize {
        let end = match u8::try_from(self.separator).ok().filter(u8::is_ascii) {
            Some(separator) => text.bytes().position(|byte| byte == separator || byte == b'\n' || byte == b'\r'),
            None => text.find([self.separator, '\n', '\r']),
        };
        end.unwrap_or(text.len())
    }

    fn quoted(&mut self, inside: &'t str, open: &mut bool) -> (Cow<'t, str>, bool) {
        let (mut cell, mut rest) = (Cow::Borrowed(""), inside);
        loop {
            let Some((head, tail)) = rest.split_once('"') else {
                *open = true;
                cell += rest;
                rest = "";
                break;
            };
            cell += head;
            rest = tail;
            let Some(tail) = tail.strip_prefix('"') else { break };
            cell += "\"";
            rest = tail;
        }
        self.line += cell.matches('\n').count();
        // Whatever stands behind the closing quote belongs to the cell: `"a"b`.
        let end = self.end_of_cell(rest);
        cell += &rest[..end];
        self.rest = &rest[end..];
        (cell, self.behind())
    }

    /// Steps over what ends a cell; true if it was the separator.
    fn behind(&mut self) -> bool {
        if let Some(rest) = self.rest.strip_prefix(self.separator) {
            self.rest = rest;
            return true;
        }
        let ends = ["\r\n", "\n", "\r"].iter().find_map(|end| self.rest.strip_prefix(end));
        self.rest = ends.unwrap_or("");
        self.line += 1;
        false
    }
}

impl<'t> Rows<'t> {
    /// Reads the next row into `row`; false if there is none.
    fn read(&mut self, row: &mut Row<'t>) -> bool {
        row.cells.clear();
        (row.line, row.open) = (self.line, false);
        let mut goes_on = !self.rest.is_empty();
        while goes_on {
            let (cell, more) = self.cell(&mut row.open);
            row.cells.push(cell);
            goes_on = more;
        }
        !row.cells.is_empty()
    }
}

impl Row<'_> {
    fn is_empty(&self) -> bool {
        !self.open && self.cells.iter().all(|cell| cells::clean(cell).is_empty())
    }
}

/// What a file is read with.
#[derive(Clone, Copy)]
struct Sheet<'a> {
    report: &'a Report,
    path: &'a Path,
    free_mail: &'a FreeMail,
    columns: &'a Columns,
}

/// Reads a file into `entries`; what is wrong is reported with its line.
pub fn read(report: &Report, path: &Path, text: &str, free_mail: &FreeMail, file: usize, entries: &mut Entries) {
    let (mut rows, mut head) = (Rows::new(text), Row::default());
    while rows.read(&mut head) && head.is_empty() {}
    if head.is_empty() {
        report.of_file(path, Problem::error("the file is empty: its first line names the columns"));
        return;
    }
    let names: Vec<Cow<str>> = head.cells.iter().map(|cell| cells::clean(cell)).collect();
    let Some((kind, columns)) = columns(report, path, head.line, &names) else { return };
    let sheet = Sheet { report, path, free_mail, columns: &columns };
    match kind {
        Kind::Partners => {
            entries.has_partners = true;
            sheet.each(rows, |row| {
                let origin = Origin { file, place: Place::Line(row.line) };
                entries.partners.extend(sheet.partner(row).map(|value| Entry { value, origin }));
            });
        }
        Kind::Customers => {
            entries.has_customers = true;
            let before = entries.customers.len();
            sheet.customers(rows, file, &mut entries.customers);
            merge(&sheet, &mut entries.customers, before);
        }
    }
}

/// Rows of one customer are one customer: exports have a line for each contract or address. Those before number `from` are
/// of other files.
fn merge(sheet: &Sheet, customers: &mut Customers, from: usize) {
    if customers.ids_rise(from) {
        return;
    }
    let repeated = Repeated::of(customers.iter().skip(from).map(Listed::id));
    if repeated.is_empty() {
        return;
    }
    let rows = customers.take();
    let mut further: HashMap<&str, Vec<Listed>> = HashMap::new();
    for row in rows.iter().skip(from).filter(|row| repeated.may_have(row.id())) {
        further.entry(row.id()).or_default().push(row);
    }
    for (n, row) in rows.iter().enumerate() {
        let known = if n < from { None } else { further.get(row.id()) };
        match known.map(Vec::as_slice) {
            Some([first, others @ ..]) if first.is(row) => write(sheet, customers, row, others),
            Some(_) => {}
            None => write(sheet, customers, row, &[]),
        }
    }
}

/// Writes a customer with what its further rows add.
fn write(sheet: &Sheet, customers: &mut Customers, first: Listed, others: &[Listed]) {
    for other in others {
        let (Place::Line(first_line), Place::Line(line)) = (&first.origin().place, &other.origin().place) else {
            continue;
        };
        for what in differences(first, *other) {
            let message = format!("customer `{}` has another {what} than in line {first_line}", first.id());
            let hint = "a contract with its own route, desks, fee or dates needs a customer id of its own";
            sheet.add(*line, Problem::error(message).hint(hint.to_owned()));
        }
    }
    let mut draft = customers.draft(first.origin().clone());
    for field in FIELDS {
        let mut list: Vec<&str> = first.all(field).collect();
        for other in others.iter().filter(|_| ADDED.contains(&field)) {
            let new: Vec<&str> = other.all(field).filter(|text| !list.contains(text)).collect();
            list.extend(new);
        }
        draft.put_all(field, list);
    }
    draft.done(first.valid(), first.monthly_fee());
}

fn differences(one: Listed, other: Listed) -> Vec<&'static str> {
    let differs = [
        ("name", !one.same(other, Field::Name)),
        ("route", !one.same(other, Field::Partner)),
        ("desk", !one.same(other, Field::Desks)),
        ("period", one.valid() != other.valid()),
        ("fee", one.monthly_fee() != other.monthly_fee()),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect()
}

impl Sheet<'_> {
    /// Calls for every row that says something and can be read.
    fn each<'t>(&self, mut rows: Rows<'t>, mut what: impl FnMut(&Row<'t>)) {
        let mut row = Row::default();
        while rows.read(&mut row) {
            if !row.is_empty() && self.is_whole(&row) {
                what(&row);
            }
        }
    }

    /// Adds the customers of all rows, in their order.
    fn customers(&self, rows: Rows<'_>, file: usize, customers: &mut Customers) {
        let read = |sheet: &Sheet, rows, customers: &mut Customers| {
            sheet.each(rows, |row| {
                let origin = Origin { file, place: Place::Line(row.line) };
                sheet.customer(row, origin, customers);
            });
        };
        let (first, second) = rows.parted();
        let Some(second) = second else { return read(self, first, customers) };
        let (path, free_mail, columns, report) = (self.path, self.free_mail, self.columns, self.report.beside());
        std::thread::scope(|scope| {
            let second = scope.spawn(move || {
                let mut found = Customers::default();
                read(&Sheet { report: &report, path, free_mail, columns }, second, &mut found);
                (found, report)
            });
            read(self, first, customers);
            let (second, report) = second.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.report.take_over(report);
            customers.append(second);
        });
    }

    fn add(&self, line: usize, problem: Problem) {
        self.report.of_file(self.path, problem.line(line));
    }

    /// Can it be told which cell is which? Reported if not.
    fn is_whole(&self, row: &Row) -> bool {
        if row.open {
            self.add(row.line, Problem::error("a quoted cell begins in this row and never ends"));
        }
        let columns = self.columns.count();
        let extra = row.cells.iter().skip(columns).any(|cell| !cells::clean(cell).is_empty());
        if extra && !row.open {
            let message = format!("{} cells, but only {columns} columns", row.cells.len());
            let hint = "put a cell that contains the separator into quotes";
            self.add(row.line, Problem::error(message).hint(hint.to_owned()));
        }
        !row.open && !extra
    }

    fn cell<'c>(&'c self, row: &'c Row, column: Column) -> Cell<'c> {
        let text = self.columns.of(column).and_then(|at| row.cells.get(at)).map(|cell| cells::clean(cell));
        let text = text.unwrap_or_default();
        Cell { text, column, report: self.report, path: self.path, line: row.line }
    }

    fn customer(&self, row: &Row, origin: Origin, customers: &mut Customers) {
        let cell = |column| self.cell(row, column);
        let mut draft = customers.draft(origin);
        let id = cell(Column::Id);
        let id = id.required().map(|id| draft.put(Field::Id, id));
        draft.put(Field::Name, cell(Column::Name).required().unwrap_or_default());
        draft.put_all(Field::Partner, cell(Column::Route).partner());
        draft.put_all(Field::OtherNames, cell(Column::OtherNames).names());
        cell(Column::Contracts).contracts(|number| draft.put(Field::Contracts, number));
        cell(Column::Addresses).addresses(|address| draft.put(Field::Addresses, address));
        cell(Column::Domains).domains(self.free_mail, |domain| draft.put(Field::Domains, domain));
        cell(Column::Desks).list(|desk| draft.put(Field::Desks, desk));
        let valid = self.period(row, [Column::ValidFrom, Column::ValidUntil]);
        let fee = cell(Column::MonthlyFee).yen();
        if id.is_some() {
            draft.done(valid, fee);
        }
    }

    fn partner(&self, row: &Row) -> Option<Partner> {
        let cell = |column| self.cell(row, column);
        let text = |column| cell(column).optional().map(str::to_owned);
        let addresses = |column| {
            let mut addresses = Vec::new();
            cell(column).addresses(|address| addresses.push(address.to_owned()));
            addresses
        };
        let domains = || {
            let mut domains = Vec::new();
            cell(Column::Domains).domains(self.free_mail, |domain| domains.push(domain.to_owned()));
            domains
        };
        let id = cell(Column::Id).required().map(str::to_owned);
        let name = cell(Column::Name).required().map(str::to_owned);
        let contact =
            super::toml::contact(text(Column::Contact), text(Column::Mail), text(Column::Phone), text(Column::Url));
        if contact.is_none() {
            self.add(
                row.line,
                Problem::error("a partner needs a contact for its customers: contact, mail, phone or url"),
            );
        }
        let valid = self.period(row, [Column::PhoneFrom, Column::PhoneUntil]);
        let covers = text(Column::PhoneCovers);
        let named = cell(Column::PhoneSupport).flag();
        let has_phone = named.unwrap_or(covers.is_some() || valid != Period::default());
        Some(Partner {
            name: name.unwrap_or_default(),
            contact: contact.unwrap_or_default(),
            hours: text(Column::Hours),
            phone_support: has_phone.then_some(PhoneSupport { valid, covers }),
            forward_to: addresses(Column::ForwardTo).into_iter().next(),
            addresses: addresses(Column::Addresses),
            domains: domains(),
            id: id?,
        })
    }

    fn period(&self, row: &Row, columns: [Column; 2]) -> Period {
        let [from, until] = columns.map(|column| self.cell(row, column).date());
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            self.add(row.line, Problem::error(format!("ends on {until}, before it begins on {from}")));
        }
        Period { from, until }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::register::Shared;

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        let (mut rows, mut row, mut all) = (Rows::new(text), Row::default(), Vec::new());
        while rows.read(&mut row) {
            all.push((row.line, row.cells.iter().map(|cell| cell.to_string()).collect()));
        }
        all
    }

    fn check(text: &str, expected: &[(usize, &[&str])]) {
        let expected: Vec<_> =
            expected.iter().map(|(line, cells)| (*line, cells.iter().map(|c| c.to_string()).collect())).collect();
        assert_eq!(rows(text), expected, "{text:?}");
    }

    #[test]
    fn rows_are_read_as_spreadsheets_write_them() {
        check("a,b\r\nc,\"d\"\"e\"\r\n", &[(1, &["a", "b"]), (2, &["c", "d\"e"])]);
        check("a,b\n\"c\nd\",e\nf,g", &[(1, &["a", "b"]), (2, &["c\nd", "e"]), (4, &["f", "g"])]);
        check("a\tb,c\td\n", &[(1, &["a", "b,c", "d"])]);
        check("sep=;\na;b\n", &[(2, &["a", "b"])]);
        check("a,b\rc,d\r", &[(1, &["a", "b"]), (2, &["c", "d"])]);
        check("a,b\nc,\n", &[(1, &["a", "b"]), (2, &["c", ""])]);
        check("=\"001\",b\n", &[(1, &["=\"001\"", "b"])]);
    }

    /// The last rows are read apart from the first, and belong to them all the same.
    #[test]
    fn a_long_file_is_read_by_two_as_by_one() {
        const MANY: usize = 40_000;
        let mut text = "id,name,address\n".to_owned();
        text.extend((0..MANY).map(|n| format!("c{n},会社{n},kanri@c{n}.example.jp\n")));
        text += "c0,会社0,soumu@c0.example.jp\nc1,別の会社,\nx,y,nobody\n";
        assert!(text.len() > LONG);
        let (report, mut entries) = (Report::default(), Entries::default());
        read(&report, Path::new("customers.csv"), &text, &FreeMail::default(), 0, &mut entries);
        let problems = report.finish().list;
        let lines: Vec<Option<usize>> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [Some(MANY + 3), Some(MANY + 4)]);
        assert!(problems[0].message.contains("another name than in line 3"), "{}", problems[0].message);
        assert_eq!(entries.customers.len(), MANY + 1);
        let first = entries.customers().next().unwrap();
        assert_eq!(first.addresses, ["kanri@c0.example.jp", "soumu@c0.example.jp"]);
    }

    proptest::proptest! {
        /// What the packed register says nobody shares need not be looked for.
        #[test]
        fn nothing_that_two_have_is_overlooked(
            files in proptest::collection::vec(
                proptest::collection::vec("[ab]{1,2},x,([a-c]@[ab]\\.example)?,([ab]\\.example|例[え]\\.jp)?,[0-2-]{0,2}\n", 0..6), 1..3
            )
        ) {
            let problems = |all: bool| {
                let (report, mut entries) = (Report::default(), Entries::default());
                for (file, rows) in files.iter().enumerate() {
                    let name = format!("{file}.csv");
                    entries.files.push(((&name).into(), String::new()));
                    let text = "id,name,address,domain,contract\n".to_owned() + &rows.concat();
                    read(&report, Path::new(&name), &text, &FreeMail::default(), file, &mut entries);
                }
                let register = entries.register(&report).unwrap();
                entries.check(&report, &[], if all { Shared::MAYBE } else { register.shared() });
                report.finish().list
            };
            proptest::prop_assert_eq!(problems(false), problems(true));
        }
    }

    #[test]
    fn a_quote_that_never_ends_is_seen() {
        let mut row = Row::default();
        assert!(Rows::new("a,\"b\nc,d\n").read(&mut row) && row.open);
    }
}

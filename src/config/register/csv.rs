//! A CSV file: rows with their line numbers (RFC 4180, but forgiving), and what they say.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::path::Path;

use super::cells::{self, Cell};
use super::check::Repeated;
use super::columns::{Column, Columns, Kind, columns};
use super::{Entries, Entry, Place};
use crate::config::freemail::FreeMail;
use crate::config::problems::{Problem, Report};
use crate::triage::register::{Customer, Partner, Period, PhoneSupport};

/// Rows of cells. A quoted cell may go over several lines; a row has the number of its first line.
struct Rows<'t> {
    rest: &'t str,
    separator: char,
    line: usize,
    /// Of the row before: the next one will have as many.
    cells: usize,
}

/// From this length on two read a file, in bytes.
const LONG: usize = 1 << 20;

/// Most rows are longer, in bytes.
const SHORT_ROW: usize = 16;

/// A row: its line, its cells, and whether its last quote is never closed.
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
            return Rows { rest, separator, line: 2, cells: 0 };
        }
        let count = |separator: &char| first.matches(*separator).count();
        let separator = [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',');
        Rows { rest: text, separator, line: 1, cells: 0 }
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

    /// About as many rows as there are: as many as lines, but for files that have hardly anything else.
    fn expected(&self) -> usize {
        let ends = |end| memchr::memchr_iter(end, self.rest.as_bytes()).count();
        1 + ends(b'\n').max(ends(b'\r')).min(self.rest.len() / SHORT_ROW)
    }

    /// The next cell, and whether its row goes on behind it.
    fn cell(&mut self, open: &mut bool) -> (Cow<'t, str>, bool) {
        let bare = self.rest.trim_start_matches([' ', '　']);
        if let Some(inside) = bare.strip_prefix('"') {
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
        let (mut cell, mut rest) = (String::new(), inside);
        loop {
            let Some((head, tail)) = rest.split_once('"') else {
                *open = true;
                cell.push_str(rest);
                rest = "";
                break;
            };
            cell.push_str(head);
            rest = tail;
            let Some(tail) = tail.strip_prefix('"') else { break };
            cell.push('"');
            rest = tail;
        }
        self.line += cell.matches('\n').count();
        // Whatever stands behind the closing quote belongs to the cell: `"a"b`.
        let end = self.end_of_cell(rest);
        cell.push_str(&rest[..end]);
        self.rest = &rest[end..];
        (Cow::Owned(cell), self.behind())
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

impl<'t> Iterator for Rows<'t> {
    type Item = Row<'t>;

    fn next(&mut self) -> Option<Row<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        let mut row = Row { line: self.line, cells: Vec::with_capacity(self.cells), open: false };
        let mut goes_on = true;
        while goes_on {
            let (cell, more) = self.cell(&mut row.open);
            row.cells.push(cell);
            goes_on = more;
        }
        self.cells = row.cells.len();
        Some(row)
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
    let mut rows = Rows::new(text);
    let Some(head) = rows.find(|row| !row.is_empty()) else {
        report.of_file(path, Problem::error("the file is empty: its first line names the columns"));
        return;
    };
    let names: Vec<Cow<str>> = head.cells.iter().map(|cell| cells::clean(cell)).collect();
    let Some((kind, columns)) = columns(report, path, head.line, &names) else { return };
    let sheet = Sheet { report, path, free_mail, columns: &columns };
    match kind {
        Kind::Partners => {
            entries.has_partners = true;
            let read = sheet.rows(rows).filter_map(|row| sheet.partner(&row));
            entries.partners.extend(read.map(|(value, line)| Entry { value, file, place: Place::Line(line) }));
        }
        Kind::Customers => {
            entries.has_customers = true;
            let customers = merged(&sheet, sheet.customers(rows, file));
            // A long list is not copied.
            match entries.customers.is_empty() {
                true => entries.customers = customers,
                false => entries.customers.extend(customers),
            }
        }
    }
}

/// Rows of one customer are one customer: exports have a line for each contract or address.
fn merged(sheet: &Sheet, rows: Vec<Entry<Customer>>) -> Vec<Entry<Customer>> {
    let repeated = Repeated::of(rows.iter().map(|row| &row.value.id));
    if repeated.is_empty() {
        return rows;
    }
    let mut customers: Vec<Entry<Customer>> = Vec::with_capacity(rows.len());
    let mut known: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let id = &row.value.id;
        let first = known.get(id).and_then(|at| customers.get_mut(*at));
        match first {
            Some(first) => take_in(sheet, first, row),
            None => {
                if repeated.may_have(id) {
                    known.insert(id.clone(), customers.len());
                }
                customers.push(row);
            }
        }
    }
    customers
}

/// A further row of a customer is added to its first.
fn take_in(sheet: &Sheet, first: &mut Entry<Customer>, row: Entry<Customer>) {
    let (Place::Line(first_line), Place::Line(line)) = (&first.place, row.place) else { return };
    for what in differences(&first.value, &row.value) {
        let message = format!("customer `{}` has another {what} than in line {first_line}", row.value.id);
        let hint = "a contract with its own route, desks, fee or dates needs a customer id of its own";
        sheet.add(line, Problem::error(message).hint(hint.to_owned()));
    }
    let (first, row) = (&mut first.value, row.value);
    for (list, more) in [
        (&mut first.other_names, row.other_names),
        (&mut first.contracts, row.contracts),
        (&mut first.addresses, row.addresses),
        (&mut first.domains, row.domains),
    ] {
        let new: Vec<String> = more.into_iter().filter(|item| !list.contains(item)).collect();
        list.extend(new);
    }
}

fn differences(one: &Customer, other: &Customer) -> Vec<&'static str> {
    let differs = [
        ("name", one.name != other.name),
        ("route", one.partner != other.partner),
        ("desk", one.desks != other.desks),
        ("period", one.valid != other.valid),
        ("fee", one.monthly_fee != other.monthly_fee),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect()
}

impl<'a> Sheet<'a> {
    /// Those that say something and can be read.
    fn rows<'t>(self, rows: Rows<'t>) -> impl Iterator<Item = Row<'t>> + use<'a, 't> {
        rows.filter(move |row| !row.is_empty() && self.is_whole(row))
    }

    /// The customers of all rows, in their order.
    fn customers(self, rows: Rows<'_>, file: usize) -> Vec<Entry<Customer>> {
        let read = |sheet: Sheet, rows, customers: &mut Vec<Entry<Customer>>| {
            let read = sheet.rows(rows).filter_map(|row| sheet.customer(&row));
            customers.extend(read.map(|(value, line)| Entry { value, file, place: Place::Line(line) }));
        };
        let mut customers = Vec::with_capacity(rows.expected());
        let (first, second) = rows.parted();
        let Some(second) = second else {
            read(self, first, &mut customers);
            return customers;
        };
        let (path, free_mail, columns, report) = (self.path, self.free_mail, self.columns, self.report.beside());
        std::thread::scope(|scope| {
            let second = scope.spawn(move || {
                let mut found = Vec::with_capacity(second.expected());
                read(Sheet { report: &report, path, free_mail, columns }, second, &mut found);
                (found, report)
            });
            read(self, first, &mut customers);
            let (second, report) = second.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.report.take_over(report);
            customers.extend(second);
            customers
        })
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

    fn customer(&self, row: &Row) -> Option<(Customer, usize)> {
        let cell = |column| self.cell(row, column);
        let id = cell(Column::Id).required();
        let name = cell(Column::Name).required();
        let partner = cell(Column::Route).partner();
        let customer = Customer {
            name: name.unwrap_or_default(),
            other_names: cell(Column::OtherNames).names(),
            contracts: cell(Column::Contracts).contracts(),
            addresses: cell(Column::Addresses).addresses(),
            domains: cell(Column::Domains).domains(self.free_mail),
            partner,
            desks: cell(Column::Desks).list(),
            valid: self.period(row, [Column::ValidFrom, Column::ValidUntil]),
            monthly_fee: cell(Column::MonthlyFee).yen(),
            id: id?,
        };
        Some((customer, row.line))
    }

    fn partner(&self, row: &Row) -> Option<(Partner, usize)> {
        let cell = |column| self.cell(row, column);
        let text = |column| cell(column).optional();
        let id = cell(Column::Id).required();
        let name = cell(Column::Name).required();
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
        let partner = Partner {
            name: name.unwrap_or_default(),
            contact: contact.unwrap_or_default(),
            hours: text(Column::Hours),
            phone_support: has_phone.then_some(PhoneSupport { valid, covers }),
            forward_to: cell(Column::ForwardTo).addresses().into_iter().next(),
            addresses: cell(Column::Addresses).addresses(),
            domains: cell(Column::Domains).domains(self.free_mail),
            id: id?,
        };
        Some((partner, row.line))
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

    fn rows(text: &str) -> Vec<(usize, Vec<String>)> {
        Rows::new(text).map(|row| (row.line, row.cells.into_iter().map(Cow::into_owned).collect())).collect()
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
        assert_eq!(entries.customers[0].value.addresses, ["kanri@c0.example.jp", "soumu@c0.example.jp"]);
    }

    #[test]
    fn a_quote_that_never_ends_is_seen() {
        assert!(Rows::new("a,\"b\nc,d\n").next().unwrap().open);
    }
}

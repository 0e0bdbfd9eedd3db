//! A small typed reader over TOML with spans. Reading never stops at the first problem: a getter reports what is
//! wrong and returns `None`, and the caller goes on with the next key.
//!
//! A table knows which keys were asked for; when its reader is done, all others are reported as unknown.

use std::cell::{Cell, RefCell};
use std::ops::{Range, RangeInclusive};

use jiff::Timestamp;
use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::{File, Problem};
use super::suggest;

/// Something and where it stands in its file, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl<T> At<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span }
    }
}

/// Reads a whole file; none (with the problems reported) if it is not TOML or `body` found it unusable.
pub fn read<T>(file: File<'_>, body: impl FnOnce(&Table<'_>) -> Option<T>) -> Option<T> {
    read_part(file, 0..file.text.len(), body)
}

/// Reads a part of a file, which must be TOML by itself.
pub fn read_part<T>(file: File<'_>, part: Range<usize>, body: impl FnOnce(&Table<'_>) -> Option<T>) -> Option<T> {
    let file = File { base: part.start, ..file };
    let (root, errors) = DeTable::parse_recoverable(&file.text[part]);
    for error in &errors {
        let problem = Problem::error(format!("not valid TOML: {}", error.message()));
        file.add(Problem { span: error.span(), ..problem });
    }
    // What a broken file seems to lack may only be hidden by the syntax error: one cause, one message.
    if !errors.is_empty() {
        return None;
    }
    Table::read(file, root.get_ref(), None, "this file", body)
}

/// A table being read.
pub struct Table<'a> {
    pub file: File<'a>,
    /// The header, or the whole inline table; none: the file.
    pub span: Option<Range<usize>>,
    /// For messages: `[[desk]]`.
    name: &'a str,
    entries: &'a DeTable<'a>,
    known: RefCell<Vec<&'static str>>,
    missing: RefCell<Vec<&'static str>>,
    /// The other keys cannot be judged, or were read by [`Table::entries`].
    open: Cell<bool>,
}

impl<'a> Table<'a> {
    fn read<T>(
        file: File<'a>,
        entries: &'a DeTable<'a>,
        span: Option<Range<usize>>,
        name: &'a str,
        body: impl FnOnce(&Table<'a>) -> Option<T>,
    ) -> Option<T> {
        let (known, missing, open) = Default::default();
        let table = Table { file, entries, span, name, known, missing, open };
        let result = body(&table);
        table.report_keys();
        result
    }

    /// Unknown keys, and missing ones unless an unknown one is obviously meant.
    fn report_keys(&self) {
        let known = self.known.borrow();
        let mut missing = self.missing.borrow_mut();
        let unknown = self.entries.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
        for key in unknown.filter(|_| !self.open.get()) {
            let free = known.iter().copied().filter(|k| !self.entries.contains_key(*k));
            let near = suggest::nearest(key.get_ref(), free);
            missing.retain(|name| Some(*name) != near);
            let message = format!("unknown key `{}` in {}", key.get_ref(), self.name);
            let hint = near.map(suggest::did_you_mean).or_else(|| suggest::list(known.clone()));
            self.file.add(Problem::error(message).at(&key.span()).hint(hint));
        }
        for name in missing.iter() {
            self.error(format!("{} needs `{name}`", self.name));
        }
    }

    /// A problem of the table as a whole.
    pub fn error(&self, message: impl Into<String>) {
        self.file.add(Problem { span: self.span.clone(), ..Problem::error(message) });
    }

    /// Keys not asked for are not reported.
    pub fn ignore_the_rest(&self) {
        self.open.set(true);
    }

    /// All entries, for tables whose keys are names that people choose.
    pub fn entries(&self) -> impl Iterator<Item = (At<String>, Value<'a>)> {
        self.open.set(true);
        self.entries.iter().map(|(key, value)| {
            let name: &'a str = key.get_ref();
            (At { value: name.to_owned(), span: key.span() }, Value { file: self.file, name, item: false, value })
        })
    }

    pub fn get(&self, key: &'static str) -> Option<Value<'a>> {
        self.known.borrow_mut().push(key);
        self.entries.get(key).map(|value| Value { file: self.file, name: key, item: false, value })
    }

    pub fn require(&self, key: &'static str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.missing.borrow_mut().push(key);
        }
        value
    }

    /// Text that says something; reported if missing.
    pub fn string(&self, key: &'static str) -> Option<At<String>> {
        self.require(key)?.string()
    }

    pub fn optional_string(&self, key: &'static str) -> Option<At<String>> {
        self.get(key)?.string()
    }

    pub fn flag(&self, key: &'static str, default: bool) -> bool {
        self.get(key).and_then(Value::flag).unwrap_or(default)
    }

    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>, default: i64) -> i64 {
        self.get(key).and_then(|value| value.integer(range)).unwrap_or(default)
    }

    pub fn optional_choice<T: Clone>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.get(key)?.choice(choices)
    }

    /// The items of an optional array.
    pub fn list(&self, key: &'static str) -> Vec<Value<'a>> {
        self.get(key).map(Value::items).unwrap_or_default()
    }

    /// The texts of an optional array.
    pub fn strings(&self, key: &'static str) -> Vec<At<String>> {
        self.list(key).into_iter().filter_map(Value::string).collect()
    }

    /// Reads every table of an optional array of tables; those without result are left out (their problems are
    /// reported).
    pub fn tables<T>(
        &self,
        key: &'static str,
        name: &'static str,
        mut body: impl FnMut(&Table<'a>) -> Option<T>,
    ) -> Vec<T> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if !value.is_array() {
            return value.wrong(&format!("an array of tables, written {name}")).unwrap_or_default();
        }
        value.items().into_iter().filter_map(|item| item.table(name, &mut body)).collect()
    }
}

/// A value being read, with its key for messages.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    pub file: File<'a>,
    name: &'a str,
    /// One of the array that the key holds.
    item: bool,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    pub fn span(self) -> Range<usize> {
        self.value.span()
    }

    pub fn error(self, message: impl Into<String>) {
        self.file.add(Problem::error(message).at(&self.span()));
    }

    pub fn error_with(self, message: impl Into<String>, hint: &str) {
        self.file.add(Problem::error(message).at(&self.span()).hint(hint.to_owned()));
    }

    pub fn is_string(self) -> bool {
        self.value.get_ref().is_str()
    }

    fn wrong<T>(self, wanted: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
        };
        self.error(format!("{} must be {wanted}, not {found}", self.described()));
        None
    }

    fn described(self) -> String {
        if self.item { format!("an item of `{}`", self.name) } else { format!("`{}`", self.name) }
    }

    /// Any text, also an empty one.
    pub fn text(self) -> Option<At<String>> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(At { value: text.clone().into_owned(), span: self.span() }),
            _ => self.wrong("a string"),
        }
    }

    /// Text that says something.
    pub fn string(self) -> Option<At<String>> {
        let text = self.text()?;
        if text.value.trim().is_empty() {
            self.error(format!("{} is empty", self.described()));
            return None;
        }
        Some(text)
    }

    pub fn flag(self) -> Option<bool> {
        self.value.get_ref().as_bool().or_else(|| self.wrong("true or false"))
    }

    pub fn integer(self, range: RangeInclusive<i64>) -> Option<i64> {
        let Some(integer) = self.value.get_ref().as_integer() else { return self.wrong("an integer") };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|n| range.contains(n));
        if number.is_none() {
            self.error(format!("`{}` must be from {} to {}", self.name, range.start(), range.end()));
        }
        number
    }

    /// A finite number, with or without decimal point.
    pub fn number(self) -> Option<f64> {
        let text = match self.value.get_ref() {
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::Float(float) => float.as_str(),
            _ => return self.wrong("a number"),
        };
        let number = text.parse().ok().filter(|n: &f64| n.is_finite());
        if number.is_none() {
            self.error(format!("{} must be a finite number", self.described()));
        }
        number
    }

    pub fn choice<T: Clone>(self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?.value;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            let near = suggest::nearest(&text, choices.iter().map(|(name, _)| *name));
            let message = format!("`{}` is {}, not `{text}`", self.name, names.join(" or "));
            let hint = near.map(suggest::did_you_mean);
            self.file.add(Problem::error(message).at(&self.span()).hint(hint));
        }
        found.map(|(_, choice)| choice.clone())
    }

    /// A day: `2026-12-29`.
    pub fn date(self) -> Option<Date> {
        let date = self.value.get_ref().as_datetime().and_then(|d| d.to_string().parse().ok());
        if date.is_none() || self.value.get_ref().as_datetime().is_some_and(|d| d.time.is_some()) {
            self.error_with(format!("`{}` must be a date", self.name), "a date is written without quotes: 2026-12-29");
            return None;
        }
        date
    }

    /// A moment: date, time and offset from UTC.
    pub fn moment(self) -> Option<Timestamp> {
        let moment = self.value.get_ref().as_datetime().and_then(|d| d.to_string().parse().ok());
        if moment.is_none() {
            let message = format!("`{}` must be a date and time with its offset from UTC", self.name);
            self.error_with(message, "without quotes: 2026-11-01T00:00:00+09:00");
        }
        moment
    }

    pub fn items(self) -> Vec<Value<'a>> {
        match self.value.get_ref() {
            DeValue::Array(array) => array.iter().map(|value| Value { item: true, value, ..self }).collect(),
            _ => self.wrong("an array").unwrap_or_default(),
        }
    }

    /// Reads a table; `name` is how messages call it.
    pub fn table<T>(self, name: &'a str, body: impl FnOnce(&Table<'a>) -> Option<T>) -> Option<T> {
        match self.value.get_ref() {
            DeValue::Table(entries) => Table::read(self.file, entries, Some(self.span()), name, body),
            _ => self.wrong("a table"),
        }
    }

    pub fn is_table(self) -> bool {
        self.value.get_ref().is_table()
    }

    pub fn is_array(self) -> bool {
        self.value.get_ref().is_array()
    }
}

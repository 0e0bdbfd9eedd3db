//! What stands in a cell, as people and spreadsheets write it.

use std::borrow::Cow;
use std::path::Path;

use icu_normalizer::ComposingNormalizerBorrowed;
use jiff::civil::Date;
use jiff::{Span, ToSpan};

use super::columns::Column;
use crate::config::freemail::FreeMail;
use crate::config::problems::{Problem, Report};
use crate::triage::auth::domain::{among, is_name};
use crate::triage::register::contract_key;

/// What spreadsheets write where a formula failed.
const FAILED: &[&str] = &["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!"];

/// Characters that look like nothing.
const INVISIBLE: &[char] = &['\u{feff}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}'];

/// The cell without blanks around it, and without the marks that make a spreadsheet take a number for text: `="001"`,
/// `'001`.
pub fn clean(cell: &str) -> Cow<'_, str> {
    if is_clean(cell) { cell.into() } else { cleaned(cell) }
}

fn cleaned(cell: &str) -> Cow<'_, str> {
    let trim = |text| str::trim_matches(text, |c: char| c.is_whitespace() || INVISIBLE.contains(&c));
    let mut text = trim(cell);
    if let Some(inside) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        text = trim(inside);
    }
    let text = text.strip_prefix('\'').unwrap_or(text);
    if text.contains(INVISIBLE) { text.replace(INVISIBLE, "").into() } else { text.into() }
}

/// Surely nothing to take away: as nearly every cell of a long file is.
fn is_clean(cell: &str) -> bool {
    // What is invisible begins with one of these bytes.
    let visible = cell.is_ascii() || memchr::memchr2(0xe2, 0xef, cell.as_bytes()).is_none();
    let stays = |c: Option<char>| c.is_none_or(|c| !c.is_whitespace() && !matches!(c, '=' | '\''));
    visible && stays(cell.chars().next()) && stays(cell.chars().next_back())
}

fn narrow(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Narrow and lower case.
fn lower(text: &str) -> Cow<'_, str> {
    match text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        true => Cow::Borrowed(text),
        false => Cow::Owned(narrow(text).to_lowercase()),
    }
}

/// A mail address as registers hold it: lower case. What breaks RFC 5321 may still be a person
/// (`a..b@docomo.ne.jp`).
pub fn address(text: &str) -> Option<Cow<'_, str>> {
    let text = lower(text);
    let (local, domain) = text.rsplit_once('@')?;
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;:()\"@".contains(c);
    let fits = !local.is_empty() && (local.bytes().all(is_usual) || !local.contains(odd)) && is_domain(domain);
    fits.then_some(text)
}

/// Stands in addresses and numbers, and parts nothing.
fn is_usual(byte: u8) -> bool {
    const USUAL: [bool; 256] = among(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_+");
    USUAL[usize::from(byte)]
}

/// Surely one item, and one word.
fn is_word(item: &str) -> bool {
    item.bytes().all(|byte| is_usual(byte) || byte == b'@')
}

/// Surely a domain: as nearly all of a long file are.
fn is_plain_domain(domain: &str) -> bool {
    let (mut dots, mut before) = (0, b'.');
    for byte in domain.bytes() {
        match byte {
            b'.' | b'-' if matches!(before, b'.' | b'-') => return false,
            b'.' => dots += 1,
            _ if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') => {}
            _ => return false,
        }
        before = byte;
    }
    dots > 0 && !matches!(before, b'.' | b'-')
}

pub fn is_domain(domain: &str) -> bool {
    if is_plain_domain(domain) {
        return true;
    }
    let label = |label: &str| {
        let fits = label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
        fits && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    domain.contains('.') && domain.split('.').all(label) && is_name(domain)
}

/// A cell and where it stands.
pub struct Cell<'a> {
    pub text: Cow<'a, str>,
    pub column: Column,
    pub report: &'a Report,
    pub path: &'a Path,
    pub line: usize,
}

impl Cell<'_> {
    fn error(&self, message: impl std::fmt::Display, hint: Option<&str>) {
        let problem = Problem::error(format!("{}: {message}", self.column.name())).line(self.line);
        self.report.of_file(self.path, problem.hint(hint.map(str::to_owned)));
    }

    /// The text, if the cell says something that can be right.
    fn said(&self) -> Option<&str> {
        let wide = || self.text.len() > 1 && self.text.bytes().all(|b| b == b'#');
        if self.text.starts_with('#') && (FAILED.contains(&self.text.as_ref()) || wide()) {
            self.error(format!("`{}` is a spreadsheet's error, not a value", self.text), None);
            return None;
        }
        Some(self.text.as_ref()).filter(|text| !text.is_empty())
    }

    pub fn optional(&self) -> Option<&str> {
        self.said()
    }

    pub fn required(&self) -> Option<&str> {
        if self.text.is_empty() {
            self.error("is empty", None);
        }
        self.said()
    }

    /// Calls for each of several in one cell: with `;`, `、`, `|`, a comma or a line end between them.
    fn items(&self, mut found: impl FnMut(&str)) {
        const SEPARATORS: [char; 9] = [';', '；', '、', '|', '｜', ',', '，', '\n', '\r'];
        let Some(text) = self.said() else { return };
        if is_word(text) {
            return found(text);
        }
        text.split(SEPARATORS).map(str::trim).filter(|item| !item.is_empty()).for_each(found);
    }

    /// The same, with blanks between them, too.
    pub fn list(&self, mut found: impl FnMut(&str)) {
        self.items(|item| match is_word(item) {
            true => found(item),
            false => item.split_whitespace().for_each(&mut found),
        });
    }

    /// A company's name may have blanks and commas in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.said().unwrap_or_default().split([';', '；', '\n', '\r']);
        names.map(str::trim).filter(|name| !name.is_empty())
    }

    pub fn contracts(&self, mut found: impl FnMut(&str)) {
        self.items(|number| {
            if self.is_whole_number(number) {
                found(number);
            }
        });
    }

    /// `1.23457E+11` is what is left of a long number that a spreadsheet took for an amount.
    fn is_whole_number(&self, number: &str) -> bool {
        let exponent = if number.contains('.') { number.split_once(['E', 'e']) } else { None };
        let cut = exponent.is_some_and(|(head, tail)| {
            head.contains('.')
                && head.parse::<f64>().is_ok()
                && tail.strip_prefix('+').is_some_and(|t| t.parse::<u8>().is_ok())
        });
        let plain = number.is_ascii() && number.bytes().any(|byte| byte.is_ascii_alphanumeric());
        let says_something = plain || !contract_key(number).is_empty();
        if cut {
            let hint = "format the column as text and enter the numbers anew";
            self.error(format!("a spreadsheet has shortened this number to `{number}`"), Some(hint));
        } else if !says_something {
            self.error(format!("`{number}` is no contract number"), Some("letters and digits of ASCII count"));
        }
        !cut && says_something
    }

    pub fn addresses(&self, mut found: impl FnMut(&str)) {
        self.items(|item| {
            if is_word(item)
                && let Some(address) = address(item)
            {
                return found(&address);
            }
            let bare = item.rsplit_once('<').map_or(item, |(_, rest)| rest.trim_end_matches('>'));
            let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
            let addresses: Vec<Cow<str>> = bare.split_whitespace().filter_map(address).collect();
            if addresses.is_empty() || addresses.len() < bare.split_whitespace().count() {
                self.error(format!("`{item}` is not a mail address"), None);
            }
            addresses.iter().for_each(|address| found(address));
        });
    }

    pub fn domains(&self, free_mail: &FreeMail, mut found: impl FnMut(&str)) {
        self.list(|item| {
            let domain = lower(item);
            let domain = domain.trim_start_matches(['@', '*', '.']);
            if !is_domain(domain) {
                self.error(format!("`{item}` is not a domain"), Some("only the domain: example.co.jp"));
            } else if let Some(why) = free_mail.objection(domain) {
                let hint = "list the people's addresses instead";
                self.error(format!("`{domain}` cannot be a customer's domain: {why}"), Some(hint));
            } else {
                found(domain);
            }
        });
    }

    /// None for a direct customer.
    pub fn partner(&self) -> Option<&str> {
        let route = self.said()?;
        let direct = ["direct", "直接", "直販", "直契約", "-", "なし"];
        (!direct.iter().any(|word| route.eq_ignore_ascii_case(word))).then_some(route)
    }

    pub fn flag(&self) -> Option<bool> {
        let text = narrow(self.said()?).to_lowercase();
        match text.as_str() {
            "1" | "true" | "yes" | "y" | "○" | "〇" | "◯" | "あり" | "有" | "有り" => Some(true),
            "0" | "false" | "no" | "n" | "×" | "-" | "なし" | "無" | "無し" => Some(false),
            _ => {
                self.error(format!("`{}` is neither yes nor no", self.text), None);
                None
            }
        }
    }

    /// Whole yen: `12,000`, `¥12,000`, `12000円`.
    pub fn yen(&self) -> Option<u32> {
        let text = narrow(self.said()?);
        let bare = text.trim_start_matches(['¥', '\\']).trim_end_matches('円').replace([',', ' '], "");
        let whole = bare.strip_suffix(".0").or(bare.strip_suffix(".00")).unwrap_or(&bare);
        let amount = whole.parse().ok();
        if amount.is_none() {
            self.error(format!("`{}` is not an amount in whole yen", self.text), None);
        }
        amount
    }

    pub fn date(&self) -> Option<Date> {
        let date = date(&narrow(self.said()?));
        if date.is_none() {
            self.error(format!("`{}` is not a date", self.text), Some("write 2026-04-01 or 2026/4/1"));
        }
        date
    }
}

/// `2026-04-01`, `2026/4/1`, `2026.4.1`, `20260401`, `2026年4月1日`, `令和8年4月1日`, `R8.4.1`, each also with a time behind it,
/// and the number of the day that spreadsheets count from 1899-12-30.
fn date(text: &str) -> Option<Date> {
    let first = text.split(['T', ' ']).next().unwrap_or(text);
    let digits = first.bytes().all(|byte| byte.is_ascii_digit());
    if digits && first.len() == 8 {
        let part = |range: std::ops::Range<usize>| first.get(range)?.parse::<i16>().ok();
        return Date::new(part(0..4)?, i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?).ok();
    }
    if digits && first.len() == 5 {
        let days: Span = first.parse::<i64>().ok()?.days();
        return Date::constant(1899, 12, 30).checked_add(days).ok();
    }
    let eras = [("令和", 2018), ("R", 2018), ("r", 2018), ("平成", 1988), ("H", 1988), ("h", 1988)];
    let era = eras.iter().find_map(|(name, years)| Some((first.strip_prefix(name)?, *years)));
    let (rest, years) = era.unwrap_or((first, 0));
    let rest = rest.replace("元", "1");
    let mut numbers = rest.split(['-', '/', '.', '年', '月', '日']).filter(|part| !part.is_empty());
    let mut next = || numbers.next()?.parse::<i16>().ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let four_digits = years > 0 || year >= 1900;
    let whole = numbers.next().is_none() && four_digits;
    Date::new(year.checked_add(years)?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_people_and_spreadsheets_write_them() {
        for (text, expected) in [
            ("2026-04-01", "2026-04-01"),
            ("2026/4/1", "2026-04-01"),
            ("2026/4/1 0:00", "2026-04-01"),
            ("2026-04-01T00:00:00", "2026-04-01"),
            ("20260401", "2026-04-01"),
            ("2026年4月1日", "2026-04-01"),
            ("令和8年4月1日", "2026-04-01"),
            ("令和元年5月1日", "2019-05-01"),
            ("R8.4.1", "2026-04-01"),
            ("46113", "2026-04-01"),
        ] {
            assert_eq!(date(text).map(|date| date.to_string()).as_deref(), Some(expected), "{text}");
        }
        for text in ["2026-02-30", "4/1/2026", "26/4/1", "来月", "2026/4", "2026/4/1/2", ""] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn a_cell_is_cleaned_of_what_spreadsheets_put_around_it() {
        for (cell, text) in [
            ("　 a ", "a"),
            ("=\"001\"", "001"),
            ("'001", "001"),
            ("\u{feff}id", "id"),
            ("a\u{200b}b", "ab"),
            ("\u{a0}", ""),
        ] {
            assert_eq!(clean(cell), text, "{cell:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_seen_to_be_clean_or_low_is(cell in "[aAzé0=\"'\u{3000}\u{feff}\u{200b}\u{a0}\u{85} \t\u{0}会ａカ゛]{0,6}") {
            proptest::prop_assert_eq!(clean(&cell), cleaned(&cell));
            proptest::prop_assert_eq!(lower(&cell), narrow(&cell).to_lowercase());
        }
    }

    #[test]
    fn a_domain_has_labels_that_say_something() {
        for (text, expected) in [
            ("example.jp", true),
            ("a-b.c_d.example.co.jp", true),
            ("例え.jp", true),
            ("xn--r8jz45g.jp", true),
            ("example", false),
            (".example.jp", false),
            ("example..jp", false),
            ("example.jp.", false),
            ("-a.example.jp", false),
            ("a-.example.jp", false),
            ("a.example.jp-", false),
            ("a b.example.jp", false),
            ("", false),
            (".", false),
        ] {
            assert_eq!(is_domain(text), expected, "{text}");
            assert!(expected || !is_plain_domain(text), "{text}");
        }
    }

    #[test]
    fn addresses_are_narrow_lower_case_and_may_break_the_rfc() {
        for (text, expected) in [
            ("Taro@Example.jp", Some("taro@example.jp")),
            ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ", Some("taro@example.jp")),
            ("a..b.@docomo.ne.jp", Some("a..b.@docomo.ne.jp")),
            ("taro@例え.jp", Some("taro@例え.jp")),
            ("taro@example", None),
            ("taro.example.jp", None),
            ("@example.jp", None),
            ("a@b@example.jp", None),
        ] {
            assert_eq!(address(text).as_deref(), expected, "{text}");
        }
    }
}

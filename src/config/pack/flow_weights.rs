//! `flows/<flow>.weights.toml`: what `madoguchi flow fit` learned for a flow; a flow may do without.

use std::collections::HashMap;

use crate::config::problems::File;
use crate::config::reader::{self, Table as Section, Value};
use crate::triage::flow::weights::{Table, Weights};

/// How the name of such a file ends.
pub const ENDING: &str = ".weights.toml";

pub fn read(file: File<'_>) -> Option<Weights> {
    plain(file.text).or_else(|| {
        reader::read(file, |root| {
            let names = root.require("names").and_then(|value| value.table("[names]", table));
            let answers = root.require("answers").and_then(|value| value.table("[answers]", table));
            let outcomes = root.require("outcomes").and_then(|value| value.table("[outcomes]", table));
            Some(Weights { names: names?, answers: answers?, outcomes: outcomes? })
        })
    })
}

fn table<const COLUMNS: usize>(section: &Section<'_>) -> Option<Table<COLUMNS>> {
    let row = |value: Value<'_>| {
        let numbers: Vec<f64> = value.items().into_iter().filter_map(Value::number).collect();
        let row = <[f64; COLUMNS]>::try_from(numbers).ok().filter(|row| row.iter().all(|points| points.is_finite()));
        if row.is_none() {
            value.error(format!("points of a feature in brackets: {COLUMNS}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "points are small numbers with two digits")]
        row.map(|row| row.map(|points| points as f32))
    };
    let rows = section.entries().filter_map(|(feature, value)| Some((feature.value.into(), row(value)?)));
    Some(Table { rows: rows.collect() })
}

/// The file as the program writes it, a feature a line. A TOML reader for ten thousand lines would take most of the time
/// in which the program gets ready, so it is asked only about other files, and about what is wrong.
fn plain(text: &str) -> Option<Weights> {
    let (names, answers) = text.split_once("\n[names]\n")?.1.split_once("\n[answers]\n")?;
    let (answers, outcomes) = answers.split_once("\n[outcomes]\n")?;
    Some(Weights { names: rows(names)?, answers: rows(answers)?, outcomes: rows(outcomes)? })
}

fn rows<const COLUMNS: usize>(text: &str) -> Option<Table<COLUMNS>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut rows = HashMap::with_capacity(memchr::memchr_iter(b'\n', text.as_bytes()).count());
    for line in lines {
        let line = line.strip_prefix('"')?;
        let ends = |byte: u8| byte == b'"' || byte == b'\\' || byte.is_ascii_control();
        let (feature, points) = line.split_at(line.bytes().position(ends)?);
        if rows.insert(feature.into(), row(points.as_bytes().strip_prefix(b"\" = [")?)?).is_some() {
            return None;
        }
    }
    Some(Table { rows })
}

fn row<const COLUMNS: usize>(text: &[u8]) -> Option<[f32; COLUMNS]> {
    let (mut row, mut rest) = ([0.0; COLUMNS], text);
    for (n, place) in row.iter_mut().enumerate() {
        let number = if n == 0 { rest } else { rest.strip_prefix(b", ")? };
        (*place, rest) = hundredths(number)?;
    }
    (rest == b"]").then_some(row)
}

/// A number with two digits behind the point, and what stands behind it: 「-0.12, 」
fn hundredths(text: &[u8]) -> Option<(f32, &[u8])> {
    let (sign, digits) = text.strip_prefix(b"-").map_or((1.0, text), |digits| (-1.0, digits));
    let (tens, ones, tenths, hundredths, rest) = match digits {
        [ones, b'.', tenths, hundredths, rest @ ..] => (&b'0', ones, tenths, hundredths, rest),
        [tens @ b'1'..=b'9', ones, b'.', tenths, hundredths, rest @ ..] => (tens, ones, tenths, hundredths, rest),
        _ => return None,
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u16::from(byte - b'0'));
    let number = digit(tens)? * 1000 + digit(ones)? * 100 + digit(tenths)? * 10 + digit(hundredths)?;
    // Both are whole: the quotient is the nearest number, as it is when the text is parsed.
    Some((sign * f32::from(number) / 100.0, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_a_parser_reads_them() {
        for n in -9999_i32..=9999 {
            let text = format!("{}{}.{:02}", if n < 0 { "-" } else { "" }, n.abs() / 100, n.abs() % 100);
            let (number, rest) = hundredths(text.as_bytes()).unwrap();
            assert_eq!((number.to_bits(), rest), (text.parse::<f32>().unwrap().to_bits(), &b""[..]), "{text}");
        }
        assert_eq!(hundredths(b"-0.00, 1").unwrap().0.to_bits(), (-0.0_f32).to_bits());
        for other in ["1", "1.5", "100.00", "01.00", "+1.00", "1e2", "inf", "", "-", ".25", "1.2x"] {
            let plain = hundredths(other.as_bytes()).filter(|(_, rest)| rest.is_empty());
            assert!(plain.is_none(), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_not_as_the_program_writes_it_is_left_to_the_toml_reader() {
        const HEAD: &str = "# x\n[names]\n\"n\" = [0.10]\n\n[answers]\n";
        const GOOD: &str =
            "\"a b\" = [0.10, -1.20, 0.00, 12.34, 0.05, -0.07]\n\n[outcomes]\n\"w\" = [1.00, 2.00, -3.00]\n";
        let weights = plain(&format!("{HEAD}{GOOD}")).unwrap();
        assert_eq!(weights.names.rows["n"], [0.1]);
        assert_eq!(weights.answers.rows["a b"], [0.1, -1.2, 0.0, 12.34, 0.05, -0.07]);
        assert_eq!(weights.outcomes.rows["w"], [1.0, 2.0, -3.0]);
        for (from, to) in
            [("0.10,", "0.1,"), (", -0.07]", "]"), ("-0.07]", "-0.07, 1.00]"), ("\"a b\"", "'a b'"), ("] ", "")]
        {
            let other = format!("{HEAD}{}", GOOD.replace(from, to));
            assert_eq!(plain(&other).is_some(), other == format!("{HEAD}{GOOD}"), "{other}");
        }
        let twice =
            GOOD.replace("\"w\" = [1.00, 2.00, -3.00]\n", "\"w\" = [1.00, 2.00, -3.00]\n\"w\" = [1.00, 2.00, -3.00]\n");
        assert!(plain(&format!("{HEAD}{twice}")).is_none(), "a feature twice");
    }
}

//! What a spreadsheet saved: UTF-8 with or without its mark, UTF-16 ("Unicode text"), or CP932 ("CSV" in Japan).

use std::path::Path;

use encoding_rs::{Encoding, SHIFT_JIS};

use crate::config::problems::{Problem, Report};

/// A file as text; reported if it cannot be read.
pub fn text_of(report: &Report, path: &Path) -> Option<String> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            report.of_file(path, Problem::error(format!("cannot read the file: {error}")));
            return None;
        }
    };
    match decode(bytes) {
        Ok(text) => Some(text),
        Err((line, message)) => {
            let hint = "save the file anew as 「CSV UTF-8」";
            report.of_file(path, Problem::error(message).line(line).hint(hint.to_owned()));
            None
        }
    }
}

/// The text, or the line that cannot be read and why.
fn decode(bytes: Vec<u8>) -> Result<String, (usize, String)> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err((1, "this is an Excel workbook, not a CSV file".into()));
    }
    if let Some((encoding, _)) = Encoding::for_bom(&bytes) {
        let (text, bad) = encoding.decode_with_bom_removal(&bytes);
        let line = text.lines().position(|line| line.contains('\u{fffd}')).unwrap_or_default() + 1;
        return if bad {
            Err((line, format!("not {} as its first bytes say", encoding.name())))
        } else {
            Ok(text.into())
        };
    }
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error.into_bytes(),
    };
    let lines = || bytes.split(|byte| *byte == b'\n').enumerate();
    let not = |reads: fn(&[u8]) -> bool| lines().find(|(_, line)| !reads(line)).map_or(1, |(at, _)| at + 1);
    if lines().any(|(_, line)| is_japanese_utf8(line)) {
        return Err((not(|line| std::str::from_utf8(line).is_ok()), "this line is not UTF-8 as others are".into()));
    }
    let cp932 = |line: &[u8]| SHIFT_JIS.decode_without_bom_handling_and_without_replacement(line).is_some();
    match SHIFT_JIS.decode_without_bom_handling_and_without_replacement(&bytes) {
        Some(text) => Ok(text.into_owned()),
        None => Err((not(cp932), "this line is neither UTF-8 nor CP932 (Shift_JIS)".into())),
    }
}

/// Kana or kanji in UTF-8: hardly ever what CP932 bytes look like by chance.
fn is_japanese_utf8(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_ok_and(|text| text.chars().any(|c| ('\u{3040}'..'\u{a000}').contains(&c)))
}

//! `Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045 §5.1), with RFC 2231 continuations
//! and what mailers write instead.
//!
//! Own code, because mail-parser decodes the pieces of a split value one by one, so that characters split between
//! them are lost, does not know Japanese labels (`CP50221`), and takes 20 s for a field with 60,000 pieces.

use super::transfer::hex_pair;
use super::{charset, words};

/// `text/plain; charset=…`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// `type/subtype` or the disposition, lower case.
    pub main: String,
    /// Lower-case names, decoded values, in order.
    pub params: Vec<(String, String)>,
}

/// More parameters of one field than this are not looked at.
const MAX_PARAMS: usize = 200;

/// One `name*n*=value` of a parameter that was split (RFC 2231 §3).
struct Piece {
    name: String,
    number: u32,
    encoded: bool,
    value: String,
}

impl Value {
    pub fn plain(main: &str) -> Value {
        Value { main: main.into(), params: Vec::new() }
    }

    /// Reads a field's raw bytes. The whole field is decoded before quotes are looked at: in Shift_JIS and
    /// ISO-2022-JP, `"` and `\` occur inside characters.
    pub fn read(raw: &[u8]) -> Value {
        let text = words::unfold(&charset::raw_text(raw)).into_owned();
        let mut rest = text.as_str();
        let main = take_until_semicolon(&mut rest);
        let main: String = main.split(['(', ' ', '\t']).next().unwrap_or_default().to_ascii_lowercase();
        let mut value = Value { main, params: Vec::new() };
        let mut pieces = Vec::new();
        while !rest.is_empty() && value.params.len() + pieces.len() < MAX_PARAMS {
            value.add(parameter(&mut rest), &mut pieces);
        }
        value.join(pieces);
        value
    }

    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn add(&mut self, parameter: Option<(String, String)>, pieces: &mut Vec<Piece>) {
        let Some((name, value)) = parameter else { return };
        match name.split_once('*') {
            Some((name, suffix)) => pieces.push(Piece {
                name: name.into(),
                number: suffix.trim_end_matches('*').parse().unwrap_or(0),
                encoded: suffix.is_empty() || suffix.ends_with('*'),
                value,
            }),
            None => {
                let value = if value.contains("=?") { words::decode(&value) } else { value };
                self.params.push((name, value));
            }
        }
    }

    /// Puts split parameters together, as bytes: a character may be split, too.
    fn join(&mut self, mut pieces: Vec<Piece>) {
        pieces.sort_by(|a, b| (&a.name, a.number).cmp(&(&b.name, b.number)));
        for group in pieces.chunk_by(|a, b| a.name == b.name) {
            let (label, first) = extended(&group[0]);
            let mut bytes = Vec::new();
            for (index, piece) in group.iter().enumerate() {
                let text = if index == 0 { first } else { piece.value.as_str() };
                if piece.encoded { percent(text, &mut bytes) } else { bytes.extend_from_slice(text.as_bytes()) }
            }
            let value = charset::decode(label, &bytes).text;
            self.params.retain(|(name, _)| *name != group[0].name);
            self.params.push((group[0].name.clone(), value));
        }
    }
}

/// `charset'language'text` → (charset, text).
fn extended(piece: &Piece) -> (Option<&str>, &str) {
    let mut parts = piece.value.splitn(3, '\'');
    match (piece.encoded, parts.next(), parts.next(), parts.next()) {
        (true, Some(label), Some(_), Some(text)) => (Some(label), text),
        _ => (None, &piece.value),
    }
}

fn percent(text: &str, out: &mut Vec<u8>) {
    let mut bytes = text.as_bytes();
    while let [first, rest @ ..] = bytes {
        let hex = hex_pair(rest).filter(|_| *first == b'%');
        out.push(hex.unwrap_or(*first));
        bytes = if hex.is_some() { &rest[2..] } else { rest };
    }
}

/// Takes `; name=value` off the front.
fn parameter(rest: &mut &str) -> Option<(String, String)> {
    *rest = rest.trim_start_matches([';', ' ', '\t']);
    let Some(equals) = rest.find(['=', ';']).filter(|at| rest.as_bytes()[*at] == b'=') else {
        take_until_semicolon(rest);
        return None;
    };
    let name = rest[..equals].trim().to_ascii_lowercase();
    *rest = rest[equals + 1..].trim_start();
    let value = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (value, behind) = quoted_string(quoted);
            *rest = behind;
            take_until_semicolon(rest);
            value
        }
        None => token(&name, take_until_semicolon(rest)),
    };
    Some((name, value))
}

/// The rest of a quoted string behind its opening quote, without backslashes (RFC 5322 §3.2.4), and what follows the
/// closing one. Without that, everything is quoted.
pub(super) fn quoted_string(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// A value without quotes. File names may hold spaces all the same; for the others a space or comment is the end.
fn token(name: &str, value: &str) -> String {
    let value = value.trim();
    if name.starts_with("name") || name.starts_with("filename") {
        return value.into();
    }
    let end = value.find([' ', '\t', '(']).unwrap_or(value.len());
    value[..end].trim_matches('\'').into()
}

fn take_until_semicolon<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(';').unwrap_or(rest.len());
    let taken = &rest[..end];
    *rest = &rest[end..];
    taken.trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8], name: &str, expected: &str) {
        let value = Value::read(raw);
        assert_eq!(value.param(name), Some(expected), "{value:?}");
    }

    #[test]
    fn reads_type_and_parameters() {
        let value = Value::read(b"Text/Plain (comment); Charset=\"ISO-2022-JP\";\r\n format=flowed; ; x; delsp=yes ");
        assert_eq!(value.main, "text/plain");
        assert_eq!(value.param("charset"), Some("ISO-2022-JP"));
        assert_eq!(value.param("format"), Some("flowed"));
        assert_eq!(value.param("delsp"), Some("yes"));
        assert_eq!(Value::read(b""), Value::default());
    }

    #[test]
    fn reads_odd_values() {
        check(b"text/plain; charset='utf-8'", "charset", "utf-8");
        check(b"text/plain; charset=us-ascii (Plain)", "charset", "us-ascii");
        check(b"multipart/mixed; boundary=\"a b;c\"; x=y", "boundary", "a b;c");
        check(b"multipart/mixed; boundary=----=_Part?1", "boundary", "----=_Part?1");
        check(b"attachment; filename=My File.pdf; size=3", "filename", "My File.pdf");
        check(b"attachment; filename=\"a\\\"b", "filename", "a\"b");
    }

    #[test]
    fn stops_at_too_many() {
        let many: String = (0..100_000).map(|n| format!("; a{n}*=b")).collect();
        assert_eq!(Value::read(format!("text/plain{many}").as_bytes()).params.len(), MAX_PARAMS);
    }

    #[test]
    fn reads_file_names() {
        check(b"attachment; filename*=UTF-8''%E8%A1%A8.xlsx", "filename", "表.xlsx");
        check(b"attachment; filename=\"x\"; filename*=utf-8'ja'%E8%A1%A8", "filename", "表");
        check(b"x; filename*0*=utf-8''%E8%A1; filename*1*=%A8; filename*2=\".txt\"", "filename", "表.txt");
        check(b"x; filename*1*=%A8; filename*0*=utf-8''%E8%A1", "filename", "表");
        check(b"x; filename*0*=ISO-2022-JP''%1B%24BF; filename*1*=%7CK%5C%1B%28B.doc", "filename", "日本.doc");
        check(b"x; filename=\"=?UTF-8?B?6KGo?= =?UTF-8?B?LnhsczE=?=\"", "filename", "表.xls1");
        check(b"x; filename=\"\x95\x5c.xls\"", "filename", "表.xls");
        check(b"x; filename=\"\x1b$BF|K\\\x1b(B.txt\"", "filename", "日本.txt");
        check("x; filename=\"見積.pdf\"".as_bytes(), "filename", "見積.pdf");
        check(b"x; filename*=%zz", "filename", "%zz");
    }
}

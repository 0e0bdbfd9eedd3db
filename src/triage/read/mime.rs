//! The MIME tree of a mail: headers, parts and where their bytes lie. Nothing is decoded here.
//!
//! Own code, because a library that builds a tree of nested messages can be made to overflow the stack when the tree
//! is dropped (3 MB of `Content-Type: message/rfc822` did it), and because it decodes attachments that we only name.
//! One pass over the lines, a stack of open boundaries, no recursion. An attached message (`message/rfc822`) is a
//! leaf: what it says was not written to us.

use std::ops::Range;

use memchr::{memchr, memmem};

use super::param::Value;

/// More parts than this are not looked at.
pub const MAX_PARTS: usize = 1_000;
/// Multiparts nested deeper than this are not opened.
pub const MAX_DEPTH: usize = 50;
/// More fields of one header than this are not looked at.
const MAX_FIELDS: usize = 2_000;

/// One header field as it stands in the mail.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    pub name: &'a str,
    /// Folded, undecoded, without the last line end.
    pub value: &'a [u8],
}

/// One node of the tree.
#[derive(Debug)]
pub struct Entity<'a> {
    pub fields: Vec<Field<'a>>,
    /// `Content-Type`, or the default of RFC 2046.
    pub content: Value,
    /// Index of the multipart it lies in; always smaller than its own.
    pub parent: Option<usize>,
    /// Undecoded content: a range of the mail.
    pub body: Range<usize>,
}

impl<'a> Entity<'a> {
    /// The first field of this name.
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value)
    }

    pub fn is_multipart(&self) -> bool {
        self.content.main.starts_with("multipart/")
    }
}

/// The whole mail.
#[derive(Debug, Default)]
pub struct Tree<'a> {
    /// Top first, in the order of the mail; never empty.
    pub entities: Vec<Entity<'a>>,
    pub too_many_parts: bool,
    pub too_deep: bool,
    pub too_many_fields: bool,
    /// The last line of some multipart is missing.
    pub unterminated: bool,
    /// A header line that is none, in the top header.
    pub broken_header: bool,
}

struct Open {
    boundary: Vec<u8>,
    entity: usize,
}

/// Finds all parts. Linear in the length of the mail.
pub fn walk(raw: &[u8]) -> Tree<'_> {
    let mut tree = Tree::default();
    let mut open: Vec<Open> = Vec::new();
    let mut next = Some((envelope_end(raw), None));
    while let Some((start, parent)) = next {
        if tree.entities.len() == MAX_PARTS {
            tree.too_many_parts = true;
            return tree;
        }
        let body = tree.add(raw, start, parent);
        tree.open_multipart(&mut open);
        next = tree.seek_delimiter(raw, body, &mut open);
    }
    tree.unterminated = !open.is_empty();
    tree
}

impl<'a> Tree<'a> {
    /// The mail breaks off in a header.
    pub fn ends_in_header(&self, raw: &[u8]) -> bool {
        self.entities.last().is_some_and(|last| last.body.start == raw.len())
    }

    /// Reads a part's header; returns where its body begins.
    fn add(&mut self, raw: &'a [u8], start: usize, parent: Option<usize>) -> usize {
        let head = Head::read(raw, start);
        self.too_many_fields |= head.too_many;
        self.broken_header |= parent.is_none() && head.broken;
        let entity = Entity { fields: head.fields, content: Value::default(), parent, body: head.body..raw.len() };
        let digest = parent.is_some_and(|p| self.entities[p].content.main == "multipart/digest");
        let content = entity.field("Content-Type").map(Value::read).filter(|v| v.main.contains('/'));
        let default = || Value::plain(if digest { "message/rfc822" } else { "text/plain" });
        self.entities.push(Entity { content: content.unwrap_or_else(default), ..entity });
        head.body
    }

    fn open_multipart(&mut self, open: &mut Vec<Open>) {
        let entity = self.entities.len() - 1;
        let last = &self.entities[entity];
        let Some(boundary) = last.content.param("boundary").filter(|b| last.is_multipart() && !b.is_empty()) else {
            return;
        };
        if open.len() == MAX_DEPTH {
            self.too_deep = true;
        } else {
            open.push(Open { boundary: boundary.as_bytes().to_vec(), entity });
        }
    }

    /// Goes to the next part of any open multipart: (its start, its parent). Ends the current leaf there.
    fn seek_delimiter(&mut self, raw: &[u8], from: usize, open: &mut Vec<Open>) -> Option<(usize, Option<usize>)> {
        if open.is_empty() {
            return None;
        }
        let mut leaf = Some(self.entities.len() - 1).filter(|l| open.last().is_none_or(|o| o.entity != *l));
        let mut next = dashes(raw, from);
        while let Some(at) = next {
            let end = line_end(raw, at);
            if let Some((level, last)) = delimiter(&raw[at..end], open) {
                if let Some(leaf) = leaf.take() {
                    self.entities[leaf].body.end = before_line_end(raw, from, at);
                }
                for closed in open.drain(level + 1..) {
                    self.entities[closed.entity].body.end = at;
                }
                if !last {
                    return Some((end, Some(open[level].entity)));
                }
                if let Some(closed) = open.pop() {
                    self.entities[closed.entity].body.end = at;
                }
            }
            next = dashes(raw, end);
        }
        None
    }
}

/// The first line that begins with `--`, of those that begin at `from` and behind.
fn dashes(raw: &[u8], from: usize) -> Option<usize> {
    match raw[from..].starts_with(b"--") {
        true => Some(from),
        false => memmem::find(&raw[from..], b"\n--").map(|at| from + at + 1),
    }
}

/// Which open multipart does this line belong to, and is it its last line (`--boundary--`)? Innermost first.
fn delimiter(line: &[u8], open: &[Open]) -> Option<(usize, bool)> {
    let rest = line.strip_prefix(b"--")?.trim_ascii_end();
    open.iter().enumerate().rev().find_map(|(level, o)| match rest.strip_prefix(o.boundary.as_slice())? {
        b"" => Some((level, false)),
        b"--" => Some((level, true)),
        _ => None,
    })
}

/// The line end before a delimiter belongs to the delimiter (RFC 2046 §5.1.1).
fn before_line_end(raw: &[u8], from: usize, at: usize) -> usize {
    let body = &raw[from..at];
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    from + body.strip_suffix(b"\r").unwrap_or(body).len()
}

/// The offset after the line that begins at `at`.
fn line_end(raw: &[u8], at: usize) -> usize {
    memchr(b'\n', &raw[at..]).map_or(raw.len(), |n| at + n + 1)
}

/// Skips what mailbox files put before a mail: a byte order mark, a `From ` line.
fn envelope_end(raw: &[u8]) -> usize {
    let start = if raw.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let rest = &raw[start..];
    if rest.starts_with(b"From ") || rest.starts_with(b">From ") { line_end(raw, start) } else { start }
}

struct Head<'a> {
    fields: Vec<Field<'a>>,
    body: usize,
    too_many: bool,
    broken: bool,
}

impl<'a> Head<'a> {
    /// Reads fields up to the empty line. A line that is no field is skipped if a field follows it; otherwise the
    /// empty line was forgotten, and the body begins there.
    fn read(raw: &'a [u8], start: usize) -> Head<'a> {
        let mut head = Head { fields: Vec::new(), body: raw.len(), too_many: false, broken: false };
        let mut at = start;
        while at < raw.len() {
            let end = line_end(raw, at);
            if raw[at..end].trim_ascii_end().is_empty() && !is_folded(raw, at) {
                head.body = end;
                return head;
            }
            let end = folded_end(raw, end);
            match field(&raw[at..end]) {
                Some(_) if head.fields.len() == MAX_FIELDS => head.too_many = true,
                Some(field) => head.fields.push(field),
                None if head.fields.is_empty() || !field_follows(raw, end) => {
                    head.broken = true;
                    head.body = at;
                    return head;
                }
                None => head.broken = true,
            }
            at = end;
        }
        head
    }
}

fn is_folded(raw: &[u8], at: usize) -> bool {
    matches!(raw.get(at), Some(b' ' | b'\t'))
}

/// The end of a field whose first line ends at `end`.
fn folded_end(raw: &[u8], mut end: usize) -> usize {
    while end < raw.len() && is_folded(raw, end) {
        end = line_end(raw, end);
    }
    end
}

fn field_follows(raw: &[u8], at: usize) -> bool {
    at < raw.len() && field(&raw[at..line_end(raw, at)]).is_some()
}

/// `Name: value`; a name is printable ASCII without space (RFC 5322 §2.2), but a space before the colon is seen.
fn field(line: &[u8]) -> Option<Field<'_>> {
    let colon = line.iter().position(|b| *b == b':' || *b == b'\n')?;
    let name = line[..colon].trim_ascii_end();
    let valid = line[colon] == b':' && !name.is_empty() && name.iter().all(|b| b.is_ascii_graphic());
    let name = std::str::from_utf8(name).ok().filter(|_| valid)?;
    Some(Field { name, value: line[colon + 1..].trim_ascii() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(raw: &[u8]) -> Vec<String> {
        walk(raw).entities.iter().map(|e| e.content.main.clone()).collect()
    }

    fn bodies(raw: &str) -> Vec<&str> {
        walk(raw.as_bytes()).entities.iter().map(|e| &raw[e.body.clone()]).collect()
    }

    const NESTED: &str = "Content-Type: multipart/mixed; boundary=a\n\npreamble\n--a\n\
        Content-Type: multipart/alternative; boundary=\"b c\"\n\n--b c\n\nplain\n--b c  \n\
        Content-Type: text/html\n\n<p>\n--b c--\nepilogue\n--a\nContent-Type: image/png\n\nAAAA\n--a--\n";

    #[test]
    fn finds_parts_at_every_level() {
        assert_eq!(
            types(NESTED.as_bytes()),
            ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "image/png"]
        );
        assert_eq!(bodies(NESTED)[2..], ["plain", "<p>", "AAAA"]);
        let tree = walk(NESTED.as_bytes());
        assert_eq!(tree.entities[3].parent, Some(1));
        assert!(!tree.unterminated);
    }

    #[test]
    fn an_outer_delimiter_ends_inner_multiparts() {
        let raw = NESTED.replace("--b c--\nepilogue\n", "");
        assert_eq!(bodies(&raw)[2..], ["plain", "<p>", "AAAA"]);
    }

    #[test]
    fn a_longer_boundary_is_another_one() {
        let raw = "Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--ab\n--a--x\n--a--\n";
        assert_eq!(bodies(raw)[1..], ["one\n--ab\n--a--x"]);
    }

    #[test]
    fn an_attached_message_is_a_leaf() {
        let raw = "Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\ntext\n--a--\n";
        assert_eq!(types(raw.as_bytes()), ["multipart/digest", "message/rfc822"]);
        assert_eq!(types("Content-Type: message/rfc822\n\n".repeat(200_000).as_bytes()).len(), 1);
    }

    #[test]
    fn stops_at_limits() {
        let deep: String =
            (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
        let tree = walk(deep.as_bytes());
        assert!(tree.too_deep && tree.unterminated);
        assert_eq!(tree.entities.len(), MAX_DEPTH + 1);
        let many = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(10_000));
        let tree = walk(many.as_bytes());
        assert!(tree.too_many_parts);
        assert_eq!(tree.entities.len(), MAX_PARTS);
        assert!(walk("A: b\n".repeat(5_000).as_bytes()).too_many_fields);
    }

    #[test]
    fn a_line_that_is_no_field_is_skipped_or_begins_the_body() {
        let raw = "Subject: a\nこれは\nFrom: b\n\ntext";
        let tree = walk(raw.as_bytes());
        assert!(tree.broken_header);
        assert_eq!(tree.entities[0].fields.len(), 2);
        assert_eq!(bodies("Subject: a\nこれは\n本文です\n"), ["これは\n本文です\n"]);
        assert_eq!(bodies("ヘッダーのない文です"), ["ヘッダーのない文です"]);
    }

    #[test]
    fn folded_fields_are_one() {
        let tree = walk(b"From x@y Mon\nSubject : a\r\n b\r\n \r\n\tc\r\nTo: d\r\n\r\n");
        let fields = &tree.entities[0].fields;
        assert_eq!((fields[0].name, fields[0].value), ("Subject", &b"a\r\n b\r\n \r\n\tc"[..]));
        assert_eq!(fields.len(), 2);
    }
}

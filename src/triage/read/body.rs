//! Which parts are the text, and what do they say?

use std::borrow::Cow;
use std::ops::Range;

use super::charset::{self, Decoded, Fit};
use super::mime::{Entity, Tree};
use super::param::Value;
use super::{Notes, TEXT_CUT, flowed, html, transfer};
use crate::triage::inquiry::Charset;

/// Text beyond this is cut (bytes).
pub const MAX_TEXT: usize = 1 << 20;
/// Undecoded bytes of a text part beyond this are not looked at: quoted-printable takes three for one.
const MAX_ENCODED: usize = 4 * MAX_TEXT;

/// The text of a mail.
#[derive(Debug, Default)]
pub struct Text {
    pub text: String,
    /// Ranges that HTML marks as quoted.
    pub quoted: Vec<Range<usize>>,
    pub charset: Charset,
}

/// Reads the text parts: of an alternative the first with content (plain before HTML); parts that stand side by side
/// (text, picture, text) one after the other.
pub fn text(raw: &[u8], tree: &Tree, complete: bool, notes: &mut Notes) -> Text {
    let mut out = Text::default();
    let mut cut = false;
    let leaves: Vec<usize> = (0..tree.entities.len()).filter(|i| is_text(tree, *i)).collect();
    if leaves.is_empty() {
        notes.serious("no-text", "the mail has no text part");
    }
    for group in leaves.chunk_by(|a, b| alternative(tree, *a).is_some_and(|top| alternative(tree, *b) == Some(top))) {
        let mut candidates: Vec<usize> = group.to_vec();
        candidates.sort_by_key(|i| tree.entities[*i].content.main != "text/plain");
        for index in candidates {
            let entity = &tree.entities[index];
            let is_cut = !complete && entity.body.end == raw.len();
            let part = read(raw, entity, is_cut, notes);
            cut |= is_cut;
            if !part.text.trim().is_empty() {
                out.append(part);
                break;
            }
        }
    }
    // A text may also stand behind what was read: behind a long header, or behind an attachment.
    cut |= !complete && out.text.trim().is_empty() && (tree.unterminated || tree.ends_in_header(raw));
    if cut {
        notes.serious(TEXT_CUT, "only the head of the mail was fetched, and its text does not end there");
    }
    out.limit(notes);
    out
}

impl Text {
    fn append(&mut self, part: Text) {
        if self.text.is_empty() {
            *self = part;
            return;
        }
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        let offset = self.text.len();
        self.text.push_str(&part.text);
        self.quoted.extend(part.quoted.iter().map(|r| r.start + offset..r.end + offset));
    }

    fn limit(&mut self, notes: &mut Notes) {
        if self.text.len() > MAX_TEXT {
            let end = (0..=MAX_TEXT).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
            self.text.truncate(end);
            self.quoted.retain(|r| r.end <= end);
            notes.serious("text-too-long", "the text is longer than 1 MB and was cut");
        }
        let replaced = charset::replacements(&self.text);
        if replaced > 0 && replaced * 100 > self.text.chars().count() {
            notes.serious("garbled", "more than 1 % of the characters could not be decoded");
        }
    }
}

/// A text part that is shown, not attached.
fn is_text(tree: &Tree, index: usize) -> bool {
    let entity = &tree.entities[index];
    matches!(entity.content.main.as_str(), "text/plain" | "text/html") && !is_attached(entity)
}

/// Is the part to be saved as a file?
pub fn is_attached(entity: &Entity) -> bool {
    let disposition = entity.field("Content-Disposition").map(Value::read).unwrap_or_default();
    disposition.main == "attachment"
        || disposition.param("filename").is_some()
        || entity.content.param("name").is_some()
}

/// The outermost alternative a part lies in.
fn alternative(tree: &Tree, index: usize) -> Option<usize> {
    let parents = std::iter::successors(tree.entities[index].parent, |p| tree.entities[*p].parent);
    parents.filter(|p| tree.entities[*p].content.main == "multipart/alternative").last()
}

fn read(raw: &[u8], entity: &Entity, is_cut: bool, notes: &mut Notes) -> Text {
    let mut body = &raw[entity.body.clone()];
    if body.len() > MAX_ENCODED {
        body = &body[..MAX_ENCODED];
        notes.serious("text-too-long", "the text is longer than 1 MB and was cut");
    }
    if is_cut {
        // An escape of quoted-printable that was cut; anything else loses two bytes of a text that is cut anyway.
        body = charset::before_last(b'=', 2, body);
    }
    let encoding = entity.field("Content-Transfer-Encoding").map(String::from_utf8_lossy).unwrap_or_default();
    let bytes = transfer::decode(encoding.trim(), body).unwrap_or_else(|| {
        notes.serious("transfer-encoding", "the text has an unknown transfer encoding");
        Cow::Borrowed(body)
    });
    let is_html = entity.content.main == "text/html";
    let whole = if is_cut { charset::whole_characters(entity.content.param("charset"), &bytes) } else { &bytes };
    let decoded = decode(entity, whole, is_html, notes);
    let charset = Charset { declared: entity.content.param("charset").map(Into::into), used: decoded.used.into() };
    if !is_html {
        return Text { text: plain(entity, decoded.text, notes), quoted: Vec::new(), charset };
    }
    let page = html::visible(&clean(decoded.text, notes));
    if page.hidden > 0 {
        notes.mild("hidden-text", format!("{} characters are hidden by style", page.hidden));
    }
    Text { text: page.text, quoted: page.quoted, charset }
}

fn plain(entity: &Entity, text: String, notes: &mut Notes) -> String {
    let text = clean(text, notes);
    let param = |name, value: &str| entity.content.param(name).is_some_and(|v| v.eq_ignore_ascii_case(value));
    if param("format", "flowed") { flowed::unflow(&text, param("delsp", "yes")) } else { text }
}

/// The MIME label first, then what the HTML claims, then what the bytes look like.
fn decode(entity: &Entity, bytes: &[u8], is_html: bool, notes: &mut Notes) -> Decoded {
    let declared = entity.content.param("charset");
    let meta = if is_html { html::meta_charset(bytes) } else { None };
    let known = declared.is_some_and(|d| charset::encoding(d).is_some());
    let mut decoded = charset::decode(if known { declared } else { meta }, bytes);
    if known && meta.is_some() && decoded.fit != Fit::Declared {
        let by_meta = charset::decode(meta, bytes);
        if by_meta.fit == Fit::Declared {
            decoded = Decoded { fit: Fit::Mismatch, ..by_meta };
        }
    }
    let label = declared.unwrap_or("nothing");
    // ASCII bytes that are not ASCII text: nothing would look wrong
    if declared.is_some_and(|d| d.to_ascii_lowercase().ends_with("utf-7")) {
        notes.serious("charset-unsupported", "the text is in UTF-7");
    }
    match decoded.fit {
        Fit::Declared => {}
        Fit::Guessed => notes.mild("charset-guessed", format!("declared {label:?}, read as {}", decoded.used)),
        Fit::Mismatch => notes.mild("charset-mismatch", format!("declared {label:?}, read as {}", decoded.used)),
        Fit::Lossy => {
            notes.mild("charset-lossy", format!("declared {label:?}, nothing fits; read as {}", decoded.used))
        }
    }
    decoded
}

/// Line ends `\n`, no control characters but `\n` and `\t`.
fn clean(text: String, notes: &mut Notes) -> String {
    let mut text = with_line_feeds(text);
    let control = |c: char| c.is_ascii_control() && c != '\n' && c != '\t';
    // To the end without a branch: that is many bytes at a time.
    if text.bytes().fold(false, |any, byte| any | control(char::from(byte))) {
        for found in text.matches(control) {
            match found {
                "\0" => notes.serious("nul-bytes", "the text has NUL bytes"),
                _ => notes.mild("control-characters", "control characters were removed from the text"),
            }
        }
        text.retain(|c| !control(c));
    }
    text
}

/// Line ends `\n`.
fn with_line_feeds(text: String) -> String {
    let mut lines = text.split('\r');
    let first = lines.next().filter(|first| first.len() < text.len());
    let Some(first) = first else { return text };
    let mut out = String::with_capacity(text.len());
    out.push_str(first);
    for line in lines {
        if !line.starts_with('\n') {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

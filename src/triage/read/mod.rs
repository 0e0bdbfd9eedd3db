//! Raw bytes → [`Inquiry`]. Never fails: what cannot be read right becomes an [`Oddity`].
//!
//! Reading order: `mime` (which bytes are which part), `envelope` (header fields, with `words` and `address`),
//! `body` (which parts are the text, with `transfer`, `charset`, `html`, `flowed`); then
//! [`super::sections`] tells the customer's words from the rest. Attachments are never decoded, only named.
//!
//! The `mail-parser` crate reads dates, message ids and base64. What it cannot do with Japanese or hostile mail is own
//! code; each module says what that is.

mod address;
mod body;
mod charset;
mod envelope;
mod flowed;
mod html;
mod jis;
mod mime;
mod param;
mod transfer;
mod words;

use self::mime::{Entity, Tree};
use self::param::Value;
use super::inquiry::{Attachment, Inquiry, Oddity, Part};
use super::sections::{self, Hints};

/// Code of the oddity of a mail of which too little was read to have its text: more of it may help.
pub const TEXT_CUT: &str = "text-cut";

/// Reads a mail. `size`: of the whole mail in bytes; `complete`: false if `raw` is only its head.
pub fn read(raw: &[u8], size: u64, complete: bool) -> Inquiry {
    let mut notes = Notes::default();
    let tree = mime::walk(raw);
    structure(&tree, complete, &mut notes);
    let mut inquiry = Inquiry { size, complete, ..Inquiry::default() };
    envelope::fill(&mut inquiry, &tree.entities[0], &mut notes);
    let text = body::text(raw, &tree, complete, &mut notes);
    let hints = Hints { quoted: &text.quoted, forwarded: is_forward(&inquiry.subject) };
    inquiry.sections = sections::split(&text.text, &hints);
    inquiry.text = text.text;
    inquiry.charset = text.charset;
    inquiry.attachments = tree.entities.iter().filter_map(attachment).collect();
    inquiry.parts = tree.entities.iter().map(part).collect();
    inquiry.oddities = notes.0;
    inquiry
}

/// The oddities found so far.
#[derive(Debug, Default)]
struct Notes(Vec<Oddity>);

impl Notes {
    /// The text cannot be trusted.
    fn serious(&mut self, code: &str, detail: impl Into<String>) {
        self.add(code, detail.into(), true);
    }

    /// Good to know.
    fn mild(&mut self, code: &str, detail: impl Into<String>) {
        self.add(code, detail.into(), false);
    }

    fn add(&mut self, code: &str, detail: String, serious: bool) {
        if !self.0.iter().any(|o| o.code == code && o.detail == detail) {
            self.0.push(Oddity { code: code.into(), detail, serious });
        }
    }
}

fn structure(tree: &Tree, complete: bool, notes: &mut Notes) {
    let top = &tree.entities[0];
    if top.fields.is_empty() {
        notes.serious("no-headers", "the mail has no header");
    } else if tree.broken_header {
        notes.serious("broken-header", "a line of the header is no field");
    }
    if tree.too_many_fields {
        notes.serious("too-many-headers", "a header has more than 2,000 fields");
    }
    if tree.too_many_parts {
        notes.serious("too-many-parts", "the mail has more than 1,000 parts");
    }
    if tree.too_deep {
        notes.serious("too-deep", "parts are nested deeper than 50");
    }
    if tree.unterminated && complete {
        notes.serious("truncated", "the last line of a multipart is missing");
    }
}

/// Mail programs put `Fw:`, `転送:` … before the subject of a forwarded mail.
fn is_forward(subject: &str) -> bool {
    let subject = subject.trim_start_matches(['【', '[', '(', '（', ' ']).to_lowercase();
    ["fw:", "fwd:", "fw：", "fwd：", "転送:", "転送：", "転送】", "転送)", "転送）"]
        .iter()
        .any(|p| subject.starts_with(p))
}

/// A leaf that is not shown as text.
fn attachment(entity: &Entity) -> Option<Attachment> {
    let text = matches!(entity.content.main.as_str(), "text/plain" | "text/html");
    if entity.is_multipart() || (text && !body::is_attached(entity)) {
        return None;
    }
    let disposition = entity.field("Content-Disposition").map(Value::read).unwrap_or_default();
    let name = disposition.param("filename").or_else(|| entity.content.param("name")).unwrap_or_default();
    let name = name.replace(|c: char| c.is_control(), " ");
    Some(Attachment { name, content_type: entity.content.main.clone() })
}

fn part(entity: &Entity) -> Part {
    Part { content_type: entity.content.main.clone(), params: entity.content.params.clone() }
}

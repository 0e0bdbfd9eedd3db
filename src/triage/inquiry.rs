//! One mail that asks the desk something, as it was read: what every later stage looks at.
//!
//! Nothing here decides anything. [`crate::triage::read`] fills it from raw bytes and never fails: a mail that
//! cannot be read right becomes an inquiry with [`Oddity`]s, and the decision sends it to a person.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A parsed mail. All strings are decoded text with line ends `\n`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inquiry {
    /// Every header field of the top level, in the order of the mail.
    pub headers: Vec<Header>,
    /// `Message-ID` without angle brackets.
    pub message_id: Option<String>,
    /// Ids of `In-Reply-To`, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// Ids of `References`, oldest first, without angle brackets.
    pub references: Vec<String>,
    /// Decoded, control characters replaced by spaces.
    pub subject: String,
    /// Every mailbox of every `From` field: more than one is itself a finding (gate R14).
    pub from: Vec<Mailbox>,
    pub sender: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    /// The `Date` field, if it can be read (RFC 5322 §3.6.1).
    pub date: Option<Timestamp>,
    /// The visible text of the chosen text part; empty if there is none.
    pub text: String,
    /// Covers `text` completely, in order, without overlap.
    pub sections: Vec<Section>,
    pub attachments: Vec<Attachment>,
    /// Content types of all MIME parts, top first, for the gate.
    pub parts: Vec<Part>,
    pub charset: Charset,
    pub oddities: Vec<Oddity>,
    /// Size of the whole mail in bytes, also where less was read.
    pub size: u64,
    /// False if only the head of the mail was fetched.
    pub complete: bool,
    /// Set if a web form of the desk sent the mail ([`super::form`]): then author and subject are what was typed.
    pub form: Option<FormMail>,
}

/// What stood around an inquiry that came through a web form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormMail {
    /// Who sent the mail.
    pub sender: Mailbox,
    /// The mail's own subject.
    pub subject: String,
    /// How far the form is proved: `web form of form.example: dmarc=pass …`.
    pub proof: String,
}

/// One header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// As written, without the colon.
    pub name: String,
    /// Unfolded, trimmed, not decoded (RFC 2047 words stay); raw 8-bit bytes as lossy UTF-8.
    pub raw: String,
}

/// An address with its display name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    pub name: String,
    /// `local@domain` as written; may break RFC 5321 (`a..b@docomo.ne.jp` is a person).
    pub address: String,
}

impl Mailbox {
    /// The domain in lower case, or "" if there is no `@`.
    pub fn domain(&self) -> String {
        self.address.rsplit_once('@').map(|(_, d)| d.to_ascii_lowercase()).unwrap_or_default()
    }

    /// The part before the last `@`, as written.
    pub fn local(&self) -> &str {
        self.address.rsplit_once('@').map_or(self.address.as_str(), |(l, _)| l)
    }
}

/// What a stretch of the text is. Only [`SectionKind::Body`] (and the subject) votes on what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SectionKind {
    /// What the customer wrote today.
    Body,
    /// An earlier mail, quoted.
    Quoted,
    /// A forwarded mail.
    Forwarded,
    Signature,
    /// Legal footer (confidentiality note).
    Footer,
    /// What a gateway put in ("このメールは社外から…").
    Banner,
    /// 「○○様 お世話になっております」
    Greeting,
    /// 「よろしくお願いいたします」
    Closing,
}

/// A stretch of [`Inquiry::text`]: byte offsets on character borders, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    pub kind: SectionKind,
    pub start: usize,
    pub end: usize,
}

/// A part that is not the text: never decoded, only named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Decoded file name (RFC 2231, RFC 2047), "" if none.
    pub name: String,
    /// `type/subtype`, lower case.
    pub content_type: String,
}

/// A MIME part as the gate needs it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// `type/subtype`, lower case.
    pub content_type: String,
    /// `method` of text/calendar, `report-type` of multipart/report …: lower case names.
    pub params: Vec<(String, String)>,
}

/// How the text was decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charset {
    /// As the mail says; none where it says nothing.
    pub declared: Option<String>,
    /// What the text was decoded with, a WHATWG or IANA name.
    pub used: String,
}

/// Something about the mail that a reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oddity {
    /// Stable, kebab-case: `charset-mismatch`, `garbled`, `truncated`, `too-many-parts` …
    pub code: String,
    /// For people, without any text of the mail.
    pub detail: String,
    /// True if the text cannot be trusted, so that staff must look (invariant 4).
    pub serious: bool,
}

impl Inquiry {
    /// The text of one section.
    pub fn section_text(&self, section: &Section) -> &str {
        self.text.get(section.start..section.end).unwrap_or_default()
    }

    /// All fields with this name, case-insensitive, in order.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.raw.as_str())
    }

    /// The one sender, if there is exactly one.
    pub fn author(&self) -> Option<&Mailbox> {
        match self.from.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

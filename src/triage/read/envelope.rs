//! The header fields of the top level, decoded into an [`Inquiry`].

use jiff::Timestamp;
use mail_parser::DateTime;
use mail_parser::parsers::MessageStream;

use super::mime::{Entity, Field};
use super::{Notes, address, charset, words};
use crate::triage::inquiry::{Header, Inquiry, Mailbox};

/// A header field beyond this is cut (bytes): RFC 5322 allows 998 a line.
const MAX_FIELD: usize = 64 << 10;

/// Fields that decide what a mail says: two different ones mean that two readers see two mails.
const DECISIVE: [&str; 7] =
    ["From", "Sender", "Reply-To", "Subject", "Message-ID", "Content-Type", "Content-Transfer-Encoding"];
/// Other fields that may occur once (RFC 5322 §3.6).
const SINGLE: [&str; 6] = ["Date", "To", "Cc", "In-Reply-To", "References", "MIME-Version"];

/// Fills in everything that stands in the header.
pub fn fill(inquiry: &mut Inquiry, top: &Entity, notes: &mut Notes) {
    let fields: Vec<Field> = top.fields.iter().map(|f| limited(*f, notes)).collect();
    repeated(&fields, notes);
    if fields.iter().any(|f| f.value.contains(&0)) {
        notes.serious("nul-bytes", "the header has NUL bytes");
    }
    inquiry.headers = fields.iter().map(header).collect();
    let find = |name: &str| fields.iter().find(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value);
    inquiry.subject = find("Subject").map(words::header_text).unwrap_or_default();
    inquiry.message_id = find("Message-ID").and_then(message_id);
    inquiry.in_reply_to = ids(&fields, "In-Reply-To");
    inquiry.references = ids(&fields, "References");
    inquiry.date = find("Date").and_then(date);
    inquiry.from = mailboxes(&fields, "From", notes);
    inquiry.sender = mailboxes(&fields, "Sender", notes);
    inquiry.reply_to = mailboxes(&fields, "Reply-To", notes);
    inquiry.to = mailboxes(&fields, "To", notes);
    inquiry.cc = mailboxes(&fields, "Cc", notes);
}

fn limited<'a>(field: Field<'a>, notes: &mut Notes) -> Field<'a> {
    if field.value.len() <= MAX_FIELD {
        return field;
    }
    notes.serious("header-too-long", "a header field is longer than 64 KB and was cut");
    Field { value: &field.value[..MAX_FIELD], ..field }
}

fn repeated(fields: &[Field], notes: &mut Notes) {
    let differ = |name: &str| {
        let mut values = fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).map(|f| f.value);
        values.next().is_some_and(|first| values.any(|other| other != first))
    };
    for name in DECISIVE.into_iter().filter(|n| differ(n)) {
        notes.serious("duplicate-header", format!("more than one {name}, not the same"));
    }
    for name in SINGLE.into_iter().filter(|n| differ(n)) {
        notes.mild("repeated-header", format!("more than one {name}, not the same"));
    }
}

fn header(field: &Field) -> Header {
    let raw = charset::lossy(field.value);
    Header { name: field.name.into(), raw: words::unfold(&raw).into_owned() }
}

fn mailboxes(fields: &[Field], name: &str, notes: &mut Notes) -> Vec<Mailbox> {
    let mut found = Vec::new();
    for field in fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name)) {
        let mut list = address::parse(&charset::raw_text(field.value));
        if list.group && name == "From" {
            notes.mild("from-group", "the sender is a group");
        }
        found.append(&mut list.mailboxes);
    }
    found
}

/// The ids of all fields of this name, in order.
fn ids(fields: &[Field], name: &str) -> Vec<String> {
    fields.iter().filter(|f| f.name.eq_ignore_ascii_case(name)).flat_map(|f| bracketed(f.value)).collect()
}

/// The ids in angle brackets; without any, the whole field is one.
fn bracketed(value: &[u8]) -> Vec<String> {
    // the library wants the line end
    let line = [value, b"\n"].concat();
    let ids = MessageStream::new(&line).parse_id().into_text_list().unwrap_or_default();
    ids.iter().map(|id| compact(id)).filter(|id| !id.is_empty()).collect()
}

fn message_id(value: &[u8]) -> Option<String> {
    bracketed(value).into_iter().next()
}

fn compact(id: &str) -> String {
    id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

fn date(value: &[u8]) -> Option<Timestamp> {
    let date = DateTime::parse_rfc822(std::str::from_utf8(value).ok()?).filter(DateTime::is_valid)?;
    Timestamp::from_second(date.to_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(date(text.as_bytes()), expected.map(|e| e.parse().unwrap()), "{text}");
        };
        check("Fri, 20 Nov 2026 10:00:00 +0900 (JST)", Some("2026-11-20T01:00:00Z"));
        check("Mon, 20 Nov 2026 10:00 +0900", Some("2026-11-20T01:00:00Z"));
        check("20 Nov 2026\r\n 10:00:00 GMT", Some("2026-11-20T10:00:00Z"));
        check("Fri, 20 Nov 2026 9:05:00 +09:00", Some("2026-11-20T00:05:00Z"));
        check("金, 20 Nov 26 10:00:00.123 +0900 JST", Some("2026-11-20T01:00:00Z"));
        check("2026/11/20", None);
        check("20 Nov 2026 25:00:00 +0900", None);
    }

    #[test]
    fn reads_ids() {
        assert_eq!(bracketed(b"<a@b>\r\n <c@d><>, x <e\r\n @f>"), ["a@b", "c@d", "e@f"]);
        assert_eq!(message_id(b"a@b"), Some("a@b".into()));
        assert_eq!(message_id(b"<>"), None);
    }
}

//! A reply becomes the bytes of a mail: every header field an answer of a robot needs, and nothing it must not have.
//!
//! No `Cc`, `Reply-To` or `Precedence`: the answer goes to one person, comes back to the desk, and is not bulk mail.
//! Everything that came from outside passes [`clean`], [`usable_id`] or [`plain_address`] first, so no text of a
//! customer can begin a header field.

use jiff::Zoned;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::MimePart;

use super::is_plain_address_char;
use crate::triage::decision::Reply;
use crate::triage::inquiry::Mailbox;

/// Longer subjects are cut and end in `…` (characters).
const LONGEST_SUBJECT: usize = 256;
/// Longer display names, too: they are not folded, and a line has 998 bytes.
const LONGEST_NAME: usize = 128;
/// Longest id that fits with `X-Madoguchi-Loop: <…>` into a line of 998 bytes (RFC 5322 §2.1.1).
const LONGEST_ID: usize = 978;
/// `References` keeps the first id, the thread's root, and this many of the last.
const LAST_REFERENCES: usize = 20;
/// No receipts, out-of-office or other automatic answers to an automatic answer; bounces stay wanted, so not `All`.
const SUPPRESS: &str = "DR, OOF, AutoReply, RN, NRN";

/// Writes the whole mail. `from` is the desk's own address; the offset of `date` is what the customer sees.
///
/// The same arguments give the same bytes, so that a mail sent again is the same mail.
pub fn compose(reply: &Reply, from: &Mailbox, date: &Zoned) -> Vec<u8> {
    headers(reply, from, date, "auto-replied").text_body(body(&reply.body)).write_to_vec().unwrap_or_default()
}

/// Writes a mail to staff: nobody's question is answered by it.
pub fn compose_alert(reply: &Reply, from: &Mailbox, date: &Zoned) -> Vec<u8> {
    headers(reply, from, date, "auto-generated").text_body(body(&reply.body)).write_to_vec().unwrap_or_default()
}

/// Writes a mail that passes `original` on, whole and unchanged (RFC 2046 §5.2.1: not encoded), with the reply's words
/// in front.
pub fn compose_forward(reply: &Reply, original: &[u8], from: &Mailbox, date: &Zoned) -> Vec<u8> {
    let encoding = if original.is_ascii() { "7bit" } else { "8bit" };
    let attached = MimePart::new("message/rfc822", with_crlf(original)).transfer_encoding(encoding);
    let parts = vec![MimePart::new("text/plain", body(&reply.body)), attached];
    // Our ids are signed, so nobody can write this line into a mail before.
    let boundary = own_id(&reply.message_id).replace('@', "_");
    let kind = ContentType::new("multipart/mixed").attribute("boundary", boundary);
    let mail = headers(reply, from, date, "auto-generated").body(MimePart::new(kind, parts));
    mail.write_to_vec().unwrap_or_default()
}

/// Line ends as mail wants them: a Maildir has bare LF.
fn with_crlf(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + raw.len() / 32);
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.strip_suffix(b"\n").map(|bare| bare.strip_suffix(b"\r").unwrap_or(bare));
        out.extend_from_slice(bare.unwrap_or(line));
        if bare.is_some() {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

/// `kind`: of `Auto-Submitted` (RFC 3834 §5).
fn headers(reply: &Reply, from: &Mailbox, date: &Zoned, kind: &'static str) -> MessageBuilder<'static> {
    let id = own_id(&reply.message_id);
    let mut mail = MessageBuilder::new()
        .from(address(from))
        .to(address(&reply.to))
        .subject(subject(&reply.subject))
        .header("Date", Raw::new(rfc5322_date(date)))
        .message_id(id.clone());
    if let Some(parent) = reply.in_reply_to.as_deref().filter(|id| usable_id(id)) {
        mail = mail.in_reply_to(parent.to_owned());
    }
    let references = references(&reply.references);
    if !references.is_empty() {
        mail = mail.references(references);
    }
    mail.header("Auto-Submitted", Raw::new(kind))
        .header("X-Auto-Response-Suppress", Raw::new(SUPPRESS))
        .header("X-Madoguchi-Loop", MessageId::new(id))
}

fn address(mailbox: &Mailbox) -> Address<'static> {
    let name = shortened(clean(&mailbox.name), LONGEST_NAME);
    Address::new_address((!name.is_empty()).then_some(name), plain_address(&mailbox.address))
}

/// The address without what could end it early. Such an address is refused when sending
/// ([`super::is_plain_address`]): here it only must do no harm.
fn plain_address(address: &str) -> String {
    address.chars().filter(|c| is_plain_address_char(*c)).collect()
}

fn subject(text: &str) -> String {
    shortened(clean(text), LONGEST_SUBJECT)
}

fn shortened(text: String, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// One line with single blanks: controls and line separators count as blanks, and nothing is left that a reader
/// would take for an encoded word of RFC 2047 and decode to something else. Readers join folded lines with one
/// blank, so a run of them would not come back the same.
fn clean(text: &str) -> String {
    let blank = |c: char| c == ' ' || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let words: Vec<&str> = text.split(blank).filter(|word| !word.is_empty()).collect();
    words.join(" ").replace("=?", "= ?")
}

/// Ids are copied byte for byte, or not at all: a changed id would thread with nothing.
fn usable_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(is_id_byte)
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'<' && byte != b'>'
}

/// Our own id cannot be left out, so what does not belong in it goes.
fn own_id(id: &str) -> String {
    id.bytes().filter(|byte| is_id_byte(*byte)).take(LONGEST_ID).map(char::from).collect()
}

fn references(ids: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = ids.iter().filter(|id| usable_id(id)).cloned().collect();
    if ids.len() > LAST_REFERENCES + 1 {
        ids.drain(1..ids.len() - LAST_REFERENCES);
    }
    ids
}

/// RFC 5322 §3.3 with the offset of the given zone. A year beyond 9999 cannot be written; the field is then empty.
fn rfc5322_date(date: &Zoned) -> String {
    jiff::fmt::rfc2822::to_string(date).unwrap_or_default()
}

/// Line ends as mail wants them, before encoding (base64 would keep a bare LF), also at the end of the last line.
fn body(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests;

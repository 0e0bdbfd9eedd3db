//! Reports that a mail of ours came back, tied to that mail by an id that only we can make.
//!
//! Which mail: the tag of the envelope sender it went out with, else our Message-ID in the returned part. Both are signed
//! ([`super::message_id`]), so a report about a mail we never sent is none. What became of it: the fields of RFC 3464,
//! else, from a mail system's own address, the first status in its words. Delays and receipts are no bounces.

use super::gate::address::addresses;
use super::gate::is_mail_system;
use super::inquiry::Inquiry;
use super::message_id;

/// A report is short; of a longer one only so much is looked at (bytes).
const LOOKED_AT: usize = 64 * 1024;
/// Fields that name whom a mail was delivered to.
const DELIVERED_TO: &[&str] = &["To", "Delivered-To", "X-Original-To", "Envelope-To"];

/// A mail of ours that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounce {
    /// Of our mail, without angle brackets.
    pub message_id: String,
    /// Enhanced status (RFC 3463) or SMTP code: `5.1.1`, `550`; none if the report names none.
    pub status: Option<String>,
}

impl Bounce {
    /// The address or the mail was refused for good, so that another mail would come back, too.
    pub fn is_permanent(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.starts_with('5'))
    }

    /// For notes and lists.
    pub fn reason(&self) -> String {
        format!("came back: {}", self.status.as_deref().unwrap_or("no status named"))
    }
}

/// What this mail reports about one of ours, if it does.
pub fn bounce(raw: &[u8], inquiry: &Inquiry, secret: &[u8]) -> Option<Bounce> {
    if !is_report(inquiry) && !inquiry.from.iter().any(|from| is_mail_system(&from.address)) {
        return None;
    }
    let text = String::from_utf8_lossy(&raw[..raw.len().min(LOOKED_AT)]).replace("\r\n", "\n");
    let body = text.split_once("\n\n").map_or("", |(_, body)| body);
    let returned = ids(body).find(|(_, id)| message_id::is_ours(id, secret));
    let told = returned.map_or(body, |(at, _)| &body[..at]);
    let message_id = tagged(inquiry, secret).or(returned.map(|(_, id)| id.to_owned()))?;
    let status = match actions(body) {
        Actions::Failed => fields(body, "status").find_map(status_in),
        Actions::Other => return None,
        Actions::None => Some(told.lines().find_map(status_in)?),
    };
    Some(Bounce { message_id, status })
}

/// RFC 3464 §2: only the top of a mail says what it is; further down a customer may have attached one.
fn is_report(inquiry: &Inquiry) -> bool {
    let top = inquiry.parts.first().is_some_and(|part| part.content_type == "multipart/report");
    top && inquiry.parts.iter().any(|part| part.content_type.ends_with("delivery-status"))
}

/// `bounce+r.<token>.<signature>@desk.example`, as [`message_id::tagged`] makes it: our Message-ID without its domain,
/// which is the desk's own.
fn tagged(inquiry: &Inquiry, secret: &[u8]) -> Option<String> {
    let fields = DELIVERED_TO.iter().flat_map(|name| inquiry.header(name)).flat_map(addresses);
    fields.filter_map(|address| message_id::of_tagged(&address)).find(|id| message_id::is_ours(id, secret))
}

/// The `Message-ID` fields of returned mails, with their places; not `References`, which name our earlier mails.
fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    const FIELD: &str = "message-id:";
    let ends = text.char_indices().map(|(at, _)| at + FIELD.len());
    let named = ends.filter(|end| text.get(end - FIELD.len()..*end).is_some_and(|f| f.eq_ignore_ascii_case(FIELD)));
    named.filter_map(|end| Some((end, text[end..].trim_start().strip_prefix('<')?.split_once('>')?.0)))
}

enum Actions {
    Failed,
    /// Delayed, delivered, relayed, expanded.
    Other,
    None,
}

/// RFC 3464 §2.3.3
fn actions(body: &str) -> Actions {
    let all: Vec<String> = fields(body, "action").map(str::to_ascii_lowercase).collect();
    match () {
        () if all.is_empty() => Actions::None,
        () if all.iter().any(|action| action.starts_with("failed")) => Actions::Failed,
        () => Actions::Other,
    }
}

fn fields<'a>(body: &'a str, name: &'static str) -> impl Iterator<Item = &'a str> {
    let named = move |line: &'a str| line.split_once(':').filter(|(field, _)| field.eq_ignore_ascii_case(name));
    body.lines().filter_map(move |line| Some(named(line)?.1.trim()))
}

/// `5.1.1`, or the code of an SMTP answer.
fn status_in(line: &str) -> Option<String> {
    let mut words = line.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    let enhanced = words.clone().find(|word| is_enhanced(word));
    let code = words.find(|word| word.len() == 3 && is_code(word));
    enhanced.or(code).map(str::to_owned)
}

/// RFC 3463 §2: class, subject, detail. Addresses of machines have four numbers.
fn is_enhanced(word: &str) -> bool {
    let numbers: Vec<&str> = word.split('.').collect();
    matches!(numbers.as_slice(), ["4" | "5", subject, detail]
        if [subject, detail].iter().all(|number| (1..=3).contains(&number.len())))
}

/// RFC 5321 §4.2.1: 4yz and 5yz, of which the second digit is 0 to 5.
fn is_code(word: &str) -> bool {
    let bytes = word.as_bytes();
    matches!(bytes, [b'4' | b'5', b'0'..=b'5', _]) && bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::read::read;

    const SECRET: &[u8] = b"key";

    fn ours() -> String {
        message_id::signed("0123456789abcdef01234567", "desk.example", SECRET)
    }

    /// The `status` of the bounce that `raw` is: none if it is none, "" without a status. `OURS` stands for our id.
    fn check(what: &str, raw: &str, expected: Option<&str>) {
        let raw = raw.replace("OURS", &ours()).replace("TAG", ours().split('@').next().unwrap()).replace('\n', "\r\n");
        let found = bounce(raw.as_bytes(), &read(raw.as_bytes(), raw.len() as u64, true), SECRET);
        assert!(found.iter().all(|bounce| bounce.message_id == ours()), "{what}: {found:?}");
        assert_eq!(found.map(|bounce| bounce.status.unwrap_or_default()).as_deref(), expected, "{what}");
    }

    fn report(to: &str, status: &str, returned: &str) -> String {
        format!(
            "From: Mail Delivery System <MAILER-DAEMON@mx.example>\nTo: {to}\nSubject: Undelivered Mail\n\
             MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n\
             --b\nContent-Type: text/plain\n\nsorry\n--b\nContent-Type: message/delivery-status\n\n\
             Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; taro@firm.example\n{status}\n\
             --b\nContent-Type: message/rfc822\n\n{returned}\n--b--\n"
        )
    }

    #[test]
    fn a_delivery_report_is_tied_to_our_mail_by_its_id_or_by_the_tag() {
        let (back, foreign) = ("Message-ID: <OURS>\nSubject: re\n\ntext", "Message-ID: <x@y.example>\n\ntext");
        let plain = "bounce@desk.example";
        let failed = "Action: failed\nStatus: 5.1.1";
        check("our id", &report(plain, failed, back), Some("5.1.1"));
        check("the tag", &report("bounce+TAG@desk.example", failed, foreign), Some("5.1.1"));
        let thread = "References: <OTHER>\nMessage-ID:\n <OURS>\n\ntext"
            .replace("OTHER", &message_id::signed("00", "d", SECRET));
        check("a thread of ours", &report(plain, failed, &thread), Some("5.1.1"));
        check("not ours", &report(plain, failed, foreign), None);
        check("forged", &report(plain, failed, &back.replace("OURS", "r.00.11@desk.example")), None);
        check("delayed", &report(plain, "Action: delayed\nStatus: 4.4.1", back), None);
        check("expired", &report(plain, "action: Failed\nstatus: 4.4.7", back), Some("4.4.7"));
        check("delivered", &report(plain, "Action: delivered\nStatus: 2.0.0", back), None);
        check("without status", &report(plain, "Action: failed", back), Some(""));
    }

    #[test]
    fn a_mail_system_without_reports_is_understood_by_its_words() {
        let said = |from: &str, words: &str| {
            format!("From: {from}\nTo: bounce@desk.example\nSubject: failure notice\n\n{words}\n\nMessage-ID: <OURS>\n")
        };
        let daemon = "MAILER-DAEMON@mx.example";
        check("qmail", &said(daemon, "Sorry, no mailbox here by that name. (#5.1.1)"), Some("5.1.1"));
        check("SMTP answer", &said(daemon, "<<< 550 Unknown user"), Some("550"));
        check("postmaster", &said("postmaster@mx.example", "host mx[192.0.2.5] said: 452 full"), Some("452"));
        check("no status", &said(daemon, "delayed for 24 hours by 5.1.1.1"), None);
        check("a customer", &said("taro@firm.example", "550 5.1.1 と表示されます"), None);
    }

    #[test]
    fn a_status_below_the_returned_id_is_the_mails_own_text() {
        let raw = "From: MAILER-DAEMON@mx.example\nTo: b@desk.example\n\nMessage-ID: <OURS>\n\n550 5.1.1\n";
        check("below", raw, None);
    }

    #[test]
    fn only_the_fifth_class_is_permanent() {
        for (status, permanent) in [(Some("5.1.1"), true), (Some("550"), true), (Some("4.4.7"), false), (None, false)] {
            let bounce = Bounce { message_id: ours(), status: status.map(str::to_owned) };
            assert_eq!(bounce.is_permanent(), permanent, "{status:?}");
        }
    }
}

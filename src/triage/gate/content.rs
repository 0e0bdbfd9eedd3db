//! Rules about what the mail carries: MIME parts and text (R4, R17, R27, R28).

use std::borrow::Cow;

use super::subject::normalised_lines;
use super::{Facts, Finding, human, password, sink};
use crate::triage::inquiry::{Inquiry, Part, SectionKind};
use crate::triage::word_set::WordSet;

/// How much of the text R28 looks at, in bytes.
const LOOKED_AT: usize = 4096;
/// Robots say what they are in the first or last lines.
const FIRST_LINES: usize = 3;
const LAST_LINES: usize = 6;

/// Types of delivery reports, read receipts and complaints (RFC 3464, 8098, 5965).
const REPORT_TYPES: &[&str] = &[
    "message/delivery-status",
    "message/global-delivery-status",
    "message/disposition-notification",
    "message/global-disposition-notification",
    "message/feedback-report",
];
const ENCRYPTED_TYPES: &[&str] =
    &["multipart/encrypted", "application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"];
const TNEF_TYPES: &[&str] = &["application/ms-tnef", "application/vnd.ms-tnef"];
const MEETING_METHODS: &[&str] = &["request", "reply", "cancel", "counter"];

/// Beginnings of lines in delivery reports, lower case.
const REPORT_LINES: &[&str] = &["reporting-mta:", "final-recipient:", "diagnostic-code:", "<<< 5"];
/// Phrases of delivery reports, lower case.
const REPORT_PHRASES: &[&str] = &["this is the qmail-send program", "permanent fatal errors"];
/// A line about this very mail …
static THIS_MAIL: WordSet = WordSet::of(&[
    "このメール",
    "本メール",
    "当メール",
    "こちらのメール",
    "このeメール",
    "本eメール",
    "このアドレス",
    "本アドレス",
    "当アドレス",
    "こちらのアドレス",
    "このメッセージ",
    "本メッセージ",
]);
/// … that says: do not answer. NFKC, lower case, without blanks.
static DO_NOT_ANSWER: WordSet = WordSet::of(&[
    "送信専用アドレス",
    "送信専用のアドレス",
    "送信専用メール",
    "送信専用のメール",
    "返信できません",
    "返信はできません",
    "返信することはできません",
    "返信いただいても",
    "返信しないで",
    "返信はご遠慮",
    "自動送信",
    "自動配信",
    "自動的に生成",
    "自動的に送信",
    "自動的に配信",
    "自動で送信",
    "自動で配信",
]);
/// The same, clear without a word for the mail.
static DO_NOT_ANSWER_ALONE: WordSet = WordSet::of(&[
    "送信専用です",
    "送信専用のため",
    "送信専用となっ",
    "送信専用にな",
    "送信専用アドレスです",
    "送信専用アドレスのため",
    "送信専用メールアドレスです",
    "送信専用メールアドレスのため",
    "donotreplytothis",
    "pleasedonotreply",
    "automaticallygenerated",
    "thisisanautomated",
]);
static DOWNLOAD_LIMITS: WordSet = WordSet::of(&[
    "ダウンロード期限",
    "ダウンロード有効期限",
    "ダウンロード可能期間",
    "ダウンロード回数",
    "ダウンロード可能回数",
]);

/// R4: a report is sunk if it is the mail. Further down it may be what a customer asks about, in an attached mail:
/// a person looks.
pub fn report(facts: &Facts) -> Finding {
    let is_report = |part: &&Part| REPORT_TYPES.contains(&part.content_type.as_str());
    let (top, below) = facts.inquiry.parts.split_first()?;
    if top.content_type == "multipart/report" || is_report(&top) {
        return Some(sink(top.content_type.clone()));
    }
    below.iter().find(is_report).map(|part| human(format!("{} in another part", part.content_type)))
}

/// R17: nothing here that a robot could answer.
pub fn no_inquiry(facts: &Facts) -> Finding {
    let inquiry = facts.inquiry;
    let of_type = |types: &[&str]| inquiry.parts.iter().find(|part| types.contains(&part.content_type.as_str()));
    if let Some(method) = inquiry.parts.iter().find_map(meeting_method) {
        return Some(human(format!("text/calendar; method={method}")));
    }
    if let Some(part) = of_type(ENCRYPTED_TYPES) {
        return Some(human(part.content_type.clone()));
    }
    if inquiry.text.trim_start().starts_with("-----BEGIN PGP MESSAGE-----") {
        return Some(human("PGP message"));
    }
    if !inquiry.text.trim().is_empty() {
        return None;
    }
    match of_type(TNEF_TYPES) {
        Some(part) => Some(human(part.content_type.clone())),
        // The subject alone is a usual short inquiry, if the body is really empty and not merely unreadable.
        None if has_text_part(inquiry) && !inquiry.subject.trim().is_empty() => None,
        None => Some(human("empty body")),
    }
}

fn meeting_method(part: &Part) -> Option<String> {
    let method = part.params.iter().find(|(name, _)| name == "method")?.1.to_ascii_lowercase();
    (part.content_type == "text/calendar" && MEETING_METHODS.contains(&method.as_str())).then_some(method)
}

/// Without any MIME part a mail is text (RFC 2045 §5.2).
fn has_text_part(inquiry: &Inquiry) -> bool {
    let is_text = |part: &Part| part.content_type.starts_with("text/") && part.content_type != "text/calendar";
    inquiry.parts.is_empty() || inquiry.parts.iter().any(is_text)
}

/// R27: nobody decides by rules what cannot be read.
pub fn unreadable(facts: &Facts) -> Finding {
    let inquiry = facts.inquiry;
    let spoiled = inquiry.oddities.iter().find(|oddity| oddity.serious || oddity.code == "garbled");
    if let Some(oddity) = spoiled {
        return Some(human(oddity.code.clone()));
    }
    let empty = inquiry.text.trim().is_empty() && inquiry.subject.trim().is_empty();
    empty.then(|| human("no text and no subject"))
}

/// R28: a robot's text. Customers paste such text too, so this alone never sinks a mail.
pub fn robot_text(facts: &Facts) -> Finding {
    let beginning = facts.text.beginning.as_str();
    report_line(beginning)
        .or_else(|| do_not_answer(&facts.text))
        .or_else(|| second_mail(beginning))
        .map(|what| human(format!("text: {what}")))
}

/// What the sender wrote, where robots say what they are.
#[derive(Debug)]
pub struct OwnText {
    whole: String,
    /// Lines of the first [`LOOKED_AT`] bytes that are not blank, as phrases are compared with them.
    pub(super) beginning: String,
}

impl OwnText {
    pub fn of(inquiry: &Inquiry) -> OwnText {
        let whole = own_text(inquiry);
        OwnText { beginning: normalised_lines(head(&whole)), whole }
    }

    /// All lines that are not blank, as phrases are compared with them.
    fn lines(&self) -> Cow<'_, str> {
        match self.whole.len() > LOOKED_AT {
            true => Cow::Owned(normalised_lines(&self.whole)),
            false => Cow::Borrowed(&self.beginning),
        }
    }
}

fn report_line(text: &str) -> Option<&'static str> {
    let begins = |line: &str| REPORT_LINES.iter().find(|word| line.starts_with(**word)).copied();
    text.lines().find_map(begins).or_else(|| REPORT_PHRASES.iter().find(|phrase| text.contains(**phrase)).copied())
}

/// 「このメールは送信専用です」
fn do_not_answer(text: &OwnText) -> Option<&'static str> {
    let text = text.lines();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.len().saturating_sub(LAST_LINES).max(FIRST_LINES);
    let edges = lines.iter().take(FIRST_LINES).chain(lines.iter().skip(last)).copied();
    edges.map(|line| line.replace(' ', "")).find_map(|line| {
        let said = DO_NOT_ANSWER.first_in(&line).filter(|_| THIS_MAIL.is_in(&line));
        said.or_else(|| DO_NOT_ANSWER_ALONE.first_in(&line))
    })
}

/// A password for the attachment of the mail before, or a file to fetch: no new inquiry. Never shows the password.
fn second_mail(text: &str) -> Option<&'static str> {
    if password::in_text(text) {
        return Some("password of an attachment");
    }
    let link = || text.contains("http://") || text.contains("https://");
    (link() && DOWNLOAD_LIMITS.is_in(text)).then_some("file to fetch")
}

/// What is not quoted or forwarded, nor put around it by a web form of ours; all of it if the text was not cut into
/// sections.
fn own_text(inquiry: &Inquiry) -> String {
    if inquiry.sections.is_empty() {
        return inquiry.text.clone();
    }
    let own = |kind| match kind {
        SectionKind::Quoted | SectionKind::Forwarded => false,
        SectionKind::Banner => inquiry.form.is_none(),
        _ => true,
    };
    let sections = inquiry.sections.iter().filter(|s| own(s.kind));
    sections.map(|s| inquiry.section_text(s)).collect::<Vec<_>>().concat()
}

/// The first [`LOOKED_AT`] bytes, cut on a character border.
fn head(text: &str) -> &str {
    let end = (0..=LOOKED_AT.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

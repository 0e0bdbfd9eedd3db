//! Mail of web forms: the form's host sends it, a customer wrote it. Only forms that the desk lists are opened.
//!
//! Anybody can type anybody's address into a form, and any text. So the customer counts as not proved, whatever the
//! form's own proof is: the answer is the neutral acknowledgement at most, and nothing that was typed (name, subject,
//! question) goes back out with it. A form mail that is not what its rule describes is left to staff.

use std::borrow::Cow;
use std::ops::Range;

use super::auth;
use super::context::{Context, DeskProfile};
use super::decision::AuthLevel;
use super::gate::address::is_plausible;
use super::inquiry::{FormMail, Inquiry, Mailbox, Oddity, Section, SectionKind};
use super::sections::{self, Hints};

/// A form whose mail is opened: `[[desk.forms]]`. Labels are as they stand in the mail, without marks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRule {
    /// Who sends the form's mail, lower case.
    pub from: String,
    pub address: AddressPlace,
    pub name: Option<String>,
    pub company: Option<String>,
    pub subject: Option<String>,
    /// Label of the question.
    pub body: String,
    /// Further labels: where one stands, the value before it ends.
    pub others: Vec<String>,
}

/// Where the customer's address stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressPlace {
    ReplyTo,
    /// In the text, under this label.
    Label(String),
}

/// Codes of the oddities of form mail that is left to staff.
pub const UNPROVED: &str = "form-unproved";
pub const UNREADABLE: &str = "form-unreadable";

/// Longest name that is kept, in characters.
const MAX_NAME: usize = 100;
/// What people put around and before labels: 【お名前】, ■お名前, [お名前].
const OPENING: &[char] =
    &['【', '■', '□', '◆', '◇', '●', '○', '・', '*', '＊', '▼', '▽', '※', '[', '［', '<', '＜', '「', '〔', '-', '#'];
const CLOSING: &[char] = &['】', ']', '］', '>', '＞', '」', '〕', '*', '＊'];
const SEPARATORS: &[char] = &[':', '：', '=', '＝', '|', '｜', '→', '⇒'];

/// The customer's inquiry, if a form of this desk sent the mail; any other mail as it is. Opening twice changes nothing.
pub fn opened<'a>(inquiry: &'a Inquiry, desk: &DeskProfile) -> Cow<'a, Inquiry> {
    let sender = inquiry.author().filter(|_| inquiry.form.is_none());
    let Some(sender) = sender else { return Cow::Borrowed(inquiry) };
    // One host may send the mail of several forms.
    let rules: Vec<&FormRule> =
        desk.forms.iter().filter(|rule| rule.from.eq_ignore_ascii_case(&sender.address)).collect();
    if rules.is_empty() {
        return Cow::Borrowed(inquiry);
    }
    let (level, proof) = auth::level(inquiry, &desk.border, None);
    let proof = format!("web form of {}: {proof}", sender.domain());
    let form = FormMail { sender: sender.clone(), subject: inquiry.subject.clone(), proof };
    let read =
        if desk.authentication.met_by(level) { first_that_fits(inquiry, &rules) } else { Err(Unread::NotProved) };
    let outside = Inquiry { form: Some(form), ..inquiry.clone() };
    Cow::Owned(match read {
        Ok(typed) => typed.into_inquiry(outside),
        Err(why) => unread(outside, why),
    })
}

/// [`opened`] for who has no use for the mail around it: a mail that is no form's is not copied.
pub fn open(inquiry: Inquiry, desk: &DeskProfile) -> Inquiry {
    if let Cow::Owned(inner) = opened(&inquiry, desk) {
        return inner;
    }
    inquiry
}

/// How far the author is proved; of what was typed into a form, nothing is.
pub fn author_level(inquiry: &Inquiry, ctx: &Context) -> (AuthLevel, String) {
    match &inquiry.form {
        Some(form) => (AuthLevel::None, form.proof.clone()),
        None => auth::level(inquiry, &ctx.desk.border, ctx.seen.dkim.as_deref()),
    }
}

/// Why a form's mail is left to staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unread {
    NotProved,
    NoAddress,
    NoQuestion,
    LabelTwice,
}

fn unread(outside: Inquiry, why: Unread) -> Inquiry {
    let (code, detail) = match why {
        Unread::NotProved => (UNPROVED, "the sender names a web form of this desk, and that is not proved"),
        Unread::NoAddress => (UNREADABLE, "the web form's mail has no single usable address"),
        Unread::NoQuestion => (UNREADABLE, "the web form's mail has no question under its label"),
        Unread::LabelTwice => (UNREADABLE, "a label of the web form stands there twice"),
    };
    let mut inquiry = outside;
    inquiry.oddities.push(Oddity { code: code.into(), detail: detail.into(), serious: true });
    inquiry
}

/// What the customer typed.
struct Typed {
    author: Mailbox,
    subject: String,
    /// Of the question within the text.
    question: Range<usize>,
}

impl Typed {
    fn into_inquiry(self, outside: Inquiry) -> Inquiry {
        let sections = around(&outside.text, self.question);
        let (sender, reply_to) = (Vec::new(), Vec::new());
        Inquiry { from: vec![self.author], subject: self.subject, sender, reply_to, sections, ..outside }
    }
}

fn first_that_fits(inquiry: &Inquiry, rules: &[&FormRule]) -> Result<Typed, Unread> {
    let mut read = rules.iter().map(|rule| typed(inquiry, rule));
    let first = read.next().unwrap_or(Err(Unread::NoQuestion));
    first.or_else(|why| read.find_map(Result::ok).ok_or(why))
}

fn typed(inquiry: &Inquiry, rule: &FormRule) -> Result<Typed, Unread> {
    let fields = Fields::of(&inquiry.text, rule);
    let optional = |label: &Option<String>| match label {
        Some(label) => fields.line(label).map(|line| line.unwrap_or_default()),
        None => Ok(""),
    };
    let (company, name, subject) = (optional(&rule.company)?, optional(&rule.name)?, optional(&rule.subject)?);
    let address = match (&rule.address, inquiry.reply_to.as_slice()) {
        (AddressPlace::Label(label), _) => fields.line(label)?.map(bare_address),
        (AddressPlace::ReplyTo, [only]) => Some(only.address.as_str()),
        (AddressPlace::ReplyTo, _) => None,
    };
    // Words that follow without a blank would pass for a part of a Japanese domain.
    let address = address.filter(|address| address.is_ascii() && is_plausible(address)).ok_or(Unread::NoAddress)?;
    let question = fields.value(&rule.body)?.ok_or(Unread::NoQuestion)?;
    if inquiry.text[question.clone()].trim().is_empty() {
        return Err(Unread::NoQuestion);
    }
    let name = one_line(&format!("{company} {name}")).chars().take(MAX_NAME).collect();
    Ok(Typed { author: Mailbox { name, address: address.into() }, subject: one_line(subject), question })
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Some mail programs write `a@b<mailto:a@b>`.
fn bare_address(value: &str) -> &str {
    let value = value.split("<mailto:").next().unwrap_or(value).trim();
    value.strip_prefix('<').and_then(|v| v.strip_suffix('>')).unwrap_or(value)
}

/// The labels that stand in a text, each at the beginning of a line.
struct Fields<'t> {
    text: &'t str,
    marks: Vec<Mark<'t>>,
}

struct Mark<'t> {
    label: &'t str,
    /// Byte offset of its line.
    start: usize,
    /// Byte offset behind label and separator.
    value: usize,
}

impl<'t> Fields<'t> {
    fn of(text: &'t str, rule: &'t FormRule) -> Fields<'t> {
        let optional = [&rule.name, &rule.company, &rule.subject].into_iter().flatten();
        let mut labels: Vec<&str> = optional.chain(&rule.others).chain([&rule.body]).map(String::as_str).collect();
        if let AddressPlace::Label(label) = &rule.address {
            labels.push(label);
        }
        let (mut marks, mut start) = (Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let found = labels.iter().find_map(|label| Some((*label, value_start(line, label)?)));
            marks.extend(found.map(|(label, value)| Mark { label, start, value: start + value }));
            start += line.len();
        }
        Fields { text, marks }
    }

    /// From behind the label up to the next label or the end. Nobody can tell a label that the form wrote from one
    /// that a customer wrote into his question, so none may stand there twice.
    fn value(&self, label: &str) -> Result<Option<Range<usize>>, Unread> {
        let mut found = self.marks.iter().enumerate().filter(|(_, mark)| mark.label == label);
        let Some((index, mark)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(Unread::LabelTwice);
        }
        let end = self.marks.get(index + 1).map_or(self.text.len(), |next| next.start);
        Ok(Some(mark.value..end))
    }

    /// The first line of a value that says something.
    fn line(&self, label: &str) -> Result<Option<&'t str>, Unread> {
        let value = self.value(label)?.map(|range| &self.text[range]);
        Ok(value.and_then(|value| value.lines().map(str::trim).find(|line| !line.is_empty())))
    }
}

/// Where the value begins in `【label】value`, `label：value`, `■label`, `label<tab>value`; none if the line does not
/// begin with the label.
fn value_start(line: &str, label: &str) -> Option<usize> {
    let bare = line.trim_start();
    let unmarked = bare.trim_start_matches(OPENING);
    let marked = unmarked.len() < bare.len();
    let rest = unmarked.trim_start().strip_prefix(label)?;
    let unclosed = if marked { rest.trim_start_matches(CLOSING) } else { rest };
    let value = unclosed.trim_start();
    let gap = &unclosed[..unclosed.len() - value.len()];
    if let Some(value) = value.strip_prefix(SEPARATORS) {
        return Some(line.len() - value.len());
    }
    let closed = unclosed.len() < rest.len();
    let column = gap.contains(['\t', '　']) || gap.chars().count() > 1;
    let fits = value.is_empty() || closed || column || (marked && !gap.is_empty());
    fits.then(|| line.len() - value.len())
}

/// The question's own sections; what the form put around it is a banner.
fn around(text: &str, question: Range<usize>) -> Vec<Section> {
    let offset = question.start;
    let inside = sections::split(&text[question.clone()], &Hints::default());
    let inside = inside.into_iter().map(|s| (s.kind, s.start + offset..s.end + offset));
    let before = (SectionKind::Banner, 0..question.start);
    let after = (SectionKind::Banner, question.end..text.len());
    let mut found: Vec<Section> = Vec::new();
    for (kind, range) in std::iter::once(before).chain(inside).chain([after]) {
        match found.last_mut() {
            Some(last) if last.kind == kind => last.end = range.end,
            _ if range.is_empty() => {}
            _ => found.push(Section { kind, start: range.start, end: range.end }),
        }
    }
    found
}

#[cfg(test)]
mod tests;

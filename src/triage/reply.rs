//! What we say: templates rendered with strict variables, and the headers that tie an answer to its question.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::classify::is_english;
use super::context::{Context, Department};
use super::decision::{Reply, Route};
use super::inquiry::{Inquiry, Mailbox};
use super::pack::{Clause, ClauseKind, Link};
use super::rulebook::RulebookError;
use super::sentence::subject_start;

/// Instructions a template may take: a loop that never ends is a mistake, not a reason to stand still.
const FUEL: u64 = 100_000;
/// RFC 5322 §2.1.1 allows 998 characters a line; longer subjects help nobody.
const SUBJECT_CHARS: usize = 256;
/// Message-IDs longer than this are not repeated (RFC 5322 §2.1.1).
const ID_BYTES: usize = 900;

/// The parsed templates of a pack.
pub struct Templates {
    environment: Environment<'static>,
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// Everything a template may use; nothing else exists (docs/rules.md lists it).
#[derive(Debug, Clone, Serialize)]
pub struct Variables<'a> {
    pub desk_name: &'a str,
    pub signature: &'a str,
    pub pack_name: &'a str,
    /// The customer's subject, "" if none.
    pub subject: &'a str,
    pub parts: Vec<PartText<'a>>,
    /// 「11月24日(火) 10:00」, or none while the desk is open.
    pub opening: Option<String>,
    pub partner: Option<PartnerText<'a>>,
    pub reference: Option<&'a str>,
    /// The customer writes English.
    pub english: bool,
}

/// One matter of the mail and what we say about it.
#[derive(Debug, Clone, Serialize)]
pub struct PartText<'a> {
    pub clause: &'a str,
    pub title: &'a str,
    /// `in-scope` or `out-of-scope`.
    pub kind: &'static str,
    pub text: String,
    pub links: Vec<LinkText<'a>>,
    pub department: Option<DepartmentText<'a>>,
}

#[derive(Debug, Clone, Serialize)]
pub struct LinkText<'a> {
    pub title: &'a str,
    pub url: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct DepartmentText<'a> {
    pub name: &'a str,
    pub contact: &'a str,
}

#[derive(Debug, Clone, Serialize)]
pub struct PartnerText<'a> {
    pub name: &'a str,
    pub contact: &'a str,
    pub phone_support: bool,
}

impl Templates {
    pub fn compile(sources: &BTreeMap<String, String>) -> Result<Templates, RulebookError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        for (name, source) in sources {
            environment.add_template_owned(name.clone(), source.clone()).map_err(|e| refused(name, &e))?;
        }
        Ok(Templates { environment })
    }

    pub fn has(&self, name: &str) -> bool {
        self.environment.get_template(name).is_ok()
    }

    /// Renders a template; the error names template and line, never the values.
    pub fn render(&self, name: &str, variables: &impl Serialize) -> Result<String, RulebookError> {
        let template = self.environment.get_template(name).map_err(|e| refused(name, &e))?;
        let text = template.render(Value::from(Serde(variables))).map_err(|e| refused(name, &e))?;
        Ok(tidy(&text))
    }
}

fn refused(name: &str, error: &minijinja::Error) -> RulebookError {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    RulebookError::Template { template: name.into(), reason: format!("{line}{}{detail}", error.kind()) }
}

/// No trailing spaces, at most one empty line in a row, one line end at the end.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() && empty {
            continue;
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    let kept = out.trim_end().len();
    out.truncate(kept);
    out.push('\n');
    out
}

/// Variables of the paragraph templates `parts/<clause>`.
#[derive(Serialize)]
struct PartVariables<'a> {
    title: &'a str,
    links: &'a [LinkText<'a>],
    department: Option<DepartmentText<'a>>,
    english: bool,
}

/// What an answer is made of, beyond the mail and its context.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    pub template: &'a str,
    pub to: Mailbox,
    /// Clauses it speaks about; empty for answers that say nothing about the matter.
    pub scopes: &'a [String],
    pub route: &'a Route,
    /// When to send; none: at once.
    pub at: Option<jiff::Timestamp>,
}

/// Builds an answer, complete but for its date.
pub fn compose(answer: Answer, inquiry: &Inquiry, ctx: &Context) -> Result<Reply, RulebookError> {
    let Answer { template, to, scopes, route, at } = answer;
    let english = is_english(inquiry);
    let pack = &ctx.rules.pack;
    let clauses = scopes.iter().filter_map(|id| pack.clause(id));
    let parts = clauses.map(|clause| part(clause, english, ctx)).collect::<Result<_, _>>()?;
    let variables = Variables {
        desk_name: &ctx.desk.name,
        signature: &ctx.desk.signature,
        pack_name: &pack.name,
        subject: &inquiry.subject,
        parts,
        opening: at.map(|at| pack.calendar.japanese(at)),
        partner: route.partner.as_deref().and_then(|id| partner(id, ctx)),
        reference: ctx.history.case.as_deref(),
        english,
    };
    let parent = inquiry.message_id.clone().filter(|id| usable_id(id));
    Ok(Reply {
        template: template.into(),
        to,
        at,
        subject: reply_subject(&inquiry.subject, english),
        body: ctx.rules.templates.render(template, &variables)?,
        message_id: our_message_id(inquiry, template, ctx),
        references: references(inquiry, parent.as_deref()),
        in_reply_to: parent,
    })
}

fn part<'a>(clause: &'a Clause, english: bool, ctx: &'a Context) -> Result<PartText<'a>, RulebookError> {
    let links: Vec<LinkText> = clause.links.iter().map(|Link { title, url }| LinkText { title, url }).collect();
    let department = clause.department.as_ref().and_then(|key| ctx.desk.departments.get(key));
    let department = department.map(|Department { name, contact }| DepartmentText { name, contact });
    let variables = PartVariables { title: &clause.title, links: &links, department: department.clone(), english };
    let text = ctx.rules.templates.render(&format!("parts/{}", clause.id), &variables)?;
    let kind = if clause.kind == ClauseKind::InScope { "in-scope" } else { "out-of-scope" };
    Ok(PartText { clause: &clause.id, title: &clause.title, kind, text: text.trim_end().into(), links, department })
}

fn partner<'a>(id: &str, ctx: &'a Context) -> Option<PartnerText<'a>> {
    let partner = ctx.register.partner(id)?;
    Some(PartnerText { name: &partner.name, contact: &partner.contact, phone_support: partner.phone_support })
}

/// `Re: ` and the customer's subject without its own reply marks.
fn reply_subject(subject: &str, english: bool) -> String {
    let base = subject[subject_start(subject)..].trim();
    let base = match (base.is_empty(), english) {
        (true, true) => "Your inquiry",
        (true, false) => "お問い合わせの件",
        (false, _) => base,
    };
    let mut short: String = base.chars().filter(|c| !c.is_control()).take(SUBJECT_CHARS).collect();
    if base.chars().count() > SUBJECT_CHARS {
        short.push('…');
    }
    format!("Re: {short}")
}

/// An id that can stand in a header: printable ASCII without spaces and brackets, with an `@`.
fn usable_id(id: &str) -> bool {
    id.len() <= ID_BYTES && id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

/// RFC 5322 §3.6.4: the parent's References (else its single In-Reply-To), then the parent.
fn references(inquiry: &Inquiry, parent: Option<&str>) -> Vec<String> {
    let mut chain: Vec<String> = match (inquiry.references.is_empty(), inquiry.in_reply_to.as_slice()) {
        (false, _) => inquiry.references.clone(),
        (true, [only]) => vec![only.clone()],
        (true, _) => Vec::new(),
    };
    chain.extend(parent.map(str::to_string));
    chain.retain(|id| usable_id(id));
    chain
}

/// `r.<96 bits of the question's hash>.<64 bits of HMAC>@<desk's domain>`: the same question and template always
/// give the same id, and nobody else can make one.
fn our_message_id(inquiry: &Inquiry, template: &str, ctx: &Context) -> String {
    let mut hash = Sha256::new();
    for field in [ctx.desk.id.as_str(), template, &inquiry.text] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    for header in &inquiry.headers {
        hash.update(&header.name);
        hash.update(b":");
        hash.update(&header.raw);
        hash.update(b"\n");
    }
    let token = hex(&hash.finalize()[..12]);
    let domain = ctx.desk.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    format!("r.{token}.{}@{domain}", signature_of(&token, &ctx.desk.secret))
}

/// Is this a Message-ID that this installation issued? Checked by its HMAC, so it cannot be forged.
pub fn is_our_message_id(id: &str, secret: &[u8]) -> bool {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let Some((local, _)) = id.rsplit_once('@') else { return false };
    let mut pieces = local.split('.');
    match (pieces.next(), pieces.next(), pieces.next(), pieces.next()) {
        (Some("r"), Some(token), Some(signature), None) => signature == signature_of(token, secret),
        _ => false,
    }
}

fn signature_of(token: &str, secret: &[u8]) -> String {
    // HMAC takes keys of any length, so there is no error to meet here.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(token.as_bytes());
    hex(&mac.finalize().into_bytes()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_signed_with_our_secret_are_ours() {
        let id = format!("r.00ff.{}@desk.example", signature_of("00ff", b"key"));
        assert!(is_our_message_id(&id, b"key"));
        assert!(is_our_message_id(&format!("<{id}>"), b"key"));
        assert!(!is_our_message_id(&id, b"other"));
        assert!(!is_our_message_id("r.00ff.0011223344556677@desk.example", b"key"));
        assert!(!is_our_message_id("", b"key"));
    }

    #[test]
    fn a_reply_keeps_one_mark_and_no_control_characters() {
        let cases = [
            ("設定について", "Re: 設定について"),
            ("RE: Re：設定", "Re: 設定"),
            ("", "Re: お問い合わせの件"),
            ("a\r\nBcc: x", "Re: aBcc: x"),
        ];
        for (subject, expected) in cases {
            assert_eq!(reply_subject(subject, false), expected);
        }
        assert_eq!(reply_subject(&"長".repeat(300), false).chars().count(), 4 + SUBJECT_CHARS + 1);
    }

    #[test]
    fn references_hold_only_ids_that_fit_a_header() {
        let ids = ["a@b", "evil\r\nBcc: x@y", "no-at", "c@d"].map(String::from).to_vec();
        let inquiry = Inquiry { references: ids, ..Inquiry::default() };
        assert_eq!(references(&inquiry, Some("e@f")), ["a@b", "c@d", "e@f"]);
    }

    #[test]
    fn an_unknown_variable_is_an_error_with_its_line() {
        let sources = BTreeMap::from([("x".to_string(), "一行目\n{{ nobody }}".to_string())]);
        let templates = Templates::compile(&sources).unwrap();
        let error = templates.render("x", &BTreeMap::<String, String>::new()).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }

    #[test]
    fn tidy_leaves_single_empty_lines() {
        assert_eq!(tidy("\n\na  \n\n\n\nb\n\n"), "a\n\nb\n");
    }
}

//! Builds inquiries and contexts out of the cases' data, with a header parser of its own: the gate's tests must not
//! depend on how mail is read.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use madoguchi::triage::budget::Standing;
use madoguchi::triage::calendar::Calendar;
use madoguchi::triage::context::{Border, Context, DeskProfile, History, Seen};
use madoguchi::triage::inquiry::{Header, Inquiry, Mailbox, Oddity, Part, Section, SectionKind};
use madoguchi::triage::pack::{Pack, Thresholds};
use madoguchi::triage::products::Products;
use madoguchi::triage::register::Register;
use madoguchi::triage::rulebook::Rulebook;
use serde::Deserialize;

/// The moment of every decision: 2026-11-24 10:00 in Tokyo.
const NOW: Timestamp = Timestamp::constant(1_795_482_000, 0);
/// An ordinary mail; a case's own fields replace those of the same name.
const ORDINARY: &str = "\
Return-Path: <yamada@customer.example.jp>
Received: from mail.customer.example.jp by mx.desk.example; Tue, 24 Nov 2026 09:58:00 +0900
From: 山田 <yamada@customer.example.jp>
To: support@desk.example
Subject: 端末の登録について
Message-ID: <1@customer.example.jp>
Content-Type: text/plain; charset=utf-8
";

/// A mail, as far as a case cares.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// What must be true, in words.
    pub name: String,
    #[serde(default)]
    pub headers: String,
    /// Fields of the ordinary mail that this one lacks.
    #[serde(default)]
    without: Vec<String>,
    #[serde(default = "ordinary_text")]
    text: String,
    /// Older text, quoted below.
    #[serde(default)]
    quoted: String,
    /// Content types below the top: `text/calendar; method=REQUEST`.
    #[serde(default)]
    parts: Vec<String>,
    /// Codes; one with `!` is serious.
    #[serde(default)]
    oddities: Vec<String>,
    date: Option<Timestamp>,
}

/// What is known beyond the mail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    own: Option<Vec<String>>,
    mailbox: String,
    flags: Vec<String>,
    arrived: Option<Timestamp>,
    not_before: Option<Timestamp>,
    max_age_hours: Option<i64>,
    duplicate: bool,
    own_message: bool,
    answers_in_thread: u32,
    answers_to_sender: u32,
    answers_to_domain: u32,
    breaker_open: bool,
    bounced: bool,
}

fn ordinary_text() -> String {
    "お世話になっております。\n端末の登録方法を教えてください。\nよろしくお願いいたします。\n".into()
}

impl Mail {
    pub fn inquiry(&self) -> Inquiry {
        let bare = Inquiry { headers: self.all_headers(), complete: true, ..Inquiry::default() };
        let mailboxes = |name: &str| bare.header(name).flat_map(parse_mailboxes).collect::<Vec<_>>();
        let ids = |name: &str| bare.header(name).flat_map(str::split_whitespace).map(bare_id).collect::<Vec<_>>();
        let types = bare.header("Content-Type").take(1).chain(self.parts.iter().map(String::as_str));
        let end = self.text.len();
        let whole = Section { kind: SectionKind::Body, start: 0, end };
        let quoted = Section { kind: SectionKind::Quoted, start: end, end: end + self.quoted.len() };
        Inquiry {
            message_id: ids("Message-ID").into_iter().next(),
            in_reply_to: ids("In-Reply-To"),
            references: ids("References"),
            subject: bare.header("Subject").next().unwrap_or_default().to_string(),
            from: mailboxes("From"),
            sender: mailboxes("Sender"),
            reply_to: mailboxes("Reply-To"),
            to: mailboxes("To"),
            cc: mailboxes("Cc"),
            date: self.date,
            text: format!("{}{}", self.text, self.quoted),
            sections: if self.quoted.is_empty() { Vec::new() } else { vec![whole, quoted] },
            parts: types.map(parse_part).collect(),
            oddities: self.oddities.iter().map(|code| parse_oddity(code)).collect(),
            ..bare.clone()
        }
    }

    /// The case's fields on top, then what they leave of the ordinary mail's.
    fn all_headers(&self) -> Vec<Header> {
        let own = parse_headers(&self.headers);
        let gone = |header: &Header| {
            let same = |name: &str| name.eq_ignore_ascii_case(&header.name);
            own.iter().any(|h| same(&h.name)) || self.without.iter().any(|name| same(name))
        };
        let rest: Vec<Header> = parse_headers(ORDINARY).into_iter().filter(|header| !gone(header)).collect();
        own.into_iter().chain(rest).collect()
    }
}

fn parse_headers(text: &str) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some(last)) => last.raw = format!("{} {}", last.raw, line.trim()),
            _ => {
                let (name, raw) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
                headers.push(Header { name: name.into(), raw: raw.trim().into() });
            }
        }
    }
    headers
}

/// `name <address>, "name" <address>, address`
fn parse_mailboxes(raw: &str) -> Vec<Mailbox> {
    let mut quoted = false;
    let items = raw.split(|c: char| {
        quoted ^= c == '"';
        !quoted && matches!(c, ',' | ';')
    });
    items.map(str::trim).filter(|item| !item.is_empty() && !item.ends_with(':')).map(parse_mailbox).collect()
}

fn parse_mailbox(item: &str) -> Mailbox {
    match item.rsplit_once('<') {
        Some((name, rest)) => {
            Mailbox { name: name.trim().trim_matches('"').into(), address: rest.trim_end_matches('>').into() }
        }
        None => Mailbox { name: String::new(), address: item.into() },
    }
}

fn bare_id(id: &str) -> String {
    id.trim_matches(['<', '>']).to_string()
}

fn parse_part(raw: &str) -> Part {
    let mut items = raw.split(';').map(|item| item.trim().to_string());
    let content_type = items.next().unwrap_or_default().to_lowercase();
    let params = items.filter_map(|item| item.split_once('=').map(|(n, v)| (n.to_lowercase(), v.to_string())));
    Part { content_type, params: params.collect() }
}

fn parse_oddity(code: &str) -> Oddity {
    let serious = code.ends_with('!');
    Oddity { code: code.trim_end_matches('!').into(), detail: "case".into(), serious }
}

/// Calls `look` with the context of the case.
pub fn in_world<T>(world: &World, look: impl FnOnce(&Context) -> T) -> T {
    let own = world.own.clone().unwrap_or_else(|| vec!["support@desk.example".into(), "bounce@desk.example".into()]);
    let desk = DeskProfile {
        own_addresses: own.into(),
        border: Border { authserv: Some("mx.desk.example".into()), ..Border::default() },
        label_prefix: "mado-".into(),
        max_age: world.max_age_hours.map(SignedDuration::from_hours),
        secret: b"a secret of the tests".to_vec(),
        ..DeskProfile::default()
    };
    let seen = Seen {
        mailbox: world.mailbox.clone(),
        internal_date: world.arrived,
        flags: world.flags.clone(),
        not_before: world.not_before,
        dkim: None,
    };
    let history = History {
        duplicate: world.duplicate,
        own_message: world.own_message,
        answers_in_thread: world.answers_in_thread,
        standing: Standing {
            to_sender: world.answers_to_sender,
            to_domain: world.answers_to_domain,
            breaker_open: world.breaker_open,
            bounced: world.bounced,
        },
        ..History::default()
    };
    let (rules, register) = (Rulebook::compile(empty_pack().into()).unwrap(), Register::default());
    let (now, desk, receipt, notices, release) = (NOW, &desk, None, Vec::new(), None);
    let (rules, register) = (&rules, &register);
    look(&Context { now, desk, rules, register, seen, history, receipt, notices, outages: Vec::new(), release })
}

/// The gate knows nothing of clauses and rules.
fn empty_pack() -> Pack {
    Pack {
        id: "empty".into(),
        name: String::new(),
        version: "1".into(),
        effective: jiff::civil::date(2026, 1, 1),
        thresholds: Thresholds { scope: 1.0, margin: 1.0, conduct: 1.0 },
        folding: Default::default(),
        muted: Default::default(),
        clauses: Vec::new(),
        rules: Vec::new(),
        fitted: None,
        flows: Vec::new(),
        credit: None,
        needs: Vec::new(),
        figures: Vec::new(),
        urgent: Vec::new(),
        products: Products::default(),
        templates: BTreeMap::new(),
        hours: Calendar::of_week(TimeZone::UTC, Default::default()),
        hash: String::new(),
    }
}

use std::collections::BTreeSet;

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::*;

const FRIDAY: Date = Date::constant(2026, 11, 20);
const AUTHSERV: &str = "mx.desk.example";

fn specs() -> Vec<Spec> {
    toml::from_str::<File>(include_str!("mails.toml")).unwrap().mail
}

fn samples() -> Vec<SampleMail> {
    sample_mails(FRIDAY, AUTHSERV).unwrap()
}

/// Each mail with what was asked for.
fn pairs() -> Vec<(Spec, SampleMail)> {
    let mut samples = samples();
    let take = |spec: Spec| {
        let at = samples.iter().position(|sample| sample.name == spec.name).unwrap();
        (spec, samples.swap_remove(at))
    };
    specs().into_iter().map(take).collect()
}

fn parse(raw: &[u8]) -> Message<'_> {
    MessageParser::new().parse(raw).unwrap()
}

fn sample<'a>(samples: &'a [SampleMail], name: &str) -> &'a SampleMail {
    samples.iter().find(|sample| sample.name == name).unwrap()
}

fn text(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).into_owned()
}

fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let tokens = text.split(|c: char| !(c.is_ascii_alphanumeric() || "@.-_".contains(c)));
    tokens.filter(|token| token.contains('@'))
}

#[test]
fn a_whole_day_of_mails_in_order_of_arrival() {
    let samples = samples();
    assert!(samples.len() >= 34, "{}", samples.len());
    assert!(samples.is_sorted_by_key(|sample| sample.arrives));
    let names: BTreeSet<_> = samples.iter().map(|sample| &sample.name).collect();
    assert_eq!(names.len(), samples.len(), "names are unique");
    let plain = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    assert!(names.into_iter().all(plain), "names are fit for files");
}

#[test]
fn some_arrive_at_every_time_of_the_day() {
    let samples = samples();
    let next_day = Date::constant(2026, 11, 21);
    for (day, from, until, at_least) in [
        (FRIDAY, "00:00", "10:00", 4),
        (FRIDAY, "10:00", "11:45", 6),
        (FRIDAY, "11:45", "12:45", 3),
        (FRIDAY, "12:45", "18:00", 12),
        (FRIDAY, "18:00", "23:59", 3),
        (next_day, "00:00", "23:59", 2),
    ] {
        let (from, until): (Time, Time) = (from.parse().unwrap(), until.parse().unwrap());
        let here = |at: DateTime| at.date() == day && from <= at.time() && at.time() < until;
        let count = samples.iter().filter(|sample| here(sample.arrives)).count();
        assert!(count >= at_least, "{day} {from}: {count}");
    }
}

#[test]
fn subject_sender_and_body_decode_to_what_was_written() {
    for (spec, sample) in pairs().iter().filter(|(spec, _)| spec.shape != Shape::Raw) {
        let mail = parse(&sample.raw);
        assert_eq!(mail.subject(), Some(spec.subject.as_str()), "{}", spec.name);
        let from = mail.from().unwrap().first().unwrap();
        assert_eq!(from.address(), Some(spec.from.as_str()));
        assert_eq!(from.name().unwrap_or_default(), spec.from_name, "{}", spec.name);
        let body = mail.body_text(0).unwrap().replace("\r\n", "\n");
        for line in spec.text().lines().filter(|_| spec.shape != Shape::Html) {
            assert!(body.contains(line), "{}: {line} not in {body}", spec.name);
        }
    }
}

#[test]
fn html_carries_the_text_and_marks_the_quote() {
    for (spec, sample) in pairs().iter().filter(|(spec, _)| matches!(spec.shape, Shape::Html | Shape::Alternative)) {
        let mail = parse(&sample.raw);
        let html = mail.html_bodies().find_map(|part| match &part.body {
            PartType::Html(html) => Some(html.replace("\r\n", "\n")),
            _ => None,
        });
        let html = html.unwrap();
        for line in spec.body.lines().filter(|line| !line.contains(['&', '<', '>'])) {
            assert!(html.contains(line), "{}: {line}", spec.name);
        }
        assert_eq!(html.contains("<blockquote"), !spec.quoted.is_empty(), "{}", spec.name);
        assert!(!html.contains("<support@"), "{}: addresses are escaped", spec.name);
    }
}

#[test]
fn a_mail_without_mime_header_holds_bare_iso_2022_jp() {
    let (spec, sample) = pairs().into_iter().find(|(spec, _)| spec.shape == Shape::Raw).unwrap();
    assert!(!text(&sample.raw).contains("Content-Type"));
    let body = spec.charset.encode(spec.body.lines().next().unwrap()).unwrap();
    assert!(body.starts_with(b"\x1b$B"));
    assert!(sample.raw.windows(body.len()).any(|window| window == body));
}

#[test]
fn lines_are_as_the_wire_wants_them() {
    for (spec, sample) in pairs() {
        let raw = &sample.raw;
        let lone = raw.iter().enumerate().any(|(at, b)| *b == b'\n' && (at == 0 || raw[at - 1] != b'\r'));
        assert!(!lone && raw.ends_with(b"\r\n"), "{}: bare line end", spec.name);
        assert!(raw.split(|b| *b == b'\n').all(|line| line.len() <= 999), "{}: long line", spec.name);
        let head = raw.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        assert!(raw[..head].is_ascii(), "{}: header is not ASCII", spec.name);
        assert!(raw.is_ascii() || spec.encoding == Encoding::EightBit, "{}: 8-bit body", spec.name);
    }
}

#[test]
fn every_charset_encoding_and_shape_occurs() {
    let raws = samples().iter().map(|sample| text(&sample.raw)).collect::<Vec<_>>();
    for wanted in [
        "text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit",
        "text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: 8bit",
        "text/plain; charset=Shift_JIS\r\nContent-Transfer-Encoding: base64",
        "text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64",
        "text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable",
        "text/html; charset=UTF-8",
        "multipart/alternative",
        "report-type=delivery-status",
        "report-type=disposition-notification",
        "Content-Disposition: attachment",
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated",
        "List-Id:",
        "Return-Path: <>",
    ] {
        assert!(raws.iter().any(|raw| raw.contains(wanted)), "{wanted}");
    }
    let specs = specs();
    let windows_only = |spec: &Spec| spec.charset == Charset::ShiftJis && spec.body.contains('髙');
    assert!(specs.iter().any(windows_only), "Shift_JIS with ①㈱髙");
    assert!(specs.iter().any(|spec| spec.quoted.starts_with("-----Original Message-----")), "Outlook's quote");
    assert!(specs.iter().any(|spec| spec.quoted.starts_with("2026年11月18日(水) 14:00 ")), "Gmail's quote");
}

#[test]
fn the_attachment_has_its_japanese_name_and_content() {
    let samples = samples();
    let mail = parse(&sample(&samples, "groups-from-csv").raw);
    let attachment = mail.attachments().next().unwrap();
    assert_eq!(attachment.attachment_name(), Some("組織一覧（案）.csv"));
    assert!(attachment.text_contents().unwrap().contains("中学1年,120"));
}

#[test]
fn the_desks_own_finding_stands_above_everything_the_sender_wrote() {
    for (spec, sample) in pairs() {
        let raw = text(&sample.raw);
        let own = raw.find(&format!("Authentication-Results: {AUTHSERV};")).unwrap();
        assert!(own < raw.find("Received:").unwrap(), "{}", spec.name);
        let (passes, dmarc) = match spec.authenticated {
            Authenticated::Dmarc => (true, "pass"),
            Authenticated::Spf => (true, "none"),
            Authenticated::None => (false, "none"),
            Authenticated::Fail => (false, "fail"),
        };
        let field = &raw[own..raw.find("Received:").unwrap()];
        assert!(field.contains(&format!("dmarc={dmarc} header.from={}", spec.domain())), "{field}");
        assert_eq!(field.contains("spf=pass"), passes, "{field}");
        assert!(!field.contains("mailfrom=\r") && !field.contains("mailfrom=;"), "{field}");
    }
}

#[test]
fn a_forged_finding_claims_the_desks_name_below_the_trace() {
    let samples = samples();
    let raw = text(&sample(&samples, "forged-admin").raw);
    let claims = raw.match_indices(&format!("Authentication-Results: {AUTHSERV};")).collect::<Vec<_>>();
    assert_eq!(claims.len(), 2);
    assert!(raw[claims[0].0..claims[1].0].contains("dmarc=fail") && raw[claims[1].0..].contains("dmarc=pass"));
    assert!(raw.rfind("Received:").unwrap() < claims[1].0);
}

#[test]
fn date_and_arrival_agree() {
    for sample in samples() {
        let date = parse(&sample.raw).date().unwrap().to_rfc3339();
        assert_eq!(date, format!("{}+09:00", sample.arrives), "{}", sample.name);
    }
}

#[test]
fn a_follow_up_names_the_mail_before() {
    let samples = samples();
    let first = parse(&sample(&samples, "sync-stopped").raw);
    let second = parse(&sample(&samples, "sync-stopped-more").raw);
    assert_eq!(second.in_reply_to().as_text(), first.message_id());
    assert!(specs().iter().all(|spec| spec.follows.iter().all(|name| samples.iter().any(|s| s.name == *name))));
}

#[test]
fn the_same_day_gives_the_same_bytes_and_another_day_others() {
    let raws = |base| sample_mails(base, AUTHSERV).unwrap().into_iter().map(|s| s.raw).collect::<Vec<_>>();
    assert_eq!(raws(FRIDAY), raws(FRIDAY));
    let monday = raws(Date::constant(2026, 12, 7));
    assert!(text(&monday[0]).contains("Mon, 7 Dec 2026 07:42:00 +0900"), "{}", text(&monday[0]));
}

#[test]
fn everybody_is_invented() {
    let written = concat!(include_str!("mails.toml"), include_str!("register.toml"));
    for address in addresses(written) {
        let domain = address.rsplit('@').next().unwrap();
        let invented =
            domain.ends_with(".example") || domain.ends_with(".example.jp") || domain.ends_with(".example.com");
        assert!(invented, "{address}");
    }
    let numbers = written.split(|c: char| !(c.is_ascii_digit() || c == '-'));
    for number in numbers.filter(|n| n.starts_with('0') && n.matches('-').count() == 2) {
        assert!(number.contains("000"), "{number}");
    }
}

// ---- register.toml ----

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    partner: Vec<Partner>,
    customer: Vec<Customer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Partner {
    id: String,
    name: String,
    contact: String,
    phone_support: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Customer {
    id: String,
    name: String,
    addresses: Vec<String>,
    domains: Vec<String>,
    partner: Option<String>,
}

fn register() -> Register {
    toml::from_str(include_str!("register.toml")).unwrap()
}

#[test]
fn the_register_is_consistent() {
    let register = register();
    assert!(register.partner.iter().any(|p| p.phone_support) && register.partner.iter().any(|p| !p.phone_support));
    assert!(register.partner.iter().all(|p| !p.name.is_empty() && !p.contact.is_empty()));
    let mut seen = BTreeSet::new();
    for customer in &register.customer {
        assert!(!customer.name.is_empty() && seen.insert(customer.id.clone()), "{}", customer.id);
        assert!(customer.partner.iter().all(|id| register.partner.iter().any(|p| p.id == *id)), "{}", customer.id);
        let keys = customer.addresses.iter().chain(&customer.domains).collect::<Vec<_>>();
        assert!(!keys.is_empty() && keys.into_iter().all(|key| seen.insert(key.clone())), "{}", customer.id);
    }
}

#[test]
fn direct_partner_and_unknown_senders_all_write() {
    let (register, mut direct, mut partner, mut unknown) = (register(), 0, 0, 0);
    let mut writing = BTreeSet::new();
    for spec in specs() {
        let owner = register.customer.iter().find(|customer| {
            customer.addresses.contains(&spec.from) || customer.domains.iter().any(|d| d == spec.domain())
        });
        match owner {
            Some(customer) if customer.partner.is_some() => partner += 1,
            Some(_) => direct += 1,
            None => unknown += 1,
        }
        writing.extend(owner.map(|customer| customer.id.clone()));
    }
    assert!(direct >= 15 && partner >= 6 && unknown >= 4, "{direct} {partner} {unknown}");
    assert_eq!(writing.len(), register.customer.len(), "nobody stands in the register for nothing");
}

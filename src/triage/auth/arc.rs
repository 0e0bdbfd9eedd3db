//! Forwarders and list hosts may say how the mail reached them (ARC, RFC 8617), if the desk trusts them.
//!
//! The chain itself proves nothing: anybody can seal. It counts if our own border found it valid (`arc=pass`) and the
//! last to seal before our border is on the desk's list.

use super::border::{Finding, Statement, is};
use super::domain::canonical;
use super::field;
use super::weigh::{Weight, weigh};
use crate::triage::decision::AuthLevel;
use crate::triage::inquiry::Header;

/// RFC 8617 §4.2.1: at most fifty seals.
const MOST_SEALS: u32 = 50;

/// One `ARC-Seal`, as far as it matters here.
struct Seal {
    instance: u32,
    domain: String,
}

/// How far the last sealer proves the author, and what proves it.
pub fn level(statement: &Statement, sealers: &[String], author: &str) -> Option<(AuthLevel, String)> {
    let mut arc = statement.findings.iter().filter(|finding| finding.result.method == "arc").peekable();
    if sealers.is_empty() || arc.peek().is_none() || arc.any(|finding| finding.result.result != "pass") {
        return None;
    }
    let seal = last_seal(statement.arrived)?;
    let listed = sealers.iter().any(|sealer| canonical(sealer).as_deref() == Some(&seal.domain));
    let findings = listed.then(|| results(statement.arrived, seal.instance)).flatten()?;
    match weigh(&findings, author) {
        Weight::Proved { level, what, .. } => {
            Some((level, format!("{what}, ARC i={} sealed by {}", seal.instance, seal.domain)))
        }
        Weight::Nothing | Weight::Disowned { .. } | Weight::Forged { .. } => None,
    }
}

/// The seal with the highest number; none if any cannot be read or that number stands twice.
fn last_seal(arrived: &[Header]) -> Option<Seal> {
    let seals = arrived.iter().filter(|header| is(header, "ARC-Seal")).map(|header| seal(&header.raw));
    let mut seals: Vec<Seal> = seals.collect::<Option<_>>()?;
    seals.sort_by_key(|seal| seal.instance);
    let last = seals.pop()?;
    (seals.last().map(|seal| seal.instance) != Some(last.instance)).then_some(last)
}

fn seal(raw: &str) -> Option<Seal> {
    let tags: Vec<(&str, &str)> = raw.split(';').filter_map(|tag| tag.split_once('=')).collect();
    let tag = |name: &str| {
        let mut values = tags.iter().filter(|(n, _)| n.trim() == name).map(|(_, value)| value.trim());
        values.next().filter(|_| values.next().is_none())
    };
    Some(Seal { instance: instance(tag("i")?)?, domain: canonical(tag("d")?)? })
}

fn instance(number: &str) -> Option<u32> {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    number.parse().ok().filter(|n| digits && (1..=MOST_SEALS).contains(n))
}

/// What the one `ARC-Authentication-Results` with this number says.
fn results(arrived: &[Header], wanted: u32) -> Option<Vec<Finding>> {
    let mut found = None;
    for header in arrived.iter().filter(|header| is(header, "ARC-Authentication-Results")) {
        let (head, rest) = header.raw.split_once(';')?;
        let (name, number) = head.split_once('=')?;
        if name.trim() != "i" {
            return None;
        }
        if instance(number.trim())? == wanted && found.replace(rest).is_some() {
            return None;
        }
    }
    Some(field::parse(found?).ok()?.into_iter().map(|result| Finding { position: 0, result }).collect())
}

//! How far is the sender proved? Only what our own border says in `Authentication-Results` counts (RFC 8601).
//!
//! Which fields are believed: those with exactly the trusted authserv-id that stand above the second `Received`
//! line, counted from the top. Mail is written downwards in time: whatever stands further down was there before the
//! mail reached us, so anybody may have written it, whatever id it claims. The stretch between the two topmost
//! `Received` lines is included because milters under Postfix put their field just below its own line; the border
//! must remove inbound fields that claim its id (RFC 8601 §5), and where both are there, the worse result wins.

pub mod domain;
mod field;

use self::domain::aligned;
use self::field::{Field, FieldError, MethodResult};
use super::decision::AuthLevel;
use super::inquiry::{Header, Inquiry};

/// How far the author (the one `From` mailbox) is proved, and by what: `dmarc=pass header.from=example.jp by
/// mx.desk.example`. The proof names domains, never addresses.
pub fn level(inquiry: &Inquiry, trusted_authserv: Option<&str>) -> (AuthLevel, String) {
    let Some(authserv) = trusted_authserv else { return unproved("no authserv-id is trusted") };
    let Some(author) = inquiry.author() else { return unproved("not exactly one From mailbox") };
    let fields = match believed(inquiry, authserv) {
        Ok(fields) if fields.is_empty() => return unproved(&format!("no Authentication-Results by {authserv}")),
        Ok(fields) => fields,
        Err(error) => return unproved(&format!("Authentication-Results by {authserv}: {error}")),
    };
    let results: Vec<&MethodResult> = fields.iter().flat_map(|field| &field.results).collect();
    let (level, proof) = weigh(&results, &author.domain());
    (level, format!("{proof} by {authserv}"))
}

fn unproved(why: &str) -> (AuthLevel, String) {
    (AuthLevel::None, why.to_string())
}

/// Our border's fields. One that cannot be read may hide a failure, so it spoils all of them.
fn believed(inquiry: &Inquiry, authserv: &str) -> Result<Vec<Field>, FieldError> {
    above_second_received(&inquiry.headers)
        .filter(|header| header.name.eq_ignore_ascii_case("Authentication-Results"))
        .filter(|header| field::authserv(&header.raw).is_some_and(|id| id.eq_ignore_ascii_case(authserv)))
        .map(|header| field::parse(&header.raw))
        .collect()
}

fn above_second_received(headers: &[Header]) -> impl Iterator<Item = &Header> {
    let mut hops = 0;
    headers.iter().take_while(move |header| {
        hops += usize::from(header.name.eq_ignore_ascii_case("Received"));
        hops < 2
    })
}

/// The strongest aligned pass, unless DMARC says that the owner of the domain disowns the mail.
fn weigh(results: &[&MethodResult], author: &str) -> (AuthLevel, String) {
    if results.iter().any(|r| r.method == "dmarc" && r.result == "fail") {
        return unproved("dmarc=fail");
    }
    let ways = [
        ("dmarc", &["header.from"][..], AuthLevel::Strong),
        // Some services name only the identity, which lies in the signing domain (RFC 6376 §3.5, i=).
        ("dkim", &["header.d", "header.i"], AuthLevel::Strong),
        ("spf", &["smtp.mailfrom"], AuthLevel::Weak),
    ];
    for (method, properties, level) in ways {
        if let Some((property, domain)) = aligned_pass(results, method, properties, author) {
            return (level, format!("{method}=pass {property}={domain}"));
        }
    }
    unproved("no aligned pass")
}

/// The property and domain of a pass that speaks for the author. If the same domain failed as well, or the method
/// failed without saying for whom, nothing passed.
fn aligned_pass<'a>(
    results: &[&'a MethodResult],
    method: &str,
    properties: &[&'static str],
    author: &str,
) -> Option<(&'static str, &'a str)> {
    let mut found = None;
    for result in results.iter().filter(|r| r.method == method) {
        let named = properties.iter().find_map(|p| result.property(p).map(|value| (*p, domain_of(value))));
        let speaks = named.is_some_and(|(_, domain)| aligned(domain, author));
        if result.result != "pass" && (speaks || result.properties.is_empty()) {
            return None;
        }
        found = found.or(named.filter(|_| speaks));
    }
    found
}

/// `example.jp` of `a@example.jp`, `@example.jp`, `<a@example.jp>` or `example.jp`.
fn domain_of(value: &str) -> &str {
    value.rsplit('@').next().unwrap_or(value).trim_matches(['<', '>'])
}

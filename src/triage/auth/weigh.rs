//! What do the results of one statement prove of the author?

use super::border::Finding;
use super::domain::aligned;
use crate::triage::decision::AuthLevel;

/// What a statement comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weight {
    /// A pass that speaks for the author, and which: `dmarc=pass header.from=example.jp`.
    Proved {
        level: AuthLevel,
        what: String,
        position: usize,
    },
    Nothing,
    /// `dmarc=fail`: the owner of the domain disowns the mail.
    Disowned {
        position: usize,
    },
    /// `compauth=fail`: Microsoft 365 found it forged, all things considered.
    Forged {
        position: usize,
    },
}

/// The strongest aligned pass, unless somebody who must know says that the mail is forged.
pub fn weigh(findings: &[Finding], author: &str) -> Weight {
    let failed = |method| findings.iter().find(|f| f.result.method == method && f.result.result == "fail");
    if let Some(Finding { position, .. }) = failed("compauth") {
        return Weight::Forged { position: *position };
    }
    if let Some(Finding { position, .. }) = failed("dmarc") {
        return Weight::Disowned { position: *position };
    }
    let ways = [
        ("dmarc", &["header.from"][..], AuthLevel::Strong),
        // Some services name only the identity, which lies in the signing domain (RFC 6376 §3.5, i=).
        ("dkim", &["header.d", "header.i"], AuthLevel::Strong),
        ("spf", &["smtp.mailfrom"], AuthLevel::Weak),
    ];
    for (method, properties, level) in ways {
        if let Some((property, domain, position)) = aligned_pass(findings, method, properties, author) {
            return Weight::Proved { level, what: format!("{method}=pass {property}={domain}"), position };
        }
    }
    Weight::Nothing
}

/// Property, domain and field of a pass that speaks for the author. If the same domain failed as well, or the method
/// failed without saying for whom, nothing passed.
fn aligned_pass<'a>(
    findings: &'a [Finding],
    method: &str,
    properties: &[&'static str],
    author: &str,
) -> Option<(&'static str, &'a str, usize)> {
    let mut found = None;
    for Finding { position, result } in findings.iter().filter(|f| f.result.method == method) {
        let named = properties.iter().find_map(|p| result.property(p).map(|value| (*p, domain_of(value), *position)));
        let speaks = named.is_some_and(|(_, domain, _)| aligned(domain, author));
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

//! Domains that belong to everybody: an address there says nothing about a company.

use crate::triage::auth::domain::is_shared;

/// Registries' second level: every company in Japan would match.
const REGISTRY: &[&str] =
    &["ac.jp", "ad.jp", "co.jp", "ed.jp", "go.jp", "gr.jp", "lg.jp", "ne.jp", "or.jp", "co.uk", "com.cn", "com.tw"];

/// Why no customer can own this (lower-case) domain, if so.
pub fn objection(domain: &str) -> Option<&'static str> {
    // Providers hand out addresses below their domain, too: taro@abc.ocn.ne.jp.
    if is_shared(domain) {
        return Some("a free-mail or provider domain: anybody can have an address there");
    }
    REGISTRY.contains(&domain).then_some("a registry's domain: it covers thousands of companies")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_everybody_belongs_to_no_customer() {
        for (domain, refused) in [
            ("gmail.com", true),
            ("yahoo.co.jp", true),
            ("abc.ocn.ne.jp", true),
            ("co.jp", true),
            ("notgmail.com", false),
            ("example.co.jp", false),
            ("docomo.example.jp", false),
        ] {
            assert_eq!(objection(domain).is_some(), refused, "{domain}");
        }
    }
}

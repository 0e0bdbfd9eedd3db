//! Domains that belong to everybody: an address there says nothing about a company.

use std::collections::BTreeSet;
use std::path::Path;

use super::problems::{Problem, Report};
use super::text_of;
use crate::triage::auth::domain::{canonical, is_shared};

/// Registries' second level: every company in Japan would match.
const REGISTRY: &[&str] =
    &["ac.jp", "ad.jp", "co.jp", "ed.jp", "go.jp", "gr.jp", "lg.jp", "ne.jp", "or.jp", "co.uk", "com.cn", "com.tw"];

/// The domains that identify nobody: those the program knows, or those of a file.
#[derive(Debug, Default)]
pub struct FreeMail {
    own: Option<BTreeSet<String>>,
}

impl FreeMail {
    /// A list with a domain a line; what stands behind `#` is a comment. It takes the place of the program's.
    pub fn read(report: &Report, path: &Path) -> FreeMail {
        let Some(text) = text_of(report, path) else { return FreeMail::default() };
        let mut own = BTreeSet::new();
        for (at, line) in text.lines().enumerate() {
            let domain = line.split('#').next().unwrap_or_default().trim();
            match canonical(domain).filter(|domain| domain.contains('.')) {
                Some(domain) => _ = own.insert(domain),
                None if domain.is_empty() => {}
                None => report.of_file(path, Problem::error(format!("`{domain}` is not a domain")).line(at + 1)),
            }
        }
        FreeMail { own: Some(own) }
    }

    /// Why no customer can own this (lower-case) domain, if so.
    pub fn objection(&self, domain: &str) -> Option<&'static str> {
        // Providers hand out addresses below their domain, too: taro@abc.ocn.ne.jp.
        if self.contains(domain) {
            return Some("a free-mail or provider domain: anybody can have an address there");
        }
        REGISTRY.contains(&domain).then_some("a registry's domain: it covers thousands of companies")
    }

    fn contains(&self, domain: &str) -> bool {
        let Some(own) = &self.own else { return is_shared(domain) };
        let Some(domain) = canonical(domain) else { return false };
        std::iter::successors(Some(domain.as_str()), |domain| Some(domain.split_once('.')?.1))
            .any(|domain| own.contains(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(free_mail: &FreeMail, cases: &[(&str, bool)]) {
        for (domain, refused) in cases {
            assert_eq!(free_mail.objection(domain).is_some(), *refused, "{domain}");
        }
    }

    #[test]
    fn what_belongs_to_everybody_belongs_to_no_customer() {
        let cases = [
            ("gmail.com", true),
            ("yahoo.co.jp", true),
            ("abc.ocn.ne.jp", true),
            ("co.jp", true),
            ("notgmail.com", false),
            ("example.co.jp", false),
            ("docomo.example.jp", false),
        ];
        check(&FreeMail::default(), &cases);
    }

    #[test]
    fn a_list_of_ones_own_takes_the_place_of_the_programs() {
        let own = FreeMail { own: Some(BTreeSet::from(["mailbox.example".to_owned()])) };
        let cases = [("mailbox.example", true), ("a.mailbox.example", true), ("gmail.com", false), ("co.jp", true)];
        check(&own, &cases);
    }
}

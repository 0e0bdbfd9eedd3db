//! Which domains belong to the same owner (organisational domains, RFC 7489 §3.2), by the Public Suffix List.

/// Registrable domains whose users have nothing to do with each other: free mail, telephone companies' mail,
/// tenants of a cloud. Sharing one proves nothing about being the same person or firm.
const SHARED: &[&str] = &[
    "aol.com",
    "au.com",
    "docomo.ne.jp",
    "ezweb.ne.jp",
    "gmail.com",
    "gmx.com",
    "googlemail.com",
    "hotmail.co.jp",
    "hotmail.com",
    "i.softbank.jp",
    "icloud.com",
    "live.jp",
    "mac.com",
    "mail.com",
    "me.com",
    "msn.com",
    "onmicrosoft.com",
    "outlook.com",
    "outlook.jp",
    "proton.me",
    "protonmail.com",
    "rakuten.jp",
    "softbank.ne.jp",
    "yahoo.co.jp",
    "yahoo.com",
    "ybb.ne.jp",
    "ymail.ne.jp",
];

/// A domain as it is compared: A-labels, lower case, without final dot; none if it is no domain name.
pub fn canonical(domain: &str) -> Option<String> {
    let domain = domain.trim().trim_end_matches('.');
    idna::domain_to_ascii(domain).ok().filter(|ascii| !ascii.is_empty())
}

/// Relaxed alignment (RFC 7489 §3.1): the same domain, or the same organisation.
pub fn aligned(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (canonical(one), canonical(other)) else { return false };
    let organisation = psl::domain_str(&one);
    one == other || (organisation.is_some() && organisation == psl::domain_str(&other) && !is_shared(&one))
}

/// Does the domain serve people who have nothing to do with each other?
pub fn is_shared(domain: &str) -> bool {
    let Some(domain) = canonical(domain) else { return false };
    let organisation = psl::domain_str(&domain).unwrap_or(&domain);
    SHARED.contains(&domain.as_str()) || SHARED.contains(&organisation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (domain, domain, aligned)
    const PAIRS: &[(&str, &str, bool)] = &[
        ("example.jp", "example.jp", true),
        ("Example.JP", "example.jp.", true),
        ("mail.example.jp", "example.jp", true),
        ("a.example.co.jp", "b.example.co.jp", true),
        ("one.co.jp", "two.co.jp", false),
        ("one.ne.jp", "two.ne.jp", false),
        ("one.or.jp", "two.or.jp", false),
        ("one.lg.jp", "two.lg.jp", false),
        // Prefectures and cities are suffixes too: 都道府県型, 地域型.
        ("one.tokyo.jp", "two.tokyo.jp", false),
        ("one.shinjuku.tokyo.jp", "two.shinjuku.tokyo.jp", false),
        ("mail.one.shinjuku.tokyo.jp", "one.shinjuku.tokyo.jp", true),
        ("one.kawasaki.jp", "two.kawasaki.jp", false),
        ("co.jp", "co.jp", true),
        ("co.jp", "one.co.jp", false),
        ("desk.example", "mx.desk.example", true),
        ("one.example", "two.example", false),
        ("notexample.jp", "example.jp", false),
        ("例え.jp", "xn--r8jz45g.jp", true),
        ("ｅｘａｍｐｌｅ.jp", "example.jp", true),
        ("firm.onmicrosoft.com", "firm.onmicrosoft.com", true),
        ("firm.onmicrosoft.com", "evil.onmicrosoft.com", false),
        ("", "", false),
        ("", "example.jp", false),
    ];

    #[test]
    fn organisations_align_and_suffixes_do_not() {
        for (one, other, expected) in PAIRS {
            assert_eq!(aligned(one, other), *expected, "{one} {other}");
            assert_eq!(aligned(other, one), *expected, "{other} {one}");
        }
    }

    #[test]
    fn free_mail_and_tenants_are_shared() {
        for shared in ["gmail.com", "Gmail.com", "i.softbank.jp", "firm.onmicrosoft.com", "docomo.ne.jp"] {
            assert!(is_shared(shared), "{shared}");
        }
        for own in ["example.jp", "mail.example.co.jp", "", "softbank.jp"] {
            assert!(!is_shared(own), "{own}");
        }
    }
}

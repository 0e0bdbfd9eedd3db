//! Which domains belong to the same owner (organisational domains, RFC 7489 §3.2), by the Public Suffix List.

use std::borrow::Cow;

/// Domains whose users have nothing to do with each other: free mail, mobile carriers and access providers common in
/// Japan, the large ones of the world, tenants of a cloud. Sharing one proves nothing about being the same person or
/// firm. The one such list: registers refuse these domains, and no budget counts them. In the order of their bytes.
const SHARED: &[&str] = &[
    "126.com",
    "163.com",
    "aol.com",
    "au.com",
    "biglobe.ne.jp",
    "dion.ne.jp",
    "docomo.ne.jp",
    "eonet.ne.jp",
    "excite.co.jp",
    "ezweb.ne.jp",
    "fastmail.com",
    "gmail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "goo.jp",
    "googlemail.com",
    "hotmail.co.jp",
    "hotmail.com",
    "i.softbank.jp",
    "icloud.com",
    "infoseek.jp",
    "live.com",
    "live.jp",
    "mac.com",
    "mail.com",
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "nifty.com",
    "nifty.ne.jp",
    "ocn.ne.jp",
    "odn.ne.jp",
    "onmicrosoft.com",
    "outlook.com",
    "outlook.jp",
    "plala.or.jp",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rakuten.jp",
    "so-net.ne.jp",
    "softbank.jp",
    "softbank.ne.jp",
    "uqmobile.jp",
    "vodafone.ne.jp",
    "willcom.com",
    "y-mobile.ne.jp",
    "yahoo.co.jp",
    "yahoo.com",
    "yahoo.ne.jp",
    "ybb.ne.jp",
    "ymail.ne.jp",
    "ymobile.ne.jp",
    "zoho.com",
];

/// A domain as it is compared: A-labels, lower case, without final dot; none if it is no domain name.
pub fn canonical(domain: &str) -> Option<String> {
    compared(domain).map(Cow::into_owned)
}

/// Is it a domain name?
pub fn is_name(domain: &str) -> bool {
    compared(domain).is_some()
}

/// See [`canonical`].
pub fn compared(domain: &str) -> Option<Cow<'_, str>> {
    if is_compared(domain) {
        return Some(Cow::Borrowed(domain));
    }
    let domain = domain.trim().trim_end_matches('.');
    let lower = domain.to_ascii_lowercase();
    if is_compared(&lower) {
        return Some(Cow::Owned(lower));
    }
    idna::domain_to_ascii(domain).ok().filter(|ascii| !ascii.is_empty()).map(Cow::Owned)
}

/// Surely as it is compared: what nearly every domain is, and a register has a hundred thousand of them.
fn is_compared(domain: &str) -> bool {
    const COMPARED: [bool; 256] = among(b"abcdefghijklmnopqrstuvwxyz0123456789-._");
    let bytes = domain.as_bytes();
    let is_hyphen = |at: usize| bytes.get(at) == Some(&b'-');
    bytes.iter().all(|byte| COMPARED[usize::from(*byte)])
        && bytes.last().is_some_and(|last| *last != b'.')
        && !memchr::memchr_iter(b'-', bytes).any(|at| is_hyphen(at + 1))
}

/// Of every byte: is it one of these?
pub const fn among(bytes: &[u8]) -> [bool; 256] {
    let (mut among, mut n) = ([false; 256], 0);
    while n < bytes.len() {
        among[bytes[n] as usize] = true;
        n += 1;
    }
    among
}

/// The registrable domain, if there is one: the public suffix and the label before it.
///
/// The list is compiled into 0.7 MB of code anew in every place that asks it: this is to be the only one.
#[inline(never)]
pub fn registrable(domain: &str) -> Option<&str> {
    psl::domain_str(domain)
}

/// Relaxed alignment (RFC 7489 §3.1): the same domain, or the same organisation.
pub fn aligned(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (canonical(one), canonical(other)) else { return false };
    let organisation = registrable(&one);
    one == other || (organisation.is_some() && organisation == registrable(&other) && !is_shared(&one))
}

/// Does the domain serve people who have nothing to do with each other?
pub fn is_shared(domain: &str) -> bool {
    let Some(domain) = compared(domain) else { return false };
    // Hardly any domain ends in one of them, and to ask the Public Suffix List takes longer.
    let mut above = std::iter::successors(Some(&*domain), |domain| Some(domain.split_once('.')?.1));
    above.any(is_listed) && (is_listed(&domain) || registrable(&domain).is_some_and(is_listed))
}

fn is_listed(domain: &str) -> bool {
    let lengths = domain.bytes().next().map_or(0, |first| LENGTHS[usize::from(first)]);
    domain.len() < 32 && lengths & (1 << domain.len()) != 0 && SHARED.binary_search(&domain).is_ok()
}

/// Which lengths the shared domains have that begin with a byte, a bit each: others need not be looked for.
const LENGTHS: [u32; 256] = {
    let (mut lengths, mut n) = ([0; 256], 0);
    while n < SHARED.len() {
        lengths[SHARED[n].as_bytes()[0] as usize] |= 1 << SHARED[n].len();
        n += 1;
    }
    lengths
};

/// Whose domain it is: the registrable domain, or the domain itself where there is none. None for shared domains and
/// for what is no domain.
pub fn organisation(domain: &str) -> Option<String> {
    let domain = canonical(domain).filter(|domain| !is_shared(domain))?;
    Some(registrable(&domain).unwrap_or(&domain).to_string())
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
        assert!(SHARED.is_sorted());
        for shared in ["gmail.com", "Gmail.com", "i.softbank.jp", "firm.onmicrosoft.com", "docomo.ne.jp"] {
            assert!(is_shared(shared), "{shared}");
        }
        for own in ["example.jp", "mail.example.co.jp", "", "notgmail.com", "docomo.example.jp"] {
            assert!(!is_shared(own), "{own}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_known_at_a_glance_is_what_a_closer_look_finds(domain in "[a-cA-C0-1é_.-]{0,9}(\\.(gmail|co|ne|jp|com)){0,3}") {
            let listed = |domain: &str| SHARED.contains(&domain);
            let known = canonical(&domain).is_some_and(|domain| {
                listed(&domain) || registrable(&domain).is_some_and(listed)
            });
            proptest::prop_assert_eq!(is_shared(&domain), known);
            if is_compared(&domain) {
                let looked_up = idna::domain_to_ascii(&domain).unwrap();
                proptest::prop_assert_eq!(looked_up, domain);
            }
        }
    }

    #[test]
    fn an_organisation_has_one_name_and_a_shared_domain_none() {
        for (domain, expected) in [
            ("example.co.jp", Some("example.co.jp")),
            ("Mail.Example.co.jp.", Some("example.co.jp")),
            ("desk.example", Some("desk.example")),
            ("a.b.desk.example", Some("desk.example")),
            ("co.jp", Some("co.jp")),
            ("gmail.com", None),
            ("abc.ocn.ne.jp", None),
            ("firm.onmicrosoft.com", None),
            ("", None),
        ] {
            assert_eq!(organisation(domain).as_deref(), expected, "{domain}");
        }
    }
}

//! Domains that belong to everybody: an address there says nothing about a company.

/// Free mail, mobile carriers and access providers common in Japan, and the large ones of the world.
const SHARED: &[&str] = &[
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
    "mail.ru",
    "me.com",
    "msn.com",
    "naver.com",
    "nifty.com",
    "nifty.ne.jp",
    "ocn.ne.jp",
    "odn.ne.jp",
    "outlook.com",
    "outlook.jp",
    "plala.or.jp",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rakuten.jp",
    "so-net.ne.jp",
    "softbank.ne.jp",
    "softbank.jp",
    "uqmobile.jp",
    "vodafone.ne.jp",
    "willcom.com",
    "yahoo.co.jp",
    "yahoo.com",
    "yahoo.ne.jp",
    "ybb.ne.jp",
    "y-mobile.ne.jp",
    "ymail.ne.jp",
    "ymobile.ne.jp",
    "zoho.com",
    "126.com",
    "163.com",
];

/// Registries' second level: every company in Japan would match.
const REGISTRY: &[&str] =
    &["ac.jp", "ad.jp", "co.jp", "ed.jp", "go.jp", "gr.jp", "lg.jp", "ne.jp", "or.jp", "co.uk", "com.cn", "com.tw"];

/// Why no customer can own this (lower-case) domain, if so.
pub fn objection(domain: &str) -> Option<&'static str> {
    // Providers hand out addresses below their domain, too: taro@abc.ocn.ne.jp.
    let shared = SHARED.iter().any(|s| domain == *s || domain.strip_suffix(s).is_some_and(|rest| rest.ends_with('.')));
    if shared {
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

//! Addresses as the gate compares them.

use crate::triage::auth::domain;
use crate::triage::inquiry::Mailbox;

/// Longest address an SMTP path can carry (RFC 5321 §4.5.3.1.3), in bytes.
const MAX_ADDRESS: usize = 254;
/// Longest local part (RFC 5321 §4.5.3.1.1), in bytes.
const MAX_LOCAL: usize = 64;
/// Names that no mail on the Internet can reach (RFC 2606, RFC 6762).
const UNREACHABLE: &[&str] = &["local", "localdomain", "localhost", "invalid", "test"];

/// The addresses of a raw field (`Return-Path`, `Resent-To` …), lower case. Only what stands in angle brackets or
/// alone counts: comments and quoted strings never do, so that a display name cannot pass for an address.
pub fn addresses(raw: &str) -> Vec<String> {
    let bare = without_comments_and_quotes(raw);
    bare.split([',', ';']).filter_map(address_of).collect()
}

fn address_of(item: &str) -> Option<String> {
    let inner = item.rsplit_once('<').map_or(item, |(_, rest)| rest.split('>').next().unwrap_or(rest));
    // `group: a@b` and the old source route `@host:a@b`.
    let spec = inner.rsplit(':').next().unwrap_or(inner).trim();
    (!spec.is_empty()).then(|| spec.to_lowercase())
}

/// The field without comments (RFC 5322 §3.2.2, nested) and quoted strings (§3.2.4).
pub fn without_comments_and_quotes(raw: &str) -> String {
    let (mut bare, mut depth, mut quoted, mut escaped) = (String::with_capacity(raw.len()), 0_u32, false, false);
    for c in raw.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted || depth > 0 => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth > 0 => depth -= 1,
            _ if !quoted && depth == 0 => bare.push(c),
            _ => {}
        }
    }
    bare
}

/// Lower case, without the tag of `local+tag@domain`.
pub fn untagged(address: &str) -> String {
    let address = address.trim().to_lowercase();
    let Some((local, domain)) = address.rsplit_once('@') else { return address };
    format!("{}@{domain}", local.split('+').next().unwrap_or(local))
}

/// Is it one of ours, or one of ours with a tag?
pub fn is_own(address: &str, own: &[String]) -> bool {
    own.iter().any(|ours| untagged(ours) == untagged(address))
}

/// Same domain as one of ours (not merely the same organisation).
pub fn in_own_domain(mailbox: &Mailbox, own: &[String]) -> bool {
    let domain = mailbox.domain();
    !domain.is_empty() && own.iter().any(|ours| ours.to_lowercase().rsplit('@').next() == Some(domain.as_str()))
}

/// May both addresses belong to one person or firm? (mail-safety A4: where `Reply-To` may send us)
pub fn same_owner(one: &Mailbox, other: &Mailbox) -> bool {
    let same = one.address.eq_ignore_ascii_case(&other.address);
    same || (domain::aligned(&one.domain(), &other.domain()) && !domain::is_shared(&one.domain()))
}

/// Can an answer be sent there without guessing? Local parts that break RFC 5321 (`a..b@docomo.ne.jp` is a person)
/// are not: nobody repairs them, staff look.
pub fn is_plausible(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    address.len() <= MAX_ADDRESS && is_dot_atom(local) && is_internet_domain(domain)
}

/// RFC 5322 §3.2.3; quoted and non-ASCII local parts are legal, but too rare to risk.
fn is_dot_atom(local: &str) -> bool {
    let is_atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.len() <= MAX_LOCAL && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
}

fn is_internet_domain(domain: &str) -> bool {
    let Some(ascii) = domain::canonical(domain) else { return false };
    let labels: Vec<&str> = ascii.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    let well_formed = labels.iter().all(|label| is_label(label));
    // A numeric last label is an IP address; no top-level domain has digits only.
    labels.len() > 1 && well_formed && !UNREACHABLE.contains(&top) && !top.bytes().all(|b| b.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_and_comments_are_no_addresses() {
        let fields: &[(&str, &[&str])] = &[
            ("<A@Example.jp>", &["a@example.jp"]),
            ("a@example.jp (b@example.jp)", &["a@example.jp"]),
            ("\"b@example.jp\" <a@example.jp>, c@example.jp", &["a@example.jp", "c@example.jp"]),
            ("\"x \\\" <b@example.jp>\" <a@example.jp>", &["a@example.jp"]),
            ("b@example.jp <a@example.jp>", &["a@example.jp"]),
            ("undisclosed-recipients:;", &[]),
            ("team: a@example.jp, b@example.jp;", &["a@example.jp", "b@example.jp"]),
            ("<>", &[]),
            ("", &[]),
        ];
        for (raw, expected) in fields {
            assert_eq!(addresses(raw), *expected, "{raw}");
        }
    }

    #[test]
    fn answers_go_only_to_plausible_addresses() {
        let plausible =
            ["a@example.jp", "a.b+c@mail.example.co.jp", "_a@1-2.example", "a@例え.jp", "o'neil@xn--r8jz45g.jp"];
        let implausible = [
            "a..b@docomo.ne.jp",
            "a.@ezweb.ne.jp",
            ".a@example.jp",
            "a@localhost",
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "a@mac.local",
            "a@example.invalid",
            "a@example.test",
            "a@example..jp",
            "a@-example.jp",
            "a b@example.jp",
            "\"a b\"@example.jp",
            "a@",
            "@example.jp",
            "a",
            "",
            "山田@example.jp",
            "a@example.jp\r\nBcc: b@example.jp",
        ];
        assert!(plausible.iter().all(|a| is_plausible(a)));
        for address in implausible {
            assert!(!is_plausible(address), "{address}");
        }
        assert!(!is_plausible(&format!("{}@example.jp", "a".repeat(65))));
        assert!(!is_plausible(&format!("a@{}jp", "example.".repeat(40))));
    }

    #[test]
    fn one_firm_is_one_owner_and_a_free_mail_domain_is_not() {
        let owner = |one: &str, other: &str| {
            let mailbox = |address: &str| Mailbox { name: String::new(), address: address.into() };
            same_owner(&mailbox(one), &mailbox(other))
        };
        assert!(owner("a@example.jp", "A@Example.jp"));
        assert!(owner("a@example.co.jp", "b@mail.example.co.jp"));
        assert!(owner("a@gmail.com", "a@gmail.com"));
        assert!(!owner("a@gmail.com", "b@gmail.com"));
        assert!(!owner("a@one.co.jp", "a@two.co.jp"));
    }
}

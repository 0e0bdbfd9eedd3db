//! Our Message-IDs: fixed by the question, signed, so that we know our own mail and a second send is recognisable.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::context::Context;
use super::inquiry::Inquiry;

/// `r.<96 bits of the question's hash>.<64 bits of HMAC>@<desk's domain>`: the same question and template always
/// give the same id, and nobody else can make one.
pub(super) fn of_reply(inquiry: &Inquiry, template: &str, ctx: &Context) -> String {
    let mut hash = Sha256::new();
    for field in [ctx.desk.id.as_str(), template, &inquiry.text] {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    for header in &inquiry.headers {
        hash.update(&header.name);
        hash.update(b":");
        hash.update(&header.raw);
        hash.update(b"\n");
    }
    let token = hex(&hash.finalize()[..12]);
    let domain = ctx.desk.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    signed(&token, domain, &ctx.desk.secret)
}

pub(super) fn signed(token: &str, domain: &str, secret: &[u8]) -> String {
    format!("r.{token}.{}@{domain}", signature_of(token, secret))
}

/// The envelope sender of a mail with this id: reports about it come back to that address, and [`of_tagged`] knows the
/// mail by it. None if `bounce_address` is no address.
pub fn tagged(bounce_address: &str, message_id: &str) -> Option<String> {
    let (local, domain) = bounce_address.rsplit_once('@')?;
    let (id, at) = message_id.rsplit_once('@')?;
    // Both domains are told, where they differ: `=` parts them, as in VERP.
    let at = if at.eq_ignore_ascii_case(domain) { String::new() } else { format!("={at}") };
    Some(format!("{local}+{id}{at}@{domain}"))
}

/// The Message-ID in a tagged envelope sender; [`is_ours`] says whether it is one.
pub fn of_tagged(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let (_, tag) = local.split_once('+')?;
    let (id, domain) = tag.split_once('=').unwrap_or((tag, domain));
    id.starts_with("r.").then(|| format!("{id}@{domain}"))
}

/// Is this a Message-ID that this installation issued? Checked by its HMAC, so it cannot be forged.
pub fn is_ours(id: &str, secret: &[u8]) -> bool {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let Some((local, _)) = id.rsplit_once('@') else { return false };
    let mut pieces = local.split('.');
    match (pieces.next(), pieces.next(), pieces.next(), pieces.next()) {
        (Some("r"), Some(token), Some(signature), None) => signature == signature_of(token, secret),
        _ => false,
    }
}

fn signature_of(token: &str, secret: &[u8]) -> String {
    // HMAC takes keys of any length, so there is no error to meet here.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(token.as_bytes());
    hex(&mac.finalize().into_bytes()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tagged_address_gives_the_id_back() {
        let id = signed("00ff", "desk.example", b"key");
        for (bounces, tagged_as) in [("b@desk.example", "b+r.00ff"), ("b@bounces.example", "=desk.example@")] {
            let address = tagged(bounces, &id).unwrap();
            assert!(address.contains(tagged_as), "{address}");
            assert_eq!(of_tagged(&address), Some(id.clone()));
        }
        for other in ["b@desk.example", "b+tag@desk.example", "", "b+r.00"] {
            assert_eq!(of_tagged(other), None, "{other}");
        }
    }

    #[test]
    fn only_ids_signed_with_our_secret_are_ours() {
        let id = format!("r.00ff.{}@desk.example", signature_of("00ff", b"key"));
        assert!(is_ours(&id, b"key"));
        assert!(is_ours(&format!("<{id}>"), b"key"));
        assert!(!is_ours(&id, b"other"));
        assert!(!is_ours("r.00ff.0011223344556677@desk.example", b"key"));
        assert!(!is_ours("", b"key"));
    }
}

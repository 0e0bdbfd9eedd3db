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
    format!("r.{token}.{}@{domain}", signature_of(&token, &ctx.desk.secret))
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
    fn only_ids_signed_with_our_secret_are_ours() {
        let id = format!("r.00ff.{}@desk.example", signature_of("00ff", b"key"));
        assert!(is_ours(&id, b"key"));
        assert!(is_ours(&format!("<{id}>"), b"key"));
        assert!(!is_ours(&id, b"other"));
        assert!(!is_ours("r.00ff.0011223344556677@desk.example", b"key"));
        assert!(!is_ours("", b"key"));
    }
}

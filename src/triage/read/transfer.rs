//! Content-Transfer-Encoding, decoded leniently: what cannot be read is left out or left as it is.

use std::borrow::Cow;

use super::param::text_hex;

/// Undoes `encoding` (as the header field has it). None: an encoding nobody knows.
pub fn decode<'a>(encoding: &str, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match encoding.split([';', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "base64" => Some(Cow::Owned(base64(body))),
        "quoted-printable" => Some(Cow::Owned(quoted_printable(body))),
        "" | "7bit" | "8bit" | "binary" => Some(Cow::Borrowed(body)),
        _ => None,
    }
}

const INVALID: u8 = 0xff;
const DIGITS: [u8; 256] = {
    let mut table = [INVALID; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut n = 0;
    while n < 64 {
        table[alphabet[n] as usize] = n as u8;
        n += 1;
    }
    table
};

/// RFC 2045 §6.8: characters outside the alphabet are ignored. Padding may be missing, or stand in the middle where
/// two encodings were put together.
pub fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text {
        let digit = DIGITS[*byte as usize];
        if digit != INVALID {
            bits = bits << 6 | u32::from(digit);
            count += 1;
            if count == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, count) = (0, 0);
            }
        } else if *byte == b'=' {
            base64_tail(bits, count, &mut out);
            (bits, count) = (0, 0);
        }
    }
    base64_tail(bits, count, &mut out);
    out
}

/// The last two or three digits of an encoding.
fn base64_tail(bits: u32, count: u32, out: &mut Vec<u8>) {
    let bytes = (bits << (6 * (4 - count))).to_be_bytes();
    match count {
        2 => out.push(bytes[1]),
        3 => out.extend_from_slice(&bytes[1..3]),
        _ => {}
    }
}

/// RFC 2045 §6.7; `=` that begins no escape stays.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'=') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(byte) = text_hex(rest) {
            out.push(byte);
            rest = &rest[2..];
        } else if let Some(after) = soft_break(rest) {
            rest = after;
        } else {
            out.push(b'=');
        }
    }
    out.extend_from_slice(rest);
    out
}

/// What follows a soft line break (after its `=`).
fn soft_break(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
    rest[..end].trim_ascii().is_empty().then(|| rest.get(end + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encoding: &str, body: &str, expected: &str) {
        let decoded = decode(encoding, body.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&decoded), expected, "{body}");
    }

    #[test]
    fn decodes_base64() {
        check("BASE64", "5pel\r\n5pys", "日本");
        check("base64", "YWI=", "ab");
        check("base64", "YWI", "ab");
        check("base64", "YQ", "a");
        check("base64", "YQ==YWI=", "aab");
        check("base64", "Y*Q-=!=", "a");
        check("base64", "Y", "");
    }

    #[test]
    fn decodes_quoted_printable() {
        check("quoted-printable", "=E6=97=a5=\r\n=E6=9C=AC", "日本");
        check("quoted-printable", "a=3Db = c=ZZ=  \nd=", "a=b = c=ZZd");
    }

    #[test]
    fn other_encodings_are_plain_or_unknown() {
        check("8bit", "日=3D", "日=3D");
        check("", "x", "x");
        assert_eq!(decode("x-uuencode", b"x"), None);
    }
}

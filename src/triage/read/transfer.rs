//! Content-Transfer-Encoding, decoded leniently: what cannot be read is left out or left as it is.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode_char;

/// Undoes `encoding` (as the header field has it). None: an encoding nobody knows.
pub fn decode<'a>(encoding: &str, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match encoding.split([';', ' ', '(']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "base64" => Some(Cow::Owned(base64(body))),
        "quoted-printable" => Some(Cow::Owned(quoted_printable(body))),
        "" | "7bit" | "8bit" | "binary" => Some(Cow::Borrowed(body)),
        _ => None,
    }
}

/// RFC 2045 §6.8: characters outside the alphabet are ignored. Padding may be missing, or stand in the middle where
/// two encodings were put together.
pub fn base64(text: &[u8]) -> Vec<u8> {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    // the library takes white space only; gateways append footers in plain text
    let cleaned = || base64_decode(&text.iter().copied().filter(alphabet).collect::<Vec<u8>>());
    base64_decode(text).or_else(cleaned).unwrap_or_default()
}

/// Two hexadecimal digits at the start of `bytes`.
pub fn hex_pair(bytes: &[u8]) -> Option<u8> {
    quoted_printable_decode_char(*bytes.first()?, *bytes.get(1)?)
}

/// RFC 2045 §6.7; `=` that begins no escape stays. Own code, because the library gives up at the first such `=`, and
/// there are mailers that leave the one of a URL as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == b'=') {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(byte) = hex_pair(rest) {
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

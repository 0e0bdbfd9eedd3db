//! Writes text as mailers do: charset, transfer encoding, encoded words, MIME parts.

use encoding_rs::{Encoding as Codec, ISO_2022_JP, SHIFT_JIS, UTF_8};
use serde::Deserialize;

/// Longest line of an encoded body and longest encoded word (RFC 2045 6.7, RFC 2047 2).
const LINE: usize = 76;
/// Longest encoded word written: leaves room for the field's name on the first line.
const WORD: usize = 60;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Charset {
    #[serde(rename = "iso-2022-jp")]
    Iso2022Jp,
    #[serde(rename = "shift_jis")]
    ShiftJis,
    #[serde(rename = "utf-8")]
    Utf8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Encoding {
    #[serde(rename = "7bit")]
    SevenBit,
    #[serde(rename = "8bit")]
    EightBit,
    #[serde(rename = "base64")]
    Base64,
    #[serde(rename = "quoted-printable")]
    QuotedPrintable,
}

/// A character that the charset does not have.
#[derive(Debug, thiserror::Error)]
#[error("not writable in {charset}: a text that begins with “{begin}”")]
pub struct Unmappable {
    pub charset: &'static str,
    pub begin: String,
}

impl Charset {
    pub fn label(self) -> &'static str {
        match self {
            Charset::Iso2022Jp => "ISO-2022-JP",
            Charset::ShiftJis => "Shift_JIS",
            Charset::Utf8 => "UTF-8",
        }
    }

    /// The text's bytes; ISO-2022-JP ends in ASCII again.
    pub fn encode(self, text: &str) -> Result<Vec<u8>, Unmappable> {
        let (bytes, _, unmappable) = self.codec().encode(text);
        if unmappable {
            return Err(Unmappable { charset: self.label(), begin: text.chars().take(20).collect() });
        }
        Ok(bytes.into_owned())
    }

    fn codec(self) -> &'static Codec {
        match self {
            Charset::Iso2022Jp => ISO_2022_JP,
            Charset::ShiftJis => SHIFT_JIS,
            Charset::Utf8 => UTF_8,
        }
    }

    /// A header value: as it is where it is ASCII, else encoded words (RFC 2047), each whole in itself.
    pub fn words(self, text: &str) -> Result<String, Unmappable> {
        if text.is_ascii() {
            return Ok(text.to_string());
        }
        let mut words: Vec<String> = Vec::new();
        let mut chunk = String::new();
        for c in text.chars() {
            chunk.push(c);
            if self.word(&chunk)?.len() > WORD {
                chunk.pop();
                words.push(self.word(&chunk)?);
                chunk = c.to_string();
            }
        }
        words.push(self.word(&chunk)?);
        Ok(words.join("\r\n "))
    }

    fn word(self, text: &str) -> Result<String, Unmappable> {
        Ok(format!("=?{}?B?{}?=", self.label(), base64(&self.encode(text)?)))
    }
}

impl Encoding {
    pub fn label(self) -> &'static str {
        match self {
            Encoding::SevenBit => "7bit",
            Encoding::EightBit => "8bit",
            Encoding::Base64 => "base64",
            Encoding::QuotedPrintable => "quoted-printable",
        }
    }

    fn encode(self, bytes: Vec<u8>) -> Vec<u8> {
        match self {
            Encoding::SevenBit | Encoding::EightBit => bytes,
            Encoding::Base64 => wrapped(&base64(&bytes)).into_bytes(),
            Encoding::QuotedPrintable => quoted_printable(&bytes).into_bytes(),
        }
    }
}

/// A text part with its header: `content_type` without the charset, `text` with `\n` line ends.
pub fn text_part(content_type: &str, text: &str, charset: Charset, encoding: Encoding) -> Result<Vec<u8>, Unmappable> {
    let (charset_label, encoding_label) = (charset.label(), encoding.label());
    let head = format!(
        "Content-Type: {content_type}; charset={charset_label}\r\nContent-Transfer-Encoding: {encoding_label}\r\n\r\n"
    );
    let body = encoding.encode(charset.encode(&text.replace('\n', "\r\n"))?);
    Ok([head.into_bytes(), body].concat())
}

/// A part that is sent as it stands, such as `message/delivery-status`.
pub fn plain_part(content_type: &str, text: &str) -> Vec<u8> {
    format!("Content-Type: {content_type}\r\n\r\n{}", text.replace('\n', "\r\n")).into_bytes()
}

/// `content_type` may bring parameters of its own; the boundary is added.
pub fn multipart(content_type: &str, boundary: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("Content-Type: {content_type};\r\n boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// `name*=UTF-8''…` (RFC 2231), folded onto a line of its own.
pub fn parameter(name: &str, value: &str) -> String {
    let bytes = value.bytes();
    let escaped = bytes
        .map(|b| if b.is_ascii_alphanumeric() || b == b'.' { char::from(b).to_string() } else { format!("%{b:02X}") });
    format!("\r\n {name}*=UTF-8''{}", escaped.collect::<String>())
}

/// RFC 4648 4, without line breaks.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0usize, |bits, i| bits << 8 | usize::from(group.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            let letter = char::from(ALPHABET[bits >> (18 - 6 * i) & 63]);
            out.push(if i <= group.len() { letter } else { '=' });
        }
    }
    out
}

fn wrapped(text: &str) -> String {
    let lines = text.as_bytes().chunks(LINE).map(|line| line.iter().map(|b| char::from(*b)).collect::<String>());
    lines.map(|line| line + "\r\n").collect()
}

/// RFC 2045 6.7, for text with CRLF line ends.
fn quoted_printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for line in bytes.split(|b| *b == b'\n') {
        let mut column = 0;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        for (at, byte) in line.iter().enumerate() {
            let bare = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (*byte == b' ' && at + 1 < line.len());
            let written = if bare { char::from(*byte).to_string() } else { format!("={byte:02X}") };
            if column + written.len() >= LINE {
                out.push_str("=\r\n");
                column = 0;
            }
            column += written.len();
            out.push_str(&written);
        }
        out.push_str("\r\n");
    }
    out.truncate(out.len() - 2);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_in_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn quoted_printable_keeps_line_ends_and_the_line_limit() {
        assert_eq!(quoted_printable("a=b \r\n表".as_bytes()), "a=3Db=20\r\n=E8=A1=A8");
        let long = quoted_printable("あ".repeat(100).as_bytes());
        assert!(long.lines().all(|line| line.len() <= LINE), "{long}");
        assert_eq!(long.replace("=\r\n", "").len(), 900);
    }

    #[test]
    fn every_encoded_word_is_short_and_whole() {
        for charset in [Charset::Iso2022Jp, Charset::ShiftJis, Charset::Utf8] {
            let words = charset.words(&"長い件名のサンプル①".repeat(8)).unwrap();
            for word in words.split("\r\n ") {
                assert!(word.len() <= WORD, "{word}");
                let mail = format!("Subject: {word}\r\n\r\n");
                let subject = mail_parser::MessageParser::new().parse(mail.as_bytes()).unwrap();
                assert!(!subject.subject().unwrap().contains(['\u{FFFD}', '?']), "{word}");
            }
        }
        assert_eq!(Charset::Iso2022Jp.words("plain").unwrap(), "plain");
    }

    #[test]
    fn what_a_charset_lacks_is_an_error() {
        assert!(Charset::ShiftJis.encode("①㈱髙﨑").is_ok());
        assert!(Charset::Iso2022Jp.encode("①㈱髙﨑").is_ok());
        assert!(Charset::ShiftJis.encode("絵文字😀").is_err());
        assert!(Charset::Iso2022Jp.words("한국어").is_err());
    }

    #[test]
    fn file_names_are_percent_encoded() {
        assert_eq!(parameter("filename", "表 1.csv"), "\r\n filename*=UTF-8''%E8%A1%A8%201.csv");
    }
}

//! Encoded words (RFC 2047) as mailers really write them: split inside a character, without space between them,
//! inside quotes, glued to text.
//!
//! Own code, because mail-parser converts each word to text by itself: what was split between words is lost, and
//! words of ISO-2022-JP that do not end in ASCII turn to mojibake.

use std::borrow::Cow;

use memchr::memchr2_iter;

use super::{charset, transfer};

/// An encoded word is not looked for beyond this (bytes; RFC 2047 allows 75): finding none must stay cheap.
const MAX_WORD: usize = 2_000;

/// One `=?charset?B?text?=`.
struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
    /// Bytes it takes.
    len: usize,
}

/// Removes the line ends of a folded field (RFC 5322 §2.2.3).
pub fn unfold(text: &str) -> Cow<'_, str> {
    let mut line_ends = memchr2_iter(b'\r', b'\n', text.as_bytes()).peekable();
    if line_ends.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut unfolded = String::with_capacity(text.len());
    let mut start = 0;
    for end in line_ends {
        unfolded.push_str(&text[start..end]);
        start = end + 1;
    }
    unfolded.push_str(&text[start..]);
    Cow::Owned(unfolded)
}

/// The readable text of a raw header field: charset of 8-bit bytes, line ends, encoded words. Control characters
/// become spaces.
pub fn header_text(raw: &[u8]) -> String {
    let text = charset::raw_text(raw);
    let decoded = decode(&unfold(&text));
    decoded.trim().replace(|c: char| c.is_control(), " ")
}

/// Decodes all encoded words. The bytes of adjacent words of one charset are joined before they are decoded,
/// because mailers split characters and escape sequences between words.
pub fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<u8> = Vec::new();
    let mut label = "";
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let Some(word) = word(&rest[start..]) else {
            flush(&mut run, label, &mut out);
            out.push_str(&rest[..start + 2]);
            rest = &rest[start + 2..];
            continue;
        };
        let between = &rest[..start];
        let adjacent = !run.is_empty() && between.bytes().all(|b| b == b' ' || b == b'\t');
        if !adjacent || !label.eq_ignore_ascii_case(word.charset) {
            flush(&mut run, label, &mut out);
            out.push_str(if adjacent { "" } else { between });
        }
        label = word.charset;
        word.bytes(&mut run);
        rest = &rest[start + word.len..];
    }
    flush(&mut run, label, &mut out);
    out.push_str(rest);
    out
}

fn flush(run: &mut Vec<u8>, label: &str, out: &mut String) {
    if !run.is_empty() {
        out.push_str(&charset::decode(Some(label), run).text);
        run.clear();
    }
}

/// The length of the encoded word at the start of `text`, if there is one.
pub fn word_len(text: &str) -> Option<usize> {
    word(text).map(|w| w.len)
}

fn word(text: &str) -> Option<Word<'_>> {
    let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let base64 = encoding.eq_ignore_ascii_case("b");
    let known = base64 || encoding.eq_ignore_ascii_case("q");
    let named = !charset.is_empty() && charset.bytes().all(|b| b.is_ascii_graphic());
    let window = &rest.as_bytes()[..rest.len().min(MAX_WORD)];
    let end = window.windows(2).position(|w| known && named && w == b"?=")?;
    let len = 2 + charset.len() + 1 + encoding.len() + 1 + end + 2;
    Some(Word { charset, base64, text: &rest[..end], len })
}

impl Word<'_> {
    fn bytes(&self, out: &mut Vec<u8>) {
        if self.base64 {
            out.extend(transfer::base64(self.text.as_bytes()));
            return;
        }
        let mut bytes = self.text.as_bytes();
        while let [first, rest @ ..] = bytes {
            let hex = transfer::hex_pair(rest).filter(|_| *first == b'=');
            out.push(hex.unwrap_or(if *first == b'_' { b' ' } else { *first }));
            bytes = if hex.is_some() { &rest[2..] } else { rest };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &[u8], expected: &str) {
        assert_eq!(header_text(raw), expected);
    }

    #[test]
    fn decodes_words() {
        check(b"=?ISO-2022-JP?B?GyRCRnxLXBsoQg==?=", "日本");
        check(b"=?UTF-8?Q?=E6=97=A5_x?=", "日 x");
        check(b"=?utf-8*ja?b?5pel?=", "日");
        check(b"plain text", "plain text");
        check(b"=?UTF-8?B??= =?UTF-8?Q??=x", "x");
    }

    #[test]
    fn joins_words_split_inside_a_character() {
        check(b"=?UTF-8?B?5pc=?=\r\n =?UTF-8?B?pQ==?=", "日");
        check(b"=?ISO-2022-JP?B?GyRCRnw=?=\r\n =?ISO-2022-JP?B?S1wbKEI=?=", "日本");
        check(b"=?ISO-2022-JP?B?GyRCRnwbKEI=?= =?iso-2022-jp?B?GyRCS1wbKEI=?=", "日本");
    }

    #[test]
    fn keeps_the_spaces_of_plain_text_only() {
        check(b"Re:=?UTF-8?B?5pel?=!", "Re:日!");
        check(b"Re: =?UTF-8?B?5pel?= a =?UTF-8?B?5pel?= =?EUC-JP?B?xvw=?=", "Re: 日 a 日日");
        check(b"=?UTF-8?B?5pel?==?UTF-8?B?5pel?=", "日日");
        check(b"=?UTF-8?Q?a b?=", "a b");
    }

    #[test]
    fn text_that_only_looks_like_a_word_stays() {
        for text in ["=?", "a =? b", "=?x?y?z?=", "=?UTF-8?B?abc", "1=?2"] {
            check(text.as_bytes(), text);
        }
    }

    #[test]
    fn reads_raw_bytes() {
        check(b"\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\x5c", "日本語の表");
        check(b"\x1b$BF|\r\n \x1b$BK\\\x1b(B", "日 本");
        check("日本 =?UTF-8?B?5pel?=".as_bytes(), "日本 日");
    }

    #[test]
    fn control_characters_become_spaces() {
        check(b"a\0b\x07c=?UTF-8?B?DQpCY2M6IHg=?=", "a b c  Bcc: x");
    }
}

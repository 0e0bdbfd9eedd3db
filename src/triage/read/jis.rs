//! ISO-2022-JP → EUC-JP, byte for byte.
//!
//! A WHATWG decoder turns two escape sequences with nothing between them into U+FFFD and knows neither half-width
//! kana by SI/SO or 8 bits (CP50222), nor JIS X 0212, nor lines that forget to return to ASCII. All of these occur in
//! real mail; as EUC-JP they are ordinary bytes.

use memchr::memchr_iter;

/// What the next bytes mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Ascii,
    /// JIS X 0208 (and X 0213 plane 1, which extends it).
    Kanji,
    /// JIS X 0212.
    Supplement,
    /// JIS X 0201 katakana.
    Kana,
    /// A set EUC-JP cannot hold (GB 2312, KS X 1001 …).
    Foreign,
}

/// Escape sequences after ESC, longest first.
const ESCAPES: &[(&[u8], Set)] = &[
    (b"$(D", Set::Supplement),
    (b"$(B", Set::Kanji),
    (b"$(@", Set::Kanji),
    (b"$(O", Set::Kanji),
    (b"$(Q", Set::Kanji),
    (b"$(P", Set::Foreign),
    (b"$(C", Set::Foreign),
    (b"$A", Set::Foreign),
    (b"$B", Set::Kanji),
    (b"$@", Set::Kanji),
    (b"(B", Set::Ascii),
    (b"(J", Set::Ascii),
    (b"(H", Set::Ascii),
    (b"(I", Set::Kana),
];

/// Is there any escape sequence of ISO-2022-JP?
pub fn has_escape(bytes: &[u8]) -> bool {
    memchr_iter(0x1b, bytes).any(|at| escape(&bytes[at + 1..]).is_some())
}

fn escape(rest: &[u8]) -> Option<(&'static [u8], Set)> {
    ESCAPES.iter().find(|(sequence, _)| rest.starts_with(sequence)).copied()
}

/// Rewrites to EUC-JP. Bytes that mean nothing become 0xFF, which a decoder shows as U+FFFD.
pub fn to_euc(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    let mut set = Set::Ascii;
    let mut shifted = false;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match *byte {
            0x1b => {
                if let Some((sequence, next)) = escape(tail) {
                    set = next;
                    rest = &tail[sequence.len()..];
                }
            }
            0x0e => shifted = true,
            0x0f => shifted = false,
            // a line ends in ASCII, also where the mailer forgot to say so
            b'\r' | b'\n' => {
                (set, shifted) = (Set::Ascii, false);
                out.push(*byte);
            }
            _ => {
                let set = if shifted { Set::Kana } else { set };
                rest = character(set, *byte, tail, &mut out);
            }
        }
    }
    out
}

/// Writes one character; returns what follows it.
fn character<'a>(set: Set, byte: u8, tail: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    match (set, byte, tail) {
        (Set::Kana, 0x21..=0x5f, _) => out.extend([0x8e, byte | 0x80]),
        (Set::Kanji, 0x21..=0x7e, [second @ 0x21..=0x7e, rest @ ..]) => {
            out.extend([byte | 0x80, second | 0x80]);
            return rest;
        }
        (Set::Supplement, 0x21..=0x7e, [second @ 0x21..=0x7e, rest @ ..]) => {
            out.extend([0x8f, byte | 0x80, second | 0x80]);
            return rest;
        }
        (Set::Kanji | Set::Supplement | Set::Foreign, 0x21..=0x7e, _) => out.push(0xff),
        // half-width kana with the eighth bit set
        (_, 0xa1..=0xdf, _) => out.extend([0x8e, byte]),
        (_, 0x80.., _) => out.push(0xff),
        _ => out.push(byte),
    }
    tail
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let euc = to_euc(bytes);
        assert_eq!(encoding_rs::EUC_JP.decode_without_bom_handling(&euc).0, expected, "{bytes:x?}");
    }

    #[test]
    fn reads_what_mailers_write() {
        check(b"a\x1b$BF|K\\\x1b(Bb", "a日本b");
        check(b"\x1b$@F|K\\\x1b(J~", "日本~");
        // ①㈱ of NEC row 13, 髙 as NEC selected IBM character
        check(b"\x1b$B-!-j|b\x1b(B", "①㈱髙");
        check(b"\x1b(I1\x1b(B", "ｱ");
        check(b"\x0e1\x0f1", "ｱ1");
        check(b"\xb1\xb2", "ｱｲ");
        check(b"\x1b$(D0!\x1b(B", "丂");
        check(b"\x1b$BF|\x1b(B\x1b$BK\\\x1b(B", "日本");
        check(b"\x1b$BF|K\\\r\nabc", "日本\r\nabc");
        check(b"\x1b$BF|K\\\x1b$BF|\x1b(B", "日本日");
    }

    #[test]
    fn marks_what_means_nothing() {
        check(b"\x1b$BF\n", "\u{FFFD}\n");
        check(b"\x1b$A01\x1b(Bx", "\u{FFFD}\u{FFFD}x");
        check(b"\x1b[0m", "[0m");
        check(b"\xff", "\u{FFFD}");
    }

    #[test]
    fn tells_an_escape_of_iso_2022_jp_from_others() {
        assert!(has_escape(b"x\x1b$Bx"));
        assert!(has_escape(b"\x1b\x1b(I"));
        assert!(!has_escape(b"\x1b[31m\x1b"));
    }
}

//! Address lists (RFC 5322 §3.4) as mailers write them. Nothing is repaired: `a..b@docomo.ne.jp` is a person, and an
//! entry without address is shown as one.
//!
//! Own code, because mail-parser takes the quoted local part of `"a..b"@docomo.ne.jp` for a name, and glues what
//! stands before an encoded word to the address: to it, `x@y =?…?= <a@b>` comes from `x@ya@b`.

use super::param::quoted_string;
use super::words;
use crate::triage::inquiry::Mailbox;

/// The mailboxes of a field, and whether it used group syntax (`name: a@b, c@d;`).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    pub mailboxes: Vec<Mailbox>,
    pub group: bool,
}

/// What has been read of one entry.
#[derive(Default)]
struct Entry {
    /// Display name, encoded words still in it, quotes removed.
    name: String,
    /// The same with quotes: an address may have a quoted local part.
    source: String,
    comment: String,
    address: Option<String>,
}

/// Reads a field whose bytes are text already ([`super::charset::raw_text`]), with encoded words in place: what they
/// hide must not be taken for `,` or `<`.
pub fn parse(field: &str) -> Addresses {
    let mut list = Addresses::default();
    let mut entry = Entry::default();
    let mut rest = field;
    while let Some(c) = rest.chars().next() {
        let len = words::word_len(rest).unwrap_or(c.len_utf8());
        let (head, tail) = rest.split_at(len);
        rest = tail;
        match head {
            "\"" => rest = entry.quoted(tail),
            "(" => rest = entry.comment(tail),
            "<" => rest = entry.angle(tail),
            "," => list.add(&mut entry),
            ";" if list.group => list.add(&mut entry),
            ":" if entry.address.is_none() && !entry.source.contains('@') => {
                list.group = true;
                entry = Entry::default();
            }
            "\r" | "\n" => {}
            _ => entry.push(head),
        }
    }
    list.add(&mut entry);
    list
}

impl Addresses {
    fn add(&mut self, entry: &mut Entry) {
        let entry = std::mem::take(entry);
        let bare = || entry.source.split_whitespace().collect::<String>();
        let (name, address) = match entry.address {
            Some(ref address) => (entry.name.trim(), address.clone()),
            None if entry.source.contains('@') => ("", bare()),
            None => (entry.name.trim(), String::new()),
        };
        let name = if name.is_empty() { entry.comment.trim() } else { name };
        if !name.is_empty() || !address.is_empty() || entry.address.is_some() {
            let name = words::decode(name).replace(|c: char| c.is_control(), " ");
            self.mailboxes.push(Mailbox { name: name.trim().into(), address });
        }
    }
}

impl Entry {
    fn push(&mut self, text: &str) {
        self.name.push_str(text);
        self.source.push_str(text);
    }

    /// Reads up to the closing quote; returns what follows.
    fn quoted<'a>(&mut self, text: &'a str) -> &'a str {
        let (value, rest) = quoted_string(text);
        self.name.push_str(&value);
        self.source.push('"');
        self.source.push_str(&text[..text.len() - rest.len()]);
        rest
    }

    fn comment<'a>(&mut self, text: &'a str) -> &'a str {
        let mut depth = 1;
        for (at, c) in text.char_indices() {
            depth += i32::from(c == '(') - i32::from(c == ')');
            if depth == 0 {
                return &text[at + 1..];
            }
            self.comment.push(c);
        }
        ""
    }

    fn angle<'a>(&mut self, text: &'a str) -> &'a str {
        let end = text.find('>').unwrap_or(text.len());
        let address: String = text[..end].split_whitespace().collect();
        // a route (`@a,@b:c@d`, obsolete in RFC 5322 §4.4) says nothing about the person
        let address =
            address.strip_prefix('@').and_then(|a| a.split_once(':')).map(|(_, a)| a.into()).unwrap_or(address);
        self.address = Some(address);
        text.get(end + 1..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: &str, expected: &[(&str, &str)]) {
        let found = parse(field).mailboxes;
        let found: Vec<_> = found.iter().map(|m| (m.name.as_str(), m.address.as_str())).collect();
        assert_eq!(found, expected, "{field}");
    }

    #[test]
    fn reads_mailboxes() {
        check("a@b.example", &[("", "a@b.example")]);
        check("山田 <a@b.example>, \"c, d\" <e@f.example>", &[("山田", "a@b.example"), ("c, d", "e@f.example")]);
        check("=?UTF-8?B?5pel?= <a@b.example>", &[("日", "a@b.example")]);
        check("\"=?UTF-8?B?5pel?=\" <a@b.example>", &[("日", "a@b.example")]);
        check("a@b.example (山田 (営業))", &[("山田 (営業)", "a@b.example")]);
        check("<@x,@y:a@b.example>", &[("", "a@b.example")]);
        check("\"a\\\"b\" < a@\r\n b.example >", &[("a\"b", "a@b.example")]);
    }

    #[test]
    fn addresses_that_break_the_rules_are_people() {
        check("taro..yamada.@docomo.ne.jp", &[("", "taro..yamada.@docomo.ne.jp")]);
        check("\"a..b\"@docomo.ne.jp", &[("", "\"a..b\"@docomo.ne.jp")]);
    }

    #[test]
    fn hidden_structure_does_not_count() {
        check("=?UTF-8?Q?a,_<x@y.example>?= <a@b.example>", &[("a, <x@y.example>", "a@b.example")]);
        check("\"x@evil.example\" <a@b.example>", &[("x@evil.example", "a@b.example")]);
        check("=?UTF-8?B?YQ0KQmNjOiB4?= <a@b.example>", &[("a  Bcc: x", "a@b.example")]);
    }

    #[test]
    fn odd_entries_are_shown() {
        check("", &[]);
        check(",,", &[]);
        check("<>", &[("", "")]);
        check("Yamada, Taro <a@b.example>", &[("Yamada", ""), ("Taro", "a@b.example")]);
        check("\"open", &[("open", "")]);
        check("<a@b.example", &[("", "a@b.example")]);
        let group = parse("team: a@b.example, c@d.example;");
        assert!(group.group);
        assert_eq!(group.mailboxes.len(), 2);
        assert_eq!(parse("undisclosed-recipients:;"), Addresses { mailboxes: vec![], group: true });
    }
}

//! What a composed mail says, byte for byte where it matters, and that no text of a customer can change its shape.

use jiff::civil::date;
use jiff::tz::TimeZone;
use mail_parser::{HeaderName, Message, MessageParser};
use proptest::prelude::*;

use super::*;

fn desk() -> Mailbox {
    Mailbox { name: "窓口サポート".into(), address: "support@desk.example.jp".into() }
}

fn reply() -> Reply {
    Reply {
        template: "answer".into(),
        to: Mailbox { name: "山田 太郎".into(), address: "taro@customer.example.jp".into() },
        at: None,
        until: None,
        follows: false,
        subject: "Re: 契約の更新について".into(),
        body: "山田様\n\n.ドットで始まる行\nお問い合わせありがとうございます。\n".into(),
        message_id: "r.00112233445566778899aabb.0123456789abcdef@desk.example.jp".into(),
        in_reply_to: Some("parent@customer.example.jp".into()),
        references: vec!["root@customer.example.jp".into(), "parent@customer.example.jp".into()],
    }
}

fn composed(reply: &Reply) -> Vec<u8> {
    let tokyo = TimeZone::fixed(jiff::tz::offset(9));
    compose(reply, &desk(), &date(2026, 11, 24).at(9, 5, 0, 0).to_zoned(tokyo).unwrap())
}

fn text_of(reply: &Reply) -> String {
    String::from_utf8(composed(reply)).unwrap()
}

fn parse(raw: &[u8]) -> Message<'_> {
    MessageParser::new().parse(raw).unwrap()
}

/// Header fields in order, unfolded, as any mail program splits them.
fn fields(raw: &[u8]) -> Vec<(String, String)> {
    let text = std::str::from_utf8(raw).unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let split = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_string(), value.to_string()));
    unfolded.split("\r\n").map(|line| split(line).unwrap_or_else(|| panic!("no field: {line:?}"))).collect()
}

fn field(reply: &Reply, name: &str) -> Option<String> {
    fields(&composed(reply)).into_iter().find_map(|(n, value)| (n == name).then_some(value))
}

/// The ids of a field, whatever it was folded like.
fn ids(value: &str) -> Vec<String> {
    value.split_whitespace().map(|id| id.trim_matches(['<', '>']).to_string()).collect()
}

fn expected_names(reply: &Reply) -> Vec<&'static str> {
    let mut names = vec!["From", "To", "Subject", "Date", "Message-ID"];
    if reply.in_reply_to.as_deref().is_some_and(usable_id) {
        names.push("In-Reply-To");
    }
    if reply.references.iter().any(|id| usable_id(id)) {
        names.push("References");
    }
    names.extend(["Auto-Submitted", "X-Auto-Response-Suppress", "X-Madoguchi-Loop", "MIME-Version"]);
    names.extend(["Content-Type", "Content-Transfer-Encoding"]);
    names
}

#[test]
fn an_answer_has_exactly_these_fields() {
    let check = |name, value: &str| assert_eq!(field(&reply(), name).as_deref(), Some(value), "{name}");
    let names: Vec<String> = fields(&composed(&reply())).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, expected_names(&reply()));
    check("Date", "Tue, 24 Nov 2026 09:05:00 +0900");
    check("Message-ID", "<r.00112233445566778899aabb.0123456789abcdef@desk.example.jp>");
    check("In-Reply-To", "<parent@customer.example.jp>");
    check("References", "<root@customer.example.jp> <parent@customer.example.jp>");
    check("Auto-Submitted", "auto-replied");
    check("X-Auto-Response-Suppress", "DR, OOF, AutoReply, RN, NRN");
    check("X-Madoguchi-Loop", "<r.00112233445566778899aabb.0123456789abcdef@desk.example.jp>");
    check("MIME-Version", "1.0");
    check("Content-Type", "text/plain; charset=\"utf-8\"");
    check("Content-Transfer-Encoding", "base64");
}

#[test]
fn people_and_text_come_back_as_they_were() {
    let raw = composed(&reply());
    let mail = parse(&raw);
    let address = |list: Option<&mail_parser::Address>| {
        let one = list.unwrap().first().unwrap();
        (one.name().unwrap().to_string(), one.address().unwrap().to_string())
    };
    assert_eq!(address(mail.from()), ("窓口サポート".into(), "support@desk.example.jp".into()));
    assert_eq!(address(mail.to()), ("山田 太郎".into(), "taro@customer.example.jp".into()));
    assert_eq!(mail.subject(), Some("Re: 契約の更新について"));
    assert_eq!(mail.body_text(0).unwrap(), body(&reply().body));
    assert!(raw.is_ascii(), "any server takes it");
}

#[test]
fn the_same_reply_gives_the_same_bytes() {
    assert_eq!(composed(&reply()), composed(&reply()));
}

#[test]
fn an_address_is_written_as_the_customer_has_it() {
    let check = |name: &str, address: &str, field_value: &str| {
        let to = Mailbox { name: name.into(), address: address.into() };
        assert_eq!(field(&Reply { to, ..reply() }, "To").unwrap(), field_value);
    };
    check("", "a..b@docomo.ne.jp", "<a..b@docomo.ne.jp>");
    check("", ".x.@ezweb.ne.jp", "<.x.@ezweb.ne.jp>");
    check("Taro \"T\" Yamada", "t@example.jp", "\"Taro \\\"T\\\" Yamada\" <t@example.jp>");
    check("a@b.jp, c", "t@example.jp", "\"a@b.jp, c\" <t@example.jp>");
    check("x\r\nBcc: v@example.jp", "t@example.jp", "\"x Bcc: v@example.jp\" <t@example.jp>");
    check("", "t@example.jp>\r\nBcc: <v@example.jp", "<t@example.jpBccv@example.jp>");
    check("=?utf-8?Q?a=0Ab?=", "t@example.jp", "\"= ?utf-8?Q?a=0Ab?=\" <t@example.jp>");
}

#[test]
fn a_name_as_long_as_a_mail_stays_within_the_longest_line() {
    for name in ["a b ".repeat(3_000), "\"".repeat(9_000), "窓".repeat(9_000)] {
        let to = Mailbox { name, address: format!("{}@example.jp", "x".repeat(200)) };
        let text = text_of(&Reply { to, ..reply() });
        assert!(text.split("\r\n").all(|line| line.len() <= 998), "{text}");
    }
}

#[test]
fn a_subject_is_one_line_of_bounded_length() {
    let check = |given: &str, expected: &str| {
        let raw = composed(&Reply { subject: given.into(), ..reply() });
        assert_eq!(parse(&raw).subject().unwrap_or_default(), expected, "{given:?}");
    };
    check("Re: hello\n", "Re: hello");
    check("a\r\nBcc: x@example.jp", "a Bcc: x@example.jp");
    check("nul\0 and \u{2028}more", "nul and more");
    check("=?utf-8?B?QmNjOiB4?=", "= ?utf-8?B?QmNjOiB4?=");
    check("two  blanks　全角", "two blanks　全角");
    check("", "");
    check(&"a".repeat(256), &"a".repeat(256));
    check(&"a".repeat(257), &format!("{}…", "a".repeat(256)));
    check(&"窓".repeat(300), &format!("{}…", "窓".repeat(256)));
}

#[test]
fn encoded_words_end_on_character_borders() {
    let subject = "𠮷野家の㈱髙﨑商店様からのお問い合わせ".repeat(6);
    let value = field(&Reply { subject, ..reply() }, "Subject").unwrap();
    for word in value.split_whitespace() {
        assert!(word.len() <= 75, "{word}");
        let header = format!("Subject: {word}\r\n\r\n");
        let alone = parse(header.as_bytes()).subject().unwrap().to_string();
        assert!(!alone.contains('\u{fffd}'), "{word} → {alone}");
    }
}

#[test]
fn an_odd_parent_id_is_left_out() {
    let check = |id: &str| {
        let odd = Reply { in_reply_to: Some(id.into()), references: vec![id.into()], ..reply() };
        assert_eq!((field(&odd, "In-Reply-To"), field(&odd, "References")), (None, None), "{id:?}");
    };
    check("");
    check("a b@example.jp");
    check("a@example.jp>\r\nBcc: <x@example.jp");
    check("a\0@example.jp");
    check("窓@example.jp");
    check(&"a".repeat(LONGEST_ID + 1));
}

#[test]
fn a_mail_without_parent_has_no_thread_fields() {
    let first = Reply { in_reply_to: None, references: Vec::new(), ..reply() };
    assert_eq!((field(&first, "In-Reply-To"), field(&first, "References")), (None, None));
}

#[test]
fn a_long_thread_keeps_its_root_and_the_last_twenty() {
    let all: Vec<String> = (0..100).map(|n| format!("{n:03}@example.jp")).collect();
    let check = |count: usize, kept: Vec<String>| {
        let thread = Reply { references: all[..count].to_vec(), ..reply() };
        assert_eq!(ids(&field(&thread, "References").unwrap()), kept);
    };
    check(1, all[..1].to_vec());
    check(21, all[..21].to_vec());
    check(22, [&all[..1], &all[2..22]].concat());
    check(100, [&all[..1], &all[80..100]].concat());
}

#[test]
fn very_long_ids_stay_within_the_longest_line() {
    let long = format!("{}@example.jp", "x".repeat(LONGEST_ID - 11));
    let message_id = long.repeat(2);
    let thread = Reply { message_id, in_reply_to: Some(long.clone()), references: vec![long; 30], ..reply() };
    let text = text_of(&thread);
    assert_eq!(text.matches("x@example.jp>").count(), 2 + 1 + 21);
    assert!(text.split("\r\n").all(|line| line.len() <= 998));
}

#[test]
fn an_ascii_body_of_short_lines_is_left_readable() {
    let raw = text_of(&Reply { body: "Hello\n.\nbye\r\n".into(), ..reply() });
    assert!(raw.ends_with("\r\n\r\nHello\r\n.\r\nbye\r\n"), "{raw}");
}

/// Text as an attacker writes it: line ends, colons, brackets, encoded words, some Japanese.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\r\n",
            "\n",
            "\r",
            "\r\n\r\n",
            "\0",
            "Bcc: v@example.jp",
            "\r\nBcc: v@example.jp",
            "<",
            ">",
            "\"",
            "\\",
            "(",
            ")",
            ",",
            ";",
            ":",
            "@",
            " ",
            "\t",
            "=?utf-8?Q?=0D=0ABcc:_v?=",
            "=?",
            "?=",
            "=",
            "a@b.jp",
            ".",
            "..",
            "窓口",
            "㈱髙﨑",
            "\u{2028}",
            "\u{85}",
            "\u{202e}",
            "𠮷",
            "\u{7f}",
            "\u{1b}$B",
            "\u{feff}",
        ])
        .prop_map(String::from),
        "[a-zA-Z0-9 ]{1,90}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    fn hostile_reply()(
        name in hostile(), address in hostile(), subject in hostile(), body in hostile(), message_id in hostile(),
        in_reply_to in prop::option::of(hostile()), references in prop::collection::vec(hostile(), 0..4),
    ) -> Reply {
        let to = Mailbox { name, address };
        Reply { template: "answer".into(), to, at: None, until: None, follows: false, subject, body, message_id, in_reply_to, references }
    }
}

proptest! {
    #[test]
    fn no_text_from_outside_changes_the_shape_of_the_mail(reply in hostile_reply()) {
        let raw = composed(&reply);
        let text = String::from_utf8(raw.clone()).unwrap();
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "bare CR, LF or NUL: {text:?}");
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 998));
        let (head, encoded) = text.split_once("\r\n\r\n").unwrap();
        prop_assert!(encoded.split("\r\n").all(|line| line.len() <= 76));
        prop_assert!(head.split("\r\n").all(|line| !line.trim().is_empty()), "a blank line ends the head: {head:?}");

        let names: Vec<String> = fields(&raw).into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, expected_names(&reply));
        let mail = parse(&raw);
        prop_assert_eq!(mail.headers().len(), expected_names(&reply).len());
        prop_assert!(mail.header(HeaderName::Bcc).is_none() && mail.header(HeaderName::Cc).is_none());
        prop_assert_eq!(mail.from().unwrap().iter().count(), 1);
        prop_assert!(mail.to().is_none_or(|to| to.iter().count() <= 1));
        prop_assert_eq!(mail.parts.len(), 1);
    }

    #[test]
    fn what_is_written_reads_back_the_same(reply in hostile_reply()) {
        let raw = composed(&reply);
        let mail = parse(&raw);
        prop_assert_eq!(mail.subject().unwrap_or_default(), subject(&reply.subject));
        prop_assert_eq!(mail.body_text(0).unwrap_or_default(), body(&reply.body));
        let kept = reply.in_reply_to.clone().filter(|id| usable_id(id));
        let written = fields(&raw).into_iter().find_map(|(name, value)| (name == "In-Reply-To").then_some(value));
        prop_assert_eq!(written, kept.map(|id| format!("<{id}>")));
    }
}

#[test]
fn what_is_passed_on_stays_whole_between_our_words_and_the_end() {
    let tokyo = TimeZone::fixed(jiff::tz::offset(9));
    let date = date(2026, 11, 24).at(9, 5, 0, 0).to_zoned(tokyo).unwrap();
    for (original, encoding) in
        [(&b"Subject: a\n\n.\nFrom here\n"[..], "7bit"), ("Subject: a\r\n\r\n\u{65e5}\u{672c}\r\n".as_bytes(), "8bit")]
    {
        let raw = compose_forward(&reply(), original, &desk(), &date);
        assert_eq!(raw, compose_forward(&reply(), original, &desk(), &date), "the same mail each time");
        let mail = parse(&raw);
        assert_eq!(mail.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(mail.body_text(0).unwrap().lines().next(), Some("山田様"));
        let attached = mail.attachment(0).unwrap();
        let crlf = String::from_utf8(original.to_vec()).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
        let part = raw
            .split(|byte| *byte == b'\n')
            .any(|line| line == format!("Content-Transfer-Encoding: {encoding}\r").as_bytes());
        assert!(part && attached.is_message(), "{encoding}");
        assert!(String::from_utf8(raw.clone()).unwrap().contains(&format!("\r\n\r\n{crlf}\r\n--")), "{encoding}");
    }
}

use proptest::prelude::*;

use super::*;
use crate::triage::context::RequiredAuth;

/// (line, value behind the label 「名前」; none: the line does not begin with it)
const LINES: &[(&str, Option<&str>)] = &[
    ("【名前】山田", Some("山田")),
    ("【名前】 山田\n", Some("山田\n")),
    ("■名前\n", Some("")),
    ("名前：山田", Some("山田")),
    ("　名前　： 山田", Some(" 山田")),
    ("名前:山田", Some("山田")),
    ("[名前]=山田", Some("山田")),
    ("名前\t山田", Some("山田")),
    ("名前　　山田", Some("山田")),
    ("| 名前 | 山田", None),
    ("・名前 山田", Some("山田")),
    ("名前", Some("")),
    ("名前 を変えたい", None),
    ("名前を変えたい", None),
    ("【名前（確認）】山田", None),
    ("【お名前】山田", None),
    ("> 名前：山田", None),
    ("私の名前：山田", None),
    ("", None),
];

#[test]
fn a_label_stands_at_the_beginning_of_its_line() {
    for (line, expected) in LINES {
        assert_eq!(value_start(line, "名前").map(|at| &line[at..]), *expected, "{line}");
    }
}

fn rule() -> FormRule {
    FormRule {
        from: "no-reply@form.example".into(),
        address: AddressPlace::Label("メールアドレス".into()),
        name: Some("お名前".into()),
        company: Some("会社名".into()),
        subject: None,
        body: "お問い合わせ内容".into(),
        others: vec!["電話番号".into()],
    }
}

fn desk(rules: Vec<FormRule>) -> DeskProfile {
    DeskProfile { forms: rules, authentication: RequiredAuth::Off, ..DeskProfile::default() }
}

fn mail(text: &str) -> Inquiry {
    let from = Mailbox { name: "フォーム".into(), address: "No-Reply@form.example".into() };
    Inquiry { from: vec![from], text: text.into(), ..Inquiry::default() }
}

/// What is read: `company name <address>: question`, or the code of the oddity.
fn read(text: &str, rules: Vec<FormRule>) -> String {
    let outside = mail(text);
    let inquiry = opened(&outside, &desk(rules));
    if let Some(oddity) = inquiry.oddities.first() {
        return format!("{}: {}", oddity.code, oddity.detail);
    }
    let own = inquiry.sections.iter().filter(|s| s.kind == SectionKind::Body);
    let question: String = own.map(|s| inquiry.section_text(s)).collect();
    format!("{} <{}>: {}", inquiry.from[0].name, inquiry.from[0].address, question.trim())
}

const NO_ADDRESS: &str = "form-unreadable: the web form's mail has no single usable address";
const NO_QUESTION: &str = "form-unreadable: the web form's mail has no question under its label";
const TWICE: &str = "form-unreadable: a label of the web form stands there twice";

#[test]
fn forms_are_read_as_people_lay_them_out() {
    let question = "メールアドレス：a@b.example\nお問い合わせ内容：手順を教えてください。\n";
    let cases = [
        (
            "ご入力内容\n【会社名】青空商事\n【お名前】山田\n【メールアドレス】a@b.example\n【お問い合わせ内容】\n手順は？\n二行目\n【電話番号】03\n",
            "青空商事 山田 <a@b.example>: 手順は？\n二行目",
        ),
        ("■お名前\n山田\n\n■メールアドレス\na@b.example\n■お問い合わせ内容\n手順は？", "山田 <a@b.example>: 手順は？"),
        (
            "お名前\t山田\nメールアドレス\ta@b.example<mailto:a@b.example>\nお問い合わせ内容\t手順は？",
            "山田 <a@b.example>: 手順は？",
        ),
        (question, " <a@b.example>: 手順を教えてください。"),
        ("お問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a@b.example, c@d.example\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a@b.example\u{0}\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a@b.example Bcc: c@d.example\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a@b.exampleへ\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a..b@docomo.ne.jp\nお問い合わせ内容：手順は？\n", NO_ADDRESS),
        ("メールアドレス：a@b.example\nお問い合わせ内容：\n\n電話番号：03\n", NO_QUESTION),
        ("メールアドレス：a@b.example\n手順は？\n", NO_QUESTION),
        ("", NO_ADDRESS),
        ("メールアドレス：a@b.example\nお問い合わせ内容：手順は？\nメールアドレス：c@d.example\n", TWICE),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text, vec![rule()]), expected, "{text}");
    }
}

#[test]
fn one_host_may_send_the_mail_of_several_forms() {
    let second = FormRule { body: "ご質問".into(), ..rule() };
    let text = "メールアドレス：a@b.example\nご質問：手順は？\n";
    assert_eq!(read(text, vec![rule(), second]), " <a@b.example>: 手順は？");
    assert_eq!(read(text, vec![rule()]), NO_QUESTION);
}

#[test]
fn reply_to_is_read_where_the_rule_says_so() {
    let rule = FormRule { address: AddressPlace::ReplyTo, ..rule() };
    let mailbox = |address: &str| Mailbox { name: "x".into(), address: address.into() };
    for (reply_to, expected) in [
        (vec![mailbox("a@b.example")], Some("a@b.example")),
        (vec![mailbox("a@b.example"), mailbox("c@d.example")], None),
        (vec![mailbox("root@localhost")], None),
        (vec![], None),
    ] {
        let mail = Inquiry { reply_to, ..mail("お問い合わせ内容：手順は？") };
        let inquiry = opened(&mail, &desk(vec![rule.clone()]));
        assert_eq!(inquiry.oddities.is_empty().then(|| inquiry.from[0].address.as_str()), expected);
    }
}

#[test]
fn names_are_one_short_line() {
    let long = "長".repeat(300);
    let text = format!("お名前：{long}\t\u{7}\nメールアドレス：a@b.example\nお問い合わせ内容：手順は？\n");
    let mail = mail(&text);
    assert_eq!(opened(&mail, &desk(vec![rule()])).from[0].name, "長".repeat(MAX_NAME));
}

#[test]
fn mail_of_anybody_else_stays_as_it_is() {
    let mail = mail("メールアドレス：a@b.example\nお問い合わせ内容：手順は？\n");
    let others = [vec![], vec![FormRule { from: "form@other.example".into(), ..rule() }]];
    for rules in others {
        assert_eq!(*opened(&mail, &desk(rules)), mail);
    }
    let strict = DeskProfile { authentication: RequiredAuth::Weak, ..desk(vec![rule()]) };
    let unproved = opened(&mail, &strict);
    assert_eq!((unproved.oddities[0].code.as_str(), &unproved.from), ("form-unproved", &mail.from));
}

proptest! {
    #[test]
    fn any_text_is_opened_once_and_kept_whole(
        text in r"((【|■|> )?(メールアドレス|お名前|お問い合わせ内容|電話番号)(】|：|\t|\n| )?(a@b\.example|よろしくお願いします。|-- \n|\PC{0,5})\n?){0,8}"
    ) {
        let mail = mail(&text);
        let desk = desk(vec![rule()]);
        let once = opened(&mail, &desk).into_owned();
        prop_assert_eq!(&*opened(&once, &desk), &once);
        prop_assert_eq!(&once.text, &text);
        if once.oddities.is_empty() {
            let pieces: String = once.sections.iter().map(|s| once.section_text(s)).collect();
            prop_assert_eq!(&pieces, &text);
            prop_assert!(once.sections.windows(2).all(|pair| pair[0].kind != pair[1].kind));
            let address = &once.from[0].address;
            prop_assert!(is_plausible(address) && text.contains(address.as_str()), "{}", address);
        }
    }
}

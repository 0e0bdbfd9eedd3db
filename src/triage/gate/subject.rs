//! R16: subjects that robots write, decoded and folded.
//!
//! Customers write about these things too (「自動応答の設定方法について」), so most phrases count only at the beginning
//! and only if a colon, a closing bracket or the end follows. Bounce phrases count anywhere and may fire too often:
//! the verdict is a person, never the sink.

use super::{Facts, Finding, human, password};
use crate::triage::nfkc::{nfkc, plain_length};
use crate::triage::receipt::unmarked;

/// Phrases that count at the beginning of a subject, before one of these characters.
struct Beginning {
    phrases: &'static [&'static str],
    before: &'static [char],
    /// Does the end of the subject count as well?
    or_end: bool,
    /// Also behind `Re:` and the like?
    in_replies: bool,
}

const BEGINNINGS: &[Beginning] = &[
    Beginning { phrases: AUTO_REPLIES, before: &[':', ']', '】', ')', '>', '-'], or_end: true, in_replies: true },
    Beginning { phrases: REPORTS, before: &[':'], or_end: false, in_replies: true },
    // A person who answers a desk's receipt writes `Re: お問い合わせありがとうございます`.
    Beginning {
        phrases: DESK_RECEIPTS,
        before: &[':', ']', '】', ')', '>', '-', '。', '!', '(', '[', '【', '「', '|', '#'],
        or_end: true,
        in_replies: false,
    },
];

const AUTO_REPLIES: &[&str] = &[
    "自動応答",
    "自動返信",
    "自動送信",
    "自動配信",
    "送信専用",
    "配信専用",
    "不在",
    "不在通知",
    "不在のお知らせ",
    "休暇中",
    "休暇のお知らせ",
    "夏季休暇のお知らせ",
    "夏期休暇のお知らせ",
    "冬季休暇のお知らせ",
    "年末年始休暇のお知らせ",
    "休業のお知らせ",
    "夏季休業のお知らせ",
    "夏期休業のお知らせ",
    "冬季休業のお知らせ",
    "年末年始休業のお知らせ",
    "臨時休業のお知らせ",
    "開封確認",
    "メッセージの取り消し",
    "auto",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autoresponse",
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "out of office",
    "out of the office",
    "out-of-office",
    "out of office reply",
    "out of office autoreply",
    "out of office auto-reply",
    "out of office message",
    "vacation",
    "vacation reply",
];

/// Read receipts, calendar answers, recalls.
const REPORTS: &[&str] = &[
    "開封済み",
    "未開封",
    "配信済み",
    "中継済み",
    "read",
    "not read",
    "delivered",
    "relayed",
    "承諾",
    "承諾済み",
    "辞退",
    "仮承諾",
    "キャンセル済み",
    "招待",
    "更新された招待",
    "取り消し",
    "accepted",
    "declined",
    "tentative",
    "tentatively accepted",
    "canceled",
    "cancelled",
    "invitation",
    "updated invitation",
    "recall",
];

/// Receipts of another desk's robot.
const DESK_RECEIPTS: &[&str] = &[
    "受付完了",
    "受付完了のお知らせ",
    "お問い合わせ受付完了",
    "お問い合わせ受付完了のお知らせ",
    "お問い合わせを受け付けました",
    "お問い合わせを受付けました",
    "お問い合わせを受付ました",
    "お問い合わせを受付いたしました",
    "お問い合わせを受け付けいたしました",
    "お問い合わせありがとうございます",
    "お問い合わせありがとうございました",
    "お問い合わせいただきありがとうございます",
    "お問い合わせいただきありがとうございました",
];

/// 「自動返信メール：…」
const TAILS: &[&str] = &["メール", "メッセージ", "通知"];

/// Bounces, anywhere in the subject.
const BOUNCES: &[&str] = &[
    "配信不能",
    "配信できませんでした",
    "メッセージを配信できません",
    "送信できませんでした",
    "メール送信エラー",
    "undelivered",
    "undeliverable",
    "returned mail",
    "failure notice",
    "delivery failed",
    "delivery failure",
    "could not be delivered",
    "delivery status notification",
    "mail system error",
];

/// Notices of file transfer services, anywhere in the subject.
const FILE_NOTICES: &[&str] = &[
    "ファイル送信のお知らせ",
    "ファイル送付のお知らせ",
    "ファイル転送のお知らせ",
    "ファイル受信のお知らせ",
    "ファイル受け取りのお知らせ",
    "ファイル共有のお知らせ",
    "ファイルダウンロードのお知らせ",
    "ファイル送信通知",
];

/// Reply and forward marks, before an optional `[2]` or `^2` and the colon.
const PREFIXES: &[&str] = &["re", "fwd", "fw", "aw", "wg", "返信", "転送", "回复", "答复"];
/// `[name:0123]`, 【重要】, ***SPAM***: put in front by lists, gateways and people; at most this long, in bytes.
const MAX_TAG: usize = 60;
const TAGS: &[(&str, &str)] = &[("[", "]"), ("【", "】"), ("(", ")"), ("<", ">"), ("***", "***")];

/// R16; of a web form's mail its own subject, too: it may be the copy that the form sends to the customer.
pub fn robot_subject(facts: &Facts) -> Finding {
    let form = facts.inquiry.form.as_ref().map(|form| form.subject.as_str());
    let found = std::iter::once(facts.inquiry.subject.as_str()).chain(form).find_map(robot_phrase);
    found.map(|phrase| human(format!("Subject: {phrase}")))
}

fn robot_phrase(subject: &str) -> Option<&'static str> {
    let subject = normalised(subject);
    let anywhere = |phrases: &[&'static str]| phrases.iter().find(|phrase| subject.contains(**phrase)).copied();
    let found = beginning(&subject).or_else(|| anywhere(BOUNCES)).or_else(|| anywhere(FILE_NOTICES));
    found.or_else(|| password::in_subject(&subject))
}

/// NFKC, lower case, single blanks, one spelling of お問い合わせ.
pub fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    lower_with_single_blanks(&nfkc(text), &mut out);
    one_inquiry(out)
}

/// The same line by line; blank lines are left out.
pub fn normalised_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in nfkc(text).lines() {
        let before = out.len();
        lower_with_single_blanks(line, &mut out);
        if out.len() > before {
            out.push('\n');
        }
    }
    one_inquiry(out)
}

fn one_inquiry(text: String) -> String {
    if !text.contains("お問") {
        return text;
    }
    text.replace("お問合せ", "お問い合わせ").replace("お問い合せ", "お問い合わせ").replace("お問合わせ", "お問い合わせ")
}

/// In one pass: whole mails come through here.
fn lower_with_single_blanks(text: &str, out: &mut String) {
    let (begin, mut rest, mut blank) = (out.len(), text, false);
    // Kana and kanji have no case, and looking them up takes time.
    let stays = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    loop {
        let (same, behind) = rest.split_at(plain_length(rest, stays));
        let mut behind = behind.chars();
        let next = behind.next();
        let other = next.filter(|c| !c.is_whitespace());
        if blank && (other.is_some() || !same.is_empty()) {
            out.push(' ');
            blank = false;
        }
        out.push_str(same);
        out.extend(other.into_iter().flat_map(char::to_lowercase));
        let Some(next) = next else { break };
        blank |= next.is_whitespace() && out.len() > begin;
        rest = behind.as_str();
    }
}

/// The subject as it stays through a whole thread: normalised, without `Re:`, tags in front and our own mark at the end.
pub fn base_subject(subject: &str) -> String {
    let subject = normalised(&unmarked(subject));
    let mut rest = subject.as_str();
    let tag = |text| without_tag(text).filter(|rest| !rest.is_empty());
    while let Some(stripped) = without_prefix(rest).or_else(|| tag(rest)) {
        rest = stripped;
    }
    rest.to_string()
}

/// The phrase the subject begins with, tried before and after every prefix and tag is taken off.
fn beginning(subject: &str) -> Option<&'static str> {
    let (mut rest, mut reply) = (subject, false);
    loop {
        if let Some(phrase) = BEGINNINGS.iter().filter(|b| b.in_replies || !reply).find_map(|b| b.starts(rest)) {
            return Some(phrase);
        }
        if let Some(stripped) = without_prefix(rest) {
            (rest, reply) = (stripped, true);
        } else {
            rest = without_tag(rest)?;
        }
    }
}

impl Beginning {
    fn starts(&self, text: &str) -> Option<&'static str> {
        let text = text.trim_start_matches(['[', '【', '(', '<', '*', ' ']);
        self.phrases.iter().copied().find(|phrase| text.strip_prefix(*phrase).is_some_and(|rest| self.ends(rest)))
    }

    /// Is the phrase complete where `rest` begins?
    fn ends(&self, rest: &str) -> bool {
        let rest = TAILS.iter().find_map(|tail| rest.strip_prefix(tail)).unwrap_or(rest).trim_start();
        rest.starts_with(self.before) || (self.or_end && rest.is_empty())
    }
}

/// `re:`, `re[2]:`, `re^2:`, 「返信:」
fn without_prefix(text: &str) -> Option<&str> {
    let rest = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix))?;
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || "[]^ ".contains(c));
    rest.strip_prefix(':').map(str::trim_start)
}

fn without_tag(text: &str) -> Option<&str> {
    let (_, rest) = TAGS.iter().find_map(|(open, close)| text.strip_prefix(open)?.split_once(close))?;
    (text.len() - rest.len() <= MAX_TAG).then(|| rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_with_one_blank_between_them() {
        for (text, expected) in [
            ("  aB　C \t d  ", "ab c d"),
            ("ABC", "abc"),
            ("\u{a0}設定 の\u{85}手順ÀΣ", "設定 の 手順àσ"),
            ("a\u{1}B", "a\u{1}b"),
            (" 　", ""),
            ("", ""),
        ] {
            assert_eq!(normalised(text), expected, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn that_is_what_words_and_characters_give(text in "[ -~\t\n　\u{85}\u{a0}\u{2028}ぁ-ヿ一-丿、。・Ａ-ｚÀ-ÿΑ-ω]{0,16}|\\PC{0,12}") {
            let mut out = String::from("x");
            lower_with_single_blanks(&text, &mut out);
            let words: Vec<&str> = text.split_whitespace().collect();
            let expected: String = words.join(" ").chars().flat_map(char::to_lowercase).collect();
            assert_eq!(out, format!("x{expected}"));
        }
    }

    #[test]
    fn takes_off_prefixes_and_tags() {
        for subject in [
            "Re: 件名",
            "RE：件名",
            "Ｒｅ：　件名",
            "Re[2]: 件名",
            "Re^2: 件名",
            "Re:Re: Fw: 件名",
            "返信: 件名",
            "【転送】件名",
            "(転送) 件名",
            "AW: WG: 件名",
            "回复: 件名",
            "[desk:0123] Re: 件名",
            "[外部メール]【重要】 ***SPAM*** 件名",
        ] {
            assert_eq!(base_subject(subject), "件名", "{subject}");
        }
        for (subject, base) in [
            ("Regarding: x", "regarding: x"),
            ("転送されない", "転送されない"),
            ("Re: 【質問】", "【質問】"),
            ("Re: ", ""),
        ] {
            assert_eq!(base_subject(subject), base);
        }
    }
}

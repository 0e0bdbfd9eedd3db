//! The second mail of a pair "encrypted attachment, then its password" (PPAP): no inquiry, and it holds a secret.
//!
//! Such mail is not classified at all, so that no evidence can quote the password.

use super::content::OwnText;
use super::subject::normalised;
use crate::triage::inquiry::Inquiry;

/// At the end of the subject. 「パスワードを忘れました」 is an inquiry.
const SUBJECTS: &[&str] = &[
    "パスワードのお知らせ",
    "パスワードのご連絡",
    "パスワードお知らせ",
    "パスワード通知",
    "【パスワード】",
    "[パスワード]",
];
/// Beginnings of the line with the password; NFKC, lower case, without blanks and brackets.
const LINES: &[&str] =
    &["パスワード:", "解凍パスワード:", "復号パスワード:", "展開パスワード:", "zipパスワード:", "password:", "pw:"];
/// Said anywhere in a line before the password; NFKC, lower case.
const SENTENCES: &[&str] = &[
    "パスワードは以下の",
    "パスワードは下記の",
    "パスワードは次の",
    "パスワードをお知らせし",
    "パスワードをお知らせいた",
    "パスワードをご連絡し",
    "パスワードをご連絡いた",
    "パスワードをお送りし",
    "パスワードをお送りいた",
];

/// Does this mail only bring the password for the attachment of another one?
pub fn is_password_notice(inquiry: &Inquiry) -> bool {
    // No other spelling of these is normalised to them: without one, the text need not be looked at.
    let speaks_of_mail = ["先程", "先ほど", "さきほど", "添付"].iter().any(|word| inquiry.text.contains(word));
    in_subject(&normalised(&inquiry.subject)).is_some() || (speaks_of_mail && in_text(&OwnText::of(inquiry).beginning))
}

/// The same, where its text is known.
pub fn brings_password(inquiry: &Inquiry, text: &OwnText) -> bool {
    in_subject(&normalised(&inquiry.subject)).is_some() || in_text(&text.beginning)
}

/// The phrase that a normalised subject ends with.
pub(super) fn in_subject(subject: &str) -> Option<&'static str> {
    let last = subject.trim_end_matches(['。', ')', '!']);
    SUBJECTS.iter().find(|phrase| last.ends_with(**phrase)).copied()
}

/// Lines that give a password and speak of something sent before.
pub(super) fn in_text(text: &str) -> bool {
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    any(&["先程", "先ほど", "さきほど", "添付ファイル"])
        && any(&["送付", "送信", "お送り", "添付"])
        && text.lines().any(gives_password)
}

fn gives_password(line: &str) -> bool {
    let bare = line.replace([' ', '】', ']'], "");
    let bare = bare.trim_start_matches(['■', '・', '●', '*', '-', '【', '[', '<', '◆', '※']);
    SENTENCES.iter().any(|word| line.contains(word)) || LINES.iter().any(|word| bare.starts_with(word))
}

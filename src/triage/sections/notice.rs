//! What gateways and companies put into mails: banners at the top, confidentiality notes at the bottom, lines of the
//! mail program.

use super::lines::{Line, is_rule};
use crate::triage::inquiry::SectionKind;
use crate::triage::word_set::WordSet;

/// A banner stands within this many lines from the top.
const TOP: usize = 5;
/// A legal footer stands within this many lines from the bottom.
const BOTTOM: usize = 15;

pub fn mark(lines: &mut [Line]) {
    banner(lines);
    footer(lines);
    for line in lines.iter_mut().filter(|l| l.is_own()) {
        if is_device_line(line.text) {
            line.found = Some(SectionKind::Signature);
        }
    }
}

fn banner(lines: &mut [Line]) {
    let mut above = false;
    for line in lines.iter_mut().filter(|l| l.is_own()).take(TOP) {
        let text = line.text.to_ascii_lowercase();
        if is_banner(&text) || (above && (is_warning(&text) || is_rule(&text))) {
            line.found = Some(SectionKind::Banner);
            above = true;
        } else {
            above = false;
        }
    }
}

/// Whole lines that only a gateway writes. People write about such mail, too: so it must say where the mail comes from
/// and have a gateway's form.
fn is_banner(text: &str) -> bool {
    const ORIGIN: &[&str] = words!(
        "社外から" "外部から" "組織外から" "external" "originated from outside" "outside of the organization"
        "outside your organization" "社外メール" "外部メール"
    );
    const FORM: &[&str] = words!(
        "[" "【" "※" "*" "<" "＜" "注意" "警告" "caution" "warning" "external" "this email" "this message"
        "このメールは"
    );
    let asks = text.contains(['？', '?']) || text.ends_with("か。");
    !asks
        && text.chars().count() <= 200
        && ORIGIN.iter().any(|o| text.contains(o))
        && FORM.iter().any(|f| text.starts_with(f))
}

/// The second line of a banner.
fn is_warning(text: &str) -> bool {
    const WARNING: &[&str] = words!("do not click" "attachments" "recognize the sender" "リンク" "添付ファイル" "不審");
    const FORM: &[&str] = words!("ご注意" "注意して" "開かない" "クリックしない" "unless" "safe");
    WARNING.iter().any(|w| text.contains(w)) && FORM.iter().any(|f| text.contains(f))
}

/// Paragraphs near the end that speak like a lawyer: about this mail, wrong receivers, and what is then forbidden.
fn footer(lines: &mut [Line]) {
    let own: Vec<usize> = (0..lines.len()).filter(|i| lines[*i].is_own()).collect();
    let paragraphs: Vec<&[usize]> =
        own.chunk_by(|a, b| b - a == 1 && !is_rule(lines[*b].text) && !is_rule(lines[*a].text)).collect();
    let mut left = own.len();
    let mut found = Vec::new();
    for paragraph in paragraphs.iter().rev() {
        left -= paragraph.len();
        if left > 0 && own.len() - left <= BOTTOM {
            found.extend(legal_lines(lines, paragraph));
        }
    }
    // the rules around a footer belong to it
    for index in found.clone() {
        let near = [index.checked_sub(1), Some(index + 1)];
        found.extend(near.into_iter().flatten().filter(|n| lines.get(*n).is_some_and(|l| is_rule(l.text))));
    }
    for index in found {
        lines[index].found = Some(SectionKind::Footer);
    }
}

/// The part of a paragraph from the first line about "this mail" on, if the whole is legal talk.
fn legal_lines(lines: &[Line], paragraph: &[usize]) -> Vec<usize> {
    static THIS: WordSet = WordSet::of(words!(
        "本メール" "このメール" "本電子メール" "この電子メール" "本e-mail" "this e-mail" "this email" "this message"
        "本通信"
    ));
    const WRONG: &[&str] = words!(
        "誤って受信" "誤って本メール" "誤ってこのメール" "誤送信" "誤って送信された" "機密情報" "秘密情報" "名宛人"
        "受信者以外" "宛先以外" "意図された" "confidential" "intended recipient" "intended solely" "法的な拘束力"
    );
    const THEN: &[&str] = words!(
        "破棄" "削除" "開示" "複写" "複製" "転用" "第三者" "禁じ" "禁止" "prohibited" "delete" "ものではありません"
    );
    let start = paragraph.iter().position(|i| THIS.is_in(&lines[*i].text.to_ascii_lowercase()));
    let Some(start) = start else { return Vec::new() };
    let legal = &paragraph[start..];
    let all: String = legal.iter().map(|i| lines[*i].text.to_ascii_lowercase()).collect();
    let asks = all.contains(['？', '?']) || all.contains("でしょうか") || all.contains("ください。また");
    let signs = usize::from(contains(&all, WRONG)) + usize::from(contains(&all, THEN));
    if asks || signs == 0 || (signs == 1 && !contains(&all, &["ものではありません", "禁じ", "intended"])) {
        return Vec::new();
    }
    legal.to_vec()
}

fn contains(text: &str, words: &[&str]) -> bool {
    let lower = text.to_ascii_lowercase();
    words.iter().any(|w| lower.contains(w))
}

/// `iPhoneから送信`: put there by the mail program.
fn is_device_line(text: &str) -> bool {
    const ENGLISH: &[&str] = words!("sent from " "get outlook for");
    const SENT: &[&str] = words!("から送信" "からの送信" "より送信" "を使用して送信" "で送信" "されました");
    const DEVICES: &[&str] = words!(
        "iphone" "ipad" "android" "galaxy" "xperia" "pixel" "スマートフォン" "docomo" "softbank" "yahoo!メール"
        "gmail" "outlook"
    );
    if text.len() > 120 {
        return false;
    }
    let text = text.trim_end_matches(['。', ' ']);
    let begins = |word: &&str| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    ENGLISH.iter().any(begins) || (DEVICES.iter().any(begins) && SENT.iter().any(|s| text.ends_with(s)))
}

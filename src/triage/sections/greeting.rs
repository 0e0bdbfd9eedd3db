//! The polite beginning: 「○○様」「お世話になっております。」「○○株式会社の山田です。」

use super::lines::Line;
use super::vocabulary::GREETING;
use crate::triage::inquiry::SectionKind;

/// Marks lines from the top on, until one says something. A line that greets and then says something is divided.
pub fn mark(lines: &mut [Line]) {
    for line in lines.iter_mut().filter(|l| l.is_own()) {
        if is_addressee(line.text) {
            line.found = Some(SectionKind::Greeting);
            continue;
        }
        let rest = peel(line.text);
        if rest.is_empty() {
            line.found = Some(SectionKind::Greeting);
            continue;
        }
        if rest.len() < line.text.len() {
            line.greeting_end = line.text_end - rest.len();
        }
        return;
    }
}

/// What is left behind greeting sentences.
fn peel(text: &str) -> &str {
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .find(['。', '！', '!', '\n'])
            .map_or(rest.len(), |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
        let sentence = &rest[..end];
        if !GREETING.covers(sentence) && !is_introduction(sentence) {
            return comma(rest);
        }
        rest = rest[end..].trim_start();
    }
    rest
}

/// 「お世話になっております、○○の件です」: a greeting may end in a comma or a wide space.
fn comma(text: &str) -> &str {
    let end = text.find(['、', '，', '　']).filter(|at| GREETING.covers(&text[..*at]));
    end.map_or(text, |at| text[at + '、'.len_utf8()..].trim_start())
}

/// 「株式会社○○ サポート窓口 ご担当者様」, alone on its line.
fn is_addressee(text: &str) -> bool {
    const TITLES: &[&str] = words!("様" "さま" "殿" "御中" "各位" "先生" "担当者さん");
    const TO: &[&str] = words!("担当者へ" "の方へ" "様へ" "御中へ");
    let text = text.trim_end_matches(['、', ',', '，', '。', ' ', '　']);
    let plain = !text.contains(['。', '、', '？', '?', '：', ':', '！', 'を']) && text.chars().count() <= 40;
    plain && TITLES.iter().chain(TO).any(|t| text.ends_with(t))
}

/// 「○○株式会社 総務部の山田です。」 Who writes stands in the register; what they want must not be taken for a name:
/// with 「です」 a word for a firm or department is needed, and no word for a matter.
fn is_introduction(sentence: &str) -> bool {
    const SAYS_MORE: &[&str] = words!(
        "を" "が" "ので" "ため" "たい" "ません" "ました" "について" "件" "質問" "相談" "依頼" "連絡" "報告"
        "問い合わせ" "至急"
    );
    let text = sentence.trim_end_matches(['。', '！', '!', ' ']);
    if text.chars().count() > 60 || SAYS_MORE.iter().any(|w| text.contains(w)) {
        return false;
    }
    if text.ends_with("と申します") || text.ends_with("と申す者です") {
        return true;
    }
    let Some(who) = text.strip_suffix("です").or_else(|| text.strip_suffix("でございます")) else {
        return false;
    };
    names_a_firm(who) && ends_in_a_name(who)
}

fn names_a_firm(text: &str) -> bool {
    const FIRM: &[&str] = words!(
        "株式会社" "㈱" "（株）" "(株)" "有限会社" "㈲" "（有）" "(有)" "合同会社" "法人" "病院" "医院" "クリニック"
        "大学" "学校" "高校" "学園" "商店" "商会" "商事" "工業" "製作所" "事務所" "銀行" "役所" "役場" "組合" "協会"
        "担当" "システム部" "総務" "情シス" "営業所" "支店"
    );
    FIRM.iter().any(|f| text.contains(f))
}

/// The last word is short, and no word for a thing.
fn ends_in_a_name(text: &str) -> bool {
    const THINGS: &[&str] = words!(
        "端末" "機種" "機能" "仕様" "設定" "故障" "障害" "不具合" "希望" "契約" "解約" "変更" "更新" "見積" "請求"
        "番号" "通り" "もの" "こと" "予定" "担当" "者"
    );
    let name = text.rsplit(['の', '、', '・', ' ', '　']).next().unwrap_or_default();
    let count = name.chars().count();
    name.len() < text.len() && (1..=6).contains(&count) && !THINGS.iter().any(|t| name.ends_with(t))
}

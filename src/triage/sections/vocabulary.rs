//! Lines that say nothing: made of polite words only.
//!
//! A closed vocabulary cannot swallow a customer's word, as a pattern with a wildcard can: one word that is not in the
//! list, and the line says something.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind, StartKind};

/// Polite words, and which of them make a line polite.
pub struct Vocabulary {
    /// At least one of these.
    anchors: &'static [&'static str],
    /// Anything between them.
    fillers: &'static [&'static str],
    /// Finds the longest word that a text begins with, anchors first; built when it is first needed.
    automaton: OnceLock<Option<AhoCorasick>>,
}

impl Vocabulary {
    const fn of(anchors: &'static [&'static str], fillers: &'static [&'static str]) -> Vocabulary {
        Vocabulary { anchors, fillers, automaton: OnceLock::new() }
    }

    /// Is the text made of these words only?
    pub fn covers(&self, text: &str) -> bool {
        let mut rest = skip(text);
        let mut anchored = false;
        while !rest.is_empty() {
            let Some(word) = self.longest(rest) else { return false };
            anchored = anchored || self.anchors.iter().any(|anchor| word.starts_with(anchor));
            rest = skip(&rest[word.len()..]);
        }
        anchored
    }

    /// The longest word that the text begins with.
    fn longest<'t>(&self, text: &'t str) -> Option<&'t str> {
        let words = || self.anchors.iter().chain(self.fillers);
        let build = || {
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).start_kind(StartKind::Anchored);
            // Short texts are asked about: a DFA would be no faster, and take ten times the memory.
            builder.kind(Some(AhoCorasickKind::ContiguousNFA)).build(words()).ok()
        };
        let automaton = self.automaton.get_or_init(build).as_ref()?;
        let found = automaton.try_find(Input::new(text).anchored(Anchored::Yes)).ok()??;
        Some(&text[..found.end()])
    }
}

fn skip(text: &str) -> &str {
    text.trim_start_matches(['。', '、', '，', '．', ',', '.', '！', '!', '♪', '～', '…', ' ', '　', '\t'])
}

/// 「いつも大変お世話になっております。」
pub static GREETING: Vocabulary = Vocabulary::of(
    words!(
        "お世話に" "御世話に" "おせわに" "お世話様" "お世話さま" "お疲れ様" "お疲れさま" "はじめまして" "初めまして"
        "こんにちは" "こんばんは" "おはようございます" "まいど" "毎度" "拝啓" "前略" "謹啓" "突然の" "突然" "平素"
        "日頃" "日ごろ" "はじめてご連絡" "初めてご連絡" "はじめてメール" "初めてメール" "はじめてお問い合わせ"
        "初めてお問い合わせ" "お忙しいところ" "お忙しい中" "ご多忙のところ" "ご多忙中" "いつもありがとうございます"
        "Hello" "Hi" "Dear"
    ),
    words!(
        "いつも" "大変" "たいへん" "誠に" "まことに" "なって" "なります" "なりました" "おります" "います" "です"
        "でございます" "ございます" "より" "から" "は" "も" "格別の" "格別なる" "ひとかたならぬ" "ご高配" "御高配"
        "ご厚情" "ご愛顧" "御愛顧" "お引き立て" "お引立て" "ご支援" "ご協力" "ご利用" "賜り" "賜わり" "いただき"
        "頂き" "を" "の" "で" "に" "にて" "厚く" "心より" "深く" "御礼" "お礼" "感謝" "申し上げます" "申しあげます"
        "いたします" "致します" "いたしております" "しております" "させていただきます" "させて頂きます" "差し上げます"
        "ご連絡" "メール" "お問い合わせ" "問い合わせ" "失礼" "失礼します" "恐れ入ります" "恐縮です" "恐縮ですが"
        "申し訳ございません" "申し訳ありません" "お許しください" "ありがとう" "有難う" "有り難う" "おおきに" "時下"
        "ますます" "益々" "ご清栄" "御清栄" "ご清祥" "御清祥" "ご隆盛" "ご発展" "の段" "のこと" "こと" "と" "お慶び"
        "お喜び" "貴社" "御社" "貴社におかれましては" "皆様" "晩秋の候" "初秋の候" "仲秋の候" "秋冷の候" "向寒の候"
        "初冬の候" "初夏の候" "盛夏の候" "新春の候" "Support" "support" "team" "Team" "Sir" "Madam" "or" "there" "all"
    ),
);

/// 「以上、お手数ですがよろしくお願いいたします。」
pub static CLOSING: Vocabulary = Vocabulary::of(
    words!(
        "以上" "敬具" "草々" "早々" "かしこ" "拝具" "謹白" "頓首" "よろしく" "宜しく" "宜敷く" "Best regards"
        "Kind regards" "Regards" "Thanks" "Thank you" "Sincerely"
    ),
    words!(
        "です" "となります" "になります" "でございます" "それでは" "では" "引き続き" "今後とも" "どうぞ" "どうか"
        "何卒" "なにとぞ" "くれぐれも" "お願い" "御願い" "おねがい" "いたします" "致します" "します" "申し上げます"
        "申しあげます" "いたしたく" "存じます" "お手数" "お手間" "を" "おかけ" "お掛け" "お忙しい" "ご多忙" "ご多用"
        "御多忙" "ところ" "とは存じますが" "中" "の" "時期に" "大変" "たいへん" "誠に" "まことに" "恐れ入りますが"
        "恐れいりますが" "恐縮ですが" "恐縮でございますが" "恐縮では" "ございますが" "ですが" "しますが"
        "いたしますが" "致しますが" "申し訳ありませんが" "申し訳ございませんが" "勝手を申しますが" "勝手ながら" "ほど"
        "程" "ご回答" "ご返信" "ご返答" "お返事" "ご返事" "ご確認" "ご検討" "ご査収" "ご教示" "ご教授" "ご指導"
        "ご対応" "ご協力" "ご連絡" "ご理解" "ご高配" "のうえ" "の上" "yours" "Yours" "in advance" "and" "best"
        "so much" "very much"
    ),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_lines_that_say_nothing_else() {
        for line in [
            "いつも大変お世話になっております。",
            "平素は格別のご高配を賜り、厚く御礼申し上げます。",
            "拝啓　晩秋の候、貴社ますますご清栄のこととお慶び申し上げます。",
            "突然のご連絡失礼いたします。",
            "はじめまして。",
        ] {
            assert!(GREETING.covers(line), "{line}");
        }
        for line in [
            "以上、よろしくお願いいたします。",
            "お忙しいところ恐れ入りますが、ご確認のほどよろしくお願い申し上げます。",
            "お手数をおかけいたしますが、何卒よろしくお願い申し上げます。",
            "敬具",
        ] {
            assert!(CLOSING.covers(line), "{line}");
        }
    }

    #[test]
    fn one_other_word_and_the_line_says_something() {
        for line in [
            "",
            "大変",
            "お世話になっておりますが動きません",
            "突然画面が消えました",
            "お世話になっております。山田です",
        ] {
            assert!(!GREETING.covers(line), "{line}");
        }
        for line in ["", "ご確認をお願いします", "解約の件、よろしくお願いします", "以上の端末が動きません"]
        {
            assert!(!CLOSING.covers(line), "{line}");
        }
    }
}

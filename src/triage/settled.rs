//! 「解決しました」: the sender says that the matter is settled, and asks nothing more.

use std::sync::OnceLock;

use regex::Regex;

use super::own_words::OwnWords;

/// Told as done; 「解決していません」 and 「解決したい」 are not in it.
const DONE: &str = concat!(
    "解決(?:しました|いたしました|致しました|済み|できました|したので|したため)|自己解決(?:し|いたし|致し)",
    "|解消(?:しました|されました|いたしました|致しました)|直りました|なおりました|復旧(?:しました|いたしました|済み)",
    "|(?:動く|使える|つながる|繋がる|できる|届く|表示される)ようになりました|無事に?(?:でき|完了|設定でき)",
    r"|\b(?:resolved|solved|fixed) (?:now|it|the)\b|\b(?:is|was|been|got) (?:resolved|solved|fixed)\b",
);

/// A wish that ends the matter, although it is a wish.
const WITHDRAWN: &str = concat!(
    "取り?下げ|(?:ご?回答|ご?返信|ご?対応|お問い?合わせ|問い?合わせ)は?(?:不要|結構)",
    r"|\bnever mind\b|\bplease (?:disregard|ignore)\b",
);

struct Words {
    done: Phrases,
    withdrawn: Phrases,
}

/// What is looked for, and the same without borders of words, which finds more. Where text is not English, borders keep
/// the `regex` crate from its fast search: each mail would be read a hundred times slower.
struct Phrases {
    bordered: Regex,
    borderless: Regex,
}

impl Phrases {
    fn of(phrases: &str) -> Option<Phrases> {
        let borderless = Regex::new(&phrases.replace(r"\b", "")).ok()?;
        Some(Phrases { bordered: Regex::new(phrases).ok()?, borderless })
    }

    fn may_be_in(&self, text: &str) -> bool {
        self.borderless.is_match(text)
    }

    fn are_in(&self, text: &str) -> bool {
        self.may_be_in(text) && self.bordered.is_match(text)
    }
}

fn words() -> Option<&'static Words> {
    static WORDS: OnceLock<Option<Words>> = OnceLock::new();
    let compile = || Some(Words { done: Phrases::of(DONE)?, withdrawn: Phrases::of(WITHDRAWN)? });
    WORDS.get_or_init(compile).as_ref()
}

/// Is the matter settled, as far as the sender says so today?
pub fn settled(own: &OwnWords) -> bool {
    let Some(words) = words() else { return false };
    // Nothing of it reaches over a sentence's end, and hardly any mail has it.
    if !words.withdrawn.may_be_in(own.text()) && !words.done.may_be_in(own.text()) {
        return false;
    }
    let mut told = false;
    for (index, sentence) in own.sentences().iter().enumerate() {
        let text = own.sentence(index);
        match () {
            () if words.withdrawn.are_in(text) => told = true,
            () if sentence.question => return false,
            () => told |= words.done.are_in(text),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::inquiry::{Inquiry, Section, SectionKind};

    fn says(text: &str) -> bool {
        let sections = vec![Section { kind: SectionKind::Body, start: 0, end: text.len() }];
        settled(&OwnWords::of(&Inquiry { text: text.into(), sections, ..Inquiry::default() }))
    }

    #[test]
    fn a_settled_matter_is_told_from_an_open_one() {
        for text in [
            "先ほどの件、解決しました。",
            "自己解決いたしました。お騒がせしました。",
            "再起動したところ、使えるようになりました。",
            "お問い合わせは取り下げます。",
            "先ほどのメールの取り下げをお願いします。",
            "ご回答は不要です。",
            "Never mind, it was solved.",
        ] {
            assert!(says(text), "{text}");
        }
        for text in [
            "まだ解決していません。",
            "解決したいです。",
            "解決しましたか？",
            "この件は解決しました。別件で、登録の手順を教えてください。",
            "早く解決してください。",
            "設定の手順を教えてください。",
            // Parts of other words.
            "This resolved nowhere.",
            "",
        ] {
            assert!(!says(text), "{text}");
        }
    }
}

//! How deadlines are written, as patterns over folded text.

use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::Regex;

use crate::triage::required::required;

pub struct Words {
    /// With the groups `day`, `time`, `mark`, or `number` and `unit`.
    pub dated: Vec<Regex>,
    pub urgent: Regex,
    /// What takes it back, right behind it.
    pub denied: Regex,
    /// What some pattern needs; none if one needs no certain text.
    needed: Option<AhoCorasick>,
}

impl Words {
    /// False where no pattern can match, as in most sentences.
    pub fn may_stand_in(&self, text: &str) -> bool {
        self.needed.as_ref().is_none_or(|needed| needed.is_match(text))
    }
}

/// Texts of which one at least stands where one of the patterns matches.
fn needed<'a>(patterns: impl Iterator<Item = &'a Regex>) -> Option<AhoCorasick> {
    let texts: Vec<Vec<String>> = patterns.map(|pattern| required(pattern.as_str())).collect::<Option<_>>()?;
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostFirst).kind(Some(AhoCorasickKind::DFA)).build(texts.concat()).ok()
}

/// A day by its date, with its weekday in brackets: 「11/25(水)」
const DATE: &str =
    r"(?:\d{4}[年/.-]\d{1,2}[月/.-]\d{1,2}日?|令和(?:\d{1,2}|元)年\d{1,2}月\d{1,2}日|\d{1,2}[月/]\d{1,2}日?|\d{1,2}日)";
const WEEKDAY: &str = r"(?:(?:来週|今週)の?)?[月火水木金土日]曜日?";
const NEAR: &str = "本日|今日|きょう|当日|明後日|あさって|明日|あした|あす|翌営業日|翌日|週明け|来週明け|来週頭";
const PERIOD: &str =
    "今週末|週末|今週|来週|今月末|今月|当月|来月末|翌月末|来月|月末|月内|年度末|年度内|今年度|年内|年末|今年";
const CLOCK: &str = r"(?:午前|午後)?\d{1,2}(?:時半|時\d{1,2}分|時|:\d{2})";
const SPOKEN: &str = "朝一番|朝一|朝イチ|朝いち|始業|午前中|午前|正午|お昼|昼|午後一|午後イチ|夕方";
const MARK: &str = "までに|までで|まで|必着|厳守|締切|締め切り|〆切|期限|いっぱい|一杯";
const ENGLISH: &str = "today|tomorrow|end of day|eod|monday|tuesday|wednesday|thursday|friday|saturday|sunday";

/// None if a pattern is wrong, which a test would see.
pub fn words() -> Option<&'static Words> {
    static WORDS: OnceLock<Option<Words>> = OnceLock::new();
    WORDS.get_or_init(|| compile().ok()).as_ref()
}

fn compile() -> Result<Words, regex::Error> {
    let joint = r"(?:\([^()]{1,8}\))?[の、, ]?";
    let day = format!("{DATE}|{WEEKDAY}|{NEAR}|{PERIOD}");
    let patterns = [
        // 「11/25(水) 15時まで」, 「今月末までに」
        format!("(?P<day>{day}){joint}(?P<time>{CLOCK}|{SPOKEN})?(?:ごろ|頃|くらい)?(?P<mark>{MARK})"),
        // 「本日中に」, 「今週中」, 「明日の午前中に」
        format!(
            "(?P<day>本日|今日|きょう|明日|あす|明後日|翌営業日|今週|来週|今月|当月|来月|今年|今年度){joint}(?P<mark>中)(?:に|で)?"
        ),
        format!("(?P<day>{NEAR}|{DATE}|{WEEKDAY}){joint}(?P<time>{SPOKEN})(?P<mark>に|で)"),
        "(?P<day>年内|月内|年度内)(?P<mark>に|で)".to_owned(),
        // 「15時までに」
        format!("(?P<time>{CLOCK}|正午)(?P<mark>{MARK})"),
        // 「3営業日以内」
        r"(?P<number>\d{1,3}|[一二三四五])(?P<unit>営業日|日|時間|週間|か月|ヶ月|カ月|ケ月)以内(?P<mark>に|で|を)?"
            .to_owned(),
        // 「期限は11月25日」, 「希望納期:11/25」
        format!("(?P<mark>期限|締切|締め切り|〆切|納期|期日)(?:が|は|:|：| )+(?P<day>{day}){joint}(?P<time>{CLOCK})?"),
        format!(r"\b(?P<mark>by|until|before) (?:the )?(?P<day>{ENGLISH})\b"),
    ];
    let dated: Vec<Regex> = patterns.iter().map(|pattern| Regex::new(pattern)).collect::<Result<_, _>>()?;
    let urgent = Regex::new(concat!(
        "大至急|至急|早急に?|今すぐに?|直ちに|一刻も早|お急ぎ(?:で|の|です|に)|急ぎ(?:で|の|です|に)",
        "|緊急(?:です|で(?:お願い|ご?対応)|に(?:ご|対応|お願い)|の(?:ご対応|対応)|性が高)",
        r"|\basap\b|\bas soon as possible\b|\burgent(?:ly)?\b|\bimmediately\b"
    ))?;
    Ok(Words {
        needed: needed(dated.iter().chain([&urgent])),
        dated,
        urgent,
        denied: Regex::new("^(?:で|と)?(?:は|も)?(?:ない|なく|ありません|ございません|あり?ま?せん|の場合)")?,
    })
}

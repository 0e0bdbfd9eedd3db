//! Dates, times and durations in folded text, in the order in which they stand there.

use std::sync::LazyLock;

use jiff::civil::Weekday;
use regex::{Captures, Regex};

/// Something that tells a time, at bytes `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub start: usize,
    pub end: usize,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Day(Day),
    /// Without hour: of the hour named before (「同42分」). `words`: no number (「朝」). `sure`: it cannot mean the other half of the day.
    Time {
        hour: Option<i8>,
        minute: i8,
        words: bool,
        sure: bool,
    },
    Duration {
        minutes: i64,
    },
    WholeDay,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Day {
    Full {
        year: i16,
        month: i8,
        day: i8,
    },
    MonthDay {
        month: i8,
        day: i8,
    },
    OfMonth {
        day: i8,
    },
    /// The day after the one named before.
    Next,
    Same,
    Ago {
        days: i64,
    },
    /// `weeks` before this week, if told.
    Weekday {
        weekday: Weekday,
        weeks: Option<i32>,
    },
}

/// What a time that stands alone is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Begin,
    End,
    /// The provider was told.
    Told,
    Other,
}

type Build = fn(&Captures<'_>) -> Option<What>;

/// At each place the first pattern that fits counts: longer forms stand before shorter ones.
static PATTERNS: LazyLock<Vec<(Regex, Build)>> = LazyLock::new(|| {
    let part = "(?P<part>午前|午後|am|pm|朝の?|早朝の?|明け方の?|昼の?|お昼の?|昼過ぎの?|夕方の?|夜の?|晩の?|深夜の?|夜中の?|未明の?)?";
    let n = r"\d{1,2}|[零一二三四五六七八九十]{1,3}";
    let table: [(String, Build); 19] = [
        (r"(?P<y>20\d\d)[年/.-](?P<m>\d{1,2})[月/.-](?P<d>\d{1,2})日?".into(), full),
        (format!("令和(?P<r>{n})年(?P<m>{n})月(?P<d>{n})日"), full),
        (r"(?P<d>\d{1,2}) (?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,? ?(?P<y>20\d\d)?".into(), english),
        (r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* (?P<d>\d{1,2})(st|nd|rd|th)?,? ?(?P<y>20\d\d)?".into(), english),
        (format!("(?P<m>{n})月(?P<d>{n})日"), month_day),
        (r"(?P<m>\d{1,2})/(?P<d>\d{1,2})".into(), month_day),
        (r"(?P<n>[0-9]+|[一二三四五六七八九十]|半)(?P<u>日|昼夜)(間|余り)|(丸|まる)(?P<n2>[0-9]+|[一二三四五六七八九十])日".into(), days_long),
        (r"終日|(一|1)日(中|じゅう)|(丸|まる)(一|1)日".into(), |_| Some(What::WholeDay)),
        (format!("翌(日の?|(?P<d>{n})日の?)|翌(?P<next>朝|未明|晩)の?"), next_day),
        (r"同日|その日".into(), |_| Some(What::Day(Day::Same))),
        (r"(一昨日|おととい|昨日|きのう|昨夜|昨晩|ゆうべ|本日|今日|きょう|今朝|けさ|今夜|yesterday|today)(の)?".into(), ago),
        (r"(?P<w>先々週|先週|今週|前の?週)?の?(?P<k>[月火水木金土日])曜日?の?".into(), weekday),
        (format!(r"{part}(?P<h>\d{{1,2}}):(?P<min>\d{{2}})(:\d\d)? ?(?P<suffix>am|pm|a\.m\.|p\.m\.)?"), clock),
        (format!("{part}(?P<h>{n})時間?(?P<span>間)?(?P<half>半)?(?:(?P<min>{n})分)?"), hours),
        (r"(?P<h>\d{1,2}) ?(?P<suffix>am|pm|a\.m\.|p\.m\.)".into(), clock),
        (r"同(?P<min>\d{1,2})分".into(), same_hour),
        (format!(r"(?P<min>\d{{1,3}}|{n})分間?"), minutes),
        (r"正午|(?P<word>朝|早朝|明け方|昼|お昼|夕方|夜|晩|深夜|未明)(?P<p>から|まで|より|の?うち|に)".into(), part_of_day),
        (r"(?P<d>\d{1,2})日(\([月火水木金土日]\))?(の)?".into(), of_month),
    ];
    table.into_iter().filter_map(|(source, build)| Some((Regex::new(&source).ok()?, build))).collect()
});

/// Everything that tells a time, from left to right.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let hits = PATTERNS.iter().enumerate().filter_map(|(rank, (pattern, build))| {
            let groups = pattern.captures_at(text, at)?;
            let whole = groups.get(0)?;
            // 「朝から」: what shows that it is a time is not part of it.
            let end = groups.name("p").map_or(whole.end(), |particle| particle.start());
            Some((whole.start(), rank, end, build(&groups)))
        });
        let Some((start, _, end, what)) = hits.min_by_key(|(start, rank, ..)| (*start, *rank)) else { break };
        found.extend(what.map(|what| Token { start, end, what }));
        at = end.max(start + 1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    found
}

fn number(groups: &Captures<'_>, name: &str) -> Option<i64> {
    let text = groups.name(name)?.as_str();
    text.parse().ok().or_else(|| kanji(text))
}

fn small(groups: &Captures<'_>, name: &str) -> Option<i8> {
    number(groups, name).and_then(|n| n.try_into().ok())
}

/// 零 … 九十九.
fn kanji(text: &str) -> Option<i64> {
    const DIGITS: &str = "零一二三四五六七八九";
    let digit = |c: char| DIGITS.chars().position(|d| d == c).and_then(|n| i64::try_from(n).ok());
    let mut sum = 0;
    for c in text.chars() {
        sum = match (c, digit(c)) {
            ('十', _) => sum.max(1) * 10,
            (_, Some(n)) => sum + n,
            _ => return None,
        };
    }
    Some(sum)
}

fn full(groups: &Captures<'_>) -> Option<What> {
    /// Reiwa 1 is 2019.
    const BEFORE_REIWA: i64 = 2018;
    let year = number(groups, "y").or_else(|| number(groups, "r").map(|n| n + BEFORE_REIWA))?;
    Some(What::Day(Day::Full { year: year.try_into().ok()?, month: small(groups, "m")?, day: small(groups, "d")? }))
}

fn english(groups: &Captures<'_>) -> Option<What> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let name = groups.name("month")?.as_str();
    let month = i8::try_from(MONTHS.iter().position(|month| *month == name)? + 1).ok()?;
    let day = small(groups, "d")?;
    let year = number(groups, "y").and_then(|year| year.try_into().ok());
    Some(What::Day(match year {
        Some(year) => Day::Full { year, month, day },
        None => Day::MonthDay { month, day },
    }))
}

fn month_day(groups: &Captures<'_>) -> Option<What> {
    let (month, day) = (small(groups, "m")?, small(groups, "d")?);
    let possible = (1..=12).contains(&month) && (1..=31).contains(&day);
    possible.then_some(What::Day(Day::MonthDay { month, day }))
}

fn of_month(groups: &Captures<'_>) -> Option<What> {
    let day = small(groups, "d")?;
    (1..=31).contains(&day).then_some(What::Day(Day::OfMonth { day }))
}

fn days_long(groups: &Captures<'_>) -> Option<What> {
    let days = number(groups, "n").or_else(|| number(groups, "n2"))?;
    Some(What::Duration { minutes: days * 24 * 60 })
}

/// 「翌朝」 is a day; its hour stands behind.
fn next_day(groups: &Captures<'_>) -> Option<What> {
    Some(What::Day(small(groups, "d").map_or(Day::Next, |day| Day::OfMonth { day })))
}

fn ago(groups: &Captures<'_>) -> Option<What> {
    let days = match groups.get(1)?.as_str() {
        "一昨日" | "おととい" => 2,
        "本日" | "今日" | "きょう" | "今朝" | "けさ" | "今夜" | "today" => 0,
        _ => 1,
    };
    Some(What::Day(Day::Ago { days }))
}

fn weekday(groups: &Captures<'_>) -> Option<What> {
    const NAMES: &str = "月火水木金土日";
    let name = groups.name("k")?.as_str().chars().next()?;
    let offset = NAMES.chars().position(|c| c == name)?;
    let weekday = Weekday::from_monday_zero_offset(offset.try_into().ok()?).ok()?;
    let weeks = groups.name("w").map(|w| match w.as_str() {
        "今週" => 0,
        "先々週" => 2,
        _ => 1,
    });
    Some(What::Day(Day::Weekday { weekday, weeks }))
}

fn clock(groups: &Captures<'_>) -> Option<What> {
    let minute = small(groups, "min").unwrap_or(0);
    time(groups, small(groups, "h")?, minute)
}

/// 「9時半」, 「15時5分」, and 「2時間半」, which is no time.
fn hours(groups: &Captures<'_>) -> Option<What> {
    let half = if groups.name("half").is_some() { 30 } else { 0 };
    let minute = small(groups, "min").unwrap_or(half);
    if groups.get(0)?.as_str().contains("時間") {
        return Some(What::Duration { minutes: number(groups, "h")? * 60 + i64::from(minute) });
    }
    time(groups, small(groups, "h")?, minute)
}

fn time(groups: &Captures<'_>, hour: i8, minute: i8) -> Option<What> {
    let part = groups.name("part").or_else(|| groups.name("suffix")).map(|part| part.as_str());
    let hour = hour_of_day(hour, part.unwrap_or_default().trim_end_matches('の'));
    let possible = (0..=30).contains(&hour) && (0..60).contains(&minute);
    // Written with a colon or a half of the day it means what it says.
    let sure = part.is_some() || hour >= 13 || hour == 0 || groups.get(0)?.as_str().contains(':');
    possible.then_some(What::Time { hour: Some(hour), minute, words: false, sure })
}

/// 「夜12時」 is the day's end; 「夜中3時」 is the night before the morning.
fn hour_of_day(hour: i8, part: &str) -> i8 {
    match part {
        "午後" | "pm" | "p.m." | "夕方" if hour < 12 => hour + 12,
        "昼" | "お昼" | "昼過ぎ" if hour < 7 => hour + 12,
        "夜" | "晩" if (4..12).contains(&hour) => hour + 12,
        "夜" | "晩" | "深夜" if hour == 12 => 24,
        "深夜" if (10..12).contains(&hour) => hour + 12,
        "午前" | "am" | "a.m." if hour == 12 => 0,
        _ => hour,
    }
}

/// 「同42分」
fn same_hour(groups: &Captures<'_>) -> Option<What> {
    let minute = small(groups, "min").filter(|minute| *minute < 60)?;
    Some(What::Time { hour: None, minute, words: false, sure: true })
}

fn minutes(groups: &Captures<'_>) -> Option<What> {
    Some(What::Duration { minutes: number(groups, "min")? })
}

fn part_of_day(groups: &Captures<'_>) -> Option<What> {
    let (hour, words) = match groups.name("word").map(|word| word.as_str()) {
        None => (12, false),
        Some("朝") => (9, true),
        Some("早朝" | "明け方") => (5, true),
        Some("昼" | "お昼") => (12, true),
        Some("夕方") => (17, true),
        Some("夜" | "晩") => (20, true),
        Some("未明") => (3, true),
        _ => (0, true),
    };
    Some(What::Time { hour: Some(hour), minute: 0, words, sure: true })
}

/// 「ごろ」, 「約」 around a time.
pub fn is_about(text: &str, start: usize, end: usize) -> bool {
    const BEHIND: [&str; 9] = ["ごろ", "頃", "ころ", "くらい", "ぐらい", "すぎ", "過ぎ", "前後", "あたり"];
    const BEFORE: [&str; 5] = ["約", "およそ", "おおよそ", "around ", "about "];
    BEHIND.iter().any(|word| text[end..].starts_with(word)) || BEFORE.iter().any(|word| text[..start].ends_with(word))
}

/// Only words of 「from … to …」 stand here.
pub fn is_joint(text: &str) -> bool {
    static JOINT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let about = "(ごろ|頃|ころ|くらい|ぐらい|すぎ|過ぎ|前後|あたり)?";
        let join = r"(から|より|~|〜|-|→|ー|to|until|till|through|and)";
        Regex::new(&format!(r"^[\s()（）月火水木金土日jst]*{about}[\s()（）、,の]*{join}([\s()（）、,約同日翌朝晩昼夜の月火水木金土jst]|日付[がの]変わる|次の)*$")).ok()
    });
    JOINT.as_ref().is_some_and(|joint| joint.is_match(text))
}

/// Opening hours are no outage.
pub fn speaks_of_hours(text: &str) -> bool {
    const WORDS: [&str; 9] =
        ["営業時間", "受付時間", "診療時間", "営業:", "受付:", "診療:", "定休", "開館", "お電話をいただけましたら"];
    WORDS.iter().any(|word| text.contains(word))
}

/// What a time is, by the words before it (「戻ったのは9時半」) and behind it (「9時に止まり」).
pub fn role(before: &str, behind: &str) -> Role {
    const LABELS: [&str; 10] = ["のは", "のが", ":", "発生", "復旧", "開始", "終了", "回復", "停止", "検知"];
    let named = behind.is_empty() || LABELS.iter().any(|label| before.trim_end().ends_with(label));
    let words = if named { [before, behind] } else { [behind, ""] };
    let is = |regex: &LazyLock<Option<Regex>>, text: &str| regex.as_ref().is_some_and(|regex| regex.is_match(text));
    let found = words.iter().find_map(|text| match () {
        _ if is(&TOLD, text) => Some(Role::Told),
        _ if is(&ENDED, text) => Some(Role::End),
        _ if is(&BEGAN, text) => Some(Role::Begin),
        _ => None,
    });
    found.unwrap_or(Role::Other)
}

/// The first time began a stop, and the second ended it: 「9時に止まって9時20分に戻り」.
pub fn is_told_joint(between: &str, behind: &str) -> bool {
    const NEAR: usize = 60;
    let is = |regex: &LazyLock<Option<Regex>>, text: &str| regex.as_ref().is_some_and(|regex| regex.is_match(text));
    let ended = is(&ENDED, behind) || is(&ENDED, between);
    between.chars().count() <= NEAR && is(&BEGAN, between) && ended && !is(&TOLD, between)
}

static TOLD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"第一報|(連絡|電話|問い?合わせ|報告|通報|知らせ|メール)(を?(し|いたし|致し|入れ|差し上げ|差しあげ|さしあげ|送|でき)|で(お知らせ|お伝え|伝え)|がつなが|たの)|初めて(把握|知)|(we|i) (called|reported|told)",
    )
    .ok()
});

static ENDED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new("復旧|回復|直り|直った|戻り|戻った|戻る|つながるよう|使えるよう|かかりまし|まで|restored|came back").ok()
});

static BEGAN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        "発生|停止|開始|から|止ま|止め|不通|つながらな|つながらず|使えな|使えず|鳴らな|鳴らず|落ち|気づ|気付|死ん|停電|地震|障害|切れ|began|since|went down",
    )
    .ok()
});

//! Deadlines that customers set (terms 6-2): recognised, shown to staff, sorted by, never promised.
//!
//! 「本日中に」, 「11/25 15時まで」, 「明日の朝一で」, 「3営業日以内」 are turned into a moment, counted from the mail's own
//! date; 「至急」 is a wish without one. Only the customer's own words of today count, and only dates that lie ahead:
//! 「11/20まで使えていました」 asks for nothing.

mod words;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use regex::{Captures, Match};
use serde::{Deserialize, Serialize};

use self::words::{Words, words};
use super::calendar::{Calendar, Minute};
use super::dates;
use super::decision::EvidenceSection;
use super::inquiry::Inquiry;
use super::own_words::OwnWords;
use super::sentence::place_text;

/// Until when somebody wants an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// Exactly what stands there.
    pub text: String,
    pub section: EvidenceSection,
    /// Offsets in characters, half-open, into the subject or the whole decoded text.
    pub start: usize,
    pub end: usize,
    /// The day, in the desk's time zone; none for 「至急」.
    pub date: Option<Date>,
    /// The last moment of it: the end of the day if no time is named.
    pub by: Option<Timestamp>,
}

/// What "today" means for a mail.
struct Frame<'a> {
    calendar: &'a Calendar,
    written: Timestamp,
    today: Date,
}

/// The deadlines of a mail in the order of its text. `received` stands in for a missing `Date`.
pub fn deadlines(own: &OwnWords, calendar: &Calendar, received: Timestamp) -> Vec<Deadline> {
    let Some(words) = words() else { return Vec::new() };
    let written = own.inquiry.date.unwrap_or(received);
    let frame = Frame { calendar, written, today: calendar.date(written) };
    let mut found = Vec::new();
    for sentence in 0..own.sentences().len() {
        in_sentence(own, sentence, words, &frame, &mut found);
    }
    found
}

/// A stretch of the folded sentence, and what it means.
struct Hit {
    start: usize,
    end: usize,
    date: Option<Date>,
    by: Option<Timestamp>,
    /// Over when the mail was written: no deadline, but no part of it is one either.
    over: bool,
}

fn in_sentence(own: &OwnWords, index: usize, words: &Words, frame: &Frame, found: &mut Vec<Deadline>) {
    let (text, base, sentence) = (own.sentence(index), own.start(index), own.sentences()[index]);
    if !words.may_stand_in(text) {
        return;
    }
    let mut hits: Vec<Hit> = frame.dated(text, words, sentence.question);
    hits.extend(urgent(text, words));
    // What begins first and is longest says most: 「本日15時まで」 is not also 「15時まで」.
    hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
    let mut taken = 0;
    for hit in hits {
        if hit.start >= taken {
            taken = hit.end;
            if hit.over {
                continue;
            }
            let (start, end) = own.original((base + hit.start, base + hit.end));
            found.push(deadline(own.inquiry, sentence.place, start, end, &hit));
        }
    }
}

fn deadline(inquiry: &Inquiry, place: EvidenceSection, start: usize, end: usize, hit: &Hit) -> Deadline {
    let text = place_text(inquiry, place);
    let chars = |at: usize| text.get(..at).map_or(0, |before| before.chars().count());
    let words = text.get(start..end).unwrap_or_default().to_owned();
    Deadline { text: words, section: place, start: chars(start), end: chars(end), date: hit.date, by: hit.by }
}

/// 「至急」 and its kin, but not 「取り急ぎ」 and 「急ぎではありません」.
fn urgent(text: &str, words: &Words) -> Vec<Hit> {
    let meant = |found: &Match| {
        let (before, after) = (&text[..found.start()], &text[found.end()..]);
        !before.ends_with("取り")
            && !before.ends_with("とり")
            && !before.ends_with('取')
            && !words.denied.is_match(after)
    };
    let hit = |found: Match| Hit { start: found.start(), end: found.end(), date: None, by: None, over: false };
    words.urgent.find_iter(text).filter(meant).map(hit).collect()
}

impl Frame<'_> {
    /// `asks`: the sentence asks for something.
    fn dated(&self, text: &str, words: &Words, asks: bool) -> Vec<Hit> {
        let mut hits = Vec::new();
        for pattern in &words.dated {
            for caught in pattern.captures_iter(text) {
                let Some(whole) = caught.get(0) else { continue };
                if !stands_alone(text, &whole) || !wanted(&caught, &text[whole.end()..], asks) {
                    continue;
                }
                hits.extend(self.hit(&caught, &whole));
            }
        }
        hits
    }

    fn hit(&self, caught: &Captures, whole: &Match) -> Option<Hit> {
        let time = match caught.name("time") {
            Some(time) => Some(time_of(time.as_str())?),
            None => None,
        };
        let (date, by) = match (caught.name("number"), caught.name("unit")) {
            (Some(number), Some(unit)) => self.within(number_of(number.as_str())?, unit.as_str())?,
            _ => self.on(caught.name("day").map(|day| self.day(day.as_str())), time)?,
        };
        let over = by < self.written;
        Some(Hit { start: whole.start(), end: whole.end(), date: Some(date), by: Some(by), over })
    }

    /// A day and a time; a time alone is the next one.
    fn on(&self, day: Option<Option<Date>>, time: Option<Minute>) -> Option<(Date, Timestamp)> {
        let moment = |date: Date| self.calendar.moment(date, time.unwrap_or(Minute::END));
        let date = match day {
            Some(day) => day?,
            None if moment(self.today)? < self.written => self.today.tomorrow().ok()?,
            None => self.today,
        };
        Some((date, moment(date)?))
    }

    /// 「3営業日以内」, 「24時間以内」
    fn within(&self, number: i32, unit: &str) -> Option<(Date, Timestamp)> {
        let date = match unit {
            "時間" => {
                let by = self.written.checked_add(i64::from(number).hours()).ok()?;
                return Some((self.calendar.date(by), by));
            }
            "営業日" => self.business_days(number)?,
            "日" => dates::days_after(self.today, number)?,
            "週間" => dates::days_after(self.today, number.checked_mul(7)?)?,
            _ => dates::months_after(self.today, number)?,
        };
        Some((date, self.calendar.moment(date, Minute::END)?))
    }

    /// The n-th day with open hours after today.
    fn business_days(&self, number: i32) -> Option<Date> {
        let days = self.today.tomorrow().ok()?.series(1.day()).take(400);
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        days.filter(|day| !self.calendar.day(*day).hours.is_empty()).nth(index)
    }

    fn day(&self, text: &str) -> Option<Date> {
        let today = self.today;
        let ahead = |days: i32| dates::days_after(today, days);
        Some(match text {
            "本日" | "今日" | "きょう" | "当日" | "today" | "eod" | "end of day" => today,
            "明日" | "あす" | "あした" | "翌日" | "tomorrow" => ahead(1)?,
            "明後日" | "あさって" => ahead(2)?,
            "翌営業日" => self.business_days(1)?,
            "今週" => self.weekday(0, 4).filter(|friday| *friday >= today).or_else(|| self.weekday(0, 6))?,
            "今週末" | "週末" => self.weekday(0, 6)?,
            "来週" => self.weekday(1, 4)?,
            "週明け" | "来週明け" | "来週頭" => self.weekday(1, 0)?,
            "今月" | "今月末" | "月末" | "月内" | "当月" => dates::month_end(today, 0)?,
            "来月" | "来月末" | "翌月末" => dates::month_end(today, 1)?,
            "年内" | "年末" | "今年" => Date::new(today.year(), 12, 31).ok()?,
            "年度内" | "年度末" | "今年度" => self.month_day(3, 31)?,
            other => return self.written_day(other),
        })
    }

    /// Of the week of today plus `weeks`; `day` 0 is Monday.
    fn weekday(&self, weeks: i32, day: i32) -> Option<Date> {
        let monday = -i32::from(self.today.weekday().to_monday_zero_offset());
        dates::days_after(self.today, monday + 7 * weeks + day)
    }

    /// 「11/25」, 「2026年11月25日」, 「令和8年11月25日」, 「25日」, 「来週の水曜」, "Friday"
    fn written_day(&self, text: &str) -> Option<Date> {
        if let Some(day) = weekday_of(text) {
            let weeks = i32::from(text.starts_with("来週"));
            let date = self.weekday(weeks, day)?;
            // 「水曜まで」 on a Thursday is the next one.
            return if date < self.today { dates::days_after(date, 7) } else { Some(date) };
        }
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        let numbers: Vec<i16> = numbers.by_ref().map(str::parse).collect::<Result<_, _>>().ok()?;
        let small = |number: i16| i8::try_from(number).ok();
        match (text.starts_with("令和"), numbers.as_slice()) {
            (true, [year, month, day]) => Date::new(2018 + year, small(*month)?, small(*day)?).ok(),
            (true, [month, day]) => Date::new(2019, small(*month)?, small(*day)?).ok(),
            (false, [year, month, day]) => Date::new(*year, small(*month)?, small(*day)?).ok(),
            (false, [month, day]) => self.month_day(small(*month)?, small(*day)?),
            (false, [day]) => self.day_of_month(small(*day)?),
            _ => None,
        }
    }

    /// This year's, or in the winter the next one's.
    fn month_day(&self, month: i8, day: i8) -> Option<Date> {
        const LONG_PAST: i32 = 60;
        let date = Date::new(self.today.year(), month, day).ok()?;
        if dates::days_after(date, LONG_PAST)? >= self.today {
            return Some(date);
        }
        Date::new(self.today.year() + 1, month, day).ok()
    }

    fn day_of_month(&self, day: i8) -> Option<Date> {
        let of = |month: Date| Date::new(month.year(), month.month(), day).ok();
        let next = self.today.last_of_month().tomorrow().ok()?;
        of(self.today).filter(|date| *date >= self.today).or_else(|| of(next))
    }
}

/// Not a piece of a longer number or a fraction: 「10/100台」, 「1.2.3」.
fn stands_alone(text: &str, whole: &Match) -> bool {
    let before = text[..whole.start()].chars().next_back();
    let digits = whole.as_str().starts_with(|c: char| c.is_ascii_digit());
    !(digits && before.is_some_and(|c| c.is_ascii_digit() || "/.-月:".contains(c)))
}

/// 「まで」 alone is a deadline where something is asked; with 「は」 it tells of the past: 「本日15時までは動いていた」.
fn wanted(caught: &Captures, after: &str, asks: bool) -> bool {
    match caught.name("mark").map(|mark| mark.as_str()) {
        Some("まで") => asks && !after.starts_with('は') && !after.starts_with('の'),
        _ => true,
    }
}

fn weekday_of(text: &str) -> Option<i32> {
    const ENGLISH: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    const JAPANESE: [char; 7] = ['月', '火', '水', '木', '金', '土', '日'];
    if let Some(day) = ENGLISH.iter().position(|name| *name == text) {
        return i32::try_from(day).ok();
    }
    let name = text[..text.find('曜')?].chars().next_back()?;
    JAPANESE.iter().position(|known| *known == name).and_then(|day| i32::try_from(day).ok())
}

fn number_of(text: &str) -> Option<i32> {
    const KANJI: [&str; 5] = ["一", "二", "三", "四", "五"];
    let kanji = KANJI.iter().position(|known| *known == text).and_then(|at| i32::try_from(at + 1).ok());
    kanji.or_else(|| text.parse().ok())
}

/// 「15時」, 「午後3時半」, 「17:30」, 「朝一」, 「午前中」
fn time_of(text: &str) -> Option<Minute> {
    let spoken = match text {
        _ if text.starts_with('朝') || text == "始業" => Some((9, 0)),
        "午前中" | "正午" | "昼" | "お昼" | "午前" => Some((12, 0)),
        "午後一" | "午後イチ" => Some((13, 0)),
        "夕方" => Some((17, 0)),
        _ => None,
    };
    if let Some((hour, minute)) = spoken {
        return Minute::new(hour, minute);
    }
    let numbers: Vec<u16> =
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect();
    let afternoon = text.starts_with("午後") || text.ends_with("pm");
    let hour = numbers.first()? + if afternoon && *numbers.first()? < 12 { 12 } else { 0 };
    let minute = if text.ends_with('半') { 30 } else { numbers.get(1).copied().unwrap_or(0) };
    Minute::new(hour, minute)
}

#[cfg(test)]
mod tests;

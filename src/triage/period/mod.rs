//! Outage periods as customers write them: 「11/3 9:10〜9:48」, 「昨日の15時ごろから17時半まで」, 「先週の月曜の朝から火曜の
//! 昼まで」, relative to the day of the mail.
//!
//! [`scan`] finds dates, times and the words between them; here they become moments, and moments periods. What is not
//! written to the minute (「朝」, 「ごろ」) is marked as approximate: staff ask before they count it.

pub mod scan;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use self::scan::{Day, Token, What, tokens};
use super::fold::Folded;
use super::inquiry::{Inquiry, SectionKind};
use super::own_words::OwnWords;

/// One stop of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Something in it is not written to the minute.
    pub approximate: bool,
}

/// What a mail tells about stops.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outages {
    /// In the order of the mail, without repetitions.
    pub periods: Vec<Period>,
    /// When the provider learned of it, if that is told and later than the beginning of a stop.
    pub known_from: Option<Timestamp>,
    /// The day of the claim: as the mail dates itself, else the day it was sent.
    pub claimed: Option<Date>,
}

/// How exactly a time is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    /// 「朝」, 「終日」
    Words,
    /// 「9時ごろ」
    About,
    Minute,
}

/// A moment as it is built up while reading.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: DateTime,
    exactness: Exactness,
    /// With 午前/午後, 朝, pm …, or from 13 on: not one of two possible hours.
    sure: bool,
    /// Its day was written with it, not taken over.
    dated: bool,
    start: usize,
    end: usize,
}

/// Characters behind a date in which its verb stands.
const CLAIMED_WITHIN: usize = 14;
/// Longer than this no stop is: two dates that have nothing to do with each other.
const LONGEST_DAYS: i64 = 31;

/// Reads a mail of the moment `sent`; wall-clock times are those of `zone`.
pub fn read(own: &OwnWords, sent: Timestamp, zone: &TimeZone) -> Outages {
    let today = sent.to_zoned(zone.clone()).date();
    let claimed = dated_by_itself(own.inquiry, today).unwrap_or(today);
    let mut reading =
        Reading { today: claimed, zone, day: None, open: None, found: Outages::default(), exactness: Vec::new() };
    own.texts().for_each(|text| reading.sentence(text));
    reading.found.claimed = Some(claimed);
    let first = reading.found.periods.iter().map(|period| period.from).min();
    let last = reading.found.periods.iter().map(|period| period.until).max();
    let within = |at: &Timestamp| first.is_some_and(|from| from < *at) && last.is_some_and(|until| *at < until);
    reading.found.known_from = reading.found.known_from.filter(within);
    reading.found
}

/// The days that a folded text names, read on `today`.
pub fn days(text: &str, today: Date) -> Vec<Date> {
    let day = |token: &Token| match &token.what {
        What::Day(day) => resolve(day, today, None, false),
        _ => None,
    };
    tokens(text).iter().filter_map(day).collect()
}

/// A date that stands on a line of its own, or behind 「本日」: the mail's own.
fn dated_by_itself(inquiry: &Inquiry, today: Date) -> Option<Date> {
    let own = |kind| !matches!(kind, SectionKind::Quoted | SectionKind::Forwarded | SectionKind::Banner);
    let lines = inquiry.sections.iter().filter(|s| own(s.kind)).flat_map(|s| inquiry.section_text(s).lines());
    let mut found = None;
    for line in lines {
        let mut folded = Folded::default();
        folded.push(line, 0);
        let text = folded.text.trim().trim_matches(['(', ')', '記', '付', 'け', '、', '。', ' ']);
        let tokens = tokens(&folded.text);
        for token in &tokens {
            let What::Day(day @ (Day::Full { .. } | Day::MonthDay { .. })) = &token.what else { continue };
            let before = &folded.text[..token.start];
            let behind = &folded.text[token.end..];
            let alone = tokens.len() == 1 && text.chars().count() <= 26 && !behind.contains('の');
            let today_is = before.ends_with("本日") || before.ends_with("本日(") || behind.starts_with("付け");
            // 「11月4日に減額を請求し」: claimed before.
            let then: String = behind.chars().take(CLAIMED_WITHIN).collect();
            if then.starts_with('に') && ["請求し", "申請し", "請求済", "申請済"].iter().any(|word| then.contains(word))
            {
                return resolve(day, today, None, false);
            }
            if alone || today_is {
                found = resolve(day, today, None, true).or(found);
            }
        }
    }
    found
}

struct Reading<'a> {
    /// The day of the claim.
    today: Date,
    zone: &'a TimeZone,
    /// The day last named.
    day: Option<Date>,
    /// A beginning whose end stands in another sentence: 「発生 12:00」 … 「復旧 12:52」.
    open: Option<Moment>,
    found: Outages,
    /// Of each period found.
    exactness: Vec<Exactness>,
}

impl Reading<'_> {
    fn sentence(&mut self, text: &str) {
        if scan::speaks_of_hours(text) {
            return;
        }
        let tokens = tokens(text);
        if self.whole_day(&tokens) {
            return;
        }
        let moments = self.moments(&tokens, text);
        let mut next = 0;
        while let Some(first) = moments.get(next) {
            next += 1;
            let before = next.checked_sub(2).and_then(|n| moments.get(n)).map_or(0, |moment| moment.end);
            let until = moments.get(next).map_or(text.len(), |moment| moment.start);
            let behind = text.get(first.end..until).unwrap_or_default();
            let second = moments.get(next).filter(|second| {
                let end = moments.get(next + 1).map_or(text.len(), |moment| moment.start);
                scan::is_joint(behind) || scan::is_told_joint(behind, text.get(second.end..end).unwrap_or_default())
            });
            if let Some(second) = second {
                next += 1;
                self.period(*first, *second);
            } else if let Some(length) = duration_behind(&tokens, first, text) {
                let until = first.at.checked_add(length.minutes()).unwrap_or(first.at);
                self.push(first.at, until, first.exactness.min(Exactness::About));
            } else {
                self.single(*first, text.get(before..first.start).unwrap_or_default(), behind);
            }
        }
    }

    /// 「9月2日は終日」
    fn whole_day(&mut self, tokens: &[Token]) -> bool {
        let times = tokens.iter().any(|token| matches!(token.what, What::Time { .. }));
        let whole = tokens.iter().any(|token| token.what == What::WholeDay);
        if times || !whole {
            return false;
        }
        let named = tokens.iter().find_map(|token| match &token.what {
            What::Day(day) => resolve(day, self.today, self.day, false),
            _ => None,
        });
        if let Some(day) = named {
            let until = day.tomorrow().unwrap_or(day);
            self.push(day.to_datetime(Time::midnight()), until.to_datetime(Time::midnight()), Exactness::Words);
        }
        named.is_some()
    }

    /// Times with the day that stands before them, or the one last named.
    fn moments(&mut self, tokens: &[Token], text: &str) -> Vec<Moment> {
        let mut moments: Vec<Moment> = Vec::new();
        let mut dated: Option<usize> = None;
        for token in tokens {
            match &token.what {
                What::Day(day) => {
                    let before = moments.last().map(|moment| moment.at.date()).or(self.day);
                    if let Some(day) = resolve(day, self.today, before, false) {
                        self.day = Some(day);
                        dated = Some(token.start);
                    }
                }
                What::Time { hour, minute, words, sure } => {
                    let Some(day) = self.day else { continue };
                    // 「同42分」
                    let hour = hour.or(moments.last().map(|moment| moment.at.hour())).unwrap_or(0);
                    let Some(at) = at(day, hour, *minute) else { continue };
                    let exactness = match scan::is_about(text, token.start, token.end) {
                        _ if *words => Exactness::Words,
                        true => Exactness::About,
                        false => Exactness::Minute,
                    };
                    let start = dated.take();
                    moments.push(Moment {
                        at,
                        exactness,
                        sure: *sure,
                        dated: start.is_some(),
                        start: start.unwrap_or(token.start),
                        end: token.end,
                    });
                }
                _ => {}
            }
        }
        moments
    }

    fn period(&mut self, first: Moment, second: Moment) {
        let mut until = second.at;
        if until <= first.at && !second.dated {
            let afternoon = until.checked_add(12.hours()).unwrap_or(until);
            let tomorrow = until.checked_add(1.day()).unwrap_or(until);
            until = if !second.sure && until.hour() < 12 && afternoon > first.at { afternoon } else { tomorrow };
        }
        self.push(first.at, until, first.exactness.min(second.exactness));
    }

    /// A time alone: a beginning, an end, or when the provider was told.
    fn single(&mut self, moment: Moment, before: &str, behind: &str) {
        match (scan::role(before, behind), self.open) {
            (scan::Role::Begin, _) => self.open = Some(moment),
            (scan::Role::End, Some(open)) => {
                self.period(open, moment);
                self.open = None;
            }
            (scan::Role::Told, _) => {
                let told = self.stamp(moment.at);
                self.found.known_from = self.found.known_from.or(told);
            }
            _ => {}
        }
    }

    /// The same stop told twice counts once, by its more exact words.
    fn push(&mut self, from: DateTime, until: DateTime, exactness: Exactness) {
        let (Some(from), Some(until)) = (self.stamp(from), self.stamp(until)) else { return };
        let days = (until.as_second() - from.as_second()) / 86_400;
        let period = Period { from, until, approximate: exactness < Exactness::Minute };
        if from >= until || days > LONGEST_DAYS {
            return;
        }
        let overlaps = |known: &Period| known.from < until && from < known.until;
        let known = self.found.periods.iter().position(overlaps);
        match known {
            Some(known) if self.exactness[known] >= exactness => {}
            Some(known) => {
                self.found.periods[known] = period;
                self.exactness[known] = exactness;
            }
            None => {
                self.found.periods.push(period);
                self.exactness.push(exactness);
            }
        }
    }

    fn stamp(&self, at: DateTime) -> Option<Timestamp> {
        at.to_zoned(self.zone.clone()).ok().map(|at| at.timestamp())
    }
}

/// Minutes of a duration right behind a moment: 「9時から約2時間」.
fn duration_behind(tokens: &[Token], moment: &Moment, text: &str) -> Option<i64> {
    const NEAR: usize = 24;
    let near = tokens.iter().find(|token| token.start >= moment.end && token.start - moment.end <= NEAR)?;
    let between = text.get(moment.end..near.start)?;
    match near.what {
        What::Duration { minutes } if ["から", "より", "以降", "for"].iter().any(|word| between.contains(word)) => {
            Some(minutes)
        }
        _ => None,
    }
}

/// 24:00 is the next day's midnight.
fn at(day: Date, hour: i8, minute: i8) -> Option<DateTime> {
    match hour {
        24.. => at(day.tomorrow().ok()?, hour - 24, minute),
        _ => Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?)),
    }
}

/// The date that a day's words mean: the nearest one that is not after the claim. `itself`: it is the claim's own date.
fn resolve(day: &Day, today: Date, before: Option<Date>, itself: bool) -> Option<Date> {
    let past = |date: Date| itself || date <= today;
    match day {
        Day::Full { year, month, day } => Date::new(*year, *month, *day).ok(),
        Day::MonthDay { month, day } => {
            let this = Date::new(today.year(), *month, *day).ok();
            let years = [today.year(), today.year() - 1];
            let found = years.iter().find_map(|year| Date::new(*year, *month, *day).ok().filter(|date| past(*date)));
            found.or(this)
        }
        // 「6日」 goes on from the day last named; alone it is of this month, or of the one before.
        Day::OfMonth { day } => {
            let base = before.unwrap_or(today);
            let this = Date::new(base.year(), base.month(), *day).ok();
            match (before, this) {
                (Some(before), Some(this)) if this < before => next_month(before, *day),
                (Some(before), None) => next_month(before, *day),
                (None, Some(this)) if this > today => {
                    let earlier = today.first_of_month().yesterday().ok()?;
                    Date::new(earlier.year(), earlier.month(), *day).ok()
                }
                _ => this,
            }
        }
        Day::Next => before.unwrap_or(today).tomorrow().ok(),
        Day::Same => before,
        Day::Ago { days } => today.checked_sub(days.days()).ok(),
        Day::Weekday { weekday, weeks } => Some(weekday_before(today, *weekday, *weeks, before)),
    }
}

fn next_month(day: Date, of_month: i8) -> Option<Date> {
    let next = day.last_of_month().tomorrow().ok()?;
    Date::new(next.year(), next.month(), of_month).ok()
}

/// 「月曜」: behind another day the next one, else the last one before today; 「先週の」 counts weeks from Monday.
fn weekday_before(today: Date, weekday: Weekday, weeks: Option<i32>, before: Option<Date>) -> Date {
    let index = |day: Weekday| i32::from(day.to_monday_zero_offset());
    let shift = |date: Date, days: i32| date.checked_add(i64::from(days).days()).unwrap_or(date);
    match (weeks, before) {
        (Some(weeks), _) => {
            let monday = shift(today, -index(today.weekday()));
            shift(monday, index(weekday) - 7 * weeks)
        }
        (None, Some(before)) => {
            let ahead = (index(weekday) - index(before.weekday())).rem_euclid(7);
            shift(before, ahead)
        }
        (None, None) => {
            let back = (index(today.weekday()) - index(weekday)).rem_euclid(7);
            shift(today, -back)
        }
    }
}

//! Business time (terms, article 5): is the desk open, when does it open next, and how much open time lies between?
//!
//! A calendar is data: open hours of the week, national holidays ([`holidays`]), the company's own closures, and
//! exceptions that open a closed day. Hours are half-open ranges `[from, until)` of wall-clock time in the calendar's
//! own zone, so 18:00 sharp is closed. Where clocks are put forward, a time that does not exist means the one after
//! the gap; where they are put back, a time that comes twice means the first.

pub mod holidays;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use holidays::Holidays;

/// When a desk works.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    pub zone: TimeZone,
    /// Open ranges of each weekday, Monday first, sorted, not overlapping.
    pub week: [Vec<Hours>; 7],
    pub holidays: Holidays,
    /// Closed beyond the holidays.
    pub closures: Vec<Closure>,
    /// Days with hours of their own, whatever else is said of them.
    pub openings: Vec<Opening>,
}

/// One open range of a day, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub from: Minute,
    pub until: Minute,
}

/// A minute of a day, from 00:00 to 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(u16);

/// Days on which the company is closed, or closed for some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    pub days: Days,
    /// Closed only then; none: the whole day.
    pub hours: Option<Hours>,
    /// For people: 「年末年始休業」
    pub reason: String,
}

/// Which days; both ends belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Days {
    Range {
        first: Date,
        last: Date,
    },
    /// Month and day, in every year; `last` may be before `first` and is then in the next year.
    Yearly {
        first: (i8, i8),
        last: (i8, i8),
    },
}

/// A day that is open in spite of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    pub date: Date,
    pub hours: Vec<Hours>,
    pub reason: String,
}

/// What a day is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Sorted, not overlapping; none: closed.
    pub hours: Vec<Hours>,
    /// Why its hours are not those of its weekday; holidays also where the weekday is closed anyway.
    pub reason: Option<String>,
}

/// What terms 5-2 mean by "from the next business day on": `out_of_hours = "next-opening" | "next-business-day"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfHours {
    /// Handled from the first open moment: mail of the early morning the same day, mail of a break after it.
    #[default]
    NextOpening,
    /// To the letter: whatever comes out of hours, also before opening and in a break, waits for the next day with
    /// open hours.
    NextBusinessDay,
}

/// A desk that is never open would queue for ever: the search for an opening ends after this many days.
const HORIZON_DAYS: i32 = 400;

impl Calendar {
    /// Hours of the week and nothing else.
    pub fn of_week(zone: TimeZone, week: [Vec<Hours>; 7]) -> Calendar {
        Calendar { zone, week, holidays: Holidays::default(), closures: Vec::new(), openings: Vec::new() }
    }

    /// The hours of a day, and why.
    pub fn day(&self, date: Date) -> Day {
        if let Some(opening) = self.openings.iter().find(|opening| opening.date == date) {
            return Day { hours: opening.hours.clone(), reason: Some(opening.reason.clone()) };
        }
        let mut closures = self.closures.iter().filter(|closure| closure.days.contain(date));
        let whole = closures.clone().find(|closure| closure.hours.is_none()).map(|closure| closure.reason.as_str());
        if let Some(reason) = self.holidays.name(date).or(whole) {
            return Day { hours: Vec::new(), reason: Some(reason.to_owned()) };
        }
        let usual = &self.week[weekday_index(date.weekday())];
        let reason = closures.next().filter(|_| !usual.is_empty()).map(|closure| closure.reason.clone());
        let closed = self.closures.iter().filter(|closure| closure.days.contain(date)).filter_map(|c| c.hours);
        Day { hours: closed.fold(usual.clone(), |open, closed| without(&open, closed)), reason }
    }

    /// The open ranges of a day as moments, in order; those that DST swallows are left out.
    pub fn ranges(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        let moments = |hours: &Hours| Some((self.moment(date, hours.from)?, self.moment(date, hours.until)?));
        self.day(date).hours.iter().filter_map(moments).filter(|(from, until)| from < until).collect()
    }

    /// Open ranges that end after `at`, up to the horizon.
    fn ranges_after(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let days = self.date(at).series(1.day()).take(HORIZON_DAYS.unsigned_abs() as usize);
        days.flat_map(|day| self.ranges(day)).filter(move |(_, until)| *until > at)
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        self.ranges(self.date(at)).iter().any(|(from, until)| *from <= at && at < *until)
    }

    /// The first open moment at or after `at`; none if there is none within 400 days.
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        self.ranges_after(at).next().map(|(from, _)| from.max(at))
    }

    /// When the desk, open at `at`, closes; over midnight if it stays open. None if it is closed, or does not close
    /// within 400 days.
    pub fn next_closing(&self, at: Timestamp) -> Option<Timestamp> {
        let mut end = at;
        for (from, until) in self.ranges_after(at) {
            if from > end {
                break;
            }
            end = until;
        }
        let found = end > at && self.next_opening(end) != Some(end);
        found.then_some(end)
    }

    /// From when on the terms let a mail be handled that arrived at `at`.
    pub fn handled_from(&self, at: Timestamp, reading: OutOfHours) -> Option<Timestamp> {
        match reading {
            OutOfHours::NextBusinessDay if !self.is_open(at) => {
                let today = self.date(at);
                self.ranges_after(at).map(|(from, _)| from).find(|from| self.date(*from) > today)
            }
            _ => self.next_opening(at),
        }
    }

    /// When a mail that arrived at `arrived` is handled, if it is not before `now`: an open moment, `now` itself if
    /// that is one.
    pub fn turn(&self, arrived: Timestamp, now: Timestamp, reading: OutOfHours) -> Option<Timestamp> {
        self.next_opening(self.handled_from(arrived.min(now), reading)?.max(now))
    }

    /// When the desk closes on the `days`-th business day after the day of `at`; none if there are not so many within
    /// 400 days.
    pub fn end_of_business_day(&self, at: Timestamp, days: u32) -> Option<Timestamp> {
        let after = self.date(at).tomorrow().ok()?.series(1.day()).take(HORIZON_DAYS.unsigned_abs() as usize);
        let mut ends = after.filter_map(|day| Some(self.ranges(day).last()?.1));
        ends.nth(usize::try_from(days).ok()?.saturating_sub(1))
    }

    /// Open time between two moments; zero if `until` is not after `from`.
    pub fn open_time(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        let days = self.date(from).series(1.day()).take_while(|day| *day <= self.date(until));
        let pieces = days.flat_map(|day| self.ranges(day));
        let open = pieces.map(|(start, end)| end.min(until).duration_since(start.max(from)));
        open.filter(SignedDuration::is_positive).sum()
    }

    /// The moment by which `open` of open time has passed since `at`; none beyond 400 days.
    pub fn after_open_time(&self, at: Timestamp, open: SignedDuration) -> Option<Timestamp> {
        let mut left = open;
        for (from, until) in self.ranges_after(at) {
            let from = from.max(at);
            let length = until.duration_since(from);
            if left <= length {
                return from.checked_add(left).ok();
            }
            left -= length;
        }
        None
    }

    /// A year whose holidays are not published but soon needed: this one, or from October on the next one. The lists
    /// come in February.
    pub fn holidays_missing(&self, now: Timestamp) -> Option<i16> {
        let today = self.date(now);
        let last = if today.month() >= 10 { today.year() + 1 } else { today.year() };
        (today.year()..=last).find(|year| !self.holidays.is_official(*year))
    }

    /// The day on which `at` falls here.
    pub fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// A wall-clock time of the calendar's zone as a moment.
    pub fn moment(&self, day: Date, minute: Minute) -> Option<Timestamp> {
        let (day, time) = match minute.time() {
            Some(time) => (day, time),
            None => (day.tomorrow().ok()?, Time::midnight()),
        };
        day.to_datetime(time).to_zoned(self.zone.clone()).ok().map(|zoned| zoned.timestamp())
    }

    /// The end of a period: midnight belongs to the day before, 「11月24日(火) 24:00」.
    pub fn say_end(&self, at: Timestamp, english: bool) -> String {
        let local = self.zone.to_datetime(at);
        match local.date().yesterday() {
            Ok(day) if local.time() == Time::midnight() => said(day, "24:00", english),
            _ => self.say(at, english),
        }
    }

    /// In the mail's language: 「11月24日(火) 10:00」, "10:00 on Tuesday, 24 November".
    pub fn say(&self, at: Timestamp, english: bool) -> String {
        let local = self.zone.to_datetime(at);
        said(local.date(), &format!("{}:{:02}", local.hour(), local.minute()), english)
    }

    /// 「11月24日(火) 10:00」
    pub fn japanese(&self, at: Timestamp) -> String {
        self.say(at, false)
    }
}

impl Days {
    pub fn contain(&self, date: Date) -> bool {
        match *self {
            Days::Range { first, last } => first <= date && date <= last,
            Days::Yearly { first, last } => {
                let day = (date.month(), date.day());
                if first <= last { first <= day && day <= last } else { first <= day || day <= last }
            }
        }
    }
}

impl Minute {
    pub const MIDNIGHT: Minute = Minute(0);
    pub const END: Minute = Minute(24 * 60);

    /// `hour` 0 to 24, `minute` 0 to 59; nothing after 24:00.
    pub fn new(hour: u16, minute: u16) -> Option<Minute> {
        (hour <= 24 && minute < 60 && hour * 60 + minute <= Minute::END.0).then_some(Minute(hour * 60 + minute))
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> u16 {
        self.0
    }

    /// None for 24:00.
    fn time(self) -> Option<Time> {
        Time::new((self.0 / 60) as i8, (self.0 % 60) as i8, 0, 0).ok()
    }
}

impl fmt::Display for Minute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from, self.until)
    }
}

/// No time of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a time of a day")]
pub struct NoMinute;

impl FromStr for Minute {
    type Err = NoMinute;

    /// `9:30`, `09:30`, `24:00`.
    fn from_str(text: &str) -> Result<Minute, NoMinute> {
        let (hour, minute) = text.trim().split_once(':').ok_or(NoMinute)?;
        let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(hour, 2) || !digits(minute, 2) || minute.len() != 2 {
            return Err(NoMinute);
        }
        let number = |text: &str| text.parse().map_err(|_| NoMinute);
        Minute::new(number(hour)?, number(minute)?).ok_or(NoMinute)
    }
}

/// Open ranges without the closed one.
fn without(open: &[Hours], closed: Hours) -> Vec<Hours> {
    let pieces = open.iter().flat_map(|hours| {
        let before = Hours { from: hours.from, until: hours.until.min(closed.from) };
        let after = Hours { from: hours.from.max(closed.until), until: hours.until };
        [before, after]
    });
    pieces.filter(|piece| piece.from < piece.until).collect()
}

fn said(day: Date, time: &str, english: bool) -> String {
    let date = say_date(day, english);
    if english { format!("{time} on {date}") } else { format!("{date} {time}") }
}

/// In the mail's language: 「11月24日(火)」, "Tuesday, 24 November".
pub fn say_date(day: Date, english: bool) -> String {
    if english { day.strftime("%A, %-d %B").to_string() } else { japanese_date(day) }
}

/// 「11月24日(火)」
pub fn japanese_date(day: Date) -> String {
    format!("{}月{}日({})", day.month(), day.day(), japanese_weekday(day.weekday()))
}

pub fn japanese_weekday(day: Weekday) -> &'static str {
    ["月", "火", "水", "木", "金", "土", "日"][weekday_index(day)]
}

fn weekday_index(day: Weekday) -> usize {
    day.to_monday_zero_offset() as usize
}

//! Business time (terms, article 5): is the desk open, and when does it open next?
//!
//! Times of day are half-open ranges `[from, until)` in the calendar's own time zone, so 18:00 sharp is closed.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// When a desk works.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    pub zone: TimeZone,
    /// Open ranges of each weekday, Monday first, sorted, not overlapping.
    pub week: [Vec<Hours>; 7],
    /// Closed days with their reason: company holidays; national holidays once the calendar issue brings them.
    pub closed: Vec<(Date, String)>,
}

/// One open range of a day, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    pub from: Time,
    pub until: Time,
}

/// A desk that is never open would queue for ever: the search for an opening ends after this many days.
const HORIZON_DAYS: i32 = 400;

impl Calendar {
    /// Open ranges of a day; none on closed days.
    pub fn hours(&self, day: Date) -> &[Hours] {
        if self.closed.iter().any(|(closed, _)| *closed == day) {
            return &[];
        }
        &self.week[weekday_index(day.weekday())]
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = at.to_zoned(self.zone.clone());
        self.hours(local.date()).iter().any(|h| h.from <= local.time() && local.time() < h.until)
    }

    /// The first open moment at or after `at`; none if there is none within 400 days.
    pub fn next_opening(&self, at: Timestamp) -> Option<Timestamp> {
        if self.is_open(at) {
            return Some(at);
        }
        let local = at.to_zoned(self.zone.clone());
        let mut day = local.date();
        for _ in 0..HORIZON_DAYS {
            let starts = self.hours(day).iter().filter_map(|h| self.moment(day, h.from));
            if let Some(opening) = starts.filter(|t| *t >= at).min() {
                return Some(opening);
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    /// A wall-clock time of the calendar's zone as a moment (in a DST gap: the time after it).
    fn moment(&self, day: Date, time: Time) -> Option<Timestamp> {
        day.to_datetime(time).to_zoned(self.zone.clone()).ok().map(|z| z.timestamp())
    }

    /// 「11月24日(火) 10:00」
    pub fn japanese(&self, at: Timestamp) -> String {
        japanese_datetime(&at.to_zoned(self.zone.clone()))
    }
}

fn japanese_datetime(local: &Zoned) -> String {
    const NAMES: [&str; 7] = ["月", "火", "水", "木", "金", "土", "日"];
    let name = NAMES[weekday_index(local.weekday())];
    format!("{}月{}日({name}) {}:{:02}", local.month(), local.day(), local.hour(), local.minute())
}

fn weekday_index(day: Weekday) -> usize {
    day.to_monday_zero_offset() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekday_hours() -> Vec<Hours> {
        let at = |h, m| Time::constant(h, m, 0, 0);
        vec![Hours { from: at(10, 0), until: at(11, 45) }, Hours { from: at(12, 45), until: at(18, 0) }]
    }

    fn calendar() -> Calendar {
        let open = weekday_hours();
        let week = [open.clone(), open.clone(), open.clone(), open.clone(), open, vec![], vec![]];
        let closed = vec![(Date::constant(2026, 11, 23), "勤労感謝の日".into())];
        Calendar { zone: TimeZone::get("Asia/Tokyo").unwrap(), week, closed }
    }

    /// (asked at, open?, next opening), all in Tokyo time.
    const BORDERS: &[(&str, bool, &str)] = &[
        ("2026-11-20T09:59:59+09:00", false, "2026-11-20T10:00:00+09:00"),
        ("2026-11-20T10:00:00+09:00", true, "2026-11-20T10:00:00+09:00"),
        ("2026-11-20T11:44:59+09:00", true, "2026-11-20T11:44:59+09:00"),
        ("2026-11-20T11:45:00+09:00", false, "2026-11-20T12:45:00+09:00"),
        ("2026-11-20T12:45:00+09:00", true, "2026-11-20T12:45:00+09:00"),
        ("2026-11-20T17:59:59+09:00", true, "2026-11-20T17:59:59+09:00"),
        ("2026-11-20T18:00:00+09:00", false, "2026-11-24T10:00:00+09:00"),
        ("2026-11-21T12:00:00+09:00", false, "2026-11-24T10:00:00+09:00"),
        ("2026-11-23T12:00:00+09:00", false, "2026-11-24T10:00:00+09:00"),
    ];

    #[test]
    fn opens_and_closes_on_the_second() {
        let calendar = calendar();
        for (asked, open, opening) in BORDERS {
            let at: Timestamp = asked.parse().unwrap();
            assert_eq!(calendar.is_open(at), *open, "{asked}");
            assert_eq!(calendar.next_opening(at), Some(opening.parse().unwrap()), "{asked}");
        }
    }

    #[test]
    fn a_desk_that_never_opens_has_no_opening() {
        let mut calendar = calendar();
        calendar.week = Default::default();
        assert_eq!(calendar.next_opening("2026-11-20T10:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn says_the_opening_in_japanese() {
        let text = calendar().japanese("2026-11-24T01:05:00Z".parse().unwrap());
        assert_eq!(text, "11月24日(火) 10:05");
    }
}

//! Dates that the packs' terms count: periods and deadlines, as templates use them.
//!
//! A period in days or months does not count its first day and ends with its last (Civil Code, articles 140, 141 and
//! 143). Where its last day is no working day, custom may move it on (article 142): that is for people to say.

use jiff::Span;
use jiff::civil::Date;

/// "30 days from the bill": the last day on which it can still be done.
pub fn days_after(day: Date, days: i32) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// "Within one month of the damage": the day before the one with the number of the day after, or the month's last.
pub fn months_after(day: Date, months: i32) -> Option<Date> {
    let start = day.tomorrow().ok()?;
    let end = start.checked_add(Span::new().try_months(months).ok()?).ok()?;
    // There is no such day: jiff answers the month's last one, which is the end itself.
    if end.day() < start.day() { Some(end) } else { end.yesterday().ok() }
}

/// The last day of the month `months` later: 0 this month's, 1 the next one's, 2 that of the month after next.
pub fn month_end(day: Date, months: i32) -> Option<Date> {
    Some(day.first_of_month().checked_add(Span::new().try_months(months).ok()?).ok()?.last_of_month())
}

/// When a contract ends that is cancelled today (自由放題ビジネスフォン, article 7: closed at the end of the month of
/// the request, ended and charged until the end of the following one).
pub fn cancellation_end(request: Date) -> Option<Date> {
    month_end(request, 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn months_end_the_day_before_their_number_comes_again() {
        for (from, months, last) in [
            ("2026-01-15", 1, "2026-02-15"),
            // Begins on the 1st of February, so it ends with February.
            ("2026-01-31", 1, "2026-02-28"),
            ("2028-01-31", 1, "2028-02-29"),
            // Begins on the 30th and 31st, which February does not have.
            ("2026-01-29", 1, "2026-02-28"),
            ("2026-01-30", 1, "2026-02-28"),
            // Begins on the 1st of March: all of March.
            ("2026-02-28", 1, "2026-03-31"),
            ("2028-02-28", 1, "2028-03-28"),
            ("2028-02-29", 1, "2028-03-31"),
            ("2026-11-30", 1, "2026-12-31"),
            ("2026-12-31", 1, "2027-01-31"),
            ("2026-08-31", 3, "2026-11-30"),
        ] {
            assert_eq!(months_after(day(from), months), Some(day(last)), "{from}");
        }
    }

    #[test]
    fn days_do_not_count_the_first() {
        for (from, days, last) in
            [("2026-11-20", 7, "2026-11-27"), ("2026-11-20", 14, "2026-12-04"), ("2027-02-01", 30, "2027-03-03")]
        {
            assert_eq!(days_after(day(from), days), Some(day(last)), "{from}");
        }
    }

    #[test]
    fn month_ends_and_cancellations() {
        for (from, months, last) in [
            ("2026-11-20", 0, "2026-11-30"),
            ("2026-11-30", 1, "2026-12-31"),
            ("2026-12-31", 2, "2027-02-28"),
            ("2027-12-01", 2, "2028-02-29"),
        ] {
            assert_eq!(month_end(day(from), months), Some(day(last)), "{from}");
        }
        assert_eq!(cancellation_end(day("2026-11-30")), Some(day("2026-12-31")));
        assert_eq!(cancellation_end(day("2026-12-01")), Some(day("2027-01-31")));
    }

    #[test]
    fn beyond_the_calendar_there_is_no_date() {
        assert_eq!(days_after(Date::MAX, 1), None);
        assert_eq!(months_after(Date::MAX, 1), None);
        assert_eq!(month_end(Date::MAX, 1), None);
        let today = day("2026-11-20");
        for many in [i32::MAX, i32::MIN] {
            assert_eq!(
                (days_after(today, many), months_after(today, many), month_end(today, many)),
                (None, None, None)
            );
        }
    }

    proptest! {
        #[test]
        fn a_month_never_shrinks_and_never_skips_one(n in 0i32..40_000, months in 1i32..25) {
            let from = days_after(day("1980-01-01"), n).unwrap();
            let end = months_after(from, months).unwrap();
            let later = months_after(from.tomorrow().unwrap(), months).unwrap();
            prop_assert!(end > from && later >= end);
            let ahead = (i32::from(end.year()) - i32::from(from.year())) * 12 + i32::from(end.month()) - i32::from(from.month());
            prop_assert!(ahead == months, "{from} {end}");
        }
    }
}

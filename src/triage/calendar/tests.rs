//! Border minutes, every minute of five years against a naive model, and the algebra of intervals.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn hours(text: &str) -> Hours {
    let (from, until) = text.split_once('-').unwrap();
    Hours { from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn week(of: [&[&str]; 7]) -> [Vec<Hours>; 7] {
    of.map(|day| day.iter().map(|text| hours(text)).collect())
}

const WORKDAY: &[&str] = &["10:00-11:45", "12:45-18:00"];

/// The desk of the terms: weekdays 10:00–18:00 without 11:45–12:45.
fn terms() -> Calendar {
    let week = week([WORKDAY, WORKDAY, WORKDAY, WORKDAY, WORKDAY, &[], &[]]);
    Calendar { holidays: Holidays::japan(), ..Calendar::of_week(zone("Asia/Tokyo"), week) }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn closure(days: Days, closed: Option<&str>, reason: &str) -> Closure {
    Closure { days, hours: closed.map(hours), reason: reason.into() }
}

fn one(day: Date) -> Days {
    Days::Range { first: day, last: day }
}

/// Year-end, a company day, an early closing, a morning off, a range, and a Saturday and a holiday that are open.
fn company() -> Calendar {
    let closures = vec![
        closure(Days::Yearly { first: (12, 29), last: (1, 3) }, None, "年末年始休業"),
        closure(Days::Yearly { first: (6, 1), last: (6, 1) }, None, "創立記念日"),
        closure(Days::Range { first: date(2026, 8, 12), last: date(2026, 8, 14) }, None, "夏季休業"),
        closure(one(date(2026, 12, 28)), Some("15:00-24:00"), "仕事納め"),
        closure(one(date(2026, 10, 1)), Some("11:00-13:00"), "社内行事"),
    ];
    let opening = |date, text, reason: &str| Opening { date, hours: vec![hours(text)], reason: reason.into() };
    let openings = vec![
        opening(date(2026, 11, 28), "13:00-17:00", "臨時対応"),
        opening(date(2026, 11, 23), "10:00-15:00", "祝日対応"),
    ];
    Calendar { closures, openings, ..terms() }
}

/// (asked at, open?, next opening, handled from the next business day), all in Tokyo time.
type Border = (&'static str, bool, &'static str, &'static str);

#[rustfmt::skip]
const BORDERS: &[Border] = &[
    ("2026-11-20T00:00:00", false, "2026-11-20T10:00:00", "2026-11-24T10:00:00"),
    ("2026-11-20T09:59:59", false, "2026-11-20T10:00:00", "2026-11-24T10:00:00"),
    ("2026-11-20T10:00:00", true,  "2026-11-20T10:00:00", "2026-11-20T10:00:00"),
    ("2026-11-20T11:44:59", true,  "2026-11-20T11:44:59", "2026-11-20T11:44:59"),
    ("2026-11-20T11:45:00", false, "2026-11-20T12:45:00", "2026-11-24T10:00:00"),
    ("2026-11-20T12:44:59", false, "2026-11-20T12:45:00", "2026-11-24T10:00:00"),
    ("2026-11-20T12:45:00", true,  "2026-11-20T12:45:00", "2026-11-20T12:45:00"),
    ("2026-11-20T17:59:59", true,  "2026-11-20T17:59:59", "2026-11-20T17:59:59"),
    ("2026-11-20T18:00:00", false, "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    ("2026-11-20T23:59:59", false, "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    // Saturday, Sunday, Labour Thanksgiving Day on a Monday.
    ("2026-11-21T12:00:00", false, "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    ("2026-11-23T12:00:00", false, "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    // Golden Week: the 3rd is a Sunday, so the 6th is a substitute holiday.
    ("2026-05-01T18:00:00", false, "2026-05-07T10:00:00", "2026-05-07T10:00:00"),
    ("2026-05-06T11:00:00", false, "2026-05-07T10:00:00", "2026-05-07T10:00:00"),
    // Between two holidays: the 22nd.
    ("2026-09-18T18:00:00", false, "2026-09-24T10:00:00", "2026-09-24T10:00:00"),
    ("2026-09-22T11:00:00", false, "2026-09-24T10:00:00", "2026-09-24T10:00:00"),
    // New Year without company closures: only the 1st is a holiday.
    ("2026-12-31T18:00:00", false, "2027-01-04T10:00:00", "2027-01-04T10:00:00"),
    // Leap day, a Tuesday.
    ("2028-02-28T18:00:00", false, "2028-02-29T10:00:00", "2028-02-29T10:00:00"),
    ("2028-02-29T18:00:00", false, "2028-03-01T10:00:00", "2028-03-01T10:00:00"),
];

#[rustfmt::skip]
const COMPANY_BORDERS: &[Border] = &[
    ("2026-12-28T14:59:59", true,  "2026-12-28T14:59:59", "2026-12-28T14:59:59"),
    ("2026-12-28T15:00:00", false, "2027-01-04T10:00:00", "2027-01-04T10:00:00"),
    ("2026-12-29T11:00:00", false, "2027-01-04T10:00:00", "2027-01-04T10:00:00"),
    ("2028-12-28T18:00:00", false, "2029-01-04T10:00:00", "2029-01-04T10:00:00"),
    ("2026-10-01T10:59:59", true,  "2026-10-01T10:59:59", "2026-10-01T10:59:59"),
    ("2026-10-01T11:00:00", false, "2026-10-01T13:00:00", "2026-10-02T10:00:00"),
    ("2026-08-10T18:00:00", false, "2026-08-17T10:00:00", "2026-08-17T10:00:00"),
    ("2027-06-01T10:00:00", false, "2027-06-02T10:00:00", "2027-06-02T10:00:00"),
    ("2026-11-20T18:00:00", false, "2026-11-23T10:00:00", "2026-11-23T10:00:00"),
    ("2026-11-23T15:00:00", false, "2026-11-24T10:00:00", "2026-11-24T10:00:00"),
    ("2026-11-28T12:59:59", false, "2026-11-28T13:00:00", "2026-11-30T10:00:00"),
];

#[test]
fn opens_and_closes_on_the_second() {
    for (calendar, borders) in [(terms(), BORDERS), (company(), COMPANY_BORDERS)] {
        let at = |text: &str| -> Timestamp { format!("{text}+09:00").parse().unwrap() };
        for (asked, open, opening, next_day) in borders {
            let now = at(asked);
            assert_eq!(calendar.is_open(now), *open, "{asked}");
            assert_eq!(calendar.next_opening(now), Some(at(opening)), "{asked}");
            assert_eq!(calendar.handled_from(now, OutOfHours::NextOpening), Some(at(opening)), "{asked}");
            assert_eq!(calendar.handled_from(now, OutOfHours::NextBusinessDay), Some(at(next_day)), "{asked}");
        }
    }
}

#[test]
fn a_day_says_why_it_is_not_as_usual() {
    let calendar = company();
    let check = |day: Date, expected: &str| {
        let Day { hours, reason } = calendar.day(day);
        let hours: Vec<String> = hours.iter().map(Hours::to_string).collect();
        assert_eq!(format!("{} {}", hours.join(" "), reason.unwrap_or_default()), expected, "{day}");
    };
    check(date(2026, 11, 20), "10:00-11:45 12:45-18:00 ");
    check(date(2026, 11, 21), " ");
    check(date(2026, 5, 3), " 憲法記念日");
    check(date(2027, 1, 1), " 元日");
    check(date(2027, 1, 2), " 年末年始休業");
    check(date(2026, 12, 28), "10:00-11:45 12:45-15:00 仕事納め");
    check(date(2026, 10, 1), "10:00-11:00 13:00-18:00 社内行事");
    check(date(2026, 11, 23), "10:00-15:00 祝日対応");
    check(date(2026, 11, 28), "13:00-17:00 臨時対応");
}

/// New York, 2026-03-08: 02:00 becomes 03:00; 2026-11-01: 02:00 becomes 01:00 again. In UTC.
#[test]
fn clocks_that_are_put_forward_and_back() {
    let day = &["01:30-02:30", "09:00-17:00"];
    let night = Calendar::of_week(zone("America/New_York"), week([day, day, day, day, day, day, day]));
    let ranges =
        |day| -> Vec<String> { night.ranges(day).iter().map(|(from, until)| format!("{from} {until}")).collect() };
    assert_eq!(ranges(date(2026, 3, 7))[0], "2026-03-07T06:30:00Z 2026-03-07T07:30:00Z");
    // Until 02:30, which is 03:30: an hour all the same.
    assert_eq!(ranges(date(2026, 3, 8))[0], "2026-03-08T06:30:00Z 2026-03-08T07:30:00Z");
    assert_eq!(ranges(date(2026, 3, 8))[1], "2026-03-08T13:00:00Z 2026-03-08T21:00:00Z");
    assert_eq!(ranges(date(2026, 11, 1))[0], "2026-11-01T05:30:00Z 2026-11-01T07:30:00Z");
    assert_eq!(ranges(date(2026, 11, 1))[1], "2026-11-01T14:00:00Z 2026-11-01T22:00:00Z");
    let gap = Calendar::of_week(zone("America/New_York"), week([&[], &[], &[], &[], &[], &[], &["02:00-03:00"]]));
    assert_eq!(gap.ranges(date(2026, 3, 8)), []);
    assert_eq!(
        gap.next_opening("2026-03-08T00:00:00Z".parse().unwrap()),
        Some("2026-03-15T06:00:00Z".parse().unwrap())
    );
}

#[test]
fn round_the_clock_is_one_range() {
    let day = &["00:00-24:00"];
    let always = Calendar::of_week(zone("Asia/Tokyo"), week([day, day, day, day, day, day, day]));
    let at: Timestamp = "2026-11-20T14:59:59.999999999Z".parse().unwrap();
    assert!(always.is_open(at) && always.next_opening(at) == Some(at));
    assert_eq!(always.next_closing(at), None);
    let weekdays = Calendar::of_week(zone("Asia/Tokyo"), week([day, day, day, day, day, &[], &[]]));
    let monday: Timestamp = "2026-11-16T03:00:00Z".parse().unwrap();
    assert_eq!(weekdays.next_closing(monday), Some("2026-11-20T15:00:00Z".parse().unwrap()));
    assert_eq!(weekdays.next_closing("2026-11-21T03:00:00Z".parse().unwrap()), None);
}

#[test]
fn a_desk_that_never_opens_has_no_opening() {
    let never = Calendar::of_week(zone("Asia/Tokyo"), Default::default());
    let at: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    assert_eq!(never.next_opening(at), None);
    assert_eq!(never.handled_from(at, OutOfHours::NextBusinessDay), None);
    assert_eq!(never.after_open_time(at, SignedDuration::from_secs(1)), None);
}

#[test]
fn open_time_skips_breaks_nights_and_holidays() {
    let calendar = company();
    let at = |text: &str| -> Timestamp { format!("{text}+09:00").parse().unwrap() };
    for (from, minutes, until) in [
        ("2026-11-20T10:00", 60, "2026-11-20T11:00"),
        ("2026-11-20T11:00", 45, "2026-11-20T11:45"),
        ("2026-11-20T11:00", 60, "2026-11-20T13:00"),
        ("2026-11-20T17:00", 120, "2026-11-23T11:00"),
        ("2026-11-21T03:00", 301, "2026-11-24T10:01"),
        ("2026-12-28T14:30", 31, "2027-01-04T10:01"),
    ] {
        let open = SignedDuration::from_mins(minutes);
        assert_eq!(calendar.after_open_time(at(from), open), Some(at(until)), "{from}");
        assert_eq!(calendar.open_time(at(from), at(until)), open, "{from}");
    }
}

#[test]
fn minutes_are_read_and_written() {
    for (text, shown) in [("9:30", "09:30"), ("00:00", "00:00"), (" 24:00", "24:00"), ("23:59", "23:59")] {
        assert_eq!(text.parse::<Minute>().unwrap().to_string(), shown);
    }
    for bad in ["", "10", "24:01", "25:00", "10:60", "10:5", "-1:00", "+9:00", "10:000", "a:00"] {
        assert_eq!(bad.parse::<Minute>(), Err(NoMinute), "{bad}");
    }
}

#[test]
fn says_the_opening_in_japanese() {
    let text = terms().japanese("2026-11-24T01:05:00Z".parse().unwrap());
    assert_eq!(text, "11月24日(火) 10:05");
}

#[test]
fn missing_holidays_are_noticed_in_autumn() {
    let at = |text: &str| -> Timestamp { format!("{text}T12:00:00+09:00").parse().unwrap() };
    for (day, missing) in
        [("2026-11-20", None), ("2027-09-30", None), ("2027-10-01", Some(2028)), ("2028-01-05", Some(2028))]
    {
        assert_eq!(terms().holidays_missing(at(day)), missing, "{day}");
        assert_eq!(Calendar { holidays: Holidays::default(), ..terms() }.holidays_missing(at(day)), None);
    }
}

// ---- every minute of 2026 to 2030 ----

const MINUTES_A_DAY: i64 = 24 * 60;
const FIRST: Date = date(2026, 1, 1);
const DAYS: i64 = 365 * 5 + 1;

/// Open or not, minute by minute in Tokyo (no DST since 1951), by the plain reading of the terms.
fn naive(open_in_the_day: impl Fn(i64) -> bool) -> Vec<bool> {
    let listed = include_str!("../../../tests/calendar/japan-2026-2030.txt");
    let holidays: Vec<&str> = listed.lines().map(|line| &line[..10]).collect();
    let day = |number: i64| {
        let date = FIRST.checked_add(number.days()).unwrap();
        // 2026-01-01 was a Thursday.
        let workday = (number + 3) % 7 < 5 && !holidays.contains(&date.to_string().as_str());
        (0..MINUTES_A_DAY).map(|minute| workday && open_in_the_day(minute)).collect::<Vec<_>>()
    };
    (0..DAYS).flat_map(day).collect()
}

/// The same from our ranges, walked along by openings and closings.
fn ours(calendar: &Calendar) -> Vec<bool> {
    let start = calendar.moment(FIRST, Minute::MIDNIGHT).unwrap();
    let minute = |at: Timestamp| (at.duration_since(start).as_secs() / 60) as usize;
    let mut open = vec![false; (DAYS * MINUTES_A_DAY) as usize];
    let mut at = start;
    while let Some(opening) = calendar.next_opening(at).filter(|at| minute(*at) < open.len()) {
        at = calendar.next_closing(opening).unwrap();
        open[minute(opening)..minute(at)].fill(true);
    }
    open
}

#[test]
fn every_minute_of_five_years_is_as_the_terms_say() {
    let shipped = |text: &str| crate::config::embedded_pack(text).unwrap().hours;
    let biz = naive(|m| (600..705).contains(&m) || (765..1080).contains(&m));
    let phone = naive(|m| (600..1080).contains(&m));
    for (pack, expected) in [("optim-biz", biz), ("biz-phone", phone)] {
        let calendar = shipped(pack);
        assert!(ours(&calendar) == expected, "{pack}");
        let start = calendar.moment(FIRST, Minute::MIDNIGHT).unwrap();
        for (minute, open) in expected.iter().enumerate().step_by(61) {
            let at = start + SignedDuration::from_mins(minute as i64);
            assert_eq!(calendar.is_open(at), *open, "{pack} {at}");
        }
        // A year's open hours by two computations.
        for year in 2026..=2030 {
            let from = |year| calendar.moment(date(year, 1, 1), Minute::MIDNIGHT).unwrap();
            let minutes = |at: Timestamp| (at.duration_since(start).as_secs() / 60) as usize;
            let counted = expected[minutes(from(year))..minutes(from(year + 1))].iter().filter(|open| **open).count();
            assert_eq!(calendar.open_time(from(year), from(year + 1)).as_mins(), counted as i64, "{pack} {year}");
        }
    }
}

// ---- the algebra ----

prop_compose! {
    /// Open ranges of a day: every second gap between sorted, different minutes.
    fn day_hours()(mut minutes in prop::collection::btree_set(0u16..=1440, 0..6)) -> Vec<Hours> {
        if minutes.len() % 2 == 1 {
            minutes.pop_last();
        }
        let minutes: Vec<Minute> = minutes.into_iter().map(Minute).collect();
        minutes.chunks(2).map(|pair| Hours { from: pair[0], until: pair[1] }).collect()
    }
}

prop_compose! {
    fn calendars()(
        week in prop::array::uniform7(day_hours()),
        name in prop::sample::select(vec!["Asia/Tokyo", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"]),
        closed in prop::collection::vec((0i64..60, 0i64..5, prop::option::of(day_hours())), 0..4),
        opened in prop::collection::vec((0i64..60, day_hours()), 0..3),
    ) -> Calendar {
        let day = |n: i64| date(2026, 3, 1).checked_add(n.days()).unwrap();
        let closures = closed.into_iter().flat_map(|(first, length, hours)| {
            let days = Days::Range { first: day(first), last: day(first + length) };
            let parts = match hours {
                Some(parts) => parts.into_iter().map(Some).collect(),
                None => vec![None],
            };
            parts.into_iter().map(move |hours| Closure { days, hours, reason: "休業".into() })
        });
        let openings = opened.into_iter().map(|(n, hours)| Opening { date: day(n), hours, reason: "臨時".into() });
        Calendar {
            closures: closures.collect(),
            openings: openings.collect(),
            ..Calendar::of_week(zone(name), week)
        }
    }
}

/// Seconds into spring 2026, over a change of clocks in three of the zones.
fn moment(seconds: i64) -> Timestamp {
    "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

const SPAN: i64 = 50 * 24 * 3600;

proptest! {
    #[test]
    fn the_next_opening_is_open_and_the_first(calendar in calendars(), at in 0..SPAN, earlier in 0..SPAN) {
        let at = moment(at);
        let Some(opening) = calendar.next_opening(at) else { return Ok(()) };
        prop_assert!(opening >= at && calendar.is_open(opening));
        prop_assert_eq!(calendar.is_open(at), opening == at);
        prop_assert_eq!(calendar.open_time(at, opening), SignedDuration::ZERO);
        // Monotone: who asks earlier is not told a later time.
        let before = moment(earlier).min(at);
        prop_assert!(calendar.next_opening(before).unwrap() <= opening);
        for reading in [OutOfHours::NextOpening, OutOfHours::NextBusinessDay] {
            if let (Some(first), Some(second)) = (calendar.handled_from(before, reading), calendar.handled_from(at, reading)) {
                prop_assert!(calendar.is_open(first) && first >= before);
                prop_assert!(reading == OutOfHours::NextBusinessDay || first <= second);
            }
        }
    }

    #[test]
    fn closing_is_closed_and_open_until_then(calendar in calendars(), at in 0..SPAN) {
        let at = moment(at);
        match calendar.next_closing(at) {
            Some(closing) => {
                prop_assert!(closing > at && !calendar.is_open(closing));
                prop_assert_eq!(calendar.open_time(at, closing), closing.duration_since(at));
            }
            None => prop_assert!(!calendar.is_open(at) || calendar.open_time(at, at + SignedDuration::from_hours(24)) == SignedDuration::from_hours(24)),
        }
    }

    #[test]
    fn open_time_adds_up_and_runs_back(calendar in calendars(), mut moments in prop::array::uniform3(0..SPAN), minutes in 1i64..6000) {
        moments.sort();
        let [a, b, c] = moments.map(moment);
        prop_assert_eq!(calendar.open_time(a, b) + calendar.open_time(b, c), calendar.open_time(a, c));
        prop_assert_eq!(calendar.open_time(c, a), SignedDuration::ZERO);
        let open = SignedDuration::from_mins(minutes);
        if let Some(end) = calendar.after_open_time(a, open) {
            prop_assert_eq!(calendar.open_time(a, end), open);
        }
    }

    #[test]
    fn what_is_closed_is_cut_out(open in day_hours(), closed in day_hours()) {
        let inside = |ranges: &[Hours], minute: u16| ranges.iter().any(|h| h.from.0 <= minute && minute < h.until.0);
        let left = closed.iter().fold(open.clone(), |open, closed| without(&open, *closed));
        for minute in 0..1440 {
            prop_assert_eq!(inside(&left, minute), inside(&open, minute) && !inside(&closed, minute));
        }
        prop_assert!(left.windows(2).all(|pair| pair[0].until <= pair[1].from));
    }
}

//! Japanese national holidays: the Cabinet Office's list, and beyond it the Act itself.
//!
//! The list (`japan.csv`, in the form of 内閣府「国民の祝日」について, `syukujitsu.csv`) is official and ends with the
//! coming year: the two equinoxes are announced in the February before. For later years the rules of the Act on
//! National Holidays are computed, so that a desk whose list has run out is closed on New Year's Day all the same;
//! `check` and the running desk warn meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, date};

/// Days on which nobody works, with their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holidays {
    listed: Arc<BTreeMap<Date, String>>,
    /// Beyond the list: the Act.
    computed: bool,
}

/// A line of a list that cannot be read, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine(pub usize);

const JAPAN: &str = include_str!("japan.csv");

impl Holidays {
    /// The list of this program, and the Act beyond it.
    pub fn japan() -> Holidays {
        static LISTED: OnceLock<Arc<BTreeMap<Date, String>>> = OnceLock::new();
        // A test reads the file, so that there is no error to meet here.
        let listed = LISTED.get_or_init(|| Arc::new(parse(JAPAN).unwrap_or_default()));
        Holidays { listed: listed.clone(), computed: true }
    }

    /// The same with the years of a newer list in place of ours: lines `2027/1/1,元日`, with or without heading.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn japan_with(list: &str) -> Result<Holidays, BadLine> {
        let newer = parse(list)?;
        let mut holidays = Holidays::japan();
        let listed = Arc::make_mut(&mut holidays.listed);
        listed.retain(|day, _| !newer.keys().any(|new| new.year() == day.year()));
        listed.extend(newer);
        Ok(holidays)
    }

    /// The holiday's name.
    pub fn name(&self, day: Date) -> Option<&str> {
        if self.is_official(day.year()) {
            return self.listed.get(&day).map(String::as_str);
        }
        if self.computed { by_act(day) } else { None }
    }

    /// True if the year's days are listed, or there are no holidays to list.
    pub fn is_official(&self, year: i16) -> bool {
        !self.computed || self.listed.range(date(year, 1, 1)..=date(year, 12, 31)).next().is_some()
    }
}

fn parse(list: &str) -> Result<BTreeMap<Date, String>, BadLine> {
    let lines = list.lines().enumerate().filter(|(at, line)| {
        let heading = *at == 0 && !line.starts_with(|c: char| c.is_ascii_digit());
        !heading && !line.trim().is_empty()
    });
    lines.map(|(at, line)| entry(line).ok_or(BadLine(at + 1))).collect()
}

fn entry(line: &str) -> Option<(Date, String)> {
    let (day, name) = line.trim().split_once(',')?;
    let mut numbers = day.split(['/', '-']);
    let (year, month, day) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let day = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some((day, name.to_owned()))
}

/// The Act as in force since 2022: articles 2 and 3.
fn by_act(day: Date) -> Option<&'static str> {
    named(day).or_else(|| substitute(day)).or_else(|| between(day))
}

/// Article 2.
fn named(day: Date) -> Option<&'static str> {
    let monday = |week: i8| day.weekday() == Weekday::Monday && (day.day() - 1) / 7 + 1 == week;
    Some(match (day.month(), day.day()) {
        (1, 1) => "元日",
        (1, _) if monday(2) => "成人の日",
        (2, 11) => "建国記念の日",
        (2, 23) => "天皇誕生日",
        (3, n) if n == equinox(day.year(), 20.8431) => "春分の日",
        (4, 29) => "昭和の日",
        (5, 3) => "憲法記念日",
        (5, 4) => "みどりの日",
        (5, 5) => "こどもの日",
        (7, _) if monday(3) => "海の日",
        (8, 11) => "山の日",
        (9, _) if monday(3) => "敬老の日",
        (9, n) if n == equinox(day.year(), 23.2488) => "秋分の日",
        (10, _) if monday(2) => "スポーツの日",
        (11, 3) => "文化の日",
        (11, 23) => "勤労感謝の日",
        _ => return None,
    })
}

/// The usual formula for 1980–2099: the sun's mean motion, corrected by the leap days.
fn equinox(year: i16, start: f64) -> i8 {
    let years = f64::from(year - 1980);
    (start + 0.242194 * years - (years / 4.0).floor()) as i8
}

/// Article 3 (2): the first day that is no holiday after one that falls on a Sunday.
fn substitute(day: Date) -> Option<&'static str> {
    let mut before = day.checked_sub(1.day()).ok()?;
    while named(before).is_some() {
        if before.weekday() == Weekday::Sunday {
            return Some("振替休日");
        }
        before = before.checked_sub(1.day()).ok()?;
    }
    None
}

/// Article 3 (3): a day between two holidays.
fn between(day: Date) -> Option<&'static str> {
    let (before, after) = (day.checked_sub(1.day()).ok()?, day.checked_add(1.day()).ok()?);
    (named(before).is_some() && named(after).is_some()).then_some("国民の休日")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days_of(year: i16) -> impl Iterator<Item = Date> {
        date(year, 1, 1).series(1.day()).take_while(move |day| day.year() == year)
    }

    /// Two sources that know nothing of each other: the published days, and the Act.
    #[test]
    fn the_list_is_what_the_act_says() {
        let japan = Holidays::japan();
        for year in 2022..=2027 {
            assert!(japan.is_official(year), "{year}");
            for day in days_of(year) {
                assert_eq!(japan.name(day), by_act(day), "{day}");
            }
        }
    }

    #[test]
    fn the_list_has_the_moved_days_of_the_olympic_years() {
        let names = |day| Holidays::japan().name(day).map(str::to_owned);
        assert_eq!(names(date(2021, 7, 22)).as_deref(), Some("海の日"));
        assert_eq!(names(date(2021, 8, 9)).as_deref(), Some("振替休日"));
        assert_eq!(names(date(2021, 10, 11)), None);
    }

    /// A third source for the years that are only computed: what other programs say.
    #[test]
    fn computed_years_are_those_of_other_programs() {
        let expected = include_str!("../../../tests/calendar/japan-2028-2035.txt");
        let computed = (2028..=2035).flat_map(days_of).filter_map(|day| Some(format!("{day} {}", by_act(day)?)));
        assert_eq!(computed.collect::<Vec<_>>(), expected.lines().collect::<Vec<_>>());
        assert!(!Holidays::japan().is_official(2028));
    }

    #[test]
    fn a_newer_list_stands_for_its_years() {
        let list = "国民の祝日・休日月日,国民の祝日・休日名称\r\n2027/1/1,元日\r\n2028/1/3,試験の日\r\n\r\n";
        let newer = Holidays::japan_with(list).unwrap();
        assert_eq!(newer.name(date(2027, 1, 1)), Some("元日"));
        assert_eq!(newer.name(date(2027, 1, 11)), None);
        assert_eq!(newer.name(date(2028, 1, 3)), Some("試験の日"));
        assert_eq!(newer.name(date(2026, 1, 12)), Some("成人の日"));
        assert_eq!(newer.name(date(2029, 1, 1)), Some("元日"));
        for (list, line) in [("2027/1/1", 1), ("日,名\n2027/13/1,x", 2), ("2027/2/29,x", 1), ("x\ny\n", 2)] {
            assert_eq!(Holidays::japan_with(list), Err(BadLine(line)), "{list}");
        }
    }

    #[test]
    fn without_holidays_every_year_is_known() {
        let none = Holidays::default();
        assert!(none.is_official(2040) && none.name(date(2040, 1, 1)).is_none());
    }
}

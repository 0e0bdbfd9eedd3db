//! Business hours and closed days: `calendar.toml` of a pack, and what a desk puts on top of it.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::problems::{File, Problem};
use super::reader::{self, Table, Value};
use super::suggest;
use crate::triage::calendar::holidays::{BadLine, Holidays};
use crate::triage::calendar::{Calendar, Closure, Days, Hours, Opening};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What one file says; what it does not say stays as it was.
#[derive(Default)]
pub struct Layer {
    zone: Option<TimeZone>,
    week: Option<[Vec<Hours>; 7]>,
    holidays: Option<Holidays>,
    pub closures: Vec<Closure>,
    pub openings: Vec<Opening>,
}

impl Layer {
    /// Puts this on top of `calendar`.
    pub fn onto(&self, calendar: &mut Calendar) {
        if let Some(zone) = &self.zone {
            calendar.zone = zone.clone();
        }
        if let Some(week) = &self.week {
            calendar.week = week.clone();
        }
        if let Some(holidays) = &self.holidays {
            calendar.holidays = holidays.clone();
        }
        calendar.closures.extend(self.closures.iter().cloned());
        // Newer ones are found first.
        calendar.openings.splice(0..0, self.openings.iter().cloned());
    }
}

/// `calendar.toml` of a pack, which must say where and when.
pub fn read(file: File<'_>) -> Option<Calendar> {
    reader::read(file, |root| {
        root.require("time_zone");
        root.require("week");
        let layer = fields(root);
        let mut calendar = Calendar::of_week(layer.zone.clone()?, layer.week.clone()?);
        layer.onto(&mut calendar);
        Some(calendar)
    })
}

/// A calendar of a desk.
pub fn layer(file: File<'_>) -> Option<Layer> {
    reader::read(file, |root| Some(fields(root)))
}

fn fields(table: &Table<'_>) -> Layer {
    let holidays = table.get("holidays").and_then(holidays);
    let zone = table.get("time_zone").and_then(zone);
    let week = table.get("week").and_then(|week| week.table("[week]", week_days));
    Layer { zone, week, holidays, ..days(table) }
}

/// `closed` and `open`, also in a desk's own table.
pub fn days(table: &Table<'_>) -> Layer {
    let closures = closures(table);
    let read = |item: Value<'_>| item.table("`open`", opening);
    Layer { closures, openings: table.list("open").into_iter().filter_map(read).collect(), ..Layer::default() }
}

/// `closed = [{ date = 2026-12-29, reason = "年末休業" }]`
fn closures(table: &Table<'_>) -> Vec<Closure> {
    let mut closures: Vec<Closure> = Vec::new();
    for item in table.list("closed") {
        for closure in item.table("`closed`", closure).unwrap_or_default() {
            if closures.iter().any(|known| known.days == closure.days && known.hours == closure.hours) {
                let what = said(&closure.days);
                table.file.add(Problem::warning(format!("{what} is closed twice")).at(&item.span()));
            } else {
                closures.push(closure);
            }
        }
    }
    closures
}

/// One for each range of hours.
fn closure(table: &Table<'_>) -> Option<Vec<Closure>> {
    let days = closed_days(table);
    let reason = table.string("reason");
    let hours = table.get("hours").map(hours_of_day);
    let (days, reason) = (days?, reason?.value);
    let closure = |hours| Closure { days, hours, reason: reason.clone() };
    Some(match hours {
        None => vec![closure(None)],
        Some(hours) => hours.into_iter().map(|hours| closure(Some(hours))).collect(),
    })
}

fn closed_days(table: &Table<'_>) -> Option<Days> {
    let day = table.get("date");
    let (from, until) = (table.get("from"), table.get("until"));
    let yearly = table.get("yearly");
    match (day, from, until, yearly) {
        (Some(day), None, None, None) => day.date().map(|day| Days::Range { first: day, last: day }),
        (None, Some(from), Some(until), None) => range(from, until),
        (None, None, None, Some(yearly)) => yearly_days(yearly),
        _ => {
            table.error("`closed` needs `date`, or `from` and `until`, or `yearly`: one of the three");
            None
        }
    }
}

fn range(from: Value<'_>, until: Value<'_>) -> Option<Days> {
    let (first, last) = (from.date(), until.date());
    let (first, last) = (first?, last?);
    if last < first {
        until.error_with("`until` is before `from`", "both days are closed, and all between them");
        return None;
    }
    Some(Days::Range { first, last })
}

/// `"06-01"`, `"12-29..01-03"`
fn yearly_days(value: Value<'_>) -> Option<Days> {
    let text = value.string()?.value;
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let days = month_day(first).zip(month_day(last)).map(|(first, last)| Days::Yearly { first, last });
    if days.is_none() {
        let hint = "month and day: \"06-01\", or from one to another, both closed: \"12-29..01-03\"";
        value.error_with(format!("`{text}` is no day of every year"), hint);
    }
    days
}

/// Of a leap year, so that 02-29 is one.
fn month_day(text: &str) -> Option<(i8, i8)> {
    let date: Date = format!("2028-{}", text.trim()).parse().ok()?;
    Some((date.month(), date.day()))
}

fn said(days: &Days) -> String {
    match days {
        Days::Range { first, last } if first == last => first.to_string(),
        Days::Range { first, last } => format!("{first} to {last}"),
        Days::Yearly { first: (m, d), last } if *last == (*m, *d) => format!("{m:02}-{d:02}"),
        Days::Yearly { first: (m, d), last: (n, e) } => format!("{m:02}-{d:02}..{n:02}-{e:02}"),
    }
}

/// `open = [{ date = 2026-11-28, hours = ["13:00-17:00"], reason = "臨時対応" }]`
fn opening(table: &Table<'_>) -> Option<Opening> {
    let date = table.require("date").and_then(Value::date);
    let hours = table.require("hours").map(hours_of_day);
    let reason = table.string("reason");
    Some(Opening { date: date?, hours: hours?, reason: reason?.value })
}

/// `"japan"`, `"none"`, or the Cabinet Office's list as a file beside this one.
fn holidays(value: Value<'_>) -> Option<Holidays> {
    let text = value.string()?.value;
    match text.as_str() {
        "japan" => Some(Holidays::japan()),
        "none" => Some(Holidays::default()),
        path if path.ends_with(".csv") => listed(value, path),
        _ => {
            let hint = "the list is syukujitsu.csv of the Cabinet Office";
            value.error_with(format!("`holidays` is `japan`, `none` or a .csv file, not `{text}`"), hint);
            None
        }
    }
}

fn listed(value: Value<'_>, path: &str) -> Option<Holidays> {
    let path = value.file.name.parent().map(|folder| folder.join(path)).unwrap_or_default();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            value.error(format!("cannot read the list of holidays: {error}"));
            return None;
        }
    };
    // The Cabinet Office writes Shift_JIS.
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => encoding_rs::SHIFT_JIS.decode(error.as_bytes()).0.into_owned(),
    };
    let read = Holidays::japan_with(text.trim_start_matches('\u{feff}'));
    if let Err(BadLine(line)) = &read {
        value.error_with(format!("{}:{line} is no holiday", path.display()), "a line is like 2027/1/1,元日");
    }
    read.ok()
}

fn zone(value: Value<'_>) -> Option<TimeZone> {
    let name = value.string()?.value;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        let near = suggest::nearest(&name, known.iter().map(String::as_str)).unwrap_or("Asia/Tokyo");
        value.error_with(format!("there is no time zone `{name}`"), &format!("did you mean `{near}`?"));
    }
    zone
}

fn week_days(table: &Table<'_>) -> Option<[Vec<Hours>; 7]> {
    let week = DAYS.map(|day| table.get(day).map(hours_of_day).unwrap_or_default());
    if week.iter().all(Vec::is_empty) && !table.file.report.has_errors() {
        table.error("the desk is never open: [week] has no hours");
    }
    Some(week)
}

/// The ranges of one day, sorted; overlaps are reported.
fn hours_of_day(value: Value<'_>) -> Vec<Hours> {
    let mut day: Vec<Hours> = Vec::new();
    for item in value.items() {
        let Some(hours) = hours(item) else { continue };
        if day.iter().any(|other| hours.from < other.until && other.from < hours.until) {
            item.error("overlaps with an earlier range of the same day");
        }
        day.push(hours);
    }
    day.sort_by_key(|hours| hours.from);
    day
}

fn hours(value: Value<'_>) -> Option<Hours> {
    let text = value.string()?.value;
    let parsed = text.split_once('-').and_then(|(from, until)| Some((from.parse().ok()?, until.parse().ok()?)));
    let Some((from, until)) = parsed else {
        value.error_with(format!("`{text}` is not a range of hours"), "for example \"10:00-11:45\" or \"12:45-24:00\"");
        return None;
    };
    if from >= until {
        value.error_with(format!("`{text}` ends before it begins"), "give each day its own part of a night");
        return None;
    }
    Some(Hours { from, until })
}

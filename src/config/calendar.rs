//! Business hours and closed days: `calendar.toml` of a pack, and a desk's own `closed`.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::problems::{File, Problem};
use super::reader::{self, Table, Value};
use super::suggest;
use crate::triage::calendar::{Calendar, Hours};

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// A time of day cannot be 24:00, so an end at midnight is the day's last nanosecond.
const MIDNIGHT: Time = Time::constant(23, 59, 59, 999_999_999);

pub fn read(file: File<'_>) -> Option<Calendar> {
    reader::read(file, |root| {
        let zone = root.require("time_zone").and_then(zone);
        let week = root.require("week").and_then(|week| week.table("[week]", week_days));
        let closed = closed(root);
        Some(Calendar { zone: zone?, week: week?, closed })
    })
}

/// `closed = [{ date = 2026-12-29, reason = "年末休業" }]`
pub fn closed(table: &Table<'_>) -> Vec<(Date, String)> {
    let mut days: Vec<(Date, String)> = Vec::new();
    for item in table.list("closed") {
        let day = item.table("`closed`", |day| {
            let date = day.require("date").and_then(Value::date);
            let reason = day.string("reason");
            Some((date?, reason?.value))
        });
        let Some((date, reason)) = day else { continue };
        if days.iter().any(|(known, _)| *known == date) {
            table.file.add(Problem::warning(format!("{date} is closed twice")).at(&item.span()));
        } else {
            days.push((date, reason));
        }
    }
    days
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

/// The open ranges of one day, sorted; overlaps are reported.
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
    let parsed = text.split_once('-').and_then(|(from, until)| Some((start(from)?, end(until)?)));
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

fn start(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    if minute.len() != 2 {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn end(text: &str) -> Option<Time> {
    if text.trim() == "24:00" { Some(MIDNIGHT) } else { start(text) }
}

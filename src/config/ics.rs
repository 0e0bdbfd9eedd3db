//! Calendars of other programs (iCalendar, RFC 5545) as closed days: all-day events close their days, events with
//! times close those hours.
//!
//! What cannot be said in a calendar file is told and left out: rules of repetition but "every year", times over
//! midnight, events without a date.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::triage::calendar::{Days, Hours, Minute};

/// An event that closes the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub days: Days,
    pub hours: Option<Hours>,
    pub reason: String,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    pub events: Vec<Event>,
    /// Events that were left out: the line of their beginning, counted from 1, and why.
    pub left_out: Vec<(usize, &'static str)>,
}

/// Reads the events of a file; times are turned into those of `zone`. None if it is no iCalendar file.
pub fn read(text: &str, zone: &TimeZone) -> Option<Import> {
    let lines = unfold(text);
    lines.first().filter(|(_, line)| line.eq_ignore_ascii_case("BEGIN:VCALENDAR"))?;
    let mut import = Import::default();
    let mut event: Option<(usize, Vec<Property>)> = None;
    let mut inner = 0;
    for (number, line) in &lines {
        let Some(property) = Property::of(line) else { continue };
        match (&mut event, property.name.as_str(), property.value.as_str()) {
            (None, "BEGIN", "VEVENT") => event = Some((*number, Vec::new())),
            (Some(_), "BEGIN", _) => inner += 1,
            (Some(_), "END", _) if inner > 0 => inner -= 1,
            (Some((start, properties)), "END", _) => {
                match closure(properties, zone) {
                    Ok(found) => import.events.extend(found),
                    Err(why) => import.left_out.push((*start, why)),
                }
                event = None;
            }
            (Some((_, properties)), _, _) if inner == 0 => properties.push(property),
            _ => {}
        }
    }
    Some(import)
}

/// One content line, RFC 5545 §3.1.
struct Property {
    /// Upper case.
    name: String,
    /// `NAME=value`, names in upper case.
    params: Vec<(String, String)>,
    value: String,
}

impl Property {
    fn of(line: &str) -> Option<Property> {
        let mut quoted = false;
        let colon = line.char_indices().find(|(_, c)| {
            quoted ^= *c == '"';
            *c == ':' && !quoted
        })?;
        let (head, value) = (&line[..colon.0], &line[colon.0 + 1..]);
        let mut pieces = head.split(';');
        let name = pieces.next()?.to_ascii_uppercase();
        let params = pieces.filter_map(|piece| piece.split_once('='));
        let params = params.map(|(name, value)| (name.to_ascii_uppercase(), value.trim_matches('"').to_owned()));
        Some(Property { name, params: params.collect(), value: value.trim().to_owned() })
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Lines with their number; a line that begins with white space goes on the one before.
fn unfold(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => lines.push((at + 1, line.to_owned())),
        }
    }
    lines
}

/// When an event begins or ends.
#[derive(Clone, Copy)]
enum When {
    Day(Date),
    Time(DateTime),
}

/// The closures of an event, one a day where it has times; none if it closes nothing.
fn closure(properties: &[Property], zone: &TimeZone) -> Result<Vec<Event>, &'static str> {
    let of = |name: &str| properties.iter().find(|property| property.name == name);
    if of("STATUS").is_some_and(|status| status.value.eq_ignore_ascii_case("CANCELLED")) {
        return Ok(Vec::new());
    }
    let start = of("DTSTART").and_then(|start| when(start, zone)).ok_or("it has no date that can be read")?;
    let end = match (of("DTEND"), of("DURATION")) {
        (Some(end), _) => Some(when(end, zone).ok_or("its end cannot be read")?),
        (None, Some(duration)) => Some(after(start, &duration.value).ok_or("its length cannot be read")?),
        (None, None) => None,
    };
    let yearly = of("RRULE").map(|rule| every_year(&rule.value)).transpose()?.unwrap_or(false);
    let reason = of("SUMMARY").map(|summary| unescape(&summary.value)).filter(|text| !text.is_empty());
    let reason = reason.unwrap_or_else(|| "休業".to_owned());
    match start {
        When::Day(first) => {
            let last = match end {
                // An all-day event ends before its end, RFC 5545 §3.6.1.
                Some(When::Day(end)) => end.yesterday().unwrap_or(first).max(first),
                _ => first,
            };
            let days = if yearly { every(first, last) } else { Days::Range { first, last } };
            Ok(vec![Event { days, hours: None, reason }])
        }
        When::Time(start) => {
            let Some(When::Time(end)) = end else { return Err("it has a beginning, but no end") };
            let hours = same_day(start, end).ok_or("it goes over midnight: close those days by hand")?;
            let day = start.date();
            let days = if yearly { every(day, day) } else { Days::Range { first: day, last: day } };
            Ok(vec![Event { days, hours: Some(hours), reason }])
        }
    }
}

fn every(first: Date, last: Date) -> Days {
    Days::Yearly { first: (first.month(), first.day()), last: (last.month(), last.day()) }
}

/// Whole minutes; an end at midnight is that of the day.
fn same_day(start: DateTime, end: DateTime) -> Option<Hours> {
    let minute = |time: DateTime| Minute::new(time.hour().unsigned_abs().into(), time.minute().unsigned_abs().into());
    let midnight = end.date() == start.date().tomorrow().ok()? && minute(end)? == Minute::MIDNIGHT;
    let until = match () {
        () if midnight => Minute::END,
        () if end.date() == start.date() => minute(end)?,
        () => return None,
    };
    let hours = Hours { from: minute(start)?, until };
    (hours.from < hours.until).then_some(hours)
}

/// `FREQ=YEARLY` and nothing that says more than the date does.
fn every_year(rule: &str) -> Result<bool, &'static str> {
    let plain = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        match name.to_ascii_uppercase().as_str() {
            "FREQ" => value.eq_ignore_ascii_case("YEARLY"),
            "INTERVAL" => value == "1",
            "BYMONTH" | "BYMONTHDAY" | "WKST" => true,
            _ => false,
        }
    };
    match rule.split(';').all(plain) {
        true => Ok(true),
        false => Err("it repeats in another way than every year: write its days by hand"),
    }
}

fn when(property: &Property, zone: &TimeZone) -> Option<When> {
    let value = property.value.as_str();
    let Some((day, time)) = value.split_once('T') else { return digits_date(value).map(When::Day) };
    let (time, utc) = time.strip_suffix('Z').map_or((time, false), |time| (time, true));
    let number = |range| time.get(range).and_then(|digits: &str| digits.parse::<i8>().ok());
    let time = digits_date(day)?.to_datetime(Time::new(number(0..2)?, number(2..4)?, 0, 0).ok()?);
    let theirs = match property.param("TZID") {
        _ if utc => TimeZone::UTC,
        // An unknown name (Outlook has its own) is taken for the desk's zone, as is a time without one.
        Some(name) => TimeZone::get(name).unwrap_or_else(|_| zone.clone()),
        None => zone.clone(),
    };
    let moment: Timestamp = theirs.to_ambiguous_timestamp(time).compatible().ok()?;
    Some(When::Time(zone.to_datetime(moment)))
}

/// `20261229`
fn digits_date(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok()
}

/// The end of an event of this length: `P3D`, `PT90M`, `P1W`.
fn after(start: When, length: &str) -> Option<When> {
    let span: jiff::Span = length.parse().ok()?;
    match start {
        When::Day(day) => day.checked_add(span).ok().map(When::Day),
        When::Time(time) => time.checked_add(span).ok().map(When::Time),
    }
}

/// RFC 5545 §3.3.11.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n' | 'N') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

/// The same as a calendar file.
pub fn toml(import: &Import) -> String {
    let lines = import.events.iter().map(|event| {
        let days = match event.days {
            Days::Range { first, last } if first == last => format!("date = {first}"),
            Days::Range { first, last } => format!("from = {first}, until = {last}"),
            Days::Yearly { first: (m, d), last } if last == (m, d) => format!("yearly = \"{m:02}-{d:02}\""),
            Days::Yearly { first: (m, d), last: (n, e) } => format!("yearly = \"{m:02}-{d:02}..{n:02}-{e:02}\""),
        };
        let hours = event.hours.map(|hours| format!(", hours = [\"{hours}\"]")).unwrap_or_default();
        let reason = toml::Value::from(event.reason.as_str());
        format!("  {{ {days}{hours}, reason = {reason} }},\n")
    });
    format!("closed = [\n{}]\n", lines.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokyo() -> TimeZone {
        TimeZone::get("Asia/Tokyo").unwrap()
    }

    fn imported(events: &str) -> (String, Vec<(usize, &'static str)>) {
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n"));
        let import = read(&text, &tokyo()).unwrap();
        (toml(&import), import.left_out)
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\n")
    }

    #[test]
    fn events_become_closed_days() {
        for (lines, closed) in [
            ("DTSTART;VALUE=DATE:20261229\nSUMMARY:年末休業", "{ date = 2026-12-29, reason = \"年末休業\" }"),
            (
                "DTSTART;VALUE=DATE:20261229\nDTEND;VALUE=DATE:20270104\nSUMMARY:年末年始",
                "{ from = 2026-12-29, until = 2027-01-03, reason = \"年末年始\" }",
            ),
            (
                "DTSTART;VALUE=DATE:20260812\nDURATION:P3D\nSUMMARY:夏\n 季休業",
                "{ from = 2026-08-12, until = 2026-08-14, reason = \"夏季休業\" }",
            ),
            (
                "DTSTART;VALUE=DATE:20200601\nRRULE:FREQ=YEARLY\nSUMMARY:創立記念日",
                "{ yearly = \"06-01\", reason = \"創立記念日\" }",
            ),
            (
                "DTSTART;VALUE=DATE:20201229\nDTEND;VALUE=DATE:20210104\nRRULE:FREQ=YEARLY;INTERVAL=1\nSUMMARY:冬\\, 休み\\n",
                "{ yearly = \"12-29..01-03\", reason = \"冬, 休み\" }",
            ),
            (
                "DTSTART;TZID=Asia/Tokyo:20261228T150000\nDTEND;TZID=Asia/Tokyo:20261229T000000\nSUMMARY:仕事\"納め\"",
                "{ date = 2026-12-28, hours = [\"15:00-24:00\"], reason = '仕事\"納め\"' }",
            ),
            (
                "DTSTART:20261001T020000Z\nDURATION:PT90M",
                "{ date = 2026-10-01, hours = [\"11:00-12:30\"], reason = \"休業\" }",
            ),
            (
                "BEGIN:VALARM\nDTSTART:19990101\nEND:VALARM\nDTSTART:20261001\nSUMMARY;X=\"a:b\":式",
                "{ date = 2026-10-01, reason = \"式\" }",
            ),
        ] {
            let (toml, left_out) = imported(&event(lines));
            assert_eq!((toml, left_out), (format!("closed = [\n  {closed},\n]\n"), vec![]), "{lines}");
        }
    }

    #[test]
    fn what_cannot_be_said_is_told() {
        for (lines, why) in [
            ("SUMMARY:x", "it has no date"),
            ("DTSTART:20261301", "it has no date"),
            ("DTSTART:ああ0Z", "it has no date"),
            ("DTSTART:20260101T256000", "it has no date"),
            ("DTSTART:20260101\nDTEND:x", "its end"),
            ("DTSTART:20260101\nDURATION:soon", "its length"),
            ("DTSTART:20260105\nRRULE:FREQ=WEEKLY", "it repeats"),
            ("DTSTART:20260105\nRRULE:FREQ=YEARLY;BYDAY=2MO", "it repeats"),
            ("DTSTART:20260105T220000\nDTEND:20260106T020000", "it goes over midnight"),
            ("DTSTART:20260105T220000", "it has a beginning"),
        ] {
            let (toml, left_out) = imported(&event(lines));
            assert_eq!(toml, "closed = [\n]\n");
            assert!(
                left_out.len() == 1 && left_out[0].0 == 3 && left_out[0].1.starts_with(why),
                "{lines}: {left_out:?}"
            );
        }
        assert_eq!(imported(&event("DTSTART:20260101\nSTATUS:CANCELLED")).0, "closed = [\n]\n");
        assert_eq!(read("hello", &tokyo()), None);
    }

    #[test]
    fn any_text_is_read_without_a_panic() {
        proptest::proptest!(|(lines in proptest::collection::vec("[A-Z;=:\"0-9T]{0,12}|BEGIN:VEVENT|END:VEVENT|DTSTART:[0-9TZあ]{0,9}", 0..12))| {
            read(&format!("BEGIN:VCALENDAR\n{}", lines.join("\n")), &tokyo());
        });
    }
}

//! `madoguchi hours`: is the desk open, when does it open next, and which days is it closed, and why?

use std::path::PathBuf;

use anstyle::{AnsiColor, Style};
use anyhow::bail;
use jiff::civil::{Date, Weekday, date};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::screen::{Language, dim, fit};
use super::{Exit, loaded};
use crate::clock::Clock;
use crate::config;
use crate::triage::calendar::{Calendar, OutOfHours, japanese_weekday};

/// Show whether a desk is open, when it opens next, and its closed days with their reasons
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without -c the calendar of an embedded pack is shown.

  madoguchi hours                                          now, and this month
  madoguchi hours -c madoguchi.toml --desk optim-biz       with the desk's own closed days
  madoguchi hours --at 2026-12-28T17:00+09:00              another moment, and its month
  madoguchi hours --year 2027                              a whole year
  madoguchi hours --year 2027 --json | jq -r '.days[] | select(.hours == []) | .date'")]
pub struct Args {
    /// The configuration
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this desk
    #[arg(long, value_name = "DESK", requires = "config")]
    desk: Option<String>,
    /// Embedded pack whose calendar is shown
    #[arg(long, value_name = "PACK", default_value = "optim-biz", conflicts_with = "config")]
    pack: String,
    /// The moment to look at, e.g. 2026-11-24T10:00+09:00; else now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Show this year instead of a month
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1955..=2099))]
    year: Option<i16>,
    /// One JSON object a desk and line
    #[arg(long)]
    json: bool,
    /// Language of the labels; else as the locale says
    #[arg(long, value_name = "LANGUAGE")]
    language: Option<Language>,
}

/// A desk's calendar and how it is read.
struct Desk {
    id: String,
    calendar: Calendar,
    reading: OutOfHours,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(desks) = loaded(desks(&args)) else { return Ok(Exit::Config) };
    let names: Vec<&str> = desks.iter().map(|desk| desk.id.as_str()).collect();
    let chosen = |desk: &&Desk| args.desk.as_ref().is_none_or(|id| *id == desk.id);
    if !desks.iter().any(|desk| chosen(&desk)) {
        bail!("there is no such desk; there are: {}", names.join(", "));
    }
    let now = args.at.unwrap_or_else(|| Clock::System.now());
    let language = args.language.unwrap_or_else(Language::of_locale);
    for desk in desks.iter().filter(chosen) {
        let days = days(&desk.calendar, now, args.year);
        match args.json {
            true => anstream::println!("{}", object(desk, now, &days)),
            false => Page { calendar: &desk.calendar, now, language }.print(desk, &days),
        }
    }
    Ok(Exit::Ok)
}

fn desks(args: &Args) -> Result<Vec<Desk>, config::Problems> {
    let Some(path) = &args.config else {
        let pack = config::embedded_pack(&args.pack)?;
        return Ok(vec![Desk { id: pack.id, calendar: pack.hours, reading: OutOfHours::default() }]);
    };
    let desk = |desk: config::Desk| Desk {
        id: desk.profile.id,
        calendar: desk.edition.calendar.clone(),
        reading: desk.profile.out_of_hours,
    };
    Ok(config::load(path)?.desks.into_iter().map(desk).collect())
}

/// The days of the year, or of the month of `now`.
fn days(calendar: &Calendar, now: Timestamp, year: Option<i16>) -> Vec<Date> {
    let today = calendar.date(now);
    let (first, last) = match year {
        Some(year) => (date(year, 1, 1), date(year, 12, 31)),
        None => (today.first_of_month(), today.last_of_month()),
    };
    first.series(1.day()).take_while(|day| *day <= last).collect()
}

fn object(desk: &Desk, now: Timestamp, days: &[Date]) -> Value {
    let calendar = &desk.calendar;
    let local = |at: Timestamp| at.to_zoned(calendar.zone.clone()).strftime("%FT%T%:z").to_string();
    let day = |date: &Date| {
        let day = calendar.day(*date);
        let hours: Vec<String> = day.hours.iter().map(|hours| hours.to_string()).collect();
        json!({ "date": date.to_string(), "hours": hours, "reason": day.reason })
    };
    json!({
        "desk": desk.id,
        "time_zone": calendar.zone.iana_name(),
        "at": local(now),
        "open": calendar.is_open(now),
        "closes": calendar.next_closing(now).map(local),
        "opens": calendar.next_opening(now).map(local),
        "handled_from": calendar.handled_from(now, desk.reading).map(local),
        "holidays_missing": calendar.holidays_missing(now),
        "days": days.iter().map(day).collect::<Vec<_>>(),
    })
}

struct Page<'a> {
    calendar: &'a Calendar,
    now: Timestamp,
    language: Language,
}

impl Page<'_> {
    fn print(&self, desk: &Desk, days: &[Date]) {
        let zone = self.calendar.zone.iana_name().unwrap_or_default();
        let bold = Style::new().bold();
        anstream::println!("{bold}{}{bold:#}  {}  {zone}", desk.id, self.time(self.now));
        anstream::println!("{}", self.state(desk));
        if let Some(year) = self.calendar.holidays_missing(self.now) {
            anstream::println!(
                "{year}{}",
                self.language.say(
                    "年の祝日は未公表です。法律から計算しています。",
                    ": the holidays are not published yet; they are computed from the Act"
                )
            );
        }
        let months: Vec<&[Date]> = days.chunk_by(|a, b| a.month() == b.month()).collect();
        for row in months.chunks(3) {
            self.months(row);
        }
        self.reasons(days);
    }

    fn time(&self, at: Timestamp) -> String {
        let local = at.to_zoned(self.calendar.zone.clone());
        let clock = local.strftime("%H:%M");
        format!("{} ({}) {clock}", local.date(), self.weekday(local.weekday()))
    }

    fn weekday(&self, day: Weekday) -> &'static str {
        const ENGLISH: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        self.language.say(japanese_weekday(day), ENGLISH[day.to_monday_zero_offset() as usize])
    }

    fn state(&self, desk: &Desk) -> String {
        let say = |ja, en| self.language.say(ja, en);
        if self.calendar.is_open(self.now) {
            let until = match self.calendar.next_closing(self.now) {
                Some(at) => format!("{} {}", say("終了", "until"), self.time(at)),
                None => say("終日", "and does not close").to_owned(),
            };
            return format!("{} {until}", say("受付中", "open"));
        }
        let Some(opening) = self.calendar.next_opening(self.now) else {
            return say("受付の予定がありません", "closed for good").to_owned();
        };
        let mut text = format!("{} {}", say("受付時間外 次の受付開始", "closed, opens"), self.time(opening));
        let handled = self.calendar.handled_from(self.now, desk.reading).filter(|at| *at != opening);
        if let Some(at) = handled {
            text += &format!(
                "\n{} {}",
                say("いま届くメールの対応開始", "mail that comes now is handled from"),
                self.time(at)
            );
        }
        text
    }

    /// Up to three months side by side. Closed days stand in brackets, days with other hours than usual have a star.
    fn months(&self, months: &[&[Date]]) {
        const COLUMNS: usize = 7 * 4 + 2;
        anstream::println!();
        let blocks: Vec<Vec<String>> = months.iter().map(|days| self.month(days)).collect();
        for line in 0..blocks.iter().map(Vec::len).max().unwrap_or(0) {
            let cells: String = blocks
                .iter()
                .map(|block| {
                    let text = block.get(line).map(String::as_str).unwrap_or_default();
                    let width = anstream::adapter::strip_str(text).to_string();
                    let pad = fit(&width, COLUMNS).len().saturating_sub(width.len());
                    format!("{text}{}", " ".repeat(pad))
                })
                .collect();
            anstream::println!("{}", cells.trim_end());
        }
    }

    fn month(&self, days: &[Date]) -> Vec<String> {
        let Some(first) = days.first() else { return Vec::new() };
        let title = match self.language {
            Language::Ja => format!("{}年{}月", first.year(), first.month()),
            Language::En => format!("{}-{:02}", first.year(), first.month()),
        };
        let names: String = (0..7)
            .filter_map(|n| Weekday::from_monday_zero_offset(n).ok())
            .map(|day| {
                let name: String = self.weekday(day).chars().take(2).collect();
                format!(" {} ", fit(&name, 2))
            })
            .collect();
        let mut lines = vec![title, names];
        let mut line = " ".repeat(4 * first.weekday().to_monday_zero_offset() as usize);
        for day in days {
            line += &self.cell(*day);
            if day.weekday() == Weekday::Sunday {
                lines.push(std::mem::take(&mut line));
            }
        }
        lines.push(line);
        lines.retain(|line| !line.is_empty());
        lines
    }

    fn cell(&self, date: Date) -> String {
        let day = self.calendar.day(date);
        let style = match () {
            () if date == self.calendar.date(self.now) => AnsiColor::Cyan.on_default().bold(),
            () if day.hours.is_empty() && day.reason.is_some() => AnsiColor::Red.on_default(),
            () if day.hours.is_empty() => dim(),
            () => Style::new(),
        };
        let text = match (day.hours.is_empty(), day.reason.is_some()) {
            (true, _) => format!("[{:>2}]", date.day()),
            (false, true) => format!(" {:>2}*", date.day()),
            (false, false) => format!(" {:>2} ", date.day()),
        };
        format!("{style}{text}{style:#}")
    }

    /// Every day that is not like its weekday, and why.
    fn reasons(&self, days: &[Date]) {
        let special: Vec<(Date, String, Option<String>)> = days
            .iter()
            .filter_map(|date| {
                let day = self.calendar.day(*date);
                let hours: Vec<String> = day.hours.iter().map(|hours| hours.to_string()).collect();
                Some((*date, day.reason?, (!hours.is_empty()).then(|| hours.join(" "))))
            })
            .collect();
        if !special.is_empty() {
            anstream::println!();
        }
        for (date, reason, hours) in special {
            let closed = self.language.say("休み", "closed");
            let hours = hours.as_deref().unwrap_or(closed);
            anstream::println!("  {date} ({})  {} {hours}", self.weekday(date.weekday()), fit(&reason, 24));
        }
    }
}

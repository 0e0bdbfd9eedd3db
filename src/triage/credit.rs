//! What a stop of the service is worth: the table that a pack declares, and the computation with its steps, for staff.
//! A robot promises none of it.

mod steps;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::flow::words::union;
use super::outage::{self, Outage};
use super::own_words::OwnWords;
use super::pack::Term;
use super::pattern::Pattern;
use super::period::{Outages, Period};

/// The table of the terms.
#[derive(Debug, Clone, PartialEq)]
pub struct CreditTable {
    pub clause: String,
    /// A mail with one of these is read for stops, too.
    pub words: Vec<Term>,
    /// By rising length.
    pub tiers: Vec<Tier>,
    /// Months in which a credit can be claimed, counted from the day of the stop; that day itself is still in time.
    pub claim_months: i32,
    pub rounding: Rounding,
    pub exclusions: Vec<Exclusion>,
    /// Where the table stands: 「品質保証制度 第1条」; "" if the pack does not say.
    pub article: String,
    /// Where the months of [`CreditTable::claim_months`] stand.
    pub claim_article: String,
    /// What staff should know besides.
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// The least length of this tier, in seconds.
    pub least: i64,
    /// Part of the monthly basic fee.
    pub part: i64,
    pub of: i64,
}

impl Tier {
    /// `1/90`; the whole fee is `1`.
    pub fn name(&self) -> String {
        if self.part == self.of { "1".into() } else { format!("{}/{}", self.part, self.of) }
    }
}

/// Of parts of a yen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    Down,
    Up,
    Nearest,
}

/// A cause for which nothing is due.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    pub id: String,
    /// For staff: 「不可抗力」
    pub reason: String,
    /// Seen in a sentence of the mail.
    pub words: Vec<Term>,
    /// Not counted in a sentence that has one of these.
    pub unless: Vec<Term>,
}

/// A table made ready for reading mails.
#[derive(Debug)]
pub struct CreditBook {
    pub table: CreditTable,
    words: Option<Pattern>,
    /// Words and counter-words of each exclusion.
    exclusions: Vec<(Option<Pattern>, Option<Pattern>)>,
    fee: Pattern,
}

impl CreditBook {
    pub fn compile(table: CreditTable) -> CreditBook {
        let exclusions = table.exclusions.iter().map(|e| (union(&e.words), union(&e.unless))).collect();
        let fee = Pattern::known(r"(?:基本(?:利用)?料(?:金)?|月額|basic fee)[^0-9。]{0,10}([0-9][0-9,]*)(?:円| ?yen)");
        CreditBook { words: union(&table.words), table, exclusions, fee }
    }

    /// Does the mail speak of a credit?
    pub fn is_named(&self, own: &OwnWords) -> bool {
        let Some(words) = &self.words else { return false };
        own.texts().any(|text| words.is_match(text))
    }

    /// Ids of the exclusions that the mail names.
    pub fn excluded(&self, own: &OwnWords) -> Vec<String> {
        let named = |(words, unless): &(Option<Pattern>, Option<Pattern>)| {
            let is = |regex: &Option<Pattern>, text: &str| regex.as_ref().is_some_and(|regex| regex.is_match(text));
            own.texts().any(|text| is(words, text) && !is(unless, text))
        };
        let found = self.table.exclusions.iter().zip(&self.exclusions).filter(|(_, words)| named(words));
        found.map(|(exclusion, _)| exclusion.id.clone()).collect()
    }

    /// The monthly basic fee as the mail states it.
    pub fn fee(&self, own: &OwnWords) -> Option<i64> {
        let stated = |text: &str| Some(self.fee.captures(text)?.get(1)?.as_str().replace(',', ""));
        own.texts().find_map(stated)?.parse().ok()
    }
}

/// What the mail claims, computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// Total length in whole minutes, counted from when the provider knew.
    pub minutes: i64,
    /// `1/90` … `1` by the total length; `none` below the least.
    pub tier: String,
    /// False if something speaks against it; staff decide.
    pub eligible: bool,
    /// What speaks against it: `too-short`, `too-late`, or ids of the table's exclusions.
    pub against: Vec<String>,
    /// Each calendar month by itself: the table counts stops by the month.
    pub months: Vec<MonthCredit>,
    /// Some time is not written to the minute.
    pub approximate: bool,
    /// Recorded outages that it is about.
    #[serde(default)]
    pub outages: Vec<String>,
    /// The computation in words, for staff.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// What a credit is computed from.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    pub told: &'a Outages,
    /// Outages that the provider knows of.
    pub recorded: &'a [Outage],
    /// Ids of the exclusions that the mail names.
    pub excluded: Vec<String>,
    /// The monthly basic fee in yen, if known.
    pub fee: Option<i64>,
}

/// A stop as told, and what of it counts.
struct Stop<'a> {
    claimed: Period,
    recorded: Option<&'a Outage>,
    counted: Option<Period>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthCredit {
    /// `2026-11`
    pub month: String,
    pub minutes: i64,
    pub tier: String,
    /// In whole yen; none if the basic fee is not known.
    pub amount: Option<i64>,
}

impl CreditTable {
    /// The tier of a length in seconds.
    pub fn tier(&self, seconds: i64) -> Option<&Tier> {
        self.tiers.iter().rev().find(|tier| seconds >= tier.least)
    }

    /// A tier's part of `fee`, in whole yen.
    pub fn amount(&self, tier: &Tier, fee: i64) -> i64 {
        let (whole, rest) = (fee * tier.part / tier.of, fee * tier.part % tier.of);
        match self.rounding {
            Rounding::Up if rest > 0 => whole + 1,
            Rounding::Nearest if rest * 2 >= tier.of => whole + 1,
            _ => whole,
        }
    }

    /// Computes a claim; none if the mail tells no stop. What is recorded counts as it is recorded; else what is told.
    pub fn claim(&self, claim: &Claim, zone: &TimeZone) -> Option<Credit> {
        let told = claim.told;
        let stops = stops(claim);
        let counted: Vec<Period> = stops.iter().filter_map(|stop| stop.counted.clone()).collect();
        let first = told.periods.iter().map(|period| period.from).min()?;
        let seconds = counted.iter().map(length).sum();
        let tier = self.tier(seconds);
        let mut against = claim.excluded.clone();
        if stops.iter().any(|stop| stop.recorded.is_some_and(|outage| !outage.ours)) {
            against.push("not-ours".into());
        }
        if tier.is_none() {
            against.push("too-short".into());
        }
        let damage = first.to_zoned(zone.clone()).date();
        if told.claimed.is_some_and(|claimed| claimed > self.last_day(damage)) {
            against.push("too-late".into());
        }
        let months = self.months(&counted, claim.fee, zone);
        Some(Credit {
            minutes: seconds / 60,
            tier: name(tier),
            eligible: against.is_empty(),
            against,
            steps: steps::steps(self, claim, &stops, &months, zone),
            months,
            approximate: counted.iter().any(|period| period.approximate),
            outages: stops.iter().filter_map(|stop| Some(stop.recorded?.id.clone())).collect(),
        })
    }

    /// The last day on which a stop of that day can be claimed.
    pub fn last_day(&self, damage: Date) -> Date {
        damage.checked_add(i64::from(self.claim_months).months()).unwrap_or(damage)
    }

    fn months(&self, periods: &[Period], fee: Option<i64>, zone: &TimeZone) -> Vec<MonthCredit> {
        let mut months: Vec<(Date, i64)> = Vec::new();
        for period in periods {
            for (month, seconds) in by_month(period, zone) {
                match months.iter_mut().find(|(known, _)| *known == month) {
                    Some((_, sum)) => *sum += seconds,
                    None => months.push((month, seconds)),
                }
            }
        }
        months.sort_unstable();
        let credit = |(month, seconds): (Date, i64)| {
            let tier = self.tier(seconds);
            let amount = fee.and_then(|fee| Some(self.amount(tier?, fee)));
            let month = format!("{:04}-{:02}", month.year(), month.month());
            MonthCredit { month, minutes: seconds / 60, tier: name(tier), amount }
        };
        months.into_iter().map(credit).collect()
    }
}

/// Each stop that is told, with its record; a recorded outage counts once.
fn stops<'a>(claim: &Claim<'a>) -> Vec<Stop<'a>> {
    let mut stops: Vec<Stop> = Vec::new();
    for claimed in &claim.told.periods {
        let recorded = outage::matching(claimed, claim.recorded);
        let again = recorded.is_some_and(|outage| stops.iter().any(|stop| stop.recorded == Some(outage)));
        if again {
            continue;
        }
        let counted = match recorded {
            Some(outage) => Some(outage.counted(claimed)).filter(|counted| counted.from < counted.until),
            None => from_known(claimed, claim.told.known_from),
        };
        stops.push(Stop { claimed: claimed.clone(), recorded, counted });
    }
    stops
}

fn name(tier: Option<&Tier>) -> String {
    tier.map_or_else(|| "none".into(), Tier::name)
}

fn length(period: &Period) -> i64 {
    period.until.as_second() - period.from.as_second()
}

/// What is left of a stop when it is counted from when the provider knew.
fn from_known(period: &Period, known: Option<Timestamp>) -> Option<Period> {
    let from = known.map_or(period.from, |known| known.max(period.from));
    (from < period.until).then(|| Period { from, ..period.clone() })
}

/// Seconds of each calendar month (its first day), split at local midnight.
fn by_month(period: &Period, zone: &TimeZone) -> Vec<(Date, i64)> {
    let mut parts = Vec::new();
    let mut from = period.from;
    while from < period.until {
        let day = from.to_zoned(zone.clone()).date();
        let next = day.last_of_month().tomorrow().ok().and_then(|next| next.to_zoned(zone.clone()).ok());
        let until = next.map_or(period.until, |next| next.timestamp().min(period.until));
        if until <= from {
            break;
        }
        parts.push((day.first_of_month(), until.as_second() - from.as_second()));
        from = until;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKYO: &str = "Asia/Tokyo";

    fn table(rounding: Rounding) -> CreditTable {
        let tier = |least, part, of| Tier { least, part, of };
        let hour = 3600;
        CreditTable {
            clause: "sla".into(),
            words: Vec::new(),
            tiers: vec![
                tier(1800, 1, 90),
                tier(hour, 1, 30),
                tier(12 * hour, 1, 10),
                tier(24 * hour, 1, 3),
                tier(72 * hour, 1, 1),
            ],
            claim_months: 1,
            rounding,
            exclusions: Vec::new(),
            article: "第1条".into(),
            claim_article: String::new(),
            note: String::new(),
        }
    }

    fn told(periods: &[(&str, &str)], known: Option<&str>, claimed: &str) -> Outages {
        let period = |(from, until): &(&str, &str)| Period {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            approximate: false,
        };
        Outages {
            periods: periods.iter().map(period).collect(),
            known_from: known.map(|known| known.parse().unwrap()),
            claimed: Some(claimed.parse().unwrap()),
        }
    }

    fn of<'a>(told: &'a Outages, recorded: &'a [Outage], fee: Option<i64>) -> Claim<'a> {
        Claim { told, recorded, excluded: Vec::new(), fee }
    }

    /// 「9時から12時まで」 is claimed; known from → until, ours → minutes, what is against it.
    #[test]
    fn what_is_recorded_counts_as_it_is_recorded() {
        let zone = TimeZone::get(TOKYO).unwrap();
        let at = |time: &str| format!("2026-11-03T{time}:00+09:00").parse().unwrap();
        let told = told(&[("2026-11-03T09:00:00+09:00", "2026-11-03T12:00:00+09:00")], None, "2026-11-04");
        for (from, known, until, ours, minutes, against) in [
            ("09:05", "09:15", Some("10:20"), true, 65, ""),
            ("09:05", "09:15", None, true, 165, ""),
            ("09:05", "09:55", Some("10:20"), true, 25, "too-short"),
            ("09:05", "11:00", Some("10:20"), true, 0, "too-short"),
            ("09:05", "09:15", Some("10:20"), false, 65, "not-ours"),
            ("13:00", "13:00", Some("14:00"), false, 180, ""),
        ] {
            let until = until.map(at);
            let (id, cause) = ("core".to_owned(), "故障".to_owned());
            let recorded = [Outage { id, from: at(from), until, known: at(known), ours, cause }];
            let credit = table(Rounding::Down).claim(&of(&told, &recorded, Some(9000)), &zone).unwrap();
            assert_eq!((credit.minutes, credit.against.join(" ").as_str()), (minutes, against), "{from} {known}");
            assert!(credit.steps.iter().any(|step| step.contains("第1条")), "{:?}", credit.steps);
        }
    }

    /// Length in seconds → tier: each border and the second before it.
    #[test]
    fn every_border_of_the_table_belongs_to_the_longer_tier() {
        let hour = 3600;
        let cases = [
            (0, "none"),
            (1799, "none"),
            (1800, "1/90"),
            (hour - 1, "1/90"),
            (hour, "1/30"),
            (12 * hour - 1, "1/30"),
            (12 * hour, "1/10"),
            (24 * hour - 1, "1/10"),
            (24 * hour, "1/3"),
            (72 * hour - 1, "1/3"),
            (72 * hour, "1"),
            (1000 * hour, "1"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(name(table(Rounding::Down).tier(seconds)), expected, "{seconds} s");
        }
    }

    #[test]
    fn parts_of_a_yen_are_rounded_as_the_pack_says() {
        let cases = [(Rounding::Down, 33), (Rounding::Up, 34), (Rounding::Nearest, 33)];
        for (rounding, expected) in cases {
            let table = table(rounding);
            assert_eq!(table.amount(&table.tiers[0], 2980), expected, "{rounding:?}");
            assert_eq!(table.amount(&table.tiers[4], 2980), 2980);
        }
    }

    #[test]
    fn stops_are_added_up_by_the_month_and_split_at_its_end() {
        let zone = TimeZone::get(TOKYO).unwrap();
        let told = told(
            &[
                ("2026-10-31T23:30:00+09:00", "2026-11-01T00:45:00+09:00"),
                ("2026-11-20T10:00:00+09:00", "2026-11-20T10:20:00+09:00"),
            ],
            None,
            "2026-11-21",
        );
        let credit = table(Rounding::Down).claim(&of(&told, &[], Some(9000)), &zone).unwrap();
        let months: Vec<_> =
            credit.months.iter().map(|m| (m.month.as_str(), m.minutes, m.tier.as_str(), m.amount)).collect();
        assert_eq!(months, [("2026-10", 30, "1/90", Some(100)), ("2026-11", 65, "1/30", Some(300))]);
        assert_eq!((credit.minutes, credit.eligible), (95, true));
    }

    #[test]
    fn it_counts_from_when_the_provider_knew() {
        let zone = TimeZone::get(TOKYO).unwrap();
        let stop = [("2026-10-14T11:00:00+09:00", "2026-10-14T12:30:00+09:00")];
        let known = Some("2026-10-14T11:45:00+09:00");
        let credit = table(Rounding::Down).claim(&of(&told(&stop, known, "2026-10-15"), &[], None), &zone).unwrap();
        assert_eq!((credit.minutes, credit.tier.as_str()), (45, "1/90"));
    }

    #[test]
    fn the_same_day_of_the_next_month_is_still_in_time() {
        let zone = TimeZone::get(TOKYO).unwrap();
        let stop = [("2027-01-31T18:00:00+09:00", "2027-01-31T19:15:00+09:00")];
        for (claimed, in_time) in [("2027-02-28", true), ("2027-03-01", false)] {
            let credit = table(Rounding::Down).claim(&of(&told(&stop, None, claimed), &[], None), &zone).unwrap();
            assert_eq!(credit.eligible, in_time, "{claimed}: {:?}", credit.against);
        }
    }
}

//! Outages of the service that the provider knows of: what claims of a credit are held against.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::period::Period;

/// An outage as staff recorded it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// Unique at the desk: `2026-11-03-core`.
    pub id: String,
    pub from: Timestamp,
    /// None while it lasts.
    pub until: Option<Timestamp>,
    /// When the provider learned of it: a credit counts from then.
    pub known: Timestamp,
    /// The provider's fault.
    pub ours: bool,
    /// For staff: 「基幹サーバーの故障」
    pub cause: String,
}

impl Outage {
    /// Was the service stopped during some of this time?
    pub fn touches(&self, period: &Period) -> bool {
        self.from < period.until && self.until.is_none_or(|until| period.from < until)
    }

    /// What of it counts for a credit: from when the provider knew; while it lasts, until the claimed end.
    pub fn counted(&self, claimed: &Period) -> Period {
        let from = self.from.max(self.known);
        let until = self.until.unwrap_or(claimed.until);
        Period { from, until: until.max(from), approximate: self.until.is_none() && claimed.approximate }
    }
}

/// The recorded outage that a claimed period is about: of those it touches the one with most in common.
pub fn matching<'a>(claimed: &Period, recorded: &'a [Outage]) -> Option<&'a Outage> {
    let common = |outage: &&Outage| {
        let until = outage.until.map_or(claimed.until, |until| until.min(claimed.until));
        until.as_second() - outage.from.max(claimed.from).as_second()
    };
    recorded.iter().filter(|outage| outage.touches(claimed)).max_by_key(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-03T{text}:00+09:00").parse().unwrap()
    }

    fn period(from: &str, until: &str) -> Period {
        Period { from: at(from), until: at(until), approximate: true }
    }

    fn outage(id: &str, from: &str, until: Option<&str>, known: &str) -> Outage {
        let (from, until, known) = (at(from), until.map(at), at(known));
        Outage { id: id.into(), from, until, known, ours: true, cause: String::new() }
    }

    #[test]
    fn a_claim_is_about_the_outage_that_it_has_most_in_common_with() {
        let recorded = [
            outage("a", "09:00", Some("09:30"), "09:00"),
            outage("b", "09:20", Some("11:00"), "09:40"),
            outage("c", "15:00", None, "15:10"),
        ];
        for (claimed, expected) in [
            (period("09:00", "10:00"), Some("b")),
            (period("08:50", "09:25"), Some("a")),
            (period("11:00", "15:00"), None),
            (period("16:00", "17:00"), Some("c")),
        ] {
            let found = matching(&claimed, &recorded).map(|outage| outage.id.as_str());
            assert_eq!(found, expected, "{claimed:?}");
        }
    }

    #[test]
    fn an_outage_counts_from_when_it_was_known_to_its_recorded_end() {
        let claimed = period("09:00", "12:00");
        let counted = |outage: &Outage| (outage.counted(&claimed).from, outage.counted(&claimed).until);
        assert_eq!(counted(&outage("b", "09:20", Some("11:00"), "09:40")), (at("09:40"), at("11:00")));
        assert_eq!(counted(&outage("c", "09:20", None, "09:10")), (at("09:20"), at("12:00")));
        // Known only when it was over: nothing counts.
        assert_eq!(counted(&outage("d", "09:20", Some("09:50"), "10:00")), (at("10:00"), at("10:00")));
    }
}

//! How many automatic answers may go out (mail-safety A3): what stops a loop that no other rule has recognised.
//!
//! A thread gets one (R22). A person and an organisation have a limit each; above it a person decides. A desk that is
//! asked for far more than usual stops answering altogether: its breaker opens, until somebody releases it.

use serde::{Deserialize, Serialize};

/// A desk's limits; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Answers to one person within 24 hours.
    pub sender_per_day: u32,
    /// Answers to one organisation's domain within an hour; free-mail domains have no limit. As much as `desk_per_hour` is
    /// no limit either.
    pub domain_per_hour: u32,
    /// Answers of the desk within an hour, at most: see [`Budgets::desk_limit`].
    pub desk_per_hour: u32,
}

impl Default for Budgets {
    fn default() -> Budgets {
        Budgets { sender_per_day: 3, domain_per_hour: 20, desk_per_hour: 60 }
    }
}

/// How the people concerned by an answer, and the desk, stand with us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Automatic answers to this sender within 24 hours.
    pub to_sender: u32,
    /// Automatic answers to the sender's organisation within an hour; 0 for free mail, and where domains have no limit.
    pub to_domain: u32,
    /// The desk's breaker is open.
    pub breaker_open: bool,
    /// Mail to this address was refused for good within 61 days.
    pub bounced: bool,
}

/// A desk may answer so many times as much as in its usual hour.
const TIMES_USUAL: u32 = 5;

impl Budgets {
    /// Need answers to a domain be counted at all?
    pub fn limit_domains(&self) -> bool {
        self.domain_per_hour < self.desk_per_hour
    }

    /// Why no further answer may go out, if so.
    pub fn exceeded(&self, standing: &Standing) -> Option<String> {
        let Standing { to_sender, to_domain, breaker_open, .. } = *standing;
        match () {
            () if breaker_open => Some("breaker open".into()),
            () if to_sender >= self.sender_per_day => {
                Some(format!("{to_sender} answers to this sender within 24 hours"))
            }
            () if to_domain >= self.domain_per_hour => {
                Some(format!("{to_domain} answers to this domain within an hour"))
            }
            () => None,
        }
    }

    /// Answers that the desk may decide within an hour before its breaker opens: five times the usual hour, but at
    /// least half of `desk_per_hour` (so that a quiet or new desk is not stopped by a busy morning) and at most
    /// `desk_per_hour`. `hours`: answers in each hour of the last seven days in which there were any.
    pub fn desk_limit(&self, hours: &[u32]) -> u32 {
        let least = self.desk_per_hour.div_ceil(2);
        usual_hour(hours).saturating_mul(TIMES_USUAL).clamp(least, self.desk_per_hour)
    }
}

/// The median, the lower one of two; 0 without any. Hours without answers are not in it: nights and weekends would
/// make it 0 at every desk.
pub fn usual_hour(hours: &[u32]) -> u32 {
    let mut sorted = hours.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_desk_may_answer_five_times_its_usual_hour_within_bounds() {
        let limit = |desk_per_hour, hours: &[u32]| Budgets { desk_per_hour, ..Budgets::default() }.desk_limit(hours);
        for (desk_per_hour, hours, expected) in [
            (60, &[][..], 30),
            (60, &[1], 30),
            (60, &[6, 6, 6], 30),
            (60, &[7, 1, 9], 35),
            (60, &[12, 12], 60),
            (60, &[400, 400, 400], 60),
            (60, &[u32::MAX], 60),
            (61, &[], 31),
            (1, &[], 1),
        ] {
            assert_eq!(limit(desk_per_hour, hours), expected, "{desk_per_hour} {hours:?}");
        }
    }

    #[test]
    fn the_usual_hour_is_the_median() {
        for (hours, usual) in [(&[][..], 0), (&[3], 3), (&[9, 1], 1), (&[5, 1, 100], 5), (&[4, 1, 2, 100], 2)] {
            assert_eq!(usual_hour(hours), usual, "{hours:?}");
        }
    }

    #[test]
    fn a_budget_is_exceeded_when_it_is_used_up() {
        let budgets = Budgets::default();
        let check = |to_sender, to_domain, breaker_open, expected: Option<&str>| {
            let standing = Standing { to_sender, to_domain, breaker_open, bounced: false };
            assert_eq!(budgets.exceeded(&standing).as_deref(), expected);
        };
        check(0, 0, false, None);
        check(2, 19, false, None);
        check(3, 0, false, Some("3 answers to this sender within 24 hours"));
        check(0, 20, false, Some("20 answers to this domain within an hour"));
        check(3, 20, false, Some("3 answers to this sender within 24 hours"));
        check(3, 20, true, Some("breaker open"));
    }
}

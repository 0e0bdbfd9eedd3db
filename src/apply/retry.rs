//! When a failed effect is tried again, and when no more.

use jiff::{SignedDuration, Timestamp};

use crate::store::{EffectId, EffectRow, IN_VAIN, Outcome};

/// First wait after a passing failure; doubled with each try up to [`LONGEST`].
const FIRST: SignedDuration = SignedDuration::from_secs(30);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// However long a machine slept or was off: fewer tries than this say nothing about the server.
const LEAST_TRIES: u32 = 5;
/// Tries of what only marks the mail: an answer behind it is not held up for long by a server that fails on this one.
const TRIES_OF_MARKS: u32 = 3;

/// Tries of a command that alerts staff, within eight minutes: the customer's first instructions wait behind it, and
/// the mail to staff, which then is the only alert.
const TRIES_OF_CALLS: u32 = 5;

/// What follows from a passing failure.
pub(super) fn later(row: &EffectRow, reason: String, give_up_after: SignedDuration, now: Timestamp) -> Outcome {
    let old = now.duration_since(row.due) >= give_up_after;
    if old && row.attempts + 1 >= LEAST_TRIES {
        let hours = give_up_after.as_hours();
        return Outcome::GivenUp { reason: format!("given up after {hours} hours: {reason}") };
    }
    Outcome::RetryAt { at: retry_at(now, row.id, row.attempts), reason }
}

/// What follows when the server fails on this very effect: it refuses it, or ends the connection over it.
pub(super) fn failed(row: &EffectRow, reason: String, give_up_after: SignedDuration, now: Timestamp) -> Outcome {
    if super::marks(&row.effect) && row.attempts + 1 >= TRIES_OF_MARKS {
        return given_up(TRIES_OF_MARKS, &reason);
    }
    later(row, reason, give_up_after, now)
}

/// What follows when an alert by command fails.
pub(super) fn call(row: &EffectRow, reason: String, now: Timestamp) -> Outcome {
    if row.attempts + 1 >= TRIES_OF_CALLS {
        return given_up(TRIES_OF_CALLS, &reason);
    }
    Outcome::RetryAt { at: retry_at(now, row.id, row.attempts), reason }
}

fn given_up(tries: u32, reason: &str) -> Outcome {
    Outcome::GivenUp { reason: format!("tried {tries} times {IN_VAIN}: {reason}") }
}

/// Up to 30 s, 1 min, 2 min … 1 h after this many tries, and at least half of that: answers that failed together do not
/// come back in step. Which part is the effect's own, so that nothing here is left to chance.
fn retry_at(now: Timestamp, effect: EffectId, attempts: u32) -> Timestamp {
    let wait = (0..attempts.min(16)).fold(FIRST, |wait, _| (wait * 2).min(LONGEST));
    let part = mixed(effect.number().unsigned_abs() ^ u64::from(attempts) << 48) >> 32;
    let seconds = wait.as_secs() / 2 + wait.as_secs() * i64::try_from(part).unwrap_or(0) / (2_i64 << 32);
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

/// The last step of SplitMix64: neighbours become as different as chance would make them.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn wait(effect: i64, attempts: u32) -> i64 {
        retry_at(NOW, EffectId::new(effect), attempts).as_second()
    }

    #[test]
    fn the_wait_doubles_up_to_an_hour_and_is_at_least_half_of_that() {
        for (attempts, full) in [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (50, 3600), (u32::MAX, 3600)] {
            let waits: Vec<i64> = (1..=1000).map(|effect| wait(effect, attempts)).collect();
            let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*least >= full / 2 && *most <= full, "{attempts}: {least} to {most}");
            assert!(*least <= full * 6 / 10 && *most >= full * 9 / 10, "spread: {attempts}: {least} to {most}");
        }
    }

    #[test]
    fn neighbours_do_not_come_back_in_step_and_each_wait_is_fixed() {
        let waits: Vec<i64> = (1..=60).map(|effect| wait(effect, 7)).collect();
        let busiest = waits.iter().map(|at| waits.iter().filter(|other| (**other - at).abs() < 30).count()).max();
        assert!(busiest < Some(10), "{waits:?}");
        assert_eq!(waits, (1..=60).map(|effect| wait(effect, 7)).collect::<Vec<_>>());
    }
}

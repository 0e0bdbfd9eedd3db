//! The way out while it is broken for every mail: a refused login, a bad certificate, a sender that may not send.
//!
//! Whoever logs in again for each of a hundred answers has the account locked. So one answer alone asks again, after
//! longer and longer pauses, and the others wait for it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// First pause; doubled with each failure up to [`LONGEST`].
const FIRST: SignedDuration = SignedDuration::from_mins(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// So much is started at once as goes out in about this time: what is started is not weighed anew, and after a power cut
/// nobody can tell whether it went out.
const AHEAD: Duration = Duration::from_secs(10);

/// How a desk's way out stands, as far as this process has seen.
#[derive(Debug, Default)]
pub(super) struct WayOut {
    worked: bool,
    /// In a row.
    failures: u32,
    pause: Option<Pause>,
    /// How long a mail takes, as the last ones did.
    pace: Option<Duration>,
}

/// Nothing is tried before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pause {
    pub until: Timestamp,
    /// What was said when it broke.
    pub reason: String,
}

impl WayOut {
    /// How many mails may be begun side by side; `most` once one has got through.
    pub(super) fn at_once(&self, most: usize) -> usize {
        if self.worked { most } else { 1 }
    }

    /// How many mails may be started together, at most `most` for each connection; one, as long as none was sent.
    pub(super) fn together(&self, connections: usize, most: usize) -> usize {
        let Some(pace) = self.pace else { return 1 };
        let fit = usize::try_from(AHEAD.as_micros() / pace.as_micros().max(1)).unwrap_or(usize::MAX);
        fit.clamp(connections, connections * most.max(1))
    }

    /// So many mails took so long, over all connections.
    pub(super) fn took(&mut self, time: Duration, mails: usize) {
        let pace = u32::try_from(mails).ok().and_then(|mails| time.checked_div(mails));
        self.pace = pace.or(self.pace);
    }

    /// The pause that `now` is in. One that ends later than any could was begun by a clock that has been set back since.
    pub(super) fn pause(&self, now: Timestamp) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| now < pause.until && pause.until.duration_since(now) <= LONGEST)
    }

    pub(super) fn works(&mut self) {
        *self = WayOut { worked: true, pace: self.pace, ..WayOut::default() };
    }

    pub(super) fn broke(&mut self, reason: String, now: Timestamp) {
        let wait = (0..self.failures.min(16)).fold(FIRST, |wait, _| (wait * 2).min(LONGEST));
        let until = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        let pause = Some(Pause { until, reason });
        *self = WayOut { failures: self.failures + 1, pause, ..WayOut::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_an_hour_and_ends_with_the_first_success() {
        let (mut way, mut now) = (WayOut::default(), Timestamp::UNIX_EPOCH);
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            way.broke("535 no".into(), now);
            let until = now + SignedDuration::from_mins(minutes);
            assert_eq!(way.pause(until - SignedDuration::from_secs(1)).map(|pause| pause.until), Some(until));
            assert_eq!((way.pause(until), way.at_once(8)), (None, 1), "{minutes}");
            now = until;
        }
        way.works();
        assert_eq!((way.pause(now), way.at_once(8)), (None, 8));
        way.broke("535 no".into(), now);
        assert_eq!(way.pause(now).map(|pause| pause.until), Some(now + FIRST));
    }

    #[test]
    fn as_much_is_started_together_as_goes_out_in_ten_seconds() {
        let mut way = WayOut::default();
        assert_eq!(way.together(2, 16), 1, "nothing has gone out yet");
        for (millis, of, together) in
            [(0, 1, 32), (600, 2, 32), (4_000, 8, 20), (9_000, 1, 2), (600_000, 16, 2), (5, 0, 2), (300, 1, 32)]
        {
            way.took(Duration::from_millis(millis), of);
            way.works();
            assert_eq!((way.together(2, 16), way.together(2, 1)), (together, 2), "{millis} ms for {of}");
        }
        way.broke("535 no".into(), Timestamp::UNIX_EPOCH);
        assert_eq!(way.together(2, 16), 1);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_make_the_pause_longer() {
        let mut way = WayOut::default();
        way.broke("535 no".into(), Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24));
        assert_eq!(way.pause(Timestamp::UNIX_EPOCH), None);
    }
}

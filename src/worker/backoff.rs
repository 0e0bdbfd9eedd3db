//! How long a desk waits after a failure.

use std::time::Duration;

use super::WorkError;
use crate::mailbox::MailboxError;

/// Doubled from the first to the longest, and spread by chance.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// A server that refuses the login is asked seldom: it may lock the account.
const FIRST_AFTER_REFUSAL: Duration = Duration::from_secs(120);
const LONGEST_AFTER_REFUSAL: Duration = Duration::from_secs(3600);

/// The failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// The last wait, before it was spread.
    last: Duration,
}

impl Backoff {
    pub fn wait(&mut self, error: &WorkError) -> Duration {
        let refused = matches!(error, WorkError::Mailbox(MailboxError::LoginRefused(_)));
        let (first, longest) = if refused { (FIRST_AFTER_REFUSAL, LONGEST_AFTER_REFUSAL) } else { (FIRST, LONGEST) };
        self.last = (self.last * 2).clamp(first, longest);
        spread(self.last)
    }

    /// A round went well.
    pub fn reset(&mut self) {
        *self = Backoff::default();
    }
}

/// Between half and the whole of `wait`: many desks that lost one server do not come back in step.
fn spread(wait: Duration) -> Duration {
    wait.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOST: MailboxError = MailboxError::Closed;

    fn refused() -> MailboxError {
        MailboxError::LoginRefused("no".into())
    }

    fn check(errors: Vec<MailboxError>, waits: &[u64]) {
        let mut backoff = Backoff::default();
        let waited = errors.into_iter().map(|error| {
            let wait = backoff.wait(&error.into());
            assert!(wait <= backoff.last && wait * 2 >= backoff.last, "{wait:?}");
            backoff.last.as_secs()
        });
        assert_eq!(waited.collect::<Vec<_>>(), waits);
    }

    #[test]
    fn waits_double_and_a_refused_login_is_tried_seldom() {
        check((0..10).map(|_| LOST).collect(), &[1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        check((0..7).map(|_| refused()).collect(), &[120, 240, 480, 960, 1920, 3600, 3600]);
        check(vec![LOST, LOST, refused(), refused(), LOST], &[1, 2, 120, 240, 300]);
    }
}

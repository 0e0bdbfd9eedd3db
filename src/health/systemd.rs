//! sd_notify(3): without a service manager none of it does anything.

use jiff::{SignedDuration, Timestamp};
use sd_notify::NotifyState;

use super::Health;

/// The desks are at work: the store is open, its migrations are done.
pub fn ready() {
    tell(NotifyState::Ready);
}

pub fn stopping() {
    tell(NotifyState::Stopping);
}

/// Tells the watchdog that we live, twice as often as it asks for, as long as the store answers: a process whose store
/// hangs is better started anew. Returns at once if no watchdog watches.
pub async fn watchdog(health: Health) {
    let Some(period) = sd_notify::watchdog_enabled() else { return };
    loop {
        if health.look().await.is_ok() {
            tell(NotifyState::Watchdog);
        }
        let half = SignedDuration::try_from(period / 2).unwrap_or(SignedDuration::from_secs(1));
        health.clock.sleep_until(health.clock.now().checked_add(half).unwrap_or(Timestamp::MAX)).await;
    }
}

/// A service manager that cannot be told is not a reason to stop.
fn tell(state: NotifyState<'_>) {
    _ = sd_notify::notify(&[state]);
}

//! What a running desk does once a day beside its mail: forget what is older than it may be kept.

use jiff::SignedDuration;
use tracing::{error, info};

use crate::clock::Clock;
use crate::store::{Keep, Purged, Store};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Purges the store now and then every day; never ends. A failure is told and tried again the next day: a desk goes on
/// without.
pub async fn daily(store: Store, keep: Keep, clock: Clock) {
    loop {
        let now = clock.now();
        match store.purge(keep, now).await {
            Ok(purged) if purged == Purged::default() => {}
            Ok(Purged { mails, cases, bounced, counts }) => info!(mails, cases, bounced, counts, "purged"),
            Err(error) => error!(event = "purge-failed", %error, "what is too old is kept until tomorrow"),
        }
        clock.sleep_until(now.checked_add(DAY).unwrap_or(jiff::Timestamp::MAX)).await;
    }
}

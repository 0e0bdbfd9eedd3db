//! Time, injected: the only file that may read the system clock or sleep until a time of day.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// The desk's clock: the real one, or one that a test or the demo moves by hand.
#[derive(Clone)]
pub enum Clock {
    System,
    Manual(ManualClock),
}

/// A clock that stands still until somebody sets it.
#[derive(Clone)]
pub struct ManualClock {
    now: watch::Receiver<Timestamp>,
    set: Arc<Mutex<watch::Sender<Timestamp>>>,
}

/// Longest real sleep in one go: after a laptop's sleep or a clock set forward we wake within this time.
const LONGEST_NAP: Duration = Duration::from_secs(30);

impl Clock {
    pub fn manual(start: Timestamp) -> Clock {
        let (set, now) = watch::channel(start);
        Clock::Manual(ManualClock { now, set: Arc::new(Mutex::new(set)) })
    }

    pub fn now(&self) -> Timestamp {
        match self {
            #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
            Clock::System => Timestamp::now(),
            Clock::Manual(manual) => *manual.now.borrow(),
        }
    }

    /// Sets a manual clock; the system clock is left alone.
    pub fn set(&self, to: Timestamp) {
        if let Clock::Manual(manual) = self {
            let sender = manual.set.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            sender.send_replace(to);
        }
    }

    /// Returns once `now() >= until`.
    pub async fn sleep_until(&self, until: Timestamp) {
        loop {
            let now = self.now();
            if now >= until {
                return;
            }
            match self {
                Clock::System => {
                    let left = Duration::try_from(until.duration_since(now)).unwrap_or(LONGEST_NAP);
                    tokio::time::sleep(left.min(LONGEST_NAP)).await;
                }
                Clock::Manual(manual) => {
                    let mut changes = manual.now.clone();
                    // An Err means the clock is gone with its last sender: nobody will move it any more.
                    if changes.wait_for(|now| *now >= until).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}

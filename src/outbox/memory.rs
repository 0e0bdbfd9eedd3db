//! Sends nothing and remembers everything.

use std::sync::{Arc, Mutex, MutexGuard};

use super::{Found, Outgoing, Receipt};

/// A way out that only remembers. Clones share one memory, so a test keeps a clone and looks at what went out.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    sent: Arc<Mutex<Vec<Outgoing>>>,
}

impl Memory {
    /// Every mail in the order of sending; a mail sent twice is there twice.
    pub fn sent(&self) -> Vec<Outgoing> {
        self.lock().clone()
    }

    pub(super) fn send(&self, mail: &Outgoing) -> Receipt {
        self.lock().push(mail.clone());
        Receipt { text: "remembered".into() }
    }

    pub(super) fn find(&self, message_id: &str) -> Found {
        let known = self.lock().iter().any(|mail| mail.message_id == message_id);
        if known { Found::Sent } else { Found::NotSent }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Outgoing>> {
        self.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

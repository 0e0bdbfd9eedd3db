//! The journal and outbox: what was seen, decided and done. The delivery guarantee rests on it.
//!
//! One SQLite file. One thread owns it; a lock file keeps a second process away. Every write is one
//! transaction that is on the disk when the call returns, so that after `kill -9` at any point the next start finds
//! either all of a step or nothing of it.
//!
//! # A mail's way
//! ```text
//! journal → seen ── history → decide → record ──→ decided ── ready → start → finish (once an effect) ──→ done
//!             └─ record_failure … quarantine ──→ quarantined
//! ```
//! - [`Store::journal`] takes mail in, bytes and all, once for each key.
//! - [`Store::replace_head`]: where a mail's head did not hold its text, more of it was read.
//! - [`Store::record`] writes the decision and its numbered effects together, once for each mail.
//! - [`Store::record_in_turn`] does so for mail that waits for the opening; [`Store::next_turn`] hands it out when its turn
//!   comes, [`Store::release`] writes down what was decided then.
//! - [`Store::ready`] hands out effects in their order: a mail's next one only after the one before is finished.
//! - [`Store::start`] notes that an effect is about to happen; for a send that note must be there before the first
//!   byte goes out. After a crash, [`Store::interrupted`] lists what was started and not finished, and [`Marks`] tell
//!   which of these sends went out.
//! - [`Store::history`] answers what earlier mail and answers mean for a new one; [`Store::standing`] asks the part of
//!   it that may have changed once more, right before a send.
//! - [`Store::unsent`] lists what did not go out; [`send_again`] and [`drop_send`] are staff's word about it. A report
//!   that a mail of ours came back is noted with the decision about that report ([`MailMeta::bounce`]).
//! - [`Store::desk_load`] says how much a desk answers, [`Store::open_breaker`] stops it, [`release_breaker`] lets it
//!   go on.
//! - [`Store::look`] and [`activate`]: a desk only observes a mailbox until staff activate it there.
//! - [`Store::in_one`] does many of these steps together.
//!
//! Reading order: `schema/1.sql` to `schema/4.sql`, [`effect`], `journal`, `decisions`, `effects`, `marks`, `history`, `case`, `queue`, `standing`,
//! `unsent`, `breaker`, `notices`, `outages`, `observe`, `cases`, `ledger`, `register`, `purge`, `forget`, `export`, `backup`,
//! `backlog`, `replay`.

mod backlog;
mod backup;
mod books;
mod breaker;
mod case;
mod cases;
mod checkpoint;
mod decisions;
pub mod effect;
mod effects;
mod error;
mod export;
mod forget;
mod history;
mod journal;
mod ledger;
mod marks;
mod notices;
mod observe;
mod open;
mod outages;
#[cfg(test)]
mod plans;
mod purge;
mod queue;
mod register;
mod replay;
mod schema;
mod standing;
mod thread;
mod unsent;
mod values;

use std::fmt;
use std::sync::{Arc, Mutex};

pub use backlog::Backlog;
pub use backup::{back_up, restore};
pub use books::Books;
pub use breaker::{DeskLoad, release_breaker};
pub use cases::{CaseEffect, CaseRow, DecidedRow};
pub use decisions::{MailMeta, Record};
pub use effect::{After, Effect, EffectRow, EffectState, NewEffect, Outcome, SendRow};
pub use error::StoreError;
pub use export::Export;
pub use forget::{Forgotten, forget};
pub use history::HistoryQuery;
pub use journal::{IN_VAIN, StoredMail};
pub use ledger::{LedgerMail, LedgerSend};
pub use marks::{Fate, Marks};
pub use notices::{NoticeRow, in_force, start_notice, stop_notice};
pub use observe::{Activation, ObservedRow, activate};
pub use outages::{end_outage, record_outage};
pub use purge::{Keep, Purged, purge};
pub use queue::{Released, Turn, Waiting};
pub use register::{RegisterChange, StoredRegister, change_register, read_register};
pub use replay::{Past, PastMails};
pub use unsent::{Refused, Unsent, allow_address, drop_send, send_again};

use thread::StoreThread;

/// The store of an installation; all desks share it. Clones are cheap and work on the same connection; the last one
/// to go closes it (and waits for that).
#[derive(Clone)]
pub struct Store {
    thread: Arc<StoreThread>,
    secret: Arc<[u8]>,
    /// The register as it was last read.
    packed: Arc<Mutex<register::Packed>>,
}

impl Store {
    /// 32 random bytes made with the store: the key of our Message-IDs.
    pub fn secret(&self) -> Vec<u8> {
        self.secret.to_vec()
    }
}

/// A mail in the journal. Later mail has greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MailId(i64);

/// An effect in the outbox. Later effects have greater numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EffectId(i64);

impl EffectId {
    /// As people type it, from a list.
    pub fn new(number: i64) -> EffectId {
        EffectId(number)
    }

    pub fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for MailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for EffectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailState {
    /// Journalled, not decided.
    Seen,
    /// Decided; effects are outstanding, or it waits for the opening.
    Decided,
    /// Decided, and every effect is finished (done, failed or held).
    Done,
    /// It could not be worked on; staff see it.
    Quarantined,
}

impl MailState {
    const ALL: [MailState; 4] = [MailState::Seen, MailState::Decided, MailState::Done, MailState::Quarantined];

    pub fn as_str(self) -> &'static str {
        match self {
            MailState::Seen => "seen",
            MailState::Decided => "decided",
            MailState::Done => "done",
            MailState::Quarantined => "quarantined",
        }
    }
}

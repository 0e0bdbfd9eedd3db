//! Does each desk get on with its work? What it last succeeded in, what waits, and who is told when it does not.
//!
//! A desk reports each step that succeeds, also one that found nothing to do, so that silence means trouble. [`http`]
//! answers monitors, [`alarm`] tells staff, [`systemd`] tells the service manager.

pub mod alarm;
pub mod http;
mod metrics;
pub mod systemd;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::oauth::Account;
use crate::store::{Backlog, Store, StoreError};

/// What a desk tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// The step was done, if only to find that there was nothing to do.
    Done(Stage),
    /// Something failed; the desk tries again.
    Failed,
    /// The desk has ended and will not try again.
    Ended,
}

/// The steps of a round, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// The mailbox was asked for new mail.
    Read,
    Decide,
    /// What was due was carried out, or given up for now.
    Act,
}

impl Stage {
    pub const ALL: [Stage; 3] = [Stage::Read, Stage::Decide, Stage::Act];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Decide => "decide",
            Stage::Act => "act",
        }
    }
}

/// What the desks have told; clones share it.
#[derive(Clone)]
pub struct Health {
    desks: Arc<Mutex<BTreeMap<String, Told>>>,
    /// Whose tokens each desk needs.
    accounts: Arc<BTreeMap<String, Vec<Account>>>,
    store: Store,
    clock: Clock,
    /// A desk without success for so long is not healthy.
    limit: SignedDuration,
}

#[derive(Debug, Clone, Default)]
struct Told {
    /// When the desk was begun: nothing is expected of it before.
    begun: Timestamp,
    last: BTreeMap<Stage, Timestamp>,
    failures: u64,
    ended: bool,
}

/// How a desk stands now.
#[derive(Debug, Clone)]
pub struct DeskHealth {
    pub desk: String,
    /// None: it is well.
    pub trouble: Option<Trouble>,
    /// The last success of each stage since the start.
    pub last: BTreeMap<Stage, Timestamp>,
    /// Failures since the start.
    pub failures: u64,
    /// When the first of its tokens ends, if it needs any.
    pub token_expires: Option<Timestamp>,
    pub backlog: Backlog,
}

/// What is wrong with a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It cannot go on, and does not try.
    Ended,
    /// Its tokens are not renewed since then: it will lose its mailbox when they end.
    Token(Timestamp),
    /// No round has succeeded since then.
    Silent(Timestamp),
    /// An answer should have gone out then.
    Unsent(Timestamp),
    /// A mail was read then and is not decided.
    Undecided(Timestamp),
}

impl Trouble {
    /// A word for scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Trouble::Ended => "ended",
            Trouble::Token(_) => "token-not-renewed",
            Trouble::Silent(_) => "no-success",
            Trouble::Unsent(_) => "answers-unsent",
            Trouble::Undecided(_) => "mails-undecided",
        }
    }

    pub fn since(self) -> Option<Timestamp> {
        match self {
            Trouble::Ended => None,
            Trouble::Token(at) | Trouble::Silent(at) | Trouble::Unsent(at) | Trouble::Undecided(at) => Some(at),
        }
    }
}

impl Health {
    pub fn new(desks: impl Iterator<Item = String>, store: Store, clock: Clock, limit: SignedDuration) -> Health {
        let begun = clock.now();
        let told = desks.map(|desk| (desk, Told { begun, ..Told::default() })).collect();
        Health { desks: Arc::new(Mutex::new(told)), accounts: Arc::default(), store, clock, limit }
    }

    /// Looks after these accounts, too.
    pub fn with_accounts(self, accounts: BTreeMap<String, Vec<Account>>) -> Health {
        Health { accounts: Arc::new(accounts), ..self }
    }

    /// Takes a desk's word.
    pub fn note(&self, desk: &str, pulse: Pulse) {
        let now = self.clock.now();
        let mut desks = self.told();
        let Some(told) = desks.get_mut(desk) else { return };
        match pulse {
            Pulse::Done(stage) => _ = told.last.insert(stage, now),
            Pulse::Failed => told.failures += 1,
            Pulse::Ended => told.ended = true,
        }
    }

    /// Every desk, in the order of their ids.
    ///
    /// # Errors
    /// The store cannot be asked, which is as bad as anything.
    pub async fn look(&self) -> Result<Vec<DeskHealth>, StoreError> {
        let (now, told) = (self.clock.now(), self.told().clone());
        let mut desks = Vec::new();
        for (desk, told) in told {
            let backlog = self.store.backlog(&desk, now).await?;
            let accounts = self.accounts.get(&desk).map_or(&[][..], Vec::as_slice);
            let trouble = trouble(&told, accounts, &backlog, now, self.limit);
            let token_expires = accounts.iter().filter_map(|account| Some(account.lease()?.expires)).min();
            desks.push(DeskHealth { desk, trouble, last: told.last, failures: told.failures, token_expires, backlog });
        }
        Ok(desks)
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<String, Told>> {
        self.desks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A round that ends is the success; answers that cannot go out end no round, so they are asked for by themselves.
fn trouble(
    told: &Told,
    accounts: &[Account],
    backlog: &Backlog,
    now: Timestamp,
    limit: SignedDuration,
) -> Option<Trouble> {
    let old = |at: &Timestamp| now.duration_since(*at) > limit;
    let success = told.last.get(&Stage::Act).copied().unwrap_or(told.begun);
    // What waited over a stop is no fault of this start.
    let since_start = |at: Option<Timestamp>| at.map(|at| at.max(told.begun)).filter(old);
    if told.ended {
        return Some(Trouble::Ended);
    }
    if let Some(since) = accounts.iter().filter_map(Account::failing_since).min() {
        return Some(Trouble::Token(since));
    }
    if old(&success) {
        return Some(Trouble::Silent(success));
    }
    let unsent = since_start(backlog.oldest_unsent).map(Trouble::Unsent);
    unsent.or(since_start(backlog.oldest_undecided).map(Trouble::Undecided))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    #[test]
    fn a_desk_is_in_trouble_when_it_is_silent_or_something_lies_too_long() {
        let limit = SignedDuration::from_mins(30);
        let check = |what: &str, told: &Told, backlog: Backlog, expected: Option<Trouble>| {
            assert_eq!(trouble(told, &[], &backlog, minute(100), limit), expected, "{what}");
        };
        let done = |at: i64| BTreeMap::from([(Stage::Read, minute(at + 5)), (Stage::Act, minute(at))]);
        let told = |at: i64| Told { begun: minute(0), last: done(at), ..Told::default() };
        let none = Backlog::default();
        check("a round just now", &told(99), none, None);
        check("half an hour ago", &told(70), none, None);
        check("longer", &told(69), none, Some(Trouble::Silent(minute(69))));
        let young = Told { begun: minute(90), ..Told::default() };
        check("just begun", &young, none, None);
        let never = Told { begun: minute(0), ..Told::default() };
        check("never", &never, none, Some(Trouble::Silent(minute(0))));
        check("ended", &Told { ended: true, ..told(99) }, none, Some(Trouble::Ended));
        let unsent = |at| Backlog { unsent: 1, oldest_unsent: Some(minute(at)), ..none };
        check("an answer not sent", &told(99), unsent(60), Some(Trouble::Unsent(minute(60))));
        check("an answer of just now", &told(99), unsent(80), None);
        check("an answer of before the start", &Told { begun: minute(90), ..told(99) }, unsent(10), None);
        let undecided = Backlog { undecided: 1, oldest_undecided: Some(minute(50)), ..none };
        check("a mail not decided", &told(99), undecided, Some(Trouble::Undecided(minute(50))));
    }
}

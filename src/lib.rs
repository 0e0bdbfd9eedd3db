//! **madoguchi** (窓口) works a support mailbox: it reads each mail, decides by rules that people can read, and
//! labels, answers, redirects or queues it: exactly once, with evidence for every decision.
//!
//! # The pipeline
//! ```text
//! mailbox → journal: seen → read → context → decide → journal: decision + effects, one transaction
//!         → label, move, draft on the server → send when due → journal: done
//! ```
//!
//! # Reading order
//! 1. [`triage`]: the pure room. [`triage::decide`] is the whole product on one page: no clock, no I/O, no async,
//!    no randomness. `run`, `explain`, `replay` and `demo` all call it.
//! 2. [`store`]: the journal. What was seen, decided and done; effects are numbered and repeatable.
//! 3. [`mailbox`]: IMAP and Maildir. [`outbox`]: SMTP and folder. [`net`]: the connections below both, with TLS.
//!    [`oauth`]: tokens for servers that take no passwords.
//! 4. [`apply`]: turns a decision into numbered effects and carries them out. [`worker`]: the loop of one desk, whose
//!    clerk reads, decides and labels while its post sends.
//!    [`dkim`]: checks signatures for the worker, where a desk asks for it.
//!    [`health`]: does each desk get on, and who is told when it does not.
//!    [`command`]: how staff's own programs are run.
//!    [`upkeep`]: what is older than it may be kept goes, once a day.
//! 5. [`config`]: TOML with spans → checked types, or all problems at once.
//! 6. [`cli`]: one file a command.
//!
//! # What always holds
//! - Raw bytes are journalled before they are parsed; no mail stops the desk.
//! - Our cursor is (mailbox, UIDVALIDITY, UID); flags are output, never state.
//! - A decision and its effects are committed together before any effect; after `kill -9` nothing is lost and
//!   nothing sent twice. A send that was cut off between its text and our note of what the server said is held for staff.
//! - Robots are never answered; in doubt a person decides.
//! - Logs hold no bodies, no full addresses, no secrets.
//!
//! Imports point inwards: `triage` and `net` see nothing of the crate; `store` sees only `triage`; `mailbox` and
//! `outbox` see `triage`, `net` and `oauth`; `apply` sees those; `worker` sees `apply`, `health` and `config`; nothing imports `cli`.
//! `tests/tidy.rs` checks it.

pub mod apply;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod dkim;
pub mod fit;
pub mod health;
pub mod mailbox;
pub mod net;
pub mod oauth;
pub mod outbox;
pub mod store;
pub mod triage;
pub mod upkeep;
pub mod worker;

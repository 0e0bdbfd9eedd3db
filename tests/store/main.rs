//! The journal and outbox as its users see it, on real files, and with processes that die.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod bench;
mod child;
mod concurrency;
mod crash;
mod effects;
mod history;
mod journal;
mod limits;
mod marks;
mod migrate;
mod opening;
mod record;
mod standing;
mod unsent;

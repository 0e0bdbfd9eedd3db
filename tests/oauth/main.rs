//! Accounts whose servers take tokens only: a real Dovecot that asks a local OAuth server about each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod account;
#[path = "../support/mod.rs"]
mod support;

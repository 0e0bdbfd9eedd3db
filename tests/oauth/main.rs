//! Accounts whose servers take tokens only: a real Dovecot that asks a local OAuth server about each of them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod account;
mod desk;
mod login;
#[allow(dead_code, reason = "every test file uses its own part")]
#[path = "../run/site.rs"]
mod site;
mod smtp;
#[path = "../support/mod.rs"]
mod support;

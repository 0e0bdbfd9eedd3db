//! Mailboxes against real servers, servers that misbehave by script, and real directories.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail loudly")]

mod faults;
mod imap;
mod maildir;
#[path = "../support/mod.rs"]
mod support;

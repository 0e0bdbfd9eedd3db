//! What operators look at and turn, beside a desk at work: the real program against real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod activate;
mod doctor;
mod health;
mod keeping;
mod logs;
mod reconcile;
mod replay;
#[allow(dead_code, reason = "every test file uses its own part")]
#[path = "../run/site.rs"]
mod site;
#[path = "../support/mod.rs"]
mod support;
mod tool;

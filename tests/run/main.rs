//! The real program against real servers: what operators, staff and customers see of it, whatever happens to it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod alerts;
mod crash;
mod effects;
mod endings;
mod faults;
mod folders;
mod kills;
mod logins;
mod mailbox;
mod poison;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod waves;
mod working;

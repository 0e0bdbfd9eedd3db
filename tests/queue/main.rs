//! Mail out of hours, with whole desks: acknowledged at once, decided anew in its turn, answered once; nights, and a
//! simulated year with restarts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod desk;
mod night;
mod notices;
mod year;

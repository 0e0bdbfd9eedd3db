//! The pure room: from raw bytes to a decision, without clock, I/O, async or randomness.
//!
//! Reading order: [`inquiry`] (what a mail is), [`mod@read`] (bytes → inquiry), [`sections`] (what the customer wrote
//! today), [`gate`] (may a robot answer?), [`sender`] (whose customer?), [`fold`] and [`classify`] (what is
//! asked?), [`calendar`] (open?), [`verdict`] (who acts), [`reply`] (what we say), [`decision`] (the result).

pub mod arrival;
pub mod auth;
pub mod calendar;
pub mod classify;
pub mod context;
pub mod decision;
pub mod fold;
pub mod gate;
pub mod inquiry;
pub mod pack;
pub mod read;
pub mod reply;
pub mod sections;
pub mod sender;
pub mod verdict;

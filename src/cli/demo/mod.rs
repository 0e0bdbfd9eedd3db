//! The demo: one business day of a desk, with invented customers, in seconds.

pub mod mails;
mod mime;

//! Real servers for tests, on free ports of 127.0.0.1 with throw-away folders.
#![allow(dead_code, reason = "each test program uses its own part of it")]

pub mod desk;
pub mod dovecot;
pub mod faulty;
pub mod oauth;
pub mod proxy;
pub mod smtp;

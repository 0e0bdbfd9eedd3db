//! `[health]`: who may ask how the desks are, and who is told when one does not get on.

use std::net::SocketAddr;

use jiff::SignedDuration;

use super::check;
use super::reader::{At, Table, Value};

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Health {
    /// `/healthz` and `/metrics` are served there; always this machine.
    pub listen: Option<SocketAddr>,
    /// A desk without success for so long is not well.
    pub limit: SignedDuration,
    /// Program and arguments; empty: none.
    pub command: Vec<String>,
    /// An address that is no desk's.
    pub mail: Option<String>,
}

const USUAL_MINUTES: i64 = 30;

impl Default for Health {
    fn default() -> Health {
        let limit = SignedDuration::from_mins(USUAL_MINUTES);
        Health { listen: None, limit, command: Vec::new(), mail: None }
    }
}

/// The settings, and the address for mail as written.
pub fn read(table: &Table<'_>) -> (Health, Option<At<String>>) {
    const DAY_MINUTES: i64 = 24 * 60;
    let mail = table.get("alarm_mail").and_then(check::address);
    let health = Health {
        listen: table.get("listen").and_then(loopback),
        limit: SignedDuration::from_mins(table.integer("alarm_minutes", 1..=DAY_MINUTES, USUAL_MINUTES)),
        command: table.strings("alarm_command").into_iter().map(|word| word.value).collect(),
        mail: mail.as_ref().map(|mail| mail.value.clone()),
    };
    (health, mail)
}

/// Nobody logs in there, so nobody else may come there.
fn loopback(value: Value<'_>) -> Option<SocketAddr> {
    let text = value.string()?;
    match text.value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(address),
        Ok(_) => {
            value.error_with("only this machine may ask: there is no login", "127.0.0.1:9150, behind your own proxy");
            None
        }
        Err(_) => {
            value.error_with(format!("`{}` is not an address with a port", text.value), "127.0.0.1:9150");
            None
        }
    }
}

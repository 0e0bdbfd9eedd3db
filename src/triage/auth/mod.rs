//! How far is the sender proved? Only what our own border says in `Authentication-Results` counts (RFC 8601), what
//! it lets a trusted forwarder say (ARC), and a DKIM signature that this program checked itself.
//!
//! Which fields the border wrote, `border` says: those with exactly the trusted authserv-id that stand
//! above the `Received` line of the host that took the mail in. Where that host is not named, above the second
//! `Received` line, counted from the top: the stretch between the two topmost lines is included because milters
//! under Postfix put their field just below its own line; the border must remove inbound fields that claim its id
//! (RFC 8601 §5), and where both are there, the worse result wins.

mod arc;
mod border;
pub mod domain;
mod field;
mod weigh;

use self::weigh::{Weight, weigh};
use super::context::Border;
use super::decision::AuthLevel;
use super::inquiry::Inquiry;

/// How far the author (the one `From` mailbox) is proved, and by what: `dmarc=pass header.from=example.jp by
/// mx.desk.example, Authentication-Results 1`. The proof names domains, never addresses.
///
/// `dkim`: the domain of a signature that was checked at receipt ([`super::context::Seen::dkim`]).
pub fn level(inquiry: &Inquiry, border: &Border, dkim: Option<&str>) -> (AuthLevel, String) {
    let Some(author) = inquiry.author() else { return (AuthLevel::None, "not exactly one From mailbox".into()) };
    let author = author.domain();
    let checked = dkim.filter(|domain| domain::aligned(domain, &author));
    let checked = checked.map(|domain| (AuthLevel::Strong, format!("dkim=pass header.d={domain}, checked here")));
    let statement = match border::statement(&inquiry.headers, border) {
        Ok(statement) => statement,
        Err(why) => return checked.unwrap_or((AuthLevel::None, why)),
    };
    let by = &statement.by;
    let said = |what: &str, position| format!("{what} by {by}, Authentication-Results {position}");
    let (direct, checked) = match weigh(&statement.findings, &author) {
        Weight::Forged { position } => return (AuthLevel::None, said("compauth=fail", position)),
        // A list that changes mail breaks DMARC; nothing but ARC may excuse that.
        Weight::Disowned { position } => ((AuthLevel::None, said("dmarc=fail", position)), None),
        Weight::Nothing => ((AuthLevel::None, format!("no aligned pass by {by}")), checked),
        Weight::Proved { level, what, position } => ((level, said(&what, position)), checked),
    };
    let forwarded = arc::level(&statement, &border.arc_sealers, &author);
    let others = [checked, forwarded].into_iter().flatten();
    others.fold(direct, |best, other| if other.0 > best.0 { other } else { best })
}

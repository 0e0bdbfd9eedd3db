//! A mail from the desk to itself, through the way out and back into the mailbox.

use std::collections::HashSet;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::{Desk, Line, Report};
use crate::clock::Clock;
use crate::mailbox::{Inbox, MailboxError, Place};
use crate::outbox::{Outbox, Outgoing};
use crate::triage::arrival::Item;

/// Clocks that differ by more make `Date` and age limits wrong (seconds).
const SKEW_SECONDS: i64 = 120;

pub(super) async fn send(
    desk: &Desk,
    mut inbox: Inbox,
    mut outbox: Outbox,
    seconds: u64,
    clock: &Clock,
    report: &Report<'_>,
) -> Line {
    let todo = report.say(
        "メールの経路（転送、迷惑メール判定、配送ログ）を確認してください",
        "look at the way from there to here: forwarding, spam filters, the servers' logs",
    );
    let before = match inbox.list().await {
        Ok(listed) => listed.into_iter().map(|mail| mail.item).collect(),
        Err(error) => return Line::fail("probe", error.to_string(), todo),
    };
    let mail = mail(&desk.profile.address, clock);
    if let Err(error) = outbox.send(&mail).await {
        let todo = report.say("[desk.outbox] を確認してください", "look at [desk.outbox]");
        return Line::fail("probe", error.to_string(), todo);
    }
    let sent = clock.now();
    let limit = Duration::from_secs(seconds);
    match tokio::time::timeout(limit, arrival(&mut inbox, &mail.message_id, &before)).await {
        Ok(Ok(dated)) => {
            let took = clock.now().duration_since(sent).as_secs();
            let skew = dated.map(|dated| dated.duration_since(clock.now()).as_secs());
            arrived(took, skew, report)
        }
        Ok(Err(error)) => Line::fail("probe", error.to_string(), todo),
        Err(_) => {
            let found = report.say("送信しましたが、届きません", "sent, and did not arrive");
            Line::fail("probe", format!("{found} ({seconds} s)"), todo)
        }
    }
}

fn arrived(took: i64, skew: Option<i64>, report: &Report<'_>) -> Line {
    let found = format!("{} {took} s", report.say("送信してから届くまで", "sent and arrived in"));
    match skew {
        Some(skew) if skew.abs() > SKEW_SECONDS + took => Line::warn(
            "probe",
            format!("{found}, {} {skew} s", report.say("サーバーの時計との差", "the server's clock is ahead by")),
            report.say("このマシンとサーバーの時刻を NTP で合わせてください", "set both clocks by NTP"),
        ),
        Some(skew) => Line::ok("probe", format!("{found}, {} {skew} s", report.say("時計の差", "clocks differ by"))),
        None => Line::ok("probe", found),
    }
}

/// Waits for the mail; answers when the server says that it came.
async fn arrival(
    inbox: &mut Inbox,
    message_id: &str,
    before: &HashSet<Item>,
) -> Result<Option<jiff::Timestamp>, MailboxError> {
    let home = Place::Folder(inbox.place().0.to_owned());
    loop {
        if inbox.holds(&home, message_id).await? {
            let listed = inbox.list().await?;
            return Ok(listed
                .iter()
                .filter(|mail| !before.contains(&mail.item))
                .filter_map(|mail| mail.internal_date)
                .max());
        }
        // Also without IDLE, and on a Maildir, a look a second.
        inbox.wait(tokio::time::sleep(Duration::from_secs(1))).await?;
    }
}

/// Plainly marked as a program's: no desk and no other robot answers it.
fn mail(address: &str, clock: &Clock) -> Outgoing {
    let domain = address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let message_id = format!("probe.{:032x}@{domain}", fastrand::u128(..));
    let date = jiff::fmt::rfc2822::to_string(&clock.now().to_zoned(TimeZone::UTC)).unwrap_or_default();
    let raw = format!(
        "From: <{address}>\r\nTo: <{address}>\r\nSubject: madoguchi doctor: probe\r\nDate: {date}\r\n\
         Message-ID: <{message_id}>\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n\
         MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
         Sent by `madoguchi doctor --probe` to see that mail goes out and comes back. It can be deleted.\r\n"
    );
    Outgoing { to: address.to_owned(), message_id, raw: raw.into_bytes() }
}

//! The dead man's alarm: somebody is told once when a desk stops getting on, and once when it does again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;
use tracing::{error, info, warn};

use super::{DeskHealth, Health, Trouble};
use crate::clock::Clock;
use crate::command;
use crate::outbox::{self, Outbox, Outgoing};

/// Between two looks at the desks.
const LOOK: SignedDuration = SignedDuration::from_secs(15);
/// Longest wait after a failure; the first is [`LOOK`], and each is twice the one before.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// A command that takes longer is given up.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// Who is told.
#[derive(Debug, Clone, Default)]
pub struct Alarm {
    /// Program and arguments; empty: none is run.
    pub command: Vec<String>,
    /// Address, and by desk its own address and way out.
    pub mail: Option<String>,
    pub ways: BTreeMap<String, (String, outbox::Settings)>,
}

/// How somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Command,
    Mail,
}

/// What was told of a desk, and what is still to be told.
#[derive(Debug, Default)]
struct Told {
    down: bool,
    owed: Vec<By>,
    /// In a row.
    failures: u32,
    again: Timestamp,
}

/// Watches the desks; never ends. What cannot be told is tried again, after longer and longer waits: the mail's way may
/// be the very one that refuses the login.
pub async fn watch(health: Health, alarm: Alarm) {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    loop {
        match health.look().await {
            Ok(desks) => {
                for desk in &desks {
                    one(desk, &alarm, told.entry(desk.desk.clone()).or_default(), &health.clock).await;
                }
            }
            Err(error) => error!(event = "alarm", %error, "the store cannot be asked"),
        }
        health.clock.sleep_until(health.clock.now().checked_add(LOOK).unwrap_or(Timestamp::MAX)).await;
    }
}

async fn one(desk: &DeskHealth, alarm: &Alarm, told: &mut Told, clock: &Clock) {
    let (id, now) = (&desk.desk, clock.now());
    if told.down != desk.trouble.is_some() {
        match desk.trouble {
            Some(trouble) => {
                let since = trouble.since().map(tracing::field::display);
                warn!(event = "alarm", desk = id, trouble = trouble.as_str(), since, "the desk does not get on");
            }
            None => info!(event = "alarm-over", desk = id, "the desk gets on again"),
        }
        *told = told.turned(alarm);
    }
    // Longer than any wait: the clock was set back.
    let too_early = now < told.again && told.again.duration_since(now) <= LONGEST;
    if !told.owed.is_empty() && !too_early {
        let mut owed = Vec::new();
        for by in told.owed.drain(..) {
            if !alarm.tell(by, id, desk.trouble, clock).await {
                owed.push(by);
            }
        }
        told.try_again(owed, now);
    }
}

impl Told {
    /// The desk's state is another one now. That it is up again is told to those who know that it was down.
    fn turned(&self, alarm: &Alarm) -> Told {
        let owed = alarm.ways().filter(|by| !self.down || !self.owed.contains(by)).collect();
        Told { down: !self.down, owed, ..Told::default() }
    }

    fn try_again(&mut self, owed: Vec<By>, now: Timestamp) {
        let wait = (0..self.failures.min(16)).fold(LOOK, |wait, _| (wait * 2).min(LONGEST));
        self.failures = if owed.is_empty() { 0 } else { self.failures + 1 };
        self.again = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        self.owed = owed;
    }
}

impl Alarm {
    fn ways(&self) -> impl Iterator<Item = By> {
        let command = (!self.command.is_empty()).then_some(By::Command);
        command.into_iter().chain(self.mail.is_some().then_some(By::Mail))
    }

    /// True if whoever is to be told so was told.
    async fn tell(&self, by: By, desk: &str, trouble: Option<Trouble>, clock: &Clock) -> bool {
        match by {
            By::Command => self.run(desk, trouble).await,
            By::Mail => self.send(desk, trouble, clock).await,
        }
    }

    async fn run(&self, desk: &str, trouble: Option<Trouble>) -> bool {
        let since = trouble.and_then(Trouble::since).map(|at| at.to_string()).unwrap_or_default();
        let facts = [
            ("MADOGUCHI_DESK", desk),
            ("MADOGUCHI_STATE", state(trouble)),
            ("MADOGUCHI_TROUBLE", trouble.map_or("", Trouble::as_str)),
            ("MADOGUCHI_SINCE", &since),
        ];
        match command::run(&self.command, &facts, COMMAND_LIMIT).await {
            Ok(()) => true,
            Err(error) => failed(desk, &error.to_string()),
        }
    }

    async fn send(&self, desk: &str, trouble: Option<Trouble>, clock: &Clock) -> bool {
        let Some((to, (from, way))) = self.mail.as_ref().zip(self.ways.get(desk)) else { return true };
        let mail = mail(desk, trouble, (from, to), clock.now());
        let sent = match Outbox::new(way) {
            Ok(mut outbox) => outbox.send(&mail).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sent {
            Ok(_) => true,
            Err(error) => failed(desk, &format!("the mail was not sent: {error}")),
        }
    }
}

fn failed(desk: &str, error: &str) -> bool {
    error!(event = "alarm-failed", desk, error, "nobody could be told: trying again");
    false
}

fn state(trouble: Option<Trouble>) -> &'static str {
    if trouble.is_some() { "down" } else { "up" }
}

/// For whoever is called at night: in both languages, and what to do.
fn mail(desk: &str, trouble: Option<Trouble>, (from, to): (&str, &str), now: Timestamp) -> Outgoing {
    let domain = from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let message_id = format!("alarm.{:032x}@{domain}", fastrand::u128(..));
    let date = jiff::fmt::rfc2822::to_string(&now.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    let since = trouble.and_then(Trouble::since).map(|at| format!("{at:.0}")).unwrap_or_default();
    let said = trouble.map_or("", Trouble::as_str);
    let body = match trouble {
        Some(_) => format!(
            "窓口 {desk} の処理が進んでいません（{said} {since}）。\nログと madoguchi doctor の結果をご確認ください。\n\n\
             The desk {desk} does not get on ({said} {since}).\nLook at its log, and at `madoguchi doctor`.\n"
        ),
        None => format!("窓口 {desk} の処理が再開しました。\n\nThe desk {desk} gets on again.\n"),
    };
    let mail = MessageBuilder::new()
        .from(from.to_owned())
        .to(to.to_owned())
        .subject(format!("madoguchi: {desk} {}", state(trouble)))
        .header("Date", Raw::new(date))
        .message_id(message_id.clone())
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .header("X-Auto-Response-Suppress", Raw::new("All"))
        .text_body(body.replace('\n', "\r\n"));
    Outgoing { to: to.to_owned(), message_id, raw: mail.write_to_vec().unwrap_or_default() }
}

//! A simulated year: 10,000 mails, day and night, and a process that ends at any moment.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp, ToSpan};
use madoguchi::config;
use madoguchi::triage::calendar::{Calendar, Minute};

use crate::desk::{Desk, Sent, tokyo};

/// Each quarter has its own desk, so that they run side by side.
const MAILS_A_QUARTER: usize = 2_500;
/// Between two looks at the mailbox.
const POLL: SignedDuration = SignedDuration::from_secs(300);
const EVERY: SignedDuration = SignedDuration::from_secs(5);
/// Longer than any turn takes to come after its opening.
const KEPT: SignedDuration = SignedDuration::from_hours(2);

#[derive(Debug, Clone)]
struct Mail {
    at: Timestamp,
    sender: usize,
    id: usize,
    /// When the desk looked at it first.
    seen: Timestamp,
}

/// Mails in the order of arrival, several between two looks; every tenth sender writes twice within some hours. Two of
/// three come in the daytime, holidays and weekends included.
fn arrivals(first: Date, days: i64, random: &mut fastrand::Rng) -> Vec<Mail> {
    let bursts: Vec<SignedDuration> = (0..MAILS_A_QUARTER / 6)
        .map(|_| {
            let hour = if random.u32(0..3) > 0 { random.i64(9..19) } else { random.i64(0..24) };
            let minutes = (random.i64(0..days) * 24 + hour) * 60 + random.i64(0..60);
            SignedDuration::from_mins(minutes)
        })
        .collect();
    let start = tokyo(&format!("{first}T00:00:00"));
    let mut mails = Vec::new();
    for sender in 0..MAILS_A_QUARTER * 10 / 11 {
        let at =
            start + bursts[random.usize(0..bursts.len())] + SignedDuration::from_secs(random.i64(0..POLL.as_secs()));
        mails.push((at, sender));
        if sender % 10 == 0 {
            mails.push((at + SignedDuration::from_secs(random.i64(60..4 * 3600)), sender));
        }
    }
    while mails.len() < MAILS_A_QUARTER {
        mails.push((start + bursts[0], mails.len() * 10));
    }
    mails.sort();
    mails.into_iter().enumerate().map(|(id, (at, sender))| Mail { at, sender, id, seen: at }).collect()
}

struct Year {
    desk: Desk,
    random: fastrand::Rng,
    files: Vec<(Timestamp, PathBuf)>,
    restarts: usize,
}

impl Year {
    /// Works until nothing is left to do now; now and then the process ends in the middle and starts again.
    async fn work(&mut self) {
        while self.random.u32(0..40) == 0 {
            self.restarts += 1;
            let (stop, stopped) = tokio::sync::watch::channel(false);
            let worker = self.desk.worker.as_mut().unwrap();
            worker.stop_on(stopped);
            let steps = std::sync::atomic::AtomicU32::new(self.random.u32(0..4));
            worker.on_progress(move |_| {
                let left = steps.load(std::sync::atomic::Ordering::Relaxed);
                steps.store(left.saturating_sub(1), std::sync::atomic::Ordering::Relaxed);
                if left == 0 {
                    stop.send_replace(true);
                }
            });
            worker.until_idle().await.unwrap();
            self.desk.restart().await;
        }
        self.desk.work().await;
    }

    async fn until(&mut self, end: Timestamp) {
        loop {
            let now = self.desk.clock.now();
            let due = self.desk.store.as_ref().unwrap().next_due("test", now).await.unwrap();
            let Some(due) = due.filter(|due| *due + POLL <= end) else { break };
            self.desk.clock.set(due + SignedDuration::from_secs(self.random.i64(0..POLL.as_secs())));
            self.work().await;
        }
        self.desk.clock.set(end);
    }

    /// A mail that may wait must lie in the mailbox; the others staff have filed.
    fn tidy(&mut self, calendar: &Calendar) {
        let now = self.desk.clock.now();
        self.files.retain(|(at, file)| {
            // It may be looked at up to a poll later, when the desk has closed meanwhile.
            let kept = calendar.next_opening(*at + POLL).unwrap() + KEPT > now;
            kept || fs::remove_file(file).is_err()
        });
    }
}

#[tokio::test]
async fn a_year_of_mail_first_quarter() {
    quarter(date(2027, 1, 1), 90, 61).await;
}

#[tokio::test]
async fn a_year_of_mail_second_quarter() {
    quarter(date(2027, 4, 1), 91, 62).await;
}

#[tokio::test]
async fn a_year_of_mail_third_quarter() {
    quarter(date(2027, 7, 1), 92, 63).await;
}

#[tokio::test]
async fn a_year_of_mail_fourth_quarter() {
    quarter(date(2027, 10, 1), 92, 64).await;
}

/// Every mail is answered once, in order, in time, and never while the desk is closed.
async fn quarter(first: Date, days: i64, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut mails = arrivals(first, days, &mut random);
    assert_eq!(mails.len(), MAILS_A_QUARTER);
    let closed = "closed = [{ yearly = \"12-29..01-03\", reason = \"年末年始\" }]";
    let desk = Desk::start(&format!("{first}T00:00:00"), closed).await;
    let calendar = config::load(&desk.path("madoguchi.toml")).unwrap().desks.remove(0).edition.calendar.clone();
    let mut year = Year { desk, random, files: Vec::new(), restarts: 0 };
    for together in mails.chunk_by_mut(|one, next| next.at.duration_since(one.at) < POLL) {
        for mail in together.iter() {
            year.until(mail.at).await;
            let from = format!("user{}@direct.example.jp", mail.sender);
            let body = if mail.id % 2 == 0 {
                "設定の手順を教えてください。"
            } else {
                "端末が動きません。"
            };
            let file = year.desk.deliver(&mail.id.to_string(), &from, &format!("質問 {}", mail.id), body);
            year.files.push((mail.at, file));
        }
        let seen = year.desk.clock.now();
        together.iter_mut().for_each(|mail| mail.seen = seen);
        year.work().await;
        year.tidy(&calendar);
    }
    let end = first.checked_add((days + 8).days()).unwrap();
    year.until(calendar.moment(end, Minute::MIDNIGHT).unwrap()).await;
    assert!(year.restarts > 10, "{} restarts", year.restarts);
    assert!(year.desk.rows().await.iter().all(|row| row.waits_until.is_none()));
    check(&mails, &year.desk.collect(), &calendar);
}

fn check(mails: &[Mail], sent: &[Sent], calendar: &Calendar) {
    let id = |mail: &Sent| mail.in_reply_to.parse::<usize>().unwrap();
    let (early, answers): (Vec<&Sent>, Vec<&Sent>) = sent.iter().partition(|mail| mail.is_acknowledgement());
    let mut answered: HashMap<usize, Timestamp> = HashMap::new();
    for answer in &answers {
        assert!(calendar.is_open(answer.at), "closed at {}", answer.at);
        assert_eq!(answered.insert(id(answer), answer.at), None, "mail {} has two answers", id(answer));
    }
    let acknowledged: HashMap<usize, Timestamp> = early.iter().map(|mail| (id(mail), mail.at)).collect();
    assert_eq!(acknowledged.len(), early.len(), "one acknowledgement a mail");
    let (mut last, mut waited) = (Timestamp::UNIX_EPOCH, 0);
    for mail in mails {
        let waits = !calendar.is_open(mail.seen);
        let later = mails[mail.id + 1..].iter().take(500).find(|next| next.sender == mail.sender);
        let Some(answer) = answered.get(&mail.id) else {
            let later = later.unwrap_or_else(|| panic!("mail {} of {} has no answer", mail.id, mail.at));
            assert!(answered.contains_key(&later.id), "neither {} nor {}", mail.id, later.id);
            continue;
        };
        // Its turn, or that of the sender's mail before it.
        let opening = calendar.next_opening(mail.seen).unwrap();
        let ahead = SignedDuration::from_secs(EVERY.as_secs() * 300);
        assert!(*answer >= opening && *answer <= opening + POLL * 2 + ahead, "{mail:?} at {answer}");
        let alone =
            later.is_none() && !mails[mail.id.saturating_sub(500)..mail.id].iter().any(|m| m.sender == mail.sender);
        if waits && alone {
            waited += 1;
            assert!(acknowledged[&mail.id] < opening, "{mail:?}");
            assert!(*answer >= last, "{mail:?} is answered before one that came earlier");
            last = *answer;
        }
    }
    assert!(waited > 600, "only {waited} waited");
    println!("{} mails, {} answers, {} acknowledgements, {waited} in turn", mails.len(), answers.len(), early.len());
}

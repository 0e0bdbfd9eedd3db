//! `kill -9` in the middle of the work.

use std::collections::BTreeSet;

use madoguchi::store::{CaseRow, EffectState, MailState};

use crate::site::{Desk, Kind, RUN, Site, dovecot, id, mail};
use crate::support::desk::{labels, received, sent};
use crate::support::smtp::{SmtpSink, eventually};

const MAILS: usize = 150;
/// Mails seen at the SMTP server when the program is killed; an own life each.
const DEATHS: [usize; 5] = [1, 17, 18, 60, 101];

fn kind(number: usize) -> Kind {
    match number % 10 {
        3 => Kind::Unclear,
        5 => Kind::Robot,
        7 => Kind::Purchase,
        _ => Kind::HowTo,
    }
}

#[test]
fn killed_again_and_again_nothing_is_lost_and_nothing_sent_twice() {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys("batch = 20")]);
    (0..MAILS).for_each(|n| dovecot.deliver(&mail(n, kind(n))));
    // Before anything was sent: while mail is journalled.
    let running = site.spawn(&[], RUN);
    running.wait_for("decided");
    running.signal("KILL");
    running.ended();
    for seen in DEATHS {
        let running = site.spawn(&[], RUN);
        eventually("mail arrives", || (sink.count() >= seen).then_some(()));
        running.signal("KILL");
        running.ended();
    }
    site.once();

    let rows = site.rows();
    let ids: BTreeSet<String> = rows.iter().filter_map(|row| row.message_id.clone()).collect();
    assert_eq!((rows.len(), ids), (MAILS, (0..MAILS).map(id).collect()), "journalled once each");
    assert!(rows.iter().all(|row| row.state == MailState::Done), "all worked off");
    nothing_twice(&sink, &rows);
    let labels = labels(&dovecot, "INBOX");
    for row in &rows {
        let found = &labels[row.message_id.as_ref().unwrap()];
        let count = |label: &str| found.iter().filter(|l| *l == label).count();
        let dispositions = ["mado-auto", "mado-review", "mado-hold", "mado-ignore"];
        assert_eq!(dispositions.iter().map(|l| count(l)).sum::<usize>(), 1, "{found:?}");
        let state = send_state(row);
        assert_eq!(count("mado-answered") == 1, state == Some(EffectState::Done), "{state:?} {found:?}");
        assert_eq!(count("mado-unsent") == 1, state == Some(EffectState::Held), "{state:?} {found:?}");
    }
    let copies = dovecot.doveadm(&["-f flow mailbox status", "messages", "Out"]);
    assert!(copies.ends_with(&format!("messages={}", sent(&rows).len())), "one copy each: {copies}");
}

/// What was received is what the journal says was sent, and of what it holds for staff perhaps some.
fn nothing_twice(sink: &SmtpSink, rows: &[CaseRow]) {
    let (received, sent) = (received(sink), sent(rows));
    let held = rows.iter().filter(|row| send_state(row) == Some(EffectState::Held)).count();
    assert!(held <= DEATHS.len() + 1, "{held} are held, at most one a death");
    assert!(received.windows(2).all(|pair| pair[0] != pair[1]), "nothing twice");
    let missing: Vec<_> = sent.iter().filter(|mail| !received.contains(mail)).collect();
    assert!(missing.is_empty(), "said to be sent and not received: {missing:?}");
    let surplus = received.iter().filter(|mail| !sent.contains(mail)).count();
    assert!(surplus <= held, "{surplus} received that the journal does not know of, {held} held");
    let wanted = (0..MAILS).filter(|n| matches!(kind(*n), Kind::HowTo | Kind::Purchase)).count();
    assert_eq!(sent.len() + held, wanted);
}

fn send_state(row: &CaseRow) -> Option<EffectState> {
    row.effects.iter().find(|effect| effect.kind == "send").map(|effect| effect.state)
}

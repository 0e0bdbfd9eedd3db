//! Many answers that one commit starts: what becomes of them if the process or the machine ends in their middle, or if
//! they cannot be marked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use madoguchi::store::{CaseRow, EffectState};

use crate::kills::Bench;
use crate::site::{Desk, Kind, RUN, Site, dovecot, imap, mail, smtp};
use crate::support::desk::{received, sent};
use crate::support::faulty::{At, Fault, FaultySmtp};
use crate::support::smtp::eventually;

const CONNECTIONS: usize = 2;

fn bench() -> Bench {
    Bench::with_outbox("", &format!("\nconnections = {CONNECTIONS}"))
}

fn marks(site: &Site) -> PathBuf {
    site.path("state/store.db.sending-desk")
}

fn states(rows: &[CaseRow], state: EffectState) -> usize {
    let sends = rows.iter().flat_map(|row| row.effects.iter().filter(|effect| effect.kind == "send"));
    sends.filter(|effect| effect.state == state).count()
}

/// Every answer was sent, or is held for staff; nobody got two, and whoever the journal says got one did.
fn nothing_lost_and_nothing_twice(bench: &Bench, mails: usize) {
    let rows = bench.site.rows();
    let (received, sent) = (received(&bench.sink), sent(&rows));
    assert!(received.windows(2).all(|pair| pair[0] != pair[1]), "nothing twice");
    let missing: Vec<_> = sent.iter().filter(|mail| !received.contains(mail)).collect();
    assert!(missing.is_empty(), "said to be sent and not received: {missing:?}");
    let held = states(&rows, EffectState::Held);
    assert_eq!(sent.len() + held, mails, "sent or held");
    assert!(received.len() <= mails && received.len() >= sent.len());
}

/// Life after life, each killed one mark later than the one before.
fn killed_at_every_mark(first: u32) {
    const MAILS: usize = 120;
    let bench = bench();
    (0..MAILS).for_each(|n| bench.dovecot.deliver(&mail(n, Kind::HowTo)));
    let (mut held, mut deepest) = (0, 0);
    let mut points = (first..200).step_by(2);
    let worked_off = points.find(|point| {
        let lived = bench.life("marks", *point).code == Some(0);
        let rows = bench.site.rows();
        // What the life before had in doubt was settled in this one.
        let now_held = states(&rows, EffectState::Held);
        assert!(now_held - held <= CONNECTIONS, "point {point}: {} more are held", now_held - held);
        held = now_held;
        deepest = deepest.max(states(&rows, EffectState::Started));
        lived
    });
    println!("point {worked_off:?}, {held} held, at most {deepest} started together");
    assert!(worked_off.is_some_and(|point| point > 20), "{worked_off:?}: are the marks counted?");
    assert!(deepest > 8 * CONNECTIONS, "only {deepest} started together: nothing was proved");
    nothing_lost_and_nothing_twice(&bench, MAILS);
}

#[test]
fn killed_right_before_every_mark_at_most_one_answer_a_connection_is_in_doubt() {
    killed_at_every_mark(1);
}

#[test]
fn killed_right_after_every_mark_at_most_one_answer_a_connection_is_in_doubt() {
    killed_at_every_mark(2);
}

#[test]
fn killed_while_more_is_started_the_marks_of_those_before_still_count() {
    const MAILS: usize = 50;
    // File begun; the first answer alone: named, leaving, taken; the names of all that may be started together; then two
    // for each answer, until half of those have ended.
    const MARKS_BEFORE: u32 = 4 + 1 + 2 * 16;
    let bench = bench();
    bench.site.once();
    let mut noted = BTreeSet::new();
    let points = (2 * MARKS_BEFORE - 6..2 * MARKS_BEFORE + 48).step_by(6);
    for (n, point) in points.clone().enumerate() {
        let before = bench.site.rows();
        (MAILS * n..MAILS * (n + 1)).for_each(|n| bench.dovecot.deliver(&mail(n, Kind::HowTo)));
        assert_eq!(bench.life("marks", point).code, None, "point {point}: killed");
        let rows = bench.site.rows();
        let started = states(&rows, EffectState::Started);
        assert!(started <= 16 * CONNECTIONS, "point {point}: {started} are started");
        noted.insert(states(&rows, EffectState::Done) - states(&before, EffectState::Done));
        let held = states(&rows, EffectState::Held);
        bench.site.once();
        let now_held = states(&bench.site.rows(), EffectState::Held);
        assert!(now_held - held <= CONNECTIONS, "point {point}: {} more are held", now_held - held);
    }
    // None of those started together has its end in the store, and half of them have, with more started.
    assert_eq!(noted, [1, 1 + 8 * CONNECTIONS].into());
    nothing_lost_and_nothing_twice(&bench, points.count() * MAILS);
}

/// File begun; the first answer alone: named, leaving, taken; all others named; the next one leaving.
const MARKS_BEFORE_THE_SECOND_TEXT: u32 = 6;

/// Of many that were started none but the first has left, then `spoil`, and what of it is held for staff.
fn held_after(what: &str, bench: &Bench, first: usize, spoil: fn(&Path)) -> usize {
    const MAILS: usize = 13;
    let before = bench.site.rows();
    (first..first + MAILS).for_each(|n| bench.dovecot.deliver(&mail(n, Kind::HowTo)));
    assert_eq!(bench.life("marks", 2 * MARKS_BEFORE_THE_SECOND_TEXT - 1).code, None, "{what}: killed");
    let started = states(&bench.site.rows(), EffectState::Started);
    assert_eq!(started, MAILS - 1, "{what}: all but the first answer are started together");
    spoil(&marks(&bench.site));
    bench.site.once();
    nothing_lost_and_nothing_twice(bench, first + MAILS);
    states(&bench.site.rows(), EffectState::Held) - states(&before, EffectState::Held)
}

#[test]
fn marks_that_are_not_from_here_and_now_leave_all_that_was_started_to_staff() {
    let bench = bench();
    bench.site.once();
    let copied = |marks: &Path| {
        let copy = marks.with_extension("copy");
        fs::copy(marks, &copy).unwrap();
        fs::rename(copy, marks).unwrap();
    };
    let cut = |marks: &Path| {
        let file = fs::OpenOptions::new().write(true).open(marks).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    };
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, usize); 5] = [
        ("as they were", |_| (), 0),
        ("the machine was started anew", started_anew, 12),
        ("gone", |marks| fs::remove_file(marks).unwrap(), 12),
        ("a copy", copied, 12),
        ("half a line", cut, 12),
    ];
    for (n, (what, spoil, held)) in cases.into_iter().enumerate() {
        assert_eq!(held_after(what, &bench, 13 * n, spoil), held, "{what}");
    }
}

fn started_anew(marks: &Path) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = fs::read_to_string(marks).unwrap();
    assert!(text.contains(boot.trim()), "{text}");
    fs::write(marks, text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000")).unwrap();
}

#[test]
fn an_answer_that_cannot_be_marked_does_not_go_out() {
    let bench = bench();
    bench.site.once();
    fs::create_dir(marks(&bench.site)).unwrap();
    bench.dovecot.deliver(&mail(0, Kind::HowTo));
    let ended = bench.site.spawn(&[], crate::site::ONCE).ended();
    assert_ne!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains(".sending-desk"), "the log names the file: {}", ended.log);
    assert_eq!((bench.sink.count(), states(&bench.site.rows(), EffectState::Pending)), (0, 1));
    fs::remove_dir(marks(&bench.site)).unwrap();
    bench.site.once();
    nothing_lost_and_nothing_twice(&bench, 1);
    assert_eq!(bench.sink.count(), 1);
}

#[test]
fn a_stop_in_the_middle_of_many_leaves_to_staff_only_what_the_server_said_nothing_about() {
    const MAILS: usize = 12;
    let (dovecot, server) = (dovecot(), FaultySmtp::start_sparing(3, At::Text, Fault::Silence));
    let site = Site::new(&[Desk::new("desk", imap(dovecot.port), smtp(server.port) + "\ntimeout_seconds = 60")]);
    (0..MAILS).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    let running = site.spawn(&[], RUN);
    eventually("the server says nothing", || (server.failed() > 0).then_some(()));
    assert_eq!(states(&site.rows(), EffectState::Started), MAILS - 1, "all but the first answer are started together");
    assert_eq!(running.stop().code, Some(0));
    let rows = site.rows();
    let count = |state| states(&rows, state);
    assert_eq!(count(EffectState::Started), 0, "what was stopped has its outcome, also for a machine that is off next");
    assert_eq!((count(EffectState::Held), count(EffectState::Done), count(EffectState::Pending)), (1, 3, MAILS - 4));
    server.mend();
    site.once();
    let mut taken = server.taken();
    taken.sort();
    let all = taken.len();
    taken.dedup();
    assert_eq!((all, taken.len(), states(&site.rows(), EffectState::Done)), (MAILS, MAILS, MAILS - 1));
}

#[test]
fn a_connection_on_which_the_server_says_nothing_does_not_hold_up_the_others() {
    const MAILS: usize = 12;
    let (dovecot, server) = (dovecot(), FaultySmtp::start_failing_once(3, At::Text, Fault::Silence));
    let outbox = smtp(server.port) + "\ntimeout_seconds = 600\nconnections = 2";
    let site = Site::new(&[Desk::new("desk", imap(dovecot.port), outbox)]);
    (0..MAILS).for_each(|n| dovecot.deliver(&mail(n, Kind::HowTo)));
    let running = site.spawn(&[], RUN);
    // All but the one that stands behind the text.
    eventually("the others go out", || (server.taken().len() == MAILS - 1).then_some(()));
    assert_eq!(server.failed(), 1);
    assert_eq!(running.stop().code, Some(0));
    let rows = site.rows();
    let count = |state| states(&rows, state);
    assert_eq!((count(EffectState::Held), count(EffectState::Done), count(EffectState::Pending)), (1, MAILS - 2, 1));
}

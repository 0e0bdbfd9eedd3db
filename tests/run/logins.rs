//! Logins that are refused: an account that is asked too often is locked, so a desk asks seldom, says so, and loses
//! nothing.

use std::fs;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, ToSpan};
use madoguchi::health::{Health, Trouble};
use madoguchi::store::MailState;

use crate::poison::question;
use crate::site::{Desk, Kind, RUN, Site, dovecot, mail};
use crate::support::desk::{ALL, TestDesk, sent};
use crate::support::faulty::{At, Fault, FaultySmtp};
use crate::support::smtp::SmtpSink;
use crate::working::wait_for_answers;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_smtp_login_is_tried_seldom_whatever_waits_and_nothing_is_lost() {
    let desk = TestDesk::start("optim-biz", "");
    let server = FaultySmtp::start(At::Auth, Fault::Say("535 5.7.8 authentication failed"));
    let config = fs::read_to_string(desk.config_file()).unwrap();
    let port = |port: u16| format!("port = {port}");
    let login = "bounce_address = \"bounce@desk.example\"\nuser = \"desk\"\npassword = { file = \"password\" }\nconnections = 8";
    let config = config.replace(&port(desk.sink.port), &port(server.port));
    fs::write(desk.config_file(), config.replace("bounce_address = \"bounce@desk.example\"", login)).unwrap();
    let store = desk.open_store();
    let mut worker = desk.worker(&store).await;
    let health =
        Health::new(["test".to_owned()].into_iter(), store.clone(), desk.clock.clone(), SignedDuration::from_mins(30));
    let told = Arc::new(Mutex::new(health.clone()));
    worker.on_pulse(move |pulse| told.lock().unwrap().note("test", pulse));
    (0..20).for_each(|n| desk.dovecot.deliver(&question(n)));

    // Logins are tried after 0, 1, 3, 7, 15, 31, 63 … minutes, or a little later.
    for (minute, logins) in [(0, 1), (1, 2), (2, 2), (3, 3), (7, 4), (14, 4), (60, 6), (240, 9)] {
        let until = "2026-12-01T10:30:00+09:00".parse::<jiff::Timestamp>().unwrap() + minute.minutes();
        while desk.clock.now() < until {
            desk.clock.set(desk.clock.now() + 30.seconds());
            worker.until_idle().await.unwrap();
        }
        worker.until_idle().await.unwrap();
        assert_eq!(server.failed(), logins, "after {minute} minutes");
        if minute == 7 {
            // Later mail does not ask again either.
            (20..25).for_each(|n| desk.dovecot.deliver(&question(n)));
        }
        let trouble = health.look().await.unwrap().remove(0).trouble;
        let seen = matches!(trouble, Some(Trouble::Unsent(_)));
        assert_eq!(seen, minute > 30, "after {minute} minutes: {trouble:?}");
    }

    server.mend();
    desk.clock.set(desk.clock.now() + 2.hours());
    worker.until_idle().await.unwrap();
    let rows = store.overview(None, ALL).await.unwrap();
    assert!(rows.iter().all(|row| row.state == MailState::Done), "{rows:?}");
    let mut taken = server.taken();
    taken.sort();
    let mut ids: Vec<String> = sent(&rows).into_iter().map(|(_, id)| id).collect();
    ids.sort();
    assert_eq!((taken.len(), &taken), (25, &ids), "each once");
    assert_eq!(health.look().await.unwrap().remove(0).trouble, None);
}

#[test]
fn a_refused_imap_login_is_waited_out_for_minutes_and_does_not_hold_up_the_stop() {
    let (mut dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink)]);
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.spawn(&[], RUN);
    wait_for_answers(&dovecot, 0..=0);
    dovecot.change_password("another");
    dovecot.restart();
    running.wait_for("refused the login");
    let log = running.log();
    let refused = log.lines().find(|line| line.contains("refused the login")).unwrap();
    let seconds: u64 = refused.split("seconds=").nth(1).unwrap().trim().parse().unwrap();
    assert!((60..=120).contains(&seconds), "{refused}");
    assert_eq!(running.stop().code, Some(0));
    let tries =
        dovecot.log().matches("Password mismatch").count() + dovecot.log().matches("auth failed, 1 attempts").count();
    assert_eq!(tries, 1, "{}", dovecot.log());
}

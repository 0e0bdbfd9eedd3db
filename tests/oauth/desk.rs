//! A desk at work whose mail servers take tokens only: the real program, Dovecot and an OAuth server.

use std::fs;
use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use madoguchi::clock::Clock;
use madoguchi::health::alarm::{self, Alarm};
use madoguchi::health::{Health, Pulse, Stage};
use madoguchi::oauth::Grant;
use madoguchi::store::Store;
use serde_json::{Value, json};

use crate::login::{extend, said};
use crate::site::{Desk, Ended, Kind, Site, imap, mail, smtp};
use crate::support::desk::labels;
use crate::support::dovecot::Dovecot;
use crate::support::oauth::{OAuthServer, SECRET};
use crate::support::smtp::Act::{self, Hear, HearMail, Say, Silence};
use crate::support::smtp::{Scripted, SmtpSink, eventually};

const PASSWORD_KEY: &str = "password = { file = \"password\" }";

/// A desk whose mailbox wants tokens.
fn site(server: &OAuthServer, dovecot: &Dovecot, outbox: String) -> Site {
    let mailbox = imap(dovecot.port).replace(PASSWORD_KEY, "oauth = \"m365\"");
    let site = Site::new(&[Desk::new("desk", mailbox, outbox)]);
    extend(&site, &server.config("m365", "refresh-token"));
    site
}

fn answered(dovecot: &Dovecot, count: usize) {
    eventually("the mails are answered", || {
        let answered = |labels: &&Vec<String>| labels.contains(&"mado-answered".to_owned());
        (labels(dovecot, "INBOX").values().filter(answered).count() == count).then_some(())
    });
}

fn discreet(ended: &Ended) {
    assert!(!ended.log.contains(SECRET), "{}", ended.log);
}

/// One mail to a server that takes tokens.
fn session() -> Vec<Act> {
    vec![
        Say("220 mx\r\n"),
        Hear("EHLO"),
        Say("250-mx\r\n250 AUTH XOAUTH2\r\n"),
        Hear("AUTH XOAUTH2"),
        Say("334 \r\n"),
        Hear("dXNlcj1iAWF1dGg9QmVhcmVyIGh1c2gtYWNjZXNz"),
        Say("235 in\r\n"),
        Hear("MAIL FROM:<b@desk.example>"),
        Say("250 ok\r\n"),
        Hear("RCPT TO:<kyaku@firm0.example>"),
        Say("250 ok\r\n"),
        Hear("DATA"),
        Say("354 go\r\n"),
        HearMail,
        Say("250 taken\r\n"),
        Silence,
    ]
}

#[test]
fn a_desk_reads_and_answers_with_tokens() {
    let server = OAuthServer::start();
    let dovecot = server.dovecot("xoauth2 oauthbearer");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mx = runtime.block_on(Scripted::start(vec![session()]));
    let site = site(&server, &dovecot, smtp(mx.port) + "\nuser = \"b\"\noauth = \"m365\"");
    assert_eq!(said(&site, &["login"]).0, 0);
    dovecot.deliver(&mail(0, Kind::HowTo));
    let running = site.start();
    answered(&dovecot, 1);
    let ended = running.stop();
    assert_eq!(ended.code, Some(0));
    discreet(&ended);
    runtime.block_on(mx.finish());
}

#[test]
fn a_desk_without_sign_in_ends_and_says_what_to_do() {
    let (server, sink) = (OAuthServer::start(), SmtpSink::start());
    let dovecot = server.dovecot("xoauth2");
    let site = site(&server, &dovecot, smtp(sink.port));
    let ended = site.start().ended();
    assert_eq!(ended.code, Some(78));
    assert!(ended.log.contains("nobody has signed in for `m365` yet: run `madoguchi login m365`"), "{}", ended.log);
}

/// The server takes a refresh token only once: each start needs the one that came last.
#[test]
fn a_refresh_token_that_changes_survives_restarts() {
    let (server, sink) = (OAuthServer::start(), SmtpSink::start());
    let dovecot = server.dovecot("oauthbearer");
    let site = site(&server, &dovecot, smtp(sink.port));
    server.last(0);
    assert_eq!(said(&site, &["login"]).0, 0);
    for start in 2..5 {
        discreet(&site.once());
        let refreshed = server.asked("token");
        assert_eq!(refreshed.len(), start);
        assert_eq!(refreshed[start - 1]["refresh_token"], format!("{SECRET}-refresh-{}", start - 1));
    }
}

#[test]
fn what_is_revoked_while_a_desk_works_is_replaced_or_waited_out() {
    let (server, sink) = (OAuthServer::start(), SmtpSink::start());
    let mut dovecot = server.dovecot("xoauth2 oauthbearer");
    let site = site(&server, &dovecot, smtp(sink.port));
    assert_eq!(said(&site, &["login"]).0, 0);
    let running = site.start();
    running.wait_for("mailbox open");
    server.revoke();
    dovecot.restart();
    dovecot.deliver(&mail(0, Kind::HowTo));
    answered(&dovecot, 1);
    assert_eq!(server.asked("token").len(), 2, "one renewal");
    // Without the person's consent there is nothing to renew with, until somebody signs in again.
    server.revoke_consent();
    dovecot.restart();
    running.wait_for("is no longer good");
    running.wait_for("run `madoguchi login m365`");
    let (_, out, _) = said(&site, &["doctor", "--json"]);
    let token = lines(&out).into_iter().find(|line| line["check"] == "token").unwrap();
    assert_eq!((&token["result"], &token["todo"]), (&"fail".into(), &"sign in with `madoguchi login`".into()));
    assert!(token["found"].as_str().unwrap().contains("(the token that is there ends 20"), "{token}");
    assert_eq!(said(&site, &["login"]).0, 0);
    dovecot.deliver(&mail(1, Kind::HowTo));
    answered(&dovecot, 2);
    let ended = running.stop();
    assert_eq!(ended.code, Some(0));
    discreet(&ended);
}

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn doctor_renews_the_token_and_tells_its_end() {
    let (server, sink) = (OAuthServer::start(), SmtpSink::start());
    let dovecot = server.dovecot("xoauth2");
    let site = site(&server, &dovecot, smtp(sink.port));
    let line = |check: &str| {
        let (_, out, _) = said(&site, &["doctor", "--json"]);
        let line = lines(&out).into_iter().find(|line| line["check"] == check).unwrap();
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        (text("result"), text("found"), text("todo"))
    };
    let (result, found, todo) = line("token");
    assert_eq!((result.as_str(), todo.as_str()), ("fail", "sign in with `madoguchi login`"), "{found}");
    assert_eq!(line("imap-login").2, "see the line `token` above");
    assert_eq!(said(&site, &["login"]).0, 0);
    let (result, found, _) = line("token");
    assert_eq!(result, "ok", "{found}");
    assert!(found.starts_with("m365: renewed now, good until 20") && found.contains(", before that 20"), "{found}");
    assert_eq!(server.asked("token").len(), 2);
    assert_eq!(line("imap-login").0, "ok");
    server.fail(401, json!({ "error": "invalid_client" }));
    assert!(line("token").2.starts_with("look at `client_id`, `client_secret`"));
}

/// By a clock of the test's own, which goes on while somebody waits.
#[tokio::test]
async fn somebody_is_told_when_a_token_is_not_renewed_twice_and_when_it_is_again() {
    let (server, folder) = (OAuthServer::start(), tempfile::tempdir().unwrap());
    let clock = Clock::manual("2026-11-24T01:00:00Z".parse().unwrap());
    let account = server.account(Grant::RefreshToken, folder.path().join("oauth-m365.json"));
    account.go_by(&clock);
    account.accept(account.invite().await.unwrap()).await.unwrap();
    let store = Store::open(&folder.path().join("store.db"), clock.now()).unwrap();
    let health = Health::new(["desk".to_owned()].into_iter(), store, clock.clone(), SignedDuration::from_hours(9));
    let health = health.with_accounts([("desk".to_owned(), vec![account.clone()])].into());
    let told = folder.path().join("told");
    let script = format!("echo $MADOGUCHI_DESK $MADOGUCHI_STATE $MADOGUCHI_TROUBLE >> {}", told.display());
    let command = ["sh", "-c", &script].map(str::to_owned).to_vec();
    let alarm = tokio::spawn(alarm::watch(health.clone(), Alarm { command, ..Alarm::default() }));
    let keeper = tokio::spawn(account.clone().keep());
    health.note("desk", Pulse::Done(Stage::Act));
    assert_eq!(health.look().await.unwrap()[0].token_expires, Some(clock.now() + 60.minutes()));
    let said = async |lines: &str| {
        for _ in 0..2000 {
            if fs::read_to_string(&told).is_ok_and(|told| told == lines) {
                return;
            }
            clock.set(clock.now() + 1.second());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("expected {lines:?}, got {:?}", fs::read_to_string(&told));
    };
    server.fail(400, json!({ "error": "invalid_grant" }));
    clock.set(clock.now() + 54.minutes());
    said("desk down token-not-renewed\n").await;
    assert!(clock.now() < account.lease().unwrap().expires, "there is time to act, and to send the alarm");
    server.mend();
    said("desk down token-not-renewed\ndesk up\n").await;
    keeper.abort();
    alarm.abort();
}

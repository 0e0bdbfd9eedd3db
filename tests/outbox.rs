//! The delivery guarantee: what the outbox says about a mail is true, wherever a send fails.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test program: a panic is its way to fail")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use madoguchi::net::Tls;
use madoguchi::outbox::{Fault, Found, Outbox, OutboxError, Outgoing, Receipt, SendError, Settings, SmtpSettings};
use support::smtp::Act::{self, Hear, HearBytes, HearMail, Reset, Say, Silence, Wait};
use support::smtp::{Scripted, SmtpSink, certificate};
use tokio::sync::Notify;

const PATIENT: Duration = Duration::from_secs(10);
const HASTY: Duration = Duration::from_millis(400);

fn mail() -> Outgoing {
    mail_with("Subject: test\r\n\r\nhello\r\n")
}

fn mail_with(raw: &str) -> Outgoing {
    Outgoing { to: "taro@customer.example.jp".into(), message_id: "r.1@desk.example.jp".into(), raw: raw.into() }
}

/// More than all buffers on the way hold: a server that does not read it cannot have got the dot.
fn endless_mail() -> Outgoing {
    mail_with(&"0123456789abcdef\r\n".repeat(3_000_000))
}

fn smtp(port: u16) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::None,
        login: None,
        bounce_address: Some("bounce@desk.example.jp".into()),
        bounce_tags: false,
        timeout: PATIENT,
        connections: 1,
    }
}

fn outbox(settings: SmtpSettings) -> Outbox {
    Outbox::new(&Settings::Smtp(settings)).unwrap()
}

/// The outcome in a word or two: what the desk acts on.
fn outcome(result: &Result<Receipt, SendError>) -> String {
    match result {
        Ok(_) => "sent".into(),
        Err(SendError::Uncertain { .. }) => "uncertain".into(),
        Err(SendError::NotSent { fault, code: None, .. }) => format!("{fault:?}"),
        Err(SendError::NotSent { fault, code: Some(code), .. }) => format!("{fault:?} {code}"),
    }
}

/// A script: greeting and EHLO, then these acts.
fn after_ehlo(acts: &[Act]) -> Vec<Act> {
    let ehlo = Say("250-mx.example.jp\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n");
    [&[Say("220 mx.example.jp\r\n"), Hear("EHLO [127.0.0.1]"), ehlo], acts].concat()
}

fn after_rcpt(acts: &[Act]) -> Vec<Act> {
    after_ehlo(&[&[Hear("MAIL FROM:<"), Say("250 ok\r\n"), Hear("RCPT TO:<"), Say("250 ok\r\n")], acts].concat())
}

fn after_data(acts: &[Act]) -> Vec<Act> {
    after_rcpt(&[&[Hear("DATA"), Say("354 go\r\n")], acts].concat())
}

/// The same steps as a second mail on a kept connection.
fn next_mail(acts: &[Act]) -> Vec<Act> {
    after_data(acts).split_off(3)
}

fn taken() -> Vec<Act> {
    vec![HearMail, Say("250 queued\r\n")]
}

/// One send against one connection: nothing is ever tried twice on a fresh connection.
async fn check(what: &str, script: Vec<Act>, expected: &str) {
    check_with(what, script, expected, |_| {}).await;
}

async fn check_with(what: &str, script: Vec<Act>, expected: &str, set: impl FnOnce(&mut SmtpSettings)) {
    let server = Scripted::start(vec![script]).await;
    let mut settings = smtp(server.port);
    set(&mut settings);
    let mut outbox = outbox(settings);
    let result = outbox.send(&mail()).await;
    assert_eq!(outcome(&result), expected, "{what}: {result:?}");
    drop(outbox);
    server.finish().await;
}

#[tokio::test]
async fn a_refusal_before_the_mail_says_whose_fault_it_is() {
    check("busy", vec![Say("421 busy\r\n")], "Passing 421").await;
    check("no service", vec![Say("554 go away\r\n")], "Setup 554").await;
    check("not SMTP", vec![Say("HTTP/1.1 400 Bad Request\r\n")], "Passing").await;
    check("EHLO", vec![Say("220 hi\r\n"), Hear("EHLO"), Say("550 no\r\n")], "Setup 550").await;
    check("sender", after_ehlo(&[Hear("MAIL"), Say("553 not yours\r\n")]), "Setup 553").await;
    check("sender later", after_ehlo(&[Hear("MAIL"), Say("451 later\r\n")]), "Passing 451").await;
    check("login wanted", after_ehlo(&[Hear("MAIL"), Say("530 5.7.0 log in\r\n")]), "Setup 530").await;
    let rcpt = |answer| after_ehlo(&[Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Say(answer)]);
    check("greylisted", rcpt("450 4.2.0 later\r\n"), "Passing 450").await;
    check("no such user", rcpt("550 5.1.1 unknown\r\n"), "Mail 550").await;
    check("login wanted at RCPT", rcpt("530 5.7.0 log in\r\n"), "Setup 530").await;
    check("closing at RCPT", rcpt("421 bye\r\n"), "Passing 421").await;
    check("DATA", after_rcpt(&[Hear("DATA"), Say("552 full\r\n")]), "Mail 552").await;
    check("DATA later", after_rcpt(&[Hear("DATA"), Say("451 later\r\n")]), "Passing 451").await;
}

#[tokio::test]
async fn an_answer_that_does_not_fit_its_question_stops_before_the_mail() {
    check("250 to DATA", after_rcpt(&[Hear("DATA"), Say("250 ok\r\n")]), "Passing 250").await;
    check("354 to MAIL", after_ehlo(&[Hear("MAIL"), Say("354 go\r\n")]), "Passing 354").await;
}

#[tokio::test]
async fn the_answer_to_the_final_dot_decides() {
    check("taken", after_data(&taken()), "sent").await;
    check("taken, another 2xx", after_data(&[HearMail, Say("252 fine\r\n")]), "sent").await;
    check("content refused", after_data(&[HearMail, Say("552 too big\r\n")]), "Mail 552").await;
    check("refused, an odd code", after_data(&[HearMail, Say("571 blocked\r\n")]), "Mail 571").await;
    check("refused, without a word", after_data(&[HearMail, Say("554\r\n")]), "Mail 554").await;
    check("try later", after_data(&[HearMail, Say("451 later\r\n")]), "Passing 451").await;
    check("answer in pieces", after_data(&[HearMail, Say("250-a\r\n25"), Say("0 b\r\n")]), "sent").await;
}

#[tokio::test]
async fn without_a_clear_answer_to_the_final_dot_nobody_knows() {
    check("cut", after_data(&[HearMail]), "uncertain").await;
    check("reset", after_data(&[HearMail, Reset]), "uncertain").await;
    check("half an answer", after_data(&[HearMail, Say("250 que")]), "uncertain").await;
    check("nonsense", after_data(&[HearMail, Say("ok\r\n")]), "uncertain").await;
    check("another 354", after_data(&[HearMail, Say("354 go\r\n")]), "uncertain").await;
    let hasty = |settings: &mut SmtpSettings| settings.timeout = HASTY;
    check_with("silence", after_data(&[HearMail, Silence]), "uncertain", hasty).await;
}

#[tokio::test]
async fn a_connection_cut_before_the_mail_took_nothing() {
    check("at greeting", vec![], "Passing").await;
    check("at EHLO", vec![Say("220 hi\r\n"), Hear("EHLO")], "Passing").await;
    check("at MAIL", after_ehlo(&[Hear("MAIL")]), "Passing").await;
    check("at RCPT", after_ehlo(&[Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Reset]), "Passing").await;
    check("at DATA", after_rcpt(&[Hear("DATA")]), "Passing").await;
}

#[tokio::test]
async fn a_connection_cut_before_the_dot_was_written_took_nothing() {
    let server = Scripted::start(vec![after_data(&[HearBytes(1000), Reset])]).await;
    let result = outbox(smtp(server.port)).send(&endless_mail()).await;
    assert_eq!(outcome(&result), "Passing", "{result:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_refusal_in_the_middle_of_the_mail_is_heard() {
    let server = Scripted::start(vec![after_data(&[HearBytes(1000), Say("552 too big\r\n")])]).await;
    let result = outbox(smtp(server.port)).send(&endless_mail()).await;
    assert_eq!(outcome(&result), "Mail 552", "{result:?}");
    server.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_reading_the_mail_took_nothing() {
    let go = Arc::new(Notify::new());
    let server = Scripted::start(vec![after_data(&[Wait(go.clone())])]).await;
    let result = outbox(SmtpSettings { timeout: HASTY, ..smtp(server.port) }).send(&endless_mail()).await;
    assert_eq!(outcome(&result), "Passing", "{result:?}");
    go.notify_one();
    server.finish().await;
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let silent = async |what: &str, script: Vec<Act>| {
        check_with(what, [script, vec![Silence]].concat(), "Passing", |settings| settings.timeout = HASTY).await;
    };
    silent("greeting", vec![]).await;
    silent("EHLO", vec![Say("220 hi\r\n"), Hear("EHLO")]).await;
    silent("half an answer", vec![Say("220 hi\r\n"), Hear("EHLO"), Say("250-mx\r\n")]).await;
    silent("MAIL", after_ehlo(&[Hear("MAIL")])).await;
    silent("DATA", after_rcpt(&[Hear("DATA")])).await;
}

#[tokio::test]
async fn nobody_listening_is_a_passing_fault() {
    let server = Scripted::start(vec![]).await;
    let port = server.port;
    server.finish().await;
    let result = outbox(smtp(port)).send(&mail()).await;
    assert_eq!(outcome(&result), "Passing", "{result:?}");
}

/// Two sends against these connections.
async fn check_two(what: &str, scripts: Vec<Vec<Act>>, second: &str) {
    let server = Scripted::start(scripts).await;
    let mut outbox = outbox(SmtpSettings { timeout: Duration::from_secs(1), ..smtp(server.port) });
    let result = outbox.send(&mail()).await;
    assert_eq!(outcome(&result), "sent", "{what}, first: {result:?}");
    let result = outbox.send(&mail()).await;
    assert_eq!(outcome(&result), second, "{what}, second: {result:?}");
    drop(outbox);
    server.finish().await;
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_mail() {
    let both = [after_data(&taken()), next_mail(&taken())].concat();
    check_two("kept", vec![both], "sent").await;
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_once() {
    let first = |then: &[Act]| [after_data(&taken()), then.to_vec()].concat();
    let fresh = || after_data(&taken());
    check_two("closed", vec![first(&[]), fresh()], "sent").await;
    check_two("reset", vec![first(&[Reset]), fresh()], "sent").await;
    check_two("421 while idle", vec![first(&[Say("421 idle too long\r\n")]), fresh()], "sent").await;
    check_two("421 at MAIL", vec![first(&[Hear("MAIL"), Say("421 bye\r\n")]), fresh()], "sent").await;
    check_two("silent", vec![first(&[Silence]), fresh()], "sent").await;
    check_two("dead at DATA", vec![first(&next_mail(&[])[..5]), fresh()], "sent").await;
    check_two("the new one dies too", vec![first(&[]), vec![]], "Passing").await;
}

#[tokio::test]
async fn a_kept_connection_that_dies_after_the_dot_is_not_replaced() {
    let cut = [after_data(&taken()), next_mail(&[HearMail])].concat();
    check_two("cut", vec![cut], "uncertain").await;
}

#[tokio::test]
async fn a_refusal_on_a_kept_connection_is_final_and_ends_the_connection() {
    let refused = [after_data(&taken()), vec![Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Say("550 no\r\n")]];
    check_two("550", vec![refused.concat()], "Mail 550").await;
}

#[tokio::test]
async fn an_answer_too_many_never_makes_an_unsent_mail_look_sent() {
    // Every later answer is one step early: 250 250 250 where 354 must come.
    let script = [
        after_data(&[HearMail, Say("250 queued\r\n250 again\r\n")]),
        vec![Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Say("250 ok\r\n"), Hear("DATA")],
    ];
    check_two("off by one", vec![script.concat()], "Passing 250").await;
}

/// Greeting and EHLO with PIPELINING, then one mail whose text is taken; what the server is told before it says so.
fn taken_while_told(told: &[Act]) -> Vec<Act> {
    let hello = [Say("220 mx\r\n"), Hear("EHLO"), Say("250-mx\r\n250 PIPELINING\r\n")];
    let first = [Hear("MAIL FROM:<"), Hear("RCPT TO:<"), Hear("DATA"), Say("250 ok\r\n250 ok\r\n354 go\r\n"), HearMail];
    [&hello, &first[..], told, &[Say("250 queued\r\n")]].concat()
}

const TOLD_OF_NEXT: [Act; 3] = [Hear("MAIL FROM:<"), Hear("RCPT TO:<jiro@"), Hear("DATA")];

/// A first mail, behind whose text the next is announced; then `second` is sent.
async fn check_announced(what: &str, scripts: Vec<Vec<Act>>, second: &Outgoing, expected: &str) {
    let server = Scripted::start(scripts).await;
    let mut outbox = outbox(SmtpSettings { timeout: Duration::from_secs(1), ..smtp(server.port) });
    let mut lane = outbox.lanes().remove(0);
    assert_eq!(lane.begin(&mail()).await, Ok(()), "{what}");
    let first = lane.complete(&mail(), Some(&jiro())).await;
    assert_eq!(outcome(&first), "sent", "{what}, first: {first:?}");
    let result = outbox.send(second).await;
    assert_eq!(outcome(&result), expected, "{what}, second: {result:?}");
    drop(outbox);
    server.finish().await;
}

fn jiro() -> Outgoing {
    Outgoing { to: "jiro@customer.example.jp".into(), message_id: "r.2@desk.example.jp".into(), ..mail() }
}

#[tokio::test]
async fn the_next_mail_is_announced_while_the_word_about_this_one_is_awaited() {
    let told = || taken_while_told(&TOLD_OF_NEXT);
    let go = Say("250 ok\r\n250 ok\r\n354 go\r\n");
    check_announced("taken", vec![[told(), vec![go, HearMail, Say("250 queued\r\n")]].concat()], &jiro(), "sent").await;
    let refused = [told(), vec![Say("250 ok\r\n550 who?\r\n503 no\r\n")]].concat();
    check_announced("refused", vec![refused], &jiro(), "Mail 550").await;
    // Whatever ends the connection first, the mail was not handed over: it goes out on a new one.
    let full = Say("421 that was the last one\r\n");
    check_announced("421", vec![[told(), vec![full]].concat(), after_data(&taken())], &jiro(), "sent").await;
    check_announced("closed", vec![told(), after_data(&taken())], &jiro(), "sent").await;
    // One answer too many, and every later one is a step early.
    let early = [told(), vec![Say("250 again\r\n250 ok\r\n250 ok\r\n354 go\r\n")]].concat();
    check_announced("off by one", vec![early], &jiro(), "Passing 250").await;
}

#[tokio::test]
async fn a_mail_that_was_announced_and_is_not_sent_leaves_no_text_behind() {
    let told = [taken_while_told(&TOLD_OF_NEXT), vec![Say("250 ok\r\n250 ok\r\n354 go\r\n")]].concat();
    let saburo = Outgoing { message_id: "r.3@desk.example.jp".into(), ..mail() };
    // The server would have to see the connection end here; a text would be one line too many for the script.
    check_announced("another", vec![told, after_data(&taken())], &saburo, "sent").await;
}

#[tokio::test]
async fn without_pipelining_no_mail_is_announced_early() {
    let both = [after_data(&taken()), next_mail(&taken())].concat();
    check_announced("one by one", vec![both], &jiro(), "sent").await;
}

#[tokio::test]
async fn an_impossible_recipient_never_reaches_the_server() {
    let mut outbox = outbox(smtp(9));
    for to in ["", "taro", "@example.jp", "a b@example.jp", "a@x>\r\nRCPT TO:<b@x", "a@b,c@d", "a\0@example.jp"] {
        let result = outbox.send(&Outgoing { to: to.into(), ..mail() }).await;
        assert_eq!(outcome(&result), "Mail", "{to:?}: {result:?}");
    }
}

#[tokio::test]
async fn errors_name_no_person() {
    let script =
        after_ehlo(&[Hear("MAIL"), Say("250 ok\r\n"), Hear("RCPT"), Say("550 <taro@customer.example.jp>: who?\r\n")]);
    let server = Scripted::start(vec![script]).await;
    let error = outbox(smtp(server.port)).send(&mail()).await.unwrap_err();
    assert_eq!(error.to_string(), "not sent: RCPT TO: 550 …@customer.example.jp>: who?");
    assert!(error.is_permanent());
    server.finish().await;
}

// ---- login -------------------------------------------------------------------------------------------------------

async fn check_login(what: &str, script: Vec<Act>, expected: &str) {
    let login = Some(("desk".to_string(), "pass".into()));
    check_with(what, script, expected, |settings| settings.login = login).await;
}

#[tokio::test]
async fn login_uses_plain_or_else_login() {
    let mailed = after_data(&taken())[3..].to_vec();
    // base64 of "\0desk\0pass", "desk", "pass".
    let plain = [Hear("AUTH PLAIN AGRlc2sAcGFzcw=="), Say("235 ok\r\n")];
    check_login("PLAIN", after_ehlo(&[&plain[..], &mailed].concat()), "sent").await;
    let only_login = [Say("220 hi\r\n"), Hear("EHLO"), Say("250-mx\r\n250 auth login\r\n")];
    let asked = [Hear("AUTH LOGIN"), Say("334 VXNlcm5hbWU6\r\n"), Hear("ZGVzaw=="), Say("334 UGFzc3dvcmQ6\r\n")];
    let said = [Hear("cGFzcw=="), Say("235 ok\r\n")];
    check_login("LOGIN", [&only_login[..], &asked, &said, &mailed].concat(), "sent").await;
}

#[tokio::test]
async fn login_answers_however_the_server_asks() {
    let mailed = after_data(&taken())[3..].to_vec();
    let only_login = [Say("220 hi\r\n"), Hear("EHLO"), Say("250-mx\r\n250 AUTH LOGIN\r\n")];
    for question in ["334\r\n", "334 \r\n", "334 TG9naW46\r\n", "334 not base64\r\n"] {
        let asked = [Hear("AUTH LOGIN\r\n"), Say(question), Hear("ZGVzaw==\r\n"), Say(question)];
        let said = [Hear("cGFzcw==\r\n"), Say("235 ok\r\n")];
        check_login(question, [&only_login[..], &asked, &said, &mailed].concat(), "sent").await;
    }
}

#[tokio::test]
async fn a_failed_login_is_the_operators_business() {
    let auth = |answer| after_ehlo(&[Hear("AUTH PLAIN"), Say(answer)]);
    check_login("wrong password", auth("535 5.7.8 no\r\n"), "Setup 535").await;
    check_login("mechanism too weak", auth("534 5.7.9 no\r\n"), "Setup 534").await;
    check_login("a challenge nobody asked for", auth("334 eyJzdGF0dXMi\r\n"), "Passing 334").await;
    check_login("backend down", auth("454 4.7.0 later\r\n"), "Passing 454").await;
    let no_auth = vec![Say("220 hi\r\n"), Hear("EHLO"), Say("250-mx\r\n250 AUTH GSSAPI\r\n")];
    check_login("nothing we can do", no_auth, "Setup").await;
}

// ---- TLS ---------------------------------------------------------------------------------------------------------

/// The server's certificate is for `name`; the client calls it `localhost`.
async fn check_tls(what: &str, name: &str, script: impl FnOnce(Act) -> Vec<Act>, implicit: bool, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (tls, ca_file) = certificate(name, &folder);
    check_with(what, script(tls), expected, |settings| {
        let ca_file = Some(ca_file);
        settings.host = "localhost".into();
        settings.tls = if implicit { Tls::Implicit { ca_file } } else { Tls::StartTls { ca_file } };
    })
    .await;
}

fn until_starttls(offer: &'static str, answer: &'static str) -> Vec<Act> {
    vec![Say("220 hi\r\n"), Hear("EHLO"), Say(offer), Hear("STARTTLS"), Say(answer)]
}

const OFFER: &str = "250-mx\r\n250-SIZE 1000\r\n250 StartTLS\r\n";

#[tokio::test]
async fn implicit_tls_checks_the_certificate() {
    let script = |tls| [vec![tls], after_data(&taken())].concat();
    check_tls("good", "localhost", script, true, "sent").await;
    check_tls("wrong name", "mx.example.jp", script, true, "Setup").await;
    check_tls("no TLS there", "localhost", |_| vec![Say("220 hi\r\n"), Silence], true, "Setup").await;
    check_tls("hangs up", "localhost", |_| vec![], true, "Passing").await;
    // What was written before the break was seen may have arrived, so the text itself must not be on its way.
    let before = |tls| [vec![tls], after_rcpt(&[Hear("DATA")])].concat();
    check_tls("breaks before the text", "localhost", before, true, "Passing").await;
    let after = |tls| [vec![tls], after_data(&[HearMail])].concat();
    check_tls("breaks after the dot", "localhost", after, true, "uncertain").await;
}

#[tokio::test]
async fn an_unknown_certificate_authority_is_refused() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (tls, _) = certificate("localhost", &folder);
    let (_, ca_file) = certificate("localhost", &other);
    check_with("unknown CA", vec![tls], "Setup", |settings| {
        settings.host = "localhost".into();
        settings.tls = Tls::Implicit { ca_file: Some(ca_file) };
    })
    .await;
}

#[tokio::test]
async fn starttls_encrypts_and_asks_again_what_is_offered() {
    let after = after_data(&taken()).split_off(1);
    let script = |tls| [until_starttls(OFFER, "220 go\r\n"), vec![tls], after].concat();
    check_tls("good", "localhost", script, false, "sent").await;
    let script = |tls| [until_starttls(OFFER, "220 go\r\n"), vec![tls]].concat();
    check_tls("wrong name", "mx.example.jp", script, false, "Setup").await;
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let not_offered = |_| vec![Say("220 hi\r\n"), Hear("EHLO"), Say("250-mx\r\n250 8BITMIME\r\n")];
    check_tls("not offered", "localhost", not_offered, false, "Setup").await;
    check_tls("refused", "localhost", |_| until_starttls(OFFER, "502 no\r\n"), false, "Setup 502").await;
    check_tls("later", "localhost", |_| until_starttls(OFFER, "454 later\r\n"), false, "Passing 454").await;
}

#[tokio::test]
async fn answers_injected_before_starttls_end_the_connection() {
    let forged = "220 go\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n";
    // Even though the encrypted server behind would take the mail.
    let after = after_data(&taken()).split_off(1);
    let script = |tls| [until_starttls(OFFER, forged), vec![tls], after].concat();
    check_tls("injected", "localhost", script, false, "Passing").await;
}

// ---- settings ----------------------------------------------------------------------------------------------------

fn refused(settings: SmtpSettings) -> String {
    match Outbox::new(&Settings::Smtp(settings)) {
        Ok(_) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn plain_text_stays_on_this_machine() {
    let host = |host: &str| refused(SmtpSettings { host: host.into(), ..smtp(25) });
    assert_eq!(host("127.0.0.1"), "accepted");
    assert_eq!(host("::1"), "accepted");
    assert_eq!(host("LOCALHOST"), "accepted");
    assert!(host("mx.example.jp").contains("plain text"), "{}", host("mx.example.jp"));
    assert!(host("192.0.2.1").contains("plain text"));
    assert!(host("localhost.example.jp").contains("plain text"));
}

#[test]
fn bad_settings_are_found_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let tls = |host: &str, ca_file: Option<PathBuf>| {
        refused(SmtpSettings { host: host.into(), tls: Tls::Implicit { ca_file }, ..smtp(465) })
    };
    assert_eq!(tls("mx.example.jp", None), "accepted");
    assert!(tls("not a name", None).contains("not a name or address"));
    assert!(tls("mx.example.jp", Some(empty)).ends_with("holds no certificate"));
    assert!(tls("mx.example.jp", Some("/nowhere/ca.pem".into())).starts_with("CA file /nowhere/ca.pem: "));
    let bounce = |address: &str| refused(SmtpSettings { bounce_address: Some(address.into()), ..smtp(25) });
    assert_eq!(bounce("bounce+t@desk.example.jp"), "accepted");
    assert!(bounce("bounce").contains("bounce address"));
    assert!(bounce("a@x> SIZE=1\r\nRCPT TO:<b@x").contains("bounce address"));
}

// ---- a real server -----------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_real_server_gets_exactly_the_mail() {
    let sink = SmtpSink::start();
    let mut outbox = outbox(smtp(sink.port));
    let raw = "Subject: dots\r\n\r\n.\r\n..two\r\n.three\r\nend\r\n";
    let docomo = Outgoing { to: "a..b@docomo.ne.jp".into(), ..mail_with(raw) };
    let receipt = outbox.send(&docomo).await.unwrap();
    assert!(receipt.text.starts_with("250 "), "{receipt:?}");
    let received = sink.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].mail_from, "<bounce@desk.example.jp>");
    assert_eq!(received[0].rcpt_to, ["<a..b@docomo.ne.jp> NOTIFY=FAILURE"]);
    assert_eq!(String::from_utf8_lossy(&received[0].message), raw.replace("\r\n", "\n"));
}

/// A mail and its recipient belong together, and each can be told from the others.
fn only_for(n: u32) -> Outgoing {
    Outgoing {
        to: format!("{n}@customer.example.jp"),
        message_id: format!("r.{n}@desk.example.jp"),
        raw: format!("Subject: for {n}\r\n\r\nonly for {n}\r\n").into(),
    }
}

/// What the server took, by recipient.
fn taken_by(sink: &SmtpSink) -> Vec<(Vec<String>, Vec<u8>)> {
    let mut taken: Vec<_> = sink.received().iter().map(|mail| (mail.rcpt_to.clone(), mail.message.clone())).collect();
    taken.sort();
    taken
}

fn as_received(n: u32) -> (Vec<String>, Vec<u8>) {
    let text = format!("Subject: for {n}\n\nonly for {n}\n");
    (vec![format!("<{n}@customer.example.jp> NOTIFY=FAILURE")], text.into_bytes())
}

#[tokio::test]
async fn of_mails_that_were_begun_together_those_that_go_on_keep_their_recipients() {
    let sink = SmtpSink::start();
    let mut outbox = outbox(SmtpSettings { connections: 3, ..smtp(sink.port) });
    let mails = [only_for(1), only_for(2), only_for(3)];
    let mut lanes = outbox.lanes();
    for (lane, mail) in lanes.iter_mut().zip(&mails) {
        assert_eq!(lane.begin(mail).await, Ok(()));
    }
    // The first is held meanwhile: a budget is spent.
    for (lane, mail) in lanes.iter_mut().zip(&mails).skip(1) {
        assert!(lane.complete(mail, None).await.is_ok());
    }
    // Its connection is begun anew with another one.
    assert!(lanes[0].begin(&only_for(4)).await.is_ok());
    assert!(lanes[0].complete(&only_for(4), None).await.is_ok());
    assert_eq!(taken_by(&sink), [as_received(2), as_received(3), as_received(4)]);
}

#[tokio::test]
async fn a_text_never_goes_to_the_recipient_of_another_mail() {
    let sink = SmtpSink::start();
    let mut outbox = outbox(SmtpSettings { connections: 2, ..smtp(sink.port) });
    let mut lanes = outbox.lanes();
    assert!(lanes[0].begin(&only_for(1)).await.is_ok());
    assert!(lanes[1].begin(&only_for(2)).await.is_ok());
    let (first, second) = lanes.split_at_mut(1);
    for crossed in [first[0].complete(&only_for(2), None).await, second[0].complete(&only_for(1), None).await] {
        assert_eq!(outcome(&crossed), "Passing", "{crossed:?}");
    }
    // Announced behind a text, and another one comes.
    assert!(lanes[0].begin(&only_for(3)).await.is_ok());
    assert!(lanes[0].complete(&only_for(3), Some(&only_for(4))).await.is_ok());
    let unasked = lanes[0].complete(&only_for(5), None).await;
    assert_eq!(outcome(&unasked), "Passing", "{unasked:?}");
    assert!(lanes[0].begin(&only_for(5)).await.is_ok());
    assert!(lanes[0].complete(&only_for(5), None).await.is_ok());
    assert_eq!(taken_by(&sink), [as_received(3), as_received(5)]);
}

#[tokio::test]
async fn the_null_sender_wants_no_notes() {
    let sink = SmtpSink::start();
    let mut outbox = outbox(SmtpSettings { bounce_address: None, ..smtp(sink.port) });
    outbox.send(&mail()).await.unwrap();
    assert_eq!(sink.received()[0].mail_from, "<>");
    assert_eq!(sink.received()[0].rcpt_to, ["<taro@customer.example.jp> NOTIFY=NEVER"]);
}

#[tokio::test]
async fn many_mails_go_over_one_login() {
    let sink = SmtpSink::start();
    let login = Some(("desk".to_string(), "pass".into()));
    let mut outbox = outbox(SmtpSettings { login, ..smtp(sink.port) });
    let bodies: Vec<String> = (10..40).map(|n| format!("Subject: {n}\r\n\r\nmail {n}\r\n")).collect();
    for body in &bodies {
        outbox.send(&mail_with(body)).await.unwrap();
    }
    let mut received: Vec<String> =
        sink.received().iter().map(|mail| String::from_utf8_lossy(&mail.message).replace('\n', "\r\n")).collect();
    received.sort();
    assert_eq!(received, bodies);
}

#[tokio::test]
async fn after_a_restart_of_the_server_the_next_mail_simply_goes() {
    let mut sink = SmtpSink::start();
    let mut outbox = outbox(smtp(sink.port));
    outbox.send(&mail()).await.unwrap();
    sink.restart();
    outbox.send(&mail()).await.unwrap();
    sink.stop();
    let result = outbox.send(&mail()).await;
    assert_eq!(outcome(&result), "Passing", "{result:?}");
    sink.restart();
    outbox.send(&mail()).await.unwrap();
    assert_eq!(sink.received().len(), 3);
}

#[tokio::test]
async fn a_real_server_that_fails_is_understood() {
    let check = async |options: &[&str], expected: &str| {
        let sink = SmtpSink::with(options);
        let result = outbox(smtp(sink.port)).send(&mail()).await;
        assert_eq!(outcome(&result), expected, "{options:?}: {result:?}");
    };
    check(&["-f", "RCPT"], "Mail 500").await;
    check(&["-r", "RCPT"], "Passing 450").await;
    check(&["-f", "."], "Mail 500").await;
    check(&["-r", "."], "Passing 450").await;
    check(&["-q", "."], "uncertain").await;
    check(&["-q", "DATA"], "Passing").await;
    check(&["-Q", "MAIL"], "Passing 421").await;
    check(&["-A", "0"], "Mail 550").await;
}

#[tokio::test]
async fn an_address_beyond_ascii_needs_a_server_that_knows_it() {
    let sink = SmtpSink::start();
    let japanese = Outgoing { to: "窓口@example.jp".into(), ..mail() };
    let result = outbox(smtp(sink.port)).send(&japanese).await;
    assert_eq!(outcome(&result), "Mail", "{result:?}");

    let offer = Say("250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
    let envelope = [Hear("MAIL FROM:<bounce@desk.example.jp> SMTPUTF8 BODY=8BITMIME"), Say("250 ok\r\n")];
    let rest = after_data(&taken())[5..].to_vec();
    let server =
        Scripted::start(vec![[&[Say("220 hi\r\n"), Hear("EHLO"), offer], &envelope[..], &rest].concat()]).await;
    outbox(smtp(server.port)).send(&japanese).await.unwrap();
    assert!(server.finish().await.contains(&"RCPT TO:<窓口@example.jp>".to_string()));
}

/// A mail that passes another one on: plain header, text in 8 bit.
#[tokio::test]
async fn mail_in_8_bit_needs_a_server_that_offers_it() {
    let eight_bit = Outgoing { raw: [mail().raw, "\u{65e5}\u{672c}\r\n".into()].concat(), ..mail() };
    let without = Say("250-mx\r\n250 SIZE\r\n");
    let server = Scripted::start(vec![vec![Say("220 hi\r\n"), Hear("EHLO"), without]]).await;
    let result = outbox(smtp(server.port)).send(&eight_bit).await;
    assert_eq!(outcome(&result), "Mail", "{result:?}");

    let envelope = [Hear("MAIL FROM:<bounce@desk.example.jp> BODY=8BITMIME"), Say("250 ok\r\n")];
    let rest = after_data(&taken())[5..].to_vec();
    let server = Scripted::start(vec![[&after_ehlo(&[])[..], &envelope, &rest].concat()]).await;
    outbox(smtp(server.port)).send(&eight_bit).await.unwrap();
}

// ---- folder and memory -------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_folder_holds_each_mail_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/out");
    let mut outbox = Outbox::new(&Settings::Folder { path: path.clone() }).unwrap();
    assert_eq!(outbox.find("r.1@desk.example.jp").await, Found::NotSent);
    outbox.send(&mail()).await.unwrap();
    assert_eq!(outbox.find("r.1@desk.example.jp").await, Found::Sent);
    outbox.send(&mail_with("another text")).await.unwrap();

    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["r.1@desk.example.jp.eml"]);
    assert_eq!(fs::read(path.join("r.1@desk.example.jp.eml")).unwrap(), mail().raw, "the first one stays");
}

#[tokio::test]
async fn a_draft_left_by_a_crash_is_not_a_sent_mail() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".r.1@desk.example.jp.eml.tmp"), "half a ma").unwrap();
    let mut outbox = Outbox::new(&Settings::Folder { path: folder.path().into() }).unwrap();
    assert_eq!(outbox.find("r.1@desk.example.jp").await, Found::NotSent);
    outbox.send(&mail()).await.unwrap();
    assert_eq!(fs::read(folder.path().join("r.1@desk.example.jp.eml")).unwrap(), mail().raw);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_is_gone_is_the_operators_business() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let mut outbox = Outbox::new(&Settings::Folder { path: path.clone() }).unwrap();
    fs::remove_dir(&path).unwrap();
    let result = outbox.send(&mail()).await;
    assert_eq!(outcome(&result), "Setup", "{result:?}");

    fs::write(&path, "a file").unwrap();
    let refused = Outbox::new(&Settings::Folder { path });
    assert!(matches!(refused, Err(OutboxError::Folder { .. })));
}

#[tokio::test]
async fn memory_remembers_every_send_even_the_second_of_a_mail() {
    let mut outbox = Outbox::memory();
    let Outbox::Memory(memory) = &outbox else { panic!("memory() is memory") };
    let memory = memory.clone();
    assert_eq!(outbox.find("r.1@desk.example.jp").await, Found::NotSent);
    assert!(memory.sent().is_empty(), "nothing went out");
    outbox.send(&mail()).await.unwrap();
    outbox.send(&mail()).await.unwrap();
    assert_eq!(memory.sent(), [mail(), mail()]);
    assert_eq!(outbox.find("r.1@desk.example.jp").await, Found::Sent);
}

#[tokio::test]
async fn smtp_cannot_be_asked_what_was_sent() {
    assert_eq!(outbox(smtp(25)).find("r.1@desk.example.jp").await, Found::Unknown);
}

#[test]
fn only_a_fault_of_the_mail_itself_is_permanent() {
    let not_sent = |fault| SendError::NotSent { fault, code: None, text: String::new() }.is_permanent();
    assert!(not_sent(Fault::Mail));
    assert!(!not_sent(Fault::Passing) && !not_sent(Fault::Setup));
    assert!(!SendError::Uncertain { text: String::new() }.is_permanent());
}

//! Sending with a token: what is said to the server, and what its refusals mean.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use madoguchi::net::Tls;
use madoguchi::oauth::{Credential, Grant};
use madoguchi::outbox::{Outbox, Outgoing, Settings, SmtpSettings};

use crate::support::oauth::OAuthServer;
use crate::support::smtp::Act::{self, Hear, HearMail, Say};
use crate::support::smtp::Scripted;

/// What came of a mail, and what the client said after EHLO; long words decoded.
async fn send(offer: &'static str, acts: &[Act]) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let oauth = OAuthServer::start();
    let account = oauth.account(Grant::ClientCredentials, folder.path().join("token"));
    let script = [&[Say("220 mx\r\n"), Hear("EHLO"), Say(offer)], acts].concat();
    let server = Scripted::start(vec![script]).await;
    let settings = SmtpSettings {
        host: "127.0.0.1".into(),
        port: server.port,
        tls: Tls::None,
        login: Some(("desk@example.jp".into(), Credential::OAuth(account))),
        bounce_address: None,
        bounce_tags: false,
        timeout: Duration::from_secs(10),
        connections: 1,
    };
    let port = format!("port={}\u{1}", server.port);
    let mut outbox = Outbox::new(&Settings::Smtp(settings)).unwrap();
    let raw = b"Subject: test\r\n\r\nhello\r\n".to_vec();
    let mail = Outgoing { to: "taro@customer.example.jp".into(), message_id: "r.1@desk.example.jp".into(), raw };
    let outcome = match outbox.send(&mail).await {
        Ok(receipt) => receipt.text,
        Err(error) => error.to_string(),
    };
    drop(outbox);
    let heard = server.finish().await.split_off(1);
    (outcome, heard.iter().map(|line| decoded(line).replace(&port, "")).collect())
}

fn decoded(line: &str) -> String {
    let bytes = STANDARD.decode(line).ok().filter(|bytes| bytes.len() > 20);
    bytes.map_or(line.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

const TAKES: [Act; 8] = [
    Hear("MAIL FROM:<>"),
    Say("250 ok\r\n"),
    Hear("RCPT TO:"),
    Say("250 ok\r\n"),
    Hear("DATA"),
    Say("354 go\r\n"),
    HearMail,
    Say("250 taken\r\n"),
];
const XOAUTH2: &str = "250-mx\r\n250 AUTH LOGIN PLAIN XOAUTH2\r\n";
const BOTH: &str = "250-mx\r\n250 auth XOAUTH2 OAuthBearer\r\n";

#[tokio::test]
async fn a_mail_goes_out_with_a_token() {
    let acts = [&[Hear("AUTH XOAUTH2"), Say("334 \r\n"), Hear(""), Say("235 in\r\n")], &TAKES[..]].concat();
    let (outcome, heard) = send(XOAUTH2, &acts).await;
    assert_eq!(outcome, "250 taken");
    assert_eq!(heard[..2], ["AUTH XOAUTH2", "user=desk@example.jp\u{1}auth=Bearer hush-access-1\u{1}\u{1}"]);
    let acts = [&[Hear("AUTH OAUTHBEARER"), Say("334 \r\n"), Hear(""), Say("235 in\r\n")], &TAKES[..]].concat();
    let (outcome, heard) = send(BOTH, &acts).await;
    assert_eq!(outcome, "250 taken");
    let message = "n,a=desk@example.jp,\u{1}host=127.0.0.1\u{1}auth=Bearer hush-access-1\u{1}\u{1}";
    assert_eq!(heard[..2], ["AUTH OAUTHBEARER", message]);
}

/// `eyJzdGF0dXMiOiI0MDEifQ==` is `{"status":"401"}`.
#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    const REFUSES: [Act; 6] = [
        Hear("AUTH"),
        Say("334\r\n"),
        Hear(""),
        Say("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"),
        Hear(""),
        Say("535 5.7.3 no\r\n"),
    ];
    let takes = [&[Hear("AUTH"), Say("334 \r\n"), Hear(""), Say("235 in\r\n")], &TAKES[..]].concat();
    for (offer, acknowledgement) in [(XOAUTH2, ""), (BOTH, "AQ==")] {
        let (outcome, heard) = send(offer, &[&REFUSES[..], &takes[..]].concat()).await;
        assert_eq!((outcome.as_str(), heard[2].as_str()), ("250 taken", acknowledgement), "{offer}");
        assert!(heard[4].contains("Bearer hush-access-2"), "{offer}: {heard:?}");
        let (outcome, _) = send(offer, &[REFUSES, REFUSES].concat()).await;
        assert_eq!(outcome, "not sent: AUTH: 535 5.7.3 no", "{offer}");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_tokens_is_said_to_be_one() {
    let (outcome, heard) = send("250-mx\r\n250 AUTH PLAIN LOGIN\r\n", &[]).await;
    assert_eq!(outcome, "not sent: AUTH: the server offers neither OAUTHBEARER nor XOAUTH2");
    assert!(heard.is_empty(), "{heard:?}");
}

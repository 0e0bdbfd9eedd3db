//! A person signs in: by a code, or with a browser that comes back.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use jiff::ToSpan;
use madoguchi::clock::Clock;
use madoguchi::oauth::{Grant, OAuthError};
use serde_json::json;

use crate::site::{Desk, Site};
use crate::support::oauth::{OAuthServer, SECRET};

/// A site whose one desk is a folder, with these tables behind it.
pub fn site(tables: &str) -> Site {
    let site = Site::new(&[Desk::new(
        "desk",
        "kind = \"maildir\"\npath = \"mail\"".into(),
        "kind = \"folder\"\npath = \"out\"".into(),
    )]);
    extend(&site, tables);
    site
}

/// Writes the client's secret, and `tables` behind the configuration.
pub fn extend(site: &Site, tables: &str) {
    site.write("client-secret", &format!("{SECRET}-of-client"));
    let config = fs::read_to_string(site.path("madoguchi.toml")).unwrap();
    site.write("madoguchi.toml", &format!("{config}\n{tables}"));
}

pub fn command(site: &Site, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
    command.args(words).arg("-c").arg(site.path("madoguchi.toml")).env("LC_ALL", "C.UTF-8");
    command
}

/// Exit status, output and errors.
pub fn said(site: &Site, words: &[&str]) -> (i32, String, String) {
    let output = command(site, words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(!format!("{out}{err}").contains(SECRET), "{out}{err}");
    (output.status.code().unwrap(), out, err)
}

#[test]
fn a_code_is_shown_and_the_tokens_are_kept() {
    let server = OAuthServer::start();
    server.answer_devices(&["authorization_pending", "authorization_pending"], 0);
    let site = site(&server.config("m365", "refresh-token"));
    let (code, out, err) = said(&site, &["login"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let file = site.path("state/oauth-m365.json");
    for words in ["https://login.example/device", "code: ABCD-EFGH", "m365: signed in\n", file.to_str().unwrap()] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert_eq!(server.asked("device")[0]["scope"], "mail");
    assert_eq!(server.asked("token").len(), 3);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&file).unwrap().contains("hush-refresh-1"));
}

#[test]
fn a_sign_in_that_fails_says_why_and_leaves_the_old_tokens() {
    let server = OAuthServer::start();
    let site = site(&server.config("m365", "refresh-token"));
    said(&site, &["login"]);
    let before = fs::read(site.path("state/oauth-m365.json")).unwrap();
    let check = |expected: &str| {
        let (code, out, err) = said(&site, &["login", "m365"]);
        assert_eq!((code, err.as_str()), (1, format!("error: {expected}\n").as_str()), "{out}");
    };
    server.answer_devices(&["access_denied"], 0);
    check("the sign-in was refused at the browser");
    server.answer_devices(&["expired_token"], 0);
    check("signing in was not finished in time");
    server.fail(401, json!({ "error": "invalid_client", "error_description": "AADSTS7000218: wants a secret" }));
    check("the OAuth server refused `m365`: invalid_client: AADSTS7000218: wants a secret");
    server.fail(200, json!({ "access_token": "x", "token_type": "Bearer" }));
    check(
        "the answer of the OAuth server at 127.0.0.1 cannot be used: \
         it has no refresh_token: the application may not ask for one",
    );
    assert_eq!(fs::read(site.path("state/oauth-m365.json")).unwrap(), before);
}

#[test]
fn the_account_is_named_where_there_are_several() {
    let server = OAuthServer::start();
    let both = server.config("m365", "refresh-token") + &server.config("apps", "client-credentials");
    let site = site(&both);
    let file = site.path("madoguchi.toml").display().to_string();
    let (code, _, err) = said(&site, &["login"]);
    assert_eq!((code, err), (1, format!("error: {file} has several accounts; name one: apps, m365\n")));
    let (code, _, err) = said(&site, &["login", "m356"]);
    assert_eq!((code, err), (1, format!("error: {file} has no [oauth.m356]; it has: apps, m365\n")));
    let (code, out, _) = said(&site, &["login", "apps"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("apps: nobody need sign in"), "{out}");
    assert_eq!(server.asked("token")[0]["grant_type"], "client_credentials");
}

/// Goes to a page; answers where it sends the browser, or what it says.
fn browse(url: &str) -> Result<String, String> {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
    location.map(str::to_owned).ok_or(answer)
}

#[test]
fn a_browser_signs_in_and_comes_back() {
    let server = OAuthServer::start();
    let site = site(&server.config("google", "refresh-token"));
    let mut login = command(&site, &["login", "--browser"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(login.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut lines = lines.filter(|line| !line.is_empty());
    let page = lines.find_map(|line| line.trim().strip_prefix("http").map(|rest| format!("http{rest}"))).unwrap();
    let back = browse(&page).unwrap();
    let port = back.strip_prefix("http://127.0.0.1:").unwrap().split('/').next().unwrap();
    // What a browser asks for besides, and what somebody else may try.
    for other in ["favicon.ico", "?code=c&state=guessed"] {
        assert!(browse(&format!("http://127.0.0.1:{port}/{other}")).unwrap_err().starts_with("HTTP/1.1 404 "));
    }
    let shown = browse(&back).unwrap_err();
    assert!(shown.starts_with("HTTP/1.1 200 ") && shown.contains("can be closed"), "{shown}");
    assert_eq!(lines.next().as_deref(), Some("google: signed in"));
    assert!(login.wait().unwrap().success());
    let asked = &server.asked("authorize")[0];
    assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
    let exchanged = &server.asked("token")[0];
    assert_eq!(exchanged["redirect_uri"], format!("http://127.0.0.1:{port}"));
    assert!(site.path("state/oauth-google.json").exists());
}

/// By a clock of the test's own: the server is asked as often as it wants to be, and no longer than it said.
#[tokio::test]
async fn a_server_is_asked_as_often_as_it_says() {
    let (server, folder) = (OAuthServer::start(), tempfile::tempdir().unwrap());
    server.answer_devices(&["authorization_pending", "slow_down"], 5);
    let account = server.account(Grant::RefreshToken, folder.path().join("token"));
    let clock = Clock::manual("2026-11-24T01:00:00Z".parse().unwrap());
    account.go_by(&clock);
    let begun = clock.now();
    let mut accept = Box::pin(account.accept(account.invite().await.unwrap()));
    let mut asked_at = Vec::new();
    for second in 0..30 {
        clock.set(begun + second.seconds());
        let limit = std::time::Duration::from_millis(100);
        let ended = tokio::time::timeout(limit, accept.as_mut()).await.is_ok();
        if server.asked("token").len() > asked_at.len() {
            asked_at.push(second);
        }
        if ended {
            break;
        }
    }
    assert_eq!(asked_at, [5, 10, 20], "every five seconds, then every ten");
    drop(accept);
    let invitation = account.invite().await.unwrap();
    let much_later = async { clock.set(clock.now() + 901.seconds()) };
    let (accepted, ()) = tokio::join!(account.accept(invitation), much_later);
    assert!(matches!(accepted, Err(OAuthError::TooLate)));
    assert_eq!(server.asked("token").len(), 3);
}

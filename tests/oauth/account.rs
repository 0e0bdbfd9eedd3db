//! An account gets tokens, keeps them, renews them in time, and logs in with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::ToSpan;
use madoguchi::clock::Clock;
use madoguchi::mailbox::{ImapSettings, Inbox, MailboxError, Settings};
use madoguchi::oauth::{self, Account, Credential, Endpoint, Grant, OAuthError};
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;

use crate::support::dovecot::Dovecot;
use crate::support::oauth::OAuthServer;
use crate::support::smtp::{Act, Scripted, certificate};

/// An OAuth server and an account of it, by a clock of the test's own.
struct Bench {
    server: OAuthServer,
    clock: Clock,
    account: Account,
    folder: TempDir,
}

impl Bench {
    fn new(grant: Grant) -> Bench {
        let (server, folder) = (OAuthServer::start(), tempfile::tempdir().unwrap());
        let clock = Clock::manual("2026-11-24T01:00:00Z".parse().unwrap());
        let account = server.account(grant, folder.path().join("state/oauth-m365.json"));
        account.go_by(&clock);
        Bench { server, clock, account, folder }
    }

    /// One whose person has signed in.
    async fn signed_in() -> Bench {
        let bench = Bench::new(Grant::RefreshToken);
        sign_in(&bench.account).await;
        bench
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state/oauth-m365.json")
    }

    /// The same account in another process.
    fn elsewhere(&self) -> Account {
        let account = self.server.account(Grant::RefreshToken, self.file());
        account.go_by(&self.clock);
        account
    }

    fn later(&self, minutes: i64) {
        self.clock.set(self.clock.now() + minutes.minutes());
    }

    /// The number of the access token that the account has now.
    async fn token(&self) -> String {
        token(&self.account).await
    }
}

async fn sign_in(account: &Account) {
    let invitation = account.invite().await.unwrap();
    account.accept(invitation).await.unwrap();
}

async fn token(account: &Account) -> String {
    let token = account.token().await.unwrap();
    token.expose_secret().rsplit('-').next().unwrap().to_owned()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

fn settings(dovecot: &Dovecot, account: &Account) -> ImapSettings {
    ImapSettings { credential: Credential::OAuth(account.clone()), ..dovecot.settings() }
}

async fn open(dovecot: &Dovecot, account: &Account) -> Result<Inbox, MailboxError> {
    Inbox::open(&Settings::Imap(settings(dovecot, account))).await
}

#[tokio::test]
async fn tokens_open_mailboxes_by_either_mechanism() {
    let bench = Bench::signed_in().await;
    for mechanism in ["oauthbearer", "xoauth2", "plain xoauth2 oauthbearer"] {
        let dovecot = bench.server.dovecot(mechanism);
        open(&dovecot, &bench.account).await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        let used = if mechanism == "xoauth2" { "method=XOAUTH2" } else { "method=OAUTHBEARER" };
        assert!(dovecot.log().contains(used), "{mechanism}: {}", dovecot.log());
    }
    let refused = open(&bench.server.dovecot("plain"), &bench.account).await.err().unwrap();
    let says = "the server refused the login: the server offers neither OAUTHBEARER nor XOAUTH2";
    assert_eq!(refused.to_string(), says);
}

/// The server explains in a challenge why it refuses, and must be answered as each mechanism has it.
#[tokio::test]
async fn a_revoked_token_is_renewed_once_and_then_it_is_a_refused_login() {
    for mechanism in ["oauthbearer", "xoauth2"] {
        let bench = Bench::signed_in().await;
        let dovecot = bench.server.dovecot(mechanism);
        open(&dovecot, &bench.account).await.unwrap();
        bench.server.revoke();
        open(&dovecot, &bench.account).await.unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        assert_eq!(bench.token().await, "2", "{mechanism}");
        // A server that does not know the user refuses every token of his.
        let asked = bench.server.asked("token").len();
        let stranger = ImapSettings { user: "other@example.jp".into(), ..settings(&dovecot, &bench.account) };
        let error = Inbox::open(&Settings::Imap(stranger)).await.err().unwrap();
        assert!(matches!(error, MailboxError::LoginRefused(_)) && error.is_permanent(), "{mechanism}: {error}");
        assert_eq!(bench.server.asked("token").len(), asked + 1, "{mechanism}");
    }
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end_and_its_refresh_token_with_it() {
    let bench = Bench::signed_in().await;
    assert_eq!(bench.token().await, "1");
    bench.later(54);
    assert_eq!(bench.token().await, "1");
    bench.later(1);
    assert_eq!(bench.token().await, "2", "five minutes before its end");
    assert_eq!(token(&bench.elsewhere()).await, "2", "another process has it from the file");
    bench.later(56);
    assert_eq!(token(&bench.elsewhere()).await, "3", "with the refresh token that came last");
    assert_eq!(bench.token().await, "3", "and the first process has it from there");
    let lease = bench.account.lease().unwrap();
    assert_eq!((lease.obtained, lease.expires), (bench.clock.now(), bench.clock.now() + 60.minutes()));
    assert_eq!(mode(&bench.file()), 0o600);
    assert_eq!(mode(&bench.folder.path().join("state/oauth-m365.json.lock")), 0o600);
}

#[tokio::test]
async fn many_who_want_a_new_token_at_once_get_one() {
    let bench = Bench::signed_in().await;
    bench.later(56);
    let (one, two) = (bench.elsewhere(), bench.elsewhere());
    let tokens = futures_util::future::join_all([&bench.account, &one, &two, &one].map(token)).await;
    assert_eq!(tokens, ["2", "2", "2", "2"]);
    assert_eq!(bench.server.asked("token").len(), 2, "the sign-in and one renewal");
}

#[tokio::test]
async fn a_renewal_goes_on_when_nobody_waits_for_it_any_more() {
    let bench = Bench::signed_in().await;
    bench.later(56);
    {
        let mut token = Box::pin(bench.account.token());
        assert!(futures_util::poll!(token.as_mut()).is_pending());
    }
    tokio::task::yield_now().await;
    bench.account.settle().await;
    assert_eq!(bench.server.asked("token").len(), 2);
    assert_eq!(bench.token().await, "2");
}

#[tokio::test]
async fn while_the_old_token_lasts_a_failed_renewal_is_no_error() {
    let bench = Bench::signed_in().await;
    bench.later(56);
    bench.server.fail(503, json!({ "error": "temporarily_unavailable" }));
    assert_eq!(bench.token().await, "1");
    assert_eq!(bench.account.failing_since(), None, "once may be an accident");
    assert_eq!(bench.token().await, "1");
    assert_eq!(bench.account.failing_since(), None, "so soon again is the same one");
    let first = bench.clock.now();
    bench.later(1);
    assert_eq!(bench.token().await, "1");
    assert_eq!(bench.account.failing_since(), Some(first));
    bench.later(4);
    let error = bench.account.token().await.unwrap_err();
    assert!(matches!(error, OAuthError::Failed { .. }) && !error.is_permanent(), "{error}");
    bench.server.mend();
    assert_eq!(bench.token().await, "2");
    assert_eq!(bench.account.failing_since(), None, "well again");
}

#[tokio::test]
async fn who_keeps_a_token_renews_it_without_being_asked() {
    let bench = Bench::signed_in().await;
    let keeper = tokio::spawn(bench.account.clone().keep());
    let renewed = async |count| {
        let asked = async {
            while bench.server.asked("token").len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), asked).await.expect("nobody renews the token");
        bench.account.settle().await;
    };
    bench.server.fail(400, json!({ "error": "invalid_grant" }));
    tokio::task::yield_now().await;
    bench.later(55);
    renewed(2).await;
    let first = bench.clock.now();
    bench.later(1);
    renewed(3).await;
    assert_eq!(bench.account.failing_since(), Some(first), "two failures are enough");
    bench.server.mend();
    bench.later(1);
    renewed(4).await;
    assert_eq!((bench.account.failing_since(), bench.token().await.as_str()), (None, "2"));
    keeper.abort();
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let bench = Bench::new(Grant::RefreshToken);
    let error = bench.account.token().await.unwrap_err();
    assert_eq!(error.to_string(), "nobody has signed in for `m365` yet: run `madoguchi login m365`");
    assert!(error.is_permanent());
    sign_in(&bench.account).await;
    let cases = [
        (
            400,
            json!({ "error": "invalid_grant", "error_description": "AADSTS50173: of desk@example.jp" }),
            "the sign-in of `m365` is no longer good (AADSTS50173: of …@…): run `madoguchi login m365`",
            true,
        ),
        (
            401,
            json!({ "error": "invalid_client", "error_description": "AADSTS7000222: expired" }),
            "the OAuth server refused `m365`: invalid_client: AADSTS7000222: expired",
            true,
        ),
        (400, json!({ "error": "server_error" }), "the OAuth server refused `m365`: server_error: ", false),
        (502, json!({}), "the OAuth server at 127.0.0.1 failed: HTTP 502 Bad Gateway", false),
        (
            200,
            json!({ "token_type": "Bearer" }),
            "the answer of the OAuth server at 127.0.0.1 cannot be used: it has no access_token",
            false,
        ),
    ];
    bench.later(61);
    for (status, body, expected, permanent) in cases {
        bench.server.fail(status, body);
        let error = bench.account.token().await.unwrap_err();
        assert_eq!((error.to_string().as_str(), error.is_permanent()), (expected, permanent));
    }
    // Somebody signs in meanwhile, in another process: that is enough.
    bench.server.mend();
    bench.server.revoke_consent();
    assert!(matches!(bench.account.token().await, Err(OAuthError::SignInAgain { .. })));
    sign_in(&bench.elsewhere()).await;
    assert_eq!(bench.token().await, "2");
}

#[tokio::test]
async fn a_program_that_signs_in_as_itself_needs_nobody() {
    let bench = Bench::new(Grant::ClientCredentials);
    assert_eq!(bench.token().await, "1");
    bench.later(55);
    assert_eq!(bench.token().await, "2");
    let form = &bench.server.asked("token")[1];
    assert_eq!((form["grant_type"].as_str(), form["scope"].as_str()), ("client_credentials", "mail"));
    assert_eq!(mode(&bench.file()), 0o600);
}

#[tokio::test]
async fn tokens_that_cannot_be_written_are_kept_in_memory() {
    let bench = Bench::signed_in().await;
    let new = bench.folder.path().join("state/oauth-m365.json.new");
    fs::create_dir(&new).unwrap();
    bench.later(56);
    assert_eq!(bench.token().await, "2");
    assert_eq!(bench.token().await, "2", "and not fetched again");
    fs::remove_dir(&new).unwrap();
    bench.later(56);
    assert_eq!(bench.token().await, "3", "by the refresh token of memory");
    assert_eq!(token(&bench.elsewhere()).await, "3", "written now");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_a_failure_like_any_other() {
    let bench = Bench::signed_in().await;
    fs::write(bench.file(), "hush").unwrap();
    let error = bench.account.token().await.unwrap_err();
    let says = format!("token file {}: not written by this program: sign in again", bench.file().display());
    assert_eq!(error.to_string(), says);
    let first = bench.clock.now();
    bench.later(1);
    bench.account.token().await.unwrap_err();
    assert_eq!(bench.account.failing_since(), Some(first));
    sign_in(&bench.elsewhere()).await;
    assert_eq!((bench.token().await.as_str(), bench.account.failing_since()), ("2", None));
}

#[test]
fn tokens_and_secrets_are_not_printed() {
    let bench = Bench::new(Grant::RefreshToken);
    let shown = format!("{:?} {:?}", bench.account, bench.account.settings());
    assert!(!shown.contains(crate::support::oauth::SECRET), "{shown}");
}

#[tokio::test]
async fn the_servers_certificate_counts() {
    let folder = tempfile::tempdir().unwrap();
    let (tls, ca_file) = certificate("localhost", &folder);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{\"access_token\":\"tls-1\",\"expires_in\":\"1200\"} ";
    let script = vec![tls, Act::Hear("POST /token HTTP/1.1"), Act::Say(answer), Act::Silence];
    let server = Scripted::start(vec![script.clone(), script[..1].to_vec()]).await;
    let plain = OAuthServer::start().account(Grant::ClientCredentials, folder.path().join("token"));
    let token = Endpoint::new(&format!("https://localhost:{}/token", server.port)).unwrap();
    let settings = oauth::Settings { token, ca_file: Some(ca_file), ..plain.settings().clone() };
    let trusting = Account::new(settings.clone());
    assert_eq!(self::token(&trusting).await, "1");
    let lease = trusting.lease().unwrap();
    assert_eq!(lease.expires.duration_since(lease.obtained).as_secs(), 1200, "a number, even as a string");
    let strangers = tempfile::tempdir().unwrap();
    let (_, stranger) = certificate("localhost", &strangers);
    let strange = oauth::Settings { ca_file: Some(stranger), file: folder.path().join("none"), ..settings };
    let error = Account::new(strange).token().await.unwrap_err();
    assert!(error.is_permanent() && error.to_string().contains("localhost"), "{error}");
    server.finish().await;
}

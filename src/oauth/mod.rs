//! OAuth 2 (RFC 6749) for accounts whose servers take no passwords: tokens are fetched, kept in a file beside the store,
//! renewed before they end, and said to IMAP and SMTP servers as [`sasl`] has it.
//!
//! The file is the memory: every process and desk that shares an account looks there first and renews under a lock, as
//! many servers take a refresh token only once.

mod browser;
mod device;
mod endpoint;
mod error;
pub mod sasl;
mod saved;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tracing::{info, warn};

pub use self::browser::Waiting;
pub use self::device::Invitation;
use self::endpoint::Answer;
pub use self::endpoint::Endpoint;
pub use self::error::OAuthError;
use self::saved::Saved;
use crate::clock::Clock;

/// Between two tries to renew a token. What fails again within it counts as one failure.
const RETRY: SignedDuration = SignedDuration::from_mins(1);
/// Of a token whose server does not say how long it lasts (RFC 6749 §5.1 only recommends to).
const USUAL_LIFE: i64 = 3600;
/// So many failures in a row are an alarm.
const ALARMING: u32 = 2;

/// What proves an account to a mail server.
#[derive(Debug, Clone)]
pub enum Credential {
    Password(SecretString),
    OAuth(Account),
}

impl From<&str> for Credential {
    fn from(password: &str) -> Credential {
        Credential::Password(password.into())
    }
}

/// An account's way to its tokens, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As the configuration calls it.
    pub name: String,
    pub grant: Grant,
    pub client_id: String,
    pub client_secret: Option<SecretString>,
    /// Space-separated.
    pub scope: String,
    pub token: Endpoint,
    /// For [`Account::invite`].
    pub device: Option<Endpoint>,
    /// For [`Account::listen`].
    pub authorize: Option<Authorize>,
    /// PEM roots to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the tokens are kept.
    pub file: PathBuf,
}

/// The page at which a person signs in, and what it wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorize {
    pub page: Endpoint,
    /// The name of this machine that the page takes as the way back: `localhost` or `127.0.0.1`.
    pub back_to: &'static str,
    /// Further parameters.
    pub with: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Somebody signs in once with `madoguchi login`.
    RefreshToken,
    /// The program signs in as itself, by its secret.
    ClientCredentials,
}

/// An account of the configuration; clones share it.
#[derive(Clone)]
pub struct Account(Arc<Inner>);

struct Inner {
    settings: Settings,
    clock: Mutex<Clock>,
    /// One renewal at a time.
    gate: tokio::sync::Mutex<()>,
    standing: Mutex<Standing>,
}

/// How renewing goes.
#[derive(Default)]
struct Standing {
    failures: u32,
    failing_since: Option<Timestamp>,
    last_failure: Option<Timestamp>,
    /// Granted and not yet on the disk, which was full.
    unsaved: Option<Saved>,
}

/// When the access token was fetched, and when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub obtained: Timestamp,
    pub expires: Timestamp,
}

impl Settings {
    fn secret(&self) -> Option<&str> {
        self.client_secret.as_ref().map(|secret| secret.expose_secret())
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Account").field(&self.0.settings.name).finish()
    }
}

impl Account {
    /// By the system's clock; reads nothing yet.
    pub fn new(settings: Settings) -> Account {
        let (gate, standing) = Default::default();
        Account(Arc::new(Inner { settings, clock: Mutex::new(Clock::System), gate, standing }))
    }

    /// From now on times are told by `clock`.
    pub fn go_by(&self, clock: &Clock) {
        *held(&self.0.clock) = clock.clone();
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn clock(&self) -> Clock {
        held(&self.0.clock).clone()
    }

    /// An access token that lasts for some minutes, renewed if need be.
    ///
    /// # Errors
    /// There is none, and none can be had. While the old one lasts, a failed renewal is no error.
    pub async fn token(&self) -> Result<SecretString, OAuthError> {
        let now = self.clock().now();
        if let Some(token) = self.saved().ok().flatten().and_then(|saved| saved.fresh(now)) {
            self.succeeded();
            return Ok(token);
        }
        self.renewed(None).await
    }

    /// An access token in place of `refused`, one that a mail server did not take.
    ///
    /// # Errors
    /// No other can be had.
    pub async fn renew(&self, refused: &SecretString) -> Result<SecretString, OAuthError> {
        self.renewed(Some(refused.clone())).await
    }

    /// Of the token that is there; none if there is none, or it cannot be read.
    pub fn lease(&self) -> Option<Lease> {
        let saved = self.saved().ok().flatten()?;
        Some(Lease { obtained: saved.obtained, expires: saved.expires })
    }

    /// Since when renewing fails, if it failed twice in a row.
    pub fn failing_since(&self) -> Option<Timestamp> {
        let standing = held(&self.0.standing);
        standing.failing_since.filter(|_| standing.failures >= ALARMING)
    }

    /// Renews the token whenever it is due, whether it is used or not; never ends.
    pub async fn keep(self) {
        loop {
            let failed = self.token().await.is_err() || held(&self.0.standing).failures > 0;
            let clock = self.clock();
            let soon = clock.now().checked_add(RETRY).unwrap_or(Timestamp::MAX);
            let due = self.saved().ok().flatten().map_or(soon, |saved| saved.due());
            clock.sleep_until(if failed { soon } else { due.max(soon) }).await;
        }
    }

    /// Waits until no renewal is under way: cut off, it could lose a refresh token that the server gave already.
    pub async fn settle(&self) {
        drop(self.0.gate.lock().await);
    }

    /// In a task of its own, as callers may be dropped at any time; see [`Account::settle`].
    async fn renewed(&self, refused: Option<SecretString>) -> Result<SecretString, OAuthError> {
        let account = self.clone();
        let renewal = tokio::spawn(async move { account.renew_alone(refused).await });
        renewal.await.unwrap_or_else(|_| Err(self.0.settings.token.failed(&"the renewal was cut off")))
    }

    async fn renew_alone(&self, refused: Option<SecretString>) -> Result<SecretString, OAuthError> {
        let _one = self.0.gate.lock().await;
        let renewed = self.renew_in_turn(refused.as_ref()).await;
        match &renewed {
            Ok(_) => self.succeeded(),
            Err(error) => self.failed(error),
        }
        renewed.or_else(|error| {
            let old = self.saved().ok().flatten().and_then(|saved| saved.good(self.clock().now()));
            old.filter(|_| refused.is_none()).ok_or(error)
        })
    }

    async fn renew_in_turn(&self, refused: Option<&SecretString>) -> Result<SecretString, OAuthError> {
        let _only = self.lock().await?;
        let saved = self.saved()?.unwrap_or_default();
        let is_refused = |token: &SecretString| refused.is_some_and(|r| r.expose_secret() == token.expose_secret());
        // Somebody else may have been faster.
        if let Some(token) = saved.fresh(self.clock().now()).filter(|token| !is_refused(token)) {
            return Ok(token);
        }
        let (token, saved) = self.fetch(&saved).await?;
        let (account, expires) = (&self.0.settings.name, saved.expires);
        info!(event = "token-renewed", account, %expires, "token renewed");
        self.keep_safe(saved);
        Ok(token)
    }

    /// Asks the server for a new access token.
    async fn fetch(&self, saved: &Saved) -> Result<(SecretString, Saved), OAuthError> {
        let settings = &self.0.settings;
        let mut form = vec![("scope", settings.scope.as_str())];
        match (settings.grant, &saved.refresh_token) {
            (Grant::ClientCredentials, _) => form.push(("grant_type", "client_credentials")),
            (Grant::RefreshToken, Some(token)) => {
                form.extend([("grant_type", "refresh_token"), ("refresh_token", token)])
            }
            (Grant::RefreshToken, None) => return Err(OAuthError::NotSignedIn(settings.name.clone())),
        }
        match settings.token.ask(settings, &form).await? {
            Answer::Granted(said) => self.granted(&said, saved.refresh_token.clone()),
            Answer::Refused { code, said } if code == "invalid_grant" => {
                Err(OAuthError::SignInAgain { account: settings.name.clone(), said })
            }
            Answer::Refused { code, said } => Err(self.refused(code, said)),
        }
    }

    /// What a server granted (RFC 6749 §5.1); without a refresh token the old one stays good (§6).
    fn granted(&self, said: &Value, old: Option<String>) -> Result<(SecretString, Saved), OAuthError> {
        let text = |key: &str| said.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(access) = text("access_token") else {
            return Err(self.0.settings.token.unusable("it has no access_token"));
        };
        // Some write the number as a string.
        let life = said.get("expires_in").and_then(|life| life.as_i64().or_else(|| life.as_str()?.parse().ok()));
        let life = SignedDuration::from_secs(life.unwrap_or(USUAL_LIFE).clamp(0, 366 * 24 * 3600));
        let refresh = text("refresh_token").map(str::to_owned).or(old);
        let token = SecretString::from(access);
        let saved = Saved::new(&token, refresh, self.clock().now(), life);
        Ok((token, saved))
    }

    fn refused(&self, code: String, said: String) -> OAuthError {
        OAuthError::Refused { account: self.0.settings.name.clone(), code, said }
    }

    /// Somebody has signed in: what was granted counts from now on.
    async fn signed_in(&self, said: &Value) -> Result<(), OAuthError> {
        let (_, saved) = self.granted(said, None)?;
        if saved.refresh_token.is_none() {
            return Err(self.0.settings.token.unusable("it has no refresh_token: the application may not ask for one"));
        }
        let _only = self.lock().await?;
        let path = &self.0.settings.file;
        saved::write(path, &saved).map_err(|source| self.file_error(source))
    }

    fn succeeded(&self) {
        let mut standing = held(&self.0.standing);
        (standing.failures, standing.failing_since, standing.last_failure) = Default::default();
    }

    fn failed(&self, error: &OAuthError) {
        let now = self.clock().now();
        let mut standing = held(&self.0.standing);
        if standing.last_failure.is_some_and(|last| now.duration_since(last) < RETRY) {
            return;
        }
        standing.last_failure = Some(now);
        standing.failing_since.get_or_insert(now);
        standing.failures += 1;
        let (account, failures) = (&self.0.settings.name, standing.failures);
        warn!(event = "token-not-renewed", account, failures, %error, "the token is not renewed: trying again");
    }

    /// What is known of the tokens.
    fn saved(&self) -> Result<Option<Saved>, OAuthError> {
        let unsaved = held(&self.0.standing).unsaved.clone();
        match unsaved {
            Some(saved) => Ok(Some(saved)),
            None => saved::read(&self.0.settings.file).map_err(|source| self.file_error(source)),
        }
    }

    /// On a full disk the tokens are kept in memory until the next renewal: the server may not give them twice.
    fn keep_safe(&self, saved: Saved) {
        let written = saved::write(&self.0.settings.file, &saved);
        held(&self.0.standing).unsaved = match written {
            Ok(()) => None,
            Err(source) => {
                let error = self.file_error(source);
                warn!(event = "token-not-saved", %error, "the token is kept in memory only");
                Some(saved)
            }
        };
    }

    async fn lock(&self) -> Result<std::fs::File, OAuthError> {
        let path = self.0.settings.file.clone();
        let locked = tokio::task::spawn_blocking(move || saved::lock(&path)).await;
        locked.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|source| self.file_error(source))
    }

    fn file_error(&self, source: io::Error) -> OAuthError {
        OAuthError::File { path: self.0.settings.file.clone(), source }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

//! Signing in by a code that is typed at a web page, on whatever device has a browser (RFC 8628).

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::endpoint::{Answer, Endpoint};
use super::{Account, OAuthError};
use crate::clock::Clock;

/// RFC 8628 §3.2, where the server does not say how often it may be asked; and §3.5, how much slower `slow_down` means.
const INTERVAL: i64 = 5;
const SLOWER: SignedDuration = SignedDuration::from_secs(5);
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What a person does to sign in.
pub struct Invitation {
    /// The page to open.
    pub url: String,
    /// What is typed there.
    pub code: String,
    /// Until when it may be done.
    pub expires: Timestamp,
    device_code: SecretString,
    interval: SignedDuration,
}

impl Account {
    /// Asks for a code that a person can sign in with.
    ///
    /// # Errors
    /// The account has no such page, or the server does not give a code.
    pub async fn invite(&self) -> Result<Invitation, OAuthError> {
        let settings = self.settings();
        let Some(device) = &settings.device else {
            let reason = "has no page for a code: sign in with a browser";
            return Err(OAuthError::Settings { account: settings.name.clone(), reason });
        };
        match device.ask(settings, &[("scope", &settings.scope)]).await? {
            Answer::Granted(said) => invitation(&said, device, self.clock().now()),
            Answer::Refused { code, said } => Err(self.refused(code, said)),
        }
    }

    /// Waits until the person has signed in, and keeps the tokens.
    ///
    /// # Errors
    /// Nobody did, or the server refuses.
    pub async fn accept(&self, invitation: Invitation) -> Result<(), OAuthError> {
        let Invitation { mut interval, expires, device_code, .. } = invitation;
        let (settings, clock) = (self.settings(), self.clock());
        let form = [("grant_type", GRANT), ("device_code", device_code.expose_secret())];
        loop {
            wait(&clock, interval).await;
            if clock.now() >= expires {
                return Err(OAuthError::TooLate);
            }
            match settings.token.ask(settings, &form).await {
                Ok(Answer::Granted(said)) => return self.signed_in(&said).await,
                Ok(Answer::Refused { code, said }) => match code.as_str() {
                    "authorization_pending" => {}
                    "slow_down" => interval += SLOWER,
                    "access_denied" | "authorization_declined" => return Err(OAuthError::Denied),
                    "expired_token" => return Err(OAuthError::TooLate),
                    _ => return Err(self.refused(code, said)),
                },
                // §3.5: a lost connection also means to ask less often.
                Err(error) if !error.is_permanent() => interval += SLOWER,
                Err(error) => return Err(error),
            }
        }
    }
}

async fn wait(clock: &Clock, interval: SignedDuration) {
    clock.sleep_until(clock.now().checked_add(interval).unwrap_or(Timestamp::MAX)).await;
}

fn invitation(said: &Value, device: &Endpoint, now: Timestamp) -> Result<Invitation, OAuthError> {
    const LIFE: i64 = 15 * 60;
    const DAY: i64 = 24 * 3600;
    let text = |key: &str| Some(said.get(key)?.as_str()?.to_owned());
    let seconds = |key: &str| said.get(key).and_then(Value::as_i64).map(|seconds| seconds.clamp(0, DAY));
    // Google's server is older than the standard.
    let url = text("verification_uri").or_else(|| text("verification_url"));
    let (Some(url), Some(code), Some(device_code)) = (url, text("user_code"), text("device_code")) else {
        return Err(device.unusable("it has no code to sign in with"));
    };
    let life = SignedDuration::from_secs(seconds("expires_in").unwrap_or(LIFE));
    Ok(Invitation {
        url,
        code,
        expires: now.checked_add(life).unwrap_or(Timestamp::MAX),
        device_code: device_code.into(),
        interval: SignedDuration::from_secs(seconds("interval").unwrap_or(INTERVAL)),
    })
}

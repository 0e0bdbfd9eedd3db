//! Why there is no token, in words for the operator: no tokens, no addresses.

use std::io;
use std::path::PathBuf;

use crate::net::NetError;

#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    #[error("nobody has signed in for `{0}` yet: run `madoguchi login {0}`")]
    NotSignedIn(String),
    /// `invalid_grant`: revoked, expired, or the password was changed.
    #[error("the sign-in of `{account}` is no longer good ({said}): run `madoguchi login {account}`")]
    SignInAgain { account: String, said: String },
    /// An error answer of the token or device endpoint (RFC 6749 §5.2, RFC 8628 §3.5).
    #[error("the OAuth server refused `{account}`: {code}: {said}")]
    Refused { account: String, code: String, said: String },
    #[error(transparent)]
    Net(#[from] NetError),
    /// The connection or the server failed; another try may help.
    #[error("the OAuth server at {host} failed: {reason}")]
    Failed { host: String, reason: String },
    #[error("the answer of the OAuth server at {host} cannot be used: {reason}")]
    Answer { host: String, reason: &'static str },
    #[error("token file {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot wait for the browser: {0}")]
    Browser(io::Error),
    #[error("signing in was not finished in time")]
    TooLate,
    #[error("the sign-in was refused at the browser")]
    Denied,
    /// What the account's settings do not allow.
    #[error("`{account}` {reason}")]
    Settings { account: String, reason: &'static str },
}

impl OAuthError {
    /// True if trying again unchanged cannot help.
    pub fn is_permanent(&self) -> bool {
        use OAuthError::*;
        match self {
            NotSignedIn(_) | SignInAgain { .. } | Denied | TooLate | Settings { .. } => true,
            // RFC 6749 §4.1.2.1 has these two words for a server that is not well.
            Refused { code, .. } => !matches!(code.as_str(), "temporarily_unavailable" | "server_error"),
            Net(error) => error.is_permanent(),
            Failed { .. } | Answer { .. } | File { .. } | Browser(_) => false,
        }
    }
}

//! Signing in with a browser that finds its way back to this machine (RFC 8252 §7.3, with PKCE, RFC 7636).

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use form_urlencoded::{Serializer, parse};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::endpoint::Answer;
use super::{Account, OAuthError};
use crate::net::{short, within};

/// Browsers open connections that they do not use.
const LIMIT: Duration = Duration::from_secs(5);
const LONGEST_REQUEST: u64 = 16 * 1024;
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>madoguchi</title><p>このページは閉じてかまいません。結果は端末に\
     表示されます。<p>This page can be closed. The terminal shows the result.";

/// A sign-in that waits for the browser.
pub struct Waiting {
    /// The page to open.
    pub url: String,
    /// The port of this machine to which the browser comes back.
    pub port: u16,
    listener: TcpListener,
    back: String,
    state: String,
    verifier: SecretString,
}

/// What the browser brings.
enum Brought {
    Code(String),
    Refusal {
        code: String,
        said: String,
    },
    /// Not what we wait for: an icon, another program.
    Nothing,
}

impl Account {
    /// Prepares a sign-in with a browser on this machine.
    ///
    /// # Errors
    /// The account has no such page, or nothing can be listened on.
    pub async fn listen(&self) -> Result<Waiting, OAuthError> {
        let settings = self.settings();
        let Some(authorize) = &settings.authorize else {
            let reason = "has no page for a browser: set `authorize_url`";
            return Err(OAuthError::Settings { account: settings.name.clone(), reason });
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(OAuthError::Browser)?;
        let port = listener.local_addr().map_err(OAuthError::Browser)?.port();
        let back = format!("http://{}:{port}", authorize.back_to);
        let (state, verifier) = (random()?, random()?);
        let page = authorize.page.url();
        let query = Serializer::new(String::new())
            .extend_pairs([("response_type", "code"), ("client_id", &settings.client_id), ("redirect_uri", &back)])
            .extend_pairs([("scope", settings.scope.as_str()), ("state", &state)])
            .extend_pairs([("code_challenge", challenge(&verifier).as_str()), ("code_challenge_method", "S256")])
            .extend_pairs(authorize.with)
            .finish();
        let url = format!("{page}{}{query}", if page.contains('?') { '&' } else { '?' });
        Ok(Waiting { url, port, listener, back, state, verifier: verifier.into() })
    }

    /// Waits until the browser comes back, and keeps the tokens.
    ///
    /// # Errors
    /// The person or the server refuses.
    pub async fn welcome(&self, waiting: Waiting) -> Result<(), OAuthError> {
        let settings = self.settings();
        let code = loop {
            let (stream, _) = waiting.listener.accept().await.map_err(OAuthError::Browser)?;
            match within(LIMIT, hear(stream, &waiting.state)).await {
                Ok(Brought::Code(code)) => break code,
                Ok(Brought::Refusal { code, .. }) if code == "access_denied" => return Err(OAuthError::Denied),
                Ok(Brought::Refusal { code, said }) => return Err(self.refused(code, said)),
                Ok(Brought::Nothing) | Err(_) => {}
            }
        };
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &waiting.back),
            ("code_verifier", waiting.verifier.expose_secret()),
        ];
        match settings.token.ask(settings, &form).await? {
            Answer::Granted(said) => self.signed_in(&said).await,
            Answer::Refused { code, said } => Err(self.refused(code, said)),
        }
    }
}

async fn hear(stream: TcpStream, state: &str) -> io::Result<Brought> {
    let mut stream = BufReader::new(stream);
    let mut request = (&mut stream).take(LONGEST_REQUEST);
    let mut line = String::new();
    request.read_line(&mut line).await?;
    // A browser that was not heard out would be told of a broken connection, and show that instead of our page.
    let mut header = Vec::new();
    while request.read_until(b'\n', &mut header).await? > b"\r\n".len() {
        header.clear();
    }
    let brought = brought(&line, state);
    let (status, page) = if matches!(brought, Brought::Nothing) { ("404 Not Found", "") } else { ("200 OK", PAGE) };
    let head = "Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\nConnection: close";
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(brought)
}

/// `line`: the first of the browser's request. What does not know our `state` was not sent by us (RFC 6749 §10.12).
fn brought(line: &str, state: &str) -> Brought {
    let query = line.strip_prefix("GET /").and_then(|rest| rest.split(' ').next()?.strip_prefix('?'));
    let query = query.unwrap_or_default();
    let value = |name: &str| {
        let found = parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    if value("state").as_deref() != Some(state) {
        return Brought::Nothing;
    }
    let said = || short(&value("error_description").unwrap_or_default());
    match (value("error"), value("code")) {
        (Some(code), _) => Brought::Refusal { code: short(&code), said: said() },
        (None, Some(code)) => Brought::Code(code),
        (None, None) => Brought::Nothing,
    }
}

/// RFC 7636 §4.2
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// 256 bits that nobody guesses, as letters fit for a URL.
fn random() -> Result<String, OAuthError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| OAuthError::Browser(io::Error::other(error)))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7636 appendix B.
    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn only_a_request_that_knows_our_state_counts() {
        let check = |line: &str, expected: &str| {
            let found = match brought(line, "s t") {
                Brought::Code(code) => code,
                Brought::Refusal { code, said } => format!("{code}: {said}"),
                Brought::Nothing => "-".to_owned(),
            };
            assert_eq!(found, expected, "{line}");
        };
        check("GET /?code=a%2Fb&state=s+t HTTP/1.1\r\n", "a/b");
        check("GET /?state=s%20t&error=access_denied&error_description=no%0Away HTTP/1.1\r\n", "access_denied: no way");
        check("GET /?code=a&state=other HTTP/1.1\r\n", "-");
        check("GET /?code=a HTTP/1.1\r\n", "-");
        check("GET /?state=s+t HTTP/1.1\r\n", "-");
        check("GET /favicon.ico HTTP/1.1\r\n", "-");
        check("POST /?code=a&state=s+t HTTP/1.1\r\n", "-");
        check("", "-");
    }
}

//! One question to an OAuth server: a form by POST, an object of JSON back (RFC 6749 §3.2), each over a connection of its
//! own with the TLS of all others.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use form_urlencoded::Serializer;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;

use super::{OAuthError, Settings};
use crate::net::{Route, Tls, is_loopback, short, within};

/// For each step of the connection, and for the whole answer.
const LIMIT: Duration = Duration::from_secs(30);
const LONGEST_ANSWER: usize = 256 * 1024;

/// Where an OAuth server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Uri);

/// What an OAuth server says.
pub(super) enum Answer {
    Granted(Value),
    /// Its word for the error, and its explanation.
    Refused {
        code: String,
        said: String,
    },
}

impl Endpoint {
    /// Tokens and secrets pass here: `https` only, but for this machine.
    ///
    /// # Errors
    /// What is wrong with `url`, in words.
    pub fn new(url: &str) -> Result<Endpoint, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "not a URL")?;
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) => Ok(Endpoint(uri)),
            (Some("http"), Some(host)) if is_loopback(bare(host)) => Ok(Endpoint(uri)),
            (Some("http"), Some(_)) => Err("secrets would cross the network in plain text"),
            _ => Err("not a URL that begins with https://"),
        }
    }

    pub fn url(&self) -> String {
        self.0.to_string()
    }

    pub(super) fn host(&self) -> &str {
        bare(self.0.host().unwrap_or_default())
    }

    fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_encrypted() { 443 } else { 80 })
    }

    fn is_encrypted(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Asks with `form`, and with what tells which client asks.
    pub(super) async fn ask(&self, settings: &Settings, form: &[(&str, &str)]) -> Result<Answer, OAuthError> {
        let tls = match self.is_encrypted() {
            true => Tls::Implicit { ca_file: settings.ca_file.clone() },
            false => Tls::None,
        };
        let route = Route::new(self.host(), self.port(), &tls, LIMIT)?;
        let (stream, _) = route.connect().await?;
        let exchanged = within(LIMIT, self.exchange(TokioIo::new(stream), body(settings, form))).await;
        let (status, body) = exchanged.map_err(|error| self.failed(&error))?;
        self.read(status, &body)
    }

    async fn exchange<S>(&self, stream: S, form: String) -> io::Result<(StatusCode, Bytes)>
    where
        S: hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    {
        let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        let host = self.0.authority().map_or("", |authority| authority.as_str());
        let request = Request::post(self.0.path_and_query().map_or("/", |path| path.as_str()))
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(form)))
            .map_err(io::Error::other)?;
        let talk = async {
            let response = sender.send_request(request).await.map_err(io::Error::other)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await.map_err(io::Error::other)?;
            Ok((status, body.to_bytes()))
        };
        let mut talk = std::pin::pin!(talk);
        tokio::select! {
            said = &mut talk => said,
            // The connection may end before what it brought is looked at.
            ended = connection => match ended {
                Ok(()) => talk.await,
                Err(error) => Err(io::Error::other(error)),
            },
        }
    }

    fn read(&self, status: StatusCode, body: &[u8]) -> Result<Answer, OAuthError> {
        // Busy or broken, whatever words a gateway has for it.
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.failed(&format!("HTTP {status}")));
        }
        let said: Value = match serde_json::from_slice(body) {
            Ok(said) => said,
            Err(_) if status.is_success() => return Err(self.unusable("it is not JSON")),
            Err(_) => return Err(self.failed(&format!("HTTP {status}"))),
        };
        let word = |key: &str| short(said.get(key).and_then(Value::as_str).unwrap_or_default());
        match (status.is_success(), said.get("error")) {
            (true, None) => Ok(Answer::Granted(said)),
            (_, Some(_)) => Ok(Answer::Refused { code: word("error"), said: word("error_description") }),
            (false, None) => Err(self.failed(&format!("HTTP {status}"))),
        }
    }

    pub(super) fn unusable(&self, reason: &'static str) -> OAuthError {
        OAuthError::Answer { host: self.host().to_owned(), reason }
    }

    pub(super) fn failed(&self, reason: &dyn Display) -> OAuthError {
        OAuthError::Failed { host: self.host().to_owned(), reason: short(&reason.to_string()) }
    }
}

fn body(settings: &Settings, form: &[(&str, &str)]) -> String {
    let mut body = Serializer::new(String::new());
    body.extend_pairs(form).append_pair("client_id", &settings.client_id);
    if let Some(secret) = settings.secret() {
        body.append_pair("client_secret", secret);
    }
    body.finish()
}

/// An IPv6 address stands in brackets in a URL.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_nowhere_in_plain_text() {
        for good in ["https://login.example/token", "http://127.0.0.1:8080/t", "http://[::1]:1/t", "http://localhost"] {
            assert!(Endpoint::new(good).is_ok(), "{good}");
        }
        for bad in ["http://login.example/token", "ftp://login.example", "login.example/token", "", "https://", "/t"] {
            assert!(Endpoint::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_read_by_status_and_words() {
        let endpoint = Endpoint::new("https://login.example:8443/token").unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("login.example", 8443));
        let check = |status: u16, body: &str, expected: &str| {
            let said = match endpoint.read(StatusCode::from_u16(status).unwrap(), body.as_bytes()) {
                Ok(Answer::Granted(value)) => format!("granted {value}"),
                Ok(Answer::Refused { code, said }) => format!("refused {code}: {said}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(said, expected, "{status} {body}");
        };
        check(200, "{\"a\":1}", "granted {\"a\":1}");
        check(
            400,
            "{\"error\":\"invalid_grant\",\"error_description\":\"of taro@desk.example\\r\\nTrace\"}",
            "refused invalid_grant: of …@… Trace",
        );
        check(200, "{\"error\":\"slow_down\"}", "refused slow_down: ");
        check(200, "<html>", "the answer of the OAuth server at login.example cannot be used: it is not JSON");
        for (status, body) in [(404, "<html>"), (503, "{\"error\":\"x\"}"), (429, "{\"error\":\"x\"}"), (400, "{}")] {
            let word = StatusCode::from_u16(status).unwrap();
            check(status, body, &format!("the OAuth server at login.example failed: HTTP {word}"));
        }
    }
}

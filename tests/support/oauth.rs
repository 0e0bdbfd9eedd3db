//! An OAuth server on 127.0.0.1: tokens, codes for devices, a page that sends browsers back, introspection for Dovecot.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use form_urlencoded::{Serializer, parse};
use madoguchi::oauth::{Account, Authorize, Endpoint, Grant, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::dovecot::{Dovecot, MARKED, USER};

/// Stands in every token and secret, and must stand in no log.
pub const SECRET: &str = "hush";
pub const CLIENT: &str = "client-7";
const HOUR: i64 = 3600;

type Form = BTreeMap<String, String>;

/// One thread a connection.
pub struct OAuthServer {
    pub port: u16,
    state: Arc<Mutex<State>>,
    folder: TempDir,
}

struct State {
    /// Access tokens that the mail servers take.
    active: Vec<String>,
    /// The one refresh token that is taken; with each use there is a new one.
    refresh: Option<String>,
    issued: usize,
    /// Seconds that access tokens last.
    life: i64,
    /// What `/token` answers instead: status and body.
    fault: Option<(u16, Value)>,
    /// What devices that ask for their tokens are told first.
    before: VecDeque<&'static str>,
    interval: i64,
    /// PKCE challenge of the last sign-in with a browser.
    challenge: String,
    asked: Vec<(String, Form)>,
}

impl OAuthServer {
    pub fn start() -> OAuthServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            active: Vec::new(),
            refresh: None,
            issued: 0,
            life: HOUR,
            fault: None,
            before: VecDeque::new(),
            interval: 0,
            challenge: String::new(),
            asked: Vec::new(),
        }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), shared.clone());
                // The client may hang up at any time: that is for the test to judge by the end.
                std::thread::spawn(move || _ = serve(stream, &shared));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        OAuthServer { port, state, folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// A Dovecot that takes this server's tokens, and no passwords.
    pub fn dovecot(&self, mechanisms: &str) -> Dovecot {
        let settings = format!(
            "introspection_url = {}\nintrospection_mode = post\nforce_introspection = yes\nactive_attribute = active\n\
             active_value = true\nusername_attribute = username\n",
            self.url("introspect")
        );
        let file = self.folder.path().join("dovecot-oauth2.conf");
        fs::write(&file, settings).unwrap();
        let passdb = format!("driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {}", file.display());
        // Refused logins are answered at once, however many there are.
        let hasty =
            "auth_failure_delay = 0\nservice anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n";
        let extra = format!("{hasty}auth_mechanisms = {mechanisms}\npassdb {{\n  {passdb}\n}}\n");
        Dovecot::start_with(MARKED, &extra)
    }

    /// `[oauth.<name>]` with everything that this server has.
    pub fn config(&self, name: &str, grant: &str) -> String {
        let [token, device, authorize] = ["token", "device", "authorize"].map(|path| self.url(path));
        format!(
            "[oauth.{name}]\nprovider = \"other\"\ngrant = \"{grant}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret = {{ file = \"client-secret\" }}\nscope = \"mail\"\ntoken_url = \"{token}\"\n\
             device_url = \"{device}\"\nauthorize_url = \"{authorize}\"\n"
        )
    }

    /// An account of this server whose tokens lie in `file`.
    pub fn account(&self, grant: Grant, file: PathBuf) -> Account {
        let endpoint = |path| Endpoint::new(&self.url(path)).unwrap();
        Account::new(Settings {
            name: "m365".to_owned(),
            grant,
            client_id: CLIENT.to_owned(),
            client_secret: Some(format!("{SECRET}-of-client").into()),
            scope: "mail".to_owned(),
            token: endpoint("token"),
            device: Some(endpoint("device")),
            authorize: Some(Authorize { page: endpoint("authorize"), back_to: "127.0.0.1", with: &[] }),
            ca_file: None,
            file,
        })
    }

    /// No mail server takes an access token of before.
    pub fn revoke(&self) {
        self.state().active.clear();
    }

    /// The person's consent is gone, too.
    pub fn revoke_consent(&self) {
        self.revoke();
        self.state().refresh = None;
    }

    /// From now on `/token` answers this.
    pub fn fail(&self, status: u16, body: Value) {
        self.state().fault = Some((status, body));
    }

    pub fn mend(&self) {
        self.state().fault = None;
    }

    /// Access tokens given from now on last so long (seconds).
    pub fn last(&self, seconds: i64) {
        self.state().life = seconds;
    }

    /// What devices are told before they get their tokens, and how often they may ask (seconds).
    pub fn answer_devices(&self, before: &[&'static str], interval: i64) {
        let mut state = self.state();
        (state.before, state.interval) = (before.iter().copied().collect(), interval);
    }

    /// The forms that came to a path.
    pub fn asked(&self, path: &str) -> Vec<Form> {
        self.state().asked.iter().filter(|(asked, _)| asked == path).map(|(_, form)| form.clone()).collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = read_body(&mut reader)?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let text = if body.is_empty() { query } else { &body };
        let form: Form = parse(text.as_bytes()).into_owned().collect();
        let answer = state.lock().unwrap().answer(path.trim_start_matches('/'), form);
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}

fn read_body(reader: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap())
}

fn said(status: u16, body: &Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn refused(error: &str) -> String {
    said(400, &json!({ "error": error, "error_description": format!("{error} of desk@example.jp") }))
}

impl State {
    fn answer(&mut self, path: &str, form: Form) -> String {
        self.asked.push((path.to_owned(), form.clone()));
        match path {
            "token" => self.token(&form),
            "device" => said(
                200,
                &json!({
                    "device_code": format!("{SECRET}-device"), "user_code": "ABCD-EFGH", "expires_in": 900,
                    "verification_uri": "https://login.example/device", "interval": self.interval,
                }),
            ),
            "authorize" => self.authorize(&form),
            "introspect" => {
                let active = form.get("token").is_some_and(|token| self.active.contains(token));
                said(200, &json!({ "active": active, "username": USER }))
            }
            _ => said(404, &json!({})),
        }
    }

    fn token(&mut self, form: &Form) -> String {
        if let Some((status, body)) = &self.fault {
            return said(*status, body);
        }
        let value = |key: &str| form.get(key).map(String::as_str).unwrap_or_default();
        if (value("client_id"), value("client_secret")) != (CLIENT, &format!("{SECRET}-of-client")) {
            return refused("invalid_client");
        }
        let good = match value("grant_type") {
            "client_credentials" => return self.grant(false),
            "refresh_token" => self.refresh.as_deref() == Some(value("refresh_token")),
            "authorization_code" => value("code") == "c/o+d e" && challenge(value("code_verifier")) == self.challenge,
            "urn:ietf:params:oauth:grant-type:device_code" => {
                if let Some(word) = self.before.pop_front() {
                    return refused(word);
                }
                value("device_code") == format!("{SECRET}-device")
            }
            _ => false,
        };
        if good { self.grant(true) } else { refused("invalid_grant") }
    }

    fn grant(&mut self, refreshable: bool) -> String {
        self.issued += 1;
        let access = format!("{SECRET}-access-{}", self.issued);
        self.active.push(access.clone());
        let mut granted = json!({ "access_token": access, "token_type": "Bearer", "expires_in": self.life });
        if refreshable {
            let refresh = format!("{SECRET}-refresh-{}", self.issued);
            granted["refresh_token"] = refresh.clone().into();
            self.refresh = Some(refresh);
        }
        said(200, &granted)
    }

    /// The person agrees at once.
    fn authorize(&mut self, form: &Form) -> String {
        self.challenge = form["code_challenge"].clone();
        let query =
            Serializer::new(String::new()).append_pair("code", "c/o+d e").append_pair("state", &form["state"]).finish();
        format!("HTTP/1.1 302 X\r\nLocation: {}/?{query}\r\nContent-Length: 0\r\n\r\n", form["redirect_uri"])
    }
}

fn challenge(verifier: &str) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(verifier))
}

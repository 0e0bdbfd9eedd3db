//! Two mail servers: Postfix's smtp-sink, which takes and keeps what a real server would get, and a scripted one
//! that fails exactly where a test wants it.

use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls_pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

const SMTP_SINK: &str = "/usr/sbin/smtp-sink";
/// Between two looks at another process.
const PAUSE: Duration = Duration::from_millis(5);
/// After this long another process is given up.
const DEADLINE: Duration = Duration::from_secs(60);

/// Postfix's smtp-sink; stopped when dropped.
pub struct SmtpSink {
    pub port: u16,
    options: Vec<String>,
    folder: TempDir,
    child: Option<Child>,
}

/// One mail as smtp-sink got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Arguments of MAIL FROM: `<bounce@example.jp> BODY=8BITMIME`.
    pub mail_from: String,
    /// Arguments of each RCPT TO.
    pub rcpt_to: Vec<String>,
    /// The mail from its first own header field on, dots unstuffed, line ends "\n", with the blank line that
    /// smtp-sink adds taken off.
    pub message: Vec<u8>,
}

impl SmtpSink {
    pub fn start() -> SmtpSink {
        SmtpSink::with(&[])
    }

    /// With options of smtp-sink(1): `-f RCPT` refuses for good, `-r .` for now, `-q .` hangs up …
    pub fn with(options: &[&str]) -> SmtpSink {
        let folder = tempfile::tempdir().unwrap();
        open_to_all(folder.path());
        let options = options.iter().map(|option| option.to_string()).collect();
        let mut sink = SmtpSink { port: free_port(), options, folder, child: None };
        sink.restart();
        sink
    }

    /// Starts it (again) on its port; what it got before stays.
    pub fn restart(&mut self) {
        self.stop();
        let mut command = Command::new(SMTP_SINK);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        let dump = self.folder.path().join("mail.");
        command.args(&self.options).arg("-d").arg(dump).arg(format!("127.0.0.1:{}", self.port)).arg("64");
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect(SMTP_SINK));
        eventually("smtp-sink listens", || TcpStream::connect(("127.0.0.1", self.port)).ok());
    }

    /// Ends it, and with it all its connections.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// How many mails have begun to arrive.
    pub fn count(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// Everything received up to now, in no certain order.
    pub fn received(&self) -> Vec<Received> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        files.filter_map(|file| read_dump(&file.unwrap().path())).collect()
    }
}

impl SmtpSink {
    /// Ends it; everything it got whole, without what the client cut off before its end.
    pub fn received_whole(&mut self) -> Vec<Received> {
        self.stop();
        let files = fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path());
        let whole = |file: &PathBuf| fs::read(file).unwrap().ends_with(b"\n\n");
        files.filter(whole).filter_map(|file| read_dump(&file)).collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.stop();
    }
}

/// None if the client took the mail back before its end (RSET), as `doctor` does when it looks at a server.
fn read_dump(file: &Path) -> Option<Received> {
    // smtp-sink writes a blank line after the mail: until it is there, the file is not complete.
    let dump = eventually("smtp-sink writes its dump", || match fs::read(file) {
        Err(error) => (error.kind() == ErrorKind::NotFound).then_some(None),
        Ok(dump) => dump.ends_with(b"\n\n").then_some(Some(dump)),
    })?;
    let mut rest = &dump[..dump.len() - 1];
    let mut received = Received { mail_from: String::new(), rcpt_to: Vec::new(), message: Vec::new() };
    let mut own_lines = true;
    while own_lines {
        let end = rest.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        let line = String::from_utf8(rest[..end].to_vec()).unwrap();
        match line.trim_end().split_once(": ") {
            Some(("X-Mail-Args", args)) => received.mail_from = args.to_string(),
            Some(("X-Rcpt-Args", args)) => received.rcpt_to.push(args.to_string()),
            _ => {}
        }
        own_lines = line.starts_with("X-") && line.contains("-Args: ")
            || line.starts_with("X-Client-")
            || line.starts_with("Received: ")
            || line.starts_with('\t');
        if own_lines {
            rest = &rest[end..];
        }
    }
    received.message = rest.to_vec();
    Some(received)
}

/// One step of a scripted connection; after the last one the server hangs up.
#[derive(Clone)]
pub enum Act {
    /// Writes this.
    Say(&'static str),
    /// Reads one line, which must start with this.
    Hear(&'static str),
    /// Reads a mail to the final dot.
    HearMail,
    /// Reads this many bytes.
    HearBytes(usize),
    /// Changes to TLS; the connection ends here if that fails.
    Tls(Arc<TlsAcceptor>),
    /// Says nothing more until the client hangs up.
    Silence,
    /// Neither reads nor writes until the test says so.
    Wait(Arc<Notify>),
    /// Cuts the connection with a reset.
    Reset,
}

/// A server that plays one script a connection, in order.
pub struct Scripted {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    playing: JoinHandle<()>,
}

trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

impl Scripted {
    pub async fn start(scripts: Vec<Vec<Act>>) -> Scripted {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = heard.clone();
        let playing = tokio::spawn(async move {
            for script in scripts {
                let (tcp, _) = listener.accept().await.unwrap();
                play(tcp, script, &ears).await;
            }
        });
        Scripted { port, heard, playing }
    }

    /// Waits until every script was played; fails if one went wrong.
    pub async fn finish(self) -> Vec<String> {
        let played = tokio::time::timeout(Duration::from_secs(20), self.playing).await;
        played.expect("a script was not played to its end").expect("a script went wrong");
        self.heard.lock().unwrap().clone()
    }
}

async fn play(tcp: tokio::net::TcpStream, script: Vec<Act>, heard: &Mutex<Vec<String>>) {
    if script.iter().any(|act| matches!(act, Act::Reset)) {
        // With no time to linger, closing sends a reset.
        socket2::SockRef::from(&tcp).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let mut stream: BufReader<Box<dyn Bytes>> = BufReader::new(Box::new(tcp));
    for act in script {
        match act {
            Act::Say(text) => {
                // The client may have gone: that is for the test to judge by its result.
                _ = stream.write_all(text.as_bytes()).await;
                _ = stream.flush().await;
            }
            Act::Hear(start) => {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                assert!(line.starts_with(start), "expected {start:?}, got {line:?}");
                heard.lock().unwrap().push(line.trim_end().to_string());
            }
            Act::HearMail => hear_mail(&mut stream).await,
            Act::HearBytes(count) => _ = stream.read_exact(&mut vec![0; count]).await.unwrap(),
            Act::Tls(acceptor) => match acceptor.accept(stream.into_inner()).await {
                Ok(tls) => stream = BufReader::new(Box::new(tls)),
                Err(_) => return,
            },
            Act::Silence => _ = stream.read_to_end(&mut Vec::new()).await,
            Act::Wait(go) => go.notified().await,
            Act::Reset => return,
        }
    }
    _ = stream.shutdown().await;
}

/// A certificate for this name, its acceptor, and a file that trusts it.
pub fn certificate(name: &str, folder: &TempDir) -> (Act, PathBuf) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_string()]).unwrap();
    let ca_file = folder.path().join("ca.pem");
    fs::write(&ca_file, made.cert.pem()).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap();
    (Act::Tls(Arc::new(TlsAcceptor::from(Arc::new(config)))), ca_file)
}

async fn hear_mail(stream: &mut BufReader<Box<dyn Bytes>>) {
    let mut line = String::new();
    while line != ".\r\n" {
        line.clear();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "the mail ends without a dot");
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// As root smtp-sink insists on becoming somebody else, who must be able to write here.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Looks again and again until another process has done something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::park_timeout(PAUSE);
    }
}

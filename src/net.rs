//! From a host name to a byte stream, for IMAP and SMTP alike: TCP with keepalive, TLS by rustls, the certificate
//! always checked. Plain text stays on this machine.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

/// How a connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// TLS from the first byte. `ca_file`: PEM roots to trust instead of the system's.
    Implicit { ca_file: Option<PathBuf> },
    /// STARTTLS, refused if the server does not offer it.
    StartTls { ca_file: Option<PathBuf> },
    /// Plain text: only to loopback, and only when the configuration says so.
    None,
}

/// Why there is no connection, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("cannot connect to {host}:{port}: {source}")]
    Connect { host: String, port: u16, source: io::Error },
    #[error("{0} is not on this machine: refusing to send mail and password in plain text")]
    PlainText(String),
    /// The certificate is not trusted, or the port does not speak TLS.
    #[error("no TLS with {host}: {reason}")]
    Tls { host: String, reason: String },
    #[error("CA file {}: {reason}", path.display())]
    CaFile { path: PathBuf, reason: String },
    #[error("no root certificates on this system: install ca-certificates or set a CA file")]
    NoRoots,
}

impl NetError {
    /// True if trying again unchanged cannot help.
    pub fn is_permanent(&self) -> bool {
        !matches!(self, NetError::Connect { .. })
    }
}

/// Any connection: plain, TLS, or a test's pipe.
pub(crate) type Stream = Box<dyn Bytes>;

pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> Bytes for T {}

/// The way to one server: settings checked, certificates read, nothing connected yet.
pub(crate) struct Route {
    host: String,
    port: u16,
    tls: Tls,
    /// Present unless the settings say plain text.
    encryption: Option<(TlsConnector, ServerName<'static>)>,
    limit: Duration,
}

impl Route {
    /// `limit`: the longest wait for each step, from the look-up of the name to the TLS handshake.
    ///
    /// # Errors
    /// Permanent ones: plain text to another machine, a name no certificate can have, a bad CA file.
    pub fn new(host: &str, port: u16, tls: &Tls, limit: Duration) -> Result<Route, NetError> {
        let encryption = match tls {
            Tls::None if is_loopback(host) => None,
            Tls::None => return Err(NetError::PlainText(host.to_owned())),
            Tls::Implicit { ca_file } | Tls::StartTls { ca_file } => {
                let unfit = "not a name or address that a certificate can be checked against";
                let name = ServerName::try_from(host.to_owned()).map_err(|_| no_tls(host, unfit))?;
                let config = trusting(ca_file.as_deref(), host)?;
                Some((TlsConnector::from(config), name))
            }
        };
        Ok(Route { host: host.to_owned(), port, tls: tls.clone(), encryption, limit })
    }

    /// Connects, with TLS if it comes first; the first address that answers wins. Also tells our own address.
    pub async fn connect(&self) -> Result<(Stream, IpAddr), NetError> {
        let addresses = within(self.limit, lookup_host((self.host.as_str(), self.port))).await;
        let addresses: Vec<SocketAddr> = addresses.map_err(|error| self.failed(error))?.collect();
        // "localhost" is a name, and a name may be anything: what counts is where it leads.
        if self.tls == Tls::None && !addresses.iter().all(|address| is_this_machine(address.ip())) {
            return Err(NetError::PlainText(self.host.clone()));
        }
        let tcp = self.tcp(&addresses).await.map_err(|error| self.failed(error))?;
        let own = tcp.local_addr().map_err(|error| self.failed(error))?.ip();
        let stream: Stream = match self.tls {
            Tls::Implicit { .. } => self.encrypt(Box::new(tcp)).await?,
            Tls::StartTls { .. } | Tls::None => Box::new(tcp),
        };
        Ok((stream, own))
    }

    async fn tcp(&self, addresses: &[SocketAddr]) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match within(self.limit, TcpStream::connect(address)).await {
                Ok(stream) => return tuned(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// True if the server must be asked for STARTTLS before anything is said; then comes [`Route::encrypt`].
    pub fn wants_starttls(&self) -> bool {
        matches!(self.tls, Tls::StartTls { .. })
    }

    /// Puts TLS over `stream`; the certificate must be good for the configured host.
    pub async fn encrypt(&self, stream: Stream) -> Result<Stream, NetError> {
        let Some((connector, name)) = &self.encryption else { return Err(self.no_tls("it is switched off")) };
        match within(self.limit, connector.connect(name.clone(), stream)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) if is_lasting(&error) => Err(self.no_tls(error.to_string())),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub fn no_tls(&self, reason: impl Into<String>) -> NetError {
        no_tls(&self.host, reason)
    }

    fn failed(&self, source: io::Error) -> NetError {
        NetError::Connect { host: self.host.clone(), port: self.port, source }
    }
}

/// Whether a configured host is this machine by its very name.
pub fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(is_this_machine)
}

fn is_this_machine(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// `work`, or a `TimedOut` error after `limit`.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {limit:?}"));
    timeout(limit, work).await.map_err(late)?
}

/// Commands go out at once (Nagle's algorithm would add 40 ms to every one), and a dead peer is noticed in minutes
/// even while nobody speaks.
fn tuned(stream: TcpStream) -> io::Result<TcpStream> {
    let keepalive =
        socket2::TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(20));
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A server's words, fit for a log: one line, at most 200 characters, and nothing that looks like an address.
pub(crate) fn short(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().map(|word| if word.contains('@') { "…@…" } else { word }).collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
}

fn no_tls(host: &str, reason: impl Into<String>) -> NetError {
    NetError::Tls { host: host.to_owned(), reason: reason.into() }
}

/// A bad certificate, or a port that does not speak TLS at all; a broken-off handshake may be an accident.
fn is_lasting(error: &io::Error) -> bool {
    use rustls::Error::{InvalidCertificate, InvalidMessage, PeerIncompatible};
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    matches!(inner, Some(InvalidCertificate(_) | InvalidMessage(_) | PeerIncompatible(_)))
}

/// How TLS is done with servers whose roots are in `ca_file`, or among those of the system.
struct Trust {
    ca_file: Option<PathBuf>,
    certificates: Vec<CertificateDer<'static>>,
    read: Instant,
    config: Arc<ClientConfig>,
}

/// Connections that trust the same roots share them: a thousand desks would hold a thousand lists of the system's.
static TRUSTED: Mutex<Vec<Trust>> = Mutex::new(Vec::new());

/// Roots are read again after this time; those of a system change once in months.
const ROOTS_ARE_FRESH: Duration = Duration::from_secs(60);

fn trusting(ca_file: Option<&Path>, host: &str) -> Result<Arc<ClientConfig>, NetError> {
    let mut trusted = TRUSTED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = trusted.iter_mut().find(|known| known.ca_file.as_deref() == ca_file);
    if let Some(known) = &known
        && known.read.elapsed() < ROOTS_ARE_FRESH
    {
        return Ok(known.config.clone());
    }
    let (certificates, read) = (certificates(ca_file)?, Instant::now());
    match known {
        Some(known) if known.certificates == certificates => {
            known.read = read;
            Ok(known.config.clone())
        }
        known => {
            let config = client_config(roots(ca_file, &certificates)?);
            let config = Arc::new(config.map_err(|error| no_tls(host, error.to_string()))?);
            let trust = Trust { ca_file: ca_file.map(Path::to_owned), certificates, read, config: config.clone() };
            match known {
                Some(known) => *known = trust,
                None => trusted.push(trust),
            }
            Ok(config)
        }
    }
}

fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    // The provider is named, not taken from the process: two crates with two defaults would panic.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn certificates(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, NetError> {
    match ca_file {
        Some(path) => from_pem(path).map_err(|error| bad_file(path, error.to_string())),
        None => Ok(rustls_native_certs::load_native_certs().certs),
    }
}

fn roots(ca_file: Option<&Path>, certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, NetError> {
    let mut roots = RootCertStore::empty();
    // Single unreadable roots are common and harmless: the others still count.
    roots.add_parsable_certificates(certificates.iter().cloned());
    match ca_file {
        _ if !roots.is_empty() => Ok(roots),
        Some(path) => Err(bad_file(path, "holds no certificate")),
        None => Err(NetError::NoRoots),
    }
}

fn bad_file(path: &Path, reason: impl Into<String>) -> NetError {
    NetError::CaFile { path: path.to_owned(), reason: reason.into() }
}

fn from_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example", "10.0.0.1", "fe80::1", "::ffff:192.0.2.1", "0.0.0.0", "mail.example", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn server_words_lose_addresses_controls_and_length() {
        assert_eq!(short("Quota  of <a@example.jp>\texceeded\u{7}"), "Quota of …@… exceeded");
        assert_eq!(short(&"長".repeat(500)).chars().count(), 200);
    }

    #[test]
    fn plain_text_to_another_machine_is_refused_before_anything_is_connected() {
        let refused = |host, tls: Tls| Route::new(host, 25, &tls, Duration::from_secs(1)).err().is_some();
        assert!(!refused("127.0.0.1", Tls::None));
        assert!(refused("192.0.2.1", Tls::None));
        assert!(!refused("192.0.2.1", Tls::StartTls { ca_file: None }));
        assert!(!refused("192.0.2.1", Tls::Implicit { ca_file: None }));
    }

    #[test]
    fn connections_share_the_roots_they_trust_and_a_changed_file_counts() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.pem", "other.pem"].map(|name| {
            let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, key.cert.pem()).unwrap();
            path
        });
        let trusting = |path: &Path| trusting(Some(path), "localhost").unwrap();
        let first = trusting(&one);
        assert!(Arc::ptr_eq(&first, &trusting(&one)));
        assert!(!Arc::ptr_eq(&first, &trusting(&other)));
        let grow_old = || {
            let mut trusted = TRUSTED.lock().unwrap();
            let known = trusted.iter_mut().find(|known| known.ca_file.as_ref() == Some(&one)).unwrap();
            known.read -= ROOTS_ARE_FRESH;
        };
        grow_old();
        assert!(Arc::ptr_eq(&first, &trusting(&one)), "read again, and the same");
        std::fs::copy(&other, &one).unwrap();
        assert!(Arc::ptr_eq(&first, &trusting(&one)), "still fresh");
        grow_old();
        assert!(!Arc::ptr_eq(&first, &trusting(&one)), "read again, and changed");
    }

    /// A name of this machine that leads elsewhere, as a changed hosts file would have it.
    #[tokio::test]
    async fn a_name_counts_for_where_it_leads() {
        let mut route = Route::new("localhost", 25, &Tls::None, Duration::from_secs(1)).unwrap();
        route.host = "192.0.2.1".to_owned();
        assert!(matches!(route.connect().await, Err(NetError::PlainText(_))));
    }

    #[tokio::test]
    async fn a_route_without_tls_never_pretends_to_encrypt() {
        let route = Route::new("localhost", 25, &Tls::None, Duration::from_secs(1)).unwrap();
        let stream = Box::new(tokio::io::empty());
        assert!(matches!(route.encrypt(stream).await, Err(NetError::Tls { .. })));
    }
}

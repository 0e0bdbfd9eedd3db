//! From a host name to a byte stream: TCP with keepalive, TLS with the ring provider. Plain text stays on this
//! machine.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ImapSettings, MailboxError, Tls};

/// Any connection: plain, TLS, or a test's pipe.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Stream for T {}

/// Opens the TCP connection; the first address that answers wins.
pub(super) async fn tcp(settings: &ImapSettings) -> Result<TcpStream, MailboxError> {
    let failed = |source: io::Error| MailboxError::Connect { host: settings.host.clone(), port: settings.port, source };
    let addresses = within(settings.timeout, lookup_host((settings.host.as_str(), settings.port))).await;
    let addresses: Vec<SocketAddr> = addresses.map_err(failed)?.collect();
    if settings.tls == Tls::None && !addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
        return Err(MailboxError::PlainText(settings.host.clone()));
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match within(settings.timeout, TcpStream::connect(address)).await {
            Ok(stream) => return tuned(stream).map_err(failed),
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

/// Commands go out at once, and a dead peer is noticed in minutes even while nobody speaks.
fn tuned(stream: TcpStream) -> io::Result<TcpStream> {
    let keepalive =
        socket2::TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(20));
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Puts TLS over `stream`; the certificate must be good for the configured host.
pub(super) async fn secured(
    stream: impl Stream + 'static,
    settings: &ImapSettings,
    ca_file: Option<&Path>,
) -> Result<Box<dyn Stream>, MailboxError> {
    let wrong = |text: String| MailboxError::Tls { host: settings.host.clone(), text };
    let connector = connector(ca_file).map_err(wrong)?;
    let name = ServerName::try_from(settings.host.clone()).map_err(|error| wrong(error.to_string()))?;
    match within(settings.timeout, connector.connect(name, stream)).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) if is_lasting(&error) => Err(wrong(error.to_string())),
        Err(source) => Err(MailboxError::Connect { host: settings.host.clone(), port: settings.port, source }),
    }
}

/// A bad certificate, or a port that does not speak TLS at all; a broken-off handshake may be an accident.
fn is_lasting(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        inner,
        Some(
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::InvalidMessage(_)
                | rustls::Error::PeerIncompatible(_)
        )
    )
}

fn connector(ca_file: Option<&Path>) -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(ca_file)?)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates = match ca_file {
        Some(path) => from_pem(path).map_err(|error| format!("{}: {error}", path.display()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err("no root certificate to trust".to_owned());
    }
    Ok(roots)
}

fn from_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

/// `work`, or a `TimedOut` error after `limit`.
async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(limit, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

//! TLS with rustls: the system's roots or one CA file, and the host's name always checked.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use super::wire::Stream;
use crate::outbox::OutboxError;

pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    pub(super) fn new(host: &str, ca_file: Option<&Path>) -> Result<Tls, OutboxError> {
        let name = ServerName::try_from(host.to_string());
        let name = name.map_err(|_| OutboxError::ServerName { host: host.to_string() })?;
        let roots = match ca_file {
            Some(path) => roots_from(path)?,
            None => system_roots()?,
        };
        // The provider is named, not taken from the process: two crates with two defaults would panic.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub(super) async fn wrap(&self, stream: Stream) -> io::Result<Stream> {
        Ok(Box::new(self.connector.connect(self.name.clone(), stream).await?))
    }
}

fn roots_from(path: &Path) -> Result<RootCertStore, OutboxError> {
    let bad = |reason: String| OutboxError::CaFile { path: path.into(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))? {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        roots.add(certificate).map_err(|error| bad(error.to_string()))?;
    }
    if roots.is_empty() { Err(bad("holds no certificate".into())) } else { Ok(roots) }
}

fn system_roots() -> Result<RootCertStore, OutboxError> {
    let mut roots = RootCertStore::empty();
    // Single unreadable roots are common and harmless: the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(OutboxError::NoRoots) } else { Ok(roots) }
}

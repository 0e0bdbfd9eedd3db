//! Checks DKIM signatures (RFC 6376) when mail is decided, for servers that write no `Authentication-Results`.
//!
//! It asks DNS, so it stands outside the pure room: what it finds is handed in as
//! [`crate::triage::context::Seen::dkim`].

use std::net::SocketAddr;
use std::time::Duration;

use mail_auth::common::crypto::Algorithm;
use mail_auth::dkim::Signature;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator};
use tokio::time::timeout;
use tracing::debug;

use crate::triage::auth::domain::aligned;
use crate::triage::inquiry::{Inquiry, Mailbox};

/// How long one mail may take, DNS included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Signatures of one mail that are checked: a sender could make us ask DNS for thousands.
const MOST_SIGNATURES: usize = 5;

/// Why nothing can be checked.
#[derive(Debug, thiserror::Error)]
#[error("check_dkim: the DNS settings of this machine cannot be used: {0}")]
pub struct DkimError(String);

/// Asks DNS for the keys.
#[derive(Clone)]
pub struct Checker {
    dns: MessageAuthenticator,
    patience: Duration,
}

impl Checker {
    /// Asks the DNS servers of this machine; a mail takes five seconds at most.
    ///
    /// # Errors
    /// If the system's settings (`/etc/resolv.conf`) cannot be read.
    pub fn new() -> Result<Checker, DkimError> {
        let dns = MessageAuthenticator::new_system_conf().map_err(|error| DkimError(error.to_string()))?;
        Ok(Checker { dns, patience: PATIENCE })
    }

    /// Asks one DNS server, by UDP.
    ///
    /// # Errors
    /// If no resolver can be made of it.
    pub fn asking(server: SocketAddr, patience: Duration) -> Result<Checker, DkimError> {
        let mut connection = ConnectionConfig::udp();
        connection.port = server.port();
        let server = NameServerConfig::new(server.ip(), true, vec![connection]);
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
        let dns = MessageAuthenticator::new(config, ResolverOpts::default());
        Ok(Checker { dns: dns.map_err(|error| DkimError(error.to_string()))?, patience })
    }

    /// The domain of a good signature that speaks for the author of `inquiry`, read from `raw`. None if there is no
    /// such signature, or nobody can say: no DNS, too slow, a mail read in part.
    pub async fn signer(&self, raw: &[u8], inquiry: &Inquiry) -> Option<String> {
        let author = inquiry.author().filter(|_| inquiry.complete)?.clone();
        // A task of its own: no mail stops the desk, not even by a panic in the library.
        let task = tokio::spawn(timeout(self.patience, signer(self.dns.clone(), raw.to_vec(), author)));
        match task.await {
            Ok(Ok(signer)) => signer,
            Ok(Err(_)) => {
                debug!("checking a DKIM signature took too long");
                None
            }
            Err(error) => {
                debug!(%error, "checking a DKIM signature failed");
                None
            }
        }
    }
}

async fn signer(dns: MessageAuthenticator, raw: Vec<u8>, author: Mailbox) -> Option<String> {
    let mut message = AuthenticatedMessage::parse(&raw)?;
    // Both readings of the mail must agree on who wrote it; otherwise the signature may cover another `From`.
    if message.from != [author.address.to_lowercase()] {
        return None;
    }
    message.dkim_headers.retain(|signature| counts(&signature.header, &author.domain()));
    message.dkim_headers.truncate(MOST_SIGNATURES);
    let outputs = dns.verify_dkim(&message).await;
    let good = outputs.iter().find(|output| *output.result() == DkimResult::Pass);
    good.and_then(|output| output.signature()).map(|signature| signature.d.to_lowercase())
}

/// Signed for the author's domain, with an algorithm that is still sound (RFC 8301), over the `From` field.
fn counts(signature: &Signature, author: &str) -> bool {
    let sound = signature.a != Algorithm::RsaSha1;
    sound && signature.h.iter().any(|name| name.eq_ignore_ascii_case("From")) && aligned(&signature.d, author)
}

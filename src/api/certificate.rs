//! Client certificates: which agency's system calls, and whether its certificate holds at the world's time.
//!
//! The TLS handshake verified the chain at the machine's time, as every TLS stack does. A world has a time of its own, so admission verifies the same chain
//! again at that time: moved forward, a world sees certificates lapse. The system's agency stands in the certificate as a URI among its
//! subject's alternative names (RFC 5280, section 4.2.1.6): `urn:lienthong:agency:police`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio_rustls::rustls::CertificateError;
use tokio_rustls::rustls::Error as TlsError;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use webpki::EndEntityCert;

use crate::base::{AgencyId, Error, Reason, Result, Timestamp};

/// What the URI of a system's agency begins with.
pub const AGENCY_URI: &str = "urn:lienthong:agency:";

/// Not verified at any second yet.
const NEVER: i64 = i64::MIN;

/// The chain that a client showed in its handshake.
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
    agency: Option<AgencyId>,
    /// The last second of the world's time at which it was found to hold: calls come in thousands a second.
    held_at: AtomicI64,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({:?})", self.agency)
    }
}

impl ClientCertificate {
    /// The chain, the client's own certificate first, which `verifier` accepted.
    pub fn new(chain: Vec<CertificateDer<'static>>, verifier: Arc<dyn ClientCertVerifier>) -> Self {
        let agency = chain.first().and_then(agency_of);
        Self { chain, verifier, agency, held_at: AtomicI64::new(NEVER) }
    }

    /// The agency of the system, if the certificate holds at the world's time `now`. Fails with
    /// [`CredentialExpired`](Reason::CredentialExpired) outside its validity, and with
    /// [`CredentialInvalid`](Reason::CredentialInvalid) where it names no agency.
    pub fn agency(&self, now: Timestamp) -> Result<&AgencyId> {
        let second = now.0.div_euclid(1_000);
        if self.held_at.load(Ordering::Relaxed) != second {
            self.verify(now)?;
            self.held_at.store(second, Ordering::Relaxed);
        }
        self.agency.as_ref().ok_or_else(|| {
            let message = format!("the client certificate names no agency: its URI begins with {AGENCY_URI}");
            Error::new(Reason::CredentialInvalid, message)
        })
    }

    fn verify(&self, now: Timestamp) -> Result<()> {
        let Some((own, intermediates)) = self.chain.split_first() else {
            return Err(Error::bug("a handshake with a certificate, and no certificate"));
        };
        let time = UnixTime::since_unix_epoch(Duration::from_millis(now.0.max(0).unsigned_abs()));
        let verified = self.verifier.verify_client_cert(own, intermediates, time);
        verified.map(drop).map_err(|error| match error {
            TlsError::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => {
                let message = format!(
                    "the client certificate, or one that certifies it, does not hold at the world's time, {now}"
                );
                Error::new(Reason::CredentialExpired, message)
            }
            error => Error::new(Reason::CredentialInvalid, format!("the client certificate is not accepted: {error}")),
        })
    }
}

/// The agency that a certificate names, if it names one.
fn agency_of(certificate: &CertificateDer<'_>) -> Option<AgencyId> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut agencies = certificate.valid_uri_names().filter_map(|uri| uri.strip_prefix(AGENCY_URI));
    // Of two nobody can say which calls.
    let only = agencies.next().filter(|_| agencies.next().is_none());
    only.and_then(AgencyId::parse)
}

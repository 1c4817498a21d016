//! TLS of the gRPC listener: versions 1.2 and 1.3, HTTP/2 by ALPN, and client certificates where an authority of clients is given.
//!
//! A handshake asks whether the files changed since the last one, and serves with what they hold now: a certificate is replaced without a restart.
//! Files that cannot be used are logged, and the last good ones go on serving.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::api::certificate::ClientCertificate;
use crate::base::{Error, Reason, Result};

/// What certifies a server and its clients, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPem {
    /// The server's certificate with its chain.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
    /// Who certifies clients; `None`: clients are asked for no certificate.
    pub client_ca: Option<Vec<u8>>,
}

/// Gives what certifies now, if it is other than at the last look.
pub type Renewed = Arc<dyn Fn() -> Option<Result<TlsPem>> + Send + Sync>;

/// TLS, ready to serve.
#[derive(Clone)]
pub struct Tls {
    served: Arc<RwLock<Served>>,
    renewed: Option<Renewed>,
}

#[derive(Clone)]
struct Served {
    acceptor: TlsAcceptor,
    /// What verifies clients' certificates.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// A connection after its handshake, with the certificate that its client showed.
pub(super) type Shaken<T> = (TlsStream<T>, Option<Arc<ClientCertificate>>);

impl Tls {
    /// Parses what certifies a server.
    pub fn new(pem: &TlsPem) -> Result<Self> {
        Ok(Self { served: Arc::new(RwLock::new(Served::new(pem)?)), renewed: None })
    }

    /// The same, asking `renewed` before each handshake.
    #[must_use]
    pub fn renewing(self, renewed: Renewed) -> Self {
        Self { renewed: Some(renewed), ..self }
    }

    /// Whether clients may show a certificate.
    pub fn knows_clients(&self) -> bool {
        self.served().clients.is_some()
    }

    /// Performs the handshake. A client that shows no certificate may go on: its credential says who it is.
    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> io::Result<Shaken<T>> {
        self.renew();
        let Served { acceptor, clients } = self.served();
        let stream = acceptor.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.zip(clients).map(|(chain, verifier)| {
            Arc::new(ClientCertificate::new(chain.iter().map(|one| one.clone().into_owned()).collect(), verifier))
        });
        Ok((stream, certificate))
    }

    fn renew(&self) {
        match self.renewed.as_ref().and_then(|renewed| renewed()) {
            None => {}
            Some(pem) => match pem.and_then(|pem| Served::new(&pem)) {
                Ok(served) => {
                    *self.served.write().unwrap_or_else(PoisonError::into_inner) = served;
                    tracing::info!("the certificate was renewed from its files");
                }
                Err(error) => {
                    tracing::error!(%error, "the changed certificate cannot be used; the last one goes on serving")
                }
            },
        }
    }

    fn served(&self) -> Served {
        self.served.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Served {
    fn new(pem: &TlsPem) -> Result<Self> {
        let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|error| match error {
            pem::Error::NoItemsFound => unusable("the key's file has no PRIVATE KEY section"),
            error => unusable(format!("the key is not PEM: {error}")),
        });
        let chain = chain(&pem.certificate, "the certificate")?;
        let clients = pem.client_ca.as_deref().map(verifier).transpose()?;
        let config = match &clients {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(clients) => ServerConfig::builder().with_client_cert_verifier(clients.clone()),
        };
        let mut config = config.with_single_cert(chain, key?).map_err(|error| unusable(error.to_string()))?;
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), clients })
    }
}

fn unusable(why: impl std::fmt::Display) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("the certificate and key cannot be used: {why}"))
}

/// The certificates of a PEM file.
fn chain(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|error| unusable(format!("{what} is not PEM: {error}")))?;
    if chain.is_empty() {
        return Err(unusable(format!("the file of {what} has no CERTIFICATE section")));
    }
    Ok(chain)
}

/// Verifies clients by their authority, and lets those go on that show no certificate.
fn verifier(authority: &[u8]) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(authority, "the authority of clients")? {
        roots.add(certificate).map_err(|error| unusable(format!("the authority of clients: {error}")))?;
    }
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build();
    verifier.map(|verifier| verifier as _).map_err(|error| unusable(format!("the authority of clients: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let other = other.signing_key.serialize_pem();
        let tls = |certificate: &str, key: &str, client_ca: Option<&str>| {
            let client_ca = client_ca.map(|pem| pem.as_bytes().to_vec());
            Tls::new(&TlsPem { certificate: certificate.into(), key: key.into(), client_ca })
        };
        assert!(!tls(&certificate, &key, None).expect("a pair").knows_clients());
        assert!(tls(&certificate, &key, Some(&certificate)).expect("with clients").knows_clients());
        let broken = "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----";
        for (certificate, key, client_ca, expected) in [
            ("", &key[..], None, "no CERTIFICATE section"),
            (&key, &key, None, "no CERTIFICATE section"),
            (&certificate, &certificate, None, "no PRIVATE KEY section"),
            (&certificate, "", None, "no PRIVATE KEY section"),
            (&certificate, &other, None, "keys may not be consistent"),
            (broken, &key, None, "is not PEM"),
            (&certificate, &key, Some(&key[..]), "the file of the authority of clients has no CERTIFICATE"),
        ] {
            let refused = tls(certificate, key, client_ca).map(drop).expect_err(expected);
            assert!(refused.message.starts_with("the certificate and key cannot be used: "), "{}", refused.message);
            assert!(refused.message.contains(expected), "{}", refused.message);
        }
    }
}

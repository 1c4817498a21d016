//! TLS of the gRPC listener: versions 1.2 and 1.3, HTTP/2 by ALPN, and client certificates where an authority of clients is given.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::api::certificate::ClientCertificate;
use crate::api::renewing::{Renewing, certificates};
use crate::base::{Error, Reason, Result};

/// TLS, ready to serve.
#[derive(Clone)]
pub struct Tls(Arc<Renewing<Served>>);

#[derive(Clone)]
struct Served {
    acceptor: TlsAcceptor,
    /// What verifies clients' certificates; `None`: clients are asked for none.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

/// A connection after its handshake, with the certificate that its client showed.
pub(super) type Shaken<T> = (TlsStream<T>, Option<Arc<ClientCertificate>>);

impl Tls {
    /// Reads PEM files: a certificate with its chain, its private key, and the authority of clients, if they may show certificates. Checks that the key
    /// belongs to the certificate, and follows the files' changes.
    pub fn of_files(certificate: PathBuf, key: PathBuf, client_ca: Option<PathBuf>) -> Result<Self> {
        let files = [certificate, key].into_iter().chain(client_ca).collect();
        let make = |contents: &[Vec<u8>]| match contents {
            [certificate, key, rest @ ..] => Served::new(certificate, key, rest.first().map(Vec::as_slice)),
            _ => Err(Error::bug("a certificate without a key")),
        };
        Ok(Self(Arc::new(Renewing::open(files, make)?)))
    }

    /// The same from the contents of such files.
    pub fn of_pem(certificate: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> Result<Self> {
        Ok(Self(Arc::new(Renewing::fixed(Served::new(certificate, key, client_ca)?))))
    }

    /// Performs the handshake. A client that shows no certificate may go on: its credential says who it is.
    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> io::Result<Shaken<T>> {
        let Served { acceptor, clients } = self.0.current();
        let stream = acceptor.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let certificate = shown.zip(clients).map(|(chain, verifier)| {
            Arc::new(ClientCertificate::new(chain.iter().map(|one| one.clone().into_owned()).collect(), verifier))
        });
        Ok((stream, certificate))
    }
}

impl Served {
    fn new(certificate: &[u8], key: &[u8], client_ca: Option<&[u8]>) -> Result<Self> {
        let chain = certificates(certificate, "the certificate").map_err(unusable)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => unusable("the key's file has no PRIVATE KEY section"),
            error => unusable(format!("the key is not PEM: {error}")),
        })?;
        let clients = client_ca.map(verifier).transpose()?;
        let config = match &clients {
            None => ServerConfig::builder().with_no_client_auth(),
            Some(clients) => ServerConfig::builder().with_client_cert_verifier(clients.clone()),
        };
        let mut config = config.with_single_cert(chain, key).map_err(unusable)?;
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), clients })
    }
}

fn unusable(why: impl Display) -> Error {
    Error::new(Reason::ConfigurationInvalid, format!("the certificate and key cannot be used: {why}"))
}

/// Verifies clients by their authority, and lets those go on that show no certificate.
fn verifier(authority: &[u8]) -> Result<Arc<dyn ClientCertVerifier>> {
    let of_clients = |why: &dyn Display| unusable(format!("the authority of clients: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authority, "the authority of clients").map_err(unusable)? {
        roots.add(certificate).map_err(|error| of_clients(&error))?;
    }
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build();
    verifier.map(|verifier| verifier as _).map_err(|error| of_clients(&error))
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
            Tls::of_pem(certificate.as_bytes(), key.as_bytes(), client_ca.map(str::as_bytes))
        };
        tls(&certificate, &key, None).map(drop).expect("a pair");
        tls(&certificate, &key, Some(&certificate)).map(drop).expect("with clients");
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

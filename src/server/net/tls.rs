//! TLS of the gRPC listener: versions 1.2 and 1.3, HTTP/2 by ALPN, no client certificates.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::base::{Error, Reason, Result};

/// A certificate with its key, ready to serve.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Parses a certificate chain and its private key from PEM.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self> {
        let unusable = |why: String| {
            Error::new(Reason::ConfigurationInvalid, format!("the certificate and key cannot be used: {why}"))
        };
        let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.map_err(|error| unusable(format!("the certificate is not PEM: {error}")))?;
        if chain.is_empty() {
            return Err(unusable("the certificate's file has no CERTIFICATE section".into()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => unusable("the key's file has no PRIVATE KEY section".into()),
            error => unusable(format!("the key is not PEM: {error}")),
        })?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| unusable(error.to_string()))?;
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Performs the handshake.
    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> io::Result<TlsStream<T>> {
        self.0.accept(stream).await
    }
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
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).map(drop).expect("a pair");
        for (certificate, key, expected) in [
            ("", &key[..], "no CERTIFICATE section"),
            (&key, &key, "no CERTIFICATE section"),
            (&certificate, &certificate, "no PRIVATE KEY section"),
            (&certificate, "", "no PRIVATE KEY section"),
            (&certificate, &other, "keys may not be consistent"),
            ("-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----", &key, "is not PEM"),
        ] {
            let refused = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).map(drop).expect_err(expected);
            assert!(refused.message.starts_with("the certificate and key cannot be used: "), "{}", refused.message);
            assert!(refused.message.contains(expected), "{}", refused.message);
        }
    }
}

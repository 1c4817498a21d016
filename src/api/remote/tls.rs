//! TLS towards the hosts of registries: who certifies them, and what this gateway shows.
//!
//! Each connection begins with what the files hold at that moment, so that certificates are replaced without a restart on this side too.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::codegen::http::Uri;
use tower::Service;

use crate::api::renewing::{Renewing, certificates};
use crate::base::{Error, Reason, Result};

/// TLS towards hosts; a connector of tonic's.
#[derive(Clone)]
pub struct ClientTls(Arc<Renewing<Arc<ClientConfig>>>);

impl ClientTls {
    /// Reads PEM files: who certifies the hosts, and the caller's own certificate with its chain and its private key, if it shows one. Follows
    /// their changes.
    pub fn of_files(ca: PathBuf, own: Option<(PathBuf, PathBuf)>) -> Result<Self> {
        let own = own.into_iter().flat_map(|(certificate, key)| [certificate, key]);
        let make = |contents: &[Vec<u8>]| match contents {
            [ca] => config(ca, None),
            [ca, certificate, key] => config(ca, Some((certificate, key))),
            _ => Err(Error::bug("a certificate without a key")),
        };
        Ok(Self(Arc::new(Renewing::open([ca].into_iter().chain(own).collect(), make)?)))
    }

    /// The same from the contents of such files.
    pub fn of_pem(ca: &[u8], own: Option<(&[u8], &[u8])>) -> Result<Self> {
        Ok(Self(Arc::new(Renewing::fixed(config(ca, own)?))))
    }
}

impl Service<Uri> for ClientTls {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let config = self.0.current();
        Box::pin(async move {
            let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "an address without a host");
            let host = uri.host().ok_or_else(invalid)?.trim_matches(['[', ']']).to_owned();
            let stream = TcpStream::connect((&*host, uri.port_u16().unwrap_or(443))).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(host).map_err(io::Error::other)?;
            Ok(TokioIo::new(TlsConnector::from(config).connect(name, stream).await?))
        })
    }
}

fn config(ca: &[u8], own: Option<(&[u8], &[u8])>) -> Result<Arc<ClientConfig>> {
    let unusable = |why: String| {
        Error::new(Reason::ConfigurationInvalid, format!("the certificates towards hosts cannot be used: {why}"))
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, "the authority").map_err(unusable)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable(format!("the key: {error}")))?;
            let own = certificates(certificate, "the certificate").map_err(unusable)?;
            config.with_client_auth_cert(own, key).map_err(|error| unusable(error.to_string()))?
        }
    };
    config.alpn_protocols.push(b"h2".to_vec());
    Ok(Arc::new(config))
}

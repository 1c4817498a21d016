//! TLS towards the hosts of registries: who certifies them, and what this gateway shows.
//!
//! Each connection begins with what the files hold at that moment, so that certificates are replaced without a restart on this side too.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::codegen::http::Uri;
use tower::Service;

use crate::base::{Error, Reason, Result};

/// What a caller of hosts uses, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientPem {
    /// Who certifies the hosts.
    pub ca: Vec<u8>,
    /// The caller's certificate with its chain, and its private key; `None`: it shows none.
    pub own: Option<(Vec<u8>, Vec<u8>)>,
}

/// Gives what is used now, if it is other than at the last look.
pub type Renewed = Arc<dyn Fn() -> Option<Result<ClientPem>> + Send + Sync>;

/// TLS towards hosts; a connector of tonic's.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<RwLock<Arc<ClientConfig>>>,
    renewed: Option<Renewed>,
}

impl ClientTls {
    /// Parses what a caller uses.
    pub fn new(pem: &ClientPem) -> Result<Self> {
        Ok(Self { config: Arc::new(RwLock::new(Arc::new(config(pem)?))), renewed: None })
    }

    /// The same, asking `renewed` before each connection.
    #[must_use]
    pub fn renewing(self, renewed: Renewed) -> Self {
        Self { renewed: Some(renewed), ..self }
    }

    fn current(&self) -> Arc<ClientConfig> {
        match self.renewed.as_ref().and_then(|renewed| renewed()) {
            None => {}
            Some(pem) => match pem.and_then(|pem| config(&pem)) {
                Ok(config) => *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config),
                Err(error) => {
                    tracing::error!(%error, "the changed certificate towards hosts cannot be used; the last one stays in use");
                }
            },
        }
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
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
        let config = self.current();
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

fn config(pem: &ClientPem) -> Result<ClientConfig> {
    let unusable = |why: String| {
        Error::new(Reason::ConfigurationInvalid, format!("the certificates towards hosts cannot be used: {why}"))
    };
    let chain = |pem: &[u8], what: &str| -> Result<Vec<_>> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            Ok(_) => Err(unusable(format!("{what} has no CERTIFICATE section"))),
            Err(error) => Err(unusable(format!("{what} is not PEM: {error}"))),
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in chain(&pem.ca, "the authority")? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match &pem.own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| unusable(format!("the key: {error}")))?;
            let own = chain(certificate, "the certificate")?;
            config.with_client_auth_cert(own, key).map_err(|error| unusable(error.to_string()))?
        }
    };
    config.alpn_protocols.push(b"h2".to_vec());
    Ok(config)
}

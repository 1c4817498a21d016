//! `--ca`: a private certificate authority, the same wherever a command calls a server; and the messages if it is given in vain, or missing.

use std::path::PathBuf;

use clap::Args;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::output::Failure;
use crate::server::listen;
use crate::transparency::client::Roots;

/// The authorities that certify servers.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct CaArgs {
    /// The certificate authority of the server, PEM, instead of the public ones. With it, an address without `https://` uses TLS.
    #[arg(long, env = "LIENTHONG_CA", value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
}

impl CaArgs {
    /// For HTTP.
    pub(super) fn roots(&self) -> Result<Option<Roots>, Failure> {
        Ok(self.ca.as_deref().map(Roots::read).transpose()?)
    }

    /// The scheme of an address that names none.
    pub(super) fn scheme(&self) -> &'static str {
        if self.ca.is_some() { "https" } else { "http" }
    }

    /// For gRPC: TLS if an authority is given.
    pub(super) fn endpoint(&self, address: &str) -> Result<Endpoint, Failure> {
        let bare = address.strip_prefix(&format!("{}://", self.scheme())).unwrap_or(address);
        let unknown = || Failure::new(format!("{address} is not an address: give HOST:PORT, with --ca for TLS"));
        if bare.contains("://") {
            return Err(unknown());
        }
        let endpoint = Endpoint::from_shared(format!("{}://{bare}", self.scheme())).map_err(|_| unknown())?;
        let Some(path) = &self.ca else { return Ok(endpoint) };
        let failed = |why: String| Failure::new(format!("{}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem));
        endpoint.tls_config(tls).map_err(|error| failed(listen::innermost(&error)))
    }

    /// Connects to `address` by its endpoint.
    pub(super) async fn connect(&self, endpoint: &Endpoint, address: &str) -> Result<Channel, Failure> {
        match endpoint.connect().await {
            Ok(channel) => Ok(channel),
            Err(_) if self.ca.is_some() && speaks_plaintext(address).await => {
                Err(Failure::new(format!("{address} does not use TLS: leave out --ca")))
            }
            Err(error) => Err(Failure::new(format!("{address} cannot be reached: {}", listen::innermost(&error)))),
        }
    }

    /// Fails when the server uses TLS and no authority was given: a connection shows it with the first call alone, as a broken one.
    pub(super) async fn expect_plaintext(&self, address: &str) -> Result<(), Failure> {
        match self.ca.is_none() && speaks_tls(address).await {
            true => Err(Failure::new(format!("{address} uses TLS: give its certificate authority with --ca"))),
            false => Ok(()),
        }
    }
}

/// Whether a server answers a health check without TLS.
async fn speaks_plaintext(address: &str) -> bool {
    let Ok(endpoint) = CaArgs::default().endpoint(address.trim_start_matches("https://")) else { return false };
    let Ok(channel) = endpoint.connect().await else { return false };
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.is_ok()
}

/// Whether a server shows a certificate when it is greeted with TLS; nobody is trusted, so it is refused whichever it is.
async fn speaks_tls(address: &str) -> bool {
    let address = address.trim_start_matches("http://");
    let endpoint = Endpoint::from_shared(format!("https://{address}"))
        .and_then(|endpoint| endpoint.tls_config(ClientTlsConfig::new()));
    let Ok(endpoint) = endpoint else { return false };
    endpoint.connect().await.err().is_some_and(|error| listen::innermost(&error).contains("peer certificate"))
}

//! `--ca`: a private certificate authority, the same wherever a command asks a server.

use std::path::PathBuf;

use clap::Args;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::output::Failure;
use crate::server::listen;
use crate::transparency::client::Roots;

/// Who certifies servers.
#[derive(Debug, Default, Args)]
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
}

//! TLS towards the targets of webhooks: the public certificate authorities, or a private one.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::api::renewing::certificates;
use crate::base::{Error, Reason, Result};

/// The settings of connections to targets.
pub type WebhookTls = Arc<ClientConfig>;

/// Targets are certified by the public authorities.
pub fn public() -> WebhookTls {
    settings(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
}

/// Targets are certified by the authority in a PEM file, and by no other.
pub fn authority_of(file: &Path) -> Result<WebhookTls> {
    let unusable = |why: String| Error::new(Reason::ConfigurationInvalid, format!("{}: {why}", file.display()));
    let pem = std::fs::read(file).map_err(|error| unusable(format!("cannot be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&pem, "the authority").map_err(unusable)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    Ok(settings(roots))
}

fn settings(roots: RootCertStore) -> WebhookTls {
    let mut settings = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    settings.alpn_protocols.push(b"http/1.1".to_vec());
    Arc::new(settings)
}

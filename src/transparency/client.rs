//! The HTTP client for logs, lists and witnesses, with the public certificate authorities or a private one. The one file of this module that knows
//! which library that is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use crate::base::{Error, Reason, Result};

/// Certificate authorities that replace the public ones for `https` addresses.
#[derive(Debug, Clone)]
pub struct Roots(Arc<Vec<Certificate<'static>>>);

impl Roots {
    /// Reads the certificates of a PEM file.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |why: String| Error::new(Reason::ConfigurationInvalid, format!("{}: {why}", path.display()));
        let pem = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let mut roots = Vec::new();
        for item in parse_pem(&pem) {
            match item.map_err(|error| failed(error.to_string()))? {
                PemItem::Certificate(certificate) => roots.push(certificate),
                _ => return Err(failed("it holds something other than certificates".into())),
            }
        }
        if roots.is_empty() {
            return Err(failed("it holds no certificate".into()));
        }
        Ok(Self(Arc::new(roots)))
    }
}

/// The client; clones share its connections. It waits on the thread that calls it.
#[derive(Debug, Clone)]
pub struct HttpClient(ureq::Agent);

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body, decompressed.
    pub body: Bytes,
}

impl HttpClient {
    /// A client with this timeout for each request.
    pub fn new(timeout: Duration, roots: Option<&Roots>) -> Self {
        let roots = roots.map_or(RootCerts::WebPki, |roots| RootCerts::Specific(roots.0.clone()));
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_idle_connections_per_host(16)
            .user_agent(concat!("lienthong/", env!("CARGO_PKG_VERSION")))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Self(agent.into())
    }

    /// Reads a URL as this media type, at most `bytes_max` bytes. Fails, with the reason in words, when nobody answers or the body is longer.
    pub fn get(&self, url: &str, accept: &str, bytes_max: u64) -> Result<HttpAnswer, String> {
        read(self.0.get(url).header("accept", accept).call(), bytes_max)
    }

    /// Sends a text to a URL. Fails as [`get`](Self::get) does.
    pub fn post(&self, url: &str, text: &[u8], bytes_max: u64) -> Result<HttpAnswer, String> {
        read(self.0.post(url).header("content-type", "text/plain").send(text), bytes_max)
    }
}

fn read(answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>, bytes_max: u64) -> Result<HttpAnswer, String> {
    let mut response = answered.map_err(|error| error.to_string())?;
    let body = response.body_mut().with_config().limit(bytes_max).read_to_vec().map_err(|error| error.to_string())?;
    Ok(HttpAnswer { status: response.status().as_u16(), body: body.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_certificates_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let certificate = made.cert.pem();
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            Roots::read(&path)
        };
        assert_eq!(read(&certificate.repeat(2)).expect("two").0.len(), 2);
        for bad in ["", "no PEM", &format!("{certificate}{}", made.signing_key.serialize_pem())] {
            assert_eq!(read(bad).expect_err(bad).reason, Reason::ConfigurationInvalid);
        }
        assert!(Roots::read(&folder.path().join("none.pem")).is_err());
    }
}

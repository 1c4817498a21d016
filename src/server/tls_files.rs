//! The files of TLS: what certifies this process to its callers, and to the hosts that it calls.
//!
//! `lienthong keys tls-cert` replaces a certificate and its key by new files. Whoever uses them looks at the files' times and lengths before each
//! handshake, and reads them again when these changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::net::tls::{Tls, TlsPem};
use crate::api::remote::tls::{ClientPem, ClientTls};
use crate::base::{Error, Reason, Result};

/// Certificate, key and the clients' authority of a listener, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who certifies clients; `None`: clients are asked for no certificate.
    pub client_ca: Option<PathBuf>,
}

/// What a caller of hosts uses, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTlsFiles {
    /// Who certifies the hosts.
    pub ca: PathBuf,
    /// The caller's own certificate with its chain, and its private key; `None`: it shows none.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Reads the files, checks that the key belongs to the certificate, and follows their changes.
    pub fn load(&self) -> Result<Tls> {
        let (files, seen) = (self.clone(), Seen::of(self.paths()));
        let tls = Tls::new(&files.read()?)?;
        Ok(tls.renewing(Arc::new(move || seen.changed(files.paths()).then(|| files.read()))))
    }

    fn paths(&self) -> Vec<&Path> {
        [&self.certificate, &self.key].into_iter().chain(&self.client_ca).map(PathBuf::as_path).collect()
    }

    fn read(&self) -> Result<TlsPem> {
        Ok(TlsPem {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_deref().map(read).transpose()?,
        })
    }
}

impl ClientTlsFiles {
    /// Reads the files, and follows their changes.
    pub fn load(&self) -> Result<ClientTls> {
        let (files, seen) = (self.clone(), Seen::of(self.paths()));
        let tls = ClientTls::new(&files.read()?)?;
        Ok(tls.renewing(Arc::new(move || seen.changed(files.paths()).then(|| files.read()))))
    }

    fn paths(&self) -> Vec<&Path> {
        let own = self.own.iter().flat_map(|(certificate, key)| [certificate, key]);
        [&self.ca].into_iter().chain(own).map(PathBuf::as_path).collect()
    }

    fn read(&self) -> Result<ClientPem> {
        let own = self.own.as_ref().map(|(certificate, key)| Ok::<_, Error>((read(certificate)?, read(key)?)));
        Ok(ClientPem { ca: read(&self.ca)?, own: own.transpose()? })
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        Error::new(Reason::ConfigurationInvalid, message)
    })
}

/// How files looked when they were read.
type Look = Vec<Option<(SystemTime, u64)>>;

struct Seen(Mutex<Look>);

impl Seen {
    fn of(paths: Vec<&Path>) -> Self {
        Self(Mutex::new(look(paths)))
    }

    /// Whether the files look other than at the last look.
    fn changed(&self, paths: Vec<&Path>) -> bool {
        let now = look(paths);
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = *before != now;
        *before = now;
        changed
    }
}

fn look(paths: Vec<&Path>) -> Look {
    let one = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    paths.into_iter().map(one).collect()
}

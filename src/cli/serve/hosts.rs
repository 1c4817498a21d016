//! The registries that a gateway uses on hosts of their own, as flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::super::output::Failure;
use crate::api::remote::HostAddress;
use crate::api::remote::tls::ClientTls;
use crate::base::Timestamp;
use crate::base::host::{host_of, is_loopback};
use crate::trust::{KeyState, PublicKey, TrustAnchor};

/// Where registries run that are not in this process.
#[derive(Debug, Args)]
pub(super) struct HostArgs {
    /// A registry on a host of its own, as NAME=HOST:PORT; may be repeated. Its records stay there; the gateway follows it over the network.
    #[arg(long, env = "LIENTHONG_REGISTRY", value_delimiter = ',', value_parser = host, value_name = "NAME=ADDRESS")]
    registry: Vec<(String, String)>,
    /// The bearer credential of this gateway at the registries' hosts [default: demo-gateway, or none with --registry-cert].
    #[arg(long, env = "LIENTHONG_REGISTRY_CREDENTIAL", value_name = "CREDENTIAL", hide_env_values = true)]
    registry_credential: Option<String>,
    /// The certificate authority of the registries' hosts, PEM; with it, they are called with TLS.
    #[arg(long, env = "LIENTHONG_REGISTRY_CA", value_name = "FILE")]
    registry_ca: Option<PathBuf>,
    /// The certificate by which this gateway is known at the registries' hosts, PEM.
    #[arg(long, env = "LIENTHONG_REGISTRY_CERT", requires_all = ["registry_ca", "registry_key"], value_name = "FILE")]
    registry_cert: Option<PathBuf>,
    /// The private key of that certificate, PEM.
    #[arg(long, env = "LIENTHONG_REGISTRY_KEY", requires = "registry_cert", value_name = "FILE")]
    registry_key: Option<PathBuf>,
    /// The trust anchor file of a registry that keeps a key of its own, such as one that somebody else wrote; may be repeated.
    #[arg(
        long,
        env = "LIENTHONG_REGISTRY_ANCHOR",
        value_delimiter = ',',
        conflicts_with = "keys",
        value_name = "FILE"
    )]
    registry_anchor: Vec<PathBuf>,
    /// When the province begins (RFC 3339), for a new one [default: now, or when the last of its registries' hosts began].
    #[arg(long, env = "LIENTHONG_CREATED_AT", value_parser = created_at, value_name = "TIME")]
    pub(super) created_at: Option<Timestamp>,
}

impl HostArgs {
    /// The hosts, by the registries' names.
    pub(super) fn addresses(&self) -> Result<BTreeMap<String, HostAddress>, Failure> {
        let mut addresses = BTreeMap::new();
        let own = self.registry_cert.clone().zip(self.registry_key.clone());
        let default = own.is_none().then(|| "demo-gateway".to_owned());
        let tls = self.registry_ca.clone().map(|ca| ClientTls::of_files(ca, own)).transpose()?;
        if self.registry_ca.is_some() && self.registry_cert.is_none() && self.registry_credential.is_none() {
            let message = "--registry-ca needs --registry-cert and --registry-key, or --registry-credential: hosts with TLS refuse demo credentials";
            return Err(Failure::with_code(message, 2));
        }
        let credential = self.registry_credential.clone().or(default);
        for (registry, address) in &self.registry {
            if tls.is_none() && !host_of(address).is_some_and(is_loopback) {
                let message =
                    format!("{address} is not loopback: give --registry-ca, with --registry-cert and --registry-key");
                return Err(Failure::with_code(message, 2));
            }
            let (tls, credential) = (tls.clone(), credential.clone());
            let host = HostAddress { address: address.clone(), tls, credential };
            if addresses.insert(registry.clone(), host).is_some() {
                return Err(Failure::with_code(format!("--registry {registry}=… is given twice"), 2));
            }
        }
        Ok(addresses)
    }
}

impl HostArgs {
    /// The keys of registries that keep keys of their own, by the registries' names.
    pub(super) fn keys_elsewhere(&self) -> Result<BTreeMap<String, PublicKey>, Failure> {
        let mut keys = BTreeMap::new();
        for path in &self.registry_anchor {
            let unreadable = |why: String| Failure::new(format!("{}: {why}", path.display()));
            let json = std::fs::read(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
            let anchor = TrustAnchor::from_json(&json).map_err(|error| unreadable(error.message.clone()))?;
            // A file may name others; what is here signs with its own key.
            let is_elsewhere = |name: &str| self.registry.iter().any(|(registry, _)| registry == name);
            for issuer in anchor.issuers.iter().filter(|issuer| is_elsewhere(&issuer.name)) {
                let mut active = issuer.keys.iter().filter(|record| record.state == KeyState::Active);
                let (Some(key), None) = (active.next(), active.next()) else {
                    return Err(unreadable(format!("{} has not exactly one key in force", issuer.name)));
                };
                if keys.insert(issuer.name.clone(), key.key.clone()).is_some() {
                    return Err(unreadable(format!("{} is named by another file already", issuer.name)));
                }
            }
        }
        Ok(keys)
    }
}

fn host(text: &str) -> Result<(String, String), String> {
    let form = || "give NAME=HOST:PORT, such as land=127.0.0.1:50061".to_owned();
    let (name, address) = text.split_once('=').ok_or_else(form)?;
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if name.is_empty() || port.is_none() || address.contains('/') {
        return Err(form());
    }
    Ok((name.to_owned(), address.to_owned()))
}

/// A time of a province's beginning.
pub(in crate::cli) fn created_at(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "give a time like 2026-11-30T08:00:00Z".to_owned())
}

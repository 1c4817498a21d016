//! The flags of a process that serves: TLS and credentials, rights, limits on connections and calls, the check of its store, its end.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::api::credential::DemoCredentials;
use crate::base::limits;
use crate::cli::output::Failure;
use crate::server::memory::Memory;
use crate::server::net::{Limits, Tls, descriptors};
use crate::server::{Config, listen};

/// A day.
const CHECK_SECONDS_DEFAULT: u64 = 86_400;
/// Longest drain, in seconds.
const DRAIN_SECONDS_MAX: u64 = 600;

/// How a process serves, whatever it serves.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServingArgs {
    /// A file of rights to use instead of the embedded ones (`lienthong rights show`). SIGHUP reads it again; an invalid file changes nothing.
    #[arg(long, env = "LIENTHONG_RIGHTS", value_name = "FILE")]
    rights: Option<PathBuf>,
    /// The certificate for TLS with its chain, PEM. With TLS, demo credentials are refused.
    #[arg(long, env = "LIENTHONG_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    #[arg(long, env = "LIENTHONG_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The certificate authority of clients, PEM: a client may show a certificate of it that names its agency (`lienthong keys tls-cert --agency`) instead of a token.
    #[arg(long, env = "LIENTHONG_TLS_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// DANGEROUS: listen off loopback without TLS, and accept credentials that anybody can forge. Only where nobody else can reach the address, as in a container whose ports are published on loopback.
    #[arg(long, env = "LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK")]
    pub(in crate::cli) allow_demo_credentials_off_loopback: bool,
    /// Refuse demo credentials on loopback too: every caller needs a token from `lienthong token issue`.
    #[arg(long, env = "LIENTHONG_NO_DEMO_CREDENTIALS")]
    no_demo_credentials: bool,
    /// The maximum number of connections, over all ports together; fewer if the process may open fewer descriptors.
    #[arg(long, default_value_t = 1024, env = "LIENTHONG_MAX_CONNECTIONS", value_parser = clap::value_parser!(u32).range(16..), value_name = "NUMBER")]
    max_connections: u32,
    /// The maximum number of connections of one address, or of one IPv6 /64; processes of this machine have no such limit.
    #[arg(long, default_value_t = 256, env = "LIENTHONG_MAX_CONNECTIONS_PER_PEER", value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    max_connections_per_peer: u32,
    /// Proxies in front of the gRPC port, separated by commas: their connections must begin with a PROXY header (version 1 or 2), whose address counts as the client's.
    #[arg(long, env = "LIENTHONG_TRUSTED_PROXY", value_delimiter = ',', value_name = "ADDRESS")]
    pub(in crate::cli) trusted_proxy: Vec<IpAddr>,
    /// The maximum number of calls per second of one caller; 0 is no limit.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_RATE_LIMIT", value_name = "NUMBER")]
    rate_limit: u32,
    /// The maximum number of calls per second of one address without an accepted credential; all addresses together may make twenty times as many, and loopback has only that limit; 0 is no limit.
    #[arg(long, default_value_t = limits::STRANGER_CALLS_PER_SECOND, env = "LIENTHONG_STRANGER_RATE_LIMIT", value_name = "NUMBER")]
    stranger_rate_limit: u32,
    /// How often to check the whole store while serving, in seconds, at a pace that callers hardly notice; 0 is never.
    #[arg(long, default_value_t = CHECK_SECONDS_DEFAULT, env = "LIENTHONG_CHECK_INTERVAL", value_name = "SECONDS")]
    check_interval: u64,
    /// The limit of all caches together, like 512MiB or 2GiB [default: a quarter of the free memory at the start, of the machine or the container].
    #[arg(long, env = "LIENTHONG_MEMORY", value_name = "SIZE")]
    memory: Option<Memory>,
    /// How long to accept calls after a signal, in seconds, while health reports NOT_SERVING so that load balancers switch to other servers. Behind one, choose twice the interval of its health checks.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_DRAIN", value_parser = clap::value_parser!(u64).range(..=DRAIN_SECONDS_MAX), value_name = "SECONDS")]
    drain: u64,
}

impl ServingArgs {
    /// TLS of the listener, if its files are given.
    pub(in crate::cli) fn tls(&self) -> Result<Option<Tls>, Failure> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let tls = files.map(|(certificate, key)| Tls::of_files(certificate, key, self.tls_client_ca.clone()));
        Ok(tls.transpose()?)
    }

    /// The demo credentials that are accepted on `address`, which the flag `--listen` gives.
    pub(in crate::cli) fn demo(&self, address: SocketAddr, has_tls: bool) -> Result<DemoCredentials, Failure> {
        let allowed = self.allow_demo_credentials_off_loopback;
        if allowed && self.no_demo_credentials {
            let flags = "--no-demo-credentials and --allow-demo-credentials-off-loopback";
            return Err(Failure::new(format!("{flags} contradict each other: leave one out")));
        }
        let demo = listen::exposure("--listen", address, has_tls, allowed)?;
        Ok(if self.no_demo_credentials { DemoCredentials::Never } else { demo })
    }

    /// The limits on connections, within the available descriptors.
    pub(in crate::cli) fn limits(&self) -> Result<Limits, Failure> {
        let wanted = self.max_connections as usize;
        let connections_max = descriptors::connections(descriptors::raise(), wanted)?;
        if connections_max < wanted {
            tracing::warn!(connections_max, wanted, "the limit on open descriptors allows fewer connections");
        }
        let connections_per_peer_max = self.max_connections_per_peer as usize;
        Ok(Limits { connections_max, connections_per_peer_max, ..Limits::default() })
    }

    /// The settings that these flags give; all others are the defaults.
    pub(in crate::cli) fn settings(&self, demo: DemoCredentials) -> Config {
        Config {
            rights: self.rights.clone(),
            demo,
            rate_limit: self.rate_limit,
            stranger_rate_limit: self.stranger_rate_limit,
            check_every: (self.check_interval > 0).then(|| Duration::from_secs(self.check_interval)),
            memory: self.memory.unwrap_or_else(Memory::of_machine),
            ..Config::default()
        }
    }

    /// Whether there is a file of rights, which can be read again.
    pub(in crate::cli) fn has_rights(&self) -> bool {
        self.rights.is_some()
    }

    /// How long calls are accepted after a signal.
    pub(in crate::cli) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}

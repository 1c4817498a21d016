//! `lienthong registry NAME…`: registries on a host of their own, until a signal ends it.

#![allow(clippy::disallowed_methods, reason = "a start is measured")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::api::credential::DemoCredentials;
use crate::base::Timestamp;
use crate::cli::keys::SecretArgs;
use crate::cli::output::{Failure, OutputFormat, print, print_text, runtime};
use crate::cli::population::Progress;
use crate::cli::schema_args::SchemaArgs;
use crate::cli::serve::{ReadyFile, address, created_at};
use crate::keys::keyring::KeptKeys;
use crate::server::listen;
use crate::server::memory::Memory;
use crate::server::net::{Limits, Tls, descriptors};
use crate::server::shutdown::Signals;
use crate::server::world_file::POPULATION_MAX;
use crate::server::{Config, Listening, RegistryHost, Storage};
use crate::simulation::discrepancy::Rate;
use crate::simulation::examples;

/// Registries on a host of their own.
#[derive(Debug, Args)]
pub struct Host {
    /// The registries to serve: `land`, `vehicle`, …
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// The address for gRPC; port 0 picks a free port. Any address but loopback needs TLS.
    #[arg(long, default_value = "127.0.0.1:50061", env = "LIENTHONG_LISTEN", value_parser = address, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The address for the logs and metrics over HTTP; plain HTTP, so loopback only. None unless it is given.
    #[arg(long, env = "LIENTHONG_HTTP", value_parser = address, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// The folder for all data. Without it, a temporary folder that is deleted at the end.
    #[arg(long, env = "LIENTHONG_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How many citizens the province has in addition to the personas; as the gateway's, for a new host [default: 1000].
    #[arg(long, env = "LIENTHONG_POPULATION", value_parser = clap::value_parser!(u64).range(..=POPULATION_MAX), value_name = "NUMBER")]
    population: Option<u64>,
    /// The seed from which keys and citizens are generated; as the gateway's, for a new host [default: 42].
    #[arg(long, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    /// How often registries disagree about people; as the gateway's, for a new host [default: 0].
    #[arg(long, env = "LIENTHONG_DISCREPANCIES", value_name = "RATE")]
    discrepancies: Option<Rate>,
    /// When the province begins (RFC 3339), for a new host [default: now]. Hosts and gateway have to begin on the same day.
    #[arg(long, env = "LIENTHONG_CREATED_AT", value_parser = created_at, value_name = "TIME")]
    created_at: Option<Timestamp>,
    /// A file to write once everything is ready, as that of `lienthong serve`.
    #[arg(long, env = "LIENTHONG_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// A file of rights to use instead of the embedded ones.
    #[arg(long, env = "LIENTHONG_RIGHTS", value_name = "FILE")]
    rights: Option<PathBuf>,
    #[command(flatten)]
    schemas: SchemaArgs,
    /// Know the example registries too, so that they can be served here.
    #[arg(long, env = "LIENTHONG_WITH_EXAMPLES")]
    with_examples: bool,
    /// A folder of keys (`lienthong keys init`) to use instead of keys derived from the seed.
    #[arg(long, env = "LIENTHONG_KEYS", value_name = "DIR")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    secret: SecretArgs,
    /// The certificate for TLS with its chain, PEM. With TLS, demo credentials are refused.
    #[arg(long, env = "LIENTHONG_TLS_CERT", requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    #[arg(long, env = "LIENTHONG_TLS_KEY", requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// The certificate authority of clients, PEM: a client may show a certificate of it that names its agency (`lienthong keys tls-cert --agency`) instead of a token.
    #[arg(long, env = "LIENTHONG_TLS_CLIENT_CA", requires = "tls_cert", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// DANGEROUS: listen off loopback without TLS, and accept credentials that anybody can forge.
    #[arg(long, env = "LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK")]
    allow_demo_credentials_off_loopback: bool,
    /// Refuse demo credentials on loopback too: every caller needs a token from `lienthong token issue`.
    #[arg(long, env = "LIENTHONG_NO_DEMO_CREDENTIALS", conflicts_with = "allow_demo_credentials_off_loopback")]
    no_demo_credentials: bool,
    /// The limit of all caches together, like 512MiB [default: a quarter of the free memory at the start].
    #[arg(long, env = "LIENTHONG_MEMORY", value_name = "SIZE")]
    memory: Option<Memory>,
    /// How long to accept calls after a signal, in seconds, while health reports NOT_SERVING.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_DRAIN", value_parser = clap::value_parser!(u64).range(..=600), value_name = "SECONDS")]
    drain: u64,
}

impl Host {
    /// Serves until a signal ends it; 0 after a clean end.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let runtime = runtime()?;
        let ended = runtime.block_on(self.serve(output));
        // What still hangs on a blocking thread is not waited for.
        runtime.shutdown_timeout(Duration::from_millis(100));
        ended.map(|()| ExitCode::SUCCESS)
    }

    async fn serve(self, output: OutputFormat) -> Result<(), Failure> {
        let begun = Instant::now();
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let tls = files.map(|(certificate, key)| Tls::of_files(certificate, key, self.tls_client_ca.clone()));
        let tls = tls.transpose()?;
        let demo = listen::exposure("--listen", self.listen, tls.is_some(), self.allow_demo_credentials_off_loopback)?;
        let demo = if self.no_demo_credentials { DemoCredentials::Never } else { demo };
        if let Some(http) = self.http {
            listen::exposure_of_http("--http", http, self.allow_demo_credentials_off_loopback)?;
        }
        let connections_max = descriptors::connections(descriptors::raise(), Limits::default().connections_max)?;
        let limits = Limits { connections_max, ..Limits::default() };
        // Sockets first: a busy port shall be known before a world is made.
        let grpc = listen::bind(self.listen).await?;
        let console = match self.http {
            None => None,
            Some(address) => Some(listen::bind(address).await?),
        };
        self.ready_file.as_deref().map(ReadyFile::remove_old).transpose()?;
        let mut signals = Signals::install()?;
        let kept = |folder: &PathBuf| -> Result<KeptKeys, Failure> {
            Ok(KeptKeys { folder: folder.clone(), unlock: self.secret.unlock()? })
        };
        let mut registries = self.schemas.sectors()?;
        if self.with_examples {
            registries.extend(examples::all());
        }
        let progress = Progress::new("seeding");
        let config = Config {
            storage: self.data_dir.clone().map_or(Storage::Temporary, Storage::Folder),
            seed: self.seed,
            population: self.population,
            discrepancies: self.discrepancies,
            created_at: self.created_at,
            keys: self.keys.as_ref().map(kept).transpose()?,
            rights: self.rights.clone(),
            demo,
            registries,
            memory: self.memory.unwrap_or_else(Memory::of_machine),
            progress: Some(progress.callback()),
            ..Config::default()
        };
        let host = tokio::select! {
            opened = RegistryHost::open(config, &self.names) => opened?,
            // Seeding that is interrupted begins again at the next start.
            _ = signals.wait() => return Ok(()),
        };
        progress.finish();
        let listening = Listening { grpc, console, tls, trusted_proxies: Vec::new(), limits };
        let mut running = host.start(listening).await?;
        let ready = self.ready_file.clone();
        let home = host.data_dir();
        let ready = ready.map(|path| ReadyFile::write(path, host.accepts_demo(), home, &running)).transpose()?;
        self.announce(&host, running.grpc, running.has_tls, begun.elapsed(), output)?;
        let failed = tokio::select! {
            signal = signals.wait() => {
                tracing::info!(signal, "ending: calls in progress may finish");
                None
            }
            ended = running.ended() => Some(ended),
        };
        drop(ready);
        let drain = failed.map_or(Duration::from_secs(self.drain), |_| Duration::ZERO);
        tokio::select! {
            ended = running.end_after(drain) => ended?,
            signal = signals.wait() => tracing::info!(signal, "calls still in progress are cut"),
        }
        host.close().await;
        match failed {
            None => Ok(()),
            Some(_) => Err(Failure::new("the host stopped by itself; the log states the cause")),
        }
    }

    /// Says what is served, and how a gateway uses it.
    fn announce(
        &self,
        host: &RegistryHost,
        grpc: SocketAddr,
        has_tls: bool,
        took: Duration,
        output: OutputFormat,
    ) -> Result<(), Failure> {
        let at = listen::reachable(grpc);
        if output == OutputFormat::Json {
            let registries: Vec<_> = host
                .registries()
                .map(|(name, size)| serde_json::json!({ "registry": name, "log_size": size }))
                .collect();
            let json = serde_json::json!({
                "grpc": at.to_string(),
                "tls": has_tls,
                "registries": registries,
                "data_dir": host.data_dir(),
                "ready_ms": took.as_millis() as u64,
            });
            return print(&json.to_string());
        }
        let mut text = format!("gRPC       {at}{}\n", if has_tls { " (TLS)" } else { "" });
        for (name, size) in host.registries() {
            text.push_str(&format!("registry   {name}, {size} statements\n"));
        }
        let data = host.data_dir().map_or("temporary".to_owned(), |folder| folder.display().to_string());
        text.push_str(&format!("data       {data}\n\nlienthong serve"));
        for (name, _) in host.registries() {
            text.push_str(&format!(" --registry {name}={at}"));
        }
        let given = [
            ("population", self.population.map(|number| number.to_string())),
            ("seed", self.seed.map(|number| number.to_string())),
            ("discrepancies", self.discrepancies.map(|rate| rate.to_string())),
        ];
        for (flag, value) in given.into_iter().filter_map(|(flag, value)| Some((flag, value?))) {
            text.push_str(&format!(" --{flag} {value}"));
        }
        if has_tls {
            text.push_str(" --registry-ca CA.pem --registry-cert GATEWAY.pem --registry-key GATEWAY.key");
        }
        print_text(&text)
    }
}

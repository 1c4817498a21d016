//! `lienthong registry NAME…`: registries on a host of their own, until a signal ends it.

#![allow(clippy::disallowed_methods, reason = "a start is measured")]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::base::Timestamp;
use crate::cli::keys::SecretArgs;
use crate::cli::output::{Failure, OutputFormat, print, print_text, runtime};
use crate::cli::population::Progress;
use crate::cli::schema_args::SchemaArgs;
use crate::cli::serve::created_at;
use crate::cli::serving::{Ending, ReadyFile, ServingArgs, address, collide, outcome};
use crate::keys::keyring::KeptKeys;
use crate::server::listen;
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
    #[command(flatten)]
    serving: ServingArgs,
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
        let tls = self.serving.tls()?;
        let demo = self.serving.demo(self.listen, tls.is_some())?;
        if let Some(http) = self.http {
            listen::exposure_of_http("--http", http, self.serving.allow_demo_credentials_off_loopback)?;
            if collide(self.listen, http) {
                let why = format!("--listen {} and --http {http} name the same port", self.listen);
                return Err(Failure::new(format!("{why}: give each its own, or leave --http out")));
            }
        }
        let limits = self.serving.limits()?;
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
            registries,
            progress: Some(progress.callback()),
            ..self.serving.settings(demo)
        };
        let host = tokio::select! {
            opened = RegistryHost::open(config, &self.names) => opened?,
            // Seeding that is interrupted begins again at the next start.
            _ = signals.wait() => return Ok(()),
        };
        progress.finish();
        let listening = Listening { grpc, console, tls, trusted_proxies: self.serving.trusted_proxy.clone(), limits };
        let running = host.start(listening).await?;
        let ready = self.ready_file.clone();
        let home = host.data_dir();
        let ready = ready.map(|path| ReadyFile::write(path, host.accepts_demo(), home, &running)).transpose()?;
        self.announce(&host, running.grpc, running.has_tls, begun.elapsed(), output)?;
        let reload = || host.reload_rights();
        let reload = self.serving.has_rights().then_some(&reload as &(dyn Fn() + Sync));
        let ending = Ending { signals: &mut signals, drain: self.serving.drain(), reload, ready };
        let failed = ending.of(running).await?;
        host.close().await;
        outcome(failed)
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

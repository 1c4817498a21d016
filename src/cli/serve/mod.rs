//! `lienthong serve`: the gateway with everything embedded, until a signal ends it.

#![allow(clippy::disallowed_methods, reason = "a start is measured")]

mod address;
mod banner;
mod hosts;
mod ready;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use clap::Args;

use super::fault::read_file;
use super::output::{Failure, OutputFormat, print, print_text};
use super::policy;
use super::population::{DiscrepancyArgs, Progress};
use super::schema_args::SchemaArgs;
use crate::api::credential::DemoCredentials;
use crate::api::web::WebOrigin;
use crate::base::{Error, Reason, limits};
use crate::cli::keys::SecretArgs;
use crate::keys::keyring::KeptKeys;
use crate::registry::Sector;
use crate::server::config::SessionsMax;
use crate::server::listen;
use crate::server::memory::Memory;
use crate::server::net::{Limits, Tls, descriptors};
use crate::server::running::Ended;
use crate::server::shutdown::{HANG_UP, Signals};
use crate::server::world_file::{POPULATION_DEFAULT, POPULATION_MAX, SEED_DEFAULT};
use crate::server::{Config, Gateway, Listening, Storage};
use crate::simulation::examples;
use crate::transparency::client::Roots;
pub(super) use address::address;
use hosts::HostArgs;
pub(super) use hosts::created_at;
pub(super) use ready::ReadyFile;

const EXAMPLES: &str = "\
Examples:
  lienthong serve                                    on loopback, in a temporary folder
  lienthong serve --data-dir ./province              kept; a second start finds everything again
  lienthong serve --listen 127.0.0.1:0 --console off --ready-file ready.json
                                                     on a free port, for tests: the file holds the address
  lienthong serve --rights rights.toml               agencies and rights of one's own
  lienthong serve --registry-schema education.yaml   another agency's registry, from a schema file
  lienthong serve --with-examples                    eight more, from examples/registries
  lienthong serve --registry land=127.0.0.1:50061    a registry that runs on a host of its own (`lienthong registry land`)
  lienthong serve --listen 0.0.0.0:50051 --console off --tls-cert cert.pem --tls-key key.pem
                                                     for others: TLS, and tokens from `lienthong token issue`

Ctrl-C, SIGTERM and SIGHUP end it: calls under way may finish (see --drain); a second signal cuts them. With --rights, SIGHUP reads that
file again instead.

Logs go to stderr; LIENTHONG_LOG chooses them (`debug`, `warn,lienthong=info`).";

/// The exit code when the store takes no more changes until a restart (EX_IOERR of sysexits.h).
const EXIT_STORE: u8 = 74;
/// A day.
const CHECK_SECONDS_DEFAULT: u64 = 86_400;
/// Longest drain, in seconds.
const DRAIN_SECONDS_MAX: u64 = 600;

/// Start the gateway with everything embedded.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// The address for gRPC; port 0 picks a free port. Any address but loopback needs TLS.
    #[arg(long, default_value = "127.0.0.1:50051", env = "LIENTHONG_LISTEN", value_parser = address, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The address for the console, or `off`; plain HTTP, so loopback only.
    #[arg(long, default_value = "127.0.0.1:50052", env = "LIENTHONG_CONSOLE", value_name = "ADDRESS")]
    console: Console,
    /// The folder for all data. Without it, a temporary folder that is deleted at the end.
    #[arg(long, env = "LIENTHONG_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// How many citizens to generate in addition to the personas, for a new province [default: 1000].
    #[arg(long, env = "LIENTHONG_POPULATION", value_parser = clap::value_parser!(u64).range(..=POPULATION_MAX), value_name = "NUMBER")]
    population: Option<u64>,
    /// The seed from which keys and citizens are generated, for a new province [default: 42].
    #[arg(long, env = "LIENTHONG_SEED", value_name = "NUMBER")]
    seed: Option<u64>,
    #[command(flatten)]
    disagreements: DiscrepancyArgs,
    /// A file to write once everything is ready, as JSON: the addresses, whether gRPC uses TLS, and the process id. It is removed at the end, and at the start if a killed process left one.
    #[arg(long, env = "LIENTHONG_READY_FILE", value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// The file to write the trust anchor to [default: anchor.json in the data folder, or else in the working directory].
    #[arg(long, env = "LIENTHONG_ANCHOR", value_name = "FILE")]
    anchor: Option<PathBuf>,
    /// A file of fault rules that are in force from the start (`lienthong fault add --help`).
    #[arg(long, env = "LIENTHONG_FAULTS", value_name = "FILE")]
    faults: Option<PathBuf>,
    /// A file of rights to use instead of the embedded ones (`lienthong rights show`). SIGHUP reads it again; an invalid file changes nothing.
    #[arg(long, env = "LIENTHONG_RIGHTS", value_name = "FILE")]
    rights: Option<PathBuf>,
    #[command(flatten)]
    schemas: SchemaArgs,
    #[command(flatten)]
    hosts: HostArgs,
    /// Serve the example registries too, one for each of the province's departments, with sample data in a new world.
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
    /// DANGEROUS: listen off loopback without TLS, and accept credentials that anybody can forge. Only where nobody else can reach the address, as in a container whose ports are published on loopback.
    #[arg(long, env = "LIENTHONG_ALLOW_DEMO_CREDENTIALS_OFF_LOOPBACK")]
    allow_demo_credentials_off_loopback: bool,
    /// The maximum number of connections, gRPC and console together; fewer if the process may open fewer descriptors.
    #[arg(long, default_value_t = 1024, env = "LIENTHONG_MAX_CONNECTIONS", value_parser = clap::value_parser!(u32).range(16..), value_name = "NUMBER")]
    max_connections: u32,
    /// The maximum number of connections of one address, or of one IPv6 /64; processes of this machine have no such limit.
    #[arg(long, default_value_t = 256, env = "LIENTHONG_MAX_CONNECTIONS_PER_PEER", value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    max_connections_per_peer: u32,
    /// Proxies in front of the gRPC port, separated by commas: their connections must begin with a PROXY header (version 1 or 2), whose address counts as the client's.
    #[arg(long, env = "LIENTHONG_TRUSTED_PROXY", value_delimiter = ',', value_name = "ADDRESS")]
    trusted_proxy: Vec<IpAddr>,
    /// Refuse demo credentials on loopback too: every caller needs a token from `lienthong token issue`.
    #[arg(long, env = "LIENTHONG_NO_DEMO_CREDENTIALS")]
    no_demo_credentials: bool,
    /// The maximum number of sessions at a time: worlds of their own for test suites (`lienthong session create`).
    #[arg(long, default_value_t = limits::SESSIONS_MAX, env = "LIENTHONG_SESSIONS", value_name = "NUMBER")]
    sessions: usize,
    /// The maximum number of sessions at a time of one caller.
    #[arg(long, default_value_t = limits::SESSIONS_MAX, env = "LIENTHONG_SESSIONS_OF_CALLER", value_name = "NUMBER")]
    sessions_of_caller: usize,
    /// The maximum number of calls per second of one caller; 0 is no limit.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_RATE_LIMIT", value_name = "NUMBER")]
    rate_limit: u32,
    /// The maximum number of calls per second of one address without an accepted credential; all addresses together may make twenty times as many, and loopback has only that limit; 0 is no limit.
    #[arg(long, default_value_t = limits::STRANGER_CALLS_PER_SECOND, env = "LIENTHONG_STRANGER_RATE_LIMIT", value_name = "NUMBER")]
    stranger_rate_limit: u32,
    /// The URL under which others reach the console's port: credentials name their status lists under it, and their issuers too if it is https [default: the console's address].
    #[arg(long, env = "LIENTHONG_PUBLIC_URL", value_parser = public_url, value_name = "URL")]
    public_url: Option<String>,
    /// The origins whose pages may call by gRPC-Web on the console's port, separated by commas, like `https://portal.example.vn`; `loopback` stands for all pages of this machine. The console's own may always.
    #[arg(long, env = "LIENTHONG_CORS_ORIGIN", default_value = "loopback", value_delimiter = ',', value_parser = web_origin, value_name = "ORIGIN")]
    cors_origin: Vec<WebOrigin>,
    /// Rebuild the status lists from the record ledger, and log which stored ones differed.
    #[arg(long, env = "LIENTHONG_REBUILD_STATUS")]
    rebuild_status: bool,
    /// How often to check the whole store while serving, in seconds, at a pace that callers hardly notice; 0 is never.
    #[arg(long, default_value_t = CHECK_SECONDS_DEFAULT, env = "LIENTHONG_CHECK_INTERVAL", value_name = "SECONDS")]
    check_interval: u64,
    /// A witness policy (C2SP tlog-policy): its witnesses are asked to cosign the province's heads.
    #[arg(long, env = "LIENTHONG_WITNESS_POLICY", value_name = "FILE")]
    witness_policy: Option<PathBuf>,
    /// With --witness-policy: the certificate authority of witnesses with `https` addresses, PEM, instead of the public ones.
    #[arg(long, env = "LIENTHONG_WITNESS_CA", requires = "witness_policy", value_name = "FILE")]
    witness_ca: Option<PathBuf>,
    /// How long to accept calls after a signal, in seconds, while health reports NOT_SERVING so that load balancers switch to other servers. Behind one, choose twice the interval of its health checks.
    #[arg(long, default_value_t = 0, env = "LIENTHONG_DRAIN", value_parser = clap::value_parser!(u64).range(..=DRAIN_SECONDS_MAX), value_name = "SECONDS")]
    drain: u64,
    /// The limit of all caches together, like 512MiB or 2GiB [default: a quarter of the free memory at the start, of the machine or the container].
    #[arg(long, env = "LIENTHONG_MEMORY", value_name = "SIZE")]
    memory: Option<Memory>,
    /// Turn the simulation on with TLS too: its services, sessions, and faults, the personas' included; without TLS it is always on.
    #[arg(long, env = "LIENTHONG_ENABLE_SIMULATION")]
    enable_simulation: bool,
}

/// Where the console listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Console {
    Off,
    At(SocketAddr),
}

impl FromStr for Console {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            text => address::address(text).map(Self::At).map_err(|why| format!("{why}; or `off`")),
        }
    }
}

/// An `http` or `https` URL without query, as credentials will contain it.
fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'"' | b'\\');
    if rest.is_empty() || rest.starts_with('/') || !rest.bytes().all(fits) {
        return Err("give a URL like https://lienthong.example.vn".into());
    }
    Ok(text.to_owned())
}

fn web_origin(text: &str) -> Result<WebOrigin, String> {
    WebOrigin::parse(text).ok_or_else(|| {
        "give `loopback`, or a scheme and a host without a path, like https://portal.example.vn; `*` is not accepted"
            .into()
    })
}

impl Serve {
    /// Serves until a signal ends it; 0 after a clean end.
    pub fn run(self, output: OutputFormat) -> Result<ExitCode, Failure> {
        let runtime = super::output::runtime()?;
        let ended = runtime.block_on(self.serve(output));
        // Work that hangs on a blocking thread is not waited for.
        runtime.shutdown_timeout(Duration::from_millis(100));
        ended.map(|()| ExitCode::SUCCESS)
    }

    fn kept_keys(&self) -> Result<Option<KeptKeys>, Failure> {
        let kept = |folder: &PathBuf| Ok(KeptKeys { folder: folder.clone(), unlock: self.secret.unlock()? });
        self.keys.as_ref().map(kept).transpose()
    }

    /// The registries in addition to the built-in ones.
    fn registries(&self) -> Result<Vec<Sector>, Failure> {
        let mut registries = self.schemas.sectors()?;
        if self.with_examples {
            registries.extend(examples::all());
        }
        Ok(registries)
    }

    fn sessions(&self) -> SessionsMax {
        SessionsMax { total: self.sessions, of_caller: self.sessions_of_caller, ..SessionsMax::default() }
    }

    /// TLS of the listener, if its files are given.
    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        let tls = files.map(|(certificate, key)| Tls::of_files(certificate, key, self.tls_client_ca.clone()));
        Ok(tls.transpose()?)
    }

    async fn serve(self, output: OutputFormat) -> Result<(), Failure> {
        let begun = Instant::now();
        let tls = self.tls()?;
        let demo = self.demo(tls.is_some())?;
        self.check_console()?;
        let witnesses = self.witness_policy.as_deref().map(policy::read).transpose()?;
        let (keys, limits) = (self.kept_keys()?, self.limits()?);
        // Sockets first: a busy port shall be known before a world is made.
        let grpc = listen::bind(self.listen).await?;
        let console = match self.console {
            Console::Off => None,
            Console::At(address) => Some(listen::bind(address).await?),
        };
        if let Some(path) = &self.ready_file {
            ReadyFile::remove_old(path)?;
        }
        let mut signals = Signals::install()?;
        let (has_tls, sessions) = (tls.is_some(), self.sessions());
        let progress = Progress::new("seeding");
        let config = Config {
            storage: self.data_dir.clone().map_or(Storage::Temporary, Storage::Folder),
            seed: self.seed,
            population: self.population,
            discrepancies: self.disagreements.discrepancies,
            ground_truth: self.disagreements.ground_truth.clone(),
            keys,
            created_at: self.hosts.created_at,
            hosts: self.hosts.addresses()?,
            keys_elsewhere: self.hosts.keys_elsewhere()?,
            anchor: Some(self.anchor_path()),
            rights: self.rights.clone(),
            faults: self.faults.as_deref().map(read_file).transpose()?.unwrap_or_default(),
            demo,
            simulation: !has_tls || self.enable_simulation,
            sessions,
            rate_limit: self.rate_limit,
            stranger_rate_limit: self.stranger_rate_limit,
            public_url: self.public_url.clone(),
            web_origins: self.cors_origin.iter().cloned().collect(),
            rebuild_status: self.rebuild_status,
            check_every: (self.check_interval > 0).then(|| Duration::from_secs(self.check_interval)),
            witnesses,
            witness_roots: self.witness_ca.as_deref().map(Roots::read).transpose()?,
            registries: self.registries()?,
            memory: self.memory.unwrap_or_else(Memory::of_machine),
            progress: Some(progress.callback()),
            ..Config::default()
        };
        let folder = self.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let gateway = tokio::select! {
            opened = Gateway::open(config) => opened.map_err(|error| of_folder(error, &folder))?,
            // Seeding that is interrupted begins again at the next start.
            _ = signals.wait() => return Ok(()),
        };
        progress.finish();
        let listening = Listening { grpc, console, tls, trusted_proxies: self.trusted_proxy.clone(), limits };
        let mut running = gateway.start(listening).await?;
        let ready = self
            .ready_file
            .map(|path| ReadyFile::write(path, gateway.accepts_demo(), gateway.home(), &running))
            .transpose()?;
        let banner = banner::Banner::new(&gateway, &running, begun.elapsed());
        match output {
            OutputFormat::Text => print_text(&banner.to_text())?,
            OutputFormat::Json => print(&banner.to_json()?)?,
        }
        let failed = loop {
            tokio::select! {
                signal = signals.wait() => {
                    if signal == HANG_UP && self.rights.is_some() {
                        gateway.reload_rights();
                        continue;
                    }
                    tracing::info!(signal, "ending: calls in progress may finish");
                    break None;
                }
                ended = running.ended() => break Some(ended),
            }
        };
        drop(ready);
        let drain = failed.map_or(Duration::from_secs(self.drain), |_| Duration::ZERO);
        tokio::select! {
            ended = running.end_after(drain) => ended?,
            signal = signals.wait() => tracing::info!(signal, "calls still in progress are cut"),
        }
        gateway.close().await;
        match failed {
            None => Ok(()),
            Some(Ended::Port) => Err(Failure::new("the server stopped by itself; the log states the cause")),
            Some(Ended::Store) => {
                let message =
                    "the storage engine accepts no more changes: fix the cause given in the log and start again";
                Err(Failure::with_code(message, EXIT_STORE))
            }
        }
    }

    /// Refuses a console that others could reach, or that has gRPC's port.
    fn check_console(&self) -> Result<(), Failure> {
        let Console::At(console) = self.console else { return Ok(()) };
        listen::exposure_of_console(console, self.allow_demo_credentials_off_loopback)?;
        if address::collide(self.listen, console) {
            let why = format!("--listen {} and --console {console} name the same port", self.listen);
            return Err(Failure::new(format!("{why}: give each its own, or --console off")));
        }
        Ok(())
    }

    /// The limits on connections, within the available descriptors.
    fn limits(&self) -> Result<Limits, Failure> {
        let wanted = self.max_connections as usize;
        let connections_max = descriptors::connections(descriptors::raise(), wanted)?;
        if connections_max < wanted {
            tracing::warn!(connections_max, wanted, "the limit on open descriptors allows fewer connections");
        }
        let connections_per_peer_max = self.max_connections_per_peer as usize;
        Ok(Limits { connections_max, connections_per_peer_max, ..Limits::default() })
    }

    /// Whose credentials are accepted.
    fn demo(&self, has_tls: bool) -> Result<DemoCredentials, Failure> {
        let allowed = self.allow_demo_credentials_off_loopback;
        if allowed && self.no_demo_credentials {
            let flags = "--no-demo-credentials and --allow-demo-credentials-off-loopback";
            return Err(Failure::new(format!("{flags} contradict each other: leave one out")));
        }
        let demo = listen::exposure("--listen", self.listen, has_tls, allowed)?;
        Ok(if self.no_demo_credentials { DemoCredentials::Never } else { demo })
    }

    fn anchor_path(&self) -> PathBuf {
        match (&self.anchor, &self.data_dir) {
            (Some(path), _) => path.clone(),
            (None, Some(folder)) => folder.join("anchor.json"),
            (None, None) => PathBuf::from("anchor.json"),
        }
    }
}

/// The defaults that the help names are those of the world.
const _: () = assert!(POPULATION_DEFAULT == 1_000 && SEED_DEFAULT == 42);

/// A refusal for lack of space, with the folder that lacks it and how much has to be free.
fn of_folder(error: Error, folder: &Path) -> Error {
    if error.reason != Reason::StorageFull {
        return error;
    }
    let message = format!(
        "{}; {} needs a reserve of 128 MiB and 64 files, or of 512 MiB while a large world is generated",
        error.message,
        folder.display()
    );
    Error::new(error.reason, message).with_source(error)
}

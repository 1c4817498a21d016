//! `lienthong serve`: the gateway with everything embedded, until a signal ends it.

#![allow(clippy::disallowed_methods, reason = "a start is measured")]

mod banner;
mod hosts;

use std::net::SocketAddr;
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
use super::serving::{Ending, ReadyFile, ServingArgs, address, collide, outcome};
use crate::api::web::WebOrigin;
use crate::api::webhook::authority_of;
use crate::base::{Error, Reason, limits};
use crate::cli::keys::SecretArgs;
use crate::keys::keyring::KeptKeys;
use crate::registry::Sector;
use crate::server::config::SessionsMax;
use crate::server::listen;
use crate::server::shutdown::Signals;
use crate::server::world_file::{POPULATION_DEFAULT, POPULATION_MAX, SEED_DEFAULT};
use crate::server::{Config, Gateway, Listening, Storage};
use crate::simulation::examples;
use crate::transparency::client::Roots;
use crate::webhook::TargetRule;
use hosts::HostArgs;
pub(super) use hosts::created_at;

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

Ctrl-C, SIGTERM and SIGHUP end it: calls in progress may finish (see --drain); a second signal cuts them. With --rights, SIGHUP reads that
file again instead. The exit code is 74 when the store or a log takes no more changes until a restart.

Logs go to stderr; LIENTHONG_LOG chooses them (`debug`, `warn,lienthong=info`).";

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
    /// The maximum number of sessions at a time: worlds of their own for test suites (`lienthong session create`).
    #[arg(long, default_value_t = limits::SESSIONS_MAX, env = "LIENTHONG_SESSIONS", value_name = "NUMBER")]
    sessions: usize,
    /// The maximum number of sessions at a time of one caller.
    #[arg(long, default_value_t = limits::SESSIONS_MAX, env = "LIENTHONG_SESSIONS_OF_CALLER", value_name = "NUMBER")]
    sessions_of_caller: usize,
    /// The URL under which others reach the console's port: credentials name their status lists under it, and their issuers too if it is https [default: the console's address].
    #[arg(long, env = "LIENTHONG_PUBLIC_URL", value_parser = public_url, value_name = "URL")]
    public_url: Option<String>,
    /// The origins whose pages may call by gRPC-Web on the console's port, separated by commas, like `https://portal.example.vn`; `loopback` stands for all pages of this machine. The console's own may always.
    #[arg(long, env = "LIENTHONG_CORS_ORIGIN", default_value = "loopback", value_delimiter = ',', value_parser = web_origin, value_name = "ORIGIN")]
    cors_origin: Vec<WebOrigin>,
    /// Rebuild the status lists from the record ledger, and log which stored ones differed.
    #[arg(long, env = "LIENTHONG_REBUILD_STATUS")]
    rebuild_status: bool,
    /// A witness policy (C2SP tlog-policy): its witnesses are asked to cosign the province's heads.
    #[arg(long, env = "LIENTHONG_WITNESS_POLICY", value_name = "FILE")]
    witness_policy: Option<PathBuf>,
    /// With --witness-policy: the certificate authority of witnesses with `https` addresses, PEM, instead of the public ones.
    #[arg(long, env = "LIENTHONG_WITNESS_CA", requires = "witness_policy", value_name = "FILE")]
    witness_ca: Option<PathBuf>,
    /// A host that webhooks may send events to, like `hooks.example.vn` (port 443) or `127.0.0.1:9000`; or a network like `10.20.0.0/16` into which the names of such hosts may lead, which otherwise lead to public addresses alone. May be given several times, or separated by commas. Without one, no webhook can be created.
    #[arg(long, env = "LIENTHONG_WEBHOOK_TARGET", value_delimiter = ',', value_name = "HOST")]
    webhook_target: Vec<TargetRule>,
    /// With --webhook-target: the certificate authority of the targets, PEM, instead of the public ones.
    #[arg(long, env = "LIENTHONG_WEBHOOK_CA", requires = "webhook_target", value_name = "FILE")]
    webhook_ca: Option<PathBuf>,
    /// Turn the simulation on with TLS too: its services, sessions, and faults, the personas' included; without TLS it is always on.
    #[arg(long, env = "LIENTHONG_ENABLE_SIMULATION")]
    enable_simulation: bool,
    #[command(flatten)]
    serving: ServingArgs,
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
            text => address(text).map(Self::At).map_err(|why| format!("{why}; or `off`")),
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

    async fn serve(self, output: OutputFormat) -> Result<(), Failure> {
        let begun = Instant::now();
        let tls = self.serving.tls()?;
        let demo = self.serving.demo(self.listen, tls.is_some())?;
        self.check_console()?;
        let witnesses = self.witness_policy.as_deref().map(policy::read).transpose()?;
        let (keys, limits) = (self.kept_keys()?, self.serving.limits()?);
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
            faults: self.faults.as_deref().map(read_file).transpose()?.unwrap_or_default(),
            simulation: !has_tls || self.enable_simulation,
            sessions,
            public_url: self.public_url.clone(),
            web_origins: self.cors_origin.iter().cloned().collect(),
            rebuild_status: self.rebuild_status,
            witnesses,
            witness_roots: self.witness_ca.as_deref().map(Roots::read).transpose()?,
            webhook_targets: self.webhook_target.iter().cloned().collect(),
            webhook_tls: self.webhook_ca.as_deref().map(authority_of).transpose()?,
            registries: self.registries()?,
            progress: Some(progress.callback()),
            ..self.serving.settings(demo)
        };
        let folder = self.data_dir.clone().unwrap_or_else(std::env::temp_dir);
        let gateway = tokio::select! {
            opened = Gateway::open(config) => opened.map_err(|error| of_folder(error, &folder))?,
            // Seeding that is interrupted begins again at the next start.
            _ = signals.wait() => return Ok(()),
        };
        progress.finish();
        let listening = Listening { grpc, console, tls, trusted_proxies: self.serving.trusted_proxy.clone(), limits };
        let running = gateway.start(listening).await?;
        let ready = self
            .ready_file
            .clone()
            .map(|path| ReadyFile::write(path, gateway.accepts_demo(), gateway.home(), &running))
            .transpose()?;
        let banner = banner::Banner::new(&gateway, &running, begun.elapsed());
        match output {
            OutputFormat::Text => print_text(&banner.to_text())?,
            OutputFormat::Json => print(&banner.to_json()?)?,
        }
        let reload = || gateway.reload_rights();
        let reload = self.serving.has_rights().then_some(&reload as &(dyn Fn() + Sync));
        let ending = Ending { signals: &mut signals, drain: self.serving.drain(), reload, ready };
        let failed = ending.of(running).await?;
        gateway.close().await;
        outcome(failed)
    }

    /// Refuses a console that others could reach, or that has gRPC's port.
    fn check_console(&self) -> Result<(), Failure> {
        let Console::At(console) = self.console else { return Ok(()) };
        listen::exposure_of_console(console, self.serving.allow_demo_credentials_off_loopback)?;
        if collide(self.listen, console) {
            let why = format!("--listen {} and --console {console} name the same port", self.listen);
            return Err(Failure::new(format!("{why}: give each its own, or --console off")));
        }
        Ok(())
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

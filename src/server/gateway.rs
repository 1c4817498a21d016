//! The gateway: a complete assembly without sockets. The caller owns those, and decides when to end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::assembly::{Assembly, Settings};
use super::config::Config;
use super::data::Data;
use super::ended::Failing;
use super::followers::Followers;
use super::front::Front;
use super::ground_truth::GroundTruth;
use super::in_process::InProcess;
use super::listen::reachable;
use super::net::Connections;
use super::recheck::{LastCheck, Recheck};
use super::remotes::{self, Hosts};
use super::roles::province::RECORDS;
use super::running::{Listening, Running};
use super::services::fault_scope;
use super::task::{AbortOnDrop, Work};
use super::view::WorldView;
use super::witnessing::Witnessing;
use super::world::World;
use super::{http_routes, readings, seeding};
use crate::access::RightsBook;
use crate::api::console::{self, Facts, View as _};
use crate::api::credential::{DemoCredentials, TokenMint};
use crate::api::grpc::simulation::Reach;
use crate::api::http::sessions::SessionRoutes;
use crate::base::{Error, ProvinceCode, Reason, Result};
use crate::keys::keyring::{KeyFolder, KeyHolder, Watcher};
use crate::ledger::StoredLog;
use crate::registry::allocation;
use crate::store::file::is_full;
use crate::store::lock::FolderLock;

/// An opened and seeded gateway.
pub struct Gateway {
    config: Config,
    pub(super) assembly: Arc<Assembly>,
    /// Counters of connections.
    pub connections: Arc<Connections>,
    anchor: Option<PathBuf>,
    followers: Followers,
    witnessing: Witnessing,
    key_changes: Option<AbortOnDrop>,
    checks: Recheck,
    _keys_lock: Option<FolderLock>,
    data: Data,
}

/// The error of damage found by a start, with the folder and the remedy.
pub(super) fn damage_in(folder: Option<&Path>, error: Error) -> Error {
    let (Some(folder), Reason::LedgerCorrupt | Reason::StorageCorrupt) = (folder, error.reason) else { return error };
    let folder = folder.display();
    let mut sentences = vec![error.message.clone()];
    if error.reason == Reason::LedgerCorrupt {
        sentences.push("the log's damaged spaces are log_tile, log_head or log_entry".to_owned());
    }
    sentences.push(format!("`lienthong store check {folder}` lists all damage in {folder}, with the remedies"));
    let message = sentences.join("; ");
    Error::new(error.reason, message).with_subject(error.subject.kind, error.subject.name.clone()).with_source(error)
}

/// Adds the fault rules of a configuration.
fn add_faults(config: &Config, assembly: &Assembly) -> Result<()> {
    if config.faults.is_empty() {
        return Ok(());
    }
    if !config.simulation {
        let message =
            "fault rules belong to the simulation, which a server with TLS serves only with --enable-simulation";
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    assembly.world.faults.add(fault_scope(assembly, false).read(config.faults.clone(), "faults")?)?;
    Ok(())
}

impl Gateway {
    /// Opens the store, assembles all roles, seeds the world if it is new, and writes the trust anchor.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) if the folder cannot be used or holds another world than
    /// the one requested, and with [`LedgerCorrupt`](Reason::LedgerCorrupt) if a stored ledger does not rebuild to its signed root.
    pub async fn open(config: Config) -> Result<Self> {
        // An invalid file of rights is reported before a world is created.
        let catalogue = allocation::unkept(&ProvinceCode::default(), config.registries.clone())?;
        let rights = RightsBook::open(config.rights.as_deref(), &catalogue)?;
        if let Some(file) = rights.file() {
            tracing::info!(file = %file.display(), version = %rights.current().version(), "rights loaded from a file");
        }
        config.ground_truth.as_deref().map(GroundTruth::check).transpose()?;
        let mut data = Data::open(&config)?;
        let keys_lock = config.keys.as_ref().map(|keys| KeyFolder::open(&keys.folder)?.lock()).transpose()?;
        if data.world.seeded && config.ground_truth.is_some() {
            let message = "the ground truth is written while a world is generated: leave --ground-truth out, or choose another folder";
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
        let hosts = remotes::connect(&catalogue, &config.hosts, config.dial.as_ref())?;
        if !data.world.seeded {
            let agreed = remotes::agree(&catalogue, &hosts, &data.world, config.created_at).await?;
            if let Some(began_at) = agreed.began_at {
                data.begin_at(began_at)?;
            }
            seeding::seed(&config, &data, rights.clone(), &hosts, &agreed.foreign).await?;
            data = data.seeded().await?;
        } else if StoredLog::open(&*data.store, RECORDS).await.is_ok_and(|log| log.is_none()) {
            let message = "this data folder is a registry host's: a gateway needs a folder of its own";
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
        let opened = Self::assemble(&config, &data, rights, hosts).await;
        let assembly = opened.map_err(|error| damage_in(data.home(), error))?;
        add_faults(&config, &assembly)?;
        let followers = Followers::begin(&assembly).await?;
        let witnessing = Witnessing::start(&config, &assembly)?;
        let key_changes = config.keys.clone().map(|keys| {
            let watcher = Watcher {
                keys,
                issuers: assembly.registries.values().map(|registry| registry.clone() as Arc<dyn KeyHolder>).collect(),
                province: assembly.province.layer.clone(),
                records: assembly.province.records.clone(),
                evidence: assembly.gateway.evidence.clone(),
                verifier: assembly.province.verifier.clone(),
                board: assembly.province.anchor.clone(),
                clock: assembly.world.clock.clone(),
            };
            assembly.defects.spawn(Work::Keys, watcher.run())
        });
        let anchor = match &config.anchor {
            None => None,
            Some(path) => match assembly.province.anchor.newest().write(path) {
                Ok(()) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
                // Reading needs no free space, and GetTrustAnchor still serves the anchor.
                Err(error) if is_full(&error) => {
                    tracing::error!(%error, "the trust anchor's file is missing or outdated");
                    None
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Self {
            config,
            assembly: Arc::new(assembly),
            connections: Arc::default(),
            anchor,
            followers,
            witnessing,
            key_changes,
            checks: Recheck::default(),
            data,
            _keys_lock: keys_lock,
        })
    }

    async fn assemble(config: &Config, data: &Data, rights: Arc<RightsBook>, hosts: Hosts) -> Result<Assembly> {
        let settings = Settings { hosts, ..Settings::of(config, data)? };
        Assembly::open(World::open(config, data, rights).await?, settings).await
    }

    /// Serves on sockets that the caller bound.
    pub async fn start(&self, listening: Listening) -> Result<Running> {
        let address = reachable(listening.grpc.local_addr().map_err(crate::base::Error::bug)?);
        let has_tls = listening.tls.is_some();
        let console = listening.console.as_ref().and_then(|console| console.local_addr().ok()).map(reachable);
        let base = self.config.public_url.clone().or_else(|| console.map(|at| format!("http://{at}")));
        if let Some(base) = &base {
            self.assembly.province.status.serve_at(base);
        }
        let (end, ending) = tokio::sync::watch::channel(false);
        if let Some(every) = self.config.check_every {
            let (store, catalogue) = (self.data.store.clone(), self.assembly.world.catalogue.clone());
            self.checks.begin(store, catalogue, every, self.config.clock.clone(), end.subscribe())?;
            self.assembly.gateway.metrics.ask(self.checks.readings());
        }
        let front = Front::of(&self.config, &self.assembly, &self.data.world, self.reach(address, has_tls), ending)?;
        if let (Some(sessions), Some(base)) = (&front.sessions, &base) {
            sessions.serve_at(base);
        }
        self.assembly.gateway.metrics.ask(readings::of_connections(&self.connections));
        self.assembly.gateway.metrics.ask(readings::of_logs(self.assembly.written_logs()));
        self.assembly.gateway.metrics.ask(readings::of_feeds(&self.assembly)?);
        self.assembly.gateway.metrics.ask(readings::of_store(self.data.store.health()));
        self.assembly.gateway.metrics.ask(readings::of_caches(&self.assembly));
        self.assembly.gateway.metrics.ask(readings::of_hosts(&self.assembly));
        self.assembly.gateway.metrics.ask(readings::of_webhooks(&self.assembly.webhooks));
        if let Some(home) = self.home() {
            self.assembly.gateway.metrics.ask(readings::of_disk(home));
        }
        let view = Arc::new(self.view(address, has_tls));
        let sessions = front.sessions.clone().map(|sessions| sessions as Arc<dyn SessionRoutes>);
        let guarded = http_routes::guarded(&self.assembly.gateway.metrics);
        let further = http_routes::all(&self.assembly, &self.witnessing, sessions);
        let pages = |hosts| console::router(view, hosts, guarded, further);
        let called = (self.config.public_url.as_deref(), self.config.web_origins.clone());
        let logs = self.assembly.written_logs();
        let failing = Failing::of(self.data.store.health(), logs.iter().map(|(_, log)| &**log));
        let ends = (end, self.connections.clone(), failing);
        Running::begin(listening, front, pages, called, self.anchor.clone(), ends)
    }

    /// Serves without a socket, to callers in this process; the personas' commands name `address`.
    pub async fn in_process(&self, address: SocketAddr) -> Result<InProcess> {
        let (end, ending) = tokio::sync::watch::channel(false);
        let front = Front::of(&self.config, &self.assembly, &self.data.world, self.reach(address, false), ending)?;
        Ok(InProcess::new(front, end))
    }

    /// The facts for the console and the banner.
    pub fn facts(&self, grpc: SocketAddr, has_tls: bool) -> Facts {
        self.view(grpc, has_tls).facts()
    }

    /// The persistent data folder; `None` if nothing persists.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.folder()
    }

    /// The folder of all data, also a temporary one; `None` in memory.
    pub fn home(&self) -> Option<&Path> {
        self.data.home()
    }

    /// The world's seed, unless it is secret.
    pub fn seed(&self) -> Option<u64> {
        self.config.reveals_seed().then_some(self.data.world.seed)
    }

    /// Whether demo credentials are accepted from any address.
    pub fn accepts_demo(&self) -> bool {
        self.config.demo != DemoCredentials::Never
    }

    /// Mints bearer tokens that this gateway accepts.
    pub fn tokens(&self) -> &TokenMint {
        &self.assembly.gateway.tokens
    }

    /// The result of the last background check of the store; `None` before the first.
    pub fn last_check(&self) -> Option<LastCheck> {
        self.checks.last()
    }

    /// Reads the file of rights again, and logs the outcome.
    pub fn reload_rights(&self) {
        self.assembly.gateway.rights.reload_logged();
    }

    /// The number of entries in the record ledger.
    pub fn record_ledger_size(&self) -> u64 {
        self.assembly.province.records.head().size
    }

    /// Closes the gateway. Acknowledged changes are durable already, so nothing is written; tasks get a moment to release the
    /// store.
    pub async fn close(self) {
        let Self { assembly, followers, witnessing, key_changes, data, .. } = self;
        drop((followers, witnessing, key_changes));
        drop(assembly);
        data.release().await;
    }

    /// The address and flags in the personas' commands. Every caller can read those, so they omit the data folder.
    fn reach(&self, grpc: SocketAddr, has_tls: bool) -> Reach {
        let tokens_from = (!self.accepts_demo()).then(|| "DIR".to_owned());
        Reach { address: grpc.to_string(), has_tls, ca: None, tokens_from, session: None }
    }

    fn view(&self, grpc: SocketAddr, has_tls: bool) -> WorldView {
        WorldView {
            world: self.data.world.clone(),
            assembly: self.assembly.clone(),
            reach: self.reach(reachable(grpc), has_tls),
            simulation: self.config.simulation,
        }
    }
}

//! The gateway: everything wired, without sockets. The caller owns those, and says when to end.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::assembly::{Assembly, Settings};
use super::config::Config;
use super::data::Data;
use super::feed::ProvinceFeed;
use super::in_process::InProcess;
use super::listen::reachable;
use super::net::Connections;
use super::recheck::{LastCheck, Recheck};
use super::running::{Listening, Running};
use super::view::WorldView;
use super::witnessing::Witnessing;
use super::world::World;
use super::{http_routes, readings, seeding, services};
use crate::access::RightsBook;
use crate::api::console::{Facts, View as _};
use crate::api::credential::{DemoCredentials, TokenMint};
use crate::api::grpc::simulation::Reach;
use crate::base::{Error, ProvinceCode, Reason, Result};
use crate::identity::following::Following;
use crate::keys::keyring::{KeyFolder, KeyHolder, Watcher};
use crate::registry::allocation;
use crate::store::file::is_full;
use crate::store::lock::FolderLock;

/// A gateway, opened and seeded.
pub struct Gateway {
    config: Config,
    pub(super) assembly: Arc<Assembly>,
    /// What happens to connections, counted.
    pub connections: Arc<Connections>,
    anchor: Option<PathBuf>,
    following: AbortOnDrop,
    due_work: AbortOnDrop,
    witnessing: Witnessing,
    key_changes: Option<AbortOnDrop>,
    checks: Recheck,
    _keys_lock: Option<FolderLock>,
    data: Data,
}

/// How long tasks may take to let go of the store.
const CLOSES_WITHIN: Duration = Duration::from_millis(100);

/// A task that ends with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Damage that a start met, with the folder that it is in and what helps.
fn damage_in(folder: Option<&Path>, error: Error) -> Error {
    let (Some(folder), Reason::LedgerCorrupt | Reason::StorageCorrupt) = (folder, error.reason) else { return error };
    let folder = folder.display();
    let spaces = if error.reason == Reason::LedgerCorrupt { " (spaces log_tile, log_head, log_entry)" } else { "" };
    let message = format!(
        "{}{spaces}; `lienthong store check {folder}` finds all that is damaged in {folder}, and says what mends it",
        error.message
    );
    Error::new(error.reason, message).with_subject(error.subject.kind, error.subject.name.clone()).with_source(error)
}

impl Gateway {
    /// Opens the store, wires every part, seeds the world if it is new, and writes the trust anchor.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) when the folder cannot be used or
    /// holds another world than the one asked for, and with [`LedgerCorrupt`](Reason::LedgerCorrupt) when a
    /// stored ledger does not rebuild to its signed root.
    pub async fn open(config: Config) -> Result<Self> {
        // A bad file of rights shall be known before a world is made.
        let catalogue = allocation::unkept(&ProvinceCode::default(), config.registries.clone())?;
        let rights = RightsBook::open(config.rights.as_deref(), &catalogue)?;
        if let Some(file) = rights.file() {
            tracing::info!(file = %file.display(), version = %rights.current().version(), "rights of a file");
        }
        let mut data = Data::open(&config)?;
        let keys_lock = config.keys.as_ref().map(|keys| KeyFolder::open(&keys.folder)?.lock()).transpose()?;
        if !data.world.seeded {
            seeding::seed(&config, &data, rights.clone()).await?;
            data = data.seeded().await?;
        }
        let opened = Self::assemble(&config, &data, rights).await;
        let assembly = opened.map_err(|error| damage_in(data.home(), error))?;
        assembly.province.follow_registries()?;
        let feed = Arc::new(ProvinceFeed(assembly.province.layer.clone()));
        let following =
            Following::new(assembly.gateway.linking.clone(), data.store.clone(), feed, assembly.world.clock.clone());
        let following = AbortOnDrop(tokio::spawn(following.run()));
        let due_work = AbortOnDrop(tokio::spawn(assembly.world.clock.clone().run()));
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
            AbortOnDrop(tokio::spawn(watcher.run()))
        });
        let anchor = match &config.anchor {
            None => None,
            Some(path) => match assembly.province.anchor.newest().write(path) {
                Ok(()) => Some(std::path::absolute(path).unwrap_or_else(|_| path.clone())),
                // Reading needs no room, and GetTrustAnchor still serves the anchor.
                Err(error) if is_full(&error) => {
                    tracing::error!(%error, "the trust anchor's file is missing or out of date");
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
            following,
            due_work,
            witnessing,
            key_changes,
            checks: Recheck::default(),
            data,
            _keys_lock: keys_lock,
        })
    }

    async fn assemble(config: &Config, data: &Data, rights: Arc<RightsBook>) -> Result<Assembly> {
        Assembly::open(World::open(config, data, rights).await?, Settings::of(config, data)?).await
    }

    /// Serves on sockets that the caller bound.
    pub async fn start(&self, listening: Listening) -> Result<Running> {
        let address = reachable(listening.grpc.local_addr().map_err(crate::base::Error::bug)?);
        let has_tls = listening.tls.is_some();
        let console = listening.console.as_ref().and_then(|console| console.local_addr().ok()).map(reachable);
        let base = self.config.public_url.clone().or_else(|| console.map(|at| format!("http://{at}")));
        if let Some(base) = base {
            self.assembly.province.status.serve_at(&base);
        }
        let (end, ending) = tokio::sync::watch::channel(false);
        if let Some(every) = self.config.check_every {
            let (store, catalogue) = (self.data.store.clone(), self.assembly.world.catalogue.clone());
            self.checks.begin(store, catalogue, every, self.config.clock.clone(), end.subscribe())?;
            self.assembly.gateway.metrics.ask(self.checks.readings());
        }
        let served =
            services::all(&self.config, &self.data, &self.assembly, self.reach(address, has_tls), ending).await?;
        self.assembly.gateway.metrics.ask(readings::of_connections(&self.connections));
        self.assembly.gateway.metrics.ask(readings::of_logs(&self.assembly)?);
        self.assembly.gateway.metrics.ask(readings::of_caches(&self.assembly));
        if let Some(home) = self.home() {
            self.assembly.gateway.metrics.ask(readings::of_disk(home));
        }
        let view = Arc::new(self.view(address, has_tls));
        let (url, further) = (self.config.public_url.as_deref(), http_routes::all(&self.assembly, &self.witnessing));
        let ends = (end, self.connections.clone());
        Running::begin(listening, served, view, url, further, self.anchor.clone(), ends)
    }

    /// Serves without a socket, to callers in this process; commands name `address`.
    pub async fn in_process(&self, address: SocketAddr) -> Result<InProcess> {
        let (end, ending) = tokio::sync::watch::channel(false);
        let served =
            services::all(&self.config, &self.data, &self.assembly, self.reach(address, false), ending).await?;
        Ok(InProcess::new(served, end))
    }

    /// What the console and the banner show.
    pub fn facts(&self, grpc: SocketAddr, has_tls: bool) -> Facts {
        self.view(grpc, has_tls).facts()
    }

    /// The folder that keeps everything; `None` when nothing is kept.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.folder()
    }

    /// The folder in which everything is, the temporary one too; `None` in memory.
    pub fn home(&self) -> Option<&Path> {
        self.data.home()
    }

    /// The world's seed, unless it is a secret.
    pub fn seed(&self) -> Option<u64> {
        self.config.reveals_seed().then_some(self.data.world.seed)
    }

    /// Whether anybody's demo credentials are accepted.
    pub fn accepts_demo(&self) -> bool {
        self.config.demo != DemoCredentials::Never
    }

    /// Mints bearer tokens that this gateway accepts.
    pub fn tokens(&self) -> &TokenMint {
        &self.assembly.gateway.tokens
    }

    /// How the last check of the store ended while it was served from; `None` before the first.
    pub fn last_check(&self) -> Option<LastCheck> {
        self.checks.last()
    }

    /// Reads the file of rights again, and says what came of it.
    pub fn reload_rights(&self) {
        match self.assembly.gateway.rights.reload() {
            Ok(rights) => {
                tracing::info!(version = %rights.version(), "the rights were read again and hold from now on")
            }
            Err(error) => tracing::error!(why = error.message, "the rights stay as they were"),
        }
    }

    /// Entries of the record ledger.
    pub fn record_ledger_size(&self) -> u64 {
        self.assembly.province.records.head().size
    }

    /// Closes the gateway. What was acknowledged is durable already, so there is nothing to write; tasks get a moment to let
    /// go of the store.
    pub async fn close(self) {
        let Self { assembly, following, due_work, witnessing, key_changes, data, .. } = self;
        drop((following, due_work, witnessing, key_changes));
        drop(assembly);
        data.close(CLOSES_WITHIN).await;
    }

    /// How commands reach this gateway. Every reader of the personas sees them, so they don't say where the data folder is.
    fn reach(&self, grpc: SocketAddr, has_tls: bool) -> Reach {
        let tokens_from = (!self.accepts_demo()).then(|| "DIR".to_owned());
        Reach { address: grpc.to_string(), has_tls, ca: None, tokens_from }
    }

    fn view(&self, grpc: SocketAddr, has_tls: bool) -> WorldView {
        WorldView {
            world: self.data.world.clone(),
            assembly: self.assembly.clone(),
            clock: self.assembly.world.clock.clone(),
            reach: self.reach(reachable(grpc), has_tls),
            simulation: self.config.simulation,
        }
    }
}

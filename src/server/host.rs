//! A registry host: one or several registries alone, with their own store and keys, behind `registry.v1.RegistryService`.
//!
//! It has no province and no gateway: what it acknowledges is signed and durable, and whoever follows it accepts the changes. It seeds its own part of
//! the same province: the citizens of a seed and a population are the same wherever they are generated.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::assembly::Settings;
use super::config::Config;
use super::data::Data;
use super::ended::Failing;
use super::entrance::{Entrance, Process, Services, add};
use super::followers::begin_due_work;
use super::front::Front;
use super::gateway::damage_in;
use super::host_assembly::HostAssembly;
use super::in_process::InProcess;
use super::net::Connections;
use super::recheck::{LastCheck, Recheck};
use super::records_due::RecordsDue;
use super::roles::province::RECORDS;
use super::running::{Listening, Running};
use super::task::AbortOnDrop;
use super::world::World;
use super::{health, http_routes, readings, seeding};
use crate::access::RightsBook;
use crate::api::PageTokens;
use crate::api::admission::{Admission, NoSessions};
use crate::api::console;
use crate::api::credential::DemoCredentials;
use crate::api::grpc::registry::{Beginning, IssuingGrpcService, SharedRegistries};
use crate::api::grpc::trust::ledger::LedgerGrpcService;
use crate::base::{Error, ProvinceCode, Reason, Result, Timestamp};
use crate::ledger::{LogId, StoredLog};
use crate::registry::{Catalogue, Name, allocation};
use crate::transparency::Logs;
use crate::wire::proto::registry::v1::issuing_service_server::IssuingServiceServer;
use crate::wire::proto::registry::v1::registry_service_server::RegistryServiceServer;
use crate::wire::proto::trust::v1::ledger_service_server::LedgerServiceServer;

/// Fails where a folder that was seeded before has nothing of one of the registries: it would be served empty, as if its citizens had no records.
async fn begun_here(data: &Data, catalogue: &Catalogue, names: &[Name]) -> Result<()> {
    if StoredLog::open(&*data.store, RECORDS).await?.is_some() {
        let message = "this data folder is a gateway's: a registry host needs a folder of its own";
        return Err(Error::new(Reason::ConfigurationInvalid, message));
    }
    for name in names {
        let sector = catalogue.sector(name).ok_or_else(|| Error::bug("a registry of no catalogue"))?;
        if StoredLog::open(&*data.store, LogId(sector.ordinal)).await?.is_none() {
            let message =
                format!("this data folder was begun without the {name} registry: serve it from a folder of its own");
            return Err(Error::new(Reason::ConfigurationInvalid, message));
        }
    }
    Ok(())
}

/// An opened and seeded registry host.
pub struct RegistryHost {
    config: Config,
    assembly: HostAssembly,
    entrance: Entrance,
    beginning: Beginning,
    logs: Logs,
    checks: Recheck,
    connections: Arc<Connections>,
    data: Data,
    _due: AbortOnDrop,
}

impl RegistryHost {
    /// Opens the store, seeds the registries `names` if the world is new, and opens them.
    ///
    /// Fails with [`ConfigurationInvalid`](Reason::ConfigurationInvalid) for a registry that there is not, and as
    /// [`Gateway::open`](super::Gateway::open) does.
    pub async fn open(config: Config, names: &[String]) -> Result<Self> {
        let config = Config { has_persona_faults: false, ..config };
        let catalogue = allocation::unkept(&ProvinceCode::default(), config.registries.clone())?;
        let names = names.iter().map(|name| Ok(catalogue.configured(name)?.name.clone()));
        let names: Vec<Name> = names.collect::<Result<_>>()?;
        let rights = RightsBook::open(config.rights.as_deref(), &catalogue)?;
        let mut data = Data::open(&config)?;
        if !data.world.seeded {
            seeding::seed_host(&config, &data, rights.clone(), &names).await?;
            data = data.seeded().await?;
        } else {
            begun_here(&data, &catalogue, &names).await?;
        }
        let settings = Settings::of(&config, &data)?;
        let world = World::open(&config, &data, rights.clone()).await?;
        let opened = HostAssembly::open(world, &settings, &names).await;
        let assembly = opened.map_err(|error| damage_in(data.home(), error))?;
        let entrance = Entrance {
            clock: assembly.clock.clone(),
            time: assembly.world.clock.clone(),
            entropy: assembly.world.entropy.clone(),
            rights,
            people: None,
            tokens: settings.tokens.clone(),
            metrics: Arc::default(),
            traces: Arc::default(),
            faults: assembly.world.faults.clone(),
        };
        let mut logs = Logs::default();
        assembly.registries.values().for_each(|registry| logs.add_viewed(registry.log().clone(), true, None));
        let clock = &assembly.world.clock;
        clock.take_on(Arc::new(RecordsDue::alone(assembly.registries.values())));
        let due = begin_due_work(clock, &assembly.defects).await;
        let created_at = Timestamp(data.world.created_at_ms);
        Ok(Self {
            _due: due,
            beginning: Beginning { at: Some(created_at), seeding: data.world.seeding_at(created_at) },
            checks: Recheck::default(),
            connections: Arc::default(),
            config,
            assembly,
            entrance,
            logs,
            data,
        })
    }

    /// Serves without a socket, to callers in this process.
    pub fn in_process(&self) -> Result<InProcess> {
        let (end, ending) = watch::channel(false);
        Ok(InProcess::new(self.front(ending)?, end))
    }

    fn front(&self, ending: watch::Receiver<bool>) -> Result<Front> {
        let edge = self.entrance.edge(ending);
        let pages = PageTokens::new(&self.assembly.world.seed, self.data.world.mark());
        let (catalogue, ports) = (|| self.assembly.world.catalogue.clone(), || self.assembly.ports.values().cloned());
        let mut services = Services::default();
        let shared = SharedRegistries::new(edge.clone(), catalogue(), ports(), None, self.beginning.clone(), pages);
        add!(services, RegistryServiceServer, shared);
        add!(services, IssuingServiceServer, IssuingGrpcService::new(edge.clone(), ports()));
        add!(services, LedgerServiceServer, LedgerGrpcService::new(edge.clone(), self.logs.clone()));
        let process = Process::new(&self.config, &catalogue(), &services, &self.entrance)?;
        let (clock, store) = (self.assembly.clock.clone(), self.assembly.world.store.health());
        let defects = self.assembly.defects.clone();
        let logs = self.assembly.written_logs();
        let served = self.entrance.clone().serve(&process, services, edge, (None, false), |board| {
            let mut watchers = JoinSet::new();
            health::watch_process(&mut watchers, (clock, store), &logs, &defects, board);
            Ok(watchers)
        })?;
        let metrics = &self.entrance.metrics;
        metrics.ask(readings::of_calls(process.capacity.load(), &served.health));
        metrics.ask(readings::of_connections(&self.connections));
        metrics.ask(readings::of_logs(self.assembly.written_logs()));
        metrics.ask(readings::of_store(self.data.store.health()));
        if let Some(home) = self.data.home() {
            metrics.ask(readings::of_disk(home));
        }
        let capacity = process.capacity;
        let admission = Admission::new(process.methods, capacity.clone(), served.world.clone(), Arc::new(NoSessions));
        Ok(Front { admission, capacity, served, sessions: None })
    }

    /// Serves on sockets that the caller bound.
    pub async fn start(&self, listening: Listening) -> Result<Running> {
        let (end, ending) = watch::channel(false);
        if let Some(every) = self.config.check_every {
            let (store, catalogue) = (self.data.store.clone(), self.assembly.world.catalogue.clone());
            self.checks.begin(store, catalogue, every, self.config.clock.clone(), end.subscribe())?;
            self.entrance.metrics.ask(self.checks.readings());
        }
        let (front, metrics) = (self.front(ending)?, &self.entrance.metrics);
        let called = (self.config.public_url.as_deref(), self.config.web_origins.clone());
        let routes = http_routes::of_host(metrics.clone(), self.logs.clone());
        let logs = self.assembly.written_logs();
        let failing = Failing::of(self.data.store.health(), logs.iter().map(|(_, log)| &**log));
        let ends = (end, self.connections.clone(), failing);
        Running::begin(listening, front, |hosts| console::without_pages(hosts, routes), called, None, ends)
    }

    /// The names of its registries, with the sizes of their logs.
    pub fn registries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.assembly.registries.iter().map(|(name, registry)| (&**name, registry.log().head().size))
    }

    /// Whether demo credentials are accepted.
    pub fn accepts_demo(&self) -> bool {
        self.config.demo != DemoCredentials::Never
    }

    /// The persistent data folder; `None` if nothing persists.
    pub fn data_dir(&self) -> Option<&Path> {
        self.data.folder()
    }

    /// The result of the last background check of the store; `None` before the first.
    pub fn last_check(&self) -> Option<LastCheck> {
        self.checks.last()
    }

    /// Reads the file of rights again, and logs the outcome.
    pub fn reload_rights(&self) {
        self.entrance.rights.reload_logged();
    }

    /// Closes the host. Acknowledged changes are durable already; tasks get a moment to release the store.
    pub async fn close(self) {
        let Self { assembly, entrance, data, _due, logs, .. } = self;
        drop((_due, logs, entrance, assembly));
        data.release().await;
    }
}

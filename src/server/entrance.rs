//! The entrance of a process: what lets calls into a world, whichever roles stand behind it, and what all worlds of a process share: methods,
//! capacity, reflection.

use std::num::NonZeroUsize;
use std::sync::Arc;

use prost_types::FileDescriptorSet;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;

use super::assembly::Assembly;
use super::config::Config;
use crate::access::{People, RightsBook};
use crate::api::Edge;
use crate::api::admission::{Capacity, Entry, KnownCitizens, Methods, ServedWorld};
use crate::api::credential::{Authenticator, TokenMint};
use crate::api::dispatch::{Dispatch, Handler};
use crate::api::grpc::health::HealthGrpcService;
use crate::api::health::HealthBoard;
use crate::api::metrics::Metrics;
use crate::base::{Entropy, Error, Result, SessionId, limits};
use crate::exchange::RecentCalls;
use crate::ledger::{LogClock, Monotone};
use crate::registry::Catalogue;
use crate::simulation::clock::WorldClock;
use crate::simulation::faults::Rules;
use crate::simulation::journal::Journal;
use crate::wire::{DESCRIPTORS, schema_messages};

/// Reflection, in the two versions that clients speak.
const V1: &str = "grpc.reflection.v1.ServerReflection";
const V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Adds a service with our message limits, and notes its name.
macro_rules! add {
    ($services:expr, $server:ident, $service:expr) => {
        $services.add($server::new($service).max_decoding_message_size($crate::base::limits::MESSAGE_BYTES_MAX))
    };
}
pub(super) use add;

/// The services of a world.
#[derive(Default)]
pub(super) struct Services {
    handlers: Vec<(&'static str, Arc<dyn Handler>)>,
    names: Vec<&'static str>,
    /// Keeps their calls.
    pub(super) journal: Option<Arc<Journal>>,
}

impl Services {
    /// Adds a service.
    pub(super) fn add<S: Handler + NamedService + 'static>(&mut self, service: S) {
        self.names.push(S::NAME);
        self.handlers.push((S::NAME, Arc::new(service)));
    }
}

/// The parts that the worlds of a process share.
pub struct Process {
    /// The methods that are served.
    pub methods: Arc<Methods>,
    /// The capacity for calls.
    pub capacity: Arc<Capacity>,
    /// Knows callers: all worlds accept the tokens of one key.
    authenticator: Arc<Authenticator>,
    /// Reflection: all worlds have the same protos and record types.
    reflection: Vec<(&'static str, Arc<dyn Handler>)>,
}

impl Process {
    /// The shared parts for these services of ours.
    pub(super) fn new(
        config: &Config,
        catalogue: &Catalogue,
        services: &Services,
        entrance: &Entrance,
    ) -> Result<Self> {
        let rights = &*entrance.rights.current();
        let ours = [DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET];
        let alpha = tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET;
        let health = HealthServer::<HealthGrpcService>::NAME;
        let names = [services.names.as_slice(), &[health, V1, V1ALPHA]].concat();
        let of_schemas = FileDescriptorSet {
            file: catalogue.record_types().filter_map(|record_type| schema_messages::file(record_type)).collect(),
        };
        let reflection = || {
            // The details of errors, so that grpcurl prints them in readable form.
            let begun = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(alpha)
                .register_file_descriptor_set(of_schemas.clone())
                .include_reflection_service(false);
            let begun = ours.iter().fold(begun, |builder, set| builder.register_encoded_file_descriptor_set(set));
            names.iter().fold(begun, |builder, name| builder.with_service_name(*name))
        };
        let v1: Arc<dyn Handler> = Arc::new(reflection().build_v1().map_err(Error::bug)?);
        let v1alpha: Arc<dyn Handler> = Arc::new(reflection().build_v1alpha().map_err(Error::bug)?);
        let described = [ours.as_slice(), &[alpha]].concat();
        let running = config.calls_running.unwrap_or_else(calls_running);
        let agencies = rights.agencies().map(|agency| agency.key.clone());
        Ok(Self {
            methods: Arc::new(Methods::new(&described, &names, rights)?),
            authenticator: Arc::new(Authenticator::new(entrance.tokens.public_key(), config.demo)),
            capacity: Capacity::new(running, agencies, config.rate_limit, config.stranger_rate_limit),
            reflection: vec![(V1, v1), (V1ALPHA, v1alpha)],
        })
    }
}

/// The most calls that keep this machine's processors busy.
fn calls_running() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get) * limits::CALLS_RUNNING_PER_PROCESSOR
}

/// The services of one world, ready to serve.
pub struct Served {
    /// The entry point of calls.
    pub world: Arc<ServedWorld>,
    /// The health of each service.
    pub health: HealthBoard,
    /// The tasks that watch the health.
    pub watchers: JoinSet<()>,
}

/// What lets calls into a world: how callers are known, what they may, at which time, and what is kept of their calls.
#[derive(Clone)]
pub struct Entrance {
    /// The clock of the world's logs.
    pub clock: LogClock,
    /// The world's clock.
    pub time: Arc<WorldClock>,
    /// The world's randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who may call what.
    pub rights: Arc<RightsBook>,
    /// The citizens; `None`: there are none.
    pub people: Option<Arc<dyn People>>,
    /// Mints the bearer tokens that are accepted.
    pub tokens: Arc<TokenMint>,
    /// Counters of calls.
    pub metrics: Arc<Metrics>,
    /// Recent calls that left no evidence.
    pub traces: Arc<RecentCalls>,
    /// The rules of the world's faults.
    pub faults: Arc<Rules>,
}

impl Entrance {
    /// The entrance of a gateway.
    pub fn of(assembly: &Assembly) -> Self {
        let Assembly { world, gateway, .. } = assembly;
        Self {
            clock: assembly.clock.clone(),
            time: world.clock.clone(),
            entropy: world.entropy.clone(),
            rights: gateway.rights.clone(),
            people: Some(gateway.people.clone()),
            tokens: gateway.tokens.clone(),
            metrics: gateway.metrics.clone(),
            traces: gateway.traces.clone(),
            faults: world.faults.clone(),
        }
    }

    /// The edge of the services, until `ending` becomes true.
    pub(super) fn edge(&self, ending: watch::Receiver<bool>) -> Edge {
        Edge::new(Arc::new(Monotone(self.clock.clone())), self.entropy.clone(), self.traces.clone(), ending)
    }

    /// The same of a session; `of_anyone` is for ids of calls that anyone may make.
    pub(super) fn edge_of_session(
        &self,
        of_anyone: Arc<dyn Entropy>,
        ending: watch::Receiver<bool>,
        session: SessionId,
    ) -> Edge {
        let clock = Arc::new(Monotone(self.clock.clone()));
        Edge::of_session(clock, [self.entropy.clone(), of_anyone], self.traces.clone(), ending, session)
    }

    /// Adds health and reflection, and lets calls in. `watchers` begins to watch the health of the services.
    pub(super) fn serve(
        self,
        process: &Process,
        mut services: Services,
        edge: Edge,
        (entry, metadata_faults): (Option<Entry>, bool),
        watchers: impl FnOnce(&HealthBoard) -> Result<JoinSet<()>>,
    ) -> Result<Served> {
        let health = edge.health();
        services.names.iter().for_each(|name| health.add(name));
        let watchers = watchers(&health)?;
        services.add(HealthServer::new(HealthGrpcService::new(edge.clone(), health.clone())));
        services.handlers.extend(process.reflection.iter().cloned());
        let world = ServedWorld {
            dispatch: Dispatch::new(services.handlers),
            authenticator: process.authenticator.clone(),
            rights: self.rights,
            citizens: self.people.map(KnownCitizens::new),
            clock: self.clock,
            time: self.time,
            edge,
            metrics: self.metrics,
            faults: self.faults,
            metadata_faults,
            journal: services.journal,
            entry,
        };
        Ok(Served { world: Arc::new(world), health, watchers })
    }
}

//! The gRPC services of a world, over its assembly, and what all worlds of a process share: methods, capacity, reflection.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;

use super::assembly::Assembly;
use super::config::Config;
use super::delivery::ExchangeDelivery;
use super::health;
use super::roles::gateway::GatewayRole;
use crate::api::admission::{Capacity, Entry, Methods, ServedWorld};
use crate::api::credential::Authenticator;
use crate::api::dispatch::{Dispatch, Handler};
use crate::api::grpc;
use crate::api::grpc::exchange::ExchangeGrpcService;
use crate::api::grpc::fault::{FaultGrpcService, FaultScope};
use crate::api::grpc::health::HealthGrpcService;
use crate::api::grpc::identity::{
    AccountGrpcService, CredentialGrpcService, LinkGrpcService, OrganisationGrpcService, PresentationGrpcService,
};
use crate::api::grpc::journal::{JournalGrpcService, JournalParts};
use crate::api::grpc::province::ProvinceGrpcService;
use crate::api::grpc::registry::{SharedRegistries, TypedRegistry};
use crate::api::grpc::session::SessionGrpcService;
use crate::api::grpc::simulation::{Simulation, WorldFacts};
use crate::api::grpc::trust::anchor::TrustGrpcService;
use crate::api::grpc::trust::ledger::LedgerGrpcService;
use crate::api::grpc::trust::status::StatusGrpcService;
use crate::api::health::HealthBoard;
use crate::api::{Edge, PageTokens};
use crate::base::entropy::SystemEntropy;
use crate::base::{Entropy, Error, Result, SessionId, limits};
use crate::identity::Presenting;
use crate::ledger::Monotone;
use crate::registry::{
    business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};
use crate::simulation::creation::{Creating, Opening, Parts};
use crate::simulation::journal::{Journal, RecordedSession};
use crate::simulation::session::SessionDesk;
use crate::store::MemoryTotal;
use crate::wire::DESCRIPTORS;
use crate::wire::mask::Mask;
use crate::wire::proto::access::v1::access_log_service_server::AccessLogServiceServer;
use crate::wire::proto::access::v1::agency_service_server::AgencyServiceServer;
use crate::wire::proto::access::v1::consent_service_server::ConsentServiceServer;
use crate::wire::proto::exchange::v1::exchange_service_server::ExchangeServiceServer;
use crate::wire::proto::identity::v1::account_service_server::AccountServiceServer;
use crate::wire::proto::identity::v1::credential_service_server::CredentialServiceServer;
use crate::wire::proto::identity::v1::link_service_server::LinkServiceServer;
use crate::wire::proto::identity::v1::organisation_service_server::OrganisationServiceServer;
use crate::wire::proto::identity::v1::presentation_service_server::PresentationServiceServer;
use crate::wire::proto::province::v1::province_service_server::ProvinceServiceServer;
use crate::wire::proto::registry::business::v1::business_service_server::BusinessServiceServer;
use crate::wire::proto::registry::civil_status::v1::civil_status_service_server::CivilStatusServiceServer;
use crate::wire::proto::registry::driver_licence::v1::driver_licence_service_server::DriverLicenceServiceServer;
use crate::wire::proto::registry::health_insurance::v1::health_insurance_service_server::HealthInsuranceServiceServer;
use crate::wire::proto::registry::judicial::v1::judicial_service_server::JudicialServiceServer;
use crate::wire::proto::registry::land::v1::land_service_server::LandServiceServer;
use crate::wire::proto::registry::resident::v1::resident_service_server::ResidentServiceServer;
use crate::wire::proto::registry::social_insurance::v1::social_insurance_service_server::SocialInsuranceServiceServer;
use crate::wire::proto::registry::v1::registry_service_server::RegistryServiceServer;
use crate::wire::proto::registry::vehicle::v1::vehicle_service_server::VehicleServiceServer;
use crate::wire::proto::simulation::v1::fault_service_server::FaultServiceServer;
use crate::wire::proto::simulation::v1::journal_service_server::JournalServiceServer;
use crate::wire::proto::simulation::v1::session_service_server::SessionServiceServer;
use crate::wire::proto::simulation::v1::simulation_service_server::SimulationServiceServer;
use crate::wire::proto::trust::v1::ledger_service_server::LedgerServiceServer;
use crate::wire::proto::trust::v1::status_service_server::StatusServiceServer;
use crate::wire::proto::trust::v1::trust_service_server::TrustServiceServer;

/// Reflection, in the two versions that clients speak.
const V1: &str = "grpc.reflection.v1.ServerReflection";
const V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Adds a service with our message limits, and notes its name.
macro_rules! add {
    ($services:expr, $server:ident, $service:expr) => {
        $services.add($server::new($service).max_decoding_message_size(limits::MESSAGE_BYTES_MAX))
    };
}

#[derive(Default)]
struct Services {
    handlers: Vec<(&'static str, Arc<dyn Handler>)>,
    names: Vec<&'static str>,
    journal: Option<Arc<Journal>>,
}

impl Services {
    /// Adds a service.
    fn add<S: Handler + NamedService + 'static>(&mut self, service: S) {
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
    /// Reflection: all worlds have the same protos.
    reflection: Vec<(&'static str, Arc<dyn Handler>)>,
}

impl Process {
    /// The shared parts for these services of ours.
    fn new(config: &Config, names: &[&'static str], gateway: &GatewayRole) -> Result<Self> {
        let rights = &*gateway.rights.current();
        let ours = [DESCRIPTORS, tonic_health::pb::FILE_DESCRIPTOR_SET, tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET];
        let alpha = tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET;
        let names = [names, &[V1, V1ALPHA]].concat();
        let reflection = || {
            // The details of errors, so that grpcurl prints them in readable form.
            let begun = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(alpha)
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
            authenticator: Arc::new(Authenticator::new(gateway.tokens.public_key(), config.demo)),
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

/// A world that is to be served.
pub struct Serving<'a> {
    /// The settings of the process.
    pub config: &'a Config,
    /// Its roles.
    pub assembly: &'a Assembly,
    /// The facts that `GetWorld` returns.
    pub facts: WorldFacts,
    /// The mark that its page tokens are bound to.
    pub mark: [u8; 16],
    /// The sessions, which can be managed from every world; `None`: there are none.
    pub sessions: Option<Arc<dyn SessionDesk>>,
    /// The session, if the world is one; `None`: the province.
    pub session: Option<RecordedSession>,
    /// The randomness of the ids of calls that anyone may make.
    pub of_anyone: Arc<dyn Entropy>,
    /// The memory in which recordings count.
    pub memory: MemoryTotal,
    /// The method that a caller must be allowed to call in order to call any other.
    pub entry: Option<Entry>,
    /// Whether calls may ask for faults of their own.
    pub metadata_faults: bool,
}

/// The services of the first world of a process, served until `ending` becomes true, and what further worlds share with it.
pub fn first(serving: Serving<'_>, ending: watch::Receiver<bool>) -> Result<(Process, Served)> {
    let edge = edge(&serving, ending, None);
    let services = services(&serving, &edge)?;
    let names = [services.names.as_slice(), &[HealthServer::<HealthGrpcService>::NAME]].concat();
    let process = Process::new(serving.config, &names, &serving.assembly.gateway)?;
    let served = serve(&process, serving, services, edge)?;
    Ok((process, served))
}

/// The services of a session, served until `ending` becomes true.
pub fn further(
    process: &Process,
    serving: Serving<'_>,
    session: SessionId,
    ending: watch::Receiver<bool>,
) -> Result<Served> {
    let edge = edge(&serving, ending, Some(session));
    let services = services(&serving, &edge)?;
    serve(process, serving, services, edge)
}

fn edge(serving: &Serving<'_>, ending: watch::Receiver<bool>, session: Option<SessionId>) -> Edge {
    let Serving { assembly, of_anyone, .. } = serving;
    let clock = Arc::new(Monotone(assembly.clock.clone()));
    let (entropy, traces) = (assembly.world.entropy.clone(), assembly.gateway.traces.clone());
    match session {
        None => Edge::new(clock, entropy, traces, ending),
        Some(session) => Edge::of_session(clock, [entropy, of_anyone.clone()], traces, ending, session),
    }
}

/// Our services, without health.
fn services(serving: &Serving<'_>, edge: &Edge) -> Result<Services> {
    let Serving { config, assembly, facts, mark, sessions, .. } = serving;
    let pages = PageTokens::new(&assembly.world.seed, *mark);
    let mut services = Services::default();
    let service = TrustGrpcService::new(assembly.province.anchor.clone(), edge.clone());
    add!(services, TrustServiceServer, service);
    add!(services, StatusServiceServer, StatusGrpcService::new(edge.clone(), assembly.province.status.clone()));
    add!(services, LedgerServiceServer, LedgerGrpcService::new(edge.clone(), assembly.logs.clone()));
    identity(&mut services, assembly, edge, &pages);
    registries(&mut services, assembly, edge, &pages)?;
    let (consents, log) = (assembly.gateway.consents.clone(), assembly.gateway.access_log.clone());
    let people = || assembly.gateway.people.clone();
    let (rights, catalogue) = (assembly.gateway.rights.clone(), assembly.world.catalogue.clone());
    add!(services, AgencyServiceServer, grpc::access::AgencyGrpcService::new(edge.clone(), rights.clone()));
    add!(
        services,
        ConsentServiceServer,
        grpc::access::ConsentGrpcService::new(edge.clone(), rights, catalogue, consents, people(), pages.clone())
    );
    add!(
        services,
        AccessLogServiceServer,
        grpc::access::AccessLogGrpcService::new(edge.clone(), log, people(), pages.clone())
    );
    let (exchange, traces) = (assembly.gateway.exchange.clone(), assembly.gateway.traces.clone());
    let service = ExchangeGrpcService::new(edge.clone(), exchange, traces, assembly.world.clock.clone());
    add!(services, ExchangeServiceServer, service);
    let service = ProvinceGrpcService::new(edge.clone(), assembly.province.layer.clone(), people(), pages.clone());
    add!(services, ProvinceServiceServer, service);
    if config.simulation {
        let (clock, records) = (assembly.world.clock.clone(), assembly.province.records.log().clone());
        let people = creation(assembly);
        let service = Simulation::new(edge.clone(), facts.clone(), clock, records, people);
        add!(services, SimulationServiceServer, service);
        let scope = fault_scope(assembly, serving.entry.is_some());
        let service = FaultGrpcService::new(edge.clone(), assembly.world.faults.clone(), scope, pages.clone());
        add!(services, FaultServiceServer, service);
        journal(&mut services, serving, edge, &pages)?;
        if let Some(sessions) = sessions {
            add!(services, SessionServiceServer, SessionGrpcService::new(edge.clone(), sessions.clone(), pages));
        }
    }
    Ok(services)
}

/// The names that fault rules of this world may use: the methods of the rights, health, and everything in the world.
pub(super) fn fault_scope(assembly: &Assembly, is_session: bool) -> FaultScope {
    let (rights, of_health) =
        (assembly.gateway.rights.current(), ["grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch"]);
    FaultScope {
        methods: rights.methods().map(|(name, _)| name).chain(of_health).map(str::to_owned).collect(),
        rights: assembly.gateway.rights.clone(),
        catalogue: assembly.world.catalogue.clone(),
        may_sign_falsely: is_session,
    }
}

/// The journal of the world's calls, and its service.
fn journal(services: &mut Services, serving: &Serving<'_>, edge: &Edge, pages: &PageTokens) -> Result<()> {
    let Serving { assembly, facts, session, memory, .. } = serving;
    let bytes = if session.is_some() { limits::SESSION_JOURNAL_BYTES_MAX } else { limits::JOURNAL_BYTES_MAX };
    let journal = Arc::new(Journal::new(bytes, memory));
    let parts = JournalParts {
        journal: journal.clone(),
        // Masks of one world reveal nothing about another's.
        mask: Mask::random(&SystemEntropy::default())?,
        exchange: assembly.gateway.exchange.clone(),
        traces: assembly.gateway.traces.clone(),
        clock: assembly.world.clock.clone(),
        facts: facts.clone(),
        session: session.clone(),
        scope: fault_scope(assembly, session.is_some()),
    };
    add!(services, JournalServiceServer, JournalGrpcService::new(edge.clone(), parts, pages.clone()));
    services.journal = Some(journal);
    Ok(())
}

/// Creates citizens and opens accounts in a running world.
fn creation(assembly: &Assembly) -> (Arc<Creating>, Arc<Opening>) {
    let (world, gateway) = (&assembly.world, &assembly.gateway);
    let parts = Parts {
        catalogue: world.catalogue.clone(),
        seed: world.seed,
        store: world.store.clone(),
        ports: assembly.ports.clone(),
        registries: gateway.registries.clone(),
        accounts: gateway.accounts.clone(),
        linking: gateway.linking.clone(),
        consents: gateway.consents.clone(),
        faults: world.faults.clone(),
        shown: assembly.shown.clone(),
    };
    let opening = Opening {
        registries: gateway.registries.clone(),
        accounts: gateway.accounts.clone(),
        organisations: gateway.organisations.clone(),
    };
    (Arc::new(Creating::new(parts)), Arc::new(opening))
}

fn identity(services: &mut Services, assembly: &Assembly, edge: &Edge, pages: &PageTokens) {
    let delivery = Arc::new(ExchangeDelivery(assembly.gateway.exchange.clone()));
    let people = || assembly.gateway.people.clone();
    let entropy = assembly.world.entropy.clone();
    let presenting =
        Presenting::new(assembly.world.store.clone(), assembly.gateway.linking.clone(), people(), delivery, entropy);
    let (edge, pages) = (|| edge.clone(), || pages.clone());
    add!(services, AccountServiceServer, AccountGrpcService::new(edge(), assembly.gateway.accounts.clone(), people()));
    let organisations = assembly.gateway.organisations.clone();
    add!(services, OrganisationServiceServer, OrganisationGrpcService::new(edge(), organisations, people()));
    add!(
        services,
        LinkServiceServer,
        LinkGrpcService::new(edge(), assembly.gateway.linking.clone(), people(), pages())
    );
    add!(
        services,
        CredentialServiceServer,
        CredentialGrpcService::new(edge(), assembly.gateway.credentials.clone(), people())
    );
    let service = PresentationGrpcService::new(edge(), presenting, people(), pages(), assembly.gateway.rights.clone());
    add!(services, PresentationServiceServer, service);
}

fn registries(services: &mut Services, assembly: &Assembly, edge: &Edge, pages: &PageTokens) -> Result<()> {
    let all = assembly.ports.values().cloned();
    let shared = SharedRegistries::new(
        edge.clone(),
        assembly.world.catalogue.clone(),
        all,
        assembly.province.layer.clone(),
        pages.clone(),
    );
    add!(services, RegistryServiceServer, shared);
    let service = |name: &str| -> Result<TypedRegistry> {
        let unknown = || Error::bug(format!("there is no registry {name}"));
        let sector = assembly.world.catalogue.sector(name).ok_or_else(unknown)?.clone();
        let registry = assembly.ports.get(name).ok_or_else(unknown)?.clone();
        Ok(TypedRegistry::new(edge.clone(), registry, assembly.province.layer.clone(), sector, pages.clone()))
    };
    add!(services, ResidentServiceServer, service(resident::NAME)?);
    add!(services, LandServiceServer, service(land::NAME)?);
    add!(services, SocialInsuranceServiceServer, service(social_insurance::NAME)?);
    add!(services, JudicialServiceServer, service(judicial::NAME)?);
    add!(services, BusinessServiceServer, service(business::NAME)?);
    add!(services, HealthInsuranceServiceServer, service(health_insurance::NAME)?);
    add!(services, DriverLicenceServiceServer, service(driver_licence::NAME)?);
    add!(services, VehicleServiceServer, service(vehicle::NAME)?);
    add!(services, CivilStatusServiceServer, service(civil_status::NAME)?);
    Ok(())
}

/// Adds health of each service, each feed and the world as a whole (the empty name), and reflection.
fn serve(process: &Process, serving: Serving<'_>, mut services: Services, edge: Edge) -> Result<Served> {
    let Serving { assembly, entry, metadata_faults, .. } = serving;
    let health = edge.health();
    services.names.iter().for_each(|name| health.add(name));
    let watchers = health::watch(assembly, assembly.world.store.health(), &health)?;
    services.add(HealthServer::new(HealthGrpcService::new(edge.clone(), health.clone())));
    services.handlers.extend(process.reflection.iter().cloned());
    let world = ServedWorld {
        dispatch: Dispatch::new(services.handlers),
        authenticator: process.authenticator.clone(),
        rights: assembly.gateway.rights.clone(),
        clock: assembly.clock.clone(),
        time: assembly.world.clock.clone(),
        edge,
        metrics: assembly.gateway.metrics.clone(),
        faults: assembly.world.faults.clone(),
        metadata_faults,
        journal: services.journal,
        entry,
    };
    Ok(Served { world: Arc::new(world), health, watchers })
}

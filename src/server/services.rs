//! The gRPC services of a gateway's world, over its assembly.

use std::sync::Arc;

use tokio::sync::watch;

use super::assembly::Assembly;
use super::config::Config;
use super::delivery::ExchangeDelivery;
use super::entrance::{Entrance, Process, Served, Services, add};
use super::health;
use crate::api::admission::Entry;
use crate::api::grpc;
use crate::api::grpc::exchange::ExchangeGrpcService;
use crate::api::grpc::fault::{FaultGrpcService, FaultScope};
use crate::api::grpc::identity::{
    AccountGrpcService, CredentialGrpcService, LinkGrpcService, OrganisationGrpcService, PresentationGrpcService,
};
use crate::api::grpc::journal::{JournalGrpcService, JournalParts};
use crate::api::grpc::province::{ProvinceGrpcService, WebhookGrpcService};
use crate::api::grpc::registry::{Beginning, IssuingGrpcService, SharedRegistries, TypedRegistry};
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
use crate::registry::{
    business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};
use crate::simulation::creation::{Creating, Opening, Parts};
use crate::simulation::journal::{Journal, RecordedSession};
use crate::simulation::session::SessionDesk;
use crate::store::MemoryTotal;
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
use crate::wire::proto::province::v1::webhook_service_server::WebhookServiceServer;
use crate::wire::proto::registry::business::v1::business_service_server::BusinessServiceServer;
use crate::wire::proto::registry::civil_status::v1::civil_status_service_server::CivilStatusServiceServer;
use crate::wire::proto::registry::driver_licence::v1::driver_licence_service_server::DriverLicenceServiceServer;
use crate::wire::proto::registry::health_insurance::v1::health_insurance_service_server::HealthInsuranceServiceServer;
use crate::wire::proto::registry::judicial::v1::judicial_service_server::JudicialServiceServer;
use crate::wire::proto::registry::land::v1::land_service_server::LandServiceServer;
use crate::wire::proto::registry::resident::v1::resident_service_server::ResidentServiceServer;
use crate::wire::proto::registry::social_insurance::v1::social_insurance_service_server::SocialInsuranceServiceServer;
use crate::wire::proto::registry::v1::issuing_service_server::IssuingServiceServer;
use crate::wire::proto::registry::v1::registry_service_server::RegistryServiceServer;
use crate::wire::proto::registry::vehicle::v1::vehicle_service_server::VehicleServiceServer;
use crate::wire::proto::simulation::v1::fault_service_server::FaultServiceServer;
use crate::wire::proto::simulation::v1::journal_service_server::JournalServiceServer;
use crate::wire::proto::simulation::v1::session_service_server::SessionServiceServer;
use crate::wire::proto::simulation::v1::simulation_service_server::SimulationServiceServer;
use crate::wire::proto::trust::v1::ledger_service_server::LedgerServiceServer;
use crate::wire::proto::trust::v1::status_service_server::StatusServiceServer;
use crate::wire::proto::trust::v1::trust_service_server::TrustServiceServer;

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
    let entrance = Entrance::of(serving.assembly);
    let edge = entrance.edge(ending);
    let services = services(&serving, &edge)?;
    let process = Process::new(serving.config, &serving.assembly.world.catalogue, &services, &entrance)?;
    let served = serve(&process, serving, entrance, services, edge)?;
    Ok((process, served))
}

/// The services of a session, served until `ending` becomes true.
pub fn further(
    process: &Process,
    serving: Serving<'_>,
    session: SessionId,
    ending: watch::Receiver<bool>,
) -> Result<Served> {
    let entrance = Entrance::of(serving.assembly);
    let edge = entrance.edge_of_session(serving.of_anyone.clone(), ending, session);
    let services = services(&serving, &edge)?;
    serve(process, serving, entrance, services, edge)
}

/// Adds health of each service, each feed and the world as a whole, and opens the entrance.
fn serve(
    process: &Process,
    serving: Serving<'_>,
    entrance: Entrance,
    services: Services,
    edge: Edge,
) -> Result<Served> {
    let Serving { assembly, entry, metadata_faults, .. } = serving;
    let watchers = |board: &HealthBoard| health::watch(assembly, assembly.world.store.health(), board);
    entrance.serve(process, services, edge, (entry, metadata_faults), watchers)
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
    let (layer, webhooks) = (assembly.province.layer.clone(), assembly.webhooks.clone());
    add!(services, WebhookServiceServer, WebhookGrpcService::new(edge.clone(), layer, webhooks, pages.clone()));
    if config.simulation {
        let (clock, records) = (assembly.world.clock.clone(), assembly.province.records.log().clone());
        let people = creation(assembly, serving.session.is_some());
        let service = Simulation::new(edge.clone(), facts.clone(), clock, records, people);
        add!(services, SimulationServiceServer, service);
        let scope = fault_scope(assembly, serving.session.is_some());
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
fn creation(assembly: &Assembly, is_session: bool) -> (Arc<Creating>, Arc<Opening>) {
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
        may_sign_falsely: is_session,
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
        Some(assembly.province.layer.clone()),
        Beginning::default(),
        pages.clone(),
    );
    add!(services, RegistryServiceServer, shared);
    let ports = assembly.ports.values().cloned();
    add!(services, IssuingServiceServer, IssuingGrpcService::new(edge.clone(), ports));
    let service = |name: &str| -> Result<TypedRegistry> {
        let sector = assembly.world.catalogue.defined_sector(name)?.clone();
        let unknown = || Error::bug(format!("there is no port of the registry {name}"));
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

//! The gRPC services of a gateway, over its assembly.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::server::NamedService;
use tonic_health::pb::health_server::HealthServer;

use super::assembly::Assembly;
use super::config::Config;
use super::data::Data;
use super::delivery::ExchangeDelivery;
use super::health;
use super::readings;
use crate::api::admission::{Admission, Gatekeeper, Methods};
use crate::api::credential::Authenticator;
use crate::api::dispatch::{Dispatch, Handler};
use crate::api::grpc;
use crate::api::grpc::exchange::ExchangeGrpcService;
use crate::api::grpc::health::HealthGrpcService;
use crate::api::grpc::identity::{
    AccountGrpcService, CredentialGrpcService, LinkGrpcService, OrganisationGrpcService, PresentationGrpcService,
};
use crate::api::grpc::province::ProvinceGrpcService;
use crate::api::grpc::registry::{SharedRegistries, TypedRegistry};
use crate::api::grpc::simulation::{Reach, Simulation, WorldFacts};
use crate::api::grpc::trust::anchor::TrustGrpcService;
use crate::api::grpc::trust::ledger::LedgerGrpcService;
use crate::api::grpc::trust::status::StatusGrpcService;
use crate::api::health::HealthBoard;
use crate::api::rate::{CallerRate, StrangerRate};
use crate::api::{Edge, PageTokens};
use crate::base::{Error, Result, Timestamp, limits};
use crate::identity::Presenting;
use crate::ledger::Monotone;
use crate::registry::{
    business, civil_status, driver_licence, health_insurance, judicial, land, resident, social_insurance, vehicle,
};
use crate::simulation::creation::{Creating, Opening, Parts, Shown};
use crate::store::Health;
use crate::wire::DESCRIPTORS;
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
    handlers: Vec<(&'static str, Box<dyn Handler>)>,
    names: Vec<&'static str>,
}

impl Services {
    /// Adds a service, and lists it in reflection.
    fn add<S: Handler + NamedService + 'static>(&mut self, service: S) {
        self.names.push(S::NAME);
        self.add_unlisted(service);
    }

    fn add_unlisted<S: Handler + NamedService + 'static>(&mut self, service: S) {
        self.handlers.push((S::NAME, Box::new(service)));
    }
}

/// The services, ready to serve.
pub struct Served {
    /// The entry point of calls.
    pub admission: Admission,
    /// The rate limit of public data, shared by all ports.
    pub public: Arc<StrangerRate>,
    /// The health of each service.
    pub health: HealthBoard,
    /// The tasks that watch the health.
    pub watchers: JoinSet<()>,
    /// The store's health.
    pub store: watch::Receiver<Health>,
}

/// All services, ready to be served until `ending` becomes true; `reach` is for the personas' commands, `shown` for what the simulation writes.
pub async fn all(
    config: &Config,
    data: &Data,
    assembly: &Assembly,
    (reach, shown): (Reach, Arc<dyn Shown>),
    ending: watch::Receiver<bool>,
) -> Result<Served> {
    let gatekeeper = Gatekeeper {
        authenticator: Authenticator::new(assembly.gateway.tokens.public_key(), config.demo),
        rights: assembly.gateway.rights.clone(),
        running: config.calls_running.unwrap_or_else(Admission::running_on_this_machine),
        callers: CallerRate::new(config.rate_limit),
        strangers: StrangerRate::new(config.stranger_rate_limit),
        public: Arc::new(StrangerRate::new(config.stranger_rate_limit.saturating_mul(limits::PUBLIC_CALLS_FACTOR))),
        clock: assembly.clock.clone(),
    };
    let edge = Edge::new(
        Arc::new(Monotone(assembly.clock.clone())),
        assembly.world.entropy.clone(),
        assembly.gateway.traces.clone(),
        ending,
    );
    let pages = PageTokens::new(&assembly.world.seed, data.world.mark());
    let mut services = Services::default();
    let service = TrustGrpcService::new(assembly.province.anchor.clone(), edge.clone());
    add!(services, TrustServiceServer, service);
    add!(services, StatusServiceServer, StatusGrpcService::new(edge.clone(), assembly.province.status.clone()));
    add!(services, LedgerServiceServer, LedgerGrpcService::new(edge.clone(), assembly.logs.clone()));
    identity(&mut services, assembly, &edge, &pages);
    registries(&mut services, assembly, &edge, &pages)?;
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
        let facts = WorldFacts {
            seed: config.reveals_seed().then_some(data.world.seed),
            population: data.world.population,
            created_at: Timestamp(data.world.created_at_ms),
            province: assembly.world.province.clone(),
            reach,
        };
        let (clock, records) = (assembly.world.clock.clone(), assembly.province.records.log().clone());
        let people = creation(assembly, shown);
        add!(services, SimulationServiceServer, Simulation::new(edge.clone(), facts, clock, records, people));
    }
    health_and_reflection(services, assembly, data.store.health(), gatekeeper, edge).await
}

/// What creates citizens and opens accounts in a running world.
fn creation(assembly: &Assembly, shown: Arc<dyn Shown>) -> (Arc<Creating>, Arc<Opening>) {
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
        shown,
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

/// Health of each service, each feed and the server as a whole (the empty name), and reflection of the services.
async fn health_and_reflection(
    mut services: Services,
    assembly: &Assembly,
    store: watch::Receiver<Health>,
    gatekeeper: Gatekeeper,
    edge: Edge,
) -> Result<Served> {
    let health = edge.health();
    services.names.iter().for_each(|name| health.add(name));
    let watchers = health::watch(assembly, store.clone(), &health)?;
    services.add(HealthServer::new(HealthGrpcService::new(edge.clone(), health.clone())));
    let mut names = std::mem::take(&mut services.names);
    names.extend([V1, V1ALPHA]);
    let reflection = || {
        let begun = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // The details of errors, so that grpcurl prints them in readable form.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .include_reflection_service(false)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
        names.iter().fold(begun, |builder, name| builder.with_service_name(*name))
    };
    let (v1, v1alpha) =
        (reflection().build_v1().map_err(Error::bug)?, reflection().build_v1alpha().map_err(Error::bug)?);
    services.add_unlisted(v1);
    services.add_unlisted(v1alpha);
    let described = [
        DESCRIPTORS,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let methods = Methods::new(&described, &names, &assembly.gateway.rights.current())?;
    let public = gatekeeper.public.clone();
    let admission =
        Admission::new(Dispatch::new(services.handlers), methods, gatekeeper, edge, assembly.gateway.metrics.clone());
    assembly.gateway.metrics.ask(readings::of_calls(admission.load(), &health));
    Ok(Served { admission, public, health, watchers, store })
}

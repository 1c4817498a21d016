//! The gRPC services of a gateway, over its parts.

use std::sync::Arc;

use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};

use super::config::Config;
use super::parts::Parts;
use super::world::World;
use crate::access;
use crate::base::{Error, PROVINCE, Result, limits};
use crate::simulation::grpc::{Simulation, WorldFacts};
use crate::wire::call::{Trace, TraceSink};
use crate::wire::credential::{Authenticator, TokenMint};
use crate::wire::proto::access::v1::access_log_service_server::AccessLogServiceServer;
use crate::wire::proto::access::v1::agency_service_server::AgencyServiceServer;
use crate::wire::proto::access::v1::consent_service_server::ConsentServiceServer;
use crate::wire::proto::simulation::v1::simulation_service_server::SimulationServiceServer;
use crate::wire::proto::trust::v1::trust_service_server::TrustServiceServer;
use crate::wire::rate::RateLimiter;
use crate::wire::{DESCRIPTORS, Edge, PageTokens};

struct NoTraces;
impl TraceSink for NoTraces {
    fn record(&self, _: Trace) {}
}

/// Adds a service with our message limits, and notes its name.
macro_rules! add {
    ($services:expr, $server:ident, $face:expr) => {
        $services.add($server::new($face).max_decoding_message_size(limits::MESSAGE_BYTES_MAX))
    };
}

#[derive(Default)]
struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
}

impl Services {
    fn add<S>(&mut self, service: S)
    where
        S: tower::Service<
                tonic::codegen::http::Request<tonic::body::Body>,
                Response = tonic::codegen::http::Response<tonic::body::Body>,
                Error = std::convert::Infallible,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.names.push(S::NAME);
        self.routes.add_service(service);
    }
}

/// All services, ready to be served.
pub async fn routes(config: &Config, world: &World, parts: &Arc<Parts>, address: &str) -> Result<Routes> {
    let mint = TokenMint::new(parts.keys.world())?;
    let edge = Edge::new(
        Authenticator::new(mint.public_key(), config.demo, access::agency::ids()),
        config.clock.clone(),
        config.entropy.clone(),
        RateLimiter::new(config.rate_limit),
        Arc::new(NoTraces),
    );
    let pages = PageTokens::new(parts.keys.world());
    let mut services = Services::default();
    add!(services, TrustServiceServer, parts.anchor.clone());
    add!(services, AgencyServiceServer, access::grpc::AgencyFace::new(edge.clone()));
    add!(
        services,
        ConsentServiceServer,
        access::grpc::ConsentFace::new(edge.clone(), parts.consents.clone(), pages.clone())
    );
    add!(
        services,
        AccessLogServiceServer,
        access::grpc::AccessLogFace::new(edge.clone(), parts.access_log.clone(), pages.clone())
    );
    if config.simulation {
        let facts = WorldFacts {
            seed: world.seed,
            population: world.population,
            province: PROVINCE,
            address: address.to_owned(),
        };
        add!(services, SimulationServiceServer, Simulation::new(edge.clone(), facts, parts.records.clone()));
    }
    let (health, health_service) = tonic_health::server::health_reporter();
    for name in services.names.iter().chain([&""]) {
        health.set_service_status(*name, tonic_health::ServingStatus::Serving).await;
    }
    services.routes.add_service(health_service);
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(DESCRIPTORS);
    services.routes.add_service(reflection().build_v1().map_err(Error::bug)?);
    services.routes.add_service(reflection().build_v1alpha().map_err(Error::bug)?);
    Ok(services.routes.routes())
}

/// The names of the services, from the descriptors.
pub fn names(simulation: bool) -> Vec<String> {
    crate::wire::typed::pool()
        .services()
        .map(|service| service.full_name().to_owned())
        .filter(|name| simulation || !name.contains(".simulation."))
        .collect()
}

//! The simulation's gRPC face: what world this is, and who lives in it.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::{Date, Timestamp};
use crate::ledger::Ledger;
use crate::simulation::personas;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::simulation_service_server::SimulationService;
use crate::wire::record;

/// The address in the personas' commands, which stands for the gateway's own: where it listens when nothing else is said.
pub const ADDRESS_DEFAULT: &str = "127.0.0.1:50051";

/// Serves `SimulationService`.
#[derive(Clone)]
pub struct Simulation {
    edge: Edge,
    world: Arc<WorldFacts>,
    ledger: Arc<Ledger>,
}

/// What a world grew from, and where it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldFacts {
    /// The seed's number, unless it is a secret.
    pub seed: Option<u64>,
    /// Citizens generated, without the personas.
    pub population: u64,
    /// When it was seeded.
    pub created_at: Timestamp,
    /// The province's code.
    pub province: &'static str,
    /// Where gRPC listens, for the commands to try.
    pub address: String,
}

impl Simulation {
    /// A face over `world`, whose record ledger is `ledger`.
    pub fn new(edge: Edge, world: WorldFacts, ledger: Arc<Ledger>) -> Self {
        Self { edge, world: Arc::new(world), ledger }
    }
}

/// The personas as they are on `today`, with commands for a gateway at `address`.
pub fn personas_at(today: Date, address: &str) -> Vec<proto::Persona> {
    let persona = |persona: personas::Persona| proto::Persona {
        personal_id: persona.personal_id.as_str().to_owned(),
        full_name: persona.full_name.to_owned(),
        situation: persona.situation.to_owned(),
        expectation: persona.expectation.to_owned(),
        command: persona.command.replace(ADDRESS_DEFAULT, address),
    };
    personas::all(today).into_iter().map(persona).collect()
}

#[tonic::async_trait]
impl SimulationService for Simulation {
    async fn get_world(
        &self,
        request: Request<proto::GetWorldRequest>,
    ) -> Result<Response<proto::GetWorldResponse>, Status> {
        const METHOD: &str = "lienthong.simulation.v1.SimulationService/GetWorld";
        self.edge
            .answer(METHOD, request, |call, _| async move {
                Ok(proto::GetWorldResponse {
                    seed: self.world.seed,
                    population: self.world.population,
                    now: record::timestamp(call.now),
                    province: self.world.province.to_owned(),
                    ledger_size: self.ledger.head().size,
                    created_at: record::timestamp(self.world.created_at),
                })
            })
            .await
    }

    async fn list_personas(
        &self,
        request: Request<proto::ListPersonasRequest>,
    ) -> Result<Response<proto::ListPersonasResponse>, Status> {
        const METHOD: &str = "lienthong.simulation.v1.SimulationService/ListPersonas";
        self.edge
            .answer(METHOD, request, |call, _| async move {
                Ok(proto::ListPersonasResponse { personas: personas_at(call.now.date(), &self.world.address) })
            })
            .await
    }
}

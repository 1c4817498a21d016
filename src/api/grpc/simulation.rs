//! `SimulationService` over gRPC: describes the world, lists its personas, moves its clock, and creates citizens.

mod citizen;
mod reach;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

use crate::api::Edge;
use crate::base::time::Instant;
use crate::base::{Call, Date, Error, ProvinceCode, Result, Timestamp};
use crate::ledger::Log;
use crate::simulation::clock::{Jump, Ran, Reading, Scheduled, Target, WorldClock};
use crate::simulation::creation::{Creating, Opening};
use crate::simulation::personas;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::simulation_service_server::SimulationService;
use crate::wire::record;

pub use reach::{ADDRESS_DEFAULT, Reach};

/// Serves `SimulationService`.
#[derive(Clone)]
pub struct Simulation {
    edge: Edge,
    world: Arc<WorldFacts>,
    clock: Arc<WorldClock>,
    ledger: Arc<Log>,
    creating: Arc<Creating>,
    opening: Arc<Opening>,
}

/// The parameters of a world, and its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldFacts {
    /// The seed's number, unless it is a secret.
    pub seed: Option<u64>,
    /// Citizens generated, without the personas.
    pub population: u64,
    /// When it was seeded.
    pub created_at: Timestamp,
    /// The province's code.
    pub province: ProvinceCode,
    /// How the gateway is reached, for the commands to try.
    pub reach: Reach,
}

impl Simulation {
    /// Serves `world`, whose time is that of `clock` and whose record ledger is `ledger`; the last two make its citizens and their accounts.
    pub fn new(
        edge: Edge,
        world: WorldFacts,
        clock: Arc<WorldClock>,
        ledger: Arc<Log>,
        (creating, opening): (Arc<Creating>, Arc<Opening>),
    ) -> Self {
        Self { edge, world: Arc::new(world), clock, ledger, creating, opening }
    }
}

/// The personas as they are on `today`, with commands for a gateway that is reached in this way.
pub fn personas_at(today: Date, reach: &Reach) -> Vec<proto::Persona> {
    let persona = |persona: personas::Persona| proto::Persona {
        personal_id: persona.personal_id.as_str().to_owned(),
        full_name: persona.full_name.to_owned(),
        situation: persona.situation.to_owned(),
        expectation: persona.expectation.to_owned(),
        command: reach.command(&persona.command),
        key: persona.key.to_owned(),
    };
    personas::all(today).into_iter().map(persona).collect()
}

/// How far a request wants the clock to go.
fn target(target: Option<proto::advance_clock_request::Target>) -> Result<Target> {
    use proto::advance_clock_request::Target as Given;
    match target {
        None => Err(Error::invalid_field(
            "target",
            "REQUIRED",
            "state how far to move the clock: by a duration, or to a time",
        )),
        Some(Given::To(at)) => record::instant("to", &at).map(Target::To),
        Some(Given::By(by)) => {
            // The halves of a duration have one sign (google/protobuf/duration.proto).
            let is_whole =
                by.nanos.unsigned_abs() < 1_000_000_000 && i64::from(by.nanos).signum() * by.seconds.signum() >= 0;
            let ms = by.seconds.checked_mul(1_000).and_then(|ms| ms.checked_add(i64::from(by.nanos / 1_000_000)));
            let wrong = || {
                Error::invalid_field(
                    "by",
                    "FORMAT",
                    "is not a duration: seconds and nanos differ in sign, or are out of range",
                )
            };
            ms.filter(|_| is_whole).map(Target::By).ok_or_else(wrong)
        }
    }
}

/// The time that an answer needs to leave before its deadline.
const TO_ANSWER: Duration = Duration::from_millis(250);

/// Until when a call waits for everything to show a change: a caller shall be told what lags rather than meet the deadline.
fn answers_at(call: &Call) -> Instant {
    call.deadline.checked_sub(TO_ANSWER).unwrap_or(call.deadline)
}

/// Runs a change of the world in a task of its own: a caller that gives up leaves neither the clock between two times nor half a citizen.
async fn whole<T: Send + 'static>(change: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    tokio::spawn(change).await.map_err(Error::bug)?
}

pub(super) fn clock_message(reading: Reading) -> Option<proto::WorldClock> {
    let Reading { now, machine, is_frozen } = reading;
    Some(proto::WorldClock { now: record::timestamp(now), machine_time: record::timestamp(machine), frozen: is_frozen })
}

fn jump_message(jump: &Jump) -> proto::AdvanceClockResponse {
    let Jump { before, after, report, is_repetition, lagging } = jump;
    let ran = |ran: &Ran| {
        let (record_type, record_id) =
            ran.subject.as_ref().map(|(of, id)| (of.clone(), id.to_hex())).unwrap_or_default();
        let (kind, due_at, effect) = (ran.kind.clone(), record::timestamp(ran.at), ran.effect.clone());
        proto::DueWork { kind, due_at, record_type, record_id, effect }
    };
    let count = |(kind, count): (&String, &u64)| proto::DueWorkCount { kind: kind.clone(), count: *count };
    proto::AdvanceClockResponse {
        before: record::timestamp(*before),
        after: record::timestamp(*after),
        ran: report.listed.iter().map(ran).collect(),
        ran_count: report.total(),
        repetition: *is_repetition,
        counts: report.counts.iter().map(count).collect(),
        lagging: lagging.clone(),
    }
}

fn scheduled_message(scheduled: Scheduled) -> proto::ScheduledWork {
    let Scheduled { kind, next, count } = scheduled;
    proto::ScheduledWork { kind, next_due_at: next.and_then(record::timestamp), count }
}

#[tonic::async_trait]
impl SimulationService for Simulation {
    async fn get_world(
        &self,
        request: Request<proto::GetWorldRequest>,
    ) -> Result<Response<proto::GetWorldResponse>, Status> {
        self.edge
            .answer(request, |call, _| async move {
                Ok(proto::GetWorldResponse {
                    seed: self.world.seed,
                    population: self.world.population,
                    now: record::timestamp(call.now),
                    province: self.world.province.to_string(),
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
        self.edge
            .answer(request, |call, _| async move {
                Ok(proto::ListPersonasResponse { personas: personas_at(call.now.date(), &self.world.reach) })
            })
            .await
    }

    async fn get_clock(
        &self,
        request: Request<proto::GetClockRequest>,
    ) -> Result<Response<proto::GetClockResponse>, Status> {
        let use_case = async |_, _| {
            let scheduled = self.clock.scheduled().into_iter().map(scheduled_message).collect();
            Ok(proto::GetClockResponse { clock: clock_message(self.clock.reading()), scheduled })
        };
        self.edge.answer(request, use_case).await
    }

    async fn advance_clock(
        &self,
        request: Request<proto::AdvanceClockRequest>,
    ) -> Result<Response<proto::AdvanceClockResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: proto::AdvanceClockRequest| {
            let (clock, target, until) = (self.clock.clone(), target(request.target)?, answers_at(&call));
            let jump = whole(async move { clock.advance(&request.request_id, target, until).await });
            Ok(jump_message(&jump.await?))
        };
        self.edge.answer(request, use_case).await
    }

    async fn advance_to_next(
        &self,
        request: Request<proto::AdvanceToNextRequest>,
    ) -> Result<Response<proto::AdvanceToNextResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: proto::AdvanceToNextRequest| {
            let proto::AdvanceToNextRequest { request_id, kind } = request;
            let (clock, target, until) =
                (self.clock.clone(), Target::Next((!kind.is_empty()).then_some(kind)), answers_at(&call));
            let jump = whole(async move { clock.advance(&request_id, target, until).await });
            Ok(proto::AdvanceToNextResponse { jump: Some(jump_message(&jump.await?)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn freeze_clock(
        &self,
        request: Request<proto::FreezeClockRequest>,
    ) -> Result<Response<proto::FreezeClockResponse>, Status> {
        let use_case = async |_, _| {
            let clock = self.clock.clone();
            let reading = whole(async move { clock.freeze().await }).await?;
            Ok(proto::FreezeClockResponse { clock: clock_message(reading) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn resume_clock(
        &self,
        request: Request<proto::ResumeClockRequest>,
    ) -> Result<Response<proto::ResumeClockResponse>, Status> {
        let use_case = async |_, _| {
            let clock = self.clock.clone();
            let reading = whole(async move { clock.resume().await }).await?;
            Ok(proto::ResumeClockResponse { clock: clock_message(reading) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn create_person(
        &self,
        request: Request<proto::CreatePersonRequest>,
    ) -> Result<Response<proto::CreatePersonResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: proto::CreatePersonRequest| {
            let (creating, now, until) = (self.creating.clone(), call.now, answers_at(&call));
            let (request_id, asked) = citizen::asked(request)?;
            let made = whole(async move { creating.create(&request_id, &asked, now, until).await }).await?;
            Ok(citizen::made(made, &self.world.reach))
        };
        self.edge.answer(request, use_case).await
    }

    async fn open_account(
        &self,
        request: Request<proto::OpenAccountRequest>,
    ) -> Result<Response<proto::OpenAccountResponse>, Status> {
        let use_case = async |call: Arc<Call>, request: proto::OpenAccountRequest| {
            let opened = self.opening.open(&citizen::account(request)?, call.now).await?;
            Ok(citizen::opened(opened, &self.world.reach))
        };
        self.edge.answer(request, use_case).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_persona_is_told_what_this_gateway_refuses() {
        let reach =
            Reach { address: "x:1".into(), has_tls: true, ca: None, tokens_from: Some("DIR".into()), session: None };
        for persona in personas_at(Date::constant(2026, 11, 29), &reach) {
            let command = &persona.command;
            assert!(!command.contains("demo-") && !command.contains("-plaintext"), "{command}");
            assert!(command.contains("lienthong token issue --data-dir DIR --"), "{command}");
        }
    }
}

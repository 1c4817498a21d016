//! Whose records a load asks for: every citizen of the world at random, the personas, or those who are named.
//!
//! The world's citizens are not asked of the server, whose caches that would warm: they follow from its seed, its population and the time of
//! its creation, which `SimulationService/GetWorld` says. A million of them take 12 MB here.

use clap::ValueEnum;
use prost::Message as _;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;

use super::super::output::Failure;
use super::call::Prepared;
use crate::base::entropy::SystemEntropy;
use crate::base::{Entropy as _, PersonalId, Seed, Timestamp};
use crate::simulation::personas;
use crate::simulation::population::Population;
use crate::wire::proto::simulation::v1::{GetWorldRequest, GetWorldResponse};
use crate::wire::record::instant;

/// The citizens that a load draws from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Drawn {
    /// All generated citizens, drawn uniformly: most answers have to be made anew.
    Random,
    /// Those personas who have records to give, in turn: after the first turn every answer is cached.
    Personas,
}

/// The citizens of a load, and in which order their turn comes.
#[derive(Debug, Clone)]
pub(super) struct Citizens {
    /// Their name in the report.
    pub(super) name: &'static str,
    ids: Vec<PersonalId>,
    /// Where the draws begin; `None` takes the citizens in turn.
    draws_from: Option<u64>,
}

impl Citizens {
    /// Those who were named.
    pub(super) fn named(ids: &[String]) -> Result<Self, Failure> {
        let read = |id: &String| {
            PersonalId::parse(id)
                .ok_or_else(|| Failure::with_code(format!("--personal-id {id}: a personal ID has 12 digits"), 2))
        };
        Ok(Self { name: "named", ids: ids.iter().map(read).collect::<Result<_, _>>()?, draws_from: None })
    }

    /// Those of the world that is served over `channel`.
    pub(super) async fn of_world(drawn: Drawn, channel: Channel, credential: &str) -> Result<Self, Failure> {
        let world = world(channel, credential).await?;
        let created_at = created_at(&world)?;
        match drawn {
            Drawn::Personas => {
                // Those for whom the registries fail on purpose measure nothing.
                let faults: Vec<_> = personas::faults().into_iter().map(|rule| rule.matching.person).collect();
                let ids = personas::all(created_at.date()).into_iter().map(|persona| persona.personal_id);
                let ids = ids.filter(|id| !faults.contains(&Some(*id))).collect();
                Ok(Self { name: "personas", ids, draws_from: None })
            }
            Drawn::Random => {
                let seed = world.seed.ok_or_else(|| {
                    let why = "the server keeps its seed secret, so its citizens are unknown";
                    Failure::new(format!("{why}: name citizens with --personal-id"))
                })?;
                let generate = move || {
                    Population::new(Seed::root(seed), world.population, created_at.date()).personal_ids().collect()
                };
                let ids: Vec<PersonalId> =
                    tokio::task::spawn_blocking(generate).await.map_err(|error| Failure::new(error.to_string()))?;
                if ids.is_empty() {
                    return Err(Failure::new(
                        "the world has no citizens except the personas: give --citizens personas",
                    ));
                }
                Ok(Self { name: "random", ids, draws_from: Some(some_number()?) })
            }
        }
    }

    /// The number of citizens.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// The citizen of a call.
    pub(super) fn at(&self, call: u64) -> PersonalId {
        let count = self.ids.len() as u64;
        let place = match self.draws_from {
            Some(start) => (u128::from(mixed(start.wrapping_add(call))) * u128::from(count)) >> 64,
            None => u128::from(call % count),
        };
        self.ids[place as usize]
    }

    /// Keeps those whose call has an answer.
    pub(super) fn retain(&mut self, mut answers: impl FnMut(usize) -> bool) {
        let mut at = 0;
        self.ids.retain(|_| {
            at += 1;
            answers(at - 1)
        });
    }
}

/// Each run draws others, or the second would find what the first one left in caches.
fn some_number() -> Result<u64, Failure> {
    let mut bytes = [0; 8];
    SystemEntropy::default().fill(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

/// SplitMix64: consecutive numbers become independent draws.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

async fn world(channel: Channel, credential: &str) -> Result<GetWorldResponse, Failure> {
    let failed = |why: String| {
        Failure::new(format!(
            "the server does not state which world it serves ({why}): name citizens with --personal-id"
        ))
    };
    let authorization = credential.parse().map_err(|_| failed("the credential is not ASCII".into()))?;
    let call = Prepared {
        path: PathAndQuery::from_static("/lienthong.simulation.v1.SimulationService/GetWorld"),
        body: GetWorldRequest {}.encode_to_vec().into(),
        authorization: Some(authorization),
    };
    let answer = call.send(&mut Grpc::new(channel)).await.map_err(|status| failed(status.message().to_owned()))?;
    GetWorldResponse::decode(answer).map_err(|error| failed(error.to_string()))
}

fn created_at(world: &GetWorldResponse) -> Result<Timestamp, Failure> {
    let at = world.created_at.ok_or_else(|| Failure::new("the server does not state when its world was created"))?;
    instant("created_at", &at).map_err(|error| Failure::new(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn citizens(count: u64, draws_from: Option<u64>) -> Citizens {
        let id = |number| PersonalId::parse(&format!("{number:012}")).expect("12 digits");
        Citizens { name: "test", ids: (0..count).map(id).collect(), draws_from }
    }

    #[test]
    fn named_citizens_take_turns() {
        let named = Citizens::named(&["042090990001".into(), "042190990002".into()]).expect("valid");
        assert_eq!((named.at(0).as_str(), named.at(3).as_str()), ("042090990001", "042190990002"));
        assert!(Citizens::named(&["42".into()]).expect_err("no ID").message().contains("12 digits"));
    }

    #[test]
    fn draws_are_uniform() {
        let drawn = citizens(100, Some(7));
        let mut times = [0_u64; 100];
        for call in 0..100_000 {
            times[drawn.at(call).as_str().parse::<usize>().expect("digits")] += 1;
        }
        // a thousand each: six standard deviations are 190
        assert!(times.iter().all(|times| (810..1_190).contains(times)), "{times:?}");
    }

    #[test]
    fn citizens_without_an_answer_lose_their_turn() {
        let mut some = citizens(5, None);
        some.retain(|at| at % 2 == 0);
        let left: Vec<_> = (0..3).map(|call| some.at(call).as_str().to_owned()).collect();
        assert_eq!(left, ["000000000000", "000000000002", "000000000004"]);
    }
}

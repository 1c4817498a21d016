//! A client: makes calls by the descriptors, as grpcurl does, and knows what it knows of their outcome.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lienthong::base::{Kind, Reason};
use lienthong::wire::codec::RawCodec;
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::dice::Dice;
use super::disk::lock;
use super::run::Run;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(12);
/// Attempts after which a client that repeats gives up: far more than any fault of a run lasts.
const ATTEMPTS_MAX: usize = 400;

/// The reason of a call that was repeated in vain.
pub const GIVEN_UP: &str = "GIVEN_UP";

/// What a client knows of a call.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was served: the answer as protobuf JSON.
    Answered(Value),
    /// It was refused, with this reason.
    Refused(String),
    /// Nobody knows: the connection broke, the time was up, or the server could not say.
    Unknown(String),
}

/// Whether it is worth to try again after a refusal, since it speaks of the moment and not of the call. Of a write it leaves open whether it was made.
fn is_passing(reason: &str) -> bool {
    let reason = Reason::ALL.iter().find(|known| known.as_str() == reason);
    let kinds = [Kind::SourceDown, Kind::Late, Kind::Bug, Kind::Corrupt, Kind::Limited];
    reason.is_some_and(|reason| kinds.contains(&reason.kind()) || *reason == Reason::StorageConflict)
}

/// Whether a refusal says that what is stored cannot be what was written.
fn is_damage(reason: &str) -> bool {
    let momentary = [Reason::Unavailable, Reason::TryLater, Reason::Stale];
    let reason = Reason::ALL.iter().find(|known| known.as_str() == reason);
    reason.is_some_and(|reason| reason.kind() == Kind::Corrupt && !momentary.contains(reason))
}

/// A client with a connection of its own.
pub struct Client {
    /// Its name in the log.
    pub name: String,
    /// Its dice.
    pub dice: std::sync::Mutex<Dice>,
    /// The run that it belongs to.
    pub run: Arc<Run>,
    channel: Channel,
    session: Option<String>,
}

impl Client {
    /// A client of this name.
    pub fn new(name: impl Into<String>, run: &Arc<Run>) -> Self {
        let name = name.into();
        let dice = std::sync::Mutex::new(Dice::new(run.seed, &name, 0));
        Self { channel: run.network.channel(&name), name, dice, run: run.clone(), session: None }
    }

    /// The same client in a session.
    pub fn within(&self, session: &str) -> Self {
        let name = format!("{}/s", self.name);
        let dice = std::sync::Mutex::new(Dice::new(self.run.seed, session, 0));
        Self { name, dice, channel: self.channel.clone(), run: self.run.clone(), session: Some(session.to_owned()) }
    }

    /// Makes a call once.
    pub async fn try_call(&self, who: &str, method: &str, body: Value) -> Outcome {
        let made = tokio::time::timeout(PATIENCE, self.make(who, method, &body)).await;
        let message = match &made {
            Ok(Err(status)) if !status.message().is_empty() => format!(" ({})", status.message()),
            _ => String::new(),
        };
        let outcome = match made {
            Err(_) => Outcome::Unknown("no answer in time".into()),
            Ok(Ok(answer)) => Outcome::Answered(answer),
            Ok(Err(status)) => match status.get_details_error_info() {
                Some(info) if is_passing(&info.reason) => Outcome::Unknown(info.reason),
                Some(info) => Outcome::Refused(info.reason),
                None => Outcome::Unknown(format!("{:?}", status.code())),
            },
        };
        let short = method.rsplit('/').next().unwrap_or(method);
        let said = match &outcome {
            Outcome::Answered(_) => "answered",
            Outcome::Refused(reason) | Outcome::Unknown(reason) => reason,
        };
        self.run.log.note(&self.name, format!("{short} as {who}: {said}{message}"));
        self.run.log.check(!is_damage(said) || self.run.may_be_damaged(), || {
            format!("{short} says {said}, and nothing is damaged")
        });
        self.run.log.check(said != "INTERNAL", || format!("{short} has met a defect"));
        outcome
    }

    /// Makes a call until its outcome is known. `Err`: the reason of the refusal.
    pub async fn call(&self, who: &str, method: &str, body: Value) -> Result<Value, String> {
        self.call_counted(who, method, body).await.0
    }

    /// The same, with the number of attempts.
    pub async fn call_counted(&self, who: &str, method: &str, body: Value) -> (Result<Value, String>, usize) {
        for attempt in 1..=ATTEMPTS_MAX {
            match self.try_call(who, method, body.clone()).await {
                Outcome::Answered(answer) => return (Ok(answer), attempt),
                Outcome::Refused(reason) => return (Err(reason), attempt),
                Outcome::Unknown(_) => self.pause(100, 1_500).await,
            }
            if self.run.log.is_violated() {
                return (Err(GIVEN_UP.into()), attempt); // the run is over
            }
        }
        self.run.log.violated(format!("{method} as {who} never came to an end"));
        (Err(GIVEN_UP.into()), ATTEMPTS_MAX)
    }

    /// Waits until no earlier attempt of a call can be served any more, if there were several.
    pub async fn settle(&self, attempts: usize) {
        if attempts > 1 {
            self.pause(20_000, 20_000).await;
        }
    }

    /// Waits for a while.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated client's")]
    pub async fn pause(&self, low_ms: u64, high_ms: u64) {
        let pause = lock(&self.dice).ms(low_ms, high_ms);
        tokio::time::sleep(pause).await;
    }

    async fn make(&self, who: &str, method: &str, body: &Value) -> Result<Value, Status> {
        let (service, name) = method.split_once('/').expect("service/method");
        let service = typed::pool().get_service_by_name(&format!("lienthong.{service}")).expect("a service of ours");
        let described = service.methods().find(|found| found.name() == name).expect("a method of it");
        let request = DynamicMessage::deserialize(described.input(), body).expect("a request of it");
        let mut request = Request::new(Bytes::from(request.encode_to_vec()));
        request.set_timeout(PATIENCE);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {who}").parse().expect("ASCII"));
        if let Some(session) = &self.session {
            metadata.insert("x-lienthong-session", session.parse().expect("ASCII"));
        }
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        let path = PathAndQuery::try_from(format!("/lienthong.{method}")).expect("a path");
        let answer = client.unary(request, path, RawCodec).await?.into_inner();
        let answer = DynamicMessage::decode(described.output(), answer).expect("an answer of it");
        let options = SerializeOptions::new();
        Ok(answer.serialize_with_options(serde_json::value::Serializer, &options).expect("JSON"))
    }
}

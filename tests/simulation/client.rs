//! A client: makes calls by the descriptors, as grpcurl does, and knows what it knows of their outcome.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lienthong::base::{Kind, Reason};
use lienthong::wire::codec::RawCodec;
use lienthong::wire::typed;
use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, SerializeOptions};
use serde_json::Value;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
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
    /// Whether rules have records forged and registries fail where it calls, so that refusals speak of no damage and of no defect.
    meets_forgeries: bool,
}

impl Client {
    /// A client of this name.
    pub fn new(name: impl Into<String>, run: &Arc<Run>) -> Self {
        let name = name.into();
        let dice = std::sync::Mutex::new(Dice::new(run.seed, &name, 0));
        Self {
            channel: run.network.channel(&name),
            name,
            dice,
            run: run.clone(),
            session: None,
            meets_forgeries: false,
        }
    }

    /// The same client in a session.
    pub fn within(&self, session: &str) -> Self {
        let name = format!("{}/s", self.name);
        let dice = std::sync::Mutex::new(Dice::new(self.run.seed, session, 0));
        let (channel, run, session) = (self.channel.clone(), self.run.clone(), Some(session.to_owned()));
        Self { name, dice, channel, run, session, meets_forgeries: false }
    }

    /// The same client where records are forged.
    pub fn among_forgeries(self) -> Self {
        Self { meets_forgeries: true, ..self }
    }

    /// Makes a call once.
    pub async fn try_call(&self, who: &str, method: &str, body: Value) -> Outcome {
        let made = tokio::time::timeout(PATIENCE, self.make(who, method, &body)).await;
        let (outcome, message) = match made {
            Err(_) => (Outcome::Unknown("no answer in time".into()), String::new()),
            Ok(Ok(answer)) => (Outcome::Answered(answer), String::new()),
            Ok(Err(status)) => (outcome_of(&status), status.message().to_owned()),
        };
        self.note(method, who, &outcome, &message);
        outcome
    }

    /// Writes down how a call ended; what no call may say, and what only says damage that is there.
    fn note(&self, method: &str, who: &str, outcome: &Outcome, message: &str) {
        let short = method.rsplit('/').next().unwrap_or(method);
        let said = match outcome {
            Outcome::Answered(_) => "answered",
            Outcome::Refused(reason) | Outcome::Unknown(reason) => reason,
        };
        let message = if message.is_empty() { String::new() } else { format!(" ({message})") };
        self.run.log.note(&self.name, format!("{short} as {who}: {said}{message}"));
        self.run.log.check(!is_damage(said) || self.run.may_be_damaged() || self.meets_forgeries, || {
            format!("{short} says {said}, and nothing is damaged")
        });
        self.run.log.check(said != "INTERNAL" || self.meets_forgeries, || format!("{short} has met a defect"));
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

    /// Opens a stream of messages once.
    pub async fn open(&self, who: &str, method: &str, body: Value) -> Result<Messages, Outcome> {
        let opened = async {
            let (described, request, path) = self.request(who, method, &body);
            let mut client = self.ready().await?;
            let inner = client.server_streaming(request, path, RawCodec).await?.into_inner();
            Ok(Messages { inner, output: described.output() })
        };
        let opened = tokio::time::timeout(PATIENCE, opened).await;
        opened.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))).map_err(|status| {
            let outcome = outcome_of(&status);
            self.note(method, who, &outcome, status.message());
            outcome
        })
    }

    fn request(&self, who: &str, method: &str, body: &Value) -> (MethodDescriptor, Request<Bytes>, PathAndQuery) {
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
        (described, request, PathAndQuery::try_from(format!("/lienthong.{method}")).expect("a path"))
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(client)
    }

    async fn make(&self, who: &str, method: &str, body: &Value) -> Result<Value, Status> {
        let (described, request, path) = self.request(who, method, body);
        let answer = self.ready().await?.unary(request, path, RawCodec).await?.into_inner();
        Ok(json_of(&described.output(), answer))
    }
}

/// What a client knows of a call that failed.
fn outcome_of(status: &Status) -> Outcome {
    match status.get_details_error_info() {
        Some(info) if is_passing(&info.reason) => Outcome::Unknown(info.reason),
        Some(info) => Outcome::Refused(info.reason),
        None => Outcome::Unknown(format!("{:?}", status.code())),
    }
}

/// A stream of messages that was opened.
pub struct Messages {
    inner: Streaming<Bytes>,
    output: MessageDescriptor,
}

impl Messages {
    /// The next message as protobuf JSON; `None`: the stream ended as it should. It may break off, or bring nothing in time.
    #[allow(clippy::disallowed_methods, reason = "the runtime's time is the simulated client's")]
    pub async fn next(&mut self) -> Result<Option<Value>, Status> {
        let next = tokio::time::timeout(PATIENCE, self.inner.message()).await;
        let next = next.unwrap_or_else(|_| Err(Status::deadline_exceeded("nothing came in time")))?;
        Ok(next.map(|message| json_of(&self.output, message)))
    }
}

fn json_of(described: &MessageDescriptor, encoded: Bytes) -> Value {
    let message = DynamicMessage::decode(described.clone(), encoded).expect("an answer of it");
    message.serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new()).expect("JSON")
}

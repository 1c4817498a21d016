//! Runs scenarios: each in a session of its own, all at the same time.

#![allow(clippy::disallowed_methods, reason = "whoever runs scenarios waits by the machine's time")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use prost::Message as _;
use prost_reflect::{DynamicMessage, ReflectMessage as _, SerializeOptions, Value as Field};
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::expect::{Unmet, unmet, unmet_violations};
use super::story::{Action, Call, Scenario, Step};
use super::vars::{Vars, put_in, put_in_text};
use crate::api::admission::SESSION;
use crate::api::status::code_name;
use crate::base::Timestamp;
use crate::trust::{TrustAnchor, Verifier};
use crate::wire::codec::RawCodec;
use crate::wire::proto::trust::v1::SignedRecord;
use crate::wire::{record, typed};

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most answers of a stream that are looked at.
const ANSWERS_MAX: usize = 1_000;
/// How often something is asked for that comes eventually.
const EVERY: Duration = Duration::from_millis(50);

/// The outcome of a scenario.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) steps: usize,
    pub(super) took: Duration,
    /// The step that failed, and the reason.
    pub(super) failed: Option<Failed>,
}

/// A step that was not as expected.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) step: String,
    pub(super) line: usize,
    pub(super) unmet: Vec<Unmet>,
}

/// An answer: its code, the reason of a refusal, and the message or messages.
struct Answer {
    code: &'static str,
    reason: String,
    message: String,
    /// The bad fields that a refusal names, each with the rule that it breaks.
    violations: Vec<(String, String)>,
    messages: Vec<DynamicMessage>,
}

/// Calls in one session.
#[derive(Clone)]
struct World {
    channel: Channel,
    operator: String,
    session: String,
}

/// Runs a scenario over a channel; `operator` is the credential that makes its session.
pub(super) async fn run(scenario: Scenario, channel: Channel, operator: String) -> Outcome {
    let begun = Instant::now();
    let outside = World { channel, operator, session: String::new() };
    let mut request = scenario.session.clone();
    if let Value::Object(map) = &mut request {
        map.entry("label").or_insert_with(|| scenario.name.clone().into());
        map.entry("ttl").or_insert_with(|| "600s".into());
    }
    let sessions = "lienthong.simulation.v1.SessionService";
    let made = outside.asked(&format!("{sessions}/CreateSession"), "", &request, &BTreeMap::new()).await;
    let mut failed;
    let mut steps = 0;
    match made.and_then(|made| made.answered()) {
        Ok(made) => {
            let session = made["session"]["session_id"].as_str().unwrap_or_default().to_owned();
            let world = World { session: session.clone(), ..outside.clone() };
            let now = made["session"]["clock"]["now"].as_str().and_then(Timestamp::parse).unwrap_or_default();
            let mut vars = Vars::beginning(now.date());
            vars.set("session", session.clone().into());
            failed = vars.define(&scenario.vars).err().map(|undefined| {
                let names = undefined.into_keys().collect::<Vec<_>>().join(", ");
                Failed::of("the constants", 1, "variables", "values", format!("none for {names}"))
            });
            let told = if failed.is_none() { &scenario.steps[..] } else { &[] };
            for step in told {
                match world.step(step, vars.clone()).await {
                    Ok(set) => vars.extend(set),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
                steps += 1;
            }
            let body = json!({ "session_id": session });
            if let Err(error) = outside.asked(&format!("{sessions}/DeleteSession"), "", &body, &BTreeMap::new()).await
                && failed.is_none()
            {
                failed = Some(Failed::of("the session ends", 1, "code", "OK", error));
            }
        }
        Err(error) => failed = Some(Failed::of("the session begins", 1, "code", "OK", error)),
    }
    Outcome { name: scenario.name, steps, took: begun.elapsed(), failed }
}

impl Failed {
    fn of(step: &str, line: usize, what: &str, expected: &str, found: String) -> Self {
        let unmet = vec![Unmet { what: what.into(), expected: expected.into(), found }];
        Self { step: step.to_owned(), line, unmet }
    }
}

/// Whether a call was answered with the expected code, and something else was not as expected.
fn has_answer(unmet: &[Unmet]) -> bool {
    unmet.iter().all(|unmet| !["code", "the request"].contains(&unmet.what.as_str()))
}

/// The variables that steps set.
type Set = BTreeMap<String, Value>;

impl World {
    /// Runs a step; the variables that it sets.
    fn step<'a>(&'a self, step: &'a Step, vars: Vars) -> BoxFuture<'a, Result<Set, Failed>> {
        Box::pin(async move {
            let failed = |unmet| Failed { step: step.name.clone(), line: step.line, unmet };
            match &step.action {
                Action::Call(call) => self.call(call, vars).await.map_err(failed),
                Action::Parallel(steps) => {
                    let all = join_all(steps.iter().map(|step| self.step(step, vars.clone()))).await;
                    let mut set = Set::new();
                    for one in all {
                        set.extend(one?);
                    }
                    Ok(set)
                }
                Action::Eventually(within, call) => {
                    let until = Instant::now() + *within;
                    let mut nearest: Option<Vec<Unmet>> = None;
                    loop {
                        match self.call(call, vars.clone()).await {
                            Ok(set) => return Ok(set),
                            // A refusal in between says less of what is missing than an answer that came before it.
                            Err(unmet) if nearest.is_none() || has_answer(&unmet) => nearest = Some(unmet),
                            Err(_) => {}
                        }
                        if let Some(unmet) = nearest.take_if(|_| Instant::now() >= until) {
                            return Err(failed(unmet));
                        }
                        tokio::time::sleep(EVERY).await;
                    }
                }
            }
        })
    }

    /// Makes a call and compares its answer with the expected one; returns the variables that it sets.
    async fn call(&self, call: &Call, mut vars: Vars) -> Result<Set, Vec<Unmet>> {
        let unmet_of = |what: &str, expected: String, found: String| vec![Unmet { what: what.into(), expected, found }];
        let unset = |name: String| unmet_of("variables", name, "it is not".into());
        vars.set("request_id", uuid::Uuid::now_v7().to_string().into());
        let body = put_in(&call.body, &vars).map_err(unset)?;
        let caller = put_in_text(&call.caller, &vars).map_err(unset)?;
        let mut headers = BTreeMap::new();
        for (name, value) in &call.headers {
            headers.insert(name.clone(), put_in_text(value, &vars).map_err(unset)?);
        }
        let mut expect = call.expect.clone();
        expect.put_in(&vars).map_err(unset)?;
        let asked = self.asked(&call.method, &caller, &body, &headers).await;
        let answer = asked.map_err(|found| unmet_of("the request", "one that can be made".into(), found))?;
        if answer.code != expect.code {
            return Err(unmet_of("code", expect.code, answer.words()));
        }
        if let Some(reason) = expect.reason.filter(|reason| *reason != answer.reason) {
            return Err(unmet_of("reason", reason, answer.words()));
        }
        let json = answer.json();
        let mut found = unmet(&json, &expect.fields);
        found.extend(unmet_violations(&expect.violations, &answer.violations));
        if let Some(wanted) = expect.verifies {
            let verdicts = self.verdicts(&answer).await.map_err(|why| unmet_of("verifies", wanted.to_string(), why))?;
            let holds = !verdicts.is_empty() && verdicts.iter().all(|verdict| (verdict == "VALID") == wanted);
            if !holds {
                found.extend(unmet_of("verifies", wanted.to_string(), format!("{verdicts:?}")));
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let saved = call.save.iter().map(|(name, path)| (name.clone(), super::expect::at(&json, path)));
        Ok(saved.collect())
    }

    /// The verdict on each record of an answer, offline, by the session's own trust anchor and clock.
    async fn verdicts(&self, answer: &Answer) -> Result<Vec<String>, String> {
        let none = BTreeMap::new();
        let anchor =
            self.asked("lienthong.trust.v1.TrustService/GetTrustAnchor", "", &json!({}), &none).await?.answered()?;
        let anchor = TrustAnchor::from_json(anchor["anchor_json"].as_str().unwrap_or_default().as_bytes());
        let verifier = Verifier::new(anchor.map_err(|error| error.to_string())?);
        let clock = self
            .asked("lienthong.simulation.v1.SimulationService/GetClock", "", &json!({}), &none)
            .await?
            .answered()?;
        let now = Timestamp::parse(clock["clock"]["now"].as_str().unwrap_or_default())
            .ok_or_else(|| "the clock shows no time".to_owned())?;
        let mut signed = Vec::new();
        answer.messages.iter().for_each(|message| signed_records(message, &mut signed));
        let verdict = |bytes: Bytes| {
            let message = SignedRecord::decode(bytes).map_err(|error| error.to_string())?;
            let record = record::from_message(message).map_err(|error| error.to_string())?;
            let verdict = verifier.verify(&record, now).verdict;
            Ok(if verdict.is_valid() { "VALID".to_owned() } else { format!("{verdict:?}") })
        };
        signed.into_iter().map(verdict).collect()
    }

    /// Makes a call; the error is that of a request that cannot be made.
    async fn asked(
        &self,
        method: &str,
        caller: &str,
        body: &Value,
        headers: &BTreeMap<String, String>,
    ) -> Result<Answer, String> {
        let described = typed::method(method).ok_or_else(|| format!("there is no method {method}"))?;
        let request = DynamicMessage::deserialize(described.input(), body).map_err(|error| error.to_string())?;
        let mut request = Request::new(Bytes::from(request.encode_to_vec()));
        request.set_timeout(DEADLINE);
        let credential =
            if caller.is_empty() || caller == "operator" { self.operator.clone() } else { format!("demo-{caller}") };
        let mut all = BTreeMap::from([("authorization".to_owned(), format!("Bearer {credential}"))]);
        if !self.session.is_empty() {
            all.insert(SESSION.to_owned(), self.session.clone());
        }
        all.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
        for (name, value) in all {
            let name: AsciiMetadataKey = name.parse().map_err(|_| format!("{name} is not a metadata key"))?;
            let value: AsciiMetadataValue = value.parse().map_err(|_| format!("the metadata {name} is not ASCII"))?;
            request.metadata_mut().insert(name, value);
        }
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| error.to_string())?;
        let path = PathAndQuery::try_from(format!("/{method}")).map_err(|error| error.to_string())?;
        let decode =
            |bytes: Bytes| DynamicMessage::decode(described.output(), bytes).map_err(|error| error.to_string());
        let answered = if described.is_server_streaming() {
            match client.server_streaming(request, path, RawCodec).await {
                Ok(stream) => {
                    let (mut stream, mut messages) = (stream.into_inner(), Vec::new());
                    loop {
                        match stream.message().await {
                            Ok(Some(bytes)) if messages.len() < ANSWERS_MAX => messages.push(decode(bytes)?),
                            Ok(_) => break Ok(messages),
                            Err(status) => break Err(status),
                        }
                    }
                }
                Err(status) => Err(status),
            }
        } else {
            match client.unary(request, path, RawCodec).await {
                Ok(answer) => Ok(vec![decode(answer.into_inner())?]),
                Err(status) => Err(status),
            }
        };
        Ok(match answered {
            Ok(messages) => Answer { messages, ..Answer::default() },
            Err(status) => Answer::refused(&status),
        })
    }
}

/// The signed records anywhere in a message, encoded.
fn signed_records(message: &DynamicMessage, found: &mut Vec<Bytes>) {
    if message.descriptor().full_name() == "lienthong.trust.v1.SignedRecord" {
        found.push(message.encode_to_vec().into());
        return;
    }
    for (_, value) in message.fields() {
        match value {
            Field::Message(inner) => signed_records(inner, found),
            Field::List(items) => {
                items.iter().filter_map(Field::as_message).for_each(|inner| signed_records(inner, found));
            }
            _ => {}
        }
    }
}

impl Default for Answer {
    /// One without a message.
    fn default() -> Self {
        let (reason, message) = (String::new(), String::new());
        Self { code: "OK", reason, message, violations: Vec::new(), messages: Vec::new() }
    }
}

impl Answer {
    fn refused(status: &Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
        // The rule is the part before the colon of the description.
        let rule = |description: &str| description.split(':').next().unwrap_or_default().to_owned();
        let bad = details.bad_request().into_iter().flat_map(|bad| &bad.field_violations);
        let bad = bad.map(|one| (one.field.clone(), rule(&one.description)));
        let state = details.precondition_failure().into_iter().flat_map(|state| &state.violations);
        let state = state.map(|one| (one.subject.clone(), one.r#type.clone()));
        let (code, message) = (code_name(status.code()), status.message().to_owned());
        Self { code, reason, message, violations: bad.chain(state).collect(), messages: Vec::new() }
    }

    /// As JSON with the names of the proto: of a stream, the list of its messages as `answers`.
    fn json(&self) -> Value {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let one = |message: &DynamicMessage| {
            message.serialize_with_options(serde_json::value::Serializer, &options).unwrap_or(Value::Null)
        };
        match &self.messages[..] {
            [message] => {
                let mut json = one(message);
                if let Value::Object(map) = &mut json {
                    map.insert("answers".into(), json!([one(message)]));
                }
                json
            }
            messages => json!({ "answers": messages.iter().map(one).collect::<Vec<_>>() }),
        }
    }

    fn answered(self) -> Result<Value, String> {
        if self.code == "OK" { Ok(self.json()) } else { Err(self.words()) }
    }

    fn words(&self) -> String {
        match self.code {
            "OK" => "OK".to_owned(),
            code => format!("{code} ({}): {}", self.reason, self.message),
        }
    }
}

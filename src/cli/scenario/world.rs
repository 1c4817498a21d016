//! A session of a server: calls by the names of their methods, answers as JSON, and the verdicts on the records in them.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::verdicts::Judged;
use crate::api::admission::SESSION;
use crate::api::status::code_name;
use crate::base::Timestamp;
use crate::cli::verify;
use crate::trust::{TrustAnchor, Verifier};
use crate::wire::codec::RawCodec;
use crate::wire::typed;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most answers of a stream that are looked at.
const ANSWERS_MAX: usize = 1_000;

/// An answer: its code, the reason of a refusal, and the message or messages.
pub(super) struct Answer {
    pub(super) code: &'static str,
    pub(super) reason: String,
    message: String,
    /// The bad fields that a refusal names, each with the rule that it breaks.
    pub(super) violations: Vec<(String, String)>,
    messages: Vec<DynamicMessage>,
}

/// Calls in one session, or outside all.
#[derive(Clone)]
pub(super) struct World {
    pub(super) channel: Channel,
    /// The credential of the operator's calls.
    pub(super) operator: String,
    /// The session's id; empty: outside.
    pub(super) session: String,
}

impl World {
    /// The verdict on each record of an answer, offline, by the session's own trust anchor and clock; with its status lists where they count.
    pub(super) async fn verdicts(&self, answer: &Answer, has_lists: bool) -> Result<Vec<Judged>, String> {
        let anchor = self.own("lienthong.trust.v1.TrustService/GetTrustAnchor", &json!({})).await?;
        let anchor = TrustAnchor::from_json(anchor["anchor_json"].as_str().unwrap_or_default().as_bytes());
        let verifier = Verifier::new(anchor.map_err(|error| error.to_string())?);
        let clock = self.own("lienthong.simulation.v1.SimulationService/GetClock", &json!({})).await?;
        let now = Timestamp::parse(clock["clock"]["now"].as_str().unwrap_or_default());
        let now = now.ok_or_else(|| "the clock shows no time".to_owned())?;
        let answers: Vec<String> = answer.messages.iter().map(|message| as_json(message).to_string()).collect();
        let answers = answers.join("\n");
        let judged = verify::verdicts(&answers, &verifier, None, now)?;
        if !has_lists {
            return Ok(judged);
        }
        let mut lists = BTreeMap::new();
        for (record_type, _) in &judged {
            if !lists.contains_key(record_type) {
                let body = json!({ "record_type": record_type });
                let list = self.own("lienthong.trust.v1.StatusService/GetStatusList", &body).await?;
                lists.insert(record_type, list["token"].as_str().unwrap_or_default().to_owned());
            }
        }
        let lists: Vec<String> = lists.into_values().collect();
        verify::verdicts(&answers, &verifier, Some(&lists), now)
    }

    /// Makes a call of the runner's own, as operator, that has to be answered.
    pub(super) async fn own(&self, method: &str, body: &Value) -> Result<Value, String> {
        let answer = self.asked(method, "", body, &BTreeMap::new()).await?;
        if answer.code == "OK" { Ok(answer.json()) } else { Err(answer.words()) }
    }

    /// Makes a call; the error is that of a request that cannot be made.
    pub(super) async fn asked(
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
    pub(super) fn json(&self) -> Value {
        match &self.messages[..] {
            [message] => {
                let mut json = as_json(message);
                if let Value::Object(map) = &mut json {
                    map.insert("answers".into(), json!([as_json(message)]));
                }
                json
            }
            messages => json!({ "answers": messages.iter().map(as_json).collect::<Vec<_>>() }),
        }
    }

    /// The code, with reason and message of a refusal.
    pub(super) fn words(&self) -> String {
        match self.code {
            "OK" => "OK".to_owned(),
            code => format!("{code} ({}): {}", self.reason, self.message),
        }
    }
}

fn as_json(message: &DynamicMessage) -> Value {
    let options = SerializeOptions::new().use_proto_field_name(true);
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap_or(Value::Null)
}

//! Makes the calls of a recording again, one after another, in a session that begins as the recorded one began.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::super::message;
use super::super::output::{Failure, OutputFormat, print, print_json, print_text};
use super::super::server::ServerArgs;
use super::drift::{Difference, Noise, differences};
use super::file::Recorded;
use crate::api::admission::{FAULT, SESSION};
use crate::api::status::{code_name, ending_of, recorded};
use crate::wire::codec::RawCodec;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::session_service_client::SessionServiceClient;
use crate::wire::typed;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// The path of a call whose method there was not.
const UNKNOWN: &str = "lienthong.unknown.v1.UnknownService/Unknown";

/// A replay.
pub(super) struct Replaying {
    pub(super) server: ServerArgs,
    pub(super) noise: Vec<Noise>,
    pub(super) is_exact: bool,
}

/// The answer of a call.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answered {
    messages: Vec<Bytes>,
    code: i32,
    message: String,
    details: Bytes,
}

/// The outcome of one call.
struct Outcome {
    number: usize,
    method: String,
    found: Vec<Difference>,
}

#[derive(Default)]
struct Report {
    identical: usize,
    same: usize,
    /// Calls whose credential was not recorded: made, and not compared.
    uncompared: usize,
    drifted: Vec<Outcome>,
}

impl Replaying {
    pub(super) async fn run(mut self, file: Recorded, output: OutputFormat) -> Result<ExitCode, Failure> {
        let channel = self.server.connect().await?;
        let session = self.begin(&channel, &file).await?;
        let mut report = Report::default();
        let mut ended = Ok(());
        for (number, call) in file.calls.iter().enumerate() {
            match made(&channel, &session, call).await {
                Ok(now) => self.compare(number + 1, call, &now, &mut report)?,
                Err(failure) => {
                    ended = Err(failure);
                    break;
                }
            }
        }
        let message = proto::DeleteSessionRequest { session_id: session };
        let mut client = SessionServiceClient::new(channel);
        let deleted = self.server.ask(message, DEADLINE, async |request| client.delete_session(request).await).await;
        ended.and(deleted.map(drop))?;
        self.tell(&file, &report, output)?;
        Ok(if report.drifted.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// A session that begins as the recorded one.
    async fn begin(&self, channel: &Channel, file: &Recorded) -> Result<String, Failure> {
        let heading = &file.heading;
        let message = proto::CreateSessionRequest {
            label: "replay".into(),
            seed: heading.seed,
            persona_faults: heading.persona_faults.clone(),
            session_id: heading.session_id.clone(),
            metadata_faults: heading.metadata_faults,
            ..Default::default()
        };
        let mut client = SessionServiceClient::new(channel.clone());
        let created = self.server.ask(message, DEADLINE, async |request| client.create_session(request).await).await?;
        let mut session = created.session.unwrap_or_default();
        for _ in 0..heading.resets {
            let message = proto::ResetSessionRequest { session_id: session.session_id.clone() };
            let reset = self.server.ask(message, DEADLINE, async |request| client.reset_session(request).await).await?;
            session = reset.session.unwrap_or_default();
        }
        if heading.seed.is_none() {
            tracing::warn!("the recorded session had no seed: codes and ids differ");
        }
        if session.clock.map(|clock| clock.now) != heading.clock.map(|clock| clock.now) {
            tracing::warn!("the session's clock shows another time than the recorded one's");
        }
        Ok(session.session_id)
    }

    fn compare(
        &mut self,
        number: usize,
        call: &proto::RecordedCall,
        now: &Answered,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let before = Answered {
            messages: call.answers.clone(),
            code: call.code,
            message: call.message.clone(),
            details: call.details.clone(),
        };
        if call.caller.is_empty() && call.code == Code::Unauthenticated as i32 {
            report.uncompared += 1;
            return Ok(());
        }
        // An answer that a fault rule broke off ends differently for each client.
        let is_broken_off = before.code == Code::Unknown as i32 && before.details.is_empty();
        // An answer of trailers alone has no message and a good status.
        let is_whole = now.code == Code::Ok as i32 && !now.messages.is_empty();
        if before == *now || is_broken_off && !is_whole && before.messages == now.messages {
            report.identical += 1;
            return Ok(());
        }
        let found =
            differences(&call.method, &value(&call.method, &before)?, &value(&call.method, now)?, &mut self.noise);
        if !found.is_empty() {
            report.drifted.push(Outcome { number, method: call.method.clone(), found });
        } else if self.is_exact {
            let bytes = |of: &Answered| Some(format!("{} bytes", of.messages.iter().map(Bytes::len).sum::<usize>()));
            let found = vec![Difference { path: String::new(), recorded: bytes(&before), now: bytes(now) }];
            report.drifted.push(Outcome { number, method: call.method.clone(), found });
        } else {
            report.same += 1;
        }
        Ok(())
    }

    fn tell(&self, file: &Recorded, report: &Report, output: OutputFormat) -> Result<(), Failure> {
        let Report { identical, same, uncompared, drifted } = report;
        if output == OutputFormat::Json {
            let difference = |of: &Difference| json!({ "path": of.path, "recorded": of.recorded, "now": of.now });
            let outcome = |of: &Outcome| {
                let found: Vec<Value> = of.found.iter().map(difference).collect();
                json!({ "call": of.number, "method": of.method, "differences": found })
            };
            return print_json(&json!({
                "calls": file.calls.len(), "identical": identical, "same_but_for_noise": same, "not_compared": uncompared,
                "drifted": drifted.iter().map(outcome).collect::<Vec<_>>(),
                "noise": self.noise.iter().map(|noise| json!({ "path": noise.text, "covered": noise.hits })).collect::<Vec<_>>(),
            }));
        }
        for Outcome { number, method, found } in drifted {
            print_text(&format!("call {number}, {method}, is answered differently:"))?;
            for Difference { path, recorded, now } in found {
                let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                print(&format!("  {path}: {} => {}", or_none(recorded), or_none(now)))?;
            }
        }
        for noise in self.noise.iter().filter(|noise| noise.hits == 0) {
            print_text(&format!("--noise {} covered nothing", noise.text))?;
        }
        let (calls, drifted) = (file.calls.len(), drifted.len());
        print_text(&format!(
            "{calls} calls: {identical} identical, {same} the same but for noise, {drifted} different, {uncompared} not compared"
        ))
    }
}

/// Makes one call again.
async fn made(channel: &Channel, session: &str, call: &proto::RecordedCall) -> Result<Answered, Failure> {
    let method = if call.method.is_empty() { UNKNOWN } else { &call.method };
    let path = PathAndQuery::try_from(format!("/{method}"));
    let path = path.map_err(|_| Failure::new(format!("{method} is no method")))?;
    let mut request = Request::new(call.request.clone().unwrap_or_default());
    request.set_timeout(DEADLINE);
    let credential = match call.caller.split_once(':') {
        Some(("agency", agency)) => Some(format!("Bearer demo-{agency}")),
        Some(("citizen", person)) => Some(format!("Bearer demo-citizen-{person}")),
        _ => None,
    };
    let metadata = call.metadata.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let metadata =
        metadata.chain([(SESSION, session.to_owned())]).chain(credential.map(|value| ("authorization", value)));
    for (name, value) in metadata {
        let (name, value) = (name.parse::<AsciiMetadataKey>(), value.parse::<AsciiMetadataValue>());
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Failure::new("the recording has invalid metadata"));
        };
        request.metadata_mut().insert(name, value);
    }
    for fault in &call.asked_faults {
        let fault = fault.parse::<AsciiMetadataValue>();
        request.metadata_mut().append(FAULT, fault.map_err(|_| Failure::new("the recording has invalid metadata"))?);
    }
    let mut client = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    client.ready().await.map_err(|error| Failure::new(format!("the server went away: {error}")))?;
    let mut answered = Answered::default();
    let refused = |mut answered: Answered, status: Status| {
        answered.code = status.code() as i32;
        status.message().clone_into(&mut answered.message);
        answered.details = Bytes::copy_from_slice(status.details());
        answered
    };
    let mut stream = match client.server_streaming(request, path, RawCodec).await {
        Ok(stream) => stream.into_inner(),
        Err(status) => return Ok(refused(answered, status)),
    };
    loop {
        // A stream that the recorded client left early is left at the same point.
        if call.code == Code::Cancelled as i32 && answered.messages.len() >= call.answers.len() {
            answered.code = call.code;
            return Ok(answered);
        }
        match stream.message().await {
            Ok(Some(message)) => answered.messages.push(message),
            Ok(None) => return Ok(answered),
            Err(status) => return Ok(refused(answered, status)),
        }
    }
}

/// An answer as JSON: the messages, or the one message there is; and the refusal.
fn value(method: &str, answered: &Answered) -> Result<Value, Failure> {
    let mut value = match typed::method(method) {
        None => json!({}),
        Some(method) => {
            let messages =
                answered.messages.iter().map(|bytes| message::json_of_bytes(method.output().full_name(), bytes));
            let mut messages = messages.collect::<Result<Vec<_>, _>>()?;
            match messages.pop() {
                Some(one) if messages.is_empty() && !method.is_server_streaming() => one,
                None => json!({}),
                Some(last) => {
                    messages.push(last);
                    json!({ "messages": messages })
                }
            }
        }
    };
    if answered.code != 0
        && let Some(fields) = value.as_object_mut()
    {
        let ending = ending_of(&recorded(answered.code, &answered.message, &answered.details));
        let refusal = json!({ "code": code_name(ending.code), "outcome": ending.outcome, "message": ending.message });
        fields.insert("refusal".to_owned(), refusal);
    }
    Ok(value)
}

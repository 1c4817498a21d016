//! `JournalService` over gRPC: lists, follows and counts the calls of a world, and records a session.

mod filter;

use std::sync::Arc;

use futures::stream::{self, StreamExt as _};
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::exchange::message::{checks, violations};
use super::fault::FaultScope;
use super::simulation::{WorldFacts, clock_message};
use crate::api::{AnswerStream, Edge, OpenStreams, PageTokens, page};
use crate::base::call::{Call, Caller};
use crate::base::{Error, Language, Reason, RequestId, Result, limits};
use crate::exchange::{Exchange, Explained, RecentCalls};
use crate::simulation::clock::WorldClock;
use crate::simulation::journal::{CallFilter, Journal, JournalCall, Protocol, RecordedSession, Recording};
use crate::wire::mask::Mask;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::journal_service_server::JournalService;
use crate::wire::{record, typed};

/// The version of the form of recordings.
const RECORDING_VERSION: u32 = 1;

/// Most bad fields of one call: `Explain` gives the others.
const VIOLATIONS_MAX: usize = 20;

/// Serves `JournalService`.
#[derive(Clone)]
pub struct JournalGrpcService {
    edge: Edge,
    parts: Arc<JournalParts>,
    pages: PageTokens,
    following: OpenStreams,
}

/// The data that the service shows.
pub struct JournalParts {
    /// The calls.
    pub journal: Arc<Journal>,
    /// Masks personal data.
    pub mask: Mask,
    /// Has the decision logs of exchanges.
    pub exchange: Arc<Exchange>,
    /// Holds the remembered calls.
    pub traces: Arc<RecentCalls>,
    /// The world's clock.
    pub clock: Arc<WorldClock>,
    /// The facts about the world in `GetWorld`.
    pub facts: WorldFacts,
    /// The session that the world is of; `None`: it is the province.
    pub session: Option<RecordedSession>,
    /// The methods and the agencies that a filter may name.
    pub scope: FaultScope,
}

impl JournalGrpcService {
    /// Serves what `parts` tells.
    pub fn new(edge: Edge, parts: JournalParts, pages: PageTokens) -> Self {
        Self { edge, parts: Arc::new(parts), pages, following: OpenStreams::default() }
    }

    fn filter(&self, message: Option<proto::CallFilter>) -> Result<CallFilter> {
        filter::read(message.unwrap_or_default(), &self.parts.scope)
    }

    async fn list(&self, call: &Call, request: proto::ListCallsRequest) -> Result<proto::ListCallsResponse> {
        let binding = request.filter.clone().unwrap_or_default().encode_to_vec();
        let after = self.pages.read(call, &[&binding], &request.page_token)?;
        let after = after.map_or(Ok(0), |bytes| position(&bytes))?;
        let (filter, size) = (self.filter(request.filter)?, page::size(request.page_size)?);
        let found = self.parts.journal.page(&filter, after, size, limits::PAGE_PAYLOAD_BYTES_MAX);
        let mut calls = Vec::with_capacity(found.calls.len());
        for one in found.calls {
            calls.push(self.parts.message(one, call.language).await?);
        }
        let next = found.next.map(|position| self.pages.issue(call, &[&binding], &position.to_be_bytes()));
        Ok(proto::ListCallsResponse { calls, next_page_token: next.unwrap_or_default(), forgotten: found.forgotten })
    }

    fn follow(
        &self,
        call: &Call,
        request: proto::FollowCallsRequest,
    ) -> Result<impl stream::Stream<Item = Result<proto::FollowCallsResponse>> + Send + use<>> {
        let filter = self.filter(request.filter)?;
        let open = self.following.open(&call.agency()?.to_string())?;
        let (parts, language) = (self.parts.clone(), call.language);
        let mut watch = parts.journal.watch();
        let begin = if request.from_beginning { 0 } else { *watch.borrow_and_update() };
        let state = (parts, filter, watch, begin);
        Ok(stream::try_unfold(state, move |(parts, filter, mut watch, mut after)| {
            let _open = &open; // the stream counts as long as it lives
            async move {
                let mut missed = 0;
                loop {
                    watch.borrow_and_update();
                    let mut page = parts.journal.page(&filter, after, 1, 1);
                    // At its beginning a stream has missed nothing.
                    missed += if after == 0 { 0 } else { page.missed };
                    after = page.through;
                    if let Some(one) = page.calls.pop() {
                        let call = Some(parts.message(one, language).await?);
                        let message = proto::FollowCallsResponse { call, missed };
                        return Ok(Some((message, (parts, filter, watch, after))));
                    }
                    if watch.changed().await.is_err() {
                        return Ok(None);
                    }
                }
            }
        }))
    }

    fn verify(&self, request: &proto::VerifyCallsRequest) -> Result<proto::VerifyCallsResponse> {
        let &proto::VerifyCallsRequest { exactly, at_least, at_most, .. } = request;
        let (least, most) = (exactly.or(at_least), exactly.or(at_most));
        let is_one = exactly.is_none() || (at_least.is_none() && at_most.is_none());
        if !is_one || (least.is_none() && most.is_none()) || least.zip(most).is_some_and(|(least, most)| least > most) {
            let rule = "give exactly, or at_least, or at_most, or the last two with a number between them";
            return Err(Error::invalid_field("exactly", "EXPECTATION", rule));
        }
        let found = self.parts.journal.count(&self.filter(request.filter.clone())?);
        let enough = least.is_none_or(|least| least <= found.count);
        let few = most.is_none_or(|most| found.count <= most);
        // Forgotten calls may have matched: then only a number that is reached already proves something.
        if found.forgotten > 0 && !(enough && most.is_none()) && few {
            let message = format!(
                "the journal has forgotten {} of its oldest calls: reset it before the calls that are to be counted",
                found.forgotten
            );
            return Err(Error::new(Reason::JournalIncomplete, message).with_subject("journal", ""));
        }
        let holds = enough && few;
        let expected = match (least, most) {
            (Some(least), Some(most)) if least == most => format!("exactly {least}"),
            (Some(least), Some(most)) => format!("from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (_, most) => format!("at most {}", most.unwrap_or_default()),
        };
        Ok(proto::VerifyCallsResponse {
            holds,
            count: found.count,
            request_ids: found.first.iter().map(ToString::to_string).collect(),
            message: format!("{} calls match, expected are {expected}", found.count),
        })
    }

    fn start_recording(&self) -> Result<proto::StartRecordingResponse> {
        let session = self.parts.session.clone().ok_or_else(|| {
            let message = "only a session is recorded: name one in x-lienthong-session";
            Error::new(Reason::RecordingImpossible, message).with_subject("session", "")
        })?;
        let clock = self.parts.clock.reading();
        self.parts.journal.start_recording(RecordedSession { clock, ..session })?;
        Ok(proto::StartRecordingResponse { bytes_max: limits::RECORDING_BYTES_MAX as u64 })
    }

    fn export(&self) -> Result<impl stream::Stream<Item = Result<proto::ExportRecordingResponse>> + Send + use<>> {
        use proto::export_recording_response::Part;
        let recording = self.parts.journal.recording().ok_or_else(|| {
            Error::new(Reason::NotFound, "nothing was recorded here: StartRecording starts a recording")
                .with_subject("recording", "")
        })?;
        let heading = self.parts.heading(&recording);
        let mut calls = recording.calls;
        calls.sort_by_key(|call| call.number);
        let part = |part| Ok(proto::ExportRecordingResponse { part: Some(part) });
        let calls = calls.into_iter().map(move |call| part(Part::Call(recorded(&call))));
        Ok(stream::iter([part(Part::Heading(heading))]).chain(stream::iter(calls)))
    }
}

fn position(bytes: &[u8]) -> Result<u64> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| Error::token_refused("page_token"))
}

/// The types of a method's messages.
fn types_of(method: &str) -> Option<(String, String)> {
    let method = typed::method(method)?;
    Some((method.input().full_name().to_owned(), method.output().full_name().to_owned()))
}

impl JournalParts {
    /// A call's messages, masked.
    fn masked(&self, call: &JournalCall) -> (Option<prost_types::Struct>, Vec<prost_types::Struct>) {
        let Some((input, output)) = types_of(call.method) else { return (None, Vec::new()) };
        let request = call.request.as_ref().and_then(|bytes| self.mask.json(&input, bytes));
        (request, call.answers.iter().filter_map(|bytes| self.mask.json(&output, bytes)).collect())
    }

    /// The decision log of a call, if it is still remembered; none for a call without a caller.
    async fn explained(&self, caller: Option<Caller>, id: RequestId) -> Result<Option<Explained>> {
        let Some(caller) = caller else { return Ok(None) };
        match self.exchange.explain(&self.traces, &caller, true, &id.to_string()).await {
            Ok(explained) => Ok(Some(explained)),
            Err(error) if error.reason == Reason::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A call as everybody may see it.
    async fn message(&self, call: Arc<JournalCall>, language: Language) -> Result<proto::JournalCall> {
        let explained = self.explained(call.caller.clone(), call.request_id).await?;
        let (request, answers) = self.masked(&call);
        let (checks, mut violations) = match explained {
            Some(found) => (checks(&found.checks, language), violations(&found.violations, language)),
            None => (checks(&call.checks, language), Vec::new()),
        };
        violations.truncate(VIOLATIONS_MAX);
        // It may contain the value that was probably meant.
        violations.iter_mut().for_each(|bad| bad.message.clear());
        Ok(proto::JournalCall {
            position: call.position,
            request_id: call.request_id.to_string(),
            client_request_id: call.client_ids.request_id().unwrap_or_default().to_owned(),
            method: call.method.to_owned(),
            caller: call.caller.as_ref().map_or("", Caller::label).to_owned(),
            called_at: record::timestamp(call.called_at),
            machine_time: record::timestamp(call.machine_time),
            took: prost_types::Duration::try_from(call.took).ok(),
            outcome: call.outcome.to_string(),
            code: call.code.0.to_owned(),
            request,
            request_bytes: call.request_bytes,
            answers,
            answer_count: call.answer_count,
            answer_bytes: call.answer_bytes,
            checks,
            violations,
            faults: call.faults.clone(),
            protocol: match call.protocol {
                Protocol::Grpc => "grpc".to_owned(),
                Protocol::GrpcWeb => "grpc-web".to_owned(),
            },
        })
    }

    fn heading(&self, recording: &Recording) -> proto::RecordingHeading {
        let session = &recording.session;
        let personal_ids = session.persona_faults.iter().map(|id| id.as_str().to_owned()).collect();
        proto::RecordingHeading {
            version: RECORDING_VERSION,
            session_id: session.id.to_string(),
            seed: session.seed,
            persona_faults: Some(proto::PersonaFaults { personal_ids }),
            clock: clock_message(session.clock),
            province: self.facts.province.to_string(),
            population: self.facts.population,
            created_at: record::timestamp(self.facts.created_at),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            is_full: recording.is_full,
            metadata_faults: session.metadata_faults,
            resets: session.resets,
        }
    }
}

/// A call as it was.
fn recorded(call: &JournalCall) -> proto::RecordedCall {
    let caller = match &call.caller {
        Some(Caller::Agency(agency)) => format!("agency:{agency}"),
        Some(Caller::Citizen(person)) => format!("citizen:{}", person.as_str()),
        None => String::new(),
    };
    proto::RecordedCall {
        method: call.method.to_owned(),
        caller,
        metadata: call.metadata.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        request: call.request.clone(),
        request_id: call.request_id.to_string(),
        called_at: record::timestamp(call.called_at),
        answers: call.answers.clone(),
        code: call.code.1,
        message: call.message.clone(),
        details: call.details.clone(),
        asked_faults: call.asked_faults.clone(),
    }
}

#[tonic::async_trait]
impl JournalService for JournalGrpcService {
    type FollowCallsStream = AnswerStream<proto::FollowCallsResponse>;
    type ExportRecordingStream = AnswerStream<proto::ExportRecordingResponse>;

    async fn list_calls(
        &self,
        request: Request<proto::ListCallsRequest>,
    ) -> Result<Response<proto::ListCallsResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.list(&call, request).await).await
    }

    async fn follow_calls(
        &self,
        request: Request<proto::FollowCallsRequest>,
    ) -> Result<Response<Self::FollowCallsStream>, Status> {
        self.edge.stream(request, async move |call, request| self.follow(&call, request)).await
    }

    async fn verify_calls(
        &self,
        request: Request<proto::VerifyCallsRequest>,
    ) -> Result<Response<proto::VerifyCallsResponse>, Status> {
        self.edge.answer(request, async move |_, request| self.verify(&request)).await
    }

    async fn reset_journal(
        &self,
        request: Request<proto::ResetJournalRequest>,
    ) -> Result<Response<proto::ResetJournalResponse>, Status> {
        let use_case = async move |_, _| Ok(proto::ResetJournalResponse { forgotten: self.parts.journal.reset() });
        self.edge.answer(request, use_case).await
    }

    async fn start_recording(
        &self,
        request: Request<proto::StartRecordingRequest>,
    ) -> Result<Response<proto::StartRecordingResponse>, Status> {
        self.edge.answer(request, async move |_, _| self.start_recording()).await
    }

    async fn stop_recording(
        &self,
        request: Request<proto::StopRecordingRequest>,
    ) -> Result<Response<proto::StopRecordingResponse>, Status> {
        let use_case = async move |_, _| {
            let (calls, is_full) = self.parts.journal.stop_recording();
            Ok(proto::StopRecordingResponse { calls, is_full })
        };
        self.edge.answer(request, use_case).await
    }

    async fn export_recording(
        &self,
        request: Request<proto::ExportRecordingRequest>,
    ) -> Result<Response<Self::ExportRecordingStream>, Status> {
        self.edge.stream(request, async move |_, _| self.export()).await
    }
}

//! `SessionService` over gRPC: creates, lists, resets and ends sessions, and lists their changes.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use tonic::{Request, Response, Status};

use super::simulation::clock_message;
use crate::api::{AnswerStream, Edge, PageTokens, page};
use crate::base::id::{holds_personal_id, request_id_violation};
use crate::base::text::is_invisible;
use crate::base::{Call, Error, PersonalId, Result, SessionId, Violation, Violations};
use crate::simulation::personas;
use crate::simulation::session::{
    ChangePosition, NewSession, SessionChange, SessionDesk, SessionFacts, TTL_DEFAULT, TTL_MAX, unknown,
};
use crate::trust::Operation;
use crate::wire::proto::simulation::v1 as proto;
use crate::wire::proto::simulation::v1::session_service_server::SessionService;
use crate::wire::{proto::registry, record};

/// Longest label, in characters.
const LABEL_CHARS_MAX: usize = 100;

/// Serves `SessionService`.
#[derive(Clone)]
pub struct SessionGrpcService {
    edge: Edge,
    desk: Arc<dyn SessionDesk>,
    pages: PageTokens,
}

impl SessionGrpcService {
    /// Serves the sessions of `desk`.
    pub fn new(edge: Edge, desk: Arc<dyn SessionDesk>, pages: PageTokens) -> Self {
        Self { edge, desk, pages }
    }

    fn list(&self, call: &Call, request: &proto::ListSessionsRequest) -> Result<proto::ListSessionsResponse> {
        let (size, after) = (page::size(request.page_size)?, self.pages.read(call, &[], &request.page_token)?);
        let all = self.desk.list();
        let position = |of: &SessionFacts| [&of.created_at.0.to_be_bytes()[..], of.id.to_string().as_bytes()].concat();
        let begin = after.map_or(0, |after| all.partition_point(|of| position(of) <= after));
        let some = &all[begin..all.len().min(begin + size)];
        let is_more = begin + size < all.len();
        let next = some.last().filter(|_| is_more).map(|last| self.pages.issue(call, &[], &position(last)));
        Ok(proto::ListSessionsResponse {
            sessions: some.iter().map(session_message).collect(),
            next_page_token: next.unwrap_or_default(),
        })
    }

    async fn diff(&self, call: &Call, request: proto::GetSessionDiffRequest) -> Result<proto::GetSessionDiffResponse> {
        let (id, size) = (known(&request.session_id)?, page::size(request.page_size)?);
        // A session that was reset has other logs: a position in the former ones is invalid.
        let resets = self.desk.get(id)?.resets;
        let binding: [&[u8]; 2] = [request.session_id.as_bytes(), &resets.to_be_bytes()];
        let after = self.pages.read(call, &binding, &request.page_token)?;
        let from = after.map_or(Ok((0, 0)), |bytes| position(&bytes))?;
        let found = self.desk.diff(id, resets, from, size).await?;
        let next = found.next.map(|(registry, index)| {
            self.pages.issue(call, &binding, &[&registry.to_be_bytes()[..], &index.to_be_bytes()].concat())
        });
        Ok(proto::GetSessionDiffResponse {
            changes: found.changes.into_iter().map(change_message).collect(),
            next_page_token: next.unwrap_or_default(),
            rows: found.rows.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        })
    }
}

fn position(bytes: &[u8]) -> Result<ChangePosition> {
    let (registry, index) = bytes.split_at_checked(2).ok_or_else(|| Error::token_refused("page_token"))?;
    let registry = registry.try_into().map(u16::from_be_bytes);
    let index = index.try_into().map(u64::from_be_bytes);
    registry.ok().zip(index.ok()).ok_or_else(|| Error::token_refused("page_token"))
}

/// Reads the id of a session that should exist: a text that is not an id names no session.
fn known(text: &str) -> Result<SessionId> {
    SessionId::parse(text).ok_or_else(unknown)
}

/// The settings of a session in a request.
fn wanted(request: proto::CreateSessionRequest) -> Result<NewSession> {
    let proto::CreateSessionRequest {
        request_id,
        label,
        ttl,
        from_session,
        seed,
        persona_faults,
        metadata_faults,
        session_id,
    } = request;
    let mut found = Violations::default();
    if let Some(violation) = Some(&request_id).filter(|id| !id.is_empty()).and_then(|id| request_id_violation(id)) {
        found.push(violation);
    }
    if label.chars().count() > LABEL_CHARS_MAX || label.chars().any(|c| c.is_control() || is_invisible(c)) {
        let rule = format!("at most {LABEL_CHARS_MAX} characters, none of them invisible");
        found.push(Violation::new("label", "FORMAT", rule));
    } else if holds_personal_id(&label) {
        found.push(Violation::new("label", "PERSONAL_ID", "a label is shown to others: it holds no personal ID"));
    }
    let ttl = ttl.map_or(Some(TTL_DEFAULT), |ttl| {
        let whole =
            u64::try_from(ttl.seconds).ok().zip(u32::try_from(ttl.nanos).ok().filter(|nanos| *nanos < 1_000_000_000));
        whole.map(|(seconds, nanos)| Duration::new(seconds, nanos)).filter(|ttl| ttl.as_millis() > 0 && *ttl <= TTL_MAX)
    });
    if ttl.is_none() {
        found.push(Violation::new("ttl", "OUT_OF_RANGE", "at least a millisecond and at most 24 hours"));
    }
    let with_faults: Vec<_> = personas::faults().into_iter().map(|rule| rule.matching.person).collect();
    let faults = persona_faults.map(|faults| {
        let read = |(at, id): (usize, &String)| {
            let known = PersonalId::parse(id).filter(|id| with_faults.contains(&Some(*id)));
            if known.is_none() {
                let rule = "is not a persona with a fault: docs/personas.md lists them";
                found.push(Violation::new(format!("persona_faults.personal_ids[{at}]"), "UNKNOWN_VALUE", rule));
            }
            known
        };
        faults.personal_ids.iter().enumerate().filter_map(read).collect()
    });
    let id = SessionId::parse(&session_id);
    if id.is_none() && !session_id.is_empty() {
        found.push(Violation::new("session_id", "FORMAT", "32 hexadecimal characters, in lower case"));
    }
    if !found.is_empty() {
        return Err(Error::invalid(found));
    }
    let from = if from_session.is_empty() { None } else { Some(known(&from_session)?) };
    Ok(NewSession {
        request_id: Some(request_id).filter(|id| !id.is_empty()),
        label,
        ttl: ttl.unwrap_or(TTL_DEFAULT),
        from,
        seed,
        persona_faults: faults,
        metadata_faults,
        id,
    })
}

fn session_message(facts: &SessionFacts) -> proto::Session {
    proto::Session {
        session_id: facts.id.to_string(),
        label: facts.label.clone(),
        created_by: facts.created_by.label().to_owned(),
        created_at: record::timestamp(facts.created_at),
        expires_at: record::timestamp(facts.expires_at),
        from_session: facts.from.map(|from| from.to_string()).unwrap_or_default(),
        resets: facts.resets,
        bytes: facts.bytes as u64,
        calls: facts.calls,
        clock: clock_message(facts.clock),
    }
}

fn change_message(change: SessionChange) -> proto::SessionChange {
    let SessionChange { registry, record_type, record_id, version, operation, log_index } = change;
    let operation = match operation {
        Operation::Create => "create",
        Operation::Update => "update",
        Operation::Revoke => "revoke",
    };
    proto::SessionChange {
        registry,
        record_type,
        record_id: record_id.to_hex(),
        version,
        operation: operation.to_owned(),
        log_index,
    }
}

/// The records of an export, in the order of the registries' logs.
fn records(
    desk: Arc<dyn SessionDesk>,
    id: SessionId,
    resets: u32,
) -> impl stream::Stream<Item = Result<proto::ExportSessionResponse>> {
    let part =
        |record| proto::ExportSessionResponse { part: Some(proto::export_session_response::Part::Record(record)) };
    let pages = stream::try_unfold(Some((0, 0)), move |from: Option<ChangePosition>| {
        let desk = desk.clone();
        async move {
            let Some(from) = from else { return Ok(None) };
            let (records, next) = desk.issued(id, resets, from).await?;
            Ok(Some((records, next)))
        }
    });
    pages.flat_map(move |page: Result<Vec<_>>| {
        let records = match page {
            Ok(records) => records.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(records.into_iter().map(move |one: Result<crate::registry::port::RegistryRecord>| {
            let one = one?;
            Ok(part(registry::v1::RegistryRecord {
                record_type: one.record_type,
                record_id: one.record_id.to_hex(),
                version: one.version,
                record: Some(record::to_message(&one.record)?),
            }))
        }))
    })
}

#[tonic::async_trait]
impl SessionService for SessionGrpcService {
    type ExportSessionStream = AnswerStream<proto::ExportSessionResponse>;

    async fn create_session(
        &self,
        request: Request<proto::CreateSessionRequest>,
    ) -> Result<Response<proto::CreateSessionResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| {
            let (facts, repetition) = self.desk.create(&call.caller, wanted(request)?).await?;
            Ok(proto::CreateSessionResponse { session: Some(session_message(&facts)), repetition })
        };
        self.edge.answer(request, use_case).await
    }

    async fn get_session(
        &self,
        request: Request<proto::GetSessionRequest>,
    ) -> Result<Response<proto::GetSessionResponse>, Status> {
        let use_case = async |_, request: proto::GetSessionRequest| {
            let facts = self.desk.get(known(&request.session_id)?)?;
            Ok(proto::GetSessionResponse { session: Some(session_message(&facts)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn list_sessions(
        &self,
        request: Request<proto::ListSessionsRequest>,
    ) -> Result<Response<proto::ListSessionsResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.list(&call, &request);
        self.edge.answer(request, use_case).await
    }

    async fn reset_session(
        &self,
        request: Request<proto::ResetSessionRequest>,
    ) -> Result<Response<proto::ResetSessionResponse>, Status> {
        let use_case = async |_, request: proto::ResetSessionRequest| {
            let facts = self.desk.reset(known(&request.session_id)?).await?;
            Ok(proto::ResetSessionResponse { session: Some(session_message(&facts)) })
        };
        self.edge.answer(request, use_case).await
    }

    async fn delete_session(
        &self,
        request: Request<proto::DeleteSessionRequest>,
    ) -> Result<Response<proto::DeleteSessionResponse>, Status> {
        let use_case = async |_, request: proto::DeleteSessionRequest| {
            let form = || Error::invalid_field("session_id", "FORMAT", "32 hexadecimal characters, in lower case");
            self.desk.delete(SessionId::parse(&request.session_id).ok_or_else(form)?);
            Ok(proto::DeleteSessionResponse {})
        };
        self.edge.answer(request, use_case).await
    }

    async fn get_session_diff(
        &self,
        request: Request<proto::GetSessionDiffRequest>,
    ) -> Result<Response<proto::GetSessionDiffResponse>, Status> {
        let use_case = async |call: Arc<Call>, request| self.diff(&call, request).await;
        self.edge.answer(request, use_case).await
    }

    async fn export_session(
        &self,
        request: Request<proto::ExportSessionRequest>,
    ) -> Result<Response<Self::ExportSessionStream>, Status> {
        let use_case = async |_, request: proto::ExportSessionRequest| {
            let id = known(&request.session_id)?;
            let (facts, anchor_json) = self.desk.anchor(id).await?;
            let heading = proto::SessionHeading { session: Some(session_message(&facts)), anchor_json };
            let heading =
                proto::ExportSessionResponse { part: Some(proto::export_session_response::Part::Heading(heading)) };
            Ok(stream::iter([Ok(heading)]).chain(records(self.desk.clone(), id, facts.resets)))
        };
        self.edge.stream(request, use_case).await
    }
}

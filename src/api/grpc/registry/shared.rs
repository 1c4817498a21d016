//! The shared contract over gRPC: describe, read, change and follow any registry of this gateway.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status};

use crate::api::{AnswerStream, Edge, OpenStreams, PageTokens, page};
use crate::base::Call;
use crate::base::{Date, Error, Kind, Path, Result, Violation, Violations, name};
use crate::registry::port::{Change, Content, Inclusion, Query, Registry, Submission, batch_violation};
use crate::registry::prepare::check;
use crate::registry::{Catalogue, Sector};
use crate::trust::{Object, Operation};
use crate::wire::payload::object;
use crate::wire::proto::registry::v1;
use crate::wire::proto::registry::v1::registry_service_server::RegistryService;
use crate::wire::record;

use super::codes::list_codes;
use super::describe::{Beginning, describe};
use super::put;
use super::receipt;
use super::review;
use super::select::{all_types, named_types, select};
use super::stream::{self, STREAM_RECORDS};

const RESUME_TOKEN: &str = "resume_token";

/// The shared service over every registry of the gateway.
#[derive(Clone)]
pub struct SharedRegistries {
    edge: Edge,
    catalogue: Arc<Catalogue>,
    registries: Arc<BTreeMap<String, Arc<dyn Registry>>>,
    /// The province that accepts the changes; `None` on a registry's own host.
    inclusion: Option<Arc<dyn Inclusion>>,
    beginning: Beginning,
    pages: PageTokens,
    streams: OpenStreams,
}

impl SharedRegistries {
    /// Serves `registries`, which began as `beginning` says. With `inclusion`, a change is answered once the province has accepted it, and with its index in
    /// the record ledger.
    pub fn new(
        edge: Edge,
        catalogue: Arc<Catalogue>,
        registries: impl IntoIterator<Item = Arc<dyn Registry>>,
        inclusion: Option<Arc<dyn Inclusion>>,
        beginning: Beginning,
        pages: PageTokens,
    ) -> Self {
        let registries = registries.into_iter().map(|registry| (registry.name().to_owned(), registry)).collect();
        let (registries, streams) = (Arc::new(registries), OpenStreams::default());
        Self { edge, catalogue, registries, inclusion, beginning, pages, streams }
    }

    /// Waits until the province has accepted a registry's log up to this size.
    async fn accepted(&self, registry: &str, log_size: u64) -> Result<()> {
        match &self.inclusion {
            Some(inclusion) => inclusion.wait_for(registry, log_size).await,
            None => Ok(()),
        }
    }

    /// The index in the record ledger of an accepted change; 0 where no province accepts.
    async fn ledger_index(&self, registry: &str, log_index: u64) -> Result<u64> {
        let Some(inclusion) = &self.inclusion else { return Ok(0) };
        let index = inclusion.ledger_index(registry, log_index).await?;
        index.ok_or_else(|| Error::bug("an accepted change has no ledger index"))
    }

    /// The size of a registry's log; while its host does not answer, as far as the province has accepted it.
    async fn log_size(&self, registry: &dyn Registry) -> Result<u64> {
        match (registry.log_size().await, &self.inclusion) {
            (Err(error), Some(inclusion)) if matches!(error.kind(), Kind::SourceDown | Kind::Late) => {
                inclusion.accepted_size(registry.name()).await
            }
            (size, _) => size,
        }
    }

    fn find(&self, name: &str) -> Result<(&Sector, &Arc<dyn Registry>)> {
        let found = self.catalogue.sector(name).map(|sector| &**sector).zip(self.registries.get(name));
        found.ok_or_else(|| Error::invalid(unknown_registry(&self.registries, name)))
    }

    /// The registry, if the caller owns it.
    fn own(&self, call: &Call, name: &str) -> Result<(&Sector, &Arc<dyn Registry>)> {
        // Which registries there are is no secret: a wrong name is told as such, before its owner is asked for.
        let found = self.find(name)?;
        call.owner(&found.0.agency)?;
        Ok(found)
    }

    async fn describe(&self, call: &Call, request: v1::DescribeRequest) -> Result<v1::DescribeResponse> {
        let mut registries = Vec::new();
        for (name, registry) in self.registries.iter() {
            if request.registry.is_empty() || request.registry == *name {
                let (sector, _) = self.find(name)?;
                let log_size = self.log_size(&**registry).await?;
                registries.push(describe(sector, log_size, &self.beginning, call.language));
            }
        }
        if registries.is_empty() {
            self.find(&request.registry)?;
        }
        Ok(v1::DescribeResponse { registries })
    }

    async fn get_records(&self, call: &Call, request: v1::GetRecordsRequest) -> Result<v1::GetRecordsResponse> {
        let (sector, registry) = self.own(call, &request.registry)?;
        let (selector, record_types) = select(sector, &request)?;
        let record_types = if record_types.is_empty() { all_types(sector) } else { record_types };
        let limit = page::size(request.page_size)?;
        let unpaged = v1::GetRecordsRequest { page_token: String::new(), page_size: 0, ..request.clone() };
        let query_bytes = prost::Message::encode_to_vec(&unpaged);
        let binding: [&[u8]; 1] = [&query_bytes];
        let after = self.pages.read(call, &binding, &request.page_token)?;
        let found = registry.read(Query { record_types, selector, version: request.version, limit, after }).await?;
        let mut records = Vec::with_capacity(found.records.len());
        for found in found.records {
            let mut one = Arc::unwrap_or_clone(found);
            let log_index = one.record.issuer_proof.as_ref().map_or(0, |proof| proof.index);
            if let Some(inclusion) = &self.inclusion {
                let proof = inclusion.prove(&sector.name, log_index).await?;
                one.record.ledger_proof = proof.map(Arc::unwrap_or_clone);
            }
            records.push(v1::RegistryRecord {
                record_type: one.record_type,
                record_id: one.record_id.to_hex(),
                version: one.version,
                record: Some(record::to_message(&one.record)?),
            });
        }
        let next_page_token = found.next.map(|at| self.pages.issue(call, &binding, &at)).unwrap_or_default();
        Ok(v1::GetRecordsResponse { records, next_page_token })
    }

    async fn list_warnings(&self, call: &Call, request: v1::ListWarningsRequest) -> Result<v1::ListWarningsResponse> {
        let (sector, registry) = self.own(call, &request.registry)?;
        let record_types = named_types(sector, &request.record_types)?;
        let limit = page::size(request.page_size)?;
        let names = record_types.join(",");
        let binding = [request.registry.as_bytes(), names.as_bytes()];
        let after = self.pages.read(call, &binding, &request.page_token)?;
        let found = review::first_page(call, sector, &**registry, &record_types, (limit, after)).await?;
        let next_page_token = found.next.map(|at| self.pages.issue(call, &binding, &at)).unwrap_or_default();
        Ok(v1::ListWarningsResponse { records: found.records, next_page_token, examined: found.examined as u32 })
    }

    async fn submit(&self, call: &Call, request: v1::SubmitChangesRequest) -> Result<v1::SubmitChangesResponse> {
        let (sector, registry) = self.own(call, &request.registry)?;
        let submission = submission(sector, request, call.now.date())?;
        let receipts = registry.submit(submission).await?;
        let log_size = receipts.iter().map(|receipt| receipt.log_index + 1).max().unwrap_or(0);
        self.accepted(&sector.name, log_size).await?;
        let mut answered = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let index = self.ledger_index(&sector.name, receipt.log_index).await?;
            answered.push(receipt::answer(call, receipt, index));
        }
        Ok(v1::SubmitChangesResponse { receipts: answered })
    }

    async fn put(&self, call: &Call, request: v1::PutRecordsRequest) -> Result<v1::PutRecordsResponse> {
        let (sector, registry) = self.own(call, &request.registry)?;
        let (contents, refused) = put::contents(sector, request.records)?;
        let mut answered: BTreeMap<usize, v1::PutOutcome> =
            refused.iter().map(|(at, violations)| (*at, put::refusal(call, violations))).collect();
        if !contents.is_empty() {
            let (numbers, contents): (Vec<usize>, Vec<Content>) = contents.into_iter().unzip();
            let outcomes = registry.put(contents, request.validate_only).await?;
            let log_size = outcomes.iter().filter_map(put::receipt).map(|receipt| receipt.log_index + 1).max();
            if !request.validate_only {
                self.accepted(&sector.name, log_size.unwrap_or(0)).await?;
            }
            for (at, outcome) in numbers.into_iter().zip(outcomes) {
                let index = match put::receipt(&outcome) {
                    Some(receipt) if !request.validate_only => {
                        self.ledger_index(&sector.name, receipt.log_index).await?
                    }
                    _ => 0,
                };
                answered.insert(at, put::answer(call, outcome, index));
            }
        }
        Ok(v1::PutRecordsResponse { outcomes: answered.into_values().collect() })
    }

    async fn follow(
        &self,
        call: &Arc<Call>,
        request: v1::StreamChangesRequest,
    ) -> Result<impl Stream<Item = Result<v1::StreamChangesResponse>> + Send + use<>> {
        let (_, registry) = self.own(call, &request.registry)?;
        let open = self.streams.open(&call.agency()?.to_string())?;
        let cursor = self.cursor(call, &request)?;
        // The first batch is read before the stream begins, so that a bad cursor is the call's own error.
        let join = match request.join_changes as usize {
            0 => STREAM_RECORDS,
            asked => asked.min(STREAM_RECORDS),
        };
        let first = registry.changes(cursor, join).await?;
        let (pages, call) = (self.pages.clone(), call.clone());
        Ok(stream::changes(registry.clone(), cursor, join, request.follow, first).map(move |message| {
            let _ = &open; // the stream counts as long as it lives
            message.map(|message| {
                let position = message.next_cursor.to_be_bytes();
                let resume_token = pages.issue(&call, &[request.registry.as_bytes()], &position);
                v1::StreamChangesResponse { resume_token, ..message }
            })
        }))
    }

    /// Where a stream begins.
    fn cursor(&self, call: &Call, request: &v1::StreamChangesRequest) -> Result<u64> {
        let token = self.pages.read_field(RESUME_TOKEN, call, &[request.registry.as_bytes()], &request.resume_token)?;
        let Some(position) = token else { return Ok(request.cursor) };
        let position: [u8; 8] = position.try_into().map_err(|_| Error::token_refused(RESUME_TOKEN))?;
        match u64::from_be_bytes(position) {
            resumed if [0, resumed].contains(&request.cursor) => Ok(resumed),
            _ => Err(Error::invalid_field("cursor", "CONFLICT", "must be left out, or be the one of resume_token")),
        }
    }
}

/// The violation of a request that names a registry which is not served here.
pub(super) fn unknown_registry(served: &BTreeMap<String, Arc<dyn Registry>>, given: &str) -> Violation {
    name::unknown("registry", "registry", given, served.keys().map(String::as_str), "RegistryService/Describe")
}

fn submission(sector: &Sector, request: v1::SubmitChangesRequest, today: Date) -> Result<Submission> {
    let mut violations = Submission::violations(&request.request_id, request.changes.len());
    if batch_violation("changes", request.changes.len()).is_some() {
        return Err(Error::invalid(violations));
    }
    let mut changes = Vec::with_capacity(request.changes.len());
    let mut refused = !violations.is_empty();
    for (at, change) in request.changes.into_iter().enumerate() {
        let mut unreadable = Violations::default();
        let change = read_change(at, change, &mut unreadable);
        if !unreadable.is_empty() && !refused {
            // From here on nothing will be written: the rules are checked only to report the violations of every change.
            refused = true;
            for (at, earlier) in changes.iter().enumerate() {
                check(sector, earlier, at, today, &mut violations);
            }
            changes = Vec::new();
        }
        if refused {
            add_broken_rules(sector, at, &change, unreadable, today, &mut violations);
        } else {
            changes.push(change);
        }
    }
    if refused { Err(Error::invalid(violations)) } else { Ok(Submission { request_id: request.request_id, changes }) }
}

/// Every bad field is named at once: in addition to unreadable ones, the rules that the rest of the change breaks. What
/// cannot be read is missing from the change; that it is missing is not said again.
fn add_broken_rules(
    sector: &Sector,
    at: usize,
    change: &Change,
    unreadable: Violations,
    today: Date,
    violations: &mut Violations,
) {
    let mut broken = Violations::default();
    check(sector, change, at, today, &mut broken);
    let about =
        |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
    broken.retain(|rule| {
        let said = |known: &Violation| about(&rule.field, &known.field) || about(&known.field, &rule.field);
        !unreadable.kept().iter().any(said)
    });
    violations.append(unreadable);
    violations.append(broken);
}

/// The change, as far as it can be read.
fn read_change(at: usize, change: v1::Change, violations: &mut Violations) -> Change {
    let operation = match v1::Operation::try_from(change.operation) {
        Ok(v1::Operation::Create) => Operation::Create,
        Ok(v1::Operation::Update) => Operation::Update,
        Ok(v1::Operation::Revoke) => Operation::Revoke,
        unset_or_unknown => {
            let rule = if unset_or_unknown.is_ok() { "REQUIRED" } else { "UNKNOWN_VALUE" };
            violations.add(format_args!("changes[{at}].operation"), rule, "must be create, update or revoke");
            if change.expected_version == 0 { Operation::Create } else { Operation::Update }
        }
    };
    let mut instant = |field: &str, time: Option<prost_types::Timestamp>| {
        let path = format!("changes[{at}].{field}");
        time.and_then(|time| record::instant(&path, &time).map_err(|e| violations.append(e.violations.clone())).ok())
    };
    let valid_from = instant("valid_from", change.valid_from);
    let valid_until = instant("valid_until", change.valid_until);
    let payload = match change.payload {
        Some(fields) => {
            let list = Path::Field(&Path::Root, "changes");
            object(&Path::Field(&Path::Item(&list, at), "payload"), fields, 1, violations)
        }
        None => {
            let says = "the whole new content is required";
            violations.add(format_args!("changes[{at}].payload"), "REQUIRED", says);
            Object::new()
        }
    };
    let (record_type, expected_version) = (change.record_type, change.expected_version);
    Change { record_type, operation, expected_version, payload, valid_from, valid_until }
}

#[tonic::async_trait]
impl RegistryService for SharedRegistries {
    async fn describe(&self, request: Request<v1::DescribeRequest>) -> Result<Response<v1::DescribeResponse>, Status> {
        self.edge.answer(request, async move |call, message| Self::describe(self, &call, message).await).await
    }

    async fn list_codes(
        &self,
        request: Request<v1::ListCodesRequest>,
    ) -> Result<Response<v1::ListCodesResponse>, Status> {
        self.edge
            .answer(request, |call, message| async move { list_codes(&self.pages, &self.catalogue, &call, &message) })
            .await
    }

    async fn get_records(
        &self,
        request: Request<v1::GetRecordsRequest>,
    ) -> Result<Response<v1::GetRecordsResponse>, Status> {
        self.edge.answer(request, |call, message| async move { Self::get_records(self, &call, message).await }).await
    }

    async fn list_warnings(
        &self,
        request: Request<v1::ListWarningsRequest>,
    ) -> Result<Response<v1::ListWarningsResponse>, Status> {
        self.edge.answer(request, |call, message| async move { Self::list_warnings(self, &call, message).await }).await
    }

    async fn submit_changes(
        &self,
        request: Request<v1::SubmitChangesRequest>,
    ) -> Result<Response<v1::SubmitChangesResponse>, Status> {
        self.edge.answer(request, |call, message| async move { self.submit(&call, message).await }).await
    }

    async fn put_records(
        &self,
        request: Request<v1::PutRecordsRequest>,
    ) -> Result<Response<v1::PutRecordsResponse>, Status> {
        self.edge.answer(request, |call, message| async move { self.put(&call, message).await }).await
    }

    type StreamChangesStream = AnswerStream<v1::StreamChangesResponse>;

    async fn stream_changes(
        &self,
        request: Request<v1::StreamChangesRequest>,
    ) -> Result<Response<Self::StreamChangesStream>, Status> {
        self.edge.stream(request, |call, message| async move { self.follow(&call, message).await }).await
    }
}

#[cfg(test)]
mod tests {
    use prost_types::value::Kind as Json;

    use super::*;

    fn json(kind: Json) -> prost_types::Value {
        prost_types::Value { kind: Some(kind) }
    }

    #[test]
    fn what_cannot_be_read_and_what_breaks_a_rule_are_named_together() {
        let fields = |pairs: Vec<(&str, Json)>| prost_types::Struct {
            fields: pairs.into_iter().map(|(name, kind)| (name.to_owned(), json(kind))).collect(),
        };
        let bad = fields(vec![
            ("parcel_id", Json::StringValue("w88".into())),
            ("map_sheet", Json::NullValue(0)),
            ("commune", Json::StructValue(fields(vec![("unit_code", Json::NumberValue(1.5))]))),
        ]);
        let change = v1::Change { record_type: "land.parcel.v1".into(), payload: Some(bad), ..Default::default() };
        let request = v1::SubmitChangesRequest {
            registry: "land".into(),
            request_id: "request-1".into(),
            changes: vec![change, v1::Change { record_type: "x".into(), operation: 1, ..Default::default() }],
        };
        let catalogue = Catalogue::built_in();
        let sector = catalogue.sector("land").expect("a sector");
        let error = submission(sector, request, Date::constant(2026, 11, 22)).expect_err("refused");
        let found: Vec<String> = error.violations.kept().iter().map(|v| format!("{} {}", v.field, v.rule)).collect();
        assert_eq!(
            found,
            [
                "changes[0].operation REQUIRED",
                "changes[0].payload.commune.unit_code NUMBER",
                "changes[0].payload.map_sheet NULL",
                "changes[0].payload.parcel_id FORMAT",
                "changes[0].payload.commune.unit_valid_from REQUIRED",
                "changes[0].payload.parcel_number REQUIRED",
                "changes[0].payload.area_m2 REQUIRED",
                "changes[0].payload.uses REQUIRED",
                "changes[0].payload.status REQUIRED",
                "changes[1].payload REQUIRED",
                "changes[1].record_type UNKNOWN_VALUE"
            ]
        );
    }
}

//! `access.v1.AccessLogService`: the citizen's view of who asked for what, with its proofs.

use std::sync::Arc;

use bytes::Bytes;
use tonic::{Request, Response, Status};

use crate::access::acting::{own_or_named, represented};
use crate::access::evidence::{Access, CompletenessClaim};
use crate::access::{EvidenceLog, People};
use crate::api::{Edge, PageTokens, page};
use crate::base::id::to_hex;
use crate::base::{Call, Error, Party, Reason, Result, Timestamp};
use crate::trust::canonical::{self, Value};
use crate::wire::proto::access::v1;
use crate::wire::proto::access::v1::access_log_service_server::AccessLogService;
use crate::wire::record::{note_text, timestamp};

/// The service over the evidence ledger.
#[derive(Clone)]
pub struct AccessLogGrpcService {
    edge: Edge,
    log: Arc<EvidenceLog>,
    people: Arc<dyn People>,
    pages: PageTokens,
}

impl AccessLogGrpcService {
    /// Answers `people` and auditors through `edge`.
    pub fn new(edge: Edge, log: Arc<EvidenceLog>, people: Arc<dyn People>, pages: PageTokens) -> Self {
        Self { edge, log, people, pages }
    }

    /// The subject of the requested log, and the person's other numbers: each has a chain of its own, and a claim on it.
    async fn party(&self, call: &Call, request: &v1::ListAccessesRequest) -> Result<(Party, Vec<String>)> {
        if request.organisation_code.is_empty() {
            let (person, numbers) = own_or_named(call, &request.personal_id, &*self.people).await?;
            let others = numbers.all().filter(|number| *number != person);
            return Ok((person.into(), others.map(|number| number.as_str().to_owned()).collect()));
        }
        if !request.personal_id.is_empty() {
            let says = "must be left out where personal_id is given: a log is of one party";
            return Err(Error::invalid_field("organisation_code", "NOT_ALLOWED", says));
        }
        let (code, _) = represented(call, &request.organisation_code, &*self.people).await?;
        Ok((code.into(), Vec::new()))
    }

    async fn list(&self, call: &Call, request: v1::ListAccessesRequest) -> Result<v1::ListAccessesResponse> {
        let (party, other_ids) = self.party(call, &request).await?;
        let size = page::size(request.page_size)?;
        let query: [&[u8]; 2] = [request.personal_id.as_bytes(), request.organisation_code.as_bytes()];
        let position = self.pages.read(call, &query, &request.page_token)?;
        let before = position.and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
        let found = self.log.accesses(party, before, size).await?;
        let last = found.accesses.last().filter(|_| found.more);
        let next_page_token =
            last.map(|last| self.pages.issue(call, &query, &last.sequence.to_be_bytes())).unwrap_or_default();
        let accesses = found.accesses.into_iter().map(message).collect::<Result<_>>()?;
        Ok(v1::ListAccessesResponse { accesses, next_page_token, completeness: Some(claim(found.claim)?), other_ids })
    }
}

#[tonic::async_trait]
impl AccessLogService for AccessLogGrpcService {
    async fn list_accesses(
        &self,
        request: Request<v1::ListAccessesRequest>,
    ) -> Result<Response<v1::ListAccessesResponse>, Status> {
        self.edge.answer(request, async move |call, request| self.list(&call, request).await).await
    }
}

fn message(access: Access) -> Result<v1::Access> {
    let corrupt = || Error::new(Reason::LedgerCorrupt, "an entry of the evidence ledger cannot be read");
    let entry = canonical::parse(&access.entry).map_err(|_| corrupt())?;
    let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
    let types = entry.array("record_types").unwrap_or_default().iter().filter_map(Value::as_text);
    Ok(v1::Access {
        request_id: text("request_id"),
        at: timestamp(Timestamp(entry.integer("at_ms").ok_or_else(corrupt)?)),
        agency: text("agency"),
        purpose: text("purpose"),
        record_types: types.map(Into::into).collect(),
        outcome: text("outcome"),
        subject_sequence: access.sequence,
        ledger_index: access.index,
        acted_by: if entry.contains("guardian") { "guardian".into() } else { String::new() },
        entry: access.entry,
        path: access.path.iter().map(|hash| Bytes::copy_from_slice(hash)).collect(),
    })
}

fn claim(claim: CompletenessClaim) -> Result<v1::CompletenessClaim> {
    Ok(v1::CompletenessClaim {
        subject: to_hex(&claim.subject),
        count: claim.count,
        last_index: claim.last_index,
        checkpoint: note_text(&claim.checkpoint)?,
        signed_claim: note_text(&claim.signed)?,
    })
}

//! `Explain`: the durable decision logs of exchanges, stored next to their evidence, and a bounded memory of all other calls.

use bytes::{Buf, BufMut, Bytes};

use crate::base::Caller;
use crate::base::call::CallCheck;
use crate::base::client_ids::ClientRequestId;
use crate::base::{ClientIds, Error, Reason, RequestId, Result, Timestamp, Violations};

use crate::registry::Catalogue;

use super::Exchange;
use super::context::Context;
use super::decision_log::{self, DecisionLog, put_text, take_text};
use super::recent_calls::RecentCalls;

/// A call, as `Explain` returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The id that admission assigned.
    pub request_id: RequestId,
    /// The client's own id; empty when it sent none.
    pub client_request_id: String,
    /// The trace id of the client's `traceparent`; empty when it sent none.
    pub trace_id: String,
    /// `package.Service/Method`.
    pub method: String,
    /// The agency's key, or `citizen`; empty when the credential was not accepted.
    pub caller: String,
    /// When the call arrived.
    pub called_at: Timestamp,
    /// `OK`, or the reason of the refusal.
    pub outcome: String,
    /// The checks, in order.
    pub checks: Vec<CallCheck>,
    /// The field violations, more of them than an error's details hold; kept only as long as the call is among the newest.
    pub violations: Violations,
    /// The version of the rights in the call's evidence entry, if it has one.
    pub rights: Option<String>,
    /// For exchanges: the entry's index in the evidence ledger, and the first checkpoint that covers it.
    pub evidence: Option<(u64, Bytes)>,
}

impl Exchange {
    /// Explains an earlier call to its caller, and to callers that `sees_all`; any other caller gets `NOT_FOUND`, and so does the caller of a call
    /// that is not kept any more.
    ///
    /// `request` is the id that admission assigned, or the client's own. If several calls have that client id, the error lists their assigned ids.
    pub async fn explain(
        &self,
        recent: &RecentCalls,
        caller: &Caller,
        sees_all: bool,
        request: &str,
    ) -> Result<Explained> {
        let ours = uuid::Uuid::try_parse(request).ok().map(RequestId);
        let Some(named) = ClientRequestId::parse(request) else {
            return Err(Error::invalid_field("request_id", "FORMAT", "a call's id, or the x-request-id it came with"));
        };
        if let Some(id) = ours {
            match self.explain_one(recent, caller, sees_all, id).await {
                Err(error) if error.reason == Reason::NotFound => {}
                explained => return explained,
            }
        }
        let owner = if sees_all { None } else { Some(caller) };
        match recent.named(owner, &named).as_slice() {
            [] => Err(missing()),
            [one] => self.explain_one(recent, caller, sees_all, *one).await,
            several => Err(ambiguous(several)),
        }
    }

    async fn explain_one(
        &self,
        recent: &RecentCalls,
        caller: &Caller,
        sees_all: bool,
        request: RequestId,
    ) -> Result<Explained> {
        let remembered = if sees_all { recent.find_of_anyone(request) } else { recent.find(caller, request) };
        if let Some((index, row)) = self.evidence.trace(request).await? {
            let mut explained = decode(self.reader.catalogue(), request, row)
                .ok_or_else(|| Error::new(Reason::StorageCorrupt, "the decision log of a call cannot be read"))?;
            let own = matches!(caller, Caller::Agency(agency) if agency.as_str() == explained.caller);
            if !own && !sees_all {
                return Err(missing());
            }
            explained.rights = self.evidence.rights_of(index).await?;
            explained.evidence = Some((index, self.evidence.checkpoint_of(index).await?));
            explained.violations = remembered.map(|call| call.violations).unwrap_or_default();
            return Ok(explained);
        }
        let call = remembered.ok_or_else(missing)?;
        Ok(Explained {
            request_id: call.request_id,
            client_request_id: call.client_ids.request_id().unwrap_or_default().to_owned(),
            trace_id: call.client_ids.trace_id().unwrap_or_default(),
            method: call.method.to_owned(),
            caller: call.caller.as_ref().map_or("", Caller::label).to_owned(),
            called_at: call.called_at,
            outcome: call.outcome.to_owned(),
            checks: call.checks,
            violations: call.violations,
            rights: None,
            evidence: None,
        })
    }
}

/// The same for calls of others, for calls that never were, and for own calls that have left the memory.
fn missing() -> Error {
    let message = "no call of yours with this id is kept: besides calls with evidence, only the newest of each caller are, until a restart";
    Error::new(Reason::NotFound, message).with_subject("call", "")
}

/// Most calls listed for one client id.
const LISTED_MAX: usize = 8;
/// Most of the listed ids that the error's metadata has room for.
const IN_METADATA_MAX: usize = 4;

fn ambiguous(calls: &[RequestId]) -> Error {
    let ids: Vec<String> = calls.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    let message = format!(
        "{} calls came with this x-request-id: explain one by our id, the newest first: {}",
        calls.len(),
        ids.join(", ")
    );
    let error = Error::new(Reason::MultipleMatches, message).with_subject("call", "x-request-id");
    error.with_metadata("request_ids", ids.iter().take(IN_METADATA_MAX).cloned().collect::<Vec<_>>().join(","))
}

/// Versions of the stored row: without and with the client's ids.
const UNNAMED: u8 = 2;
const NAMED: u8 = 3;

/// The stored row: version, time, texts with length prefixes, the decision log.
pub(super) fn encode(context: &Context, outcome: &str, log: &DecisionLog) -> Bytes {
    let mut out = Vec::with_capacity(256);
    let is_named = context.client_ids != ClientIds::default();
    out.put_u8(if is_named { NAMED } else { UNNAMED });
    out.put_i64(context.now.0);
    put_text(&mut out, context.method);
    put_text(&mut out, &context.agency);
    put_text(&mut out, outcome);
    if is_named {
        put_text(&mut out, context.client_ids.request_id().unwrap_or_default());
        put_text(&mut out, &context.client_ids.trace_id().unwrap_or_default());
    }
    log.encode(&mut out);
    out.into()
}

fn decode(catalogue: &Catalogue, request_id: RequestId, mut row: Bytes) -> Option<Explained> {
    let version = row.try_get_u8().ok()?;
    if ![UNNAMED, NAMED].contains(&version) {
        return None;
    }
    let called_at = Timestamp(row.try_get_i64().ok()?);
    let (method, caller, outcome) = (take_text(&mut row)?, take_text(&mut row)?, take_text(&mut row)?);
    let (client_request_id, trace_id) = match version {
        NAMED => (take_text(&mut row)?, take_text(&mut row)?),
        _ => Default::default(),
    };
    let checks = decision_log::decode(catalogue, &mut row, &caller)?;
    let violations = Violations::default();
    Some(Explained {
        request_id,
        client_request_id,
        trace_id,
        method,
        caller,
        called_at,
        outcome,
        checks,
        violations,
        rights: None,
        evidence: None,
    })
}

//! What `Explain` says of a call: durable traces of exchanges, beside their evidence, and a bounded memory of all other calls.

use bytes::{Buf, BufMut, Bytes};

use crate::base::Caller;
use crate::base::call::CallCheck;
use crate::base::{Error, Reason, RequestId, Result, Timestamp, Violations};

use super::Exchange;
use super::context::Context;
use super::recent::RecentCalls;
use super::trail::{self, Trail, put_text, take_text};

/// What `Explain` says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The call's id.
    pub request_id: RequestId,
    /// Its method.
    pub method: String,
    /// The agency's key, or `citizen`; empty when the credential was not accepted.
    pub caller: String,
    /// When it came.
    pub called_at: Timestamp,
    /// `OK`, or the code of the refusal.
    pub outcome: String,
    /// The checks, in order.
    pub checks: Vec<CallCheck>,
    /// The bad fields of its request, more of them than an error's details hold; forgotten with the newest calls' memory.
    pub violations: Violations,
    /// Index in the evidence ledger, and the checkpoint that first held it; for exchanges.
    pub evidence: Option<(u64, Bytes)>,
}

impl Exchange {
    /// Explains an earlier call to its caller, to `auditor` and to `operator`; to everybody else there is no such call.
    pub async fn explain(&self, recent: &RecentCalls, caller: &Caller, request: RequestId) -> Result<Explained> {
        let missing = || Error::new(Reason::NotFound, "there is no such call of yours").with_subject("call", "");
        let sees_all = matches!(caller, Caller::Agency(agency) if ["auditor", "operator"].contains(&agency.as_str()));
        let remembered = if sees_all { recent.find_of_anyone(request) } else { recent.find(caller, request) };
        if let Some((index, row)) = self.evidence.trace(request).await? {
            let mut explained = decode(request, row)
                .ok_or_else(|| Error::new(Reason::StorageCorrupt, "the trace of a call cannot be read"))?;
            let own = matches!(caller, Caller::Agency(agency) if agency.as_str() == explained.caller);
            if !own && !sees_all {
                return Err(missing());
            }
            explained.evidence = Some((index, self.evidence.checkpoint_of(index).await?));
            explained.violations = remembered.map(|call| call.violations).unwrap_or_default();
            return Ok(explained);
        }
        let call = remembered.ok_or_else(missing)?;
        Ok(Explained {
            request_id: call.request_id,
            method: call.method.to_owned(),
            caller: call.caller.as_ref().map_or("", Caller::label).to_owned(),
            called_at: call.called_at,
            outcome: call.outcome.to_owned(),
            checks: call.checks,
            violations: call.violations,
            evidence: None,
        })
    }
}

/// A trace as it is stored: version 2, time, texts with their lengths before them, the trail.
pub(super) fn encode(context: &Context, outcome: &str, trail: &Trail) -> Bytes {
    let mut out = Vec::with_capacity(256);
    out.put_u8(2);
    out.put_i64(context.now.0);
    put_text(&mut out, context.method);
    put_text(&mut out, &context.agency);
    put_text(&mut out, outcome);
    trail.encode(&mut out);
    out.into()
}

fn decode(request_id: RequestId, mut row: Bytes) -> Option<Explained> {
    if row.try_get_u8().ok()? != 2 {
        return None;
    }
    let called_at = Timestamp(row.try_get_i64().ok()?);
    let (method, caller, outcome) = (take_text(&mut row)?, take_text(&mut row)?, take_text(&mut row)?);
    let checks = trail::decode(&mut row, &caller)?;
    let violations = Violations::default();
    Some(Explained { request_id, method, caller, called_at, outcome, checks, violations, evidence: None })
}

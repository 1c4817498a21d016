//! Traces for `Explain`: durable ones of exchanges, beside their evidence, and a bounded ring of other failed calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes};

use crate::base::Caller;
use crate::base::call::{CallCheck, Trace, TraceSink};
use crate::base::{Error, Reason, RequestId, Result, Timestamp};

use super::Exchange;
use super::context::Context;
use super::trail::{self, Trail, put_text, take_text};

/// Failed calls that are remembered in memory.
const RING_MAX: usize = 4_096;

/// The newest failed calls that left no evidence: refused at the door, or of other services.
#[derive(Debug, Default)]
pub struct TraceRing {
    traces: Mutex<VecDeque<Trace>>,
}

impl TraceRing {
    /// The trace of a call, if it is still remembered.
    pub fn find(&self, request: RequestId) -> Option<Trace> {
        let traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        traces.iter().rev().find(|trace| trace.request_id == request).cloned()
    }
}

impl TraceSink for TraceRing {
    fn record(&self, trace: Trace) {
        let mut traces = self.traces.lock().unwrap_or_else(PoisonError::into_inner);
        if traces.len() == RING_MAX {
            traces.pop_front();
        }
        traces.push_back(trace);
    }
}

/// What `Explain` says of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The call's id.
    pub request_id: RequestId,
    /// Its method.
    pub method: String,
    /// The agency's key, or `citizen`; empty when the credential was not believed.
    pub caller: String,
    /// When it came.
    pub called_at: Timestamp,
    /// `OK`, or the code of the refusal.
    pub outcome: String,
    /// The checks, in order.
    pub checks: Vec<CallCheck>,
    /// Index in the evidence ledger, and the checkpoint that first held it; for exchanges.
    pub evidence: Option<(u64, Bytes)>,
}

impl Exchange {
    /// Explains an earlier call to its caller, to `auditor` and to `operator`; to everybody else there is no such call.
    pub async fn explain(&self, ring: &TraceRing, caller: &Caller, request: RequestId) -> Result<Explained> {
        let missing = || Error::new(Reason::NotFound, "there is no such call of yours").with_subject("call", "");
        let sees_all = matches!(caller, Caller::Agency(agency) if ["auditor", "operator"].contains(&agency.as_str()));
        if let Some((index, row)) = self.evidence.trace(request).await? {
            let mut explained = decode(request, row)
                .ok_or_else(|| Error::new(Reason::StorageCorrupt, "the trace of a call cannot be read"))?;
            let own = matches!(caller, Caller::Agency(agency) if agency.as_str() == explained.caller);
            if !own && !sees_all {
                return Err(missing());
            }
            explained.evidence = Some((index, self.evidence.checkpoint_of(index).await?));
            return Ok(explained);
        }
        let trace = ring.find(request).filter(|trace| sees_all || trace.caller.as_ref() == Some(caller));
        let trace = trace.ok_or_else(missing)?;
        Ok(Explained {
            request_id: trace.request_id,
            method: trace.method.to_owned(),
            caller: trace.caller.as_ref().map_or("", Caller::label).to_owned(),
            called_at: trace.called_at,
            outcome: trace.outcome,
            checks: trace.checks,
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
    Some(Explained { request_id, method, caller, called_at, outcome, checks, evidence: None })
}

//! Traces for `Explain`: durable ones of exchanges, beside their evidence, and a bounded ring of other failed calls.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes};

use crate::base::{Error, Reason, RequestId, Result, Timestamp};
use crate::wire::Caller;
use crate::wire::call::{CallCheck, CheckOutcome, Trace, TraceSink};

use super::Exchange;
use super::context::{Context, Trail};

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

/// A trace as it is stored: version 1, time, then texts with their lengths before them.
pub(super) fn encode(context: &Context, outcome: &str, trail: &Trail) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + trail.checks.len() * 64);
    out.put_u8(1);
    out.put_i64(context.now.0);
    put_text(&mut out, context.method);
    put_text(&mut out, &context.agency);
    put_text(&mut out, outcome);
    for check in &trail.checks {
        out.put_u8(match check.outcome {
            CheckOutcome::Pass => 0,
            CheckOutcome::Fail => 1,
            CheckOutcome::Skipped => 2,
        });
        put_text(&mut out, &check.name);
        put_text(&mut out, &check.detail);
    }
    out
}

fn decode(request_id: RequestId, mut row: Bytes) -> Option<Explained> {
    if row.try_get_u8().ok()? != 1 {
        return None;
    }
    let called_at = Timestamp(row.try_get_i64().ok()?);
    let (method, caller, outcome) = (take_text(&mut row)?, take_text(&mut row)?, take_text(&mut row)?);
    let mut checks = Vec::new();
    while row.has_remaining() {
        let outcome = match row.get_u8() {
            0 => CheckOutcome::Pass,
            1 => CheckOutcome::Fail,
            2 => CheckOutcome::Skipped,
            _ => return None,
        };
        checks.push(CallCheck { outcome, name: take_text(&mut row)?, detail: take_text(&mut row)? });
    }
    Some(Explained { request_id, method, caller, called_at, outcome, checks, evidence: None })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut length = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.put_u16(length as u16);
    out.put_slice(&text.as_bytes()[..length]);
}

fn take_text(row: &mut Bytes) -> Option<String> {
    let length = usize::from(row.try_get_u16().ok()?);
    if row.remaining() < length {
        return None;
    }
    String::from_utf8(row.split_to(length).to_vec()).ok()
}

//! The context of one exchange.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::time::{Duration, Instant};

use crate::base::Call;
use crate::base::{ClientIds, RequestId, Result, Timestamp};

/// On whose behalf, as which call, and until when.
#[derive(Debug, Clone)]
pub struct Context {
    /// The call's id.
    pub request_id: RequestId,
    /// The client's names for it.
    pub client_ids: ClientIds,
    /// Its method.
    pub method: &'static str,
    /// The calling agency's key.
    pub agency: String,
    /// When it came.
    pub now: Timestamp,
    /// When it must be answered.
    pub deadline: Instant,
    /// Whether records that fail their checks are wanted all the same, marked as such.
    pub accepts_unverified: bool,
}

impl Context {
    /// The context of an agency's call; citizens are refused.
    pub fn of(call: &Call) -> Result<Self> {
        Ok(Self {
            request_id: call.request_id,
            client_ids: call.client_ids.clone(),
            method: call.method,
            agency: call.agency()?.as_str().to_owned(),
            now: call.now,
            deadline: call.deadline,
            accepts_unverified: call.accepts_unverified,
        })
    }

    /// Until when registries may take: what is left, less the time to check, log and answer.
    pub(super) fn ask_until(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let margin = (left / 5).clamp(Duration::from_millis(5), Duration::from_millis(250));
        self.deadline.checked_sub(margin).unwrap_or(self.deadline)
    }
}

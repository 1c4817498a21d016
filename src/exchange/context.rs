//! The caller, the ids and the deadline of one exchange.

#![allow(clippy::disallowed_methods, reason = "deadlines are transport")]

use std::time::Duration;

use crate::base::Call;
use crate::base::time::Instant;
use crate::base::{ClientIds, RequestId, Result, Timestamp};

/// The caller, the ids and the deadline of one exchange.
#[derive(Debug, Clone)]
pub struct Context {
    /// The id that admission assigned.
    pub request_id: RequestId,
    /// The client's request id and trace context.
    pub client_ids: ClientIds,
    /// `package.Service/Method`.
    pub method: &'static str,
    /// The calling agency's key.
    pub agency: String,
    /// When the call arrived.
    pub now: Timestamp,
    /// The deadline of the call, on the machine's clock.
    pub deadline: Instant,
    /// Whether records that fail verification are returned, with their verdict, instead of refused.
    pub accepts_unverified: bool,
}

impl Context {
    /// The context of an agency's call. Fails with `ROLE_NOT_ALLOWED` for citizens.
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

    /// The deadline for registries: the call's, less the time to check, log and answer.
    pub(super) fn ask_until(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let margin = (left / 5).clamp(Duration::from_millis(5), Duration::from_millis(250));
        self.deadline.checked_sub(margin).unwrap_or(self.deadline)
    }
}

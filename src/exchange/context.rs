//! The context of one exchange, and the trail of checks that it leaves for `Explain`.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::base::{RequestId, Result, Timestamp};
use crate::wire::Call;
use crate::wire::call::CheckOutcome;

/// On whose behalf, as which call, and until when.
#[derive(Debug, Clone)]
pub struct Context {
    /// The call's id.
    pub request_id: RequestId,
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

/// One check of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrailCheck {
    pub(super) name: Cow<'static, str>,
    pub(super) outcome: CheckOutcome,
    pub(super) detail: Cow<'static, str>,
}

/// The checks of an exchange in the order made.
#[derive(Debug, Default)]
pub(super) struct Trail {
    pub(super) checks: Vec<TrailCheck>,
}

impl Trail {
    pub(super) fn pass(&mut self, name: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) {
        self.add(name, CheckOutcome::Pass, detail);
    }

    pub(super) fn fail(&mut self, name: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) {
        self.add(name, CheckOutcome::Fail, detail);
    }

    pub(super) fn skip(&mut self, name: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) {
        self.add(name, CheckOutcome::Skipped, detail);
    }

    fn add(&mut self, name: impl Into<Cow<'static, str>>, outcome: CheckOutcome, detail: impl Into<Cow<'static, str>>) {
        self.checks.push(TrailCheck { name: name.into(), outcome, detail: detail.into() });
    }
}

//! The rate limit of log lines that anybody can cause. A process has one log, so it has one limit, over all of its worlds and ports.
//!
//! Refusals and faults have a limit each, so that nobody can hide a fault behind refusals. A line says how many of its kind were left out before it.

#![allow(clippy::disallowed_methods, reason = "log lines are limited by the machine's time")]

use std::time::Duration;

use crate::base::limits::STRANGER_LOG_LINES_PER_SECOND;
use crate::base::log::LogLimiter;
use crate::base::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
static REFUSALS: LogLimiter = LogLimiter::new(STRANGER_LOG_LINES_PER_SECOND, SECOND);
static FAULTS: LogLimiter = LogLimiter::new(STRANGER_LOG_LINES_PER_SECOND, SECOND);

/// Whether a line about a refusal may be written now: if so, how many were left out before it.
pub(super) fn of_refusal() -> Option<u64> {
    REFUSALS.admit(Instant::now())
}

/// The same for a line about damaged data or a defect.
pub(super) fn of_fault() -> Option<u64> {
    FAULTS.admit(Instant::now())
}

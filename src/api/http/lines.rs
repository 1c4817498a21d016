//! Limits the log lines about files that cannot be read: anybody may ask for a damaged one, as often as they like.

#![allow(clippy::disallowed_methods, reason = "log lines are limited by the machine's time")]

use std::time::Duration;

use crate::base::limits;
use crate::base::log::LogLimiter;
use crate::base::time::Instant;

static LINES: LogLimiter = LogLimiter::new(limits::STRANGER_LOG_LINES_PER_SECOND, Duration::from_secs(1));

/// Whether a line may be logged: if so, how many were left out before it, which the line says.
pub(super) fn admit_line() -> Option<u64> {
    LINES.admit(Instant::now())
}

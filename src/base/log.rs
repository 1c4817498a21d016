//! Keeps logging harmless: a limit on lines that anybody can cause, and the count of lines that were lost.
//!
//! Callers without a credential decide how many refusals there are, and so must not decide how much is logged.

#![allow(clippy::disallowed_methods, reason = "rates are of the machine's time")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::time::Instant;

/// Lines that the process could not write, since its start. One for the process, as its stderr is.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How many log lines this process dropped, because nobody read them in time or because they could not be written.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Counts dropped lines; for the log's writer.
pub fn count_dropped(lines: u64) {
    DROPPED.fetch_add(lines, Ordering::Relaxed);
}

/// Lets a number of lines through in each period, and counts the others.
///
/// ```
/// use std::time::Duration;
/// use lienthong::base::log::LogLimiter;
/// use lienthong::base::time::Instant;
///
/// let (limiter, now) = (LogLimiter::new(1, Duration::from_secs(1)), Instant::now());
/// assert_eq!(limiter.admit(now), Some(0));
/// assert_eq!(limiter.admit(now), None);
/// // The first line of a later period says how many were left out before it.
/// assert_eq!(limiter.admit(now + Duration::from_secs(1)), Some(1));
/// ```
#[derive(Debug)]
pub struct LogLimiter {
    lines_max: u32,
    period: Duration,
    state: Mutex<Period>,
    suppressed: AtomicU64,
}

#[derive(Debug, Default)]
struct Period {
    began: Option<Instant>,
    lines: u32,
    /// Left out since the last line that was let through.
    suppressed: u64,
}

impl LogLimiter {
    /// At most `lines_max` lines in each `period`.
    pub const fn new(lines_max: u32, period: Duration) -> Self {
        let state = Mutex::new(Period { began: None, lines: 0, suppressed: 0 });
        Self { lines_max, period, state, suppressed: AtomicU64::new(0) }
    }

    /// Whether a line may be logged at `now`: if so, how many were suppressed since the last one, which the line should say.
    pub fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= self.period) {
            (state.began, state.lines) = (Some(now), 0);
        }
        if state.lines < self.lines_max {
            state.lines += 1;
            return Some(std::mem::take(&mut state.suppressed));
        }
        state.suppressed += 1;
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// How many lines were suppressed in all.
    pub fn suppressed(&self) -> u64 {
        self.suppressed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_lets_its_lines_through_and_says_what_it_left_out() {
        let limiter = LogLimiter::new(2, Duration::from_secs(10));
        let begun = Instant::now();
        let at = |seconds| limiter.admit(begun + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(2), at(9)], [Some(0), Some(0), None, None]);
        assert_eq!([at(10), at(11), at(12)], [Some(2), Some(0), None], "what was left out is said once");
        assert_eq!(at(60), Some(1), "a period begins with a line, not by the clock");
        // A clock that another thread read a moment earlier is no new period.
        assert_eq!([at(59), at(59)], [Some(0), None]);
        assert_eq!(limiter.suppressed(), 4);
    }

    #[test]
    fn no_line_is_let_through_where_none_may_be() {
        let limiter = LogLimiter::new(0, Duration::from_secs(1));
        let now = Instant::now();
        assert!((0..10).all(|second| limiter.admit(now + Duration::from_secs(second)).is_none()));
        assert_eq!(limiter.suppressed(), 10);
    }
}

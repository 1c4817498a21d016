//! A circuit breaker: a host that failed several times in a row is left alone for a moment, so that callers learn at once what they would
//! otherwise wait for, and the host can recover.

#![allow(clippy::disallowed_methods, reason = "the state of a connection is transport")]

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::time::Instant;

/// Failures in a row after which a host is left alone.
const FAILURES_MAX: u32 = 5;
/// How long at first, and at most: a host that is there again must be asked again within three seconds.
const REST_MIN: Duration = Duration::from_millis(250);
const REST_MAX: Duration = Duration::from_secs(2);

/// The state of one host.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody asks; then one call may try.
    rests: Option<(Instant, Duration)>,
    /// Whether that call is under way.
    is_tried: bool,
}

impl Breaker {
    /// Whether the host may be asked now; if not, after which time.
    pub fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        match state.rests {
            None => Ok(()),
            Some((until, _)) if now < until => Err(until - now),
            Some((_, rest)) if state.is_tried => Err(rest),
            Some(_) => {
                state.is_tried = true;
                Ok(())
            }
        }
    }

    /// The host answered, whatever it said. Returns whether it had been left alone.
    pub fn answered(&self) -> bool {
        let before = std::mem::take(&mut *self.state());
        before.rests.is_some()
    }

    /// The host did not answer. Returns for how long it is left alone, if that is new.
    pub fn failed(&self, now: Instant) -> Option<Duration> {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.is_tried = false;
        let rest = match state.rests {
            Some((until, _)) if now < until => return None,
            Some((_, rest)) => (rest * 2).min(REST_MAX),
            None if state.failures < FAILURES_MAX => return None,
            None => REST_MIN,
        };
        let is_new = state.rests.is_none();
        state.rests = Some((now + rest, rest));
        is_new.then_some(rest)
    }

    /// A call was given up before it could tell anything: if it was the one that tries, another may.
    pub fn abandoned(&self) {
        self.state().is_tried = false;
    }

    /// Whether the host is left alone.
    pub fn is_open(&self) -> bool {
        self.state().rests.is_some()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_fails_is_left_alone_and_tried_again_by_one_call() {
        let (breaker, begun) = (Breaker::default(), Instant::now());
        let at = |ms| begun + Duration::from_millis(ms);
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.failed(at(0)), None);
            breaker.admit(at(0)).expect("not often enough");
        }
        assert_eq!(breaker.failed(at(0)), Some(REST_MIN));
        assert_eq!(breaker.admit(at(100)), Err(Duration::from_millis(150)));
        breaker.admit(at(250)).expect("one tries");
        breaker.admit(at(250)).expect_err("one alone");
        assert_eq!(breaker.failed(at(260)), None, "said already");
        breaker.admit(at(700)).expect_err("twice as long");
        breaker.admit(at(760)).expect("again");
        assert!(breaker.answered() && !breaker.is_open());
        breaker.admit(at(761)).expect("as before");
        assert_eq!(breaker.failed(at(762)), None, "counted anew");
    }

    #[test]
    fn the_pause_never_exceeds_two_seconds() {
        let (breaker, begun) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES_MAX {
            breaker.failed(begun);
        }
        let mut now = begun;
        for _ in 0..20 {
            now += Duration::from_secs(2);
            breaker.admit(now).expect("at the latest");
            breaker.failed(now);
        }
    }
}

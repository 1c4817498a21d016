//! A rate for each caller: a token bucket, so that one system cannot starve the others.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::{Caller, Error, Reason, Result};

/// Most callers that are remembered; the longest unseen go first.
const CALLERS_MAX: usize = 10_000;

/// Buckets for all callers.
#[derive(Debug)]
pub struct RateLimiter {
    calls_per_second: u32,
    buckets: Mutex<BTreeMap<Caller, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    seen: Instant,
}

impl RateLimiter {
    /// At most `calls_per_second` for each caller, with a burst of one second's worth; 0 is no limit.
    pub fn new(calls_per_second: u32) -> Self {
        Self { calls_per_second, buckets: Mutex::new(BTreeMap::new()) }
    }

    /// Takes one call's token, or says when the next one is there.
    pub fn take(&self, caller: &Caller, now: Instant) -> Result<()> {
        if self.calls_per_second == 0 {
            return Ok(());
        }
        let rate = f64::from(self.calls_per_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if buckets.len() >= CALLERS_MAX && !buckets.contains_key(caller) {
            // A bucket unseen for a second is full again: forgetting it changes nothing.
            buckets.retain(|_, bucket| now.duration_since(bucket.seen) < Duration::from_secs(1));
        }
        let bucket = buckets.entry(caller.clone()).or_insert(Bucket { tokens: rate, seen: now });
        bucket.tokens = (bucket.tokens + now.duration_since(bucket.seen).as_secs_f64() * rate).min(rate);
        bucket.seen = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / rate);
        Err(Error::new(
            Reason::RateLimited,
            format!("at most {} calls a second for each caller", self.calls_per_second),
        )
        .with_subject("quota", "calls_per_second")
        .with_retry_after(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::AgencyId;

    #[test]
    fn a_burst_is_one_second_and_then_the_rate_holds() {
        let limiter = RateLimiter::new(10);
        let caller = Caller::Agency(AgencyId::parse("bank").expect("key"));
        let other = Caller::Agency(AgencyId::parse("hospital").expect("key"));
        let start = Instant::now();
        for _ in 0..10 {
            limiter.take(&caller, start).expect("burst");
        }
        let refused = limiter.take(&caller, start).expect_err("empty");
        assert_eq!(refused.reason, Reason::RateLimited);
        assert!(refused.retry_after.expect("when") <= Duration::from_millis(100));
        limiter.take(&other, start).expect("its own bucket");
        limiter.take(&caller, start + Duration::from_millis(101)).expect("one more");
        limiter.take(&caller, start + Duration::from_millis(102)).expect_err("and no other");
    }
}

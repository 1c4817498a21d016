//! Rates, as token buckets that hold one second's worth: one for each caller, so that one system cannot starve the others, and for
//! strangers one for each address, with one over them all.
//!
//! A stranger is a caller without a credential that was accepted before, or a citizen whom nobody knows, with a credential that anybody can write.
//! Loopback has no bucket of its own, since everybody on a test machine shares it, but the one over all strangers holds for it too.

#![allow(clippy::disallowed_methods, reason = "rates are of the machine's time")]

use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use crate::base::peer::Network;
use crate::base::{Caller, Error, Reason, Result};

/// Most buckets of one kind that are kept; beyond it, those that are full again go.
const BUCKETS_MAX: usize = 10_000;
/// How often they are looked for.
const SWEEP: Duration = Duration::from_secs(1);

type Middleware = NoOpMiddleware<<MonotonicClock as governor::clock::Clock>::Instant>;
type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, MonotonicClock, Middleware>;
type Single = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, Middleware>;

/// One bucket for each key, bounded in number.
struct Buckets<K: Hash + Eq + Clone> {
    rates: Keyed<K>,
    /// When those that are full again were last looked for, at most every [`SWEEP`].
    swept_at: Mutex<Option<Instant>>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(per_second: NonZeroU32) -> Self {
        let store = HashMapStateStore::default();
        let rates = RateLimiter::new(Quota::per_second(per_second), store, MonotonicClock);
        Self { rates, swept_at: Mutex::default() }
    }

    /// Takes one token, or returns the time until there is one.
    fn take(&self, key: &K) -> Result<(), Duration> {
        if self.rates.len() >= BUCKETS_MAX {
            self.sweep();
            if self.rates.len() >= BUCKETS_MAX {
                return Err(SWEEP);
            }
        }
        self.rates.check_key(key).map_err(|not_until| wait(&not_until))
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    /// Forgets the buckets that are full again: they are as good as none.
    fn sweep(&self) {
        let mut swept_at = self.swept_at.lock().unwrap_or_else(PoisonError::into_inner);
        if swept_at.is_none_or(|at| at.elapsed() >= SWEEP) {
            self.rates.retain_recent();
            *swept_at = Some(Instant::now());
        }
    }
}

fn wait(not_until: &NotUntil<<MonotonicClock as governor::clock::Clock>::Instant>) -> Duration {
    not_until.wait_time_from(MonotonicClock.now())
}

fn limited(message: String, quota: &'static str, wait: Duration) -> Error {
    Error::new(Reason::RateLimited, message).with_subject("quota", quota).with_retry_after(wait)
}

/// The rate of each caller.
pub struct CallerRate {
    per_second: u32,
    buckets: Option<Buckets<Bucket>>,
}

/// The owner of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Bucket {
    /// A caller's own.
    Caller(Caller),
    /// The one that all demo citizens of a network share: anybody can name as many as they like.
    DemoCitizens(Option<Network>),
}

impl CallerRate {
    /// At most `per_second` calls of each caller; 0 is no limit.
    pub fn new(per_second: u32) -> Self {
        Self { per_second, buckets: NonZeroU32::new(per_second).map(Buckets::new) }
    }

    /// Takes one call's token, or returns the time until there is one. `is_demo`: the credential is one that anybody can write.
    pub fn take(&self, caller: &Caller, is_demo: bool, network: Option<Network>) -> Result<()> {
        let Some(buckets) = &self.buckets else { return Ok(()) };
        let bucket = match caller {
            Caller::Citizen(_) if is_demo => Bucket::DemoCitizens(network),
            caller => Bucket::Caller(caller.clone()),
        };
        buckets.take(&bucket).map_err(|wait| {
            limited(
                format!("each caller may make at most {} calls a second", self.per_second),
                "calls_per_second",
                wait,
            )
        })
    }
}

/// The rate of strangers.
pub struct StrangerRate {
    per_second: u32,
    by_network: Option<Buckets<Network>>,
    all: Option<Single>,
}

/// How many times the rate of one address all addresses together have.
const ADDRESSES: u32 = 20;

impl StrangerRate {
    /// At most `per_second` calls of one address, and twenty times that of all; 0 is no limit.
    pub fn new(per_second: u32) -> Self {
        let all = NonZeroU32::new(per_second.saturating_mul(ADDRESSES));
        let single = |rate| RateLimiter::new(Quota::per_second(rate), InMemoryState::default(), MonotonicClock);
        Self { per_second, by_network: NonZeroU32::new(per_second).map(Buckets::new), all: all.map(single) }
    }

    /// Takes one call's token; `None` is this machine.
    pub fn take(&self, network: Option<Network>) -> Result<()> {
        if let (Some(buckets), Some(network)) = (&self.by_network, network) {
            buckets.take(&network).map_err(|wait| {
                let message =
                    format!("one address may make at most {} calls a second without a credential", self.per_second);
                limited(message, "stranger_calls_per_second", wait)
            })?;
        }
        let Some(all) = &self.all else { return Ok(()) };
        all.check().map_err(|not_until| {
            let message = "too many calls without a credential".to_owned();
            limited(message, "stranger_calls_per_second", wait(&not_until))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{AgencyId, PersonalId};

    fn agency(key: &str) -> Caller {
        Caller::Agency(AgencyId::parse(key).expect("key"))
    }

    #[test]
    fn each_caller_has_a_second_s_worth_and_then_waits() {
        let rate = CallerRate::new(10);
        let (bank, hospital) = (agency("bank"), agency("hospital"));
        (0..10).for_each(|_| rate.take(&bank, true, None).expect("a burst"));
        let refused = rate.take(&bank, true, None).expect_err("empty");
        assert_eq!(refused.reason, Reason::RateLimited);
        assert!(refused.retry_after.expect("when") <= Duration::from_millis(100));
        rate.take(&hospital, true, None).expect("a bucket of its own");
        let unlimited = CallerRate::new(0);
        (0..1_000).for_each(|_| unlimited.take(&bank, true, None).expect("no limit"));
    }

    #[test]
    fn demo_citizens_share_a_bucket() {
        let rate = CallerRate::new(2);
        let citizen = |id: &str| Caller::Citizen(PersonalId::parse(id).expect("an ID"));
        let ids = ["042185990002", "042090990001", "042090990009"];
        let taken = |is_demo| ids.iter().filter(|id| rate.take(&citizen(id), is_demo, None).is_ok()).count();
        assert_eq!(taken(true), 2);
        assert_eq!(taken(false), 3, "a token is not made up");
    }

    #[test]
    fn strangers_share_the_bucket_of_their_network_and_one_over_all() {
        let rate = StrangerRate::new(2);
        let at = |address: &str| Some(Network::of(address.parse().expect("an address")));
        for address in ["203.0.113.7", "2001:db8::1"] {
            rate.take(at(address)).expect("one");
            rate.take(at(address)).expect("two");
            assert_eq!(rate.take(at(address)).expect_err("three").reason, Reason::RateLimited, "{address}");
        }
        rate.take(at("2001:db8::2")).expect_err("the same network");
        rate.take(at("2001:db8:0:1::2")).expect("another network");
        let mut taken = 0;
        while rate.take(None).is_ok() {
            taken += 1;
        }
        assert!((30..=40).contains(&taken), "this machine has no bucket of its own, but all have one: {taken}");
    }

    #[test]
    fn made_up_callers_take_no_more_than_so_much_memory() {
        let buckets = Buckets::<u32>::new(NonZeroU32::MIN);
        let taken = (0..BUCKETS_MAX as u32 + 100).filter(|key| buckets.take(key).is_ok()).count();
        assert!(buckets.rates.len() <= BUCKETS_MAX, "{taken}");
    }
}

//! The workers: they call, time and count.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use tonic::Status;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::super::output::Failure;
use super::pacer::{Pacer, due};
use super::scenario::Calls;

const LATENCY_US_MAX: u64 = 120_000_000;
/// Answers whose mean size is the bare peer's.
const ANSWERS_WEIGHED: usize = 32;

/// How fast to call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// At fixed instants.
    Fixed {
        /// Calls a second.
        calls_per_second: u32,
    },
    /// As fast as answers come.
    FlatOut,
}

/// A server, and the call to make there.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) channels: Vec<Channel>,
    pub(super) calls: Arc<Calls>,
}

/// The outcome of the calls.
pub(super) struct Outcome {
    pub(super) latency_us: Histogram<u64>,
    pub(super) failures: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
}

impl Default for Outcome {
    fn default() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are constants that hdrhistogram takes"));
        Self { latency_us, failures: BTreeMap::new(), bytes: 0, elapsed: Duration::ZERO }
    }
}

impl Outcome {
    /// Adds the outcome of further calls, made after these.
    pub(super) fn merge(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.join(other);
    }

    /// Adds the outcome of calls made at the same time.
    fn join(&mut self, other: Self) {
        // Both have the same bounds, so that adding cannot fail.
        let _ = self.latency_us.add(&other.latency_us);
        self.bytes += other.bytes;
        for (code, count) in other.failures {
            *self.failures.entry(code).or_default() += count;
        }
    }

    /// Calls answered a second.
    pub(super) fn calls_per_second(&self) -> f64 {
        if self.elapsed.is_zero() { 0.0 } else { self.latency_us.len() as f64 / self.elapsed.as_secs_f64() }
    }

    fn count(&mut self, answer: Result<Bytes, Status>, latency: Duration) {
        match answer {
            Ok(body) => {
                self.bytes += body.len() as u64;
                self.latency_us.saturating_record((latency.as_micros() as u64).max(1));
            }
            Err(status) => *self.failures.entry(format!("{:?}", status.code())).or_default() += 1,
        }
    }
}

impl Target {
    /// Bytes of an answer, the mean of the next few: shows that the target is there, and what the bare peer has to answer. Of citizens who
    /// were drawn, some may have no answer; that nobody has one is a failure.
    pub(super) async fn answer_bytes(&self) -> Result<usize, Failure> {
        let mut client = Grpc::new(self.channels[0].clone());
        let (mut bytes, mut answers, mut refused) = (0, 0, None);
        for _ in 0..ANSWERS_WEIGHED {
            match self.calls.next().send(&mut client).await {
                Ok(answer) => {
                    bytes += answer.len();
                    answers += 1;
                }
                Err(status) => refused = Some(status),
            }
        }
        match refused {
            Some(status) if answers == 0 => {
                let (code, why) = (status.code(), status.message());
                Err(Failure::new(format!("the first calls failed with {code:?}: {why}")))
            }
            _ => Ok(bytes / answers),
        }
    }

    /// Which of the first `count` calls have an answer.
    pub(super) async fn answered(&self, count: usize) -> Vec<bool> {
        let mut client = Grpc::new(self.channels[0].clone());
        let mut answered = Vec::with_capacity(count);
        for call in 0..count as u64 {
            answered.push(self.calls.at(call).send(&mut client).await.is_ok());
        }
        answered
    }
}

/// Calls `target` with `concurrency` workers for `duration`.
pub(super) async fn drive(target: &Target, pace: Pace, concurrency: usize, duration: Duration) -> Outcome {
    let begun = Instant::now();
    let shared = Arc::new(Shared::new(pace, begun, duration));
    let workers: Vec<_> = (0..concurrency)
        .map(|worker| {
            let channel = target.channels[worker % target.channels.len()].clone();
            tokio::spawn(work(channel, target.calls.clone(), shared.clone()))
        })
        .collect();
    let mut total = Outcome::default();
    for worker in workers {
        match worker.await {
            Ok(outcome) => total.join(outcome),
            Err(_) => *total.failures.entry("WorkerPanicked".into()).or_default() += 1,
        }
    }
    total.elapsed = begun.elapsed();
    total
}

struct Shared {
    pace: Pace,
    begun: Instant,
    ends: Instant,
    calls: u64,
    next: AtomicU64,
    pacer: Option<Pacer>,
}

impl Shared {
    fn new(pace: Pace, begun: Instant, duration: Duration) -> Self {
        let (calls, pacer) = match pace {
            Pace::Fixed { calls_per_second } => {
                let calls = (duration.as_secs_f64() * f64::from(calls_per_second)).ceil() as u64;
                (calls, Pacer::start(begun, calls_per_second, calls).ok())
            }
            Pace::FlatOut => (u64::MAX, None),
        };
        Self { pace, begun, ends: begun + duration, calls, next: AtomicU64::new(0), pacer }
    }

    /// The instant from which the next call's latency counts; `None` when the load is over.
    async fn next(&self) -> Option<Instant> {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        match self.pace {
            Pace::Fixed { .. } if call >= self.calls => None,
            Pace::Fixed { calls_per_second } => {
                match &self.pacer {
                    Some(pacer) => pacer.next().await,
                    None => tokio::time::sleep_until(due(self.begun, calls_per_second, call).into()).await,
                }
                Some(due(self.begun, calls_per_second, call))
            }
            Pace::FlatOut => {
                let now = Instant::now();
                (now < self.ends).then_some(now)
            }
        }
    }
}

async fn work(channel: Channel, calls: Arc<Calls>, shared: Arc<Shared>) -> Outcome {
    let mut client = Grpc::new(channel);
    let mut outcome = Outcome::default();
    while let Some(counts_from) = shared.next().await {
        let answer = calls.next().send(&mut client).await;
        outcome.count(answer, counts_from.elapsed());
    }
    outcome
}

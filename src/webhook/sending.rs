//! What the worlds of a process share to send events: the list of targets, the way out, the secrets' key, and what was counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::post::Post;
use super::secret::SecretKey;
use super::targets::TargetList;
use crate::base::Clock;

/// Sends events for all worlds of a process.
pub struct Sending {
    /// Where events may go.
    pub targets: TargetList,
    /// How they go.
    pub post: Arc<dyn Post>,
    /// Derives the secrets that sign them.
    pub key: SecretKey,
    /// The machine's clock: a receiver judges the time of an attempt by its own clock, not by the world's.
    pub machine: Arc<dyn Clock>,
    /// What became of attempts.
    pub counts: Counts,
}

/// What became of attempts to send events.
#[derive(Debug, Default)]
pub struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
}

impl Counts {
    pub(super) fn delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn given_up(&self) {
        self.given_up.fetch_add(1, Ordering::Relaxed);
    }

    /// By result: attempts that were accepted, attempts that failed, events that were given up.
    pub fn all(&self) -> [(&'static str, u64); 3] {
        let [delivered, failed, given_up] =
            [&self.delivered, &self.failed, &self.given_up].map(|count| count.load(Ordering::Relaxed));
        [("delivered", delivered), ("failed", failed), ("given_up", given_up)]
    }
}

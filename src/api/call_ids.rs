//! The ids that calls get: a time, and randomness of the world or of the machine.

use std::sync::Arc;

use super::lines;
use crate::base::entropy::SystemEntropy;
use crate::base::{Entropy, RequestId, Timestamp};

/// Draws the ids of calls.
pub struct CallIds {
    of_callers: Arc<dyn Entropy>,
    /// For calls that anyone may make, who so takes nothing of the world's randomness.
    of_anyone: Arc<dyn Entropy>,
    /// For calls that a recording does not hold.
    beside: SystemEntropy,
}

impl CallIds {
    pub(super) fn new([of_callers, of_anyone]: [Arc<dyn Entropy>; 2]) -> Self {
        Self { of_callers, of_anyone, beside: SystemEntropy::default() }
    }

    /// An id of a caller's call, or of a part of one that is logged and explained on its own.
    pub(super) fn of_caller(&self, now: Timestamp) -> RequestId {
        drawn(&*self.of_callers, now)
    }

    /// An id of a call that anyone may make.
    pub(super) fn of_anyone(&self, now: Timestamp) -> RequestId {
        drawn(&*self.of_anyone, now)
    }

    /// An id that takes nothing of the world's randomness.
    pub(super) fn beside(&self, now: Timestamp) -> RequestId {
        drawn(&self.beside, now)
    }
}

fn drawn(entropy: &dyn Entropy, now: Timestamp) -> RequestId {
    let mut random = [0; 10];
    // Without randomness the id is still unique enough by its time; failing the call would help nobody.
    if let Err(error) = entropy.fill(&mut random)
        && let Some(suppressed) = lines::of_fault()
    {
        tracing::error!(%error, suppressed, "no randomness for a request id");
    }
    RequestId(uuid::Builder::from_unix_timestamp_millis(now.0.max(0) as u64, &random).into_uuid())
}

//! Work that falls due at times of the world's: the renewal of a trust anchor, and the changes that time makes to records.

use std::future::pending;

use async_trait::async_trait;
use futures::future::BoxFuture;

use crate::base::time::Instant;
use crate::base::{RecordId, Result, Timestamp};
pub use crate::registry::calendar::Scheduled;

/// Delay before failed work is retried, in milliseconds of machine time.
pub(super) const RETRY_MS: i64 = 1_000;

/// Work of some kinds.
///
/// Each piece is due at a time of its own. The clock runs pieces in the order of those times, and none twice: a piece that ran is no longer
/// [`next`](Self::next), also after a crash. Pieces of one work may run many at once, in order.
#[async_trait]
pub trait DueWork: Send + Sync {
    /// What is scheduled of each of its kinds, whether or not there is any.
    fn scheduled(&self) -> Vec<Scheduled>;

    /// When its next piece is due; `None` if none is.
    fn next(&self) -> Option<Timestamp>;

    /// How many pieces are due until `until`, as far as that is known now.
    fn count(&self, until: Timestamp) -> u64;

    /// Up to which time the next run goes, which does not go beyond `until`: the clock shows that time before the run.
    fn run_end(&self, until: Timestamp) -> Option<Timestamp> {
        self.next().filter(|next| *next <= until)
    }

    /// Runs everything that is due at `until` or before, and gives the pieces in order; on failure, what did not run stays due.
    async fn run(&self, until: Timestamp) -> Result<Vec<Ran>>;

    /// Resolves when [`next`](Self::next) is another from now on without a run. It listens from the call on, not from the first poll.
    fn changes(&self) -> BoxFuture<'static, ()> {
        Box::pin(pending())
    }

    /// Waits until what ran shows everywhere, for as long as there is progress, and at most `until` then. Names the parts of the world that do not
    /// show it yet. Called at the end of a jump.
    async fn settle(&self, _until: Instant) -> Vec<String> {
        Vec::new()
    }
}

/// A piece of work that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it is called: `trust_anchor.renewal`, `driver_licence.points_restored`.
    pub kind: String,
    /// When it was due.
    pub at: Timestamp,
    /// The record that it changed, by type and pseudonym, if it changed one.
    pub subject: Option<(String, RecordId)>,
    /// What it did: `points → 12`.
    pub effect: String,
}

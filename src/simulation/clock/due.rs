//! Work that falls due at times of the world's: the renewal of a trust anchor, and whatever else time does by itself.

use async_trait::async_trait;

use crate::base::{Result, Timestamp};

/// Delay before failed work is retried, in milliseconds of machine time.
pub(super) const RETRY_MS: i64 = 1_000;

/// A kind of work.
///
/// Each piece is due at a time of its own. The clock runs pieces in the order of those times, one after another, and none twice: a piece
/// that ran is no longer [`next`](Self::next).
#[async_trait]
pub trait DueWork: Send + Sync {
    /// What it is called in answers and logs: `trust_anchor.renewal`.
    fn kind(&self) -> &'static str;

    /// When its next piece is due; `None` if none is.
    fn next(&self) -> Option<Timestamp>;

    /// Runs the work that is due at `at`; on failure it stays due.
    async fn run(&self, at: Timestamp) -> Result<()>;
}

/// A piece of work that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it is called.
    pub kind: &'static str,
    /// When it was due.
    pub at: Timestamp,
}

//! What an append is told once nobody executes it. The tasks without which nobody can append to a log are its sequencer, and the one writer that a use
//! case has in front of it.
//!
//! Each of them is the only one of its kind, and a panic ends it. Then the log takes no more entries until it is opened again: appends
//! are refused, and the task that watches [`Log::stopped`](super::Log::stopped) ends the process, so that a supervisor starts another.

use std::fmt;
use std::time::Duration;

use crate::base::{Error, Reason};

/// When to repeat an append to a log that has stopped: after the restart.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The private cause of [`stopped`].
#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task of the log has ended")
    }
}

impl std::error::Error for Stopped {}

/// The error of an append that no task executes, because the log has stopped. The entry may have been written.
pub fn stopped() -> Error {
    let message = "the log takes no more entries until a restart";
    Error::new(Reason::StorageUnavailable, message).with_source(Stopped).with_retry_after(RETRY_AFTER)
}

/// Whether an append failed because the log has stopped. A defect that ended the log's task is logged there, and a runtime that ends in the
/// middle of an append is none: the caller has nothing to add to the log.
pub fn is_stopped(error: &Error) -> bool {
    error.source.as_deref().is_some_and(|cause| cause.is::<Stopped>())
}

//! Waiting for an event: polls a condition until it holds, and fails a test in which it never does.
//!
//! For conditions that cannot be awaited: a counter of another task, a file of another process.
#![allow(dead_code)] // each user has a part of it
#![allow(clippy::disallowed_methods, reason = "a test waits by the machine's time")]

use std::time::{Duration, Instant};

/// Longer than any wait of a test that does not hang.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause between two polls.
const POLL: Duration = Duration::from_millis(5);

/// The first value that `poll` returns; `what` names the event in the failure.
pub async fn until<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// The same where polling takes a call.
pub async fn until_answered<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// The same for a test without a runtime.
pub fn until_blocking<T>(what: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(POLL);
    }
}

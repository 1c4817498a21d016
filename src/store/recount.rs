//! Recounts: reads every row of every space with its value, and compares the number with the store's count.
//!
//! Works on a store that is being served from: a space that changes meanwhile is compared with the counts before and after. A pace
//! limits the load.

#![allow(clippy::disallowed_methods, reason = "a rest between reads, so that callers hardly notice")]

use std::time::Duration;

use super::{Scan, Space, Store};
use crate::base::{Reason, Result};

/// Rows in one read.
const ROWS_READ: usize = 512;

/// The pace of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as possible: nobody is being served.
    Full,
    /// With a pause after each read, for a store that is being served from.
    Resting(Duration),
}

impl Pace {
    /// Pauses, if this pace does.
    pub async fn rest(self) {
        match self {
            Self::Full => tokio::task::yield_now().await,
            Self::Resting(rest) => tokio::time::sleep(rest).await,
        }
    }
}

/// The result for one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recount {
    /// The space.
    pub space: Space,
    /// The store's count before the reading began.
    pub kept: u64,
    /// The number of rows read, up to the first unreadable one.
    pub read: u64,
    /// Whether every row could be read.
    pub is_readable: bool,
    /// Whether the number read matches the store's count.
    pub agrees: bool,
}

/// Reads a whole space, and compares. Calls `progress` with the number of rows of each read.
///
/// Fails only if the store does not answer for another reason than its data.
pub async fn recount(store: &dyn Store, space: Space, pace: Pace, mut progress: impl FnMut(u64)) -> Result<Recount> {
    let kept = store.count(space);
    let mut found = Recount { space, kept, read: 0, is_readable: true, agrees: false };
    let mut scan = Scan::prefix(space, b"").limit(ROWS_READ);
    loop {
        let rows = match store.scan(scan.clone()).await {
            Ok(rows) => rows,
            Err(error) if error.reason == Reason::StorageCorrupt => {
                found.is_readable = false;
                return Ok(found);
            }
            Err(error) => return Err(error),
        };
        found.read += rows.len() as u64;
        progress(rows.len() as u64);
        match rows.last() {
            Some((last, _)) if rows.len() == ROWS_READ => scan = scan.after(last.to_vec()),
            _ => break,
        }
        pace.rest().await;
    }
    let after = store.count(space);
    // Rows written or deleted meanwhile may have been read or not.
    found.agrees = (kept.min(after)..=kept.max(after)).contains(&found.read);
    Ok(found)
}

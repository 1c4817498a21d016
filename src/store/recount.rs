//! Counting again: every row of every space is read, its value too, and the counts that the store keeps are compared.
//!
//! Works on a store that is being served from: a space that changes while it is read is read against the counts before and after.
//! A pace bounds how much is read at once, and lets others go first.

#![allow(clippy::disallowed_methods, reason = "a rest between reads, so that callers hardly notice")]

use std::time::Duration;

use super::{Scan, Space, Store};
use crate::base::{Reason, Result};

/// Rows read at once.
const ROWS_READ: usize = 512;

/// How fast a check goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it can: nobody is served.
    Full,
    /// With a rest after each read, for a store that is being served from.
    Resting(Duration),
}

impl Pace {
    /// Lets others go first.
    pub async fn rest(self) {
        match self {
            Self::Full => tokio::task::yield_now().await,
            Self::Resting(rest) => tokio::time::sleep(rest).await,
        }
    }
}

/// What was found in one space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recount {
    /// The space.
    pub space: Space,
    /// What the store says; the count before the reading began.
    pub kept: u64,
    /// What was read; up to what cannot be.
    pub read: u64,
    /// Whether all of it could be read.
    pub is_readable: bool,
    /// Whether the rows are as many as the store says.
    pub agrees: bool,
}

/// Reads a whole space, and compares. `progress` hears of the rows of each read.
///
/// Fails only where the store does not answer for another reason than its data.
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
    // Rows that came or went meanwhile may have been read or not.
    found.agrees = (kept.min(after)..=kept.max(after)).contains(&found.read);
    Ok(found)
}

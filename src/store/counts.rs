//! The durable state of a committer, for readers: the last group, the rows of each space, and how much was written since a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Space;
use super::seal::Tally;

/// How much a snapshot must have held back to make the engine free it at once; less is freed at the next occasion.
const GIVEN_BACK_BYTES_MIN: u64 = 1024 * 1024;

/// The durable counts.
pub(super) struct Counts {
    group: AtomicU64,
    rows: Vec<AtomicU64>,
    /// Bytes written since the start.
    written_kib: AtomicU64,
    /// Whether something that the engine held back can be given back.
    is_released: AtomicBool,
}

impl Counts {
    pub(super) fn of(tally: &Tally) -> Self {
        Self {
            group: AtomicU64::new(tally.group),
            rows: tally.rows.iter().map(|rows| AtomicU64::new(*rows)).collect(),
            written_kib: AtomicU64::new(0),
            is_released: AtomicBool::new(false),
        }
    }

    /// Notes a group, for which so much was written.
    pub(super) fn set(&self, tally: &Tally, kib: u64) {
        self.written_kib.fetch_add(kib, Ordering::AcqRel);
        self.group.store(tally.group, Ordering::Release);
        for (count, rows) in self.rows.iter().zip(&tally.rows) {
            count.store(*rows, Ordering::Release);
        }
    }

    pub(super) fn group(&self) -> u64 {
        self.group.load(Ordering::Acquire)
    }

    pub(super) fn rows(&self, space: Space) -> u64 {
        self.rows[space.index()].load(Ordering::Acquire)
    }

    /// Whether something can be given back, asked for the first time since it can.
    pub(super) fn take_released(&self) -> bool {
        self.is_released.swap(false, Ordering::AcqRel)
    }
}

/// Bytes written since the engine began to hold back replaced rows. When this ends, those rows can be freed.
pub(super) struct Since {
    counts: Arc<Counts>,
    began_kib: u64,
}

impl Since {
    pub(super) fn now(counts: &Arc<Counts>) -> Self {
        Self { counts: counts.clone(), began_kib: counts.written_kib.load(Ordering::Acquire) }
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.counts.written_kib.load(Ordering::Acquire) - self.began_kib) * 1024
    }
}

impl Drop for Since {
    fn drop(&mut self) {
        if self.bytes() >= GIVEN_BACK_BYTES_MIN {
            self.counts.is_released.store(true, Ordering::Release);
        }
    }
}

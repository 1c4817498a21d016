//! The memory of several overlays together, and of what else belongs to their worlds: each share of it is counted where it is held, and once,
//! however many hold it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The sum of all shares in it. Clones are the same sum.
#[derive(Debug, Clone, Default)]
pub struct MemoryTotal(Arc<AtomicUsize>);

impl MemoryTotal {
    /// All shares, in bytes.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A share of nothing yet.
    pub fn share(&self) -> MemoryShare {
        MemoryShare { total: self.clone(), bytes: 0 }
    }
}

/// A part of the sum, for as long as it lives. A clone is another part, as large.
#[derive(Debug)]
pub struct MemoryShare {
    total: MemoryTotal,
    bytes: usize,
}

impl MemoryShare {
    /// This share, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Grows, unless all shares together would then be above `total_max`; says whether it did.
    pub fn grow_within(&mut self, bytes: usize, total_max: usize) -> bool {
        let within = |total: usize| total.checked_add(bytes).filter(|total| *total <= total_max);
        let has_grown = self.total.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        self.bytes += if has_grown { bytes } else { 0 };
        has_grown
    }

    /// Grows.
    pub fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.total.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn shrink(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.total.0.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Clone for MemoryShare {
    fn clone(&self) -> Self {
        let mut copy = self.total.share();
        copy.grow(self.bytes);
        copy
    }
}

impl Drop for MemoryShare {
    fn drop(&mut self) {
        self.total.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

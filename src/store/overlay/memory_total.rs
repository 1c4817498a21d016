//! The memory of several overlays together: each share of it is counted where it is held, and once, however many hold it.

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
    pub(super) fn share(&self) -> MemoryShare {
        MemoryShare { total: self.clone(), bytes: 0 }
    }
}

/// A part of the sum, for as long as it lives. A clone is another part, as large.
#[derive(Debug)]
pub(super) struct MemoryShare {
    total: MemoryTotal,
    bytes: usize,
}

impl MemoryShare {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn grow(&mut self, bytes: usize) {
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

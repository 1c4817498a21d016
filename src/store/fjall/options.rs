//! The engine's use of the machine's resources.

pub(super) const MIB: u64 = 1024 * 1024;
/// Files that the engine keeps open: a quarter of the usual limit of a process; the rest is for sockets.
pub const FILES_OPEN_MAX: usize = 256;

/// The engine's use of the machine's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FjallOptions {
    /// Capacity of the block cache of all spaces, in bytes.
    pub cache_bytes: u64,
    /// Size of a tree's in-memory buffer before it is written out, in bytes. Larger means fewer rewrites under heavy loads, and
    /// more memory: three trees are busy at once, each with up to four buffers. Fixed when the folder is created.
    pub memtable_bytes: u64,
    /// Threads that flush and compact.
    pub workers: usize,
    /// Free space kept for the engine's own writes, in bytes: below it, changes are refused.
    pub reserve_bytes: u64,
}

impl Default for FjallOptions {
    /// For servers that are mostly idle: a thousand citizens take tens of MiB.
    fn default() -> Self {
        Self { cache_bytes: 8 * MIB, memtable_bytes: 4 * MIB, workers: 1, reserve_bytes: 128 * MIB }
    }
}

impl FjallOptions {
    /// For loads of many thousand citizens: rows are sorted in larger portions, and so rewritten less often. Of two workers one spins while the
    /// other compacts.
    pub fn bulk() -> Self {
        Self { cache_bytes: 64 * MIB, memtable_bytes: 32 * MIB, workers: 1, reserve_bytes: 512 * MIB }
    }
}

//! What the engine may take of the machine.

pub(super) const MIB: u64 = 1024 * 1024;
/// Files that the engine keeps open: a quarter of the usual limit of a process, the rest is for sockets.
pub const FILES_OPEN_MAX: usize = 256;

/// What the engine may take of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FjallOptions {
    /// Cache of blocks read, in bytes, for all spaces together.
    pub cache_bytes: u64,
    /// How large a tree's newest rows grow in memory before they are written out, in bytes. Larger means fewer
    /// rewrites under heavy loads, and more memory: three trees are busy at once, each with up to four of these.
    /// The engine keeps this from the folder's creation.
    pub memtable_bytes: u64,
    /// Threads that write out and compact.
    pub workers: usize,
    /// What of the disk stays free for the engine's own writes, in bytes: below it, changes are refused.
    pub reserve_bytes: u64,
}

impl Default for FjallOptions {
    /// For a server that idles: a thousand citizens fit in tens of MiB.
    fn default() -> Self {
        Self { cache_bytes: 8 * MIB, memtable_bytes: 4 * MIB, workers: 1, reserve_bytes: 128 * MIB }
    }
}

impl FjallOptions {
    /// For loads of many thousand citizens: rows are sorted in larger portions, so that they are rewritten less.
    pub fn bulk() -> Self {
        Self { cache_bytes: 64 * MIB, memtable_bytes: 32 * MIB, workers: 2, reserve_bytes: 512 * MIB }
    }
}

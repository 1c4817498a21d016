//! The statistics of a cache.

/// The weight and the hit rate of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheUse {
    /// Bytes that it holds, about.
    pub bytes: u64,
    /// Bytes that it may hold.
    pub bytes_max: u64,
    /// Look-ups that found something.
    pub hits: u64,
    /// Look-ups that found nothing.
    pub misses: u64,
}

impl CacheUse {
    /// Of two caches together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            bytes_max: self.bytes_max + other.bytes_max,
            hits: self.hits + other.hits,
            misses: self.misses + other.misses,
        }
    }
}

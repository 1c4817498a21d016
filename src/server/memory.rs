//! The memory of a gateway's caches: one total, divided here only.
//!
//! | share | cache |
//! |---|---|
//! | 8/16 | blocks and values of the storage engine |
//! | 3/16 | tiles of all logs, with their inner nodes: paths without hashing |
//! | 4/16 | verified cache: records, redacted and encoded |
//! | 1/16 | page caches of the embedded registries |
//!
//! A cache fills with requested data only: a small world stays small, however large the total is.

pub mod free;

use std::fmt;
use std::str::FromStr;

use crate::exchange::ExchangeMemory;
use crate::ledger::TileCache;
use crate::registry::embedded::Caches;

const MIB: u64 = 1024 * 1024;
/// Smaller caches would thrash.
pub const MEMORY_BYTES_MIN: u64 = 16 * MIB;
/// The total where the free memory is unknown.
const MEMORY_BYTES_UNKNOWN: u64 = 256 * MIB;

/// Capacity of all caches together, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(u64);

impl Memory {
    /// This many bytes, but at least [`MEMORY_BYTES_MIN`].
    pub fn bytes(bytes: u64) -> Self {
        Self(bytes.max(MEMORY_BYTES_MIN))
    }

    /// The limits of a session's caches: there are many sessions, and most change little.
    pub fn of_session() -> Self {
        Self(MIB)
    }

    /// A quarter of the free memory of this machine, or of the container around the process.
    pub fn of_machine() -> Self {
        Self::bytes(free::bytes().map_or(MEMORY_BYTES_UNKNOWN, |free| free / 4))
    }

    /// The total, in bytes.
    pub fn total(self) -> u64 {
        self.0
    }

    /// The share of the storage engine, in bytes.
    pub fn engine(self) -> u64 {
        self.sixteenths(8)
    }

    /// The cache of tiles of all logs.
    pub fn tiles(self) -> TileCache {
        TileCache::new(self.sixteenths(3))
    }

    /// The share of the exchange.
    pub fn exchange(self) -> ExchangeMemory {
        ExchangeMemory { verified_cache_bytes: self.sixteenths(4) }
    }

    /// The share of one of `registries` embedded registries.
    pub fn registry(self, tiles: TileCache, registries: usize) -> Caches {
        Caches { tiles, pages_bytes: self.sixteenths(1) / registries.max(1) as u64 }
    }

    fn sixteenths(self, parts: u64) -> u64 {
        self.0 / 16 * parts
    }
}

impl Default for Memory {
    /// For the worlds of tests.
    fn default() -> Self {
        Self(64 * MIB)
    }
}

impl FromStr for Memory {
    type Err = String;

    /// `512MiB`, `2GiB`; without a unit, bytes.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a size is a number and a unit: 512MiB, 2GiB; at least 16MiB".to_owned();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(split);
        let factor = match unit {
            "" => 1,
            "K" | "KiB" => 1024,
            "M" | "MiB" => MIB,
            "G" | "GiB" => 1024 * MIB,
            _ => return Err(wrong()),
        };
        let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.filter(|bytes| *bytes >= MEMORY_BYTES_MIN).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB", self.0 / MIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_with_units() {
        for (text, bytes) in [("16MiB", 16 * MIB), ("2GiB", 2048 * MIB), ("1G", 1024 * MIB), ("20971520", 20 * MIB)] {
            assert_eq!(text.parse::<Memory>().map(Memory::total), Ok(bytes), "{text}");
        }
        for bad in ["", "MiB", "15MiB", "1TiB", "-1G", "1.5GiB", "99999999999999999999G", "18446744073709551615G"] {
            bad.parse::<Memory>().expect_err(bad);
        }
    }

    #[test]
    fn shares_add_up_to_no_more_than_the_sum() {
        for memory in [Memory::bytes(0), Memory::default(), Memory::bytes(5_000_000_000)] {
            let tiles = memory.tiles();
            let pages = 8 * memory.registry(tiles.clone(), 8).pages_bytes;
            let parts = memory.engine() + tiles.usage().bytes_max + memory.exchange().verified_cache_bytes + pages;
            // A cache is cut into shards of equal size, which rounds it up.
            assert!(parts <= memory.total() / 100 * 101 && parts >= memory.total() / 16 * 15, "{memory}: {parts}");
        }
        assert_eq!(Memory::bytes(0).total(), MEMORY_BYTES_MIN);
    }
}

//! A cache of recently read tiles, shared by the logs of a world.

use std::sync::Arc;

use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

use super::LogId;
use super::tile::{TILE_BYTES, Tile, TileId};
use crate::base::CacheUse;

/// Tiles for which the cache allocates its table.
const TILES_EXPECTED: usize = 256;
/// Capacity for logs that are opened without a shared cache, in bytes.
const BYTES_DEFAULT: u64 = 8 * 1024 * 1024;

/// Full tiles with their inner nodes, which never change; bounded by bytes. Clones share one cache.
#[derive(Clone)]
pub struct TileCache {
    tiles: Arc<Cache<(LogId, TileId), Arc<Tile>, UnitWeighter>>,
}

impl TileCache {
    /// An empty cache of this capacity in bytes.
    pub fn new(bytes: u64) -> Self {
        let tiles_max = (bytes / TILE_BYTES as u64).max(1);
        let expected = TILES_EXPECTED.min(tiles_max as usize);
        Self { tiles: Arc::new(Cache::with_weighter(expected, tiles_max, UnitWeighter)) }
    }

    pub(super) fn get(&self, log: LogId, id: TileId) -> Option<Arc<Tile>> {
        self.tiles.get(&(log, id))
    }

    pub(super) fn insert(&self, log: LogId, tile: Arc<Tile>) {
        self.tiles.insert((log, tile.id()), tile);
    }

    /// Hits, misses and weight.
    pub fn usage(&self) -> CacheUse {
        CacheUse {
            bytes: self.tiles.weight() * TILE_BYTES as u64,
            bytes_max: self.tiles.capacity() * TILE_BYTES as u64,
            hits: self.tiles.hits(),
            misses: self.tiles.misses(),
        }
    }
}

impl Default for TileCache {
    fn default() -> Self {
        Self::new(BYTES_DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_no_more_than_its_bytes() {
        let cache = TileCache::new(100 * TILE_BYTES as u64);
        for index in 0..1_000 {
            cache.insert(LogId(1), Arc::new(Tile::new(TileId { level: 0, index })));
        }
        let usage = cache.usage();
        assert_eq!(usage.bytes_max, 100 * TILE_BYTES as u64);
        assert!(usage.bytes <= usage.bytes_max && usage.bytes > 0, "{usage:?}");
    }

    #[test]
    fn tiles_of_two_logs_are_two() {
        let (cache, id) = (TileCache::default(), TileId { level: 0, index: 7 });
        cache.insert(LogId(1), Arc::new(Tile::new(id)));
        assert!(cache.get(LogId(1), id).is_some() && cache.get(LogId(2), id).is_none());
        assert_eq!((cache.usage().hits, cache.usage().misses), (1, 1));
    }
}

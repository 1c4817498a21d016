//! The tiles above the leaves: fetched once each, compared with the hashes of the leaves, and read for proofs.

use std::collections::BTreeMap;

use super::stop::Stop;
use super::tiles::{name_of, position_of, tile_at};
use crate::ledger::tile::{Tile, TileId};
use crate::transparency::source::Source;
use crate::trust::Code;
use crate::trust::merkle::{Hash, Node, Span};

/// Tiles kept for proofs and comparisons: a proof needs one or two a level, a walk one a level.
const TILES_KEPT_MAX: usize = 64;

/// Reads tiles of a tree of one size.
pub(super) struct Upper<'a> {
    source: &'a dyn Source,
    size: u64,
    tiles: BTreeMap<TileId, Tile>,
}

impl<'a> Upper<'a> {
    pub(super) fn new(source: &'a dyn Source, size: u64) -> Self {
        Self { source, size, tiles: BTreeMap::new() }
    }

    /// Compares a node that completes a tile with its hash in the tile above.
    pub(super) fn compare(&mut self, node: Node, hash: &Hash) -> Result<(), Stop> {
        let (id, place) = position_of(node);
        let tile = self.tile(id)?;
        if tile.row().get(place) == Some(hash) {
            return Ok(());
        }
        Err(Stop::new(Code::Tile, format!("{} differs from the hash of the tiles below it", name_of(id))))
    }

    /// The hash of a span.
    pub(super) fn span(&mut self, span: Span) -> Result<Hash, Stop> {
        let mut hashes = Vec::new();
        for node in span.nodes() {
            let id = TileId::of(node);
            let hash = self.tile(id)?.get(node);
            hashes.push(hash.ok_or_else(|| Stop::new(Code::Tile, format!("{} is too short", name_of(id))))?);
        }
        Ok(Span::root(&hashes))
    }

    fn tile(&mut self, id: TileId) -> Result<&Tile, Stop> {
        if !self.tiles.contains_key(&id) {
            if self.tiles.len() >= TILES_KEPT_MAX {
                self.tiles.pop_first();
            }
            let bytes = self.source.read(tile_at(id, self.size))?;
            let tile = Tile::read(id, &bytes).filter(|tile| tile.width() == id.width_at(self.size));
            let wrong = || Stop::new(Code::Tile, format!("{} has the wrong length", name_of(id)));
            self.tiles.insert(id, tile.ok_or_else(wrong)?);
        }
        self.tiles.get(&id).ok_or_else(|| Stop::new(Code::Unavailable, "a tile that was read is gone"))
    }
}

//! The tiles of a tree: their names and widths, where a node stands in them, and the root that an edge leads to.

use crate::ledger::tile::{TILE_WIDTH, TileId};
use crate::transparency::path::TilePath;
use crate::trust::merkle::{CompactRange, Hash, Node, empty_root};

pub(super) fn root_of(edge: &CompactRange) -> Hash {
    if edge.size() == 0 { empty_root() } else { edge.root() }
}

/// A tile's path at the width that it has in a tree of `size`.
pub(super) fn tile_at(id: TileId, size: u64) -> TilePath {
    TilePath::Tile { id, width: id.width_at(size) }
}

/// A tile's name for people.
pub(super) fn name_of(id: TileId) -> String {
    format!("tile {} of level {}", id.index, id.level)
}

/// The tile that holds a node, with the node's place among the hashes of its bottom row.
pub(super) fn place_of(node: Node) -> (TileId, usize) {
    (TileId::of(node), (node.index % TILE_WIDTH as u64) as usize)
}

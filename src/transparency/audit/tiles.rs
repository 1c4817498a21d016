//! The tiles of a tree: their names and widths, the position of a node in them, and the root of an edge.

use crate::ledger::tile::{TILE_WIDTH, TileId};
use crate::transparency::path::TilePath;
use crate::trust::merkle::{CompactRange, Hash, Node, empty_root};

pub(super) fn root_of(edge: &CompactRange) -> Hash {
    if edge.size() == 0 { empty_root() } else { edge.root() }
}

/// A tile's path with its width in a tree of `size` leaves.
pub(super) fn tile_at(id: TileId, size: u64) -> TilePath {
    TilePath::Tile { id, width: id.width_at(size) }
}

/// A tile's name in messages.
pub(super) fn name_of(id: TileId) -> String {
    format!("tile {} of level {}", id.index, id.level)
}

/// The tile that holds a node, and the node's index in the bottom row of hashes.
pub(super) fn position_of(node: Node) -> (TileId, usize) {
    (TileId::of(node), (node.index % TILE_WIDTH as u64) as usize)
}

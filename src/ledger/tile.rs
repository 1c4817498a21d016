//! A tile: up to 256 hashes of one level of a log's tree, and the nodes above them (C2SP tlog-tiles, height 8).
//!
//! Stored is only the bottom row, as the format says. In memory the nodes between it and the next tile's row are kept
//! beside it, so that a node is a look-up and not up to 255 hashes.

use crate::trust::merkle::{Hash, Node, hash_node};

/// Hashes in the bottom row of a full tile.
pub const TILE_WIDTH: usize = 256;
/// Levels of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Nodes of a full tile: 256 + 128 + … + 2; the one on top is in the next tile's row.
const NODES: usize = 2 * TILE_WIDTH - 2;

/// What a tile takes in memory.
pub const TILE_BYTES: usize = size_of::<Tile>() + NODES * size_of::<Hash>();

/// Which tile: the level counts tiles upwards, the index from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Level of tiles; the leaves stand in level 0.
    pub level: u8,
    /// Position in the level.
    pub index: u64,
}

impl TileId {
    /// The tile that holds a node.
    pub fn of(node: Node) -> Self {
        let height = node.level % TILE_HEIGHT;
        Self { level: (node.level / TILE_HEIGHT) as u8, index: node.index >> (TILE_HEIGHT - height) }
    }

    /// How many hashes the tile's bottom row has in a tree of `size` leaves.
    pub fn width_at(self, size: u64) -> usize {
        let row = size.checked_shr(TILE_HEIGHT * u32::from(self.level)).unwrap_or(0);
        let before = self.index.saturating_mul(TILE_WIDTH as u64);
        row.saturating_sub(before).min(TILE_WIDTH as u64) as usize
    }
}

/// A tile with its inner nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct Tile {
    id: TileId,
    /// The bottom row, then the row above it, and so on; each row has its full room.
    nodes: Vec<Hash>,
    width: usize,
}

impl Tile {
    /// A tile without hashes.
    pub fn new(id: TileId) -> Self {
        Self { id, nodes: vec![[0; 32]; NODES], width: 0 }
    }

    /// Reads a stored row, and computes the nodes above it. `None` when it is no whole number of hashes, or too many.
    pub fn read(id: TileId, row: &[u8]) -> Option<Self> {
        let (hashes, rest) = row.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() > TILE_WIDTH {
            return None;
        }
        let mut tile = Self::new(id);
        tile.width = hashes.len();
        tile.nodes[..hashes.len()].copy_from_slice(hashes);
        for height in 1..TILE_HEIGHT {
            let (below, here) = (row_start(height - 1), row_start(height));
            for position in 0..tile.width >> height {
                let left = below + 2 * position;
                tile.nodes[here + position] = hash_node(&tile.nodes[left], &tile.nodes[left + 1]);
            }
        }
        Some(tile)
    }

    /// Which tile it is.
    pub fn id(&self) -> TileId {
        self.id
    }

    /// The same hashes as a tile of the next level.
    pub(super) fn raised(mut self) -> Self {
        self.id.level += 1;
        self
    }

    /// The hash of a full tile: a node of the next level.
    pub(super) fn root(&self) -> Option<Hash> {
        let top = row_start(TILE_HEIGHT - 1);
        (self.width == TILE_WIDTH).then(|| hash_node(&self.nodes[top], &self.nodes[top + 1]))
    }

    /// Hashes in the bottom row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The bottom row.
    pub fn row(&self) -> &[Hash] {
        &self.nodes[..self.width]
    }

    /// The bottom row as it is stored.
    pub fn row_bytes(&self) -> Vec<u8> {
        self.row().as_flattened().to_vec()
    }

    /// The hash of a node, if it is in this tile and complete.
    pub fn get(&self, node: Node) -> Option<Hash> {
        if TileId::of(node) != self.id {
            return None;
        }
        let height = node.level % TILE_HEIGHT;
        let position = position_of(node);
        (position < self.width >> height).then(|| self.nodes[row_start(height) + position])
    }

    /// Takes a node of this tile in. Nodes come as a growing tree completes them: from the left, the lower first.
    pub fn put(&mut self, node: Node, hash: Hash) {
        let height = node.level % TILE_HEIGHT;
        let position = position_of(node);
        self.nodes[row_start(height) + position] = hash;
        if height == 0 {
            self.width = position + 1;
        }
    }
}

/// Where the row of a height begins.
fn row_start(height: u32) -> usize {
    2 * TILE_WIDTH - ((2 * TILE_WIDTH) >> height)
}

/// A node's position in its row of its tile.
fn position_of(node: Node) -> usize {
    let height = node.level % TILE_HEIGHT;
    (node.index & ((1 << (TILE_HEIGHT - height)) - 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::merkle::{CompactRange, hash_leaf};

    #[test]
    fn a_read_tile_is_a_grown_tile() {
        for width in [1, 2, 3, 127, 128, 255, 256] {
            let mut range = CompactRange::new();
            let mut grown = Tile::new(TileId { level: 0, index: 0 });
            let mut nodes = Vec::new();
            for leaf in 0..width as u64 {
                range.append_with(hash_leaf(&leaf.to_be_bytes()), |node, hash| nodes.push((node, hash)));
            }
            for (node, hash) in &nodes {
                if node.level < TILE_HEIGHT {
                    grown.put(*node, *hash);
                }
            }
            let read = Tile::read(grown.id(), &grown.row_bytes()).expect("fits");
            assert!(read == grown, "{width}");
            for (node, hash) in nodes {
                assert_eq!(read.get(node), (node.level < TILE_HEIGHT).then_some(hash));
            }
            assert_eq!(read.get(Node { level: 0, index: width as u64 }), None);
        }
        assert!(Tile::read(TileId { level: 0, index: 0 }, &[0; 33]).is_none());
        assert!(Tile::read(TileId { level: 0, index: 0 }, &[0; 257 * 32]).is_none());
    }

    #[test]
    fn nodes_know_their_tile() {
        let of = |level, index| TileId::of(Node { level, index });
        assert_eq!(of(0, 255), TileId { level: 0, index: 0 });
        assert_eq!(of(0, 256), TileId { level: 0, index: 1 });
        assert_eq!(of(7, 2), TileId { level: 0, index: 1 });
        assert_eq!(of(8, 1), TileId { level: 1, index: 0 });
        assert_eq!(of(17, 300), TileId { level: 2, index: 2 });
        assert_eq!(TileId { level: 0, index: 1 }.width_at(300), 44);
        assert_eq!(TileId { level: 1, index: 0 }.width_at(300), 1);
        assert_eq!(TileId { level: 1, index: 0 }.width_at(255), 0);
        assert_eq!(TileId { level: 0, index: 2 }.width_at(300), 0);
    }
}

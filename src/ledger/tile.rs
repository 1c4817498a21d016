//! A tile: up to 256 hashes of one level of a log's tree, and the nodes above them (C2SP tlog-tiles, height 8).
//!
//! The format's tile is the bottom row alone. To read a node above it from that takes up to 255 hashes, so a full tile of leaves is
//! stored with the nodes of one height after its row: a path then costs the hashes of one group of leaves. In memory the nodes
//! from that height up are kept, too.
//!
//! ```text
//! height 8     1                the tile's hash, in the row of the tile above
//! heights 3–7  32 … 2  nodes    kept in memory; the 32 stored after the row of a full tile of leaves
//! heights 1, 2                  hashed when they are asked for (tiles of higher levels are few, and keep them)
//! height 0     256 hashes       the row
//! ```

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::trust::merkle::{Hash, Node, hash_node};

/// Hashes in the bottom row of a full tile.
pub const TILE_WIDTH: usize = 256;
/// Levels of the tree that one tile spans.
pub const TILE_HEIGHT: u32 = 8;
/// Height of the lowest nodes that a tile of leaves keeps above its row: groups of 8 leaves.
const GROUP_HEIGHT: u32 = 3;
/// Hashes in the stored row of a full tile of leaves.
const STORED_WIDTH: usize = TILE_WIDTH + (TILE_WIDTH >> GROUP_HEIGHT);

/// Size of a tile of leaves in memory, in bytes, with the path above it in a tree of 2^24 leaves.
pub const TILE_BYTES: usize = size_of::<Tile>() + (nodes_from(GROUP_HEIGHT) + 16) * size_of::<Hash>();

/// Identifies a tile: its level, and its index from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// Level of tiles; level 0 has the leaves.
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

    /// The number of hashes in the tile's bottom row in a tree of `size` leaves.
    pub fn width_at(self, size: u64) -> usize {
        let row = size.checked_shr(TILE_HEIGHT * u32::from(self.level)).unwrap_or(0);
        let before = self.index.saturating_mul(TILE_WIDTH as u64);
        row.saturating_sub(before).min(TILE_WIDTH as u64) as usize
    }
}

/// Index of a group of eight leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group(u64);

impl Group {
    /// The group of a node, if the node is below the stored ones.
    pub(super) fn of(node: Node) -> Option<Self> {
        (node.level < GROUP_HEIGHT).then(|| Self(node.index >> (GROUP_HEIGHT - node.level)))
    }
}

/// A tile with inner nodes.
#[derive(Clone, PartialEq, Eq)]
pub struct Tile {
    id: TileId,
    /// The bottom row, then the row of the lowest height that is kept, and so on; each row at full width.
    nodes: Vec<Hash>,
    width: usize,
    /// The lowest height of inner nodes that are kept.
    lowest: u32,
    memory: Memory,
}

/// Results cached while a tile is in memory, so that they are not computed for every path; not part of the tile's value.
#[derive(Default)]
struct Memory {
    /// A bit for each group that was compared with its node.
    whole: AtomicU32,
    /// The path above a full tile of leaves, in the tree of one size.
    above: Mutex<Option<(u64, Arc<[Hash]>)>>,
}

impl Clone for Memory {
    /// A clone is made to be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Memory {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Memory {}

impl Tile {
    /// A tile without hashes.
    pub fn new(id: TileId) -> Self {
        let lowest = if id.level == 0 { GROUP_HEIGHT } else { 1 };
        Self { id, nodes: vec![[0; 32]; nodes_from(lowest)], width: 0, lowest, memory: Memory::default() }
    }

    /// Parses a bottom row, and computes the nodes above it. `None` unless it is a whole number of hashes, and not too many.
    pub fn read(id: TileId, row: &[u8]) -> Option<Self> {
        let (hashes, rest) = row.as_chunks::<32>();
        if !rest.is_empty() || hashes.len() > TILE_WIDTH {
            return None;
        }
        let mut tile = Self::new(id);
        tile.width = hashes.len();
        tile.nodes[..hashes.len()].copy_from_slice(hashes);
        for position in 0..tile.width >> tile.lowest {
            let at = tile.start(tile.lowest) + position;
            tile.nodes[at] = tile.hash_below(tile.lowest, position);
        }
        tile.fill_above();
        Some(tile)
    }

    /// Parses the row that [`Self::stored`] wrote. Stored nodes are not recomputed: the tile's [`root`](Self::root) tells whether
    /// they are the tree's, and [`Self::holds_group`] whether leaves match them.
    pub(super) fn read_stored(id: TileId, row: &[u8]) -> Option<Self> {
        if id.level > 0 || row.len() != STORED_WIDTH * size_of::<Hash>() {
            return Self::read(id, row);
        }
        let mut tile = Self::new(id);
        tile.width = TILE_WIDTH;
        tile.nodes[..STORED_WIDTH].as_flattened_mut().copy_from_slice(row);
        tile.fill_above();
        Some(tile)
    }

    /// Computes the nodes above the lowest kept height.
    fn fill_above(&mut self) {
        for height in self.lowest + 1..TILE_HEIGHT {
            let (below, here) = (self.start(height - 1), self.start(height));
            for position in 0..self.width >> height {
                let left = below + 2 * position;
                self.nodes[here + position] = hash_node(&self.nodes[left], &self.nodes[left + 1]);
            }
        }
    }

    /// Which tile it is.
    pub fn id(&self) -> TileId {
        self.id
    }

    /// The same hashes, as a tile of the next level.
    pub(super) fn raised(mut self) -> Self {
        self.id.level += 1;
        self
    }

    /// The hash of a full tile, which is a node of the next level.
    pub(super) fn root(&self) -> Option<Hash> {
        let top = self.start(TILE_HEIGHT - 1);
        (self.width == TILE_WIDTH).then(|| hash_node(&self.nodes[top], &self.nodes[top + 1]))
    }

    /// The number of hashes in the bottom row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The bottom row.
    pub fn row(&self) -> &[Hash] {
        &self.nodes[..self.width]
    }

    /// The bottom row as bytes, as in C2SP tlog-tiles.
    pub fn row_bytes(&self) -> Vec<u8> {
        self.row().as_flattened().to_vec()
    }

    /// The stored row: the bottom row, followed in a full tile of leaves by the lowest kept nodes.
    pub(super) fn stored(&self) -> &[Hash] {
        let is_full = self.id.level == 0 && self.lowest == GROUP_HEIGHT && self.width == TILE_WIDTH;
        &self.nodes[..if is_full { STORED_WIDTH } else { self.width }]
    }

    /// Whether a stored row equals this tile. Beyond the width of a partial tile, the row is ignored.
    pub(super) fn is_held_by(&self, stored: &[u8]) -> bool {
        let wanted = if stored.len() > TILE_WIDTH * size_of::<Hash>() { self.stored() } else { self.row() };
        stored.starts_with(wanted.as_flattened()) && stored.len().is_multiple_of(size_of::<Hash>())
    }

    /// Whether a group of leaves hashes to the node kept above it. An incomplete group has no node yet.
    pub(super) fn holds_group(&self, Group(index): Group) -> bool {
        let position = index as usize % (TILE_WIDTH >> GROUP_HEIGHT);
        let is_known = self.memory.whole.load(Ordering::Relaxed) >> position & 1 == 1;
        if position >= self.width >> GROUP_HEIGHT || is_known {
            return true;
        }
        let is_whole = self.nodes[self.start(GROUP_HEIGHT) + position] == self.hash_below(GROUP_HEIGHT, position);
        self.memory.whole.fetch_or(u32::from(is_whole) << position, Ordering::Relaxed);
        is_whole
    }

    /// The path above this tile of leaves in the tree of `size` leaves, if cached.
    pub(super) fn path_above(&self, size: u64) -> Option<Arc<[Hash]>> {
        let above = self.memory.above.lock().unwrap_or_else(PoisonError::into_inner);
        above.as_ref().filter(|(of, _)| *of == size).map(|(_, path)| path.clone())
    }

    /// Caches that path, for one size.
    pub(super) fn keep_path_above(&self, size: u64, path: Arc<[Hash]>) {
        *self.memory.above.lock().unwrap_or_else(PoisonError::into_inner) = Some((size, path));
    }

    /// The hash of a node, if it is in this tile and complete.
    pub fn get(&self, node: Node) -> Option<Hash> {
        if TileId::of(node) != self.id {
            return None;
        }
        let (height, position) = position_of(node);
        let is_complete = position < self.width >> height;
        let is_kept = height == 0 || height >= self.lowest;
        is_complete.then(|| match is_kept {
            true => self.nodes[self.start(height) + position],
            false => self.hash_below(height, position),
        })
    }

    /// Inserts a node of this tile. A growing tree completes nodes from left to right, and lower ones first.
    pub fn put(&mut self, node: Node, hash: Hash) {
        let (height, position) = position_of(node);
        if height == 0 {
            self.width = position + 1;
        } else if height < self.lowest {
            return;
        }
        let at = self.start(height) + position;
        self.nodes[at] = hash;
    }

    /// The offset of the row of a kept height.
    fn start(&self, height: u32) -> usize {
        if height == 0 { 0 } else { nodes_from(self.lowest) - nodes_from(height) + TILE_WIDTH }
    }

    /// The hash of a node from the bottom row.
    fn hash_below(&self, height: u32, position: usize) -> Hash {
        match height {
            0 => self.nodes[position],
            _ => hash_node(&self.hash_below(height - 1, 2 * position), &self.hash_below(height - 1, 2 * position + 1)),
        }
    }
}

/// The number of hashes in a full tile that keeps its row and the nodes from `height` on, except the top one, which is in the next
/// tile's row.
const fn nodes_from(height: u32) -> usize {
    TILE_WIDTH + ((2 * TILE_WIDTH) >> height) - 2
}

/// The height of a node in its tile, and its index at that height.
fn position_of(node: Node) -> (u32, usize) {
    let height = node.level % TILE_HEIGHT;
    (height, (node.index & ((1 << (TILE_HEIGHT - height)) - 1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::merkle::{CompactRange, hash_leaf};

    /// A tile of so many leaves, and every node of its tree.
    fn grown(level: u8, width: usize) -> (Tile, Vec<(Node, Hash)>) {
        let (mut tile, mut nodes) = (Tile::new(TileId { level, index: 0 }), Vec::new());
        let mut range = CompactRange::new();
        let base = u32::from(level) * TILE_HEIGHT;
        for leaf in 0..width as u64 {
            range.append_with(hash_leaf(&leaf.to_be_bytes()), |node, hash| {
                nodes.push((Node { level: node.level + base, ..node }, hash));
            });
        }
        for (node, hash) in nodes.iter().filter(|(node, _)| node.level < base + TILE_HEIGHT) {
            tile.put(*node, *hash);
        }
        (tile, nodes)
    }

    #[test]
    fn a_read_tile_is_a_grown_tile() {
        for (level, width) in
            [0, 1].into_iter().flat_map(|level| [1, 2, 3, 127, 128, 255, 256].map(|width| (level, width)))
        {
            let (grown, nodes) = grown(level, width);
            let read = Tile::read(grown.id(), &grown.row_bytes()).expect("fits");
            assert!(read == grown, "{width} of level {level}");
            let stored = grown.stored().as_flattened();
            assert!(Tile::read_stored(grown.id(), stored).expect("fits") == grown, "{width} of level {level}");
            assert_eq!(stored.len(), 32 * if (level, width) == (0, 256) { 256 + 32 } else { width });
            for (node, hash) in nodes {
                let is_inside = node.level < (u32::from(level) + 1) * TILE_HEIGHT;
                assert_eq!(read.get(node), is_inside.then_some(hash));
            }
            let behind = Node { level: u32::from(level) * TILE_HEIGHT, index: width as u64 };
            assert_eq!(read.get(behind), None);
        }
        for bytes in [33, 257 * 32, 288 * 32] {
            assert!(Tile::read(TileId { level: 0, index: 0 }, &vec![0; bytes]).is_none(), "{bytes}");
        }
        assert!(Tile::read_stored(TileId { level: 1, index: 0 }, &[0; 288 * 32]).is_none());
        assert!(Tile::read_stored(TileId { level: 0, index: 0 }, &[0; 289 * 32]).is_none());
    }

    #[test]
    fn a_full_tile_of_leaves_that_was_stored_without_nodes_is_the_same() {
        let (tile, _) = grown(0, 256);
        assert!(Tile::read_stored(tile.id(), &tile.row_bytes()).expect("fits") == tile);
        assert!(tile.is_held_by(&tile.row_bytes()) && tile.is_held_by(tile.stored().as_flattened()));
    }

    #[test]
    fn every_changed_hash_of_a_stored_tile_is_seen() {
        let (tile, _) = grown(0, 256);
        let root = tile.root();
        for at in 0..STORED_WIDTH {
            let mut row = tile.stored().as_flattened().to_vec();
            row[32 * at + 9] ^= 1;
            assert!(!tile.is_held_by(&row));
            let read = Tile::read_stored(tile.id(), &row).expect("fits");
            let group = |leaf: usize| Group::of(Node { level: 0, index: leaf as u64 }).expect("of leaves");
            let bad: Vec<usize> = (0..256).step_by(8).filter(|leaf| !read.holds_group(group(*leaf))).collect();
            if at < 256 {
                assert_eq!((bad, read.root()), (vec![at / 8 * 8], root));
            } else {
                assert_eq!(bad, [(at - 256) * 8]);
                assert_ne!(read.root(), root);
            }
        }
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

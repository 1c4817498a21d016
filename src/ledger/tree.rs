//! A growing tree: the compact range that yields its root, and the newest tile of each level.

use std::sync::Arc;

use super::tile::{TILE_HEIGHT, Tile, TileId};
use crate::trust::merkle::{CompactRange, Hash, Node};

/// The tree's right edge. Cloning shares the tiles; a clone that grows copies what it changes.
#[derive(Clone, Default)]
pub struct Tree {
    range: CompactRange,
    /// The newest tile of each level, level 0 first.
    edge: Vec<Arc<Tile>>,
}

impl Tree {
    /// The tree of `size` leaves above which `upper` was grown from the hashes of the full tiles of leaves; `edge` is the newest
    /// tile of leaves. `None` if they do not match.
    pub(super) fn above(upper: Self, edge: Tile, size: u64) -> Option<Self> {
        const WIDTH: u64 = super::tile::TILE_WIDTH as u64;
        let index = size.checked_sub(1)? / WIDTH;
        let fits = edge.id() == TileId { level: 0, index } && edge.width() == edge.id().width_at(size);
        let mut range = CompactRange::from_edge(upper.size() * WIDTH, upper.range.edge().to_vec())?;
        if !fits || upper.size() != size / WIDTH {
            return None;
        }
        let rest = edge.row().len() % WIDTH as usize;
        edge.row()[..rest].iter().for_each(|leaf| range.append(*leaf));
        let raised = upper.edge.iter().map(|tile| Arc::new(Tile::clone(tile).raised()));
        Some(Self { range, edge: std::iter::once(Arc::new(edge)).chain(raised).collect() })
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.range.size()
    }

    /// The root hash over all leaves.
    pub fn root(&self) -> Hash {
        self.range.root()
    }

    /// The newest tile of a level, if the tree is that high.
    pub fn newest(&self, level: u8) -> Option<&Arc<Tile>> {
        self.edge.get(usize::from(level))
    }

    /// Appends leaves, and returns every tile that changed, in its state after the last leaf.
    pub fn append(&mut self, leaves: impl IntoIterator<Item = Hash>) -> Vec<Arc<Tile>> {
        let mut changed = Vec::new();
        let size_before = self.size();
        let Self { range, edge } = self;
        for leaf in leaves {
            range.append_with(leaf, |node, hash| take(edge, &mut changed, node, hash));
        }
        changed.extend(edge.iter().cloned());
        // Tiles that were full before, or are too high to change, are stored already.
        changed.retain(|tile| tile.width() != tile.id().width_at(size_before));
        changed
    }
}

/// Inserts a node into the newest tile of its level; a full tile moves to `done`.
fn take(edge: &mut Vec<Arc<Tile>>, done: &mut Vec<Arc<Tile>>, node: Node, hash: Hash) {
    let id = TileId::of(node);
    let level = (node.level / TILE_HEIGHT) as usize;
    match edge.get_mut(level) {
        Some(tile) if tile.id() == id => Arc::make_mut(tile).put(node, hash),
        place => {
            let mut fresh = Tile::new(id);
            fresh.put(node, hash);
            match place {
                Some(full) => done.push(std::mem::replace(full, Arc::new(fresh))),
                // Levels appear in order: a level's first node completes the first tile below it.
                None => edge.push(Arc::new(fresh)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tile::TILE_WIDTH;
    use super::*;
    use crate::trust::merkle::{hash_leaf, root_in_place};

    fn leaves(from: u64, to: u64) -> Vec<Hash> {
        (from..to).map(|leaf| hash_leaf(&leaf.to_be_bytes())).collect()
    }

    #[test]
    fn tiles_of_any_batching_are_the_same() {
        const SIZE: u64 = 70_000;
        let mut whole = Tree::default();
        let mut expected = BTreeMap::new();
        for tile in whole.append(leaves(0, SIZE)) {
            assert!(expected.insert(tile.id(), tile.row_bytes()).is_none(), "each changed tile once");
        }
        assert_eq!(whole.root(), root_in_place(&mut leaves(0, SIZE)));
        assert_eq!(expected.len(), 274 + 2 + 1);

        for step in [1_u64, 255, 256, 257, 4_096] {
            let (mut tree, mut stored, mut from) = (Tree::default(), BTreeMap::new(), 0);
            while from < SIZE {
                // A tentative batch that is thrown away leaves no trace.
                tree.clone().append(leaves(0, 3));
                let to = (from + step).min(SIZE);
                for tile in tree.append(leaves(from, to)) {
                    assert_eq!(tile.width(), tile.id().width_at(to));
                    stored.insert(tile.id(), tile.row_bytes());
                }
                from = to;
            }
            assert!(stored == expected, "{step}");
            assert_eq!(tree.root(), whole.root());
        }
    }

    #[test]
    fn a_tile_without_change_is_not_written() {
        let mut tree = Tree::default();
        tree.append(leaves(0, TILE_WIDTH as u64));
        let changed = tree.append(leaves(256, 257));
        let ids: Vec<_> = changed.iter().map(|tile| tile.id()).collect();
        assert_eq!(ids, [TileId { level: 0, index: 1 }]);
    }
}

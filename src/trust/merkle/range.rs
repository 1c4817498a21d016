//! Parts of a tree: nodes, spans of leaves, and the compact range that a growing tree's root is computed from.

use super::{Hash, empty_root, hash_node};

/// A perfect subtree: the leaves `index << level` up to `(index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Height above the leaves.
    pub level: u32,
    /// Position among the nodes of that height.
    pub index: u64,
}

/// The leaves from `from` up to but without `to`, whose hash is one element of a proof. `from` is a multiple of the
/// smallest power of two that is not below the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first leaf.
    pub from: u64,
    /// One past the last leaf.
    pub to: u64,
}

impl Span {
    /// The perfect subtrees that make up the span, the largest first.
    pub fn nodes(self) -> impl Iterator<Item = Node> {
        let Self { mut from, to } = self;
        std::iter::from_fn(move || {
            let level = to.checked_sub(from)?.checked_ilog2()?;
            let node = Node { level, index: from >> level };
            from += 1 << level;
            Some(node)
        })
    }

    /// The span's hash from the hashes of its [`nodes`](Self::nodes).
    pub fn root(hashes: &[Hash]) -> Hash {
        fold(hashes)
    }
}

/// Joins perfect subtrees, largest first, into the root over all of them.
fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [rest @ .., last] => rest.iter().rev().fold(*last, |right, left| hash_node(left, &right)),
    }
}

/// The right edge of a tree: all that is needed to append leaves and to know the root, at most 64 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    edge: Vec<Hash>,
}

impl CompactRange {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a stored edge up again; `None` when it does not fit the size.
    pub fn from_edge(size: u64, edge: Vec<Hash>) -> Option<Self> {
        (edge.len() == size.count_ones() as usize).then_some(Self { size, edge })
    }

    /// The nodes whose hashes are the edge of a tree of this size, in order.
    pub fn edge_nodes(size: u64) -> Vec<Node> {
        Span { from: 0, to: size }.nodes().collect()
    }

    /// How many leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, the largest first.
    pub fn edge(&self) -> &[Hash] {
        &self.edge
    }

    /// Appends a leaf's hash.
    pub fn append(&mut self, leaf: Hash) {
        self.append_with(leaf, |_, _| ());
    }

    /// Appends a leaf's hash, and shows every node that became complete, the leaf first.
    pub fn append_with(&mut self, leaf: Hash, mut complete: impl FnMut(Node, Hash)) {
        let mut hash = leaf;
        let mut node = Node { level: 0, index: self.size };
        complete(node, hash);
        while node.index & 1 == 1 {
            let Some(left) = self.edge.pop() else { break };
            hash = hash_node(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            complete(node, hash);
        }
        self.edge.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        fold(&self.edge)
    }
}

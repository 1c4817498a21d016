//! Remembered proofs of trees: the paths of neighbouring leaves have all but their first steps in common.
//!
//! A tree's root commits to the whole tree. Once a path has led from a subtree to the root, another leaf of the same subtree
//! needs to climb to the subtree only, if the rest of its path is the same to the last byte. Whatever differs is climbed to its end
//! and judged by the root alone, so that nothing passes which would not pass without this memory.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::trust::merkle::{Climb, Hash, ProofError, verify_inclusion};
use crate::trust::record::LogProof;

/// How many subtrees are remembered, at about half a kilobyte each.
const SUBTREES_MAX: usize = 8_192;
/// Subtrees of 2^5 leaves in a tree of which all of them can be remembered, and else of 2^12: then it is half a path that is hashed, but
/// for any leaf of millions.
const LEVELS: u32 = 5;
const LEVELS_OF_LARGE: u32 = 12;

/// Names a subtree: root and size of its tree, and the index of the subtree.
type SubtreeKey = (Hash, u64, u64);

/// Subtrees that are known to be in their trees: each with its hash and the rest of the path, concatenated.
pub(super) struct Proved(Cache<SubtreeKey, Arc<[Hash]>>);

impl Proved {
    /// Knows nothing yet.
    pub(super) fn new() -> Self {
        Self(Cache::new(SUBTREES_MAX))
    }

    /// Whether a leaf is in the tree of this size and root: as [`verify_inclusion`], but sooner.
    pub(super) fn inclusion(
        &self,
        leaf: &Hash,
        proof: &LogProof,
        (size, root): (u64, &Hash),
    ) -> Result<(), ProofError> {
        let levels = levels_in(size);
        let Some(climb) = Climb::to(levels, leaf, (proof.index, size), &proof.path)? else {
            return verify_inclusion(leaf, proof.index, size, &proof.path, root);
        };
        let subtree = (*root, size, proof.index >> levels);
        if let Some(known) = self.0.get(&subtree)
            && known.split_first() == Some((&climb.node, climb.rest))
        {
            return Ok(());
        }
        if climb.root() != *root {
            return Err(ProofError::Root);
        }
        self.0.insert(subtree, [&[climb.node], climb.rest].concat().into());
        Ok(())
    }
}

fn levels_in(size: u64) -> u32 {
    if size >> LEVELS <= SUBTREES_MAX as u64 { LEVELS } else { LEVELS_OF_LARGE }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::trust::merkle::{CompactRange, Node, hash_leaf, prove_inclusion};

    /// A tree of so many leaves: its root, and each leaf with its proof.
    fn tree(size: u64) -> (Hash, Vec<(Hash, LogProof)>) {
        let mut nodes = std::collections::BTreeMap::new();
        let mut range = CompactRange::new();
        for leaf in 0..size {
            range.append_with(hash_leaf(&leaf.to_be_bytes()), |node, hash| {
                nodes.insert(node, hash);
            });
        }
        let proof = |index| {
            let path = prove_inclusion::<ProofError>(index, size, |node| Ok(nodes[&node])).expect("inside");
            (nodes[&Node { level: 0, index }], LogProof { checkpoint: Bytes::new(), index, path })
        };
        (range.root(), (0..size).map(proof).collect())
    }

    #[test]
    fn a_large_tree_is_judged_as_without_memory() {
        let (size, leaf) = (SUBTREES_MAX as u64 * 32 + 1_000, hash_leaf(b"leaf"));
        assert_eq!((levels_in(size), levels_in(size - 1_000)), (LEVELS_OF_LARGE, LEVELS));
        // any path leads from any leaf to some root
        let length = crate::trust::merkle::inclusion_length(70_001, size).expect("inside");
        let path: Vec<Hash> = (0..length as u8).map(|step| [step; 32]).collect();
        let root = crate::trust::merkle::root_from_inclusion(&leaf, 70_001, size, &path).expect("leads there");
        let (proved, proof) = (Proved::new(), LogProof { checkpoint: Bytes::new(), index: 70_001, path });
        for _ in 0..2 {
            assert_eq!(proved.inclusion(&leaf, &proof, (size, &root)), Ok(()));
        }
        for step in 0..length {
            let mut changed = proof.clone();
            changed.path[step][7] ^= 1;
            assert_eq!(proved.inclusion(&leaf, &changed, (size, &root)), Err(ProofError::Root), "{step}");
        }
        let other = hash_leaf(b"another");
        assert_eq!(proved.inclusion(&other, &proof, (size, &root)), Err(ProofError::Root));
    }

    #[test]
    fn it_judges_as_without_memory() {
        for size in [1, 2, 31, 32, 33, 64, 65, 100, 129] {
            let (root, leaves) = tree(size);
            let proved = Proved::new();
            let judge = |leaf: &Hash, proof: &LogProof| {
                let plain = verify_inclusion(leaf, proof.index, size, &proof.path, &root);
                // the second time it may remember
                assert_eq!(proved.inclusion(leaf, proof, (size, &root)), plain, "{proof:?} of {size}");
                assert_eq!(proved.inclusion(leaf, proof, (size, &root)), plain, "{proof:?} of {size}");
                plain
            };
            for (leaf, proof) in &leaves {
                assert_eq!(judge(leaf, proof), Ok(()));
            }
            for (leaf, proof) in &leaves {
                for step in 0..proof.path.len() {
                    let mut changed = proof.clone();
                    changed.path[step][7] ^= 1;
                    assert_eq!(judge(leaf, &changed), Err(ProofError::Root));
                    changed.path.remove(step);
                    assert_eq!(judge(leaf, &changed), Err(ProofError::Length));
                }
                let mut other = *leaf;
                other[31] ^= 1;
                assert_eq!(judge(&other, proof), Err(ProofError::Root));
                for index in [proof.index ^ 1, proof.index ^ 32, proof.index + 64, u64::MAX] {
                    assert!(judge(leaf, &LogProof { index, ..proof.clone() }).is_err());
                }
                let (none, elsewhere) = ([9; 32], (size + 1, &root));
                assert!(proved.inclusion(leaf, proof, (size, &none)).is_err());
                assert_eq!(
                    proved.inclusion(leaf, proof, elsewhere),
                    verify_inclusion(leaf, proof.index, size + 1, &proof.path, &root)
                );
            }
        }
    }
}

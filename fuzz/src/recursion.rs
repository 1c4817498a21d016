//! The recursions of docs/format.md section 4, read slowly: the roots to which paths lead.

use crate::trust::merkle::{Hash, hash_node};

/// The root to which a path leads from a leaf.
pub fn inclusion(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (last, rest) = path.split_last()?;
    let k = cut(size);
    Some(match index < k {
        true => hash_node(&inclusion(leaf, index, k, rest)?, last),
        false => hash_node(last, &inclusion(leaf, index - k, size - k, rest)?),
    })
}

/// `roots` of the page; `older` is there while the subtree begins with the log's first leaf.
pub fn consistency(m: u64, n: u64, older: Option<Hash>, path: &mut &[Hash]) -> Option<(Hash, Hash)> {
    let mut next = || {
        let (last, rest) = path.split_last()?;
        *path = rest;
        Some(*last)
    };
    if m == n {
        let root = older.or_else(next)?;
        return Some((root, root));
    }
    let (k, beside) = (cut(n), next()?);
    if m <= k {
        let (old, new) = consistency(m, k, older, path)?;
        return Some((old, hash_node(&new, &beside)));
    }
    let (old, new) = consistency(m - k, n - k, None, path)?;
    Some((hash_node(&beside, &old), hash_node(&beside, &new)))
}

/// The largest power of two below `size`.
fn cut(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

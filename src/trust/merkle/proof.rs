//! Inclusion and consistency proofs (RFC 6962, section 2.1; RFC 9162, sections 2.1.3 and 2.1.4): made from a source of
//! nodes, and verified. A verifier knows a path's length from index and size, and checks it before it hashes.

use super::{Hash, Node, Span, hash_node};

/// The reason why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not in the tree, or the older tree is the larger one.
    #[error("the index or size is outside the tree")]
    OutOfRange,
    /// The path has another length than index and size demand.
    #[error("the path has the wrong length")]
    Length,
    /// The path leads to another root.
    #[error("the path leads to another root")]
    Root,
}

/// How a path of index and size divides: steps where the tree may continue on the right, and steps along its edge.
fn parts(index: u64, size: u64) -> (usize, usize) {
    let inner = u64::BITS - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner as usize, border as usize)
}

/// The length of the path for a leaf of a tree of `size` leaves.
pub fn inclusion_length(index: u64, size: u64) -> Result<usize, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (inner, border) = parts(index, size);
    Ok(inner + border)
}

/// The root that a path leads to from a leaf's hash.
pub fn root_from_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash]) -> Result<Hash, ProofError> {
    if path.len() != inclusion_length(index, size)? {
        return Err(ProofError::Length);
    }
    let (inner, _) = parts(index, size);
    Ok(climb(*leaf, path, inner, index))
}

/// A path in two parts: from a leaf up to the root of the perfect subtree of 2^`levels` leaves that contains it, and on from there.
/// Leaves of one subtree have the second part in common.
pub(crate) struct Climb<'a> {
    /// The subtree's root.
    pub(crate) node: Hash,
    /// The path from there on.
    pub(crate) rest: &'a [Hash],
    index: u64,
    inner: usize,
}

impl<'a> Climb<'a> {
    /// Climbs the first part; `None` where the leaf's subtree is cut off by the tree's edge, or is the whole tree.
    pub(crate) fn to(
        levels: u32,
        leaf: &Hash,
        (index, size): (u64, u64),
        path: &'a [Hash],
    ) -> Result<Option<Self>, ProofError> {
        if path.len() != inclusion_length(index, size)? {
            return Err(ProofError::Length);
        }
        let (inner, _) = parts(index, size);
        let below = levels as usize;
        // Beyond `inner` the leaf and the last one are in different subtrees, and the leaf's subtree is whole.
        if inner <= below {
            return Ok(None);
        }
        let (first, rest) = path.split_at(below);
        let node = climb(*leaf, first, below, index);
        Ok(Some(Self { node, rest, index: index >> levels, inner: inner - below }))
    }

    /// The root that the rest leads to.
    pub(crate) fn root(&self) -> Hash {
        climb(self.node, self.rest, self.inner, self.index)
    }
}

/// Whether the leaf is at `index` in the tree of this size and root.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if root_from_inclusion(leaf, index, size, path)? == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Whether the tree of the first size and root is a prefix of the tree of the second.
pub fn verify_consistency(
    (old_size, old_root): (u64, &Hash),
    (new_size, new_root): (u64, &Hash),
    path: &[Hash],
) -> Result<(), ProofError> {
    let roots = roots_from_consistency((old_size, old_root), (new_size, new_root), path)?;
    if roots == (*old_root, *new_root) { Ok(()) } else { Err(ProofError::Root) }
}

/// The roots, old and new, of the trees that a consistency proof is of. Where the path begins with no node of its own (the old tree is
/// empty, whole, or one perfect subtree), that is the known root.
///
/// A path that leads to the second tree's own root, but from another old root than the known one, proves that the second tree had
/// another history.
pub fn roots_from_consistency(
    (old_size, old_root): (u64, &Hash),
    (new_size, new_root): (u64, &Hash),
    path: &[Hash],
) -> Result<(Hash, Hash), ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == new_size || old_size == 0 {
        return match path {
            [] if old_size == 0 => Ok((*old_root, *new_root)),
            [] => Ok((*old_root, *old_root)),
            _ => Err(ProofError::Length),
        };
    }
    let shift = old_size.trailing_zeros();
    let (inner, border) = parts(old_size - 1, new_size);
    let inner = inner - shift as usize;
    // an old tree that is one perfect subtree needs no seed: its root is known
    let (seed, rest) = match path {
        _ if old_size.is_power_of_two() => (old_root, path),
        [seed, rest @ ..] => (seed, rest),
        [] => return Err(ProofError::Length),
    };
    if rest.len() != inner + border {
        return Err(ProofError::Length);
    }
    let mask = (old_size - 1) >> shift;
    let old = rest.iter().enumerate().fold(*seed, |hash, (step, sibling)| {
        let left = step >= inner || mask >> step & 1 == 1;
        if left { hash_node(sibling, &hash) } else { hash }
    });
    Ok((old, climb(*seed, rest, inner, mask)))
}

fn climb(hash: Hash, path: &[Hash], inner: usize, index: u64) -> Hash {
    path.iter().enumerate().fold(hash, |hash, (step, sibling)| {
        let left = step >= inner || index >> step & 1 == 1;
        if left { hash_node(sibling, &hash) } else { hash_node(&hash, sibling) }
    })
}

/// The spans whose hashes are the path of a leaf, in order from the leaf up.
pub fn inclusion_spans(index: u64, size: u64) -> Result<Vec<Span>, ProofError> {
    let mut spans = Vec::with_capacity(inclusion_length(index, size)?);
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            spans.push(Span { from: middle, to });
            to = middle;
        } else {
            spans.push(Span { from, to: middle });
            from = middle;
        }
    }
    spans.reverse();
    Ok(spans)
}

/// The spans whose hashes prove that the tree of `old_size` leaves is a prefix of that of `new_size`, in order.
pub fn consistency_spans(old_size: u64, new_size: u64) -> Result<Vec<Span>, ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    let mut spans = Vec::new();
    if old_size == 0 || old_size == new_size {
        return Ok(spans);
    }
    let (mut from, mut to) = (0, new_size);
    while old_size != to {
        let middle = from + split(to - from);
        if old_size <= middle {
            spans.push(Span { from: middle, to });
            to = middle;
        } else {
            spans.push(Span { from, to: middle });
            from = middle;
        }
    }
    if from > 0 {
        spans.push(Span { from, to }); // the verifier cannot know this one from the old root alone
    }
    spans.reverse();
    Ok(spans)
}

/// Makes the path of a leaf from a source of nodes.
pub fn prove_inclusion<E: From<ProofError>>(
    index: u64,
    size: u64,
    mut node: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    inclusion_spans(index, size)?.into_iter().map(|span| span_root(span, &mut node)).collect()
}

/// Makes the consistency proof between two sizes from a source of nodes.
pub fn prove_consistency<E: From<ProofError>>(
    old_size: u64,
    new_size: u64,
    mut node: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    consistency_spans(old_size, new_size)?.into_iter().map(|span| span_root(span, &mut node)).collect()
}

fn span_root<E>(span: Span, node: &mut impl FnMut(Node) -> Result<Hash, E>) -> Result<Hash, E> {
    let hashes = span.nodes().map(node).collect::<Result<Vec<_>, E>>()?;
    Ok(Span::root(&hashes))
}

/// The largest power of two below `count`, which is 2 or more.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

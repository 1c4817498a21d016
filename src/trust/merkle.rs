//! The Merkle tree of RFC 6962 (RFC 9162, section 2.1): leaf and node hashes, roots, paths.
//!
//! `leaf = SHA-256(00 ‖ data)`, `node = SHA-256(01 ‖ left ‖ right)`; a tree of n leaves splits at the largest power of
//! two below n; the root of no leaves is SHA-256 of nothing. Issuer logs, ledgers and the fields of one record use
//! the same tree.

use super::sha256::{self, Messages, State};

mod proof;
mod range;
#[cfg(test)]
mod tests;

pub(super) use proof::Climb;
pub use proof::{
    ProofError, consistency_spans, inclusion_length, inclusion_spans, prove_consistency, prove_inclusion,
    root_from_inclusion, roots_from_consistency, verify_consistency, verify_inclusion,
};
pub use range::{CompactRange, Node, Span};

pub use super::sha256::Hash;

/// The most hashes a path can have: a tree has fewer than 2⁶⁴ leaves.
pub const PATH_LENGTH_MAX: usize = 64;

/// The hash of a leaf's data.
pub fn hash_leaf(data: &[u8]) -> Hash {
    sha256::digest(&[&[0], data])
}

/// The hash of two subtrees.
pub fn hash_node(left: &Hash, right: &Hash) -> Hash {
    sha256::digest(&[&[1], left, right])
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    sha256::digest(&[])
}

/// The number of pairs that are laid out before the first is hashed.
const PAIRS: usize = 32;

/// The root over all leaf hashes, computed in place.
pub fn root_in_place(leaves: &mut [Hash]) -> Hash {
    let mut count = leaves.len();
    if count == 0 {
        return empty_root();
    }
    let mut waiting = Messages::new(State::BEGINNING, PAIRS.min(count / 2));
    // Level by level; a node without a neighbour moves up as it is, which is the same tree.
    while count > 1 {
        let pairs = count / 2;
        for from in (0..pairs).step_by(PAIRS) {
            let to = pairs.min(from + PAIRS);
            leaves[2 * from..2 * to].as_chunks().0.iter().for_each(|[left, right]| waiting.push(&[&[1], left, right]));
            waiting.hash_into(&mut leaves[from..to]);
        }
        if count % 2 == 1 {
            leaves[pairs] = leaves[count - 1];
        }
        count = count.div_ceil(2);
    }
    leaves[0]
}

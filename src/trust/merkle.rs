//! The Merkle tree of RFC 6962 (RFC 9162, section 2.1): leaf and node hashes, roots, paths.
//!
//! `leaf = SHA-256(00 ‖ data)`, `node = SHA-256(01 ‖ left ‖ right)`; a tree of n leaves splits at the largest power of
//! two below n; the root of no leaves is SHA-256 of nothing. Issuer logs, ledgers and the fields of one record use
//! the same tree.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

mod proof;
mod range;
#[cfg(test)]
mod tests;

pub(super) use proof::Climb;
pub use proof::{
    ProofError, consistency_spans, inclusion_length, inclusion_spans, prove_consistency, prove_inclusion,
    root_from_inclusion, verify_consistency, verify_inclusion,
};
pub use range::{CompactRange, Node, Span};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The hash's state before the first block (FIPS 180-4, section 5.3.3).
const SHA256_BEGINNING: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The most hashes a path can have: a tree has fewer than 2⁶⁴ leaves.
pub const PATH_LENGTH_MAX: usize = 64;

/// The hash of a leaf's data.
pub fn hash_leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of two subtrees.
pub fn hash_node(left: &Hash, right: &Hash) -> Hash {
    // Always two blocks, 65 bytes and their padding (FIPS 180-4, section 5.1.1): laid out at once, without a hasher's buffer,
    // which would cost a third more.
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = 1;
    blocks[0][1..33].copy_from_slice(left);
    blocks[0][33..].copy_from_slice(&right[..31]);
    blocks[1][..2].copy_from_slice(&[right[31], 0x80]);
    blocks[1][56..].copy_from_slice(&(65_u64 * 8).to_be_bytes());
    let mut state = SHA256_BEGINNING;
    compress256(&mut state, &blocks);
    let mut hash = [0; 32];
    for (place, word) in hash.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root over all leaf hashes, computed in the memory that they stand in.
pub fn root_in_place(leaves: &mut [Hash]) -> Hash {
    let mut count = leaves.len();
    if count == 0 {
        return empty_root();
    }
    // Level by level; a node without a neighbour moves up as it is, which is the same tree.
    while count > 1 {
        for pair in 0..count / 2 {
            leaves[pair] = hash_node(&leaves[2 * pair], &leaves[2 * pair + 1]);
        }
        if count % 2 == 1 {
            leaves[count / 2] = leaves[count - 1];
        }
        count = count.div_ceil(2);
    }
    leaves[0]
}

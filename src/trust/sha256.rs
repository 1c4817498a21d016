//! SHA-256 of short messages that come in parts (FIPS 180-4), and HMAC with it (RFC 2104).
//!
//! Most of what is hashed here fits two or three blocks: nodes, field leaves, field salts. Laying such a message out at once and
//! compressing it spares the hasher's buffer and its copies, a third of the time. The compression itself is the library's.

use sha2::block_api::compress256;

use super::merkle::Hash;

type Block = [u8; 64];

/// The state before the first block (FIPS 180-4, section 5.3.3).
const BEGINNING: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// Messages of so many blocks need no memory of their own.
const SHORT_BLOCKS: usize = 4;
/// The byte behind the message, and its length in bits.
const PADDING_BYTES_MIN: usize = 1 + 8;

/// The hash of the parts, one behind the other.
#[inline(always)]
pub(super) fn digest(parts: &[&[u8]]) -> Hash {
    finish(BEGINNING, 0, parts)
}

/// HMAC-SHA256 with one key, whose two blocks are compressed once.
#[derive(Clone)]
pub(super) struct Hmac {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Hmac {
    /// With a key of 32 bytes.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let keyed = |pad: u8| {
            let mut block = [pad; 64];
            for (place, byte) in block.iter_mut().zip(key) {
                *place ^= byte;
            }
            let mut state = BEGINNING;
            compress256(&mut state, &[block]);
            state
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    /// The code of the parts, one behind the other.
    pub(super) fn mac(&self, parts: &[&[u8]]) -> Hash {
        finish(self.outer, 1, &[&finish(self.inner, 1, parts)])
    }
}

/// Ends a hash from the state after `compressed` blocks. Inlined, so that parts of known length are copied without a call.
#[inline(always)]
fn finish(mut state: [u32; 8], compressed: u64, parts: &[&[u8]]) -> Hash {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let count = (length + PADDING_BYTES_MIN).div_ceil(size_of::<Block>());
    let (mut short, mut long);
    let blocks: &mut [Block] = if count <= SHORT_BLOCKS {
        short = [[0; 64]; SHORT_BLOCKS];
        &mut short[..count]
    } else {
        long = vec![[0; 64]; count];
        &mut long
    };
    let bytes = blocks.as_flattened_mut();
    let mut at = 0;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    bytes[at] = 0x80;
    let bits = (compressed * size_of::<Block>() as u64 + length as u64) * 8;
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, blocks);
    let mut hash = [0; 32];
    for (place, word) in hash.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    hash
}

#[cfg(test)]
mod tests {
    use hmac::{KeyInit as _, Mac as _};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn every_length_agrees_with_the_library_however_it_is_cut() {
        let message: Vec<u8> = (0..=u8::MAX).cycle().take(700).collect();
        let key = [0xa5; 32];
        for length in 0..message.len() {
            let message = &message[..length];
            let (first, rest) = message.split_at(length / 3);
            let parts = [first, &[], rest];
            assert_eq!(digest(&parts), <[u8; 32]>::from(Sha256::digest(message)), "{length}");
            let theirs = hmac::Hmac::<Sha256>::new_from_slice(&key).expect("any length").chain_update(message);
            assert_eq!(Hmac::new(&key).mac(&parts), <[u8; 32]>::from(theirs.finalize().into_bytes()), "{length}");
        }
    }
}

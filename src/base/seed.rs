//! The seed tree: every deterministic secret or draw comes from a named branch of one root.
//!
//! `child = HMAC-SHA256(parent, label ‖ 00 ‖ index)`: one more draw in one branch changes nothing in another.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A node of the seed tree, 32 bytes. `Debug` hides it: keys are made of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

impl Seed {
    /// The root for a tester's number.
    pub fn root(number: u64) -> Self {
        Self([0; 32]).child("lienthong/world/v1", number)
    }

    /// A secret that was made elsewhere: drawn at random, and kept in a file.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The branch `label`, number `index`.
    #[must_use]
    pub fn child(&self, label: &str, index: u64) -> Self {
        let mut mac = self.mac();
        mac.update(label.as_bytes());
        mac.update(&[0]);
        mac.update(&index.to_be_bytes());
        Self(mac.finalize().into_bytes().into())
    }

    /// A keyed hash of `parts`, each length-prefixed: pseudonyms and salts.
    pub fn keyed_hash(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.mac();
        for part in parts {
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The bytes, for a key.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A generator of draws that starts at this node.
    pub fn draws(&self) -> Draws {
        let word = |i: usize| u64::from_le_bytes(self.0[i * 8..i * 8 + 8].try_into().unwrap_or_default());
        Draws { state: [word(0), word(1), word(2), word(3) | 1] }
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"))
    }
}

/// A stream of draws: xoshiro256** (Blackman and Vigna, 2018). For populations, never for secrets.
#[derive(Debug, Clone)]
pub struct Draws {
    state: [u64; 4],
}

impl Draws {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// A number below `bound` (1 or more), without bias worth speaking of (Lemire's multiplication).
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound.max(1))) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as u64 + 1) as i64
    }

    /// True with the given probability, 0 to 1.
    pub fn chance(&mut self, probability: f64) -> bool {
        ((self.bits() >> 11) as f64 / (1u64 << 53) as f64) < probability
    }

    /// One of `items`; `None` when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_stable_and_apart() {
        let root = Seed::root(42);
        assert_eq!(root, Seed::root(42));
        assert_ne!(root, Seed::root(43));
        assert_ne!(root.child("a", 0), root.child("a", 1));
        assert_ne!(root.child("a", 0), root.child("b", 0));
        assert_ne!(root.keyed_hash(&[b"ab", b"c"]), root.keyed_hash(&[b"a", b"bc"]));
    }

    #[test]
    fn draws_stay_in_bounds() {
        let mut draws = Seed::root(1).draws();
        for _ in 0..1000 {
            assert!(draws.below(7) < 7);
            assert!((-3..=3).contains(&draws.between(-3, 3)));
        }
        let hits = (0..10_000).filter(|_| draws.chance(0.25)).count();
        assert!((2_200..2_800).contains(&hits), "{hits}");
        assert_eq!(draws.pick::<u8>(&[]), None);
    }
}

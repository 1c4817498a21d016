//! The source of unguessable bytes: the system in production, the seed tree where a run must repeat exactly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ring::rand::SecureRandom as _;

use super::error::{Error, Result};
use super::seed::Seed;

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// What is asked of the operating system at once, in bytes.
const POOL_BYTES: usize = 1024;

/// The operating system's generator, asked for many bytes at once: every call needs ten for its id, and asking costs more than
/// they do. No byte is given twice, and none stays where it was given from.
#[derive(Debug)]
pub struct SystemEntropy {
    system: ring::rand::SystemRandom,
    pool: Mutex<Vec<u8>>,
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self { system: ring::rand::SystemRandom::new(), pool: Mutex::default() }
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        let failed = |_| Error::bug("the system's random generator failed");
        if buffer.len() > POOL_BYTES / 4 {
            return self.system.fill(buffer).map_err(failed);
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < buffer.len() {
            pool.resize(POOL_BYTES, 0);
            if let Err(error) = self.system.fill(&mut pool) {
                pool.clear();
                return Err(failed(error));
            }
        }
        let rest = pool.len() - buffer.len();
        buffer.copy_from_slice(&pool[rest..]);
        pool[rest..].fill(0);
        pool.truncate(rest);
        Ok(())
    }
}

/// Bytes from the seed tree, for runs that must repeat exactly. Anybody who knows the seed can compute them.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: Seed,
    next: AtomicU64,
}

impl SeededEntropy {
    /// A source that starts at `seed`.
    pub fn new(seed: Seed) -> Self {
        Self { seed, next: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for chunk in buffer.chunks_mut(32) {
            let block = self.seed.child("entropy", self.next.fetch_add(1, Ordering::SeqCst));
            chunk.copy_from_slice(&block.bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_bytes_are_given_twice() {
        let entropy = SystemEntropy::default();
        let mut seen = BTreeSet::new();
        for length in [10, 32, 256, 2_000].into_iter().cycle().take(400) {
            let mut bytes = vec![0; length];
            entropy.fill(&mut bytes).expect("random bytes");
            for part in bytes.chunks_exact(10) {
                assert!(seen.insert(part.to_vec()), "ten bytes came twice");
            }
        }
    }
}

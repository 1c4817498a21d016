//! Where unguessable bytes come from: the system in production, the seed tree where a run must repeat exactly.

use std::sync::atomic::{AtomicU64, Ordering};

use ring::rand::SecureRandom as _;

use super::error::{Error, Result};
use super::seed::Seed;

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buffer`.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// The operating system's generator.
#[derive(Debug, Clone)]
pub struct SystemEntropy(ring::rand::SystemRandom);

impl Default for SystemEntropy {
    fn default() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        self.0.fill(buffer).map_err(|_| Error::bug("the system's random generator failed"))
    }
}

/// Bytes from the seed tree, for runs that must repeat exactly. Whoever knows the seed can guess them.
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

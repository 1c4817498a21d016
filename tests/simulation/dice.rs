//! The dice: every choice of a run comes from its seed, by a branch of its own for each noun, so that one more draw in one place changes nothing
//! elsewhere.

use std::time::Duration;

use lienthong::base::Seed;
use lienthong::base::seed::Draws;

/// The draws of one noun.
#[derive(Debug, Clone)]
pub struct Dice(Draws);

impl Dice {
    /// The branch `of` of a seed, number `index`.
    pub fn new(seed: Seed, of: &str, index: u64) -> Self {
        Self(seed.child(of, index).draws())
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// Whether something happens that does so in so many of a thousand cases.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// A duration in milliseconds, both ends included.
    pub fn ms(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(low + self.below(high - low + 1))
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        self.0.pick(of).expect("there is one to pick")
    }

    /// One of several, as often as its weight says.
    pub fn weighed<T: Copy>(&mut self, of: &[(u64, T)]) -> T {
        let mut drawn = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in of {
            if drawn < *weight {
                return *one;
            }
            drawn -= weight;
        }
        of.last().expect("there is one to draw").1
    }
}

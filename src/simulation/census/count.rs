//! Counts by the name of a figure: how many of how many.

use std::collections::BTreeMap;

/// Two numbers for each figure, whose quotient it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<&'static str, (u64, u64)>);

impl Counts {
    /// One more of which the figure is a share, and whether it has what the figure counts.
    pub(super) fn share(&mut self, figure: &'static str, has: bool) {
        self.add(figure, u64::from(has), 1);
    }

    /// Both numbers grow.
    pub(super) fn add(&mut self, figure: &'static str, part: u64, whole: u64) {
        let count = self.0.entry(figure).or_default();
        count.0 += part;
        count.1 += whole;
    }

    /// What was counted; nothing of a figure that nobody counts.
    pub(super) fn of(&self, figure: &str) -> Option<(u64, u64)> {
        self.0.get(figure).copied()
    }
}

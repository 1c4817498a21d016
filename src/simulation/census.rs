//! A census of the generated province: the pyramid of ages, and the figures that it is held to, each with its target.
//!
//! It reads the records as the registries get them, household after household, and keeps counts only. The targets are in
//! `population/data/figures.tsv`; `lienthong population report` prints what it finds, and a test holds it to the ranges.

mod count;
mod documents;
mod figure;
mod household;
mod people;

use crate::base::Date;

use super::population::Batch;
use count::Counts;
use household::Household;

pub use figure::{Figure, Unit};
pub use people::AGE_GROUPS;

/// What was counted so far.
#[derive(Debug)]
pub struct Census {
    today: Date,
    citizens: u64,
    /// By group of age: women, men.
    pyramid: [(u64, u64); people::AGE_GROUPS],
    counts: Counts,
    employers: documents::EmployersSeen,
}

impl Census {
    /// Of nobody yet.
    pub fn new(today: Date) -> Self {
        Self {
            today,
            citizens: 0,
            pyramid: [(0, 0); people::AGE_GROUPS],
            counts: Counts::default(),
            employers: documents::EmployersSeen::default(),
        }
    }

    /// Counts one household.
    pub fn add(&mut self, batch: &Batch) {
        let household = Household::of(batch, self.today);
        self.citizens += batch.citizens.len() as u64;
        people::count(&household, &mut self.pyramid, &mut self.counts);
        documents::count(&household, &mut self.employers, &mut self.counts);
    }

    /// Citizens, the dead and moved out included.
    pub fn citizens(&self) -> u64 {
        self.citizens
    }

    /// Residents alive.
    pub fn residents(&self) -> u64 {
        self.pyramid.iter().map(|(women, men)| women + men).sum()
    }

    /// Women and men by group of age.
    pub fn pyramid(&self) -> &[(u64, u64); people::AGE_GROUPS] {
        &self.pyramid
    }

    /// All figures of the table, with what was found.
    pub fn figures(&self) -> Vec<Figure> {
        let mut counts = self.counts.clone();
        self.employers.count(&mut counts);
        figure::all(&counts)
    }
}

#[cfg(test)]
mod tests;

//! The tables that the generator draws from, as files: rows of cells, and draws by weight.

use crate::base::seed::Draws;

/// The rows of a file of tab-separated cells, without its comments.
pub fn rows(file: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(|line| line.split('\t').collect())
}

/// A cell as a number. The files are part of the program, and their readers' tests read every cell.
pub fn number(cell: &str) -> f64 {
    cell.parse().unwrap_or_else(|_| panic!("{cell:?} is no number"))
}

/// Weights to draw a place by.
#[derive(Debug)]
pub struct Weights(Vec<u64>);

impl Weights {
    /// The running sums of these.
    pub fn new(weights: impl IntoIterator<Item = u64>) -> Self {
        let mut sum = 0;
        let add = |weight: u64| {
            sum += weight;
            sum
        };
        Self(weights.into_iter().map(add).collect())
    }

    /// The weights that some cells hold.
    pub fn of(cells: &[&str]) -> Self {
        Self::new(cells.iter().map(|cell| number(cell) as u64))
    }

    /// A place, as often as its weight says.
    pub fn draw(&self, draws: &mut Draws) -> usize {
        let drawn = draws.below(self.0.last().copied().unwrap_or(1));
        self.0.partition_point(|sum| *sum <= drawn)
    }
}

/// A table of shares by age and sex: from which age on, women, men.
#[derive(Debug)]
pub struct ByAge(Vec<(i16, f64, f64)>);

impl ByAge {
    /// The table of a file; `unit` is 100 for per cent, 1000 for per mille.
    pub fn read(file: &'static str, unit: f64) -> Self {
        let row = |row: Vec<&str>| (number(row[0]) as i16, number(row[1]) / unit, number(row[2]) / unit);
        Self(rows(file).map(row).collect())
    }

    /// The shares of women and men of this age.
    pub fn at(&self, age: i16) -> (f64, f64) {
        let row = self.0.iter().rev().find(|(from, ..)| *from <= age);
        row.map_or((0.0, 0.0), |(_, women, men)| (*women, *men))
    }
}

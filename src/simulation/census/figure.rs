//! A figure of the province: its target, the range around it, and what was found.

use super::count::Counts;
use crate::simulation::population::table::{number, rows};

/// What a figure is a number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// In a hundred.
    PerCent,
    /// In a thousand.
    PerMille,
    /// To a hundred of the others.
    PerHundred,
    /// To one.
    Each,
}

impl Unit {
    fn parse(text: &str) -> Self {
        match text {
            "%" => Self::PerCent,
            "per_mille" => Self::PerMille,
            "per_100" => Self::PerHundred,
            _ => Self::Each,
        }
    }

    /// As the table and the report write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerCent => "%",
            Self::PerMille => "per_mille",
            Self::PerHundred => "per_100",
            Self::Each => "each",
        }
    }

    /// As people write it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::PerCent => "%",
            Self::PerMille => "‰",
            Self::PerHundred => "to 100",
            Self::Each => "each",
        }
    }

    fn scale(self) -> f64 {
        match self {
            Self::PerCent | Self::PerHundred => 100.0,
            Self::PerMille => 1_000.0,
            Self::Each => 1.0,
        }
    }
}

/// A figure, its target, and its value in a population.
#[derive(Debug, Clone)]
pub struct Figure {
    /// `age_50`.
    pub name: &'static str,
    /// In words.
    pub label: &'static str,
    /// The same in Vietnamese.
    pub label_vi: &'static str,
    /// What it is a number of.
    pub unit: Unit,
    /// As wanted.
    pub target: f64,
    /// The least and the most that are accepted.
    pub range: (f64, f64),
    /// The flag of its source.
    pub source: &'static str,
    /// As found; none when there was nothing to count.
    pub value: Option<f64>,
    /// The standard error of the value, as of a sample: people come in households, which makes it larger.
    pub error: f64,
}

/// How much larger errors are because members of a household are alike.
const CLUSTERED: f64 = 1.3;
/// Standard errors by which a value may miss the range: with sixty figures one in a hundred populations misses one by chance.
const ERRORS_MAX: f64 = 3.5;

impl Figure {
    /// By how much a value may miss the range, because a sample of this size varies: by no more than the range is wide, so that however few were
    /// counted, some value is wrong; and by nothing where one value is wanted.
    pub fn tolerance(&self) -> f64 {
        let width = self.range.1 - self.range.0;
        if width > 0.0 { width.min(ERRORS_MAX * self.error) } else { 0.0 }
    }

    /// Whether the value lies in the range, or no further outside than a sample of this size can. What is to be one value is that value. Of what
    /// does not occur at all nothing is said.
    pub fn holds(&self) -> bool {
        let slack = self.tolerance() + 1e-9;
        self.value.is_none_or(|value| value >= self.range.0 - slack && value <= self.range.1 + slack)
    }
}

/// All figures of the table, with what was counted.
pub(super) fn all(counts: &Counts) -> Vec<Figure> {
    let figure = |row: Vec<&'static str>| {
        let unit = Unit::parse(row[1]);
        let counted = counts.of(row[0]).filter(|(_, whole)| *whole > 0);
        let value = counted.map(|(part, whole)| unit.scale() * part as f64 / whole as f64);
        Figure {
            name: row[0],
            label: row[6],
            label_vi: row[7],
            unit,
            target: number(row[2]),
            range: (number(row[3]), number(row[4])),
            source: row[5],
            value,
            error: counted.map_or(0.0, |counted| unit.scale() * CLUSTERED * standard_error(unit, counted)),
        }
    };
    rows(include_str!("../population/data/figures.tsv")).map(figure).collect()
}

fn standard_error(unit: Unit, (part, whole): (u64, u64)) -> f64 {
    let (part, whole) = (part as f64, whole as f64);
    let share = part / whole;
    match unit {
        Unit::PerHundred => share * (1.0 / part.max(1.0) + 1.0 / whole).sqrt(),
        Unit::Each => share / whole.sqrt(),
        // As if one hit and one miss more had been seen: of no hits at all a small sample proves little.
        _ => {
            let share = ((part + 1.0) / (whole + 2.0)).min(1.0);
            (share * (1.0 - share) / whole).sqrt()
        }
    }
}

//! The kinds of households, how frequent each is, and of which age and marital state its reference person is.

use std::sync::LazyLock;

use crate::base::seed::Draws;
use crate::simulation::names::Sex;

use super::super::table::{Weights, number, rows};

/// What a household is built around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A couple and its children at home, if any.
    Couple,
    /// The same with the husband's parents.
    CoupleWithElders,
    /// A mother and her children.
    Mother,
    /// A father and his children.
    Father,
    /// One woman.
    WomanAlone,
    /// One man.
    ManAlone,
}

const KINDS: [Kind; 6] =
    [Kind::Couple, Kind::CoupleWithElders, Kind::Mother, Kind::Father, Kind::WomanAlone, Kind::ManAlone];

struct Kinds {
    shares: Weights,
    ages: Vec<Weights>,
}

static TABLE: LazyLock<Kinds> = LazyLock::new(|| {
    let rows: Vec<_> = rows(include_str!("../data/households.tsv")).collect();
    Kinds {
        shares: Weights::new(rows.iter().map(|row| number(row[1]) as u64)),
        ages: rows.iter().map(|row| Weights::of(&row[2..])).collect(),
    }
});

/// A kind of household, and the age of its reference person.
pub(super) fn draw(draws: &mut Draws) -> (Kind, i64) {
    let at = TABLE.shares.draw(draws);
    let group = TABLE.ages[at].draw(draws) as i64;
    (KINDS[at], 15 + 5 * group + draws.between(0, 4))
}

/// Who of the mothers of this age has lost her husband, or the husband his wife.
pub(super) fn widowed_per_cent(age: i64) -> u64 {
    match age {
        ..50 => 6,
        50..60 => 12,
        60..70 => 24,
        70..80 => 45,
        _ => 70,
    }
}

/// Why somebody raises children alone.
pub(super) fn state_of_parent(draws: &mut Draws, sex: Sex, age: i64) -> &'static str {
    let widowed = match age {
        ..40 => 12,
        40..55 => 35,
        55..65 => 65,
        _ => 92,
    };
    let single = if sex == Sex::Female { 20 } else { 0 };
    match draws.below(100) {
        _ if age < 20 && sex == Sex::Female => "single",
        it if it < widowed => "widowed",
        it if it < widowed + (100 - widowed) * single / 100 => "single",
        _ => "divorced",
    }
}

/// Why somebody lives alone.
pub(super) fn state_of_loner(draws: &mut Draws, sex: Sex, age: i64) -> &'static str {
    let (single, divorced) = match (age, sex) {
        (..30, _) => (96, 4),
        (30..45, _) => (65, 30),
        (45..60, Sex::Female) => (40, 20),
        (45..60, Sex::Male) => (35, 50),
        (_, Sex::Female) => (8, 4),
        (_, Sex::Male) => (6, 14),
    };
    match draws.below(100) {
        it if it < single => "single",
        it if it < single + divorced => "divorced",
        _ => "widowed",
    }
}

//! Births in a mother's life, and which of the children still live at home.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::names::Sex;

use super::super::calendar::{age_on, plus_days};
use super::super::table::{ByAge, Weights, number, rows};
use super::Family;

/// By the last year of birth that a row is for.
static NUMBERS: LazyLock<Vec<(i16, Weights)>> = LazyLock::new(|| {
    let row = |row: Vec<&'static str>| (number(row[0]) as i16, Weights::of(&row[1..]));
    rows(include_str!("../data/births.tsv")).map(row).collect()
});
static STAYS: LazyLock<ByAge> = LazyLock::new(|| ByAge::read(include_str!("../data/stays.tsv"), 100.0));

/// The age of a mother at her first birth: from which age on, to which, in per mille.
const FIRST_BIRTH: [(i64, i64, u64); 6] =
    [(15, 17, 8), (18, 19, 60), (20, 22, 222), (23, 26, 400), (27, 30, 230), (31, 37, 80)];
/// Days between one birth and the next, in per cent.
const GAPS: [(i64, i64, u64); 4] = [(366, 730, 16), (731, 1_460, 48), (1_461, 2_555, 26), (2_556, 3_650, 10)];
/// Nobody gives birth later than in this year of age.
const LAST_YEAR: i16 = 48;
/// Twins among births.
const TWINS: f64 = 0.0145;
/// Boys among births, since the ratio rose above the natural one.
const BOYS: f64 = 0.5295;
/// Boys among births before.
const BOYS_BEFORE_2006: f64 = 0.514;

fn draw_range(table: &[(i64, i64, u64)], draws: &mut Draws) -> i64 {
    let mut rest = draws.below(table.iter().map(|row| row.2).sum());
    for (from, to, weight) in table {
        if rest < *weight {
            return draws.between(*from, *to);
        }
        rest -= weight;
    }
    table[0].0
}

fn sex_of_birth(draws: &mut Draws, birth: Date) -> Sex {
    let boys = if birth.year() < 2006 { BOYS_BEFORE_2006 } else { BOYS };
    if draws.chance(boys) { Sex::Male } else { Sex::Female }
}

impl Family<'_> {
    /// The children at home, of a mother and a father, or of a mother who says no father.
    pub(super) fn children(&mut self, father: Option<usize>, mother: usize) {
        self.births(father, mother, None);
    }

    /// The brothers and sisters of `of` at home.
    pub(super) fn siblings(&mut self, of: usize, father: usize, mother: usize) {
        self.births(Some(father), mother, Some(self.members[of].birth));
    }

    /// Children of a mother; `one` of them is known already, and no other is born within a year of it.
    fn births(&mut self, father: Option<usize>, mother: usize, one: Option<Date>) {
        let surname = self.members[father.unwrap_or(mother)].surname;
        let mother_birth = self.members[mother].birth;
        let wanted = number_of_children(self.draws, mother_birth.year());
        let first = draw_range(&FIRST_BIRTH, self.draws);
        let mut birth = plus_days(mother_birth, first * 365 + first / 4 + 1 + self.draws.between(0, 364));
        for _ in 0..wanted {
            if birth > self.today || age_on(mother_birth, birth) > LAST_YEAR {
                return;
            }
            let apart = |other: Date| (birth.year(), birth) != (other.year(), other) && days_apart(birth, other) > 365;
            if one.is_none_or(apart) {
                let babies = if self.draws.chance(TWINS) { 2 } else { 1 };
                for _ in 0..babies {
                    let sex = sex_of_birth(self.draws, birth);
                    if self.stays(age_on(birth, self.today), sex) {
                        let at = self.add_born(sex, birth, surname, "single");
                        self.members[at].father = father;
                        self.members[at].mother = Some(mother);
                    }
                }
            }
            birth = plus_days(birth, draw_range(&GAPS, self.draws));
        }
    }

    fn stays(&mut self, age: i16, sex: Sex) -> bool {
        let (women, men) = STAYS.at(age);
        self.draws.chance(sex.choose(women, men))
    }
}

fn days_apart(one: Date, other: Date) -> i64 {
    super::super::calendar::days_between(one, other).abs()
}

fn number_of_children(draws: &mut Draws, born: i16) -> usize {
    let row = NUMBERS.iter().find(|(until, _)| born <= *until).or(NUMBERS.last());
    row.map_or(2, |(_, weights)| weights.draw(draws))
}

//! Vietnamese personal names as Hà Tĩnh has them: surname, one or two middle names, given name.
//!
//! A surname comes from the family, the rest from sex and year of birth: `Văn` and `Thị` fade with the decades, and
//! daughters born since the 1990s mostly have four words.

mod frequency;

use std::sync::LazyLock;

use frequency::Weighted;

use crate::base::seed::Draws;

/// A person's sex as the population register writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    /// Nữ.
    Female,
    /// Nam.
    Male,
}

impl Sex {
    /// As payloads write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Female => "female",
            Self::Male => "male",
        }
    }

    /// The one that this one is not.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Female => Self::Male,
            Self::Male => Self::Female,
        }
    }

    /// One of two, by sex.
    pub fn choose<T>(self, female: T, male: T) -> T {
        match self {
            Self::Female => female,
            Self::Male => male,
        }
    }
}

/// A family's surname.
pub fn surname(draws: &mut Draws) -> &'static str {
    TABLES.surnames.draw(draws)
}

/// A full name for someone of this family, sex and year of birth.
pub fn full_name(surname: &str, sex: Sex, birth_year: i16, draws: &mut Draws) -> String {
    let table = TABLES.given(sex, birth_year);
    let mut given = table.draw(draws);
    while given == surname {
        given = table.draw(draws);
    }
    let (first, second) = middle_names(sex, birth_year, draws);
    let mut name = String::with_capacity(40);
    name.push_str(surname);
    for word in [first, second] {
        // a name does not say one word twice
        if !word.is_empty() && word != given && word != surname {
            name.push(' ');
            name.push_str(word);
        }
    }
    name.push(' ');
    name.push_str(given);
    name
}

/// One or two middle names, rarely none; a missing one is empty.
fn middle_names(sex: Sex, birth_year: i16, draws: &mut Draws) -> (&'static str, &'static str) {
    let habits = Habits::of(birth_year);
    let (without, with_two, old_word) = match sex {
        Sex::Female => (0.002, habits.four_words_female, habits.thi),
        Sex::Male => (0.009, habits.four_words_male, habits.van),
    };
    if draws.chance(without) {
        return ("", "");
    }
    let old = draws.chance(old_word);
    let two = draws.chance(with_two);
    let first = match (sex, old) {
        (Sex::Female, true) => "Thị",
        (Sex::Male, true) => "Văn",
        (Sex::Female, false) => TABLES.female_middle.draw(draws),
        (Sex::Male, false) => TABLES.male_middle.draw(draws),
    };
    let second = match (two, sex, old) {
        (false, _, _) => "",
        (true, Sex::Female, true) => TABLES.female_second_middle.draw(draws),
        (true, Sex::Female, false) => TABLES.female_middle.draw(draws),
        (true, Sex::Male, _) => TABLES.male_middle.draw(draws),
    };
    if first == second { (first, "") } else { (first, second) }
}

/// Shares of naming habits by decade; the counts of four-word names are measured for 2007 to 2011, the rest is our
/// assumption.
struct Habits {
    thi: f64,
    van: f64,
    four_words_female: f64,
    four_words_male: f64,
}

impl Habits {
    fn of(birth_year: i16) -> Self {
        let (thi, van, four_words_female, four_words_male) = match birth_year {
            ..1970 => (0.90, 0.55, 0.10, 0.05),
            1970..1996 => (0.80, 0.30, 0.35, 0.12),
            1996..2013 => (0.45, 0.12, 0.66, 0.28),
            2013.. => (0.18, 0.05, 0.72, 0.36),
        };
        Self { thi, van, four_words_female, four_words_male }
    }
}

/// A table to draw from: names, and the running sums of their weights.
struct Table {
    names: &'static [Weighted],
    sums: Vec<u32>,
}

impl Table {
    fn new(names: &'static [Weighted]) -> Self {
        let mut sum = 0;
        let add = |(_, weight): &Weighted| {
            sum += weight;
            sum
        };
        Self { names, sums: names.iter().map(add).collect() }
    }

    fn draw(&self, draws: &mut Draws) -> &'static str {
        let total = self.sums.last().copied().unwrap_or(1);
        let drawn = draws.below(u64::from(total)) as u32;
        let at = self.sums.partition_point(|sum| *sum <= drawn);
        self.names.get(at).map_or("", |(name, _)| name)
    }
}

struct Tables {
    surnames: Table,
    male_middle: Table,
    female_middle: Table,
    female_second_middle: Table,
    /// By cohort: before 1975, 1975 to 2002, since 2003.
    male: [Table; 3],
    female: [Table; 3],
}

impl Tables {
    fn given(&self, sex: Sex, birth_year: i16) -> &Table {
        let cohort = match birth_year {
            ..1975 => 0,
            1975..2003 => 1,
            2003.. => 2,
        };
        match sex {
            Sex::Female => &self.female[cohort],
            Sex::Male => &self.male[cohort],
        }
    }
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    surnames: Table::new(frequency::SURNAMES),
    male_middle: Table::new(frequency::MALE_MIDDLE),
    female_middle: Table::new(frequency::FEMALE_MIDDLE),
    female_second_middle: Table::new(frequency::FEMALE_SECOND_MIDDLE),
    male: [frequency::MALE_BEFORE_1975, frequency::MALE_1975_TO_2002, frequency::MALE_SINCE_2003].map(Table::new),
    female: [frequency::FEMALE_BEFORE_1975, frequency::FEMALE_1975_TO_2002, frequency::FEMALE_SINCE_2003]
        .map(Table::new),
});

#[cfg(test)]
mod tests {
    use unicode_normalization::is_nfc;

    use super::*;
    use crate::base::Seed;
    use crate::base::text::name_is_valid;

    fn names(sex: Sex, year: i16) -> Vec<String> {
        let mut draws = Seed::root(7).draws();
        (0..4_000).map(|_| full_name(surname(&mut draws), sex, year, &mut draws)).collect()
    }

    fn share(names: &[String], test: impl Fn(&str) -> bool) -> f64 {
        names.iter().filter(|name| test(name)).count() as f64 / names.len() as f64
    }

    #[test]
    fn names_are_valid_composed_and_say_no_word_twice_in_a_row() {
        for sex in [Sex::Female, Sex::Male] {
            for year in [1940, 1985, 1999, 2009, 2024] {
                for name in names(sex, year) {
                    assert!(name_is_valid(&name) && is_nfc(&name), "{name}");
                    let words: Vec<_> = name.split(' ').collect();
                    assert!((2..=4).contains(&words.len()), "{name}");
                    assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{name}");
                }
            }
        }
    }

    #[test]
    fn shares_follow_the_measured_ones() {
        let near = |what: &str, share: f64, wanted: f64, tolerance: f64| {
            assert!((share - wanted).abs() < tolerance, "{what}: {share}");
        };
        let words = |n: usize| move |name: &str| name.split(' ').count() == n;
        near("women of 2009, four words", share(&names(Sex::Female, 2009), words(4)), 0.646, 0.04);
        near("men of 2009, three words", share(&names(Sex::Male, 2009), words(3)), 0.728, 0.04);
        near("women of 1950 with Thị", share(&names(Sex::Female, 1950), |n| n.contains(" Thị ")), 0.90, 0.03);
        near("Nguyễn", share(&names(Sex::Male, 1985), |n| n.starts_with("Nguyễn ")), 0.329, 0.03);
        near("Võ", share(&names(Sex::Male, 1985), |n| n.starts_with("Võ ")), 0.036, 0.012);
    }
}

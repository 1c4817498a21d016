//! Searches people by incomplete facts: words of a name, a commune, a year of birth.
//!
//! No index leads there, so all rows of names are walked in their order, and compared before any record is read.

use crate::base::near::{self, with_one_i};
use crate::base::text::folded_key;
use crate::trust::Object;

use super::names::{Differs, NameRow};

/// What is known of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Whole words of the name, in any order, compared without marks.
    pub words: Vec<String>,
    /// Code of the commune of permanent residence.
    pub unit_code: Option<String>,
    /// Year of birth.
    pub birth_year: Option<i16>,
}

impl Parts {
    /// The words of `name`, with a commune and a year.
    pub fn new(name: &str, unit_code: Option<String>, birth_year: Option<i16>) -> Self {
        let words = folded_key(name).split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Self { words, unit_code, birth_year }
    }

    /// Whether a name row can be of somebody who is meant: its name has every word, each as often as it was asked for, `i` for `y` if need be;
    /// and what differs then.
    pub(super) fn fits_row(&self, row: &NameRow<'_>) -> Option<Differs> {
        let is_of_year = self.birth_year.is_none_or(|year| row.birth.is_some_and(|birth| birth.year == year));
        if !is_of_year {
            return None;
        }
        if has_words(row.name, &self.words) {
            return Some(None);
        }
        let with_i: Vec<String> = self.words.iter().map(|word| with_one_i(word)).collect();
        has_words(&with_one_i(row.name), &with_i).then_some(Some(near::NAME_SPELLING))
    }

    /// Whether a person lives where it was asked for.
    pub(super) fn fits(&self, person: &Object) -> bool {
        let lives_in = person.text_at("permanent_residence.unit_code");
        self.unit_code.is_none() || self.unit_code.as_deref() == lives_in
    }
}

fn has_words(name: &str, words: &[String]) -> bool {
    let mut left: Vec<&str> = name.split(' ').collect();
    let mut take = |word: &String| match left.iter().position(|one| one == word) {
        Some(at) => {
            left.swap_remove(at);
            true
        }
        None => false,
    };
    words.iter().all(&mut take)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PartialDate;

    #[test]
    fn words_are_found_in_any_order_and_each_once() {
        let row = |name: &'static str, birth| NameRow { name, birth: PartialDate::parse(birth) };
        let (hoa, hoa_hoa) = (row("nguyen thi hoa", "1985-03-07"), row("tran hoa hoa", "1990"));
        let my = row("nguyen thi my", "1985-03-07");
        let (exact, spelling) = (Some(None), Some(Some(near::NAME_SPELLING)));
        for (words, year, row, fits) in [
            ("Hòa", None, &hoa, exact),
            ("hoa nguyễn", None, &hoa, exact),
            ("Hoa", Some(1985), &hoa, exact),
            ("Hoa", Some(1986), &hoa, None),
            ("Hoa", Some(1990), &hoa_hoa, exact),
            ("Hoa Hoa", None, &hoa, None),
            ("Hoa Hoa", None, &hoa_hoa, exact),
            ("ho", None, &hoa, None),
            ("", Some(1985), &hoa, exact),
            ("Mỹ", None, &my, exact),
            ("Mĩ", None, &my, spelling),
            ("Mĩ", Some(1986), &my, None),
        ] {
            assert_eq!(Parts::new(words, None, year).fits_row(row), fits, "{words} {year:?}");
        }
        assert!(NameRow::of(b"p042185990002").is_none());
    }
}

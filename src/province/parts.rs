//! Finding people by what is left of them in somebody's memory: words of a name, a commune, a year of birth.
//!
//! No index leads there, so the rows of names are walked in their order, and compared before any record is read. The work of one call
//! is bounded: a page may be empty and still name the next one, which goes on where this one stopped.

use std::collections::BTreeSet;

use crate::base::text::folded_key;
use crate::base::{PartialDate, Result};
use crate::store::{Scan, Space};
use crate::trust::Object;

use super::follow::Province;
use super::index;
use super::row::corrupt;

/// Work of one call at the most, in index rows.
const WORK_MAX: usize = 20_000;
/// What a record that is read costs, in index rows.
const RECORD_WORK: usize = 20;
/// Rows that are read at once.
const ROWS_READ: usize = 1_000;

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

    /// Whether a name row can be of somebody who is meant: its name has every word, each as often as it was asked for.
    fn fits_row(&self, row: &[u8]) -> bool {
        let Some((name, birth)) = name_and_birth(row) else { return false };
        let mut left: Vec<&str> = name.split(' ').collect();
        let mut take = |word: &String| match left.iter().position(|one| one == word) {
            Some(at) => {
                left.swap_remove(at);
                true
            }
            None => false,
        };
        self.words.iter().all(&mut take)
            && self.birth_year.is_none_or(|year| birth.is_some_and(|birth| birth.year == year))
    }

    fn fits(&self, person: &Object) -> bool {
        let lives_in = person.text_at("permanent_residence.unit_code");
        self.unit_code.is_none() || self.unit_code.as_deref() == lives_in
    }
}

/// The folded name and the birth date in a name row.
fn name_and_birth(row: &[u8]) -> Option<(&str, Option<PartialDate>)> {
    let mut parts = row.strip_prefix(b"n")?.splitn(3, |byte| *byte == 0);
    let (name, birth) = (std::str::from_utf8(parts.next()?).ok()?, std::str::from_utf8(parts.next()?).ok()?);
    Some((name, PartialDate::parse(birth)))
}

impl Province {
    /// The payloads of people of whom these parts are known, behind the name row `after`, and from which row the next page goes on.
    pub(super) async fn search_parts(
        &self,
        parts: &Parts,
        limit: usize,
        after: Option<Vec<u8>>,
    ) -> Result<(Vec<Object>, Option<Vec<u8>>)> {
        let (mut people, mut from, mut work) = (Vec::new(), after, 0);
        loop {
            let mut scan = Scan::prefix(Space::ProvinceIndex, b"n").limit(ROWS_READ);
            if let Some(from) = &from {
                scan = scan.after(from.clone());
            }
            let rows = self.store.scan(scan).await?;
            for (row, _) in &rows {
                if parts.fits_row(row) {
                    work += RECORD_WORK;
                    if let Some(person) = self.person_of(row).await?.filter(|person| parts.fits(person)) {
                        if people.len() == limit {
                            return Ok((people, from));
                        }
                        people.push(person);
                    }
                }
                work += 1;
                from = Some(row.to_vec());
                if work >= WORK_MAX {
                    return Ok((people, from));
                }
            }
            if rows.len() < ROWS_READ {
                return Ok((people, None));
            }
        }
    }

    /// The person to whom a name row leads. A row stays when its record changes: only that of the present name and birth date counts.
    async fn person_of(&self, row: &[u8]) -> Result<Option<Object>> {
        let key = index::record_of(row).ok_or_else(|| corrupt("an index row cannot be read"))?;
        let found = self.records(BTreeSet::from([key])).await?.pop();
        let named = name_and_birth(row).and_then(|(name, birth)| Some((name.to_owned(), birth?)));
        let people = self.catalogue.people().people.as_ref();
        let is_current = |payload: &Object| people.and_then(|of| of.name_key(payload)) == named;
        Ok(found.map(|found| found.payload).filter(is_current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_order_and_each_once() {
        let row = |name: &str, birth: &str| [b"n", name.as_bytes(), &[0], birth.as_bytes(), &[0; 18]].concat();
        let (hoa, hoa_hoa) = (row("nguyen thi hoa", "1985-03-07"), row("tran hoa hoa", "1990"));
        for (words, year, row, fits) in [
            ("Hòa", None, &hoa, true),
            ("hoa nguyễn", None, &hoa, true),
            ("Hoa", Some(1985), &hoa, true),
            ("Hoa", Some(1986), &hoa, false),
            ("Hoa", Some(1990), &hoa_hoa, true),
            ("Hoa Hoa", None, &hoa, false),
            ("Hoa Hoa", None, &hoa_hoa, true),
            ("ho", None, &hoa, false),
            ("", Some(1985), &hoa, true),
        ] {
            assert_eq!(Parts::new(words, None, year).fits_row(row), fits, "{words} {year:?}");
        }
        assert!(!Parts::new("", None, None).fits_row(b"p042185990002"));
    }
}

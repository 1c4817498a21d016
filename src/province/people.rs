//! Search for people: by any of their numbers, by folded name and birth date, approximate matches last, or by parts.
//!
//! A personal ID finds the one person to whom it leads ([`numbers`](crate::registry::numbers)); 9-digit numbers of the old identity
//! cards are not unique, and find everybody who had one.

use async_trait::async_trait;

use crate::base::near::{self, spellings};
use crate::base::text::folded_key;
use crate::base::{PartialDate, PersonalId, Result};
use crate::registry::codes;
use crate::registry::numbers::{Entry, Residents, resolve};
use crate::registry::rule::date_at;
use crate::trust::Object;

use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::names::{Differs, NameRow, Onwards, Page};
use super::parts::Parts;
use super::row::corrupt;

/// A search for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeopleQuery {
    /// A personal ID, present or superseded.
    PersonalId(PersonalId),
    /// A 9-digit number of an old identity card.
    OldNumber(String),
    /// A name, compared without diacritics, and a birth date, compared at the coarser of the two precisions.
    Name {
        /// As written.
        full_name: String,
        /// `None`: any.
        birth_date: Option<PartialDate>,
    },
    /// Words of a name, a commune, a year of birth.
    Parts(Parts),
}

/// A person in a search result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSummary {
    /// The present personal ID.
    pub personal_id: PersonalId,
    /// As in the resident record.
    pub full_name: String,
    /// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
    pub birth_date: String,
    /// `female` or `male`.
    pub sex: String,
    /// Commune of permanent residence; empty if unknown.
    pub unit_code: String,
    /// The unit's first day, which is part of its key; empty if unknown.
    pub unit_valid_from: String,
    /// The unit's Vietnamese name; empty if the list of units lacks it.
    pub unit_name: String,
    /// What differs from what was asked, by its code.
    pub differs: Option<&'static str>,
}

impl Province {
    /// At most `limit` people after position `after`, and the position after which the next page begins.
    pub async fn search(
        &self,
        query: &PeopleQuery,
        limit: usize,
        after: Option<Vec<u8>>,
    ) -> Result<(Vec<PersonSummary>, Option<Vec<u8>>)> {
        match query {
            PeopleQuery::PersonalId(number) => {
                let numbers = resolve(*number, self).await?;
                let people = self.registered(index::person_prefix(numbers.current)).await?;
                let mut own = people
                    .iter()
                    .filter(|found| Entry::of(&found.payload).is_some_and(|own| own.number == numbers.current));
                Ok((own.next().map(|found| summary(&found.payload, None)).transpose()?.into_iter().collect(), None))
            }
            PeopleQuery::OldNumber(number) => {
                let mut people = self.registered(index::alias_prefix(number)).await?;
                people.retain(|found| found.payload.text("old_id_number") == Some(number));
                let skip = match &after {
                    Some(after) => people.iter().take_while(|found| found.record_id.0[..] <= after[..]).count(),
                    None => 0,
                };
                let shown: Vec<_> = people.iter().skip(skip).take(limit).collect();
                let more = people.len() > skip + shown.len();
                let next = shown.last().filter(|_| more).map(|found| found.record_id.0.to_vec());
                Ok((shown.iter().map(|found| summary(&found.payload, None)).collect::<Result<_>>()?, next))
            }
            PeopleQuery::Parts(parts) => {
                let mut page = Page::of(limit);
                let meant = |person: &Object| parts.fits(person);
                let next = self.walk(&mut page, b"n", after, |row| parts.fits_row(row), meant).await?;
                Ok((summaries(&page)?, next))
            }
            PeopleQuery::Name { full_name, birth_date } => {
                self.search_name(&folded_key(full_name), *birth_date, limit, after).await
            }
        }
    }

    async fn registered(&self, prefix: Vec<u8>) -> Result<Vec<FoundRecord>> {
        self.snapshot(self.as_of_now()).registered(prefix).await
    }

    /// Those with this name and birth date; then those whose birth date differs by a slip, and those whose name is written in another way. A
    /// position is the number of the pass, and a row of it.
    async fn search_name(
        &self,
        folded: &str,
        birth_date: Option<PartialDate>,
        limit: usize,
        after: Option<Vec<u8>>,
    ) -> Result<(Vec<PersonSummary>, Option<Vec<u8>>)> {
        let passes = passes(folded, birth_date);
        let (first, mut from) = position(after.as_deref());
        let mut page = Page::of(limit);
        for (number, pass) in passes.iter().enumerate().skip(first) {
            let prefix = index::name_prefix(&pass.folded);
            if let Some(row) = self.walk(&mut page, &prefix, from.take(), |row| pass.fits(row), |_| true).await? {
                let next = [&[number as u8], &row[..]].concat();
                return Ok((summaries(&page)?, Some(next)));
            }
        }
        Ok((summaries(&page)?, None))
    }
}

/// One walk of a search by name: a spelling, and which birth dates are taken.
struct Pass {
    folded: String,
    birth_date: Option<PartialDate>,
    differs: Differs,
    /// Birth dates that differ by a slip, instead of those that agree.
    is_near: bool,
}

/// At most some thirty: see [`spellings`].
fn passes(folded: &str, birth_date: Option<PartialDate>) -> Vec<Pass> {
    let pass = |folded: String, differs, is_near| Pass { folded, birth_date, differs, is_near };
    let mut passes = vec![pass(folded.to_owned(), None, false)];
    if birth_date.and_then(PartialDate::full).is_some() {
        passes.push(pass(folded.to_owned(), None, true));
    }
    passes.extend(spellings(folded).into_iter().map(|(folded, differs)| pass(folded, Some(differs), false)));
    passes
}

impl Pass {
    fn fits(&self, row: &NameRow<'_>) -> Option<Differs> {
        let Some((asked, born)) = self.birth_date.zip(row.birth) else {
            return self.birth_date.is_none().then_some(self.differs);
        };
        match (asked.agrees(born), self.is_near) {
            (true, false) => Some(self.differs),
            (false, true) => near::dates(asked, born).map(Some),
            _ => None,
        }
    }
}

/// The number of a pass and the row of it after which to go on.
fn position(after: Option<&[u8]>) -> (usize, Onwards) {
    match after.and_then(<[u8]>::split_first) {
        Some((number, row)) => (usize::from(*number), Some(row.to_vec()).filter(|row| !row.is_empty())),
        None => (0, None),
    }
}

/// The accepted resident records: they were verified when they were accepted.
#[async_trait]
impl Residents for Province {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        self.snapshot(self.as_of_now()).record(number).await
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        self.snapshot(self.as_of_now()).claimants(number).await
    }
}

fn summaries(page: &Page) -> Result<Vec<PersonSummary>> {
    page.people.iter().map(|(person, differs)| summary(person, *differs)).collect()
}

fn summary(person: &Object, differs: Differs) -> Result<PersonSummary> {
    let text = |path: &str| person.text_at(path).unwrap_or_default().to_owned();
    let id = person.text("personal_id").and_then(PersonalId::parse);
    Ok(PersonSummary {
        personal_id: id.ok_or_else(|| corrupt("a person without personal ID"))?,
        full_name: text("full_name"),
        birth_date: text("birth_date"),
        sex: text("sex"),
        unit_code: text("permanent_residence.unit_code"),
        unit_valid_from: text("permanent_residence.unit_valid_from"),
        unit_name: unit_name(person).unwrap_or_default(),
        differs,
    })
}

fn unit_name(person: &Object) -> Option<String> {
    let residence = person.object("permanent_residence")?;
    let units = codes::list("units")?;
    let unit = codes::unit(&units, residence.text("unit_code")?, date_at(residence, "unit_valid_from")?)?;
    Some(unit.name.vi.clone())
}

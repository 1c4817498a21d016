//! Search for people: by any of their numbers, or by folded name and birth date.
//!
//! A personal ID finds the one person to whom it leads ([`numbers`](crate::registry::numbers)); 9-digit numbers of the old identity
//! cards are not unique, and find everybody who had one.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::base::text::folded_key;
use crate::base::{PartialDate, PersonalId, Result};
use crate::registry::codes;
use crate::registry::numbers::{Entry, Residents, resolve};
use crate::registry::rule::date_at;
use crate::store::{Scan, Space};
use crate::trust::Object;

use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::parts::Parts;
use super::row::corrupt;

/// Index rows in one read of a search by name.
const ROWS_READ: usize = 1_000;

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
                Ok((own.next().map(|found| summary(&found.payload)).transpose()?.into_iter().collect(), None))
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
                Ok((shown.iter().map(|found| summary(&found.payload)).collect::<Result<_>>()?, next))
            }
            PeopleQuery::Parts(parts) => {
                let (people, next) = self.search_parts(parts, limit, after).await?;
                Ok((people.iter().map(summary).collect::<Result<_>>()?, next))
            }
            PeopleQuery::Name { full_name, birth_date } => {
                self.search_name(&folded_key(full_name), *birth_date, limit, after).await
            }
        }
    }

    /// The resident records to which index rows refer. Index rows are not deleted when a record changes, so the record itself
    /// decides.
    async fn registered(&self, prefix: Vec<u8>) -> Result<Vec<FoundRecord>> {
        let register = self.catalogue.people().ordinal;
        let keys = self.record_keys(prefix).await?;
        self.records(keys.into_iter().filter(|key| key[0] == register).collect()).await
    }

    async fn search_name(
        &self,
        folded: &str,
        birth_date: Option<PartialDate>,
        limit: usize,
        after: Option<Vec<u8>>,
    ) -> Result<(Vec<PersonSummary>, Option<Vec<u8>>)> {
        let mut people = Vec::new();
        let mut from = after;
        loop {
            let mut scan = Scan::prefix(Space::ProvinceIndex, &index::name_prefix(folded)).limit(ROWS_READ);
            if let Some(from) = &from {
                scan = scan.after(from.clone());
            }
            let rows = self.store.scan(scan).await?;
            for (row, _) in &rows {
                let key = index::record_of(row).ok_or_else(|| corrupt("an index row cannot be read"))?;
                if let Some(found) = self.records(BTreeSet::from([key])).await?.pop()
                    && is_meant(&found, folded, birth_date)
                    && index_is_current(row, &found.payload, folded)
                {
                    if people.len() == limit {
                        return Ok((people, from));
                    }
                    people.push(summary(&found.payload)?);
                }
                from = Some(row.to_vec());
            }
            if rows.len() < ROWS_READ {
                return Ok((people, None));
            }
        }
    }
}

/// The accepted resident records: they were verified when they were accepted.
#[async_trait]
impl Residents for Province {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        let found = self.registered(index::person_prefix(number)).await?;
        Ok(found.iter().filter_map(|found| Entry::of(&found.payload)).find(|entry| entry.number == number))
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        let found = self.registered(index::alias_prefix(number.as_str())).await?;
        let entries = found.iter().filter_map(|found| Entry::of(&found.payload));
        Ok(entries.filter(|entry| entry.claims.contains(&number)).collect())
    }
}

fn is_meant(person: &FoundRecord, folded: &str, birth_date: Option<PartialDate>) -> bool {
    let register = person.record_type.people.as_ref();
    let Some((name, birth)) = register.and_then(|people| people.name_key(&person.payload)) else { return false };
    name == folded && birth_date.is_none_or(|asked| asked.agrees(birth))
}

/// A person whose birth date changed has two index rows; only the row of the present date counts.
fn index_is_current(row: &[u8], person: &Object, folded: &str) -> bool {
    let birth = person.text("birth_date").unwrap_or_default().as_bytes();
    row.get(index::name_prefix(folded).len()..)
        .is_some_and(|rest| rest.len() == birth.len() + 18 && rest.starts_with(birth))
}

fn summary(person: &Object) -> Result<PersonSummary> {
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
    })
}

fn unit_name(person: &Object) -> Option<String> {
    let residence = person.object("permanent_residence")?;
    let units = codes::list("units")?;
    let unit = codes::unit(&units, residence.text("unit_code")?, date_at(residence, "unit_valid_from")?)?;
    Some(unit.name.vi.clone())
}

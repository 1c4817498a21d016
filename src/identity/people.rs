//! Reads people and documents from their registries, verified.

use std::sync::Arc;

use crate::base::{Error, PartialDate, PersonalId, Result, Timestamp};
use crate::registry::answer::VerifiedRecord;
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{Entry, Numbers, Standing, resolve};
use crate::registry::port::{PERSON_PAGE_RECORDS, Selector};
use crate::registry::{Catalogue, Reader, RecordType};
use crate::trust::Object;

use super::document::DocumentType;

/// Most people of one name and year that are looked at.
const NAMESAKES_MAX: usize = 16;

/// A person, as in the resident registry's record.
#[derive(Debug, Clone)]
pub struct Person {
    /// All numbers that lead to the person.
    pub numbers: Numbers,
    /// The payload of the resident record.
    pub payload: Object,
}

/// The registries, as identity reads them.
#[derive(Clone)]
pub struct Registries {
    /// Reads from ports and verifies.
    pub reader: Reader,
}

impl Registries {
    /// The catalogue of registries and record types.
    pub fn catalogue(&self) -> &Catalogue {
        self.reader.catalogue()
    }

    /// The record type that represents documents of a kind.
    pub fn document(&self, kind: DocumentType) -> Result<&Arc<RecordType>> {
        let found = self.catalogue().document(kind);
        found.ok_or_else(|| Error::bug(format!("documents of kind {} are of no record type", kind.0)))
    }

    /// Reads the record with a natural key. That a record failed its checks is reported only to the person whom it names, as `is_own` decides; others
    /// get `None`.
    pub async fn read_one(
        &self,
        record_type: &Arc<RecordType>,
        key: String,
        now: Timestamp,
        is_own: impl Fn(&Object) -> bool,
    ) -> Result<Option<VerifiedRecord>> {
        let Some(answer) = self.reader.first(record_type, Selector::Key(key), 1).await?.pop() else { return Ok(None) };
        match self.reader.as_issued(&answer, now).verified() {
            Err(_) if !answer.record.record.disclosure.fields().is_ok_and(|fields| is_own(&fields)) => Ok(None),
            read => Ok(Some(read?)),
        }
    }

    /// The person to whom a number, also a superseded one, leads by the rule of [`numbers`](crate::registry::numbers). `None` where it leads to
    /// nobody.
    pub async fn person(&self, number: PersonalId, now: Timestamp) -> Result<Option<Person>> {
        let numbers = resolve(number, &AskedResidents { reader: &self.reader, now }).await?;
        if !numbers.is_held() {
            return Ok(None);
        }
        let selector = Selector::Person(numbers.current);
        let found = self.reader.first(self.catalogue().people(), selector, PERSON_PAGE_RECORDS).await?;
        let Some(own) = found.iter().find(|answer| answer.must_be_about(&[numbers.current]).is_ok()) else {
            return Ok(None);
        };
        let payload = self.reader.as_issued(own, now).verified()?.payload;
        Ok(Some(Person { numbers, payload }))
    }

    /// How many other people have this folded name and a birth date that agrees, up to `NAMESAKES_MAX`. A number that was given up is its
    /// holder's present one once more.
    pub async fn namesakes(&self, folded: &str, born: PartialDate, own: &Numbers, now: Timestamp) -> Result<usize> {
        let selector = Selector::Name { folded: folded.to_owned(), birth_date: Some(born) };
        let mut others = 0;
        for answer in &self.reader.first(self.catalogue().people(), selector, NAMESAKES_MAX).await? {
            let record = self.reader.as_issued(answer, now).verified()?;
            let entry = Entry::of(&record.payload);
            let is_other = |entry: &Entry| entry.standing != Standing::GivenUp && !own.contains(entry.number);
            others += usize::from(entry.as_ref().is_none_or(is_other));
        }
        Ok(others)
    }

    /// The records of the people who have a 9-digit number, at most two.
    pub async fn holding(&self, old_number: &str, now: Timestamp) -> Result<Vec<Object>> {
        let selector = Selector::OldNumber(old_number.to_owned());
        let found = self.reader.first(self.catalogue().people(), selector, 2).await?;
        found.iter().map(|answer| Ok(self.reader.as_issued(answer, now).verified()?.payload)).collect()
    }
}

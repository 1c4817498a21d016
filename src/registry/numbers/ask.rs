//! Asks a resident registry through its port for the records that the rule needs, and accepts only those that verify.

use async_trait::async_trait;

use crate::base::{PersonalId, Result, Timestamp};
use crate::registry::RecordType;
use crate::registry::port::{PERSON_PAGE_RECORDS, Query, Registry, RegistryRecord, Selector};
use crate::trust::verify::Verifier;

use super::{CLAIMANTS_MAX, Entry, Residents, Standing};

/// A resident registry as the rule sees it.
pub struct AskedResidents<'a> {
    /// The registry.
    pub registry: &'a dyn Registry,
    /// The register of people, a record type of it.
    pub people: &'a RecordType,
    /// Verifies its records.
    pub verifier: &'a Verifier,
    /// As of when.
    pub now: Timestamp,
}

#[async_trait]
impl Residents for AskedResidents<'_> {
    async fn record(&self, number: PersonalId) -> Result<Option<Entry>> {
        let entries = self.read(Selector::Person(number), PERSON_PAGE_RECORDS).await?;
        Ok(entries.into_iter().find(|entry| entry.number == number))
    }

    async fn claimants(&self, number: PersonalId) -> Result<Vec<Entry>> {
        self.read(Selector::OldNumber(number.as_str().to_owned()), CLAIMANTS_MAX + 1).await
    }
}

impl AskedResidents<'_> {
    async fn read(&self, selector: Selector, limit: usize) -> Result<Vec<Entry>> {
        let found = self.registry.read(Query::latest([&self.people.name], selector, limit)).await?;
        Ok(found.records.iter().filter_map(|found| self.entry(found)).collect())
    }

    /// What a record says of numbers. One that does not verify claims nothing, and keeps its own number from being claimed. One that
    /// claims nothing and says that its person lives is not verified here: the code that discloses any of it does that.
    fn entry(&self, found: &RegistryRecord) -> Option<Entry> {
        let entry = Entry::of(&found.record.disclosure.fields_named(&Entry::FIELDS).ok()?)?;
        if entry.claims.is_empty() && entry.standing == Standing::Living {
            return Some(entry);
        }
        let report = self.verifier.verify_issued(&found.record, self.now);
        let is_person = report.statement.as_ref().is_some_and(|statement| self.people.name == statement.schema);
        if report.verdict.is_valid() && is_person { Some(entry) } else { Some(Entry::unproved(entry.number)) }
    }
}

//! Reads the records that the rule needs from a resident registry through its port, and accepts only those that verify.

use async_trait::async_trait;

use crate::base::{PersonalId, Result, Timestamp};
use crate::registry::answer::Answer;
use crate::registry::port::{PERSON_PAGE_RECORDS, Selector};
use crate::registry::reader::Reader;

use super::{CLAIMANTS_MAX, Entry, Residents, Standing};

/// The resident registry as the rule sees it.
pub struct AskedResidents<'a> {
    /// The reader, which verifies.
    pub reader: &'a Reader,
    /// The time for which records are verified.
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
    async fn read(&self, selector: Selector, most: usize) -> Result<Vec<Entry>> {
        let found = self.reader.first(self.reader.catalogue().people(), selector, most).await?;
        Ok(found.iter().filter_map(|found| self.entry(found)).collect())
    }

    /// The claims of a record. One that does not verify claims nothing, and keeps its own number from being claimed. One that
    /// claims nothing and has a living person is not verified here: the code that discloses any of it does that.
    fn entry(&self, found: &Answer) -> Option<Entry> {
        let entry = Entry::of(&found.record.record.disclosure.fields_named(&Entry::FIELDS).ok()?)?;
        if entry.claims.is_empty() && entry.standing == Standing::Living {
            return Some(entry);
        }
        let refused = self.reader.as_issued(found, self.now).refusal().is_some();
        if refused { Some(Entry::unproved(entry.number)) } else { Some(entry) }
    }
}

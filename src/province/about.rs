//! The records about a person: all those to which the person's numbers lead, whichever of their versions names one.

use std::collections::BTreeSet;

use crate::base::{PersonalId, Result};
use crate::registry::numbers::resolve;

use super::found::FoundRecord;
use super::index;
use super::row::RecordKey;
use super::snapshot::Snapshot;

/// A person's numbers and the records to which they lead, at the time of one read.
pub(super) struct About {
    numbers: Vec<PersonalId>,
    pub(super) records: BTreeSet<RecordKey>,
}

impl About {
    /// By what the snapshot knows: a number may lead to somebody else at another time.
    pub(super) async fn of(person: PersonalId, snapshot: &Snapshot<'_>) -> Result<Self> {
        let numbers: Vec<PersonalId> = resolve(person, snapshot).await?.all().collect();
        let mut records = BTreeSet::new();
        for number in &numbers {
            records.extend(snapshot.record_keys(index::person_prefix(*number)).await?);
        }
        Ok(Self { numbers, records })
    }

    /// Whether this version of a record names the person.
    pub(super) fn is_named_in(&self, version: &FoundRecord) -> bool {
        let people = version.record_type.people_of(&version.payload);
        people.iter().any(|person| self.numbers.contains(person))
    }
}

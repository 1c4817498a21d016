//! Reading people and documents from their registries: asked through the port, verified before anything is believed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::{Error, PersonalId, RecordId, Result, Timestamp};
use crate::registry::numbers::ask::AskedResidents;
use crate::registry::numbers::{Numbers, resolve};
use crate::registry::port::{PERSON_PAGE_RECORDS, Query, Registry, RegistryRecord, Selector};
use crate::registry::{Catalogue, RecordType};
use crate::trust::{Code, Disclosure, Object, SignedRecord, Statement, Verifier, canonical};

use super::document::{DocumentType, Standing, standing};

/// A record that verified, read.
#[derive(Debug, Clone)]
pub struct ReadRecord {
    /// Its id.
    pub record_id: RecordId,
    /// Its statement.
    pub statement: Statement,
    /// Its payload.
    pub payload: Object,
}

impl ReadRecord {
    /// Where the document that it is stands at `now`.
    pub fn standing(&self, record_type: &RecordType, now: Timestamp) -> Standing {
        standing(record_type, self.statement.operation, self.statement.valid_until, &self.payload, now)
    }
}

/// A person as the resident registry knows them.
#[derive(Debug, Clone)]
pub struct Person {
    /// Every number that leads to them.
    pub numbers: Numbers,
    /// The registry's payload.
    pub payload: Object,
}

/// The registries, asked and checked.
#[derive(Clone)]
pub struct Registries {
    catalogue: Arc<Catalogue>,
    registries: Arc<BTreeMap<String, Arc<dyn Registry>>>,
    verifier: Arc<Verifier>,
}

impl Registries {
    /// Asks `registries`, believes what `verifier` finds valid.
    pub fn new(
        catalogue: Arc<Catalogue>,
        registries: impl IntoIterator<Item = Arc<dyn Registry>>,
        verifier: Arc<Verifier>,
    ) -> Self {
        let registries = registries.into_iter().map(|registry| (registry.name().to_owned(), registry)).collect();
        Self { catalogue, registries: Arc::new(registries), verifier }
    }

    /// The registries and record types that there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The record type of a kind of document.
    pub fn document(&self, kind: DocumentType) -> Result<&Arc<RecordType>> {
        let found = self.catalogue.document(kind);
        found.ok_or_else(|| Error::bug(format!("documents of kind {} are of no record type", kind.0)))
    }

    /// Reads records of one type, at most `limit`.
    pub async fn read(
        &self,
        record_type: &RecordType,
        selector: Selector,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<ReadRecord>> {
        self.page(record_type, Query::latest([&*record_type.name], selector, limit), now)
            .await
            .map(|(records, _)| records)
    }

    /// Reads all records of one type that a selector finds, however many pages they take.
    pub async fn read_all(
        &self,
        record_type: &RecordType,
        selector: Selector,
        now: Timestamp,
    ) -> Result<Vec<ReadRecord>> {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let query = Query { after, ..Query::latest([&*record_type.name], selector.clone(), PERSON_PAGE_RECORDS) };
            let (records, next) = self.page(record_type, query, now).await?;
            found.extend(records);
            after = next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn page(
        &self,
        record_type: &RecordType,
        query: Query,
        now: Timestamp,
    ) -> Result<(Vec<ReadRecord>, Option<Vec<u8>>)> {
        let registry = self.registry(&record_type.registry)?;
        let page = registry.read(query).await?;
        let read = |found: &Arc<RegistryRecord>| self.believe(&record_type.name, found.record_id, &found.record, now);
        Ok((page.records.iter().map(read).collect::<Result<_>>()?, page.next))
    }

    /// Reads the record of one natural key. Of one that fails its checks only whoever it names learns that, as `is_own` says: to others
    /// there is none.
    pub async fn read_one(
        &self,
        record_type: &RecordType,
        key: String,
        now: Timestamp,
        is_own: impl Fn(&Object) -> bool,
    ) -> Result<Option<ReadRecord>> {
        let registry = self.registry(&record_type.registry)?;
        let page = registry.read(Query::latest([&*record_type.name], Selector::Key(key), 1)).await?;
        let Some(found) = page.records.into_iter().next() else { return Ok(None) };
        match self.believe(&record_type.name, found.record_id, &found.record, now) {
            Err(_) if !found.record.disclosure.fields().is_ok_and(|fields| is_own(&fields)) => Ok(None),
            read => read.map(Some),
        }
    }

    fn registry(&self, name: &str) -> Result<&Arc<dyn Registry>> {
        self.registries.get(name).ok_or_else(|| Error::bug(format!("no registry {name}")))
    }

    fn believe(&self, record_type: &str, id: RecordId, record: &SignedRecord, now: Timestamp) -> Result<ReadRecord> {
        let report = self.verifier.verify_issued(record, now);
        let refused = |code: Code, why: &str| {
            Error::new(code.reason(), format!("the registry's record fails its checks: {why}"))
                .with_subject("record", record_type)
                .with_metadata("record_type", record_type)
        };
        if let Some(code) = report.verdict.code() {
            return Err(refused(code, code.as_str()));
        }
        let statement = report.statement.ok_or_else(|| refused(Code::Malformed, "it has no statement"))?;
        if statement.schema != record_type || statement.record_id != id {
            return Err(refused(Code::Malformed, "it is not the record that was asked for"));
        }
        let Disclosure::Whole { payload, .. } = &record.disclosure else {
            return Err(refused(Code::PayloadMismatch, "it is not whole"));
        };
        let payload =
            canonical::parse(payload).map_err(|_| refused(Code::NonCanonical, "its payload is not canonical"))?;
        Ok(ReadRecord { record_id: id, statement, payload })
    }

    /// The person that a number leads to: [`numbers`](crate::registry::numbers) says who that is, superseded numbers too. `None` where
    /// it leads to nobody.
    pub async fn person(&self, number: PersonalId, now: Timestamp) -> Result<Option<Person>> {
        let people = self.catalogue.people();
        let registry = self.registry(&people.registry)?;
        let asked = AskedResidents { registry: &**registry, people, verifier: &self.verifier, now };
        let numbers = resolve(number, &asked).await?;
        if !numbers.is_held() {
            return Ok(None);
        }
        let found = self.read(people, Selector::Person(numbers.current), 1, now).await?;
        let own = |record: &ReadRecord| record.payload.text("personal_id") == Some(numbers.current.as_str());
        Ok(found.into_iter().find(own).map(|record| Person { numbers, payload: record.payload }))
    }

    /// How many people share a 9-digit number, up to two.
    pub async fn sharing(&self, old_number: &str, now: Timestamp) -> Result<usize> {
        let selector = Selector::OldNumber(old_number.to_owned());
        Ok(self.read(self.catalogue.people(), selector, 2, now).await?.len())
    }
}

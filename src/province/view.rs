//! The view of a person over all registries. Gathering reads rows; assembling them is a pure function.

use std::collections::BTreeSet;

use crate::base::{Date, Error, PersonalId, Reason, RecordId, Result, Timestamp, limits};
use crate::registry::code_names::{CodeName, code_names};
use crate::registry::numbers::{Numbers, resolve};
use crate::registry::{Heading, Name};
use crate::store::{Scan, Space};
use crate::trust::{Object, Operation, canonical};

use super::claim::Discrepancy;
use super::discrepancies::discrepancies;
use super::facts;
use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::row::{RecordKey, RecordRow, corrupt};

/// Most records in the view of one person.
const RECORDS_MAX: usize = 1_000;

/// Most bytes of their payloads: in the view each field has its name and its source beside it.
const BYTES_MAX: usize = limits::ANSWER_BYTES_MAX / 2;

/// The reader of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The citizen, who sees everything.
    Citizen,
    /// The gateway's operator, who sees everything but the judicial record.
    Operator,
}

/// A person's records over all registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The present personal ID.
    pub personal_id: PersonalId,
    /// Superseded numbers that lead to the person.
    pub superseded_ids: Vec<PersonalId>,
    /// The records in the view; source number n has the index n − 1.
    pub sources: Vec<Source>,
    /// The sections that have items, in the order of [`Heading`].
    pub sections: Vec<Section>,
    /// Contradictions between registries.
    pub discrepancies: Vec<Discrepancy>,
    /// Size of the record ledger that the view reflects.
    pub ledger_size: u64,
}

/// The record version from which values are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its type.
    pub record_type: Name,
    /// Its registry.
    pub registry: Name,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// The index of its statement in the record ledger.
    pub ledger_index: u64,
}

/// The records under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading of the records.
    pub heading: Heading,
    /// One item for each record.
    pub items: Vec<Item>,
}

/// A record in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its type.
    pub record_type: Name,
    /// Its fields.
    pub fields: Object,
    /// The number of its source, from 1.
    pub source: u32,
    /// Whether it is revoked.
    pub revoked: bool,
    /// What its codes mean.
    pub names: Vec<CodeName>,
}

/// Assembles the records of one person. `today` is for rules that depend on the day.
pub(super) fn assemble(
    numbers: Numbers,
    mut records: Vec<FoundRecord>,
    audience: Audience,
    today: Date,
    ledger_size: u64,
) -> PersonView {
    records.retain(|record| audience == Audience::Citizen || record.record_type.heading != Heading::Judicial);
    records.sort_by_key(|record| (record.record_type.heading, record.record_type.ordinal, record.ledger_index));
    let discrepancies = discrepancies(&numbers.all().collect::<Vec<_>>(), &records, today);
    let mut sources = Vec::with_capacity(records.len());
    let mut sections: Vec<Section> = Vec::new();
    for record in records {
        sources.push(Source {
            record_type: record.record_type.name.clone(),
            registry: record.record_type.registry.clone(),
            record_id: record.record_id,
            version: record.version,
            issued_at: record.issued_at,
            ledger_index: record.ledger_index,
        });
        let item = Item {
            names: code_names(&record.record_type, &record.payload, today),
            record_type: record.record_type.name.clone(),
            fields: record.payload,
            source: sources.len() as u32,
            revoked: record.revoked,
        };
        let heading = record.record_type.heading;
        match sections.last_mut().filter(|section| section.heading == heading) {
            Some(section) => section.items.push(item),
            None => sections.push(Section { heading, items: vec![item] }),
        }
    }
    let Numbers { current: personal_id, superseded: superseded_ids, .. } = numbers;
    PersonView { personal_id, superseded_ids, sources, sections, discrepancies, ledger_size }
}

impl Province {
    /// The view of the person to whom this personal ID leads; for a number that leads to nobody, the records that carry it
    /// literally. Fails with [`RecordNotFound`](Reason::RecordNotFound) if there are none.
    pub async fn person(&self, number: PersonalId, audience: Audience, today: Date) -> Result<PersonView> {
        let ledger_size = self.ledger_size();
        let numbers = resolve(number, self).await?;
        let mut keys = BTreeSet::new();
        for number in numbers.all() {
            keys.extend(self.record_keys(index::person_prefix(number)).await?);
        }
        let mut records = self.records(keys).await?;
        records.retain(|found| {
            let people = found.record_type.people_of(&found.payload);
            numbers.all().any(|number| people.contains(&number))
        });
        if records.is_empty() {
            let unknown = Error::new(Reason::RecordNotFound, "no registry has records of this person");
            return Err(unknown.with_subject("person", ""));
        }
        let led_to = self.led_to(&records).await?;
        records.extend(led_to);
        if records.len() > RECORDS_MAX || records.iter().map(|found| found.bytes).sum::<usize>() > BYTES_MAX {
            return Err(too_large());
        }
        let mut view = assemble(numbers, records, audience, today, ledger_size);
        let mut discrepancies = Vec::with_capacity(view.discrepancies.len());
        for found in view.discrepancies {
            if !self.is_one_relative(&found).await? {
                discrepancies.push(found);
            }
        }
        view.discrepancies = discrepancies;
        Ok(view)
    }

    /// Whether both claims about a relative are numbers of one person: books keep the number of their day.
    async fn is_one_relative(&self, found: &Discrepancy) -> Result<bool> {
        if !facts::RELATIVES.contains(&found.code) {
            return Ok(false);
        }
        let numbers = found.claims.iter().filter_map(|claim| PersonalId::parse(claim.value.as_text()?));
        let mut people = BTreeSet::new();
        for number in numbers {
            people.insert(resolve(number, self).await?.current);
        }
        Ok(people.len() == 1)
    }

    /// The records that name nobody themselves, and to which `records` refer.
    async fn led_to(&self, records: &[FoundRecord]) -> Result<Vec<FoundRecord>> {
        let mut keys = BTreeSet::new();
        for record_type in self.catalogue.record_types() {
            let Some(through) = &record_type.found_through else { continue };
            for found in records.iter().filter(|found| found.record_type.name == *through.record_type) {
                for named in found.payload.array(&through.field).unwrap_or_default() {
                    let natural = record_type.key_form.of(named.as_text().unwrap_or_default());
                    keys.extend(self.record_keys(index::natural_prefix(record_type, &natural)).await?);
                }
            }
        }
        self.records(keys).await
    }

    pub(super) async fn record_keys(&self, prefix: Vec<u8>) -> Result<Vec<RecordKey>> {
        let rows = self.store.scan(Scan::prefix(Space::ProvinceIndex, &prefix).limit(RECORDS_MAX + 1)).await?;
        if rows.len() > RECORDS_MAX {
            return Err(too_large());
        }
        let key = |key: &[u8]| index::record_of(key).ok_or_else(|| corrupt("an index row cannot be read"));
        rows.iter().map(|(row, _)| key(row)).collect()
    }

    /// The records with these keys, in the order of the keys.
    pub(super) async fn records(&self, keys: BTreeSet<RecordKey>) -> Result<Vec<FoundRecord>> {
        let wanted: Vec<Vec<u8>> = keys.iter().map(|key| key.to_vec()).collect();
        let rows = self.store.get_many(Space::ProvinceRecord, &wanted).await?;
        let mut found = Vec::with_capacity(keys.len());
        for (key, row) in keys.iter().zip(rows) {
            let lost = || self.store.damaged(Space::ProvinceRecord, "a record that an index names has no row");
            let row = row.ok_or_else(lost)?;
            let row = RecordRow::read(&row)?;
            let record_type = self.catalogue.record_type_numbered(key[0]);
            let record_type = record_type.ok_or_else(|| corrupt("a record has an unknown type"))?.clone();
            let mut record_id = RecordId([0; 16]);
            record_id.0.copy_from_slice(&key[1..]);
            found.push(FoundRecord {
                record_type,
                record_id,
                version: row.version,
                issued_at: row.issued_at,
                ledger_index: row.ledger_index,
                bytes: row.payload.len(),
                revoked: row.operation == Operation::Revoke,
                payload: canonical::parse(&row.payload)
                    .map_err(|error| corrupt("a payload cannot be read").with_source(error))?,
            });
        }
        Ok(found)
    }
}

fn too_large() -> Error {
    let message = format!(
        "more than {RECORDS_MAX} records, or {BYTES_MAX} bytes of them: page through the registries' own services"
    );
    Error::new(Reason::AnswerTooLarge, message).with_subject("view", "records")
}

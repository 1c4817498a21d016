//! The view of a person over all registries. Gathering reads rows; assembling them is a pure function.
//!
//! A view is gathered whole, within bounds, and shown in pages: every page is of the same snapshot, so that sources have one number over all of
//! them, and what the registries say of the subject is on the first.

use std::collections::BTreeSet;

use crate::base::{Date, Error, PersonalId, Reason, RecordId, Result, Timestamp, limits};
use crate::registry::code_names::{CodeName, code_names};
use crate::registry::numbers::{Numbers, resolve};
use crate::registry::{Heading, Name};
use crate::trust::Object;

use super::candidates::{fields_of, of_person};
use super::chosen::{Chosen, choose};
use super::claim::Discrepancy;
use super::discrepancies::discrepancies;
use super::facts;
use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::snapshot::{AsOf, RECORDS_MAX, Snapshot, too_large};
use super::survivorship::PERSON;

/// Most records on a page.
pub const PAGE_RECORDS_MAX: usize = 1_000;

/// Most bytes of their payloads: in the view each field has its name and its source beside it.
const PAGE_BYTES_MAX: usize = limits::ANSWER_BYTES_MAX / 2;

/// The reader of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// The citizen, who sees everything.
    Citizen,
    /// The gateway's operator, who sees everything but the judicial record.
    Operator,
}

/// The query for a view: its point in time, its day and its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// At which point of the two times.
    pub as_of: AsOf,
    /// The day for rules that depend on one.
    pub day: Date,
    /// Which page.
    pub page: Page,
}

impl Asked {
    /// The first page, of what is known now.
    pub fn now(province: &Province, day: Date) -> Self {
        Self { as_of: province.as_of_now(), day, page: Page::default() }
    }
}

/// A page of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The number of records before it.
    pub after: u32,
    /// Most records on it.
    pub size: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: 0, size: PAGE_RECORDS_MAX }
    }
}

/// A person's records over all registries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// The present personal ID.
    pub personal_id: PersonalId,
    /// Superseded numbers that lead to the person.
    pub superseded_ids: Vec<PersonalId>,
    /// The page.
    pub view: View,
}

/// A page of the records of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The records on this page, and those that its claims name.
    pub sources: Vec<Source>,
    /// The sections that have items, in the order of [`Heading`].
    pub sections: Vec<Section>,
    /// Contradictions between registries; on the first page.
    pub discrepancies: Vec<Discrepancy>,
    /// What counts of each field of the subject; on the first page.
    pub chosen: Vec<Chosen>,
    /// Size of the record ledger that the view reflects.
    pub ledger_size: u64,
    /// The number of records before the next page; `None` at the end.
    pub next: Option<u32>,
}

/// The record version from which values are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its number in the view, from 1, the same on all pages.
    pub number: u32,
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

impl Source {
    pub(super) fn of(found: &FoundRecord, number: u32) -> Self {
        Self {
            number,
            record_type: found.record_type.name.clone(),
            registry: found.record_type.registry.clone(),
            record_id: found.record_id,
            version: found.version,
            issued_at: found.issued_at,
            ledger_index: found.ledger_index,
        }
    }
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
    /// In the view of an address: where the record has it.
    pub addresses: Vec<String>,
}

/// The summary of a subject's records: discrepancies and chosen values, over all pages.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) discrepancies: Vec<Discrepancy>,
    pub(super) chosen: Vec<Chosen>,
}

/// Puts the records of a view in its order, without those that the audience does not see.
pub(super) fn ordered(mut records: Vec<FoundRecord>, audience: Audience) -> Vec<FoundRecord> {
    records.retain(|record| audience == Audience::Citizen || record.record_type.heading != Heading::Judicial);
    records.sort_by_key(|record| (record.record_type.heading, record.record_type.ordinal, record.ledger_index));
    records
}

/// Cuts a page out of the records of a view, which are in its order.
pub(super) fn page_of(records: Vec<FoundRecord>, said: Said, asked: &Asked) -> View {
    let first = (asked.page.after as usize).min(records.len());
    let mut bytes = 0;
    let fitting = records[first..].iter().take(asked.page.size).take_while(|found| {
        let is_first = bytes == 0;
        bytes += found.bytes.max(1);
        is_first || bytes <= PAGE_BYTES_MAX
    });
    let end = first + fitting.count();
    let next = (end < records.len()).then_some(end as u32); // at most RECORDS_MAX
    let chosen = said.chosen.iter().flat_map(|one| one.agreeing.iter().copied().chain([one.claim.source]));
    let others = said.chosen.iter().flat_map(|one| &one.others);
    let claims = said.discrepancies.iter().flat_map(|one| &one.claims).chain(others).map(|claim| claim.source);
    let named: BTreeSet<u32> = claims.chain(chosen).collect();
    let (mut sources, mut sections): (_, Vec<Section>) = (Vec::with_capacity(end - first), Vec::new());
    for (at, (number, found)) in (1..).zip(records).enumerate() {
        let is_shown = (first..end).contains(&at);
        if is_shown || named.contains(&number) {
            sources.push(Source::of(&found, number));
        }
        if !is_shown {
            continue;
        }
        let heading = found.record_type.heading;
        let item = item_of(found, number, asked.day);
        match sections.last_mut().filter(|section| section.heading == heading) {
            Some(section) => section.items.push(item),
            None => sections.push(Section { heading, items: vec![item] }),
        }
    }
    let Said { discrepancies, chosen } = said;
    View { sources, sections, discrepancies, chosen, ledger_size: asked.as_of.known, next }
}

/// The item of a record.
pub(super) fn item_of(found: FoundRecord, source: u32, day: Date) -> Item {
    Item {
        names: code_names(&found.record_type, &found.payload, day),
        record_type: found.record_type.name.clone(),
        source,
        revoked: found.revoked,
        fields: found.payload,
        addresses: Vec::new(),
    }
}

impl Province {
    /// The view of the person to whom this personal ID leads; for a number that leads to nobody, the records that carry it
    /// literally. Fails with [`RecordNotFound`](Reason::RecordNotFound) if there are none.
    pub async fn person(&self, number: PersonalId, audience: Audience, asked: &Asked) -> Result<PersonView> {
        let snapshot = self.snapshot(asked.as_of);
        let numbers = resolve(number, &snapshot).await?;
        let mut records = snapshot.naming(&numbers).await?;
        if records.is_empty() {
            let unknown = Error::new(Reason::RecordNotFound, "no registry has records of this person");
            return Err(unknown.with_subject("person", ""));
        }
        let led_to = snapshot.led_to(&records).await?;
        records.extend(led_to);
        if records.len() > RECORDS_MAX {
            return Err(too_large());
        }
        let records = ordered(records, audience);
        let mut said = Said::default();
        if asked.page.after == 0 {
            let all: Vec<PersonalId> = numbers.all().collect();
            for found in discrepancies(&all, &records, asked.day) {
                if !snapshot.is_one_relative(&found).await? {
                    said.discrepancies.push(found);
                }
            }
            let register = self.catalogue.people();
            said.chosen = choose(PERSON, fields_of(register), of_person(register, &all, &records));
        }
        let view = page_of(records, said, asked);
        let Numbers { current: personal_id, superseded: superseded_ids, .. } = numbers;
        Ok(PersonView { personal_id, superseded_ids, view })
    }
}

impl Snapshot<'_> {
    /// The records that name a person by any of their numbers.
    async fn naming(&self, numbers: &Numbers) -> Result<Vec<FoundRecord>> {
        let mut keys = BTreeSet::new();
        for number in numbers.all() {
            keys.extend(self.record_keys(index::person_prefix(number)).await?);
        }
        let mut records = self.records(keys).await?;
        records.retain(|found| {
            let people = found.record_type.people_of(&found.payload);
            numbers.all().any(|number| people.contains(&number))
        });
        Ok(records)
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
    pub(super) async fn led_to(&self, records: &[FoundRecord]) -> Result<Vec<FoundRecord>> {
        let mut keys = BTreeSet::new();
        for record_type in self.province.catalogue.record_types() {
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
}

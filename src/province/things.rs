//! The views of households, parcels, vehicles and organisations: their own record, the records that name them, and the people behind them.
//!
//! Which record types are the register of which kind of thing, and which fields name it, is said by the types ([`Viewed`](crate::registry::viewed::Viewed),
//! references, codes of organisations), so that registries from schema files show too.

use std::collections::BTreeSet;

use crate::base::{Error, OrganisationCode, Reason, Result};
use crate::registry::SubjectKind;

use super::candidates::{fields_of, of_thing};
use super::chosen::choose;
use super::follow::Province;
use super::found::FoundRecord;
use super::index;
use super::row::record_key;
use super::snapshot::{RECORDS_MAX, Snapshot, too_large};
use super::view::{Asked, Audience, Said, View, ordered, page_of};

/// A page of the view of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThingView {
    /// What it is.
    pub kind: SubjectKind,
    /// Its natural key, as registries compare it.
    pub key: String,
    /// The page.
    pub view: View,
}

impl Province {
    /// The view of a thing, by its natural key in any of its spellings. Fails with [`RecordNotFound`](Reason::RecordNotFound) if no record is of it
    /// or names it.
    pub async fn thing(&self, kind: SubjectKind, key: &str, asked: &Asked) -> Result<ThingView> {
        let registers: Vec<_> =
            self.catalogue.record_types().filter(|of| of.viewed.subject == Some(kind)).cloned().collect();
        let key = registers.first().map_or_else(|| key.to_owned(), |register| register.key_form.of(key));
        let snapshot = self.snapshot(asked.as_of);
        let mut records = snapshot.naming_thing(kind, &key).await?;
        if records.is_empty() {
            let unknown =
                Error::new(Reason::RecordNotFound, format!("no registry has records of this {}", kind.name()));
            return Err(unknown.with_subject(kind.name(), ""));
        }
        if kind == SubjectKind::Organisation {
            let led_to = snapshot.led_to(&records).await?;
            records.extend(led_to);
        }
        let people = snapshot.people_behind(kind, &key, &records).await?;
        records.extend(people);
        let mut seen = BTreeSet::new();
        records.retain(|found| seen.insert(record_key(&found.record_type, found.record_id)));
        if records.len() > RECORDS_MAX {
            return Err(too_large());
        }
        let records = ordered(records, Audience::Operator);
        let mut said = Said::default();
        if asked.page.after == 0 {
            let fields: Vec<&str> = registers.iter().flat_map(|register| fields_of(register)).collect();
            let mut once = BTreeSet::new();
            let fields = fields.into_iter().filter(|field| once.insert(*field));
            said.chosen = choose(kind.name(), fields, of_thing(kind, &key, &records));
        }
        Ok(ThingView { kind, key, view: page_of(records, said, asked) })
    }
}

impl Snapshot<'_> {
    /// The records of a thing, and those that name it.
    async fn naming_thing(&self, kind: SubjectKind, key: &str) -> Result<Vec<FoundRecord>> {
        let catalogue = &self.province.catalogue;
        let code = OrganisationCode::parse(key).filter(|_| kind == SubjectKind::Organisation);
        let prefix = code.map_or_else(|| index::subject_prefix(kind, key), index::organisation_prefix);
        let keys = self.record_keys(prefix).await?.into_iter().collect();
        let mut records = self.records(keys).await?;
        // Index rows are never deleted: the record itself decides.
        records.retain(|found| match code {
            Some(code) => found.record_type.organisations_of(&found.payload).contains(&code),
            None => {
                let named = index::subjects_of(catalogue, &found.record_type, &found.payload);
                named.iter().any(|(of, natural)| *of == kind && natural == key)
            }
        });
        Ok(records)
    }

    /// The register's records of the people whom a thing's own records name; where those name nobody, of those whom the records that lead to it name.
    async fn people_behind(&self, kind: SubjectKind, key: &str, records: &[FoundRecord]) -> Result<Vec<FoundRecord>> {
        let is_own = |found: &&FoundRecord| {
            let of = &found.record_type;
            of.viewed.subject == Some(kind) && of.key_of(&found.payload).as_deref() == Some(key)
        };
        let mut people = BTreeSet::new();
        for own in records.iter().filter(is_own) {
            people.extend(own.record_type.people_of(&own.payload));
            let Some(through) = &own.record_type.found_through else { continue };
            for leads in records.iter().filter(|found| found.record_type.name == through.record_type) {
                people.extend(leads.record_type.people_of(&leads.payload));
            }
        }
        let mut found = Vec::with_capacity(people.len());
        for person in people {
            let registered = self.registered(index::person_prefix(person)).await?;
            found.extend(registered.into_iter().filter(|it| it.payload.text("personal_id") == Some(person.as_str())));
        }
        Ok(found)
    }
}

//! What a watch selects of the accepted changes: by registry, by record type and its section, by the person or the commune that a record is about.
//!
//! A change is about a person or a commune if the version that it makes is, or the one that it replaces: a watcher also learns that a record ceased
//! to be about them.

use crate::base::{PersonalId, Result};
use crate::registry::{Heading, RecordType};
use crate::trust::Statement;

use super::about::About;
use super::follow::Province;
use super::found::FoundRecord;
use super::places::Place;
use super::row::{RecordKey, record_key};
use super::snapshot::{AsOf, Versions};

/// Selects changes; the default selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Only of this registry; `None`: of every registry.
    pub registry: Option<String>,
    /// Only of these record types; empty: of every type.
    pub record_types: Vec<String>,
    /// Only of record types in this section of a view.
    pub heading: Option<Heading>,
    /// Only of records about this person, by whichever of their numbers.
    pub person: Option<PersonalId>,
    /// Only of records with an address in this commune, or in one whose place it took.
    pub commune: Option<Place>,
    /// Whether a filter by person or commune also selects judicial records. An operator does not learn whom those are about.
    pub tells_judicial: bool,
}

/// A change that may be selected: its ledger index, its statement and the key of its record.
type Candidate = (u64, Statement, RecordKey);

impl ChangeFilter {
    /// Those of the statements, each with its ledger index, that the filter selects.
    pub(super) async fn select(
        &self,
        province: &Province,
        statements: Vec<(u64, Statement)>,
    ) -> Result<Vec<(u64, Statement)>> {
        let mut selected: Vec<Candidate> = statements
            .into_iter()
            .filter_map(|(index, statement)| {
                let record_type = self.takes(province, &statement)?;
                let key = record_key(record_type, statement.record_id);
                Some((index, statement, key))
            })
            .collect();
        if selected.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(person) = self.person {
            // By what is known now: a number may lead to somebody else since the watch began.
            let about = About::of(person, &province.snapshot(province.as_of_now())).await?;
            selected.retain(|(_, _, key)| about.records.contains(key));
            selected = kept(province, selected, |record| about.is_named_in(record)).await?;
        }
        if let Some(commune) = &self.commune {
            let units = commune.units();
            selected = kept(province, selected, |record| is_at(record, &units)).await?;
        }
        Ok(selected.into_iter().map(|(index, statement, _)| (index, statement)).collect())
    }

    /// The type of the statement's record, if nothing that the statement itself says speaks against it.
    fn takes<'a>(&self, province: &'a Province, statement: &Statement) -> Option<&'a RecordType> {
        let is_of = self.registry.as_ref().is_none_or(|registry| *registry == statement.issuer)
            && (self.record_types.is_empty() || self.record_types.contains(&statement.schema));
        let record_type = province.catalogue.record_type(&statement.schema).filter(|_| is_of)?;
        let is_hidden = record_type.heading == Heading::Judicial
            && !self.tells_judicial
            && (self.person.is_some() || self.commune.is_some());
        (self.heading.is_none_or(|heading| heading == record_type.heading) && !is_hidden).then_some(record_type)
    }
}

/// Those of the changes that are about what is asked.
async fn kept(
    province: &Province,
    changes: Vec<Candidate>,
    asked: impl Fn(&FoundRecord) -> bool,
) -> Result<Vec<Candidate>> {
    let mut kept = Vec::with_capacity(changes.len());
    for (index, statement, key) in changes {
        if is_about(province, key, index, &asked).await? {
            kept.push((index, statement, key));
        }
    }
    Ok(kept)
}

/// Whether the version of a record at a ledger index, or the one that it replaced, is as asked; no version is the statement that is in the ledger a
/// second time.
async fn is_about(
    province: &Province,
    key: RecordKey,
    index: u64,
    asked: impl Fn(&FoundRecord) -> bool,
) -> Result<bool> {
    let snapshot = province.snapshot(AsOf { known: index + 1, valid: None });
    let mut versions = Versions::of(snapshot, key);
    let Some(row) = versions.next().await?.filter(|row| row.ledger_index == index) else { return Ok(false) };
    if asked(&snapshot.found(&key, &row)?) {
        return Ok(true);
    }
    let replaced = versions.next().await?;
    replaced.map_or(Ok(false), |row| Ok(asked(&snapshot.found(&key, &row)?)))
}

fn is_at(record: &FoundRecord, units: &[(String, String)]) -> bool {
    let mut addresses = record.record_type.viewed.addresses_of(&record.payload);
    addresses.any(|(_, at)| units.iter().any(|unit| (&*unit.0, &*unit.1) == (at.unit_code, at.unit_valid_from)))
}

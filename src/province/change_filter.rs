//! What a watch selects of the accepted changes: by registry, by record type and its section, by the person or the commune that a record is about.
//!
//! A change is about a person or a commune if the version that it makes is, or the one that it replaces: a watcher also learns that a record ceased
//! to be about them.

use std::sync::Arc;

use crate::base::{Error, PersonalId, Result};
use crate::registry::{Catalogue, Heading, RecordType};
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
        let mut selected: Vec<Candidate> = self.taken(province, statements);
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

    /// Those against which nothing speaks that the statement itself says.
    fn taken(&self, province: &Province, statements: Vec<(u64, Statement)>) -> Vec<Candidate> {
        let parts = self.parts();
        let candidate = |(index, statement): (u64, Statement)| {
            let record_type = province.catalogue.record_type(&statement.schema)?;
            let key = record_key(record_type, statement.record_id);
            parts.iter().all(|(_, takes)| takes(record_type)).then_some((index, statement, key))
        };
        statements.into_iter().filter_map(candidate).collect()
    }

    /// Fails for a filter through which no change can ever pass, with the fields of a request that exclude each other.
    pub fn check(&self, catalogue: &Catalogue) -> Result<()> {
        let parts = self.parts();
        for (at, (field, takes)) in parts.iter().enumerate() {
            let is_taken = |of: &&Arc<RecordType>| parts[..at].iter().all(|(_, takes)| takes(of));
            let mut left = catalogue.record_types().filter(is_taken).peekable();
            if left.clone().any(|of| takes(of)) || left.peek().is_none() {
                continue;
            }
            // Those that exclude it alone, or else all together.
            let excludes = |(_, other): &&Part<'_>| !catalogue.record_types().any(|of| other(of) && takes(of));
            let alone: Vec<&str> = parts[..at].iter().filter(excludes).map(|(field, _)| *field).collect();
            let all: Vec<&str> = parts[..at].iter().map(|(field, _)| *field).collect();
            let others = if alone.is_empty() { all.join(", ") } else { alone.join(", ") };
            let says = match left.all(|of| self.hides(of)) {
                true => format!(
                    "whom judicial records concern is told to the owner of their registry only: leave this or {others} out"
                ),
                false => format!("no record type is left by this and {others} together"),
            };
            return Err(Error::invalid_field(field, "CONFLICT", says));
        }
        Ok(())
    }

    /// Which record types the parts of the filter take, by the fields of a request.
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts: Vec<Part<'_>> = Vec::new();
        if let Some(registry) = &self.registry {
            parts.push(("registry", Box::new(|of| *of.registry == **registry)));
        }
        if !self.record_types.is_empty() {
            parts.push(("record_types", Box::new(|of| self.record_types.iter().any(|name| **name == *of.name))));
        }
        if let Some(heading) = self.heading {
            parts.push(("section", Box::new(move |of| of.heading == heading)));
        }
        if self.person.is_some() {
            parts.push(("personal_id", Box::new(|of| of.names_people() && !self.hides(of))));
        }
        if self.commune.is_some() {
            parts.push(("unit_code", Box::new(|of| !of.viewed.addresses.is_empty() && !self.hides(of))));
        }
        parts
    }

    /// Whether the caller does not learn whom the records of a type concern.
    fn hides(&self, record_type: &RecordType) -> bool {
        record_type.heading == Heading::Judicial
            && !self.tells_judicial
            && (self.person.is_some() || self.commune.is_some())
    }
}

/// A field of a request, and the record types whose changes it can select.
type Part<'a> = (&'static str, Box<dyn Fn(&RecordType) -> bool + Send + Sync + 'a>);

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

//! A person's numbers: the present personal ID and those that it replaced, so that every number leads to one person and to
//! records that still stand under an old one.
//!
//! The resident registry is asked, its answer verified, and remembered for half a minute: a number that is superseded is
//! followed at the latest then. When the registry cannot be asked, the number is taken literally.

use std::sync::Arc;
use std::time::Instant;

use quick_cache::sync::Cache;

use crate::base::{PersonalId, Timestamp};
use crate::registry::port::{Query, Registry, RegistryRecord, Selector};
use crate::trust::Value;
use crate::trust::verify::Verifier;

use super::Exchange;
use super::context::Context;
use super::trail::{Step, Trail};

/// People that are remembered.
const REMEMBERED_MAX: usize = 100_000;
/// For how long, in milliseconds.
const REMEMBERED_MS: i64 = 30_000;

const PERSON: &str = "resident.person.v1";

/// The numbers of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The present one.
    pub(super) current: PersonalId,
    /// Those that it replaced.
    pub(super) superseded: Vec<PersonalId>,
}

/// What is remembered.
pub(super) struct People {
    remembered: Cache<PersonalId, (Timestamp, Arc<Numbers>)>,
}

impl People {
    pub(super) fn new() -> Self {
        Self { remembered: Cache::new(REMEMBERED_MAX) }
    }
}

impl Numbers {
    fn only(person: PersonalId) -> Arc<Self> {
        Arc::new(Self { current: person, superseded: Vec::new() })
    }

    /// All numbers, the present one first.
    pub(super) fn all(&self) -> impl Iterator<Item = PersonalId> + '_ {
        std::iter::once(self.current).chain(self.superseded.iter().copied())
    }
}

impl Exchange {
    /// The numbers of the person whom `person` leads to.
    pub(super) async fn numbers(&self, context: &Context, person: PersonalId, trail: &mut Trail) -> Arc<Numbers> {
        if let Some((since, numbers)) = self.people.remembered.get(&person)
            && (0..REMEMBERED_MS).contains(&(context.now.0 - since.0))
        {
            return numbers;
        }
        let Some(resident) = self.registries.get("resident") else { return Numbers::only(person) };
        // A part of the time only: if this registry is the slow one, the others must still have theirs.
        let left = context.ask_until().saturating_duration_since(Instant::now());
        match tokio::time::timeout(left / 4, look_up(&**resident, &self.verifier, person, context.now)).await {
            Ok(Ok(numbers)) => {
                let numbers = numbers.map_or_else(|| Numbers::only(person), Arc::new);
                self.people.remembered.insert(person, (context.now, numbers.clone()));
                numbers
            }
            Ok(Err(_)) | Err(_) => {
                let why = "the resident registry did not say; the number is taken literally";
                trail.skip(Step::SupersededNumbers, why);
                Numbers::only(person)
            }
        }
    }
}

async fn look_up(
    resident: &dyn Registry,
    verifier: &Verifier,
    person: PersonalId,
    now: Timestamp,
) -> crate::base::Result<Option<Numbers>> {
    let found = resident.read(Query::latest([PERSON], Selector::Person(person), 8)).await?;
    Ok(found.records.iter().filter_map(|record| read(record, verifier, person, now)).next())
}

/// The numbers that a person's record names, if `person` is one of them. Only a record that verifies, but for its place in
/// the province's ledger, may send a call to another number.
fn read(found: &RegistryRecord, verifier: &Verifier, person: PersonalId, now: Timestamp) -> Option<Numbers> {
    let fields = found.record.disclosure.fields().ok()?;
    let current = PersonalId::parse(fields.text("personal_id")?)?;
    let superseded = fields.array("superseded_ids").unwrap_or_default().iter();
    let superseded: Vec<_> = superseded.filter_map(Value::as_text).filter_map(PersonalId::parse).collect();
    if current == person && superseded.is_empty() {
        return Some(Numbers { current, superseded });
    }
    let report = verifier.verify(&found.record, now);
    let good = report.failed().all(|check| check.name == "ledger_inclusion");
    (good && (current == person || superseded.contains(&person))).then_some(Numbers { current, superseded })
}

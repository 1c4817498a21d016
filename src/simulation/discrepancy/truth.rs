//! What is true where registries disagree: one line of JSON for each disagreement, written beside the world.

use std::collections::BTreeMap;

use crate::registry::{land, resident, vehicle};
use crate::simulation::document::Record;
use crate::simulation::population::Batch;
use crate::trust::canonical;
use crate::trust::{Object, Value};

use super::rules::key_of;

/// One disagreement.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth(Object);

impl Truth {
    /// Of a record, in a field, with what it says and what is true of whom.
    pub(super) fn of(
        kind: &str,
        record: &Record,
        field: &str,
        (written, truth): (Option<String>, Option<String>),
        personal_id: &str,
    ) -> Self {
        let line = Object::new()
            .with("kind", kind)
            .with("record_type", record.record_type)
            .with("key", key_of(record))
            .with("personal_id", personal_id)
            .with_optional("field", Some(field).filter(|field| !field.is_empty()))
            .with_optional("written", written)
            .with_optional("true", truth);
        Self(line)
    }

    /// What kind it is: `old_number`, ….
    pub fn kind(&self) -> &str {
        self.0.text("kind").unwrap_or_default()
    }

    /// The key of the record.
    pub fn key(&self) -> &str {
        self.0.text("key").unwrap_or_default()
    }

    /// As a line of a file.
    pub fn line(&self) -> Vec<u8> {
        let mut line = canonical::write(&self.0);
        line.push(b'\n');
        line
    }
}

/// Owners of vehicles and land who have died or moved to another province: nobody made an error, and yet the registries say different things.
pub fn stale_owners(batch: &Batch) -> Vec<Truth> {
    let people = batch.records.iter().filter(|record| record.record_type == resident::PERSON);
    let people: BTreeMap<&str, &Object> =
        people.filter_map(|record| Some((record.payload.text("personal_id")?, &record.payload))).collect();
    let owned =
        batch.records.iter().filter(|record| [land::CERTIFICATE, vehicle::REGISTRATION].contains(&record.record_type));
    let mut found = Vec::new();
    for record in owned {
        let owners = record.payload.array("owners").unwrap_or_default().iter().filter_map(Value::as_object);
        for owner in owners.chain(record.payload.object("owner")) {
            let Some(id) = owner.text("personal_id") else { continue };
            let kind = match people.get(id).and_then(|person| person.text("status")) {
                Some("deceased") => "owner_died",
                Some("moved_out") => "owner_moved",
                _ => continue,
            };
            found.push(Truth::of(kind, record, "", (None, None), id));
        }
    }
    found
}

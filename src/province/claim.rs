//! What the sources of a view state about a person, and a discrepancy between them.

use crate::base::PersonalId;
use crate::trust::{Object, Value};

use super::found::FoundRecord;

/// Different values in registries for one fact about a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Stable code, UPPER_SNAKE.
    pub code: &'static str,
    /// The explanation, without personal data.
    pub message: &'static str,
    /// The values, each with its source.
    pub claims: Vec<Claim>,
}

/// The value that one source states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The field's path in its record.
    pub field: String,
    /// Its value.
    pub value: Value,
    /// The number of the source in the view, from 1.
    pub source: u32,
}

/// An object in a record that is about the person, and its path.
pub(super) struct Mention<'a> {
    pub(super) path: String,
    pub(super) object: &'a Object,
    pub(super) source: u32,
}

impl Mention<'_> {
    pub(super) fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn claim(&self, name: &str) -> Option<Claim> {
        let value = self.object.path(name)?.clone();
        Some(Claim { field: self.field(name), value, source: self.source })
    }
}

/// The objects of a record that are about the person: the record itself, its holder, its owners.
pub(super) fn mentions<'a>(numbers: &[PersonalId], found: &'a FoundRecord, source: u32) -> Vec<Mention<'a>> {
    let is_person = |object: &Object| {
        object.text("personal_id").and_then(PersonalId::parse).is_some_and(|id| numbers.contains(&id))
    };
    let mut all = Vec::new();
    if found.record_type.people.is_some() {
        return all; // the person record, with which the others are compared
    }
    if is_person(&found.payload) {
        all.push(Mention { path: String::new(), object: &found.payload, source });
    }
    for (name, value) in found.payload.iter() {
        match value {
            Value::Object(object) if is_person(object) => {
                all.push(Mention { path: name.to_owned(), object, source });
            }
            Value::Array(items) => {
                let objects = items.iter().enumerate().filter_map(|(at, item)| Some((at, item.as_object()?)));
                let about = objects.filter(|(_, object)| is_person(object));
                all.extend(about.map(|(at, object)| Mention { path: format!("{name}[{at}]"), object, source }));
            }
            _ => {}
        }
    }
    all
}

//! How sample data of a record type are made, where its schema file says it: for which citizens, and what each field holds.

use crate::trust::Value;

/// Sample data of a record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Of a thousand citizens of that age, so many have one.
    pub per_mille: u32,
    /// The youngest and the oldest, in years.
    pub ages: (i64, i64),
    /// What fields hold, by their paths; `*` is the item of a list. A required field without a hint takes what its rule or its citizen gives.
    pub fields: Vec<(String, Hint)>,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// One of these.
    OneOf(Vec<Value>),
    /// A text with `{n6}` for a number that counts up, of six digits, `{d3}` for three random digits, and `{id}` for the personal ID.
    Template(String),
    /// A whole number.
    Between(i64, i64),
    /// A day so many years after the citizen's birth, in the past.
    AfterBirth(i64, i64),
    /// A day so many days from today; before it, where the numbers are below zero.
    FromToday(i64, i64),
    /// A day so many days after the one of another field.
    After(String, i64, i64),
    /// The address of the citizen.
    Residence,
}

impl Samples {
    /// The hint of a field.
    pub fn hint(&self, path: &str) -> Option<&Hint> {
        self.fields.iter().find(|(known, _)| known == path).map(|(_, hint)| hint)
    }
}

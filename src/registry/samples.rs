//! Sample data of a record type, where its schema file describes them: for which citizens, and the values of the fields.

use crate::trust::Value;

/// Sample data of a record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// How many of a thousand citizens of that age have one.
    pub per_mille: u32,
    /// The youngest and the oldest, in years.
    pub ages: (i64, i64),
    /// Values of fields, by their paths; `*` is the item of a list. A required field without a hint takes a value from its rule or its citizen.
    pub fields: Vec<(String, Hint)>,
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// One of these.
    OneOf(Vec<Value>),
    /// A text with `{n6}` for a number that counts up, of six digits, `{d3}` for three random digits, and `{id}` for the personal ID.
    Template(String),
    /// A whole number.
    Between(i64, i64),
    /// A day this many years after the citizen's birth, in the past.
    AfterBirth(i64, i64),
    /// A day this many days from today; before it, where the numbers are below zero.
    FromToday(i64, i64),
    /// A day this many days after the one of another field.
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

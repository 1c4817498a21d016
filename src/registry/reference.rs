//! References: fields that name other records by their natural keys.

use super::Name;

/// The records that lead to those of another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    /// Their type, of the same registry.
    pub record_type: Name,
    /// Their field that lists natural keys of the other type.
    pub field: String,
}

/// A field that names other records by their natural keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Its path; `*` is every item of a list.
    pub path: String,
    /// The type of the records that it names, of this registry or of another one.
    pub record_type: Name,
}

impl Reference {
    /// References from these fields to records of these types.
    pub fn all(rows: &[(&str, &str)]) -> Vec<Self> {
        rows.iter().map(|(path, of)| Self { path: (*path).into(), record_type: (*of).into() }).collect()
    }
}

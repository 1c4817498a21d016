//! What at most one record of a type has at a time: a person's card in force, a chassis that is on the road.
//!
//! A version *claims* values. A submission that leaves two records with one claim is refused, and what a record claimed already it keeps:
//! stored records stay as they are. Who claims what is in the index, so that it is known without reading the other records.

use std::fmt;
use std::sync::Arc;

use super::source::Source;
use crate::trust::Object;

/// The values that a version claims.
pub type Claims = Arc<dyn Fn(&Object) -> Vec<String> + Send + Sync>;

/// A value that one record of a type has at most.
#[derive(Clone)]
pub struct UniqueRule {
    /// Its name, UPPER_SNAKE; the type of the violation.
    pub name: &'static str,
    /// The field that it speaks of.
    pub field: String,
    /// What it wants, in words.
    pub says: String,
    /// Where that is written.
    pub source: Source,
    /// What a version claims.
    pub claims: Claims,
}

impl UniqueRule {
    /// A rule: its name, the field that it speaks of, what it wants, where that is written, and what a version claims.
    pub fn new(
        (name, field): (&'static str, &str),
        says: &str,
        source: Source,
        claims: impl Fn(&Object) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self { name, field: field.into(), says: says.into(), source, claims: Arc::new(claims) }
    }
}

impl fmt::Display for UniqueRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.says, self.source)
    }
}

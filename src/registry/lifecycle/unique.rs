//! Values that at most one record of a type has at a time: a person's card in force, a chassis that is on the road.
//!
//! A version *claims* values. A submission that leaves two records with one claim is refused, and a record keeps the claims that it had:
//! stored records stay as they are. Claims are in the index, so that they are known without reading the other records.

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
    /// The field that it concerns.
    pub field: String,
    /// The requirement, in words.
    pub says: String,
    /// The source of the rule.
    pub source: Source,
    /// The claims of a version.
    pub claims: Claims,
}

impl UniqueRule {
    /// A rule: its name, its field, its requirement in words, its source, and the claims of a version.
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

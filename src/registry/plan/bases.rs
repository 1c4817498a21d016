//! The bases of earlier versions of records: each was the basis of one change and cannot be that of another.

use std::collections::BTreeMap;

use crate::registry::basis::FIELD;
use crate::registry::row::RecordKey;
use crate::trust::Object;

/// Most versions before the newest one whose bases are compared with that of a change.
pub(in crate::registry) const VERSIONS_MAX: u64 = 100;

/// Bases, by record.
#[derive(Debug, Default)]
pub(super) struct Bases(BTreeMap<RecordKey, Vec<Object>>);

impl Bases {
    /// Adds the basis of a version.
    pub(super) fn add(&mut self, record: RecordKey, version: &Object) {
        if let Some(basis) = version.object(FIELD) {
            self.0.entry(record).or_default().push(basis.clone());
        }
    }

    /// Whether one of them is the basis of this version.
    pub(super) fn has(&self, record: &RecordKey, version: &Object) -> bool {
        let Some((known, basis)) = self.0.get(record).zip(version.object(FIELD)) else { return false };
        known.contains(basis)
    }
}

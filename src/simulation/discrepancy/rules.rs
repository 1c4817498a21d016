//! The registries' own rules, by which a disagreement is plausible and not malformed.

use std::sync::LazyLock;

use crate::base::{Date, Violations};
use crate::registry::Catalogue;
use crate::simulation::document::Record;

static CATALOGUE: LazyLock<std::sync::Arc<Catalogue>> = LazyLock::new(Catalogue::built_in);

/// What a registry finds wrong with a record.
pub(super) fn violations(record: &Record, today: Date) -> Violations {
    let mut found = Violations::default();
    if let Some(record_type) = CATALOGUE.record_type(record.record_type) {
        record_type.validate(&record.payload, today, &record.record_type, &mut found);
    }
    found
}

/// Whether a record keeps its registry's rules.
pub(super) fn is_legal(record: &Record, today: Date) -> bool {
    violations(record, today).is_empty()
}

/// The natural key of a record.
pub(super) fn key_of(record: &Record) -> &str {
    let key = CATALOGUE.record_type(record.record_type).map(|of| &*of.natural_key);
    key.and_then(|key| record.payload.text(key)).unwrap_or_default()
}

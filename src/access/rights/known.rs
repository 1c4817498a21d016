//! What the registries give rights a meaning for: record types with their fields, and which agency owns which registry.

use std::collections::BTreeMap;

use crate::registry;

/// One field of a record type: its name, and whether the law protects it specially.
pub(super) type KnownField = (&'static str, bool);

/// What rights may be about.
pub(super) struct Known {
    /// By name.
    pub(super) record_types: BTreeMap<&'static str, Vec<KnownField>>,
    /// Each registry and its owner.
    pub(super) registries: Vec<(&'static str, &'static str)>,
}

impl Known {
    /// The registries of this program.
    pub(super) fn built_in() -> Self {
        let fields = |of: &registry::RecordType| of.fields.iter().map(|field| (field.name, field.sensitive)).collect();
        Self {
            record_types: registry::record_types().map(|of| (of.name, fields(of))).collect(),
            registries: registry::ALL.iter().map(|sector| (sector.name, sector.agency)).collect(),
        }
    }
}

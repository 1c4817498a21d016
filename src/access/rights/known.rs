//! What the registries give rights a meaning for: record types with their fields, and which agency owns which registry.

use std::collections::BTreeMap;

use crate::registry::{Catalogue, Name};

/// One field of a record type: its name, and whether the law protects it specially.
pub(super) type KnownField = (String, bool);

/// What rights may be about.
#[derive(Debug)]
pub(super) struct Known {
    /// By name.
    pub(super) record_types: BTreeMap<Name, Vec<KnownField>>,
    /// Each registry and its owner.
    pub(super) registries: Vec<(Name, String)>,
}

impl Known {
    /// What a catalogue holds.
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let record_types = catalogue.record_types().map(|of| {
            let fields = of.fields.iter().map(|field| (field.name.clone(), field.sensitive));
            (of.name.clone(), fields.collect())
        });
        let registries = catalogue.sectors().iter().map(|sector| (sector.name.clone(), sector.agency.clone()));
        Self { record_types: record_types.collect(), registries: registries.collect() }
    }
}

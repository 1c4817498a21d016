//! The names that a file of rights may use: record types with their fields, and registries with their owners.

use std::collections::BTreeMap;

use crate::registry::{Catalogue, Name};

/// One field of a record type: its name, and whether the law protects it specially.
pub(super) type FieldKind = (String, bool);

/// The record types and registries of a catalogue, as rights name them.
#[derive(Debug)]
pub(super) struct Vocabulary {
    /// By name.
    pub(super) record_types: BTreeMap<Name, Vec<FieldKind>>,
    /// Each registry and its owner.
    pub(super) registries: Vec<(Name, String)>,
}

impl Vocabulary {
    /// The vocabulary of a catalogue.
    pub(super) fn of(catalogue: &Catalogue) -> Self {
        let record_types = catalogue.record_types().map(|of| {
            let fields = of.fields.iter().map(|field| (field.name.clone(), field.sensitive));
            (of.name.clone(), fields.collect())
        });
        let registries = catalogue.sectors().iter().map(|sector| (sector.name.clone(), sector.agency.clone()));
        Self { record_types: record_types.collect(), registries: registries.collect() }
    }
}

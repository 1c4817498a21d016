//! The answers of the registries' typed services (`LandService/GetParcel`, …) by their descriptors: where versions of records are in
//! them, and under which name a version has its typed form. Elsewhere all that would be a list kept by hand.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::wire::typed::pool;

/// The fields that may precede a version's typed form.
const FRAME: [&str; 8] =
    ["record", "recordId", "record_id", "version", "issuedAt", "issued_at", "logIndex", "log_index"];

/// Whether an answer's field holds a version, or a list of them.
pub(super) fn holds_versions(field: &str) -> bool {
    static FIELDS: OnceLock<BTreeSet<String>> = OnceLock::new();
    let fields = FIELDS.get_or_init(|| {
        let messages =
            pool().all_messages().filter(|message| message.package_name().starts_with("lienthong.registry."));
        let fields = messages.flat_map(|message| message.fields().collect::<Vec<_>>());
        fields.filter(|field| field.kind().as_message().is_some_and(is_version)).flat_map(spellings).collect()
    });
    fields.contains(field)
}

/// Whether an answer's first field begins one of these answers, by the first name in its value: a record's typed form can have the
/// same name, but begins with the payload's fields.
pub(super) fn begins_answer(field: &str, first_inside: &str) -> bool {
    holds_versions(field) && (FRAME.contains(&first_inside) || first_inside == field)
}

/// The names of the typed form in a version of the record type whose typed message has this full name.
pub(super) fn typed_names(full_name: &str) -> Option<[String; 2]> {
    let is_its =
        |field: &FieldDescriptor| field.kind().as_message().is_some_and(|message| message.full_name() == full_name);
    let package = pool().get_message_by_name(full_name)?.package_name().to_owned();
    let version = pool()
        .all_messages()
        .filter(|message| message.package_name() == package && is_version(message))
        .find_map(|message| message.fields().find(is_its));
    version.map(spellings)
}

/// A signed record with its index in its registry's log.
fn is_version(message: &MessageDescriptor) -> bool {
    message.get_field_by_name("record").is_some() && message.get_field_by_name("log_index").is_some()
}

fn spellings(field: FieldDescriptor) -> [String; 2] {
    [field.json_name().to_owned(), field.name().to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_type_has_versions_in_its_service() {
        for kind in crate::registry::Catalogue::built_in().record_types() {
            let names = kind.message.as_deref().and_then(typed_names);
            let [name, _] = names.unwrap_or_else(|| panic!("{} has no version", kind.name));
            assert!(holds_versions(&name), "{name}");
        }
        assert!(holds_versions("versions") && holds_versions("judicial_records") && holds_versions("judicialRecords"));
        assert!(!holds_versions("records") && !holds_versions("parcelId"));
        assert!(begins_answer("parcel", "parcel") && begins_answer("parcel", "record"));
        assert!(!begins_answer("parcel", "parcelId"));
    }
}

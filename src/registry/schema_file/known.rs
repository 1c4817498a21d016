//! The names that fields of a file may use: the built-in record types, and the code lists.

use std::sync::Arc;

use super::super::catalogue::Catalogue;
use super::super::codes::{self, CodeList};

/// Longest name of a registry, an agency and of a noun, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 40;

/// The names that a file may use.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// The built-in types, whose forms and compiled rules it may use.
    pub built_in: &'a Catalogue,
    /// Its own code lists.
    pub lists: &'a [Arc<CodeList>],
    /// The names of its record types.
    pub types: &'a [&'a str],
}

impl Known<'_> {
    /// The code list of this name: of the file, or a built-in one.
    pub(super) fn list(&self, name: &str) -> Option<Arc<CodeList>> {
        self.lists.iter().find(|list| list.name == name).cloned().or_else(|| codes::list(name))
    }

    /// Whether records of this type can be named: of the file, built in, or of a registry that another file describes.
    pub(super) fn can_name(&self, record_type: &str) -> bool {
        let registry = registry_of(record_type);
        match self.types.iter().any(|own| registry_of(own) == registry) {
            true => self.types.contains(&record_type),
            false if self.built_in.sector(registry).is_some() => self.built_in.record_type(record_type).is_some(),
            false => is_type_name(record_type),
        }
    }

    /// The names of all lists.
    pub(super) fn list_names(&self) -> Vec<&str> {
        self.lists.iter().chain(codes::all()).map(|list| list.name.as_str()).collect()
    }
}

/// The registry in a record type's name.
fn registry_of(record_type: &str) -> &str {
    record_type.split('.').next().unwrap_or_default()
}

/// Whether a text has the form of a record type's name: `land.parcel.v1`.
pub(super) fn is_type_name(text: &str) -> bool {
    let Some((registry, rest)) = text.split_once('.') else { return false };
    is_name(registry) && is_noun_and_version(rest)
}

/// Whether a text is a name: lower-case letters, digits and `_`, a letter first.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX && crate::trust::canonical::is_name(text.as_bytes())
}

/// Whether a text is a record type's name without its registry: `parcel.v1`.
pub(super) fn is_noun_and_version(text: &str) -> bool {
    text.rsplit_once(".v").is_some_and(|(noun, version)| {
        is_name(noun) && version.starts_with(|first: char| matches!(first, '1'..='9')) && version.parse::<u16>().is_ok()
    })
}

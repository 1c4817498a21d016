//! Lists of fields, and the rights that name them.

use std::collections::{BTreeMap, HashMap};

use super::flaw::{Findings, shown};
use super::key::is_key;
use super::read::{FieldsChoice, FieldsRow, RightRow, Text, check_text};
use super::right::{Agency, Basis, FieldNames, Fields, Purpose, RightSet};
use super::vocabulary::{FieldKind, Vocabulary};

/// Stands for every field of a record type.
const ALL: &str = "all";

/// The lists of fields that have a name.
pub(super) struct Lists {
    by_key: BTreeMap<String, List>,
    /// Equal lists are kept once.
    kept: HashMap<Vec<String>, FieldNames>,
}

struct List {
    at: usize,
    of: String,
    names: FieldNames,
    is_used: bool,
}

impl Lists {
    pub(super) fn of(rows: Vec<FieldsRow>, known: &Vocabulary, found: &mut Findings) -> Self {
        let mut lists = Self { by_key: BTreeMap::new(), kept: HashMap::new() };
        for row in rows {
            let (at, key) = (row.key.at, row.key.value);
            if !is_key(&key, b"_") {
                found.error(at, "FORMAT", || format!("a list's key is of a-z 0-9 _, not {}", shown(&key)));
            } else if key == ALL {
                found.error(at, "RESERVED", || "`all` means every field and cannot be a list's key".to_owned());
            }
            let Some(names) = lists.fields(at, &row.of, row.names, known, found) else { continue };
            if let Some(before) = lists.by_key.get(&key) {
                let line = found.line(before.at);
                found.error(at, "DUPLICATE", || format!("the list {} is on line {line} already", shown(&key)));
                continue;
            }
            lists.by_key.insert(key, List { at, of: row.of.value, names, is_used: false });
        }
        lists
    }

    /// These fields of a record type, if it has them all.
    fn fields(
        &mut self,
        at: usize,
        of: &Text,
        names: Vec<Text>,
        known: &Vocabulary,
        found: &mut Findings,
    ) -> Option<FieldNames> {
        let fields = record_type(of, known, found)?;
        if names.is_empty() {
            found.error(at, "REQUIRED", || "a list without fields".to_owned());
        }
        for name in &names {
            if !fields.iter().any(|(known, _)| *known == name.value) {
                let kind = format!("field of {}:", of.value);
                found.unknown(name.at, &kind, &name.value, fields.iter().map(|(name, _)| &**name));
            }
        }
        let mut names: Vec<String> = names.into_iter().map(|name| name.value).collect();
        names.sort_unstable();
        let made = self.kept.entry(names).or_insert_with_key(|names| FieldNames::new(names.clone()));
        Some(made.clone())
    }

    fn chosen(&mut self, of: &Text, choice: FieldsChoice, known: &Vocabulary, found: &mut Findings) -> Option<Fields> {
        let fields = record_type(of, known, found)?;
        match choice {
            FieldsChoice::Names(at, names) => self.fields(at, of, names, known, found).map(Fields::Only),
            FieldsChoice::Key(key) if key.value == ALL => {
                let protected: Vec<&str> =
                    fields.iter().filter(|(_, protected)| *protected).map(|(name, _)| &**name).collect();
                if !protected.is_empty() {
                    found.error(key.at, "PROTECTED_FIELDS", || {
                        format!(
                            "{} has fields under special legal protection ({}): list the fields by name",
                            of.value,
                            protected.join(", ")
                        )
                    });
                }
                Some(Fields::All)
            }
            FieldsChoice::Key(key) => {
                let Some(list) = self.by_key.get_mut(&key.value) else {
                    let known = self.by_key.keys().map(String::as_str).chain([ALL]);
                    found.unknown(key.at, "list of fields", &key.value, known);
                    return None;
                };
                list.is_used = true;
                if list.of != of.value {
                    found.error(key.at, "WRONG_LIST", || format!("the list {} is for {}", key.value, list.of));
                }
                Some(Fields::Only(list.names.clone()))
            }
        }
    }

    pub(super) fn warn_of_unused(&self, found: &mut Findings) {
        for (key, list) in self.by_key.iter().filter(|(_, list)| !list.is_used) {
            found.warn(list.at, "UNUSED", format!("no right names the list {key}"));
        }
    }
}

fn record_type<'k>(given: &Text, known: &'k Vocabulary, found: &mut Findings) -> Option<&'k Vec<FieldKind>> {
    let fields = known.record_types.get(given.value.as_str());
    if fields.is_none() {
        found.unknown(given.at, "record type", &given.value, known.record_types.keys().map(|name| &**name));
    }
    fields
}

/// The rights of a row; `owner` is its agency, if there is one of that key.
pub(super) fn set(
    row: RightRow,
    owner: Option<&Agency>,
    agencies: &[Agency],
    purposes: &[Purpose],
    lists: &mut Lists,
    known: &Vocabulary,
    found: &mut Findings,
) -> Option<RightSet> {
    if owner.is_none() {
        let known = agencies.iter().map(|agency| agency.key.as_str());
        found.unknown(row.agency.at, "agency", &row.agency.value, known);
    }
    let purpose = purposes.iter().find(|purpose| *purpose.key == *row.purpose.value);
    if purpose.is_none() {
        found.unknown(row.purpose.at, "purpose", &row.purpose.value, purposes.iter().map(|purpose| &*purpose.key));
    }
    let basis = Basis::ALL.into_iter().find(|basis| basis.as_str() == row.basis.value);
    if basis.is_none() {
        found.unknown(row.basis.at, "basis", &row.basis.value, Basis::ALL.map(Basis::as_str));
    }
    if owner.is_some_and(|agency| agency.private_party) && basis.is_some_and(|basis| basis != Basis::Consent) {
        let message = || format!("{} is a private party, and reads by consent only", row.agency.value);
        found.error(row.basis.at, "CONSENT_REQUIRED", message);
    }
    check_text(&row.legal_basis, found);
    if row.read.is_empty() {
        found.error(row.at, "REQUIRED", || "this right reads nothing: delete the row".to_owned());
    }
    let mut read = Vec::with_capacity(row.read.len());
    for (record_type, choice) in row.read {
        if let Some(fields) = lists.chosen(&record_type, choice, known, found) {
            read.push((record_type.value, fields));
        }
    }
    Some(RightSet { purpose: purpose?.key.clone(), basis: basis?, legal_basis: row.legal_basis.value, read })
}

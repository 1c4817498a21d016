//! The parts of a registry from a schema file other than its record types: the file itself, its owner, and the default rights to read.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::codes::CodeList;
use super::label::Label;
use super::samples::Samples;
use crate::base::id::to_hex;

/// The agency that owns a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `education`.
    pub key: String,
    /// Its name.
    pub name: Label,
}

/// The right of an agency to read for a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRight {
    /// The agency's key.
    pub agency: String,
    /// The purpose's key.
    pub purpose: String,
    /// The permission that it needs: `duty`, `service` or `consent`.
    pub basis: String,
    /// Its legal basis.
    pub legal_basis: String,
    /// The fields of each record type; `None` is all.
    pub read: Vec<(String, Option<Vec<String>>)>,
}

/// A schema file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// Its version, from 1: grows with every change.
    pub version: u32,
    /// Who owns the registry.
    pub owner: Owner,
    /// Its purposes, with their descriptions.
    pub purposes: Vec<(String, String)>,
    /// Who may read its records.
    pub rights: Vec<ReadRight>,
    /// Its own code lists.
    pub code_lists: Vec<Arc<CodeList>>,
    /// The recipes of sample data, by record type.
    pub samples: BTreeMap<String, Samples>,
    /// The file in its canonical form: JSON, keys in order, without white space. It is a schema file itself.
    pub json: String,
}

impl Definition {
    /// SHA-256 of the canonical form.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(&self.json).into()
    }

    /// The same as lower-case hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        to_hex(&self.hash())
    }

    /// The rows that a file of rights gets for it, in the order of the file.
    pub fn rights_rows(&self) -> Vec<RightsRow> {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let Owner { key, name } = &self.owner;
        let agency =
            format!("\n[[agency]]\nkey = {}\nname = {}\nname_vi = {}\n", text(key), text(&name.en), text(&name.vi));
        let mut rows = vec![RightsRow {
            path: "agency".into(),
            names: Some((Named::Agency, key.clone(), format!("{} ({})", name.en, name.vi))),
            text: agency,
        }];
        for (key, description) in &self.purposes {
            rows.push(RightsRow {
                path: format!("purposes.{key}"),
                names: Some((Named::Purpose, key.clone(), description.clone())),
                text: format!("\n[[purpose]]\nkey = {}\ndescription = {}\n", text(key), text(description)),
            });
        }
        for (at, right) in self.rights.iter().enumerate() {
            let ReadRight { agency, purpose, basis, legal_basis, read } = right;
            let (agency, purpose, basis, legal) = (text(agency), text(purpose), text(basis), text(legal_basis));
            let mut row = format!("\n[[right]]\nagency = {agency}\npurpose = {purpose}\nbasis = {basis}\n");
            let _ = write!(row, "legal_basis = {legal}\n[right.read]\n");
            for (record_type, fields) in read {
                let fields = match fields {
                    None => text("all"),
                    Some(names) => format!("[{}]", names.iter().map(|name| text(name)).collect::<Vec<_>>().join(", ")),
                };
                let _ = writeln!(row, "{} = {fields}", text(record_type));
            }
            rows.push(RightsRow { path: format!("rights[{at}]"), names: None, text: row });
        }
        rows
    }
}

/// A row of a file of rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsRow {
    /// Its position in the schema file.
    pub path: String,
    /// The subject, its key, and the text about it.
    pub names: Option<(Named, String, String)>,
    /// The row.
    pub text: String,
}

/// Kinds of things that rows of rights name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Named {
    /// An agency.
    Agency,
    /// A purpose.
    Purpose,
}

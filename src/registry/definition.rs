//! What a registry from a schema file brings beside its record types: the file itself, its owner, and who may read by default.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::label::Label;
use super::samples::Samples;
use crate::base::id::to_hex;

/// The agency that owns a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// `education`.
    pub key: String,
    /// What it is called.
    pub name: Label,
}

/// What an agency may read for a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRight {
    /// Which agency.
    pub agency: String,
    /// For what.
    pub purpose: String,
    /// Whose leave it takes: `duty`, `service` or `consent`.
    pub basis: String,
    /// The law that it rests on.
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
    /// Its purposes, with what they are.
    pub purposes: Vec<(String, String)>,
    /// Who may read its records.
    pub rights: Vec<ReadRight>,
    /// How sample data are made, by record type.
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

    /// The rows that a file of rights gets for it, of agencies and purposes that are not `known` yet.
    pub fn rights_rows(&self, known: &mut BTreeSet<String>) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let mut rows = String::new();
        let Owner { key, name } = &self.owner;
        if known.insert(key.clone()) {
            let (key, en, vi) = (text(key), text(&name.en), text(&name.vi));
            let _ = write!(rows, "\n[[agency]]\nkey = {key}\nname = {en}\nname_vi = {vi}\n");
        }
        for (key, description) in &self.purposes {
            if known.insert(key.clone()) {
                let _ = write!(rows, "\n[[purpose]]\nkey = {}\ndescription = {}\n", text(key), text(description));
            }
        }
        for right in &self.rights {
            let ReadRight { agency, purpose, basis, legal_basis, read } = right;
            let (agency, purpose, basis, legal) = (text(agency), text(purpose), text(basis), text(legal_basis));
            let _ = write!(rows, "\n[[right]]\nagency = {agency}\npurpose = {purpose}\nbasis = {basis}\n");
            let _ = write!(rows, "legal_basis = {legal}\n[right.read]\n");
            for (record_type, fields) in read {
                let fields = match fields {
                    None => text("all"),
                    Some(names) => format!("[{}]", names.iter().map(|name| text(name)).collect::<Vec<_>>().join(", ")),
                };
                let _ = writeln!(rows, "{} = {fields}", text(record_type));
            }
        }
        rows
    }
}

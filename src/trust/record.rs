//! A signed record as it is delivered: the statement's bytes, the disclosed part of the payload, and the two proofs.
//!
//! The bytes travel as they were signed; nobody writes them again in order to verify them.

use std::fmt;

use bytes::Bytes;

use super::canonical::{CanonicalError, Object, parse, parse_value, scan};
use super::merkle::Hash;

/// A record's salt or a field's: 32 bytes.
pub type Salt = [u8; 32];

/// A record, whole or redacted, with the proofs that it was issued and is in the province's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRecord {
    /// The encoded [`Statement`](super::Statement).
    pub statement: Bytes,
    /// The payload, or those of its fields that the reader may see.
    pub disclosure: Disclosure,
    /// The proof that the statement is in its issuer's log.
    pub issuer_proof: Option<LogProof>,
    /// The proof that the statement is in the province's record ledger.
    pub ledger_proof: Option<LogProof>,
}

/// The disclosed part of a payload.
#[derive(Clone, PartialEq, Eq)]
pub enum Disclosure {
    /// All of it.
    Whole {
        /// The canonical payload.
        payload: Bytes,
        /// The record's salt, which all field salts follow from.
        salt: Salt,
    },
    /// Some fields; the others appear as leaf hashes, which reveal nothing about name or value.
    Partial {
        /// The fields to see, by ascending index.
        shown: Vec<ShownField>,
        /// The other fields, by ascending index.
        hidden: Vec<HiddenField>,
    },
}

/// A field that a partial disclosure shows.
#[derive(Clone, PartialEq, Eq)]
pub struct ShownField {
    /// Position among all fields in canonical order.
    pub index: u16,
    /// The field's name.
    pub name: String,
    /// The canonical bytes of its value.
    pub value: Bytes,
    /// The field's own salt.
    pub salt: Salt,
}

/// A field that a partial disclosure hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenField {
    /// Position among all fields in canonical order.
    pub index: u16,
    /// The field's commitment.
    pub leaf: Hash,
}

/// The proof that a leaf is in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct LogProof {
    /// The checkpoint: a signed note.
    pub checkpoint: Bytes,
    /// The leaf's index.
    pub index: u64,
    /// The inclusion path, from the leaf up.
    pub path: Vec<Hash>,
}

impl Disclosure {
    /// Bytes of payload that can be seen.
    pub fn payload_bytes(&self) -> usize {
        match self {
            Self::Whole { payload, .. } => payload.len(),
            Self::Partial { shown, .. } => shown.iter().map(|field| field.value.len()).sum(),
        }
    }

    /// Those of the named fields that can be seen, as values. Does not verify them.
    pub fn fields_named(&self, names: &[&str]) -> Result<Object, CanonicalError> {
        let read = |name: &str, value: &[u8]| Ok((name.to_owned(), parse_value(value)?));
        match self {
            Self::Whole { payload, .. } => {
                let scanned = scan(payload)?;
                let named = scanned.fields().filter(|field| names.contains(&field.name));
                named.map(|field| read(field.name, field.value)).collect()
            }
            Self::Partial { shown, .. } => {
                let named = shown.iter().filter(|field| names.contains(&field.name.as_str()));
                named.map(|field| read(&field.name, &field.value)).collect()
            }
        }
    }

    /// The fields that can be seen, as values. Does not verify them.
    pub fn fields(&self) -> Result<Object, CanonicalError> {
        match self {
            Self::Whole { payload, .. } => parse(payload),
            Self::Partial { shown, .. } => {
                shown.iter().map(|field| Ok((field.name.clone(), parse_value(&field.value)?))).collect()
            }
        }
    }
}

impl fmt::Debug for Disclosure {
    /// Shows sizes and names, never values or salts.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { payload, .. } => write!(f, "Whole({} bytes)", payload.len()),
            Self::Partial { shown, hidden } => write!(f, "Partial({shown:?}, {} hidden)", hidden.len()),
        }
    }
}

impl fmt::Debug for ShownField {
    /// Shows the name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShownField({}: {})", self.index, self.name)
    }
}

impl fmt::Debug for LogProof {
    /// Shows index and length of the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogProof(index {}, {} hashes)", self.index, self.path.len())
    }
}

//! A record that was checked.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::base::RecordId;
use crate::registry::RecordType;
use crate::trust::{Hash, SignedRecord, Verdict};

/// A record that passed, or that failed and is wanted all the same; redacted to what may be disclosed.
#[derive(Debug, Clone)]
pub struct CheckedRecord {
    /// Its record type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// The signed bytes with both proofs.
    pub record: SignedRecord,
    /// What verification said.
    pub verdict: Verdict,
    /// Hash of its statement.
    pub statement: Hash,
    /// How many of its fields are disclosed.
    pub fields: u16,
    /// Its message, once an answer was made of it: the same record goes into many answers.
    pub encoded: OnceLock<Bytes>,
}

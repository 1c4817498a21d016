//! A record that passed its checks, or failed them and was requested all the same.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::base::RecordId;
use crate::registry::RecordType;
use crate::trust::{Hash, SignedRecord, Verdict};

/// A record with its verdict, redacted to the fields that may be disclosed.
#[derive(Debug, Clone)]
pub struct CheckedRecord {
    /// The record's type.
    pub record_type: Arc<RecordType>,
    /// The record's id.
    pub record_id: RecordId,
    /// The record's version, from 1.
    pub version: u64,
    /// The signed bytes with both proofs.
    pub record: SignedRecord,
    /// `VALID`, or the failure, for callers that accept unverified records.
    pub verdict: Verdict,
    /// SHA-256 leaf hash of the statement.
    pub statement: Hash,
    /// The number of disclosed fields.
    pub fields: u16,
    /// The encoded protobuf message, once an answer has needed it: the same record goes into many answers.
    pub encoded: OnceLock<Bytes>,
}

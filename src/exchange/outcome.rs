//! What comes of an exchange that is not refused.

use std::sync::Arc;

use super::record::CheckedRecord;
use crate::access::Recorded;
use crate::base::Reason;
use crate::registry::RecordType;

/// The outcome of an exchange that was not refused.
#[derive(Debug)]
pub struct Exchanged {
    /// The records, in the order of the record types asked for.
    pub records: Vec<Arc<CheckedRecord>>,
    /// What has no answer.
    pub missing: Vec<Missing>,
    /// Where it stands in the evidence ledger.
    pub evidence: Recorded,
}

/// A record type without an answer.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The record type.
    pub record_type: Arc<RecordType>,
    /// Why.
    pub reason: MissingReason,
}

/// Why a record type has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingReason {
    /// The registry has none.
    NoRecord,
    /// The registry could not be asked; with the code of its error.
    Unreachable(Reason),
}

/// Records and gaps, before the evidence.
pub(super) type Found = (Vec<Arc<CheckedRecord>>, Vec<Missing>);

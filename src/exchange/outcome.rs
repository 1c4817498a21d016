//! The outcome of an exchange that was not refused.

use std::sync::Arc;

use super::record::CheckedRecord;
use crate::access::Recorded;
use crate::base::{Party, Reason};
use crate::registry::RecordType;

/// The outcome of an exchange that was not refused.
#[derive(Debug)]
pub struct Exchanged {
    /// The numbers of the person, the present one last, or the organisation's code; empty where the request named nobody.
    pub parties: Vec<Party>,
    /// The records, in the order of the record types asked for.
    pub records: Vec<Arc<CheckedRecord>>,
    /// The record types without a record, each with its reason.
    pub missing: Vec<Missing>,
    /// The position of the call's entry in the evidence ledger.
    pub evidence: Recorded,
}

/// A record type for which the answer has no record.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The record type.
    pub record_type: Arc<RecordType>,
    /// Why the answer has no record of this type.
    pub reason: MissingReason,
}

/// Why an answer has no record of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingReason {
    /// The registry has no record.
    NoRecord,
    /// The registry did not answer; with the reason of its error.
    Unreachable(Reason),
    /// The registry answered with a record that does not verify, or with none that can be read; with the reason.
    NotVerified(Reason),
}

/// The records and the gaps of an answer, before its evidence is written.
pub(super) type FoundRecords = (Vec<Arc<CheckedRecord>>, Vec<Missing>);

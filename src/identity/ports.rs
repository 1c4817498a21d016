//! What identity needs of others; the server wires it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::Call;
use crate::base::{Error, PersonalId, RecordId, Result, Timestamp};
use crate::registry::RecordType;
use crate::trust::{Object, Operation, SignedRecord, Verdict};

/// One record that a presentation hands over.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// The version; `None` for the latest.
    pub version: Option<u64>,
}

/// A presentation to fulfil.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whose records.
    pub subject: PersonalId,
    /// The records, whole.
    pub wanted: Vec<Wanted>,
    /// The presentation's id, for the evidence.
    pub reference: String,
    /// The guardian who presents them for the subject.
    pub guardian: Option<PersonalId>,
    /// Index of the evidence entry of the delivery that this one repeats.
    pub repeats: Option<u64>,
}

/// A record on its way to the agency: verified, with both proofs.
#[derive(Debug, Clone)]
pub struct DeliveredRecord {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// The signed bytes.
    pub record: SignedRecord,
    /// What the verification said: VALID, or a failure where the caller asked for unverified records.
    pub verdict: Verdict,
}

/// What a delivery came to.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The records, in the order wanted.
    pub records: Vec<DeliveredRecord>,
    /// Index of the evidence entry.
    pub evidence_index: u64,
    /// The evidence ledger's checkpoint that holds it.
    pub evidence_checkpoint: Bytes,
}

/// Hands records to an agency on a citizen's word, and leaves evidence of it; the exchange implements it.
#[async_trait]
pub trait RecordDelivery: Send + Sync + 'static {
    /// Reads, verifies and logs; a repetition is logged as one, and answers with the evidence of the first time. Fails with
    /// `REGISTRY_UNAVAILABLE` when a registry does not answer and with the verdict's code when a record fails; both leave evidence.
    async fn deliver(&self, call: &Call, delivery: Delivery) -> Result<Delivered>;

    /// Logs a refused presentation; `subject` is known only where the code was real.
    async fn log_refusal(&self, call: &Call, subject: Option<PersonalId>, reference: &str, why: &Error) -> Result<()>;
}

/// A change that the province has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedChange {
    /// Its place in the record ledger.
    pub ledger_index: u64,
    /// The record's type.
    pub record_type: String,
    /// The record.
    pub record_id: RecordId,
    /// The version.
    pub version: u64,
}

/// The latest accepted version of a record: verified when it was accepted, so it is believed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRecord {
    /// Its version.
    pub version: u64,
    /// What the last change did.
    pub operation: Operation,
    /// Until when it is valid, not included.
    pub valid_until: Timestamp,
    /// Its fields.
    pub payload: Object,
}

/// The accepted changes in ledger order; the province implements it.
#[async_trait]
pub trait ChangeFeed: Send + Sync + 'static {
    /// Changes with a ledger index of `from` or more, at most `limit`, and the index to go on from.
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)>;

    /// The latest accepted version of a record. Asking the province and not the registry keeps one registry's bad minute,
    /// or one bad record, from holding up the news of all others.
    async fn latest(&self, record_type: &str, record_id: RecordId) -> Result<Option<AcceptedRecord>>;

    /// Waits until the record ledger is longer than `size`.
    async fn wait_beyond(&self, size: u64) -> Result<()>;

    /// The record ledger's size.
    fn size(&self) -> u64;
}

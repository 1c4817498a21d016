//! Ports that other modules implement for identity; the assembly connects them.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::base::Call;
use crate::base::{Error, PersonalId, RecordId, Result, Timestamp};
use crate::registry::RecordType;
use crate::trust::{Object, Operation, SignedRecord, Verdict};

/// A record that a presentation delivers.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// The version; `None` for the latest.
    pub version: Option<u64>,
}

/// A delivery of presented documents to an agency.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The person whose documents are presented.
    pub subject: PersonalId,
    /// The records, delivered whole.
    pub wanted: Vec<Wanted>,
    /// The presentation's id, for the evidence.
    pub reference: String,
    /// The guardian who presents them for the subject.
    pub guardian: Option<PersonalId>,
    /// Index of the evidence entry of the delivery that this one repeats.
    pub repeats: Option<u64>,
}

/// A delivered record: verified, with both proofs.
#[derive(Debug, Clone)]
pub struct DeliveredRecord {
    /// Its type.
    pub record_type: Arc<RecordType>,
    /// Its id.
    pub record_id: RecordId,
    /// Its version.
    pub version: u64,
    /// The signed bytes with both proofs.
    pub record: SignedRecord,
    /// `VALID`, or a failure where the caller accepts unverified records.
    pub verdict: Verdict,
}

/// The outcome of a delivery.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The records, in the order requested.
    pub records: Vec<DeliveredRecord>,
    /// Index of the evidence entry.
    pub evidence_index: u64,
    /// The checkpoint of the evidence ledger that covers it.
    pub evidence_checkpoint: Bytes,
}

/// Delivers records to an agency at a citizen's request, with evidence; the exchange implements it.
#[async_trait]
pub trait RecordDelivery: Send + Sync + 'static {
    /// Reads, verifies and logs the records; a repetition is logged as one, and returns the evidence of the first delivery. Fails with
    /// `REGISTRY_UNAVAILABLE` when a registry does not answer, and with the verdict's code when a record fails verification; both leave evidence.
    async fn deliver(&self, call: &Call, delivery: Delivery) -> Result<Delivered>;

    /// Logs a refused redemption; `subject` is known only where the code was genuine.
    async fn log_refusal(&self, call: &Call, subject: Option<PersonalId>, reference: &str, why: &Error) -> Result<()>;
}

/// A change that the province has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedChange {
    /// The index of its statement in the record ledger.
    pub ledger_index: u64,
    /// The record's type.
    pub record_type: String,
    /// The record.
    pub record_id: RecordId,
    /// The version.
    pub version: u64,
}

/// The latest accepted version of a record. It was verified when it was accepted, and is not verified again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRecord {
    /// Its version.
    pub version: u64,
    /// The operation of the last change.
    pub operation: Operation,
    /// Until when it is valid, not included.
    pub valid_until: Timestamp,
    /// The payload.
    pub payload: Object,
}

/// The accepted changes in ledger order; the province implements it.
#[async_trait]
pub trait ChangeFeed: Send + Sync + 'static {
    /// At most `limit` changes from ledger index `from` on, and the index from which to continue.
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)>;

    /// The latest accepted version of a record. Reading it from the province keeps one registry's outage, or one damaged record, from delaying the
    /// changes of all others.
    async fn latest(&self, record_type: &str, record_id: RecordId) -> Result<Option<AcceptedRecord>>;

    /// Waits until the record ledger has more than `size` entries.
    async fn wait_beyond(&self, size: u64) -> Result<()>;

    /// The number of entries in the record ledger.
    fn size(&self) -> u64;
}

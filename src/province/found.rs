//! A decoded row of the view.

use std::sync::Arc;

use crate::base::{RecordId, Timestamp};
use crate::registry::RecordType;
use crate::trust::Object;

/// The latest accepted version of a record, decoded.
#[derive(Debug, Clone)]
pub(super) struct FoundRecord {
    pub record_type: Arc<RecordType>,
    pub record_id: RecordId,
    pub version: u64,
    pub issued_at: Timestamp,
    pub ledger_index: u64,
    pub revoked: bool,
    pub payload: Object,
    /// Length of the payload, in bytes.
    pub bytes: usize,
}

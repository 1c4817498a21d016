//! A record of the view, read.

use std::sync::Arc;

use crate::base::{RecordId, Timestamp};
use crate::registry::RecordType;
use crate::trust::Object;

/// A record of the view, read.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub record_type: Arc<RecordType>,
    pub record_id: RecordId,
    pub version: u64,
    pub issued_at: Timestamp,
    pub ledger_index: u64,
    pub revoked: bool,
    pub payload: Object,
    /// Length of the payload's bytes.
    pub bytes: usize,
}

//! Connects identity and the province: links follow accepted changes.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::{RecordId, Result};
use crate::identity::ports::{AcceptedChange, AcceptedRecord, ChangeFeed};
use crate::province::Province;

/// The province, as identity's port.
pub(super) struct ProvinceFeed(pub(super) Arc<Province>);

#[async_trait]
impl ChangeFeed for ProvinceFeed {
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)> {
        let (accepted, next) = self.0.accepted(from, limit).await?;
        let changes = accepted.into_iter().map(|(ledger_index, statement)| AcceptedChange {
            ledger_index,
            record_type: statement.schema,
            record_id: statement.record_id,
            version: statement.version,
        });
        Ok((changes.collect(), next))
    }

    async fn latest(&self, record_type: &str, record_id: RecordId) -> Result<Option<AcceptedRecord>> {
        let latest = self.0.latest(record_type, record_id).await?;
        Ok(latest.map(|latest| AcceptedRecord {
            version: latest.version,
            operation: latest.operation,
            valid_until: latest.valid_until,
            payload: latest.payload,
        }))
    }

    async fn wait_beyond(&self, size: u64) -> Result<()> {
        self.0.wait_beyond(size).await
    }

    fn size(&self) -> u64 {
        self.0.ledger_size()
    }
}

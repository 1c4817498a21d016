//! Where identity and the province meet: what the province accepted stands in the record ledger, and links follow it there.

use std::sync::Arc;

use async_trait::async_trait;

use crate::base::{Error, Reason, Result};
use crate::identity::ports::{AcceptedChange, ChangeFeed};
use crate::ledger::Ledger;
use crate::trust::entry::split_entry;
use crate::trust::{EntryType, Statement};

/// The record ledger as identity sees it.
pub(super) struct RecordFeed(pub(super) Arc<Ledger>);

#[async_trait]
impl ChangeFeed for RecordFeed {
    async fn accepted(&self, from: u64, limit: usize) -> Result<(Vec<AcceptedChange>, u64)> {
        let entries = self.0.entries(from, limit).await?;
        let mut changes = Vec::with_capacity(entries.len());
        for (ledger_index, entry) in (from..).zip(&entries) {
            let Some((EntryType::Statement, body)) = split_entry(entry) else { continue };
            let statement = Statement::decode(body).map_err(|error| {
                let message = format!("entry {ledger_index} of the record ledger cannot be read");
                Error::new(Reason::LedgerCorrupt, message).with_source(error)
            })?;
            changes.push(AcceptedChange {
                ledger_index,
                record_type: statement.schema,
                record_id: statement.record_id,
                version: statement.version,
            });
        }
        Ok((changes, from + entries.len() as u64))
    }

    async fn wait_beyond(&self, size: u64) -> Result<()> {
        let mut sizes = self.0.watch();
        let longer = sizes.wait_for(|now| *now > size).await;
        longer.map(|_| ()).map_err(|_| Error::new(Reason::ShuttingDown, "the record ledger is closed"))
    }

    fn size(&self) -> u64 {
        self.0.head().size
    }
}

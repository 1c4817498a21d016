//! Entries that a registry sends again: the feed may replay accepted entries, which are compared and skipped.
//!
//! A stream that begins a little before the cursor, after a reconnection for instance, is no fault. One that shows another entry at
//! an accepted position, or leaves entries out, is: the log contradicts the accepted one.

use bytes::Bytes;

use super::ingest::Ingest;
use super::positions::look_up;
use super::row;
use crate::base::{Error, Reason, Result, Timestamp};
use crate::registry::Sector;
use crate::registry::port::ChangeBatch;
use crate::store::{Batch, Space};
use crate::trust::entry::split_entry;
use crate::trust::merkle::CompactRange;

impl Ingest {
    /// The batch without the entries that are accepted already. Fails with [`Reason::RegistryUnavailable`], which is retried, when
    /// it has no new entry; with [`Reason::SplitView`] when an accepted position holds another entry; with [`Reason::LogRule`] when
    /// positions are left out.
    pub(super) async fn without_accepted(
        &self,
        sector: &Sector,
        before: &CompactRange,
        mut batch: ChangeBatch,
        now: Timestamp,
    ) -> Result<ChangeBatch> {
        let cursor = before.size();
        if batch.first_index == cursor {
            return Ok(batch);
        }
        if batch.first_index > cursor {
            let message =
                format!("its changes begin at {}; the entries from {cursor} on are missing", batch.first_index);
            return Err(Error::new(Reason::LogRule, message));
        }
        let end = batch.first_index.saturating_add(batch.records.len() as u64);
        let again = (end.min(cursor) - batch.first_index) as usize;
        for (position, record) in (batch.first_index..).zip(batch.records.drain(..again)) {
            let accepted = look_up(&*self.store, sector.ordinal, position).await?;
            let Some(place) = accepted.and_then(|batch| batch.place(position)) else {
                return Err(nothing_new(sector, cursor)); // it is still being written: retry
            };
            let entry = self.ledger.entry(place).await?;
            if split_entry(&entry).map(|(_, statement)| statement) != Some(&record.statement[..]) {
                let message = format!("position {position} of its log holds another statement than the accepted one");
                return Err(Error::new(Reason::SplitView, message));
            }
        }
        if end == cursor {
            // An accepted size has one tree only.
            self.verifier.verify_batch(&sector.name, before, &batch.checkpoint, &[], now)?;
        }
        if end <= cursor {
            return Err(nothing_new(sector, cursor));
        }
        batch.first_index = cursor;
        Ok(batch)
    }

    /// Stores the registry's last accepted checkpoint and the first one that contradicts it.
    pub(super) async fn keep_heads(&self, sector: &Sector, shown: Bytes) -> Result<()> {
        let key = row::conflict_key(sector.ordinal);
        let accepted = self.cursor(sector).await?.size();
        let Some(last) = accepted.checked_sub(1) else { return Ok(()) };
        if self.store.get(Space::Meta, &key).await?.is_some() {
            return Ok(());
        }
        let unknown = || row::corrupt("an accepted statement has no checkpoint");
        let batch = look_up(&*self.store, sector.ordinal, last).await?.ok_or_else(unknown)?;
        let entry = self.ledger.entry(batch.checkpoint()).await?;
        let (_, known) = split_entry(&entry).ok_or_else(unknown)?;
        self.store.commit(Batch::new().put(Space::Meta, key, row::write_conflict(known, &shown))).await
    }

    /// Both heads of a registry that showed another history: the accepted and the contradicting.
    pub(super) async fn kept_heads(&self, sector: &Sector) -> Result<Option<(Bytes, Bytes)>> {
        let kept = self.store.get(Space::Meta, &row::conflict_key(sector.ordinal)).await?;
        kept.as_ref().map(row::read_conflict).transpose()
    }
}

fn nothing_new(sector: &Sector, cursor: u64) -> Error {
    let message = format!("its feed replays accepted entries only, none from {cursor} on");
    Error::new(Reason::RegistryUnavailable, message).with_subject("registry", &*sector.name)
}

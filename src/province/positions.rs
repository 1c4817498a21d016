//! Ledger positions of statements, and their proofs: needed for every record that is delivered.
//!
//! A position never changes, and a proof stays the same until there is a newer checkpoint, so both are cached. Positions are cached
//! by batch: its statements are consecutive in both logs.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use quick_cache::sync::Cache;

use crate::base::Result;
use crate::ledger::Log;
use crate::store::{Scan, Space, Store};
use crate::trust::LogProof;

use super::row;

/// Capacity of the cache of batches, of 48 bytes each.
const BATCHES_MAX: usize = 65_536;
/// Capacity of the cache of proofs, of about 1 KiB each.
const PROOFS_MAX: usize = 16_384;

/// Bounded caches of positions and proofs.
pub(super) struct Positions {
    /// By registry and first index in its log; at most [`BATCHES_MAX`].
    batches: RwLock<BTreeMap<(u8, u64), Batch>>,
    /// Proof by ledger index.
    proofs: Cache<u64, Arc<LogProof>>,
}

/// The ledger positions of a batch; the issuer's checkpoint follows its statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    /// Index of its first statement in the registry's log, and in the record ledger.
    first: u64,
    ledger: u64,
    count: u64,
}

impl Batch {
    /// The ledger index of a statement, if it is in this batch.
    pub(super) fn place(self, log_index: u64) -> Option<u64> {
        let at = log_index.checked_sub(self.first).filter(|at| *at < self.count)?;
        Some(self.ledger + at)
    }

    /// The ledger index of the issuer's checkpoint.
    pub(super) fn checkpoint(self) -> u64 {
        self.ledger + self.count
    }
}

impl Positions {
    pub(super) fn new() -> Self {
        Self { batches: RwLock::default(), proofs: Cache::new(PROOFS_MAX) }
    }

    /// The ledger index of a statement; `None` until it is accepted.
    pub(super) async fn find(&self, store: &dyn Store, ordinal: u8, log_index: u64) -> Result<Option<u64>> {
        let known = {
            let batches = self.batches.read().unwrap_or_else(PoisonError::into_inner);
            let before = batches.range(..=(ordinal, log_index)).next_back();
            before.filter(|((of, _), _)| *of == ordinal).and_then(|(_, batch)| batch.place(log_index))
        };
        if known.is_some() {
            return Ok(known);
        }
        let Some(batch) = look_up(store, ordinal, log_index).await? else { return Ok(None) };
        let mut batches = self.batches.write().unwrap_or_else(PoisonError::into_inner);
        if batches.len() >= BATCHES_MAX {
            batches.clear();
        }
        batches.insert((ordinal, batch.first), batch);
        Ok(batch.place(log_index))
    }

    /// The proof of an entry under the ledger's newest published checkpoint.
    pub(super) async fn prove(&self, ledger: &Log, index: u64) -> Result<Arc<LogProof>> {
        let head = ledger.proving_head(index);
        if let Some(proof) = self.proofs.get(&index).filter(|proof| proof.checkpoint == head.note) {
            return Ok(proof);
        }
        let proof = Arc::new(ledger.prove_stored(index).await?);
        self.proofs.insert(index, proof.clone());
        Ok(proof)
    }
}

/// The batch of an accepted statement; `None` if it was not accepted.
pub(super) async fn look_up(store: &dyn Store, ordinal: u8, log_index: u64) -> Result<Option<Batch>> {
    if let Some(found) = in_batches(store, ordinal, log_index).await? {
        return Ok(Some(found));
    }
    let cursor = store.get(Space::Meta, &row::cursor_key(ordinal)).await?;
    let accepted = cursor.as_deref().map(row::read_cursor).transpose()?.map_or(0, |cursor| cursor.size());
    if log_index >= accepted {
        return Ok(None);
    }
    // The cursor moves in the commit that writes these rows: it may have moved since, but is never ahead of them.
    let found = in_batches(store, ordinal, log_index).await?;
    let lost = || store.damaged(Space::ProvinceBatch, "an accepted statement has no position in the record ledger");
    found.map(Some).ok_or_else(lost)
}

/// Checks that the last accepted statement of a registry has its position in a record ledger of this size; a start detects lost
/// rows by that.
pub(super) async fn check_tail(store: &dyn Store, ordinal: u8, accepted: u64, ledger_size: u64) -> Result<()> {
    let Some(last) = accepted.checked_sub(1) else { return Ok(()) };
    match look_up(store, ordinal, last).await? {
        Some(batch) if batch.checkpoint() < ledger_size => Ok(()),
        _ => Err(store.damaged(Space::ProvinceBatch, "the record ledger ends before the accepted statements")),
    }
}

async fn in_batches(store: &dyn Store, ordinal: u8, log_index: u64) -> Result<Option<Batch>> {
    let scan = Scan::prefix(Space::ProvinceBatch, &[ordinal]).reverse();
    let found = store.scan(scan.starting_at(row::batch_key(ordinal, log_index)).limit(1)).await?;
    let Some((key, value)) = found.first() else { return Ok(None) };
    let (first, ledger, count) = row::read_batch(key, value)?;
    let batch = Batch { first, ledger, count };
    Ok(batch.place(log_index).map(|_| batch))
}

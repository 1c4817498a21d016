//! Reads of the engine, now or in a snapshot. What the bytes cause is reported as damage of the space.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use fjall::Readable;

use super::fault::{contained, is_damage};
use super::keyspaces::{Keyspaces, inner_bounds, inner_key};
use crate::base::{Error, Reason, Result};
use crate::store::counts::Since;
use crate::store::health::HealthBoard;
use crate::store::size::check_key;
use crate::store::{Scan, Snapshot, Space, StoreRow};

/// The rows of a store.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) keyspaces: Keyspaces,
    pub(super) health: Arc<HealthBoard>,
}

impl Rows {
    /// The value at `key`, as of the last durable batch.
    pub(super) fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        check_key(key)?;
        self.read(space, || {
            let value = self.keyspaces.of(space).get(inner_key(space, key))?;
            Ok(value.map(|value| Bytes::copy_from_slice(&value)))
        })
    }

    /// The values at `keys` in one state, in the order asked.
    pub(super) fn get_many_at(
        &self,
        state: &fjall::Snapshot,
        space: Space,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Bytes>>> {
        keys.iter().try_for_each(|key| check_key(key))?;
        self.read(space, || {
            let keyspace = self.keyspaces.of(space);
            let read = |key: &Vec<u8>| {
                let value = state.get(keyspace, inner_key(space, key))?;
                Ok(value.map(|value| Bytes::copy_from_slice(&value)))
            };
            keys.iter().map(read).collect()
        })
    }

    /// The rows of a range in one state.
    pub(super) fn scan_at(&self, state: &fjall::Snapshot, scan: &Scan) -> Result<Vec<StoreRow>> {
        scan.check()?;
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        self.read(scan.space, || {
            let rows = state.range(self.keyspaces.of(scan.space), inner_bounds(scan));
            let read = |row: fjall::Guard| {
                let (key, value) = row.into_inner()?;
                // The first byte is the space's code.
                Ok((Bytes::copy_from_slice(key.get(1..).unwrap_or_default()), Bytes::copy_from_slice(&value)))
            };
            if scan.reverse {
                rows.rev().take(scan.limit).map(read).collect()
            } else {
                rows.take(scan.limit).map(read).collect()
            }
        })
    }

    fn read<T>(&self, space: Space, read: impl FnOnce() -> fjall::Result<T>) -> Result<T> {
        const WHAT: &str = "stored data cannot be read back";
        match contained(read) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error))))
                if !is_damage(&error) =>
            {
                // Too few descriptors or too little memory: the data may be intact.
                let message = "the disk does not answer; try again";
                Err(Error::new(Reason::StorageUnavailable, message).with_source(error))
            }
            Ok(Err(error)) => Err(self.health.damage(space, WHAT, Some(error.to_string()))),
            Err(panicked) => Err(self.health.damage(space, WHAT, Some(panicked))),
        }
    }
}

/// One state of the store: the engine keeps the versions of rows that it shows.
pub(super) struct FjallSnapshot {
    rows: Rows,
    state: fjall::Snapshot,
    /// The number of rows of each space, in the order of [`Space::ALL`].
    counts: Vec<u64>,
    // Declared behind the state: whoever is told that this has ended finds the engine's snapshot closed.
    since: Since,
}

impl FjallSnapshot {
    pub(super) fn new(rows: Rows, state: fjall::Snapshot, counts: Vec<u64>, since: Since) -> Self {
        Self { rows, state, counts, since }
    }
}

#[async_trait]
impl Snapshot for FjallSnapshot {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        let found = self.rows.get_many_at(&self.state, space, &[key.to_vec()])?;
        Ok(found.into_iter().next().flatten())
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        self.rows.get_many_at(&self.state, space, keys)
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        self.rows.scan_at(&self.state, &scan)
    }

    fn count(&self, space: Space) -> u64 {
        self.counts[space.index()]
    }

    fn held_back_bytes(&self) -> u64 {
        self.since.bytes()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.rows.health.damage(space, what, None)
    }
}

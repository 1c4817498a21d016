//! The store in memory: the contract's plainest reading, for tests of what stands above the port.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::{Batch, Row, Scan, Space, Store, conflict};
use crate::base::Result;

type Map = BTreeMap<Bytes, Bytes>;

/// Ordered maps behind one lock; gone with the process.
#[derive(Debug)]
pub struct MemoryStore {
    /// One map a space, in the order of [`Space::ALL`].
    maps: RwLock<Vec<Map>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { maps: RwLock::new(vec![Map::new(); Space::ALL.len()]) }
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Map>> {
        // Nothing panics between two writes of one batch, so a poisoned lock still guards whole batches.
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.read()[space.index()].get(key).cloned())
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        let maps = self.read();
        Ok(keys.iter().map(|key| maps[space.index()].get(key.as_slice()).cloned()).collect())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<Row>> {
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let maps = self.read();
        let bounds = (scan.from.as_ref().map(Vec::as_slice), scan.to.as_ref().map(Vec::as_slice));
        let rows = maps[scan.space.index()].range::<[u8], _>(bounds).map(|(key, value)| (key.clone(), value.clone()));
        Ok(if scan.reverse { rows.rev().take(scan.limit).collect() } else { rows.take(scan.limit).collect() })
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        let mut maps = self.maps.write().unwrap_or_else(PoisonError::into_inner);
        let (conditions, writes) = batch.into_parts();
        for condition in conditions {
            if maps[condition.space.index()].get(&condition.key) != condition.expected.as_ref() {
                return Err(conflict(condition.space));
            }
        }
        for write in writes {
            let map = &mut maps[write.space.index()];
            match write.value {
                Some(value) => map.insert(write.key, value),
                None => map.remove(&write.key),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn keeps_the_contract() {
        super::super::conformance::check(|| Arc::new(MemoryStore::new())).await;
    }
}

//! The store in memory: the simplest implementation of the contract, for tests of the layers above.
//!
//! [`MemoryStore::new`] has one opener. [`SharedMemory`] is a backing for any number of openers, each with a handle of its own,
//! like processes that open one database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

use super::health::{Health, HealthBoard};
use super::size::check_key;
use super::{Batch, Before, ChangeBoard, Changes, Openers, Scan, Snapshot, Space, Store, StoreRow, conflict};
use crate::base::{Error, Result};

type Map = BTreeMap<Bytes, Bytes>;

/// Ordered maps behind one lock.
#[derive(Debug)]
struct SharedRows {
    /// One map for each space, in the order of [`Space::ALL`].
    maps: RwLock<Vec<Map>>,
    changes: ChangeBoard,
}

impl Default for SharedRows {
    fn default() -> Self {
        Self { maps: RwLock::new(vec![Map::new(); Space::ALL.len()]), changes: ChangeBoard::default() }
    }
}

/// Rows shared by several openers; dropped with the last of them.
#[derive(Debug, Clone, Default)]
pub struct SharedMemory(Arc<SharedRows>);

impl SharedMemory {
    /// Opens the rows once more: the new handle shares nothing else.
    pub fn open(&self) -> MemoryStore {
        MemoryStore { rows: self.0.clone(), openers: Openers::Many, health: Arc::default() }
    }
}

/// One opener of rows in memory.
#[derive(Debug)]
pub struct MemoryStore {
    rows: Arc<SharedRows>,
    openers: Openers,
    health: Arc<HealthBoard>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { rows: Arc::default(), openers: Openers::One, health: Arc::default() }
    }
}

impl MemoryStore {
    /// An empty store with one opener.
    pub fn new() -> Self {
        Self::default()
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Map>> {
        // Nothing panics between two writes of one batch, so a poisoned lock still guards whole batches.
        self.rows.maps.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn get(maps: &[Map], space: Space, key: &[u8]) -> Result<Option<Bytes>> {
    check_key(key)?;
    Ok(maps[space.index()].get(key).cloned())
}

fn rows(maps: &[Map], scan: &Scan) -> Result<Vec<StoreRow>> {
    scan.check()?;
    if scan.is_empty() {
        return Ok(Vec::new());
    }
    let bounds = (scan.from.as_ref().map(Vec::as_slice), scan.to.as_ref().map(Vec::as_slice));
    let rows = maps[scan.space.index()].range::<[u8], _>(bounds).map(|(key, value)| (key.clone(), value.clone()));
    Ok(if scan.reverse { rows.rev().take(scan.limit).collect() } else { rows.take(scan.limit).collect() })
}

/// A copy of all rows.
struct MemorySnapshot {
    maps: Vec<Map>,
    health: Arc<HealthBoard>,
}

#[async_trait]
impl Snapshot for MemorySnapshot {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        get(&self.maps, space, key)
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        keys.iter().map(|key| get(&self.maps, space, key)).collect()
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        rows(&self.maps, &scan)
    }

    fn count(&self, space: Space) -> u64 {
        self.maps[space.index()].len() as u64
    }

    fn held_back_bytes(&self) -> u64 {
        0 // rows are shared with the store, not kept for the snapshot
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.health.damage(space, what, None)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        get(&self.read(), space, key)
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        let maps = self.read();
        keys.iter().map(|key| get(&maps, space, key)).collect()
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        rows(&self.read(), &scan)
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        let mut maps = self.rows.maps.write().unwrap_or_else(PoisonError::into_inner);
        let (conditions, writes) = batch.into_parts();
        for condition in conditions {
            if maps[condition.space.index()].get(&condition.key) != condition.expected.as_ref() {
                return Err(conflict(condition.space));
            }
        }
        // Claims are checked before anything is written: a false one fails its batch, as a bug in the caller.
        let mut exists: BTreeMap<(Space, &Bytes), bool> = BTreeMap::new();
        for write in &writes {
            let stored = || maps[write.space.index()].contains_key(&write.key);
            let exists = exists.entry((write.space, &write.key)).or_insert_with(stored);
            let claimed = match write.before {
                Before::Unknown => *exists,
                Before::Absent => false,
                Before::Present => true,
            };
            if claimed != *exists {
                let claim = format!("a batch says of a row of {} that it is {:?}", write.space.name(), write.before);
                return Err(Error::bug(claim));
            }
            *exists = write.value.is_some();
        }
        let touched: BTreeSet<Space> = writes.iter().map(|write| write.space).collect();
        for write in writes {
            let map = &mut maps[write.space.index()];
            match write.value {
                Some(value) => map.insert(write.key, value),
                None => map.remove(&write.key),
            };
        }
        drop(maps);
        touched.into_iter().for_each(|space| self.rows.changes.note(space));
        Ok(())
    }

    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        Ok(Arc::new(MemorySnapshot { maps: self.read().clone(), health: self.health.clone() }))
    }

    fn changes(&self, space: Space) -> Changes {
        self.rows.changes.watch(space)
    }

    fn openers(&self) -> Openers {
        self.openers
    }

    fn count(&self, space: Space) -> u64 {
        self.read()[space.index()].len() as u64
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.watch()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.health.damage(space, what, None)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::Kind;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn keeps_the_contract() {
        super::super::conformance::check(|| Arc::new(MemoryStore::new())).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn keeps_the_contract_for_each_of_several_openers() {
        super::super::conformance::check(|| Arc::new(SharedMemory::default().open())).await;
        super::super::conformance::check_openers(|| {
            let shared = SharedMemory::default();
            [Arc::new(shared.open()), Arc::new(shared.open())]
        })
        .await;
    }

    #[tokio::test]
    async fn a_false_claim_is_a_defect_and_writes_nothing() {
        let store = MemoryStore::new();
        let mut insert = Batch::new().put(Space::Record, "b", "1");
        insert.push_update(Space::Record, "a", "1");
        assert_eq!(store.commit(insert).await.expect_err("there is no such row").kind(), Kind::Bug);
        let mut twice = Batch::new().put(Space::Record, "a", "1");
        twice.push_insert(Space::Record, "a", "2");
        assert_eq!(store.commit(twice).await.expect_err("there is one").kind(), Kind::Bug);
        assert_eq!(store.count(Space::Record), 0);
    }
}

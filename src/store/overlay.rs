//! An overlay: a store of its own over a snapshot of another. Reads fall through to the snapshot, writes stay here, in memory.
//!
//! What it holds is bounded: a batch that would take it beyond its limit is refused with
//! [`SessionFull`](Reason::SessionFull), and nothing of it is written. A snapshot of it takes no copy: what was written is copied by the next
//! batch, if a snapshot still has it, and every copy counts in the memory of all overlays ([`MemoryTotal`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Mutex, watch};

use super::health::{Health, HealthBoard};
use super::size::check_key;
use super::{Batch, Before, ChangeBoard, Changes, Openers, Scan, Snapshot, Space, Store, StoreRow, Write, conflict};
use crate::base::{Error, Reason, Result};
pub use memory_total::{MemoryShare, MemoryTotal};

mod memory_total;

/// Memory of a row in addition to its bytes.
const ROW_BYTES: usize = 128;

/// The rows of one space that were written; `None`: deleted.
type Map = BTreeMap<Bytes, Option<Bytes>>;

/// The rows written over a snapshot.
#[derive(Debug, Clone)]
struct Written {
    /// One map for each space, in the order of [`Space::ALL`].
    maps: Vec<Map>,
    /// The number of rows of each space.
    counts: Vec<u64>,
    memory: MemoryShare,
}

impl Written {
    fn over(base: &dyn Snapshot, memory: &MemoryTotal) -> Self {
        let counts = Space::ALL.iter().map(|space| base.count(*space)).collect();
        Self { maps: vec![Map::new(); Space::ALL.len()], counts, memory: memory.share() }
    }

    fn row(&self, space: Space, key: &[u8]) -> Option<&Option<Bytes>> {
        self.maps[space.index()].get(key)
    }

    /// The written rows of a range, in the order of the scan, up to the one with which the limit of rows that exist is reached: rows of the
    /// snapshot behind that one are not in the result.
    fn range(&self, scan: &Scan) -> Vec<(Bytes, Option<Bytes>)> {
        let bounds = (scan.from.as_ref().map(Vec::as_slice), scan.to.as_ref().map(Vec::as_slice));
        let rows = self.maps[scan.space.index()].range::<[u8], _>(bounds);
        let rows: Box<dyn Iterator<Item = _>> = if scan.reverse { Box::new(rows.rev()) } else { Box::new(rows) };
        let (mut found, mut left) = (Vec::new(), scan.limit);
        for (key, value) in rows {
            if left == 0 {
                break;
            }
            left -= usize::from(value.is_some());
            found.push((key.clone(), value.clone()));
        }
        found
    }

    fn write(&mut self, Write { space, key, value, .. }: Write, existed: bool) {
        let size = |key: &Bytes, value: &Option<Bytes>| key.len() + value.as_ref().map_or(0, Bytes::len) + ROW_BYTES;
        let count = &mut self.counts[space.index()];
        *count = (*count + u64::from(value.is_some())).saturating_sub(u64::from(existed));
        self.memory.grow(size(&key, &value));
        // Copies of their own: a slice would keep a whole message alive.
        let (key, value) = (Bytes::copy_from_slice(&key), value.map(|value| Bytes::copy_from_slice(&value)));
        if let Some(before) = self.maps[space.index()].insert(key.clone(), value) {
            self.memory.shrink(size(&key, &before));
        }
    }
}

/// A store over a snapshot.
pub struct OverlayStore {
    base: Arc<dyn Snapshot>,
    /// Shared with its snapshots until the next batch, which copies it.
    written: RwLock<Arc<Written>>,
    /// Orders the batches: their conditions are read from the snapshot as well.
    turn: Mutex<()>,
    bytes_max: usize,
    changes: ChangeBoard,
    health: HealthBoard,
}

impl OverlayStore {
    /// A store that begins as `base` is, and holds at most `bytes_max` of what is written to it. Its memory counts in `memory`, as does that of
    /// its snapshots once it is not the same any more.
    pub fn new(base: Arc<dyn Snapshot>, bytes_max: usize, memory: &MemoryTotal) -> Self {
        let written = RwLock::new(Arc::new(Written::over(&*base, memory)));
        Self {
            base,
            written,
            turn: Mutex::default(),
            bytes_max,
            changes: ChangeBoard::default(),
            health: HealthBoard::default(),
        }
    }

    /// What it holds, in bytes of memory.
    pub fn bytes(&self) -> usize {
        self.read().memory.bytes()
    }

    /// What the next batch copies, in bytes of memory: all that it holds, if a snapshot has the same.
    pub fn bytes_to_copy(&self) -> usize {
        let written = self.read();
        if Arc::strong_count(&written) > 1 { written.memory.bytes() } else { 0 }
    }

    /// How many rows of each space were written or deleted; spaces without any are left out.
    pub fn rows_written(&self) -> BTreeMap<Space, u64> {
        let written = self.read();
        let count = |space: &Space| (*space, written.maps[space.index()].len() as u64);
        Space::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Arc<Written>> {
        // Nothing panics between two writes of one batch, so a poisoned lock still guards whole batches.
        self.written.read().unwrap_or_else(PoisonError::into_inner)
    }

    async fn now_at(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        let written = self.read().row(space, key).cloned();
        match written {
            Some(value) => Ok(value),
            None => self.base.get(space, key).await,
        }
    }

    /// Whether each write meets a row, in order.
    async fn existed(&self, writes: &[Write]) -> Result<Vec<bool>> {
        let mut written: BTreeMap<(Space, &Bytes), bool> = BTreeMap::new();
        let mut existed = Vec::with_capacity(writes.len());
        for write in writes {
            let before = match (written.get(&(write.space, &write.key)), write.before) {
                (Some(exists), _) => *exists,
                (None, Before::Absent) => false,
                (None, Before::Present) => true,
                (None, Before::Unknown) => self.now_at(write.space, &write.key).await?.is_some(),
            };
            existed.push(before);
            written.insert((write.space, &write.key), write.value.is_some());
        }
        Ok(existed)
    }
}

/// Reads a range of `base` with what was written over it.
async fn merged(base: &dyn Snapshot, scan: Scan, over: Vec<(Bytes, Option<Bytes>)>) -> Result<Vec<StoreRow>> {
    if over.is_empty() {
        return base.scan(scan).await;
    }
    let (limit, reverse) = (scan.limit, scan.reverse);
    let is_before = |one: &Bytes, other: &Bytes| if reverse { one > other } else { one < other };
    let mut over = over.into_iter().peekable();
    let mut found: Vec<StoreRow> = Vec::new();
    let mut next = Some(scan);
    while let Some(scan) = next.take() {
        let rows = base.scan(scan.clone()).await?;
        // A full page may have more behind it: written rows beyond its last key have to wait for those.
        let last = (rows.len() == limit).then(|| rows.last().map(|(key, _)| key.clone())).flatten();
        for (key, value) in rows {
            while let Some((before, written)) = over.next_if(|(written, _)| is_before(written, &key)) {
                found.extend(written.map(|value| (before, value)));
            }
            match over.next_if(|(written, _)| *written == key) {
                Some((_, written)) => found.extend(written.map(|value| (key, value))),
                None => found.push((key, value)),
            }
        }
        match last {
            Some(last) if found.len() < limit => next = Some(scan.after(last.to_vec())),
            Some(_) => {}
            None => found.extend(over.by_ref().filter_map(|(key, value)| Some((key, value?)))),
        }
    }
    found.truncate(limit);
    Ok(found)
}

#[async_trait]
impl Store for OverlayStore {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        check_key(key)?;
        self.now_at(space, key).await
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        keys.iter().try_for_each(|key| check_key(key))?;
        let written: Vec<Option<Option<Bytes>>> = {
            let written = self.read();
            keys.iter().map(|key| written.row(space, key).cloned()).collect()
        };
        let below: Vec<Vec<u8>> =
            keys.iter().zip(&written).filter(|(_, written)| written.is_none()).map(|(key, _)| key.clone()).collect();
        let mut below =
            if below.is_empty() { Vec::new() } else { self.base.get_many(space, &below).await? }.into_iter();
        Ok(written.into_iter().map(|written| written.unwrap_or_else(|| below.next().flatten())).collect())
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        scan.check()?;
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let over = self.read().range(&scan);
        merged(&*self.base, scan, over).await
    }

    async fn commit(&self, batch: Batch) -> Result<()> {
        batch.check_sizes()?;
        let _turn = self.turn.lock().await;
        let (conditions, writes) = batch.into_parts();
        for condition in conditions {
            if self.now_at(condition.space, &condition.key).await? != condition.expected {
                return Err(conflict(condition.space));
            }
        }
        let existed = self.existed(&writes).await?;
        let more: usize =
            writes.iter().map(|write| write.key.len() + write.value.as_ref().map_or(0, Bytes::len) + ROW_BYTES).sum();
        if self.bytes() + more > self.bytes_max {
            let message = "the changes in this session have reached their limit: reset the session, or use several";
            return Err(Error::new(Reason::SessionFull, message).with_subject("session", ""));
        }
        let touched: BTreeSet<Space> = writes.iter().map(|write| write.space).collect();
        {
            let mut written = self.written.write().unwrap_or_else(PoisonError::into_inner);
            let written = Arc::make_mut(&mut written);
            writes.into_iter().zip(existed).for_each(|(write, existed)| written.write(write, existed));
        }
        touched.into_iter().for_each(|space| self.changes.note(space));
        Ok(())
    }

    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>> {
        let written = self.read().clone();
        Ok(Arc::new(OverlaySnapshot { base: self.base.clone(), written }))
    }

    fn changes(&self, space: Space) -> Changes {
        self.changes.watch(space)
    }

    fn openers(&self) -> Openers {
        Openers::One
    }

    fn count(&self, space: Space) -> u64 {
        self.read().counts[space.index()]
    }

    fn health(&self) -> watch::Receiver<Health> {
        self.health.watch()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        // A row that was read came from below, unless it was written here.
        let below = self.base.damaged(space, what);
        self.health.damage(space, what, None).with_source(below)
    }
}

/// An overlay as it was.
struct OverlaySnapshot {
    base: Arc<dyn Snapshot>,
    written: Arc<Written>,
}

#[async_trait]
impl Snapshot for OverlaySnapshot {
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>> {
        match self.written.row(space, key) {
            Some(value) => Ok(value.clone()),
            None => self.base.get(space, key).await,
        }
    }

    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>> {
        let mut found = self.base.get_many(space, keys).await?;
        for (key, found) in keys.iter().zip(&mut found) {
            if let Some(value) = self.written.row(space, key) {
                *found = value.clone();
            }
        }
        Ok(found)
    }

    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>> {
        scan.check()?;
        if scan.is_empty() {
            return Ok(Vec::new());
        }
        let over = self.written.range(&scan);
        merged(&*self.base, scan, over).await
    }

    fn count(&self, space: Space) -> u64 {
        self.written.counts[space.index()]
    }

    fn held_back_bytes(&self) -> u64 {
        self.base.held_back_bytes()
    }

    fn damaged(&self, space: Space, what: &'static str) -> Error {
        self.base.damaged(space, what)
    }
}

#[cfg(test)]
mod tests;

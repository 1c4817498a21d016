//! What lies on the simulated disk: the rows of one store, how many each space should have, and which of them are damaged.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lienthong::base::Result;
use lienthong::store::memory::MemoryStore;
use lienthong::store::{Batch, Health, Scan, Space, Store as _, StoreRow};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, oneshot, watch};

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Its block cannot be read, and the engine says so.
    Unreadable,
    /// It reads as zeros, and the engine does not notice.
    Zeros,
    /// It is gone, and the engine does not notice.
    Gone,
}

/// The rows of one store.
pub struct Platter {
    /// The rows.
    pub rows: MemoryStore,
    /// The rows that each space should have, as of the last commit: what a lost space is known by.
    pub counts: Mutex<Vec<u64>>,
    /// Rows that cannot be read as they were written at the moment.
    pub damaged: Mutex<BTreeMap<(Space, Bytes), Damage>>,
    /// Who has it open.
    pub opened: Mutex<Vec<Arc<Power>>>,
}

impl Default for Platter {
    fn default() -> Self {
        let rows = MemoryStore::new();
        let counts = Mutex::new(counts(&rows));
        Self { rows, counts, damaged: Mutex::default(), opened: Mutex::default() }
    }
}

impl Platter {
    /// All rows of a space, in the order of their keys.
    pub async fn all(&self, space: Space) -> Vec<StoreRow> {
        self.rows.scan(Scan::prefix(space, b"").limit(usize::MAX)).await.expect("rows are read")
    }

    /// Writes a batch whole.
    pub async fn write(&self, batch: Batch) -> Result<()> {
        self.rows.commit(batch).await?;
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts(&self.rows);
        Ok(())
    }
}

/// The rows of each space.
pub fn counts(rows: &MemoryStore) -> Vec<u64> {
    Space::ALL.iter().map(|space| rows.count(*space)).collect()
}

/// What one opening has, until the power goes.
pub struct Power {
    /// Whether it still goes.
    pub is_on: AtomicBool,
    /// The batches on their way.
    pub waiting: Mutex<VecDeque<Waiting>>,
    /// Notified when one comes.
    pub came: Notify,
    /// What it says of itself.
    pub health: watch::Sender<Health>,
    /// The lock of the folder, and whatever else ends with the process.
    pub kept: Mutex<Option<Box<dyn Any + Send + Sync>>>,
}

/// A batch on its way.
pub struct Waiting {
    /// What is to be written.
    pub batch: Batch,
    /// Where its writer waits.
    pub answer: oneshot::Sender<Result<()>>,
}

/// A hash over rows, with how many there are.
pub fn digest_of(rows: &[(Space, Vec<StoreRow>)]) -> String {
    let (mut hash, mut count) = (Sha256::new(), 0);
    for (space, rows) in rows {
        hash.update([space.code()]);
        for (key, value) in rows {
            hash.update((key.len() as u64).to_be_bytes());
            hash.update(key);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
            count += 1;
        }
    }
    let hash: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{count} rows, {hash}")
}

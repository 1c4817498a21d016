//! The storage port: one ordered map of bytes for each noun, atomic durable batches, and nothing else.
//!
//! The trait is small on purpose, so that an embedded engine and a PostgreSQL server can both keep it, and it is the
//! contract: `store::conformance` holds every adapter to it.
//!
//! - **Atomicity.** A [`Batch`] is written whole or not at all, over all its spaces, also when the process or the
//!   machine dies in the middle. Its conditions are checked against the state just before it.
//! - **Durability.** When [`Store::commit`] answers `Ok`, the batch survives a crash of the machine. An adapter may
//!   group batches of many callers behind one sync; each caller waits for the sync that covers its own.
//! - **Ordering.** Batches take effect in one total order. A caller that waits for `Ok` before its next commit finds
//!   its batches in that order; so does a crash: what survives is a prefix of the order.
//! - **Conflicts.** A condition that does not hold fails its own batch alone, with
//!   [`StorageConflict`](crate::base::Reason::StorageConflict), and nothing of it is written. Conditions see the
//!   batches that were ordered before, also those of the same group. Repeating is the caller's decision: read again,
//!   decide again. Blind writes never conflict; the last one stays.
//! - **Concurrency.** Any number of tasks may call at once; readers never wait for writers. Each call of `get_many`
//!   and `scan` reads one state of the store; two calls may read two states. After `Ok` every read sees the batch, and
//!   no read sees a batch before it is durable.
//! - **Notification.** [`Store::changes`] wakes whoever watches a space after a batch that touched it is durable, whichever opener
//!   committed it. Notices are coalesced and never lost; a wake-up without a change is allowed.
//! - **Openers.** [`Store::openers`] says whether others may have the same rows open: then nothing that one of them keeps in memory
//!   says what the rows are, and conditions and notices are all that they share.
//! - **Cancellation.** Dropping the future of a commit does not undo it: the batch may or may not be written.
//! - **Keys** are 1 to [`KEY_BYTES_MAX`] bytes and sort bytewise; values are up to [`VALUE_BYTES_MAX`] bytes, and may
//!   be empty. A batch with anything else is refused as a defect before it is queued. A read by a longer key is refused as an
//!   invalid request: only a request can have brought it.
//! - **Counts.** [`Store::count`] says how many rows a space has. The count is kept with the rows, in the same batch, so that a lost
//!   part of the store shows at the next start. A batch may claim what it knows about a row (`push_insert`, `push_update`); of other
//!   writes the store finds out by itself.
//! - **Snapshots.** [`Store::snapshot`] is one state of the store, which later batches don't change, for as long as it is kept. It takes no
//!   copy of the rows. An [`OverlayStore`] over it is a store of its own.
//! - **Damage.** What cannot be read back fails with [`StorageCorrupt`](crate::base::Reason::StorageCorrupt): it is never "no such
//!   row". [`Store::health`] says from then on which space is concerned. A batch with such a row is refused alone.
//! - **A full disk** refuses changes with [`StorageFull`](crate::base::Reason::StorageFull) and takes them again once there is room.
//!   After a failed write, or a defect in the thread that writes, the store takes none until a restart:
//!   [`StorageUnavailable`](crate::base::Reason::StorageUnavailable). Reads go on in both cases.

pub mod engine;
pub mod file;
pub mod fjall;
pub mod lock;
pub mod memory;

mod batch;
mod changes;
mod committer;
mod counts;
mod derived;
#[cfg(test)]
mod conformance;
mod disk;
mod health;
mod overlay;
mod recount;
mod rollback;
mod scan;
mod seal;
mod size;
mod space;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

pub use batch::{Batch, Before, Condition, Write};
pub use changes::{ChangeBoard, Changes};
pub use derived::{Derived, Findings, Purpose, UNREADABLE};
pub use disk::{FolderDisk, FreeSpace};
pub use health::{Health, Writes, disk_full};
pub use overlay::{MemoryShare, MemoryTotal, OverlayStore};
pub use recount::{Pace, Recount, recount};
pub use rollback::{Accepted, RollbackGuard};
pub use scan::Scan;
pub use size::{KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub use space::{Layout, Remedy, Space};

use crate::base::{Error, Reason, Result};

/// Key and value.
pub type StoreRow = (Bytes, Bytes);

/// The processes that may have a store open at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openers {
    /// This process only: a lock excludes others until it has ended.
    One,
    /// Any number of processes, on any number of machines.
    Many,
}

/// An ordered, transactional key-value store; the module's comment is the contract.
///
/// Errors of every call: [`StorageCorrupt`](Reason::StorageCorrupt) when stored bytes cannot be read back, and
/// [`StorageUnavailable`](Reason::StorageUnavailable) when the system refuses for the moment; the cause is the source.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The value at `key`, if there is one.
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>>;

    /// The values at `keys`, in the order asked; all from one state.
    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>>;

    /// The rows of a range, ascending or descending, at most `scan.limit`; all from one state.
    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>>;

    /// Writes `batch`, atomically; durable when `Ok`.
    ///
    /// Fails with [`StorageConflict`](Reason::StorageConflict) when a condition does not hold, and with
    /// [`StorageCorrupt`](Reason::StorageCorrupt) when a row of the batch cannot be looked up. When the store takes no changes:
    /// [`StorageFull`](Reason::StorageFull) or [`StorageUnavailable`](Reason::StorageUnavailable), both with a time to try again.
    async fn commit(&self, batch: Batch) -> Result<()>;

    /// The store as of its last durable batch, for reading while the store goes on.
    async fn snapshot(&self) -> Result<Arc<dyn Snapshot>>;

    /// Wakes when a batch that writes `space` is committed from now on, by this opener or another.
    fn changes(&self, space: Space) -> Changes;

    /// The processes that may have the same rows open.
    fn openers(&self) -> Openers;

    /// The number of rows of a space, as of the last durable batch.
    fn count(&self, space: Space) -> u64;

    /// The health of the store, now and as it changes.
    fn health(&self) -> watch::Receiver<Health>;

    /// For readers that find a row which cannot be what was written, or miss one that another row names: notes the damage, and
    /// returns the error ([`StorageCorrupt`](Reason::StorageCorrupt)). `what` holds no personal data.
    fn damaged(&self, space: Space, what: &'static str) -> Error;
}

/// One state of a store. Reads fail as those of [`Store`](Store) do, and all see the same rows. What it holds back from the engine's
/// clean-up is released when it is dropped.
#[async_trait]
pub trait Snapshot: Send + Sync + 'static {
    /// The value at `key`, if there is one.
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>>;

    /// The values at `keys`, in the order asked.
    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>>;

    /// The rows of a range, ascending or descending, at most `scan.limit`.
    async fn scan(&self, scan: Scan) -> Result<Vec<StoreRow>>;

    /// The number of rows of a space.
    fn count(&self, space: Space) -> u64;

    /// About how much was written to the engine since, in bytes: as long as the snapshot is kept, the engine gives back nothing of what
    /// became old in it. 0 if it holds back nothing.
    fn held_back_bytes(&self) -> u64;

    /// Notes damage in the store that it is of, and returns the error: see [`Store::damaged`](Store::damaged).
    fn damaged(&self, space: Space, what: &'static str) -> Error;
}

/// Waits until everything that a condition has seen can be read: conditions see batches that are ordered and not durable yet, and reads do not.
/// Whoever reads after a conflict what another batch wrote, reads behind this.
pub async fn settled(store: &dyn Store) -> Result<()> {
    const NOBODYS: &str = "settled";
    store.commit(Batch::new().require_absent(Space::Meta, NOBODYS)).await
}

/// The error of a batch with an unmet condition. It names the space only: keys may be personal data.
fn conflict(space: Space) -> Error {
    Error::new(Reason::StorageConflict, format!("a row of {} changed meanwhile", space.name()))
}

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
//! - **Cancellation.** Dropping the future of a commit does not undo it: the batch may or may not be written.
//! - **Keys** are 1 to [`KEY_BYTES_MAX`] bytes and sort bytewise; values are up to [`VALUE_BYTES_MAX`] bytes, and may
//!   be empty. Anything else is refused as a defect before it is queued.

pub mod file;
pub mod fjall;
pub mod memory;

mod batch;
mod committer;
#[cfg(test)]
mod conformance;
mod scan;
mod space;

use async_trait::async_trait;
use bytes::Bytes;

pub use batch::{Batch, Condition, Write};
pub use scan::Scan;
pub use space::{Layout, Space};

use crate::base::{Error, Reason, Result};

/// Longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Largest value, in bytes.
pub const VALUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A row: its key and its value.
pub type Row = (Bytes, Bytes);

/// An ordered, transactional key-value store; the module's comment is the contract.
///
/// Errors of every call: [`StorageCorrupt`](Reason::StorageCorrupt) when stored bytes cannot be read back, and
/// [`Internal`](Reason::Internal) when the disk refuses; the cause is the source.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The value at `key`, if there is one.
    async fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>>;

    /// The values at `keys`, in the order asked; all from one state.
    async fn get_many(&self, space: Space, keys: &[Vec<u8>]) -> Result<Vec<Option<Bytes>>>;

    /// The rows of a range, ascending or descending, at most `scan.limit`; all from one state.
    async fn scan(&self, scan: Scan) -> Result<Vec<Row>>;

    /// Writes `batch`, atomically; durable when `Ok`.
    ///
    /// Fails with [`StorageConflict`](Reason::StorageConflict) when a condition does not hold, and with
    /// [`ShuttingDown`](Reason::ShuttingDown) once the store closes.
    async fn commit(&self, batch: Batch) -> Result<()>;
}

/// The error of a batch whose condition does not hold. It names the space; keys may be personal data.
fn conflict(space: Space) -> Error {
    Error::new(Reason::StorageConflict, format!("a row of {} changed meanwhile", space.name()))
}

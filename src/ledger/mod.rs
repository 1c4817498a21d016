//! Ledgers: append-only logs over a store, with one signed checkpoint for each batch and a proof for every entry.
//!
//! Issuer logs, the record ledger and the evidence ledger are the same machinery (RFC 6962 tree, C2SP tlog-tiles and
//! tlog-checkpoint). What a log keeps is written in one atomic batch of the store, together with the rows that the
//! caller derives from its place in the log: entries, tiles, the signed note of the new size, and the head, which is
//! replaced only if it still is the one that the batch grew from. So two checkpoints of one size cannot exist, and
//! after a crash the old head stands, and the same indices are used again.
//!
//! ```text
//! append ─▶ queue ─▶ sequencer: hash, sign once, commit ─▶ head is published ─▶ callers are answered
//!                                   ▲ what queued meanwhile is the next batch
//! ```

pub mod rows;
pub mod segment;
pub mod tile;
pub mod tree;

mod cache;
mod checkpoint;
mod clock;
mod hold;
mod load;
mod log;
mod order;
mod read;
mod sequencer;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot, watch};

pub use cache::TileCache;
pub use clock::{ClockBehind, LogClock, Monotone};
pub use hold::Hold;
pub use log::{Appended, Entry, Head};
pub use rows::LogId;
pub use stored::StoredLog;

use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Store};
use crate::trust::Signer;
use log::Log;
use order::{Order, Request};

/// Appends that wait for the sequencer before callers wait to queue.
const QUEUE_APPENDS_MAX: usize = 1_024;
/// The longest entry: what the 16-bit lengths of entry bundles (C2SP tlog-tiles) can say.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// One log: appends go through its one sequencer, reads go past it.
pub struct Ledger {
    log: Arc<Log>,
    queue: mpsc::Sender<Order>,
}

impl Ledger {
    /// Opens a log, or begins it with a signed checkpoint of size 0. Spawns the sequencer on the present runtime; it
    /// ends with the ledger.
    ///
    /// Rebuilds the tree from the stored leaf hashes and compares everything derived from them: fails with
    /// [`LedgerCorrupt`](Reason::LedgerCorrupt), naming the log and what differs, when a tile is missing or another,
    /// the root is not the signed one, or the note was signed by another key or for another log; and with
    /// [`ClockBehind`](Reason::ClockBehind) when the clock reads too far before the head. Logs of one world share one [`LogClock`].
    pub async fn open(
        store: Arc<dyn Store>,
        id: LogId,
        origin: &str,
        signer: Arc<dyn Signer>,
        clock: impl Into<LogClock>,
    ) -> Result<Arc<Self>> {
        Self::open_with(store, id, origin, signer, clock, TileCache::default()).await
    }

    /// The same with a cache of tiles that logs share.
    pub async fn open_with(
        store: Arc<dyn Store>,
        id: LogId,
        origin: &str,
        signer: Arc<dyn Signer>,
        clock: impl Into<LogClock>,
        tiles: TileCache,
    ) -> Result<Arc<Self>> {
        let (origin, clock) = (origin.to_owned(), clock.into());
        let state = load::load_or_begin(&*store, id, &origin, &*signer, &clock).await?;
        let log = Arc::new(Log {
            sizes: watch::channel(state.head.size).0,
            state: RwLock::new(Arc::new(state)),
            tiles,
            cosigned: RwLock::default(),
            store,
            id,
            origin,
            signer: RwLock::new(signer),
            clock,
            closed: AtomicBool::new(false),
        });
        let (queue, requests) = mpsc::channel(QUEUE_APPENDS_MAX);
        tokio::spawn(sequencer::serve(log.clone(), requests));
        Ok(Arc::new(Self { log, queue }))
    }

    /// Appends entries, in their order and without others between them, and commits `rows` with them.
    ///
    /// `rows` gets the index of the first entry and gives what else the same commit writes. When it answers `Ok`,
    /// entries, tiles, checkpoint and rows are durable, and [`Ledger::head`] covers them. Appends of many callers
    /// share a batch and a signature: what queues while a commit is under way is the next batch, up to
    /// [`BATCH_RECORDS_MAX`] entries, so nothing waits for a timer. An append whose rows carry conditions is a batch
    /// of its own, and fails alone with [`StorageConflict`](Reason::StorageConflict) when they do not hold. While the clock reads too
    /// far before the newest head, all fail with [`ClockBehind`](Reason::ClockBehind).
    ///
    /// Dropping the future does not take the append back. An append of no entries is refused, as is one of more than
    /// [`BATCH_RECORDS_MAX`] ([`BatchTooLarge`](Reason::BatchTooLarge)).
    pub async fn append(
        &self,
        entries: Vec<Entry>,
        rows: impl FnOnce(u64) -> Batch + Send + 'static,
    ) -> Result<Appended> {
        if entries.is_empty() {
            return Err(Error::bug(format!("an append of no entries to {}", self.log.origin)));
        }
        // The longest entry that a bundle of C2SP tlog-tiles can hold.
        if let Some(long) = entries.iter().find(|entry| entry.body.len() > ENTRY_BYTES_MAX) {
            return Err(Error::bug(format!("an entry of {} bytes for {}", long.body.len(), self.log.origin)));
        }
        // One more than the records of a batch: an issuer's checkpoint stands behind them.
        if entries.len() > BATCH_RECORDS_MAX + 1 {
            let message = format!("a batch has at most {BATCH_RECORDS_MAX} records");
            return Err(Error::new(Reason::BatchTooLarge, message).with_subject("log", self.log.origin.clone()));
        }
        let closed = || Error::new(Reason::ShuttingDown, "the ledger is closed");
        let (answer, answered) = oneshot::channel();
        let request = Request { entries, rows: Box::new(rows), answer };
        self.queue.send(Order::Append(request)).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }

    /// Takes no more entries from now on: what waits for its place fails with [`IssuerWithdrawn`](Reason::IssuerWithdrawn). What it holds can
    /// still be read and proved.
    pub fn close(&self) {
        self.log.closed.store(true, Ordering::Release);
    }

    /// Whether it takes no more entries.
    pub fn is_closed(&self) -> bool {
        self.log.closed.load(Ordering::Acquire)
    }

    /// The newest signed head.
    pub fn head(&self) -> Arc<Head> {
        self.log.state().head.clone()
    }

    /// From now on proofs lead to this head, an earlier one of this log with cosignatures, wherever it covers the entry.
    pub fn lead_proofs_to(&self, cosigned: Arc<Head>) {
        let mut place = self.log.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        if place.as_ref().is_none_or(|old| old.size <= cosigned.size) && cosigned.size <= self.head().size {
            *place = Some(cosigned);
        }
    }

    /// The log's size as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.log.sizes.subscribe()
    }

    /// The signer of its checkpoints as it is now: with a change of keys comes another.
    pub fn signer(&self) -> Arc<dyn Signer> {
        self.log.signer()
    }

    /// The log's origin: the first line of its checkpoints.
    pub fn origin(&self) -> &str {
        &self.log.origin
    }
}

//! The sequencer of a log: queues appends for the one task that orders, signs and commits them (`writing`).

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::cache::TileCache;
use super::checkpoint::NoteKeys;
use super::clock::LogClock;
use super::lease::Lease;
use super::log::{Appended, Entry, Log};
use super::order::{AppendRequest, Order};
use super::rows::LogId;
use super::tended::stopped;
use super::writing::{Key, Writing};
use super::{ENTRY_BYTES_MAX, load};
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Store};
use crate::trust::Signer;

/// Capacity of the queue of appends; beyond it, callers wait.
const QUEUE_APPENDS_MAX: usize = 1_024;

/// Appends to one log, which it also reads.
pub struct Sequencer {
    log: Arc<Log>,
    key: Key,
    /// Whether the log takes no more entries.
    closed: Arc<AtomicBool>,
    pub(super) queue: mpsc::Sender<Order>,
}

impl Deref for Sequencer {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.log
    }
}

impl Sequencer {
    /// Opens a log to append to, or begins it with a signed checkpoint of size 0. Spawns the task that writes on the present runtime; it
    /// ends with the sequencer.
    ///
    /// Rebuilds the tree from the stored leaf hashes and compares everything derived from them: fails with
    /// [`LedgerCorrupt`](Reason::LedgerCorrupt), naming the log and what differs, when a tile is missing or another,
    /// the root is not the signed one, or the note was signed by another key or for another log; and with
    /// [`ClockBehind`](Reason::ClockBehind) when the clock reads too far before the head. Logs of one world share one [`LogClock`].
    ///
    /// Where several processes may open the store, it takes the log's lease first: it waits while the lease of somebody who may have
    /// died runs out, at most [`LEASE`](super::LEASE), and fails with [`StorageConflict`](Reason::StorageConflict) when they live.
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
        let mut lease = Lease::take(&store, id, &origin).await?;
        let state = match lease.beating(load::load_or_begin(&*store, id, &origin, &*signer, &clock)).await {
            Ok(state) => state,
            Err(error) => {
                lease.give_back().await;
                return Err(error);
            }
        };
        let key = Key::new(signer);
        let keys: NoteKeys = {
            let key = key.clone();
            Arc::new(move || super::checkpoint::keys_of(&*key.signer()))
        };
        let begins = load::begins(&*store, id, &origin).await?;
        let log = Arc::new(Log::new(store, id, origin, keys, state, begins, tiles));
        let (queue, orders) = mpsc::channel(QUEUE_APPENDS_MAX);
        let closed = Arc::new(AtomicBool::new(false));
        let writing = Writing { log: log.clone(), key: key.clone(), clock, lease, closed: closed.clone() };
        tokio::spawn(writing.serve(orders));
        Ok(Arc::new(Self { log, key, closed, queue }))
    }

    /// The log, for reading.
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Appends entries, in their order and without others between them, and commits `rows` with them.
    ///
    /// `rows` gets the index of the first entry and gives what else the same commit writes. When it answers `Ok`,
    /// entries, tiles, checkpoint and rows are durable, and [`Log::head`] covers them. Appends of many callers
    /// share a batch and a signature: whatever queues during a commit is the next batch, up to
    /// [`BATCH_RECORDS_MAX`] entries, so nothing waits for a timer. An append whose rows carry conditions is a batch
    /// of its own, and fails alone with [`StorageConflict`](Reason::StorageConflict) when they do not hold. While the clock reads too
    /// far before the newest head, all fail with [`ClockBehind`](Reason::ClockBehind).
    ///
    /// If the task that writes has ended by a defect, all fail with [`StorageUnavailable`](Reason::StorageUnavailable) until a restart
    /// (see [`Log::stopped`]).
    ///
    /// Dropping the future does not take the append back. An append of no entries is refused, as is one of more than
    /// [`BATCH_RECORDS_MAX`] ([`BatchTooLarge`](Reason::BatchTooLarge)).
    pub async fn append(
        &self,
        entries: Vec<Entry>,
        rows: impl FnOnce(u64) -> Batch + Send + 'static,
    ) -> Result<Appended> {
        if entries.is_empty() {
            return Err(Error::bug(format!("an append of no entries to {}", self.log.origin())));
        }
        // The limit of entry bundles (C2SP tlog-tiles).
        if let Some(long) = entries.iter().find(|entry| entry.body.len() > ENTRY_BYTES_MAX) {
            return Err(Error::bug(format!("an entry of {} bytes for {}", long.body.len(), self.log.origin())));
        }
        // One more than the records of a batch, for the issuer's checkpoint that follows them.
        if entries.len() > BATCH_RECORDS_MAX + 1 {
            let message = format!("a batch has at most {BATCH_RECORDS_MAX} records");
            return Err(Error::new(Reason::BatchTooLarge, message).with_subject("log", self.log.origin()));
        }
        let (answer, answered) = oneshot::channel();
        let request = AppendRequest { entries, rows: Box::new(rows), answer };
        // While somebody holds the sequencer, only a defect ends its task.
        self.queue.send(Order::Append(request)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }

    /// Takes no more entries from now on: a queued append fails with [`IssuerWithdrawn`](Reason::IssuerWithdrawn). The log can
    /// still be read and proved.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the log takes no more entries.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The present signer of its checkpoints; a change of keys replaces it.
    pub fn signer(&self) -> Arc<dyn Signer> {
        self.key.signer()
    }
}

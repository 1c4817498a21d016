//! Group commit: one thread takes what queued while the last sync was under way, and puts it behind the next one.
//!
//! Within a group, batches keep the order of the queue. Each sees the writes of those before it: conditions are
//! checked against the engine plus an overlay of what the group has accepted so far. A batch whose condition fails is
//! answered alone and leaves no trace. The accepted ones become one batch of the engine, with one sync.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use fjall::{Database, PersistMode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::fjall::{Keyspaces, inner_key};
use super::{Batch, Condition, Space, conflict};
use crate::base::{Error, Reason, Result};

/// Most batches that wait, and most bytes of them, before callers wait to queue.
const QUEUE_BATCHES_MAX: usize = 4_096;
const QUEUE_KIB_MAX: usize = 48 * 1024;
/// Most bytes behind one sync: beyond it the sync takes so long that waiting for more gains nothing.
const GROUP_KIB_MAX: usize = 16 * 1024;
/// What a row costs beside its key and value, in bytes.
const ROW_OVERHEAD_BYTES: usize = 64;

struct Request {
    batch: Batch,
    kib: usize,
    answer: oneshot::Sender<Result<()>>,
    /// Its share of the queue, given back once answered.
    _room: OwnedSemaphorePermit,
}

/// The queue's front, and the thread behind it. Dropping it writes what is queued and ends the thread.
pub(super) struct Committer {
    queue: Option<mpsc::Sender<Request>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(database: Database, keyspaces: Keyspaces) -> Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE_BATCHES_MAX);
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || Group::new(database, keyspaces).serve(requests))
            .map_err(Error::bug)?;
        Ok(Self { queue: Some(queue), room: Arc::new(Semaphore::new(QUEUE_KIB_MAX)), thread: Some(thread) })
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<()> {
        let closed = || Error::new(Reason::ShuttingDown, "the store is closed");
        let kib = kib_of(&batch);
        // A batch beyond the whole queue may still pass, alone.
        let share = kib.min(QUEUE_KIB_MAX) as u32;
        let room = self.room.clone().acquire_many_owned(share).await.map_err(|_| closed())?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Request { batch, kib, answer, _room: room }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has answered its callers with an error already; there is nobody left to tell here.
            let _ = thread.join();
        }
    }
}

fn kib_of(batch: &Batch) -> usize {
    let conditions = batch.conditions().iter().map(|c| c.key.len() + c.expected.as_ref().map_or(0, Bytes::len));
    let writes = batch.writes().iter().map(|w| w.key.len() + w.value.as_ref().map_or(0, Bytes::len));
    conditions.chain(writes).map(|bytes| bytes + ROW_OVERHEAD_BYTES).sum::<usize>() / 1024 + 1
}

/// The group in the making, and the engine below it.
struct Group {
    database: Database,
    keyspaces: Keyspaces,
    /// What was accepted so far, one overlay a space, in the order of [`Space::ALL`].
    overlays: Vec<Overlay>,
    accepted: Vec<Request>,
}

impl Group {
    fn new(database: Database, keyspaces: Keyspaces) -> Self {
        let overlays = Space::ALL.iter().map(|_| Overlay::default()).collect();
        Self { database, keyspaces, overlays, accepted: Vec::new() }
    }

    fn serve(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            let mut kib = first.kib;
            self.take(first);
            while kib < GROUP_KIB_MAX {
                let Ok(next) = requests.try_recv() else { break };
                kib += next.kib;
                self.take(next);
            }
            self.write();
        }
    }

    /// Takes a request in if its conditions hold; answers it otherwise.
    fn take(&mut self, mut request: Request) {
        let (conditions, writes) = std::mem::take(&mut request.batch).into_parts();
        if let Err(error) = conditions.iter().try_for_each(|condition| self.check(condition)) {
            // A caller that went away does not want its answer.
            let _ = request.answer.send(Err(error));
            return;
        }
        for write in writes {
            self.overlays[write.space.index()].push(write.key, write.value);
        }
        self.accepted.push(request);
    }

    fn check(&mut self, condition: &Condition) -> Result<()> {
        let expected = condition.expected.as_deref();
        let holds = match self.overlays[condition.space.index()].find(&condition.key) {
            Some(value) => value.as_deref() == expected,
            None => {
                let keyspace = self.keyspaces.of(condition.space);
                let found = keyspace.get(inner_key(condition.space, &condition.key)).map_err(Error::bug)?;
                found.as_deref() == expected
            }
        };
        if holds { Ok(()) } else { Err(conflict(condition.space)) }
    }

    /// Writes and syncs what was accepted, and answers it.
    fn write(&mut self) {
        let count = self.overlays.iter().map(|overlay| overlay.writes.len()).sum();
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), count);
        for (space, overlay) in Space::ALL.iter().zip(&mut self.overlays) {
            let keyspace = self.keyspaces.of(*space);
            for (key, value) in overlay.drain() {
                let key = inner_key(*space, &key);
                match value {
                    Some(value) => batch.insert(keyspace, key, value.as_ref()),
                    None => batch.remove(keyspace, key),
                }
            }
        }
        let outcome = batch.durability(Some(PersistMode::SyncAll)).commit();
        if let Err(error) = &outcome {
            tracing::error!(cause = ?error, "the storage engine refuses to write");
        }
        for request in self.accepted.drain(..) {
            let answer = match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(Error::new(Reason::Internal, "the storage engine refuses to write until a restart")
                    .with_source(error.to_string())),
            };
            let _ = request.answer.send(answer);
        }
    }
}

/// What a group writes to one space.
#[derive(Default)]
struct Overlay {
    /// Keys and values in the order written, a key perhaps many times; no value: deleted.
    writes: Vec<(Bytes, Option<Bytes>)>,
    /// The newest write of each key among the first ones, as far as conditions asked for it.
    newest: HashMap<Bytes, usize>,
    indexed: usize,
}

impl Overlay {
    fn push(&mut self, key: Bytes, value: Option<Bytes>) {
        self.writes.push((key, value));
    }

    /// The newest write of a key. Most spaces are never asked about, so they are not indexed before they are.
    fn find(&mut self, key: &Bytes) -> Option<&Option<Bytes>> {
        for (at, (key, _)) in self.writes.iter().enumerate().skip(self.indexed) {
            self.newest.insert(key.clone(), at);
        }
        self.indexed = self.writes.len();
        self.newest.get(key).map(|at| &self.writes[*at].1)
    }

    /// Empties the overlay: one write for each key, in key order.
    ///
    /// One, because the engine orders rows by key and batch, and could not tell two apart. In order, because then each
    /// insertion starts where the last one ended, in warm memory: half the time of a large group.
    fn drain(&mut self) -> impl Iterator<Item = (Bytes, Option<Bytes>)> + '_ {
        self.newest.clear();
        self.indexed = 0;
        // The sort is stable, so of equal keys the newest comes last, and is the one to keep.
        self.writes.sort_by(|a, b| a.0.cmp(&b.0));
        self.writes.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        self.writes.drain(..)
    }
}

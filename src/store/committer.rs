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
use super::{Batch, Condition, Space, Write, conflict};
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
    /// One write for each key: the engine orders rows by key and batch, so two of one key would be one too many.
    writes: Vec<Write>,
    position: HashMap<(Space, Bytes), usize>,
    accepted: Vec<Request>,
}

impl Group {
    fn new(database: Database, keyspaces: Keyspaces) -> Self {
        Self { database, keyspaces, writes: Vec::new(), position: HashMap::new(), accepted: Vec::new() }
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
            match self.position.entry((write.space, write.key.clone())) {
                std::collections::hash_map::Entry::Occupied(at) => self.writes[*at.get()] = write,
                std::collections::hash_map::Entry::Vacant(at) => {
                    at.insert(self.writes.len());
                    self.writes.push(write);
                }
            }
        }
        self.accepted.push(request);
    }

    fn check(&self, condition: &Condition) -> Result<()> {
        let expected = condition.expected.as_deref();
        let holds = match self.position.get(&(condition.space, condition.key.clone())) {
            Some(at) => self.writes[*at].value.as_deref() == expected,
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
        self.position.clear();
        let mut writes = std::mem::take(&mut self.writes);
        // In key order each insertion starts where the last one ended, in warm memory: half the time of a large group.
        writes.sort_unstable_by(|a, b| (a.space, &a.key).cmp(&(b.space, &b.key)));
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), writes.len());
        for write in &writes {
            let (keyspace, key) = (self.keyspaces.of(write.space), inner_key(write.space, &write.key));
            match &write.value {
                Some(value) => batch.insert(keyspace, key, value.as_ref()),
                None => batch.remove(keyspace, key),
            }
        }
        drop(writes);
        let outcome = batch.durability(Some(PersistMode::SyncAll)).commit();
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

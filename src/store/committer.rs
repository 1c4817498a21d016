//! Group commit: one thread takes everything that queued during the last sync, and commits it with the next one.
//!
//! Within a group, batches keep the order of the queue. Each sees the writes of those before it: conditions are checked against the
//! engine and an overlay of the writes that the group has accepted so far. A batch whose condition fails is answered alone and
//! leaves no trace; so is a batch with a row that cannot be looked up. The accepted ones become one batch of the engine, with one sync,
//! which also updates the counts of rows: the seals (see `seal`). A row about which a batch makes a claim, or has a condition, is not
//! looked up again.
//!
//! A thread of the committer that panics has met a defect. The store then accepts no more changes until a restart, as after a failed
//! write of the engine.

use std::collections::HashMap;
use std::sync::{Arc, mpsc as signals};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use fjall::{Database, PersistMode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::counts::{Counts, Since};
use super::disk::Reserve;
use super::fjall::{Keyspaces, contained, give_back, inner_key, is_damage};
use super::health::{FULL, HealthBoard, RETRY_AFTER, Writes};
use super::seal::{Mark, SEAL_KEY, Tally};
use super::{Batch, Before, ChangeBoard, Condition, Layout, Space, Write, conflict};
use crate::base::{Error, OnPanic, Reason, Result};

/// Capacity of the queue, in batches; beyond it, callers wait.
const QUEUE_BATCHES_MAX: usize = 4_096;
const QUEUE_KIB_MAX: usize = 48 * 1024;
/// Most KiB in one sync: a longer sync takes so long that larger groups gain nothing.
const GROUP_KIB_MAX: usize = 16 * 1024;
/// Overhead of a row beside its key and value, in bytes.
const ROW_OVERHEAD_BYTES: usize = 64;
/// Interval of checks of the disk and the engine while nobody writes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

struct CommitRequest {
    batch: Batch,
    kib: usize,
    answer: oneshot::Sender<Result<()>>,
    /// Its share of the queue's capacity, released when it is answered.
    _room: OwnedSemaphorePermit,
}

/// The queue's sender, and the threads behind it. Dropping it writes the queued batches and ends the threads.
pub(super) struct Committer {
    queue: Option<mpsc::Sender<CommitRequest>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
    lookout: Option<(signals::Sender<()>, JoinHandle<()>)>,
    counts: Arc<Counts>,
}

/// Held by a thread of the committer: the store accepts no more changes once the thread ends by a defect.
fn stops(health: &Arc<HealthBoard>) -> OnPanic<impl FnOnce() + use<>> {
    let health = health.clone();
    OnPanic::new(move || {
        let thread = std::thread::current();
        tracing::error!(thread = thread.name(), "a thread of the store ended by a defect");
        health.set_writes(Writes::Stopped);
    })
}

impl Committer {
    pub(super) fn start(
        database: Database,
        keyspaces: Keyspaces,
        tally: Tally,
        mark: Mark,
        reserve: Reserve,
        (health, changes): (Arc<HealthBoard>, Arc<ChangeBoard>),
    ) -> Result<Self> {
        let counts = Arc::new(Counts::of(&tally));
        health.set_writes(reserve.writes());
        let below = (database.clone(), keyspaces.clone(), reserve.clone());
        let lookout = lookout(below, health.clone(), counts.clone())?;
        let (queue, requests) = mpsc::channel(QUEUE_BATCHES_MAX);
        let overlays = Space::ALL.iter().map(|_| Overlay::default()).collect();
        let (accepted, counted) = (Vec::new(), counts.clone());
        let group =
            Group { database, keyspaces, overlays, accepted, tally, mark, reserve, health, changes, counts: counted };
        let thread = std::thread::Builder::new()
            .name("store-committer".into())
            .spawn(move || group.serve(requests))
            .map_err(Error::bug)?;
        let room = Arc::new(Semaphore::new(QUEUE_KIB_MAX));
        Ok(Self { queue: Some(queue), room, thread: Some(thread), lookout: Some(lookout), counts })
    }

    /// The number of the last durable group.
    pub(super) fn group(&self) -> u64 {
        self.counts.group()
    }

    /// The durable number of rows of a space.
    pub(super) fn count(&self, space: Space) -> u64 {
        self.counts.rows(space)
    }

    /// Counts what is written from now on.
    pub(super) fn since_now(&self) -> Since {
        Since::now(&self.counts)
    }

    pub(super) async fn commit(&self, batch: Batch) -> Result<()> {
        // Only a panic ends the thread while somebody can still call this.
        let ended = || unavailable(STOPPED);
        let kib = kib_of(&batch);
        // A batch larger than the whole queue is admitted alone.
        let share = kib.min(QUEUE_KIB_MAX) as u32;
        let room = self.room.clone().acquire_many_owned(share).await.map_err(|_| ended())?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(ended)?;
        queue.send(CommitRequest { batch, kib, answer, _room: room }).await.map_err(|_| ended())?;
        answered.await.map_err(|_| ended())?
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported already.
            let _ = thread.join();
        }
        if let Some((stop, thread)) = self.lookout.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// Checks the disk and the engine periodically, so that freed space and a failed write of the engine are noticed without a caller, and
/// what a snapshot held back is given back though nobody writes.
fn lookout(
    (database, keyspaces, reserve): (Database, Keyspaces, Reserve),
    health: Arc<HealthBoard>,
    counts: Arc<Counts>,
) -> Result<(signals::Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = signals::channel();
    let watch = move || {
        let _stops = stops(&health);
        while stopped.recv_timeout(LOOK_EVERY) == Err(signals::RecvTimeoutError::Timeout) {
            // Every group syncs its own writes, so there is nothing to flush; only a refusal by the engine matters.
            let refuses = matches!(database.persist(PersistMode::Buffer), Err(fjall::Error::Poisoned));
            health.set_writes(writes_of(refuses, &reserve));
            // Work that failed for want of space is retried.
            if !refuses && reserve.has_room_to_give_back() && counts.take_released() {
                match contained(|| give_back(&database, &keyspaces)) {
                    Ok(Ok(())) => {}
                    failed => tracing::warn!(cause = ?failed, "what an ended snapshot held back cannot be given back"),
                }
            }
        }
    };
    let thread = std::thread::Builder::new().name("store-lookout".into()).spawn(watch).map_err(Error::bug)?;
    Ok((stop, thread))
}

/// Whether changes are accepted. An engine that refuses them for want of space is reported as stopped only once there is space
/// again: a restart before that would fail the same way.
fn writes_of(refuses: bool, reserve: &Reserve) -> Writes {
    match reserve.writes() {
        Writes::Taken if refuses => Writes::Stopped,
        writes => writes,
    }
}

fn kib_of(batch: &Batch) -> usize {
    let conditions = batch.conditions().iter().map(|c| c.key.len() + c.expected.as_ref().map_or(0, Bytes::len));
    let writes = batch.writes().iter().map(|w| w.key.len() + w.value.as_ref().map_or(0, Bytes::len));
    conditions.chain(writes).map(|bytes| bytes + ROW_OVERHEAD_BYTES).sum::<usize>() / 1024 + 1
}

/// The group under construction, and the engine below it.
struct Group {
    database: Database,
    keyspaces: Keyspaces,
    /// The accepted writes, one overlay for each space, in the order of [`Space::ALL`].
    overlays: Vec<Overlay>,
    accepted: Vec<CommitRequest>,
    tally: Tally,
    mark: Mark,
    reserve: Reserve,
    health: Arc<HealthBoard>,
    changes: Arc<ChangeBoard>,
    counts: Arc<Counts>,
}

impl Group {
    fn serve(mut self, mut requests: mpsc::Receiver<CommitRequest>) {
        let _stops = stops(&self.health);
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

    /// Accepts a request if its conditions hold and its rows can be looked up; answers it otherwise.
    fn take(&mut self, mut request: CommitRequest) {
        let (conditions, mut writes) = std::mem::take(&mut request.batch).into_parts();
        let held = conditions.iter().try_for_each(|condition| self.check(condition));
        if let Err(error) = held.and_then(|()| self.look_up(&conditions, &mut writes)) {
            // A caller that went away needs no answer.
            let _ = request.answer.send(Err(error));
            return;
        }
        for write in writes {
            self.overlays[write.space.index()].push(write);
        }
        self.accepted.push(request);
    }

    /// Finds out which of the rows exist in the engine, as far as the batch does not imply it. Of a row that an earlier batch of the group
    /// wrote too, only the earlier look-up counts.
    fn look_up(&self, conditions: &[Condition], writes: &mut [Write]) -> Result<()> {
        for write in writes {
            if write.before == Before::Unknown {
                write.before = told(conditions, write);
            }
            if write.before == Before::Unknown {
                let (space, keyspace) = (write.space, self.keyspaces.of(write.space));
                let exists = self.read(space, || keyspace.contains_key(inner_key(space, &write.key)))?;
                write.before = if exists { Before::Present } else { Before::Absent };
            }
        }
        Ok(())
    }

    fn check(&mut self, condition: &Condition) -> Result<()> {
        let expected = condition.expected.as_deref();
        let holds = match self.overlays[condition.space.index()].find(&condition.key) {
            Some(value) => value.as_deref() == expected,
            None => {
                let (space, keyspace) = (condition.space, self.keyspaces.of(condition.space));
                let found = self.read(space, || keyspace.get(inner_key(space, &condition.key)))?;
                found.as_deref() == expected
            }
        };
        if holds { Ok(()) } else { Err(conflict(condition.space)) }
    }

    /// Reads the engine. The error of a failed read is damage of the space if the bytes are at fault, else a lack of resources.
    fn read<T>(&self, space: Space, read: impl FnOnce() -> fjall::Result<T>) -> Result<T> {
        let cause = match contained(read) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(error)) => unreadable(&error),
            Err(panic) => Some(panic),
        };
        Err(match cause {
            Some(cause) => self.health.damage(space, UNREADABLE, Some(cause)),
            None => unavailable("the disk does not answer; try again"),
        })
    }

    /// Writes and syncs the accepted batches, and answers their callers.
    fn write(&mut self) {
        self.health.set_writes(self.reserve.writes());
        let outcome = match self.health.writes() {
            _ if self.overlays.iter().all(|overlay| overlay.writes.is_empty()) => Ok(()),
            Writes::Full { .. } => Err((Reason::StorageFull, FULL)),
            Writes::OutOfFiles { .. } => Err((Reason::StorageFull, OUT_OF_FILES)),
            Writes::Stopped => Err((Reason::StorageUnavailable, STOPPED)),
            Writes::Taken => {
                let touched: Vec<Space> = self.touched().collect();
                let written = self.write_group();
                if written.is_ok() {
                    touched.into_iter().for_each(|space| self.changes.note(space));
                }
                written
            }
        };
        self.overlays.iter_mut().for_each(Overlay::clear);
        for request in self.accepted.drain(..) {
            let answer = outcome.map_err(|(reason, message)| Error::new(reason, message).with_retry_after(RETRY_AFTER));
            let _ = request.answer.send(answer);
        }
    }

    /// The spaces to which the group writes.
    fn touched(&self) -> impl Iterator<Item = Space> + '_ {
        Space::ALL.iter().zip(&self.overlays).filter(|(_, overlay)| !overlay.writes.is_empty()).map(|(space, _)| *space)
    }

    fn write_group(&mut self) -> Result<(), (Reason, &'static str)> {
        let count: usize = self.overlays.iter().map(|overlay| overlay.writes.len()).sum();
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), count + Layout::ALL.len());
        let mut tally = Tally { group: self.tally.group + 1, rows: self.tally.rows.clone() };
        for (space, overlay) in Space::ALL.iter().zip(&mut self.overlays) {
            let keyspace = self.keyspaces.of(*space);
            let rows = &mut tally.rows[space.index()];
            for Write { key, value, before, .. } in overlay.drain() {
                let key = inner_key(*space, &key);
                // What a batch does not imply was looked up when it was accepted.
                let existed = before == Before::Present;
                *rows = rows.saturating_add_signed(i64::from(value.is_some()) - i64::from(existed));
                match value {
                    Some(value) => batch.insert(keyspace, key, value.as_ref()),
                    None => batch.remove(keyspace, key),
                }
            }
        }
        for layout in Layout::ALL {
            batch.insert(self.keyspaces.tree(layout), SEAL_KEY, tally.seal(layout));
        }
        let written = contained(|| batch.durability(Some(PersistMode::SyncAll)).commit());
        if let Err(cause) = written.and_then(|written| written.map_err(|error| format!("{error:?}"))) {
            tracing::error!(cause, "a write of the storage engine failed");
            self.health.set_writes(writes_of(true, &self.reserve));
            return Err((Reason::StorageUnavailable, STOPPED));
        }
        self.counts.set(&tally, self.accepted.iter().map(|request| request.kib as u64).sum());
        if let Err(error) = self.mark.set(tally.group) {
            // A mark that lags only makes the next start less strict.
            tracing::warn!(%error, "the store's mark cannot be written");
        }
        self.tally = tally;
        Ok(())
    }
}

const OUT_OF_FILES: &str = "the disk has no free inodes: changes wait until some are freed";
const STOPPED: &str = "the storage engine accepts no changes until a restart";
const UNREADABLE: &str = "stored data cannot be read back";

fn unavailable(message: &'static str) -> Error {
    Error::new(Reason::StorageUnavailable, message).with_retry_after(RETRY_AFTER)
}

/// The cause of a failed read if the bytes are at fault; `None` if the machine lacked resources.
fn unreadable(error: &fjall::Error) -> Option<String> {
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io)) if !is_damage(io) => None,
        error => Some(error.to_string()),
    }
}

/// The knowledge about a row that a batch's own conditions imply.
fn told(conditions: &[Condition], write: &Write) -> Before {
    let about = conditions.iter().find(|condition| condition.space == write.space && condition.key == write.key);
    match about.map(|condition| &condition.expected) {
        None => Before::Unknown,
        Some(None) => Before::Absent,
        Some(Some(_)) => Before::Present,
    }
}

/// The writes of a group to one space.
#[derive(Default)]
struct Overlay {
    /// In the order written; a key may occur many times.
    writes: Vec<Write>,
    /// The newest write of each key among the first `indexed` ones.
    newest: HashMap<Bytes, usize>,
    indexed: usize,
}

impl Overlay {
    fn push(&mut self, write: Write) {
        self.writes.push(write);
    }

    fn clear(&mut self) {
        self.writes.clear();
        self.newest.clear();
        self.indexed = 0;
    }

    /// The newest write of a key. Most spaces are never asked about, so an overlay is indexed on first use.
    fn find(&mut self, key: &Bytes) -> Option<&Option<Bytes>> {
        for (at, write) in self.writes.iter().enumerate().skip(self.indexed) {
            self.newest.insert(write.key.clone(), at);
        }
        self.indexed = self.writes.len();
        self.newest.get(key).map(|at| &self.writes[*at].value)
    }

    /// Empties the overlay: one write for each key, in key order, with the knowledge from before the first write of the key.
    ///
    /// One, because the engine orders rows by key and batch, and could not tell two apart. In key order, because each insertion
    /// then starts where the last one ended, in warm memory, which halves the time of a large group.
    fn drain(&mut self) -> impl Iterator<Item = Write> + '_ {
        self.newest.clear();
        self.indexed = 0;
        // The sort is stable: of equal keys, the first has the knowledge from before, and the last has the value to keep.
        self.writes.sort_by(|a, b| a.key.cmp(&b.key));
        self.writes.dedup_by(|later, kept| {
            let same = later.key == kept.key;
            if same {
                std::mem::swap(&mut later.value, &mut kept.value);
            }
            same
        });
        self.writes.drain(..)
    }
}

#[cfg(test)]
mod tests;

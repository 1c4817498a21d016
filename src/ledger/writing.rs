//! The sequencer's task: it alone assigns indices to entries, signs each batch once, and commits it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::clock::LogClock;
use super::lease::{Lease, taken};
use super::log::{Appended, Entry, Head, Log, State};
use super::order::{AppendRequest, Order, Pausing, Release};
use super::tended::stopped;
use super::{checkpoint, load, rows, segment};
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Space};
use crate::trust::Signer;

/// An append with its index, provided that everything before it is written.
struct Placed {
    first_index: u64,
    entries: Vec<Entry>,
    rows: Batch,
    answer: oneshot::Sender<Result<Appended>>,
}

impl Placed {
    fn new(request: AppendRequest, first_index: u64) -> Self {
        let AppendRequest { entries, rows, answer } = request;
        Self { first_index, entries, rows: rows(first_index), answer }
    }

    fn is_conditional(&self) -> bool {
        !self.rows.conditions().is_empty()
    }
}

/// The key that signs a log's heads; a change of keys replaces it. Clones share it.
#[derive(Clone)]
pub(super) struct Key(Arc<RwLock<Arc<dyn Signer>>>);

impl Key {
    pub(super) fn new(signer: Arc<dyn Signer>) -> Self {
        Self(Arc::new(RwLock::new(signer)))
    }

    pub(super) fn signer(&self) -> Arc<dyn Signer> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, signer: Arc<dyn Signer>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = signer;
    }
}

/// The state of the task.
pub(super) struct Writing {
    pub(super) log: Arc<Log>,
    pub(super) key: Key,
    pub(super) clock: LogClock,
    pub(super) lease: Lease,
    /// Whether the log takes no more entries.
    pub(super) closed: Arc<AtomicBool>,
}

impl Writing {
    /// Serves appends until the sequencer is dropped, then releases the lease. Everything queued while a batch is being written
    /// becomes the next batch.
    pub(super) async fn serve(mut self, mut orders: mpsc::Receiver<Order>) {
        let _stops = self.log.tended_by("sequencer");
        let mut next: Option<Order> = None;
        loop {
            // Also while orders never pause.
            if self.lease.is_beat_due() {
                self.beat().await;
            }
            let order = match next.take() {
                Some(order) => Some(order),
                None => self.receive(&mut orders).await,
            };
            match order {
                Some(Order::Append(first)) => next = self.write_group(first, &mut orders).await,
                Some(Order::Pause(pausing)) => self.pause(pausing).await,
                None => return self.lease.give_back().await,
            }
        }
    }

    /// The next order; renews the lease while it waits.
    async fn receive(&mut self, orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
        loop {
            tokio::select! {
                biased;
                () = self.lease.beat_due() => self.beat().await,
                order = orders.recv() => return order,
            }
        }
    }

    async fn beat(&mut self) {
        if let Err(error) = self.lease.beat().await {
            tracing::error!(log = self.log.origin, %error, "the lease of the log was not renewed");
        }
    }

    /// Writes the append and those queued behind it as one batch. Returns the first order that is not part of it.
    async fn write_group(&mut self, first: AppendRequest, orders: &mut mpsc::Receiver<Order>) -> Option<Order> {
        let state = self.log.state();
        let mut group = vec![Placed::new(first, state.head.size)];
        let mut end = state.head.size + group[0].entries.len() as u64;
        let (mut apart, mut next) = (None, None);
        while !group[0].is_conditional() {
            let request = match orders.try_recv() {
                Ok(Order::Append(request)) => request,
                Ok(pause) => {
                    next = Some(pause);
                    break;
                }
                Err(_) => break,
            };
            if end - state.head.size + request.entries.len() as u64 > BATCH_RECORDS_MAX as u64 {
                next = Some(Order::Append(request));
                break;
            }
            let placed = Placed::new(request, end);
            if placed.is_conditional() {
                apart = Some(placed);
                break;
            }
            end += placed.entries.len() as u64;
            group.push(placed);
        }
        let written = self.write(&state, group).await;
        if let Some(placed) = apart {
            self.follow(placed, written).await;
        }
        next
    }

    /// Writes a conditional append after the batch that precedes it.
    async fn follow(&mut self, placed: Placed, before: Result<(), Reason>) {
        let state = self.log.state();
        match before {
            Ok(()) if state.head.size == placed.first_index => {
                // Its own outcome concerns its caller only.
                let _ = self.write(&state, vec![placed]).await;
            }
            outcome => {
                let reason = outcome.err().unwrap_or(Reason::StorageConflict);
                let error = Error::new(reason, "the batch before this one was not written");
                let _ = placed.answer.send(Err(error));
            }
        }
    }

    /// Waits for the end of the pause, and executes its orders.
    async fn pause(&mut self, pausing: Pausing) {
        if pausing.paused.send(self.log.state().head.size).is_err() {
            return;
        }
        let mut released = pausing.released;
        let released = loop {
            tokio::select! {
                biased;
                released = &mut released => break released,
                () = self.lease.beat_due() => self.beat().await,
            }
        };
        let Ok(Release { entries, signer, answer }) = released else { return };
        let before = self.key.signer();
        if let Some(signer) = signer {
            self.key.set(signer);
        }
        let keeps_new_key = entries.is_empty();
        let (written, outcome) = oneshot::channel();
        self.write_alone(AppendRequest { entries, rows: Box::new(|_| Batch::new()), answer: written }).await;
        let outcome = outcome.await.unwrap_or_else(|_| Err(stopped()));
        if outcome.is_err() && !keeps_new_key {
            self.key.set(before);
        }
        // The caller may be gone; the entries are written.
        let _ = answer.send(outcome);
    }

    /// Writes an append as a batch of its own.
    async fn write_alone(&mut self, request: AppendRequest) {
        let state = self.log.state();
        let placed = Placed::new(request, state.head.size);
        // Its caller receives the outcome.
        let _ = self.write(&state, vec![placed]).await;
    }

    /// Writes one batch, and answers its callers.
    async fn write(&mut self, state: &State, mut group: Vec<Placed>) -> Result<(), Reason> {
        match self.commit(state, &mut group).await {
            Ok(next) => {
                let head = next.head.clone();
                self.log.publish(next);
                for Placed { first_index, answer, .. } in group {
                    // A caller that went away needs no answer.
                    let _ = answer.send(Ok(Appended { first_index, size: head.size, head: head.clone() }));
                }
                Ok(())
            }
            Err(error) => {
                let error =
                    if error.reason == Reason::StorageConflict { self.explain(state, error).await } else { error };
                // A conflict concerns its caller, or is reported as one; a lagging clock is logged once, where it is detected.
                if !matches!(error.reason, Reason::StorageConflict | Reason::ClockBehind) {
                    tracing::error!(log = self.log.origin, %error, cause = ?error.source, "a batch was not written");
                }
                for Placed { answer, .. } in group {
                    // The cause was logged above; errors are not cloned.
                    let _ = answer.send(Err(error.repeated()));
                }
                Err(error.reason)
            }
        }
    }

    /// Grows the tree, signs, and commits everything at once, conditional on the head.
    async fn commit(&self, state: &State, group: &mut [Placed]) -> Result<State> {
        let log = &*self.log;
        if self.closed.load(Ordering::Acquire) {
            let message = "the registry lost the right to issue";
            return Err(Error::new(Reason::IssuerWithdrawn, message).with_subject("log", log.origin.clone()));
        }
        if matches!(self.lease, Lease::Lost) {
            return Err(taken(&log.origin));
        }
        let mut tree = state.tree.clone();
        let leaves = group.iter().flat_map(|placed| placed.entries.iter().map(|entry| entry.leaf));
        let changed = tree.append(leaves);
        let at = self.clock.next_head()?;
        let note = checkpoint::sign(&log.origin, tree.size(), &tree.root(), &*self.key.signer())?;
        let row = rows::write_note(at, &note);

        let head_key = Bytes::from(log.id.prefix());
        let mut batch =
            self.lease.fence(Batch::new().require_value(Space::LogHead, head_key.clone(), state.row.clone()));
        for placed in group.iter_mut() {
            batch = batch.merge(std::mem::take(&mut placed.rows));
        }
        let bodies = group.iter().flat_map(|placed| placed.entries.iter().map(|entry| entry.body.as_ref()));
        for (first, segment) in segment::pack(state.head.size, bodies) {
            batch.push_insert(Space::LogEntry, log.id.numbered_key(first), segment);
        }
        for tile in changed {
            let (key, row) = (log.id.tile_key(tile.id()), tile.stored().as_flattened().to_vec());
            match tile.id().width_at(state.head.size) {
                0 => batch.push_insert(Space::LogTile, key, row),
                _ => batch.push_update(Space::LogTile, key, row),
            }
        }
        let checkpoint_key = log.id.numbered_key(tree.size());
        match tree.size() == state.head.size {
            false => batch.push_insert(Space::LogCheckpoint, checkpoint_key, row.clone()),
            true => batch.push_update(Space::LogCheckpoint, checkpoint_key, row.clone()), // another key signs the same size
        }
        batch.push_put(Space::LogHead, head_key, row.clone());
        log.store.commit(batch).await?;

        let head = Head { size: tree.size(), root: tree.root(), note, at };
        Ok(State { head: Arc::new(head), tree, row })
    }

    /// After a conflict: reports a lost lease, and takes over the head of another process if that was the cause. An unmet condition
    /// of the caller is neither.
    async fn explain(&self, state: &State, error: Error) -> Error {
        let log = &*self.log;
        let looked = async {
            if self.lease.is_lost().await? {
                return Ok(Some(taken(&log.origin)));
            }
            let found = log.store.get(Space::LogHead, &log.id.prefix()).await?;
            if found.as_ref() != Some(&state.row)
                && let Some(state) = load::load(&*log.store, log.id, &log.origin, &(log.keys)()).await?
            {
                log.publish(state);
            }
            Ok::<_, Error>(None)
        };
        match looked.await {
            Ok(lost) => lost.unwrap_or(error),
            Err(unread) => {
                tracing::error!(log = log.origin, error = %unread, "the head cannot be read again");
                error
            }
        }
    }
}

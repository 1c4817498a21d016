//! The sequencer: the one task that gives entries their places, signs each batch once, and commits it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::log::{Appended, Entry, Head, Log, State};
use super::order::{Holding, Order, Release, Request};
use super::{checkpoint, load, rows, segment};
use crate::base::limits::BATCH_RECORDS_MAX;
use crate::base::{Error, Reason, Result};
use crate::store::{Batch, Space};
use crate::trust::Signer;

/// An append that has its place, if everything before it is written.
struct Placed {
    first_index: u64,
    entries: Vec<Entry>,
    rows: Batch,
    answer: oneshot::Sender<Result<Appended>>,
}

impl Placed {
    fn new(request: Request, first_index: u64) -> Self {
        let Request { entries, rows, answer } = request;
        Self { first_index, entries, rows: rows(first_index), answer }
    }

    fn is_conditional(&self) -> bool {
        !self.rows.conditions().is_empty()
    }
}

/// Takes appends until the ledger is dropped. What queued while a batch was under way is the next batch.
pub(super) async fn serve(log: Arc<Log>, mut orders: mpsc::Receiver<Order>) {
    let mut next: Option<Order> = None;
    loop {
        let order = match next.take() {
            Some(order) => Some(order),
            None => orders.recv().await,
        };
        let first = match order {
            Some(Order::Append(request)) => request,
            Some(Order::Hold(holding)) => {
                holding.keep(&log).await;
                continue;
            }
            None => return,
        };
        let state = log.state();
        let mut group = vec![Placed::new(first, state.head.size)];
        let mut end = state.head.size + group[0].entries.len() as u64;
        let mut apart = None;
        while !group[0].is_conditional() {
            let request = match orders.try_recv() {
                Ok(Order::Append(request)) => request,
                Ok(hold) => {
                    next = Some(hold);
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
        let written = write(&log, &state, group).await;
        if let Some(placed) = apart {
            follow(&log, placed, written).await;
        }
    }
}

/// Writes a conditional append behind the batch that it was placed after.
async fn follow(log: &Log, placed: Placed, before: Result<(), Reason>) {
    let state = log.state();
    match before {
        Ok(()) if state.head.size == placed.first_index => {
            // Its own outcome is its caller's affair.
            let _ = write(log, &state, vec![placed]).await;
        }
        outcome => {
            let reason = outcome.err().unwrap_or(Reason::StorageConflict);
            let error = Error::new(reason, "the batch before this one was not written");
            let _ = placed.answer.send(Err(error));
        }
    }
}

impl Holding {
    /// Waits for the release, and does what it says.
    async fn keep(self, log: &Log) {
        if self.held.send(log.state().head.size).is_err() {
            return;
        }
        let Ok(Release { entries, signer, answer }) = self.released.await else { return };
        let before = log.signer();
        if let Some(signer) = signer {
            set(log, signer);
        }
        let keeps_new_key = entries.is_empty();
        let (written, outcome) = oneshot::channel();
        write_alone(log, Request { entries, rows: Box::new(|_| Batch::new()), answer: written }).await;
        let outcome = outcome.await.unwrap_or_else(|_| Err(Error::new(Reason::ShuttingDown, "the ledger is closed")));
        if outcome.is_err() && !keeps_new_key {
            set(log, before);
        }
        // Whoever released it may be gone; the entries stand.
        let _ = answer.send(outcome);
    }
}

fn set(log: &Log, signer: Arc<dyn Signer>) {
    *log.signer.write().unwrap_or_else(PoisonError::into_inner) = signer;
}

/// Writes an append of its own.
async fn write_alone(log: &Log, request: Request) {
    let state = log.state();
    let placed = Placed::new(request, state.head.size);
    // Its caller hears of the outcome.
    let _ = write(log, &state, vec![placed]).await;
}

/// Writes one batch and answers its callers.
async fn write(log: &Log, state: &State, mut group: Vec<Placed>) -> Result<(), Reason> {
    match commit(log, state, &mut group).await {
        Ok(next) => {
            let head = next.head.clone();
            log.publish(next);
            for Placed { first_index, answer, .. } in group {
                // A caller that went away does not want its answer.
                let _ = answer.send(Ok(Appended { first_index, size: head.size, head: head.clone() }));
            }
            Ok(())
        }
        Err(error) => {
            if error.reason == Reason::StorageConflict {
                reload_if_overtaken(log, state).await;
            } else if error.reason != Reason::ClockBehind {
                // That one is logged where it is found, once.
                tracing::error!(log = log.origin, %error, cause = ?error.source, "a batch was not written");
            }
            for Placed { answer, .. } in group {
                // The cause is logged above, once; errors do not copy.
                let _ = answer.send(Err(error.repeated()));
            }
            Err(error.reason)
        }
    }
}

/// Grows the tree, signs, and commits everything at once, on the condition that the head is still ours.
async fn commit(log: &Log, state: &State, group: &mut [Placed]) -> Result<State> {
    if log.closed.load(Ordering::Acquire) {
        let message = "the registry lost the right to issue";
        return Err(Error::new(Reason::IssuerWithdrawn, message).with_subject("log", log.origin.clone()));
    }
    let mut tree = state.tree.clone();
    let leaves = group.iter().flat_map(|placed| placed.entries.iter().map(|entry| entry.leaf));
    let changed = tree.append(leaves);
    let at = log.clock.next_head()?;
    let note = checkpoint::sign(&log.origin, tree.size(), &tree.root(), &*log.signer())?;
    let row = rows::write_note(at, &note);

    let head_key = Bytes::from(log.id.prefix());
    let mut batch = Batch::new().require_value(Space::LogHead, head_key.clone(), state.row.clone());
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

/// After a conflict: takes the head up that another process wrote, if that was the cause and not a caller's condition.
async fn reload_if_overtaken(log: &Log, state: &State) {
    let loaded = async {
        let found = log.store.get(Space::LogHead, &log.id.prefix()).await?;
        if found.as_ref() == Some(&state.row) {
            return Ok(None);
        }
        load::load(&*log.store, log.id, &log.origin, &*log.signer()).await
    };
    match loaded.await {
        Ok(Some(state)) => log.publish(state),
        Ok(None) => (),
        Err(error) => tracing::error!(log = log.origin, error = %error, "the head cannot be read again"),
    }
}

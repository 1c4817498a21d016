//! A log for reading: its newest head, and the right edge of its tree.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;

use super::cache::TileCache;
use super::checkpoint::NoteKeys;
use super::rows::LogId;
use super::tree::Tree;
use crate::base::{OnPanic, Timestamp, watch};
use crate::store::Store;
use crate::trust::merkle::Hash;

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The leaf hash.
    pub leaf: Hash,
    /// The stored body, which need not be the leaf's preimage.
    pub body: Bytes,
}

/// A signed head of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of entries.
    pub size: u64,
    /// The root hash of the tree over them.
    pub root: Hash,
    /// The checkpoint: a signed note, UTF-8.
    pub note: Bytes,
    /// The time of the signature, by the log's clock; never before that of an earlier head.
    pub at: Timestamp,
}

/// The position of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Index of its first entry; the others follow it.
    pub first_index: u64,
    /// Size in the checkpoint of its batch, which may include other callers' entries.
    pub size: u64,
    /// The head that was signed for the batch: the first one that covers it.
    pub head: Arc<Head>,
}

/// A log for reading; any process may have it open.
pub struct Log {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: LogId,
    pub(super) origin: String,
    /// The keys that may have signed a stored head.
    pub(super) keys: NoteKeys,
    /// Replaced as a whole; a reader holds the lock while it copies a pointer.
    state: RwLock<Arc<State>>,
    sizes: watch::Sender<u64>,
    stopped: tokio::sync::watch::Sender<bool>,
    /// The newest cosigned head: proofs lead to it if it covers the entry.
    cosigned: RwLock<Option<Arc<Head>>>,
    pub(super) tiles: TileCache,
    /// The smallest size of which it has a checkpoint of its own.
    pub(super) begins: u64,
}

/// A published head and the right edge of its tree.
pub(super) struct State {
    pub(super) head: Arc<Head>,
    pub(super) tree: Tree,
    /// The head's row in the store.
    pub(super) row: Bytes,
}

impl Log {
    pub(super) fn new(
        store: Arc<dyn Store>,
        id: LogId,
        origin: String,
        keys: NoteKeys,
        state: State,
        begins: u64,
        tiles: TileCache,
    ) -> Self {
        let sizes = watch::Sender::new(state.head.size);
        let state = RwLock::new(Arc::new(state));
        let stopped = tokio::sync::watch::Sender::new(false);
        Self { store, id, origin, keys, state, sizes, stopped, cosigned: RwLock::default(), tiles, begins }
    }

    /// The newest signed head.
    pub fn head(&self) -> Arc<Head> {
        self.state().head.clone()
    }

    /// Makes proofs lead to this earlier, cosigned head of the log wherever it covers the entry.
    pub fn lead_proofs_to(&self, cosigned: Arc<Head>) {
        let mut newest = self.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|old| old.size <= cosigned.size) && cosigned.size <= self.head().size {
            *newest = Some(cosigned);
        }
    }

    /// The log's size, as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.sizes.subscribe()
    }

    /// Becomes true once the log takes no more entries until it is opened again, because a task that appends to it ended by a defect.
    pub fn stopped(&self) -> tokio::sync::watch::Receiver<bool> {
        self.stopped.subscribe()
    }

    /// Held by a task without which nobody can append: the log has stopped once the task ends by a defect. `task` names it in the log line.
    pub fn tended_by(&self, task: &'static str) -> OnPanic<impl FnOnce() + Send + use<>> {
        let (log, stopped) = (self.origin.clone(), self.stopped.clone());
        OnPanic::new(move || {
            tracing::error!(
                log,
                task,
                "a task of the log ended by a defect; the log takes no more entries until a restart"
            );
            stopped.send_replace(true);
        })
    }

    /// The origin: the first line of its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn state(&self) -> Arc<State> {
        // Only a pointer is replaced under the lock, so a poisoned lock guards a whole value.
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head to which a proof of an entry leads.
    pub(super) fn proving(&self, state: &State, index: u64) -> Arc<Head> {
        let cosigned = self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone();
        cosigned.filter(|head| index < head.size).unwrap_or_else(|| state.head.clone())
    }

    /// Publishes a state, unless a newer one is published.
    pub(super) fn publish_newer(&self, next: State) {
        let size = next.head.size;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.head.size > size {
            return;
        }
        *state = Arc::new(next);
        // Sent under the lock, so that watchers see sizes in the order of the heads.
        self.sizes.send_replace(size);
    }

    pub(super) fn publish(&self, state: State) {
        let size = state.head.size;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.sizes.send_replace(size);
    }
}

//! A log as it is read: its newest head, and the right edge of its tree.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::watch;

use super::cache::TileCache;
use super::checkpoint::NoteKeys;
use super::rows::LogId;
use super::tree::Tree;
use crate::base::Timestamp;
use crate::store::Store;
use crate::trust::merkle::Hash;

/// What goes into a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The leaf's hash in the tree.
    pub leaf: Hash,
    /// What is stored and given back; it need not be what the leaf hashes.
    pub body: Bytes,
}

/// A signed state of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree over them.
    pub root: Hash,
    /// The checkpoint: a signed note, UTF-8.
    pub note: Bytes,
    /// When it was signed, by the log's clock; never before an earlier head.
    pub at: Timestamp,
}

/// Where an append went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first of its entries; the others follow it.
    pub first_index: u64,
    /// Size of the log that the batch's checkpoint signs; it may hold other callers' entries too.
    pub size: u64,
    /// The head that was signed for the batch: the first that covers it.
    pub head: Arc<Head>,
}

/// One log, to read: any process may have it open.
pub struct Log {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: LogId,
    pub(super) origin: String,
    /// The keys whose signature a stored head may have.
    pub(super) keys: NoteKeys,
    /// Replaced whole; a reader holds the lock for the copy of a pointer.
    state: RwLock<Arc<State>>,
    sizes: watch::Sender<u64>,
    /// The newest head with cosignatures: proofs lead to it where it covers the entry.
    cosigned: RwLock<Option<Arc<Head>>>,
    pub(super) tiles: TileCache,
}

/// A published head and the right edge of its tree.
pub(super) struct State {
    pub(super) head: Arc<Head>,
    pub(super) tree: Tree,
    /// The head as its row in the store.
    pub(super) row: Bytes,
}

impl Log {
    pub(super) fn new(
        store: Arc<dyn Store>,
        id: LogId,
        origin: String,
        keys: NoteKeys,
        state: State,
        tiles: TileCache,
    ) -> Self {
        let sizes = watch::Sender::new(state.head.size);
        let state = RwLock::new(Arc::new(state));
        Self { store, id, origin, keys, state, sizes, cosigned: RwLock::default(), tiles }
    }

    /// The newest signed head.
    pub fn head(&self) -> Arc<Head> {
        self.state().head.clone()
    }

    /// From now on proofs lead to this head, an earlier one of this log with cosignatures, wherever it covers the entry.
    pub fn lead_proofs_to(&self, cosigned: Arc<Head>) {
        let mut newest = self.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|old| old.size <= cosigned.size) && cosigned.size <= self.head().size {
            *newest = Some(cosigned);
        }
    }

    /// The log's size as it grows.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.sizes.subscribe()
    }

    /// The log's origin: the first line of its checkpoints.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn state(&self) -> Arc<State> {
        // Only a pointer is replaced under the lock, so it is whole even if poisoned.
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head that a proof of an entry leads to.
    pub(super) fn proving(&self, state: &State, index: u64) -> Arc<Head> {
        let cosigned = self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone();
        cosigned.filter(|head| index < head.size).unwrap_or_else(|| state.head.clone())
    }

    /// Publishes a state unless a newer one was.
    pub(super) fn publish_newer(&self, next: State) {
        let size = next.head.size;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.head.size > size {
            return;
        }
        *state = Arc::new(next);
        // While the lock is held: sizes are told in the order of the heads.
        self.sizes.send_replace(size);
    }

    pub(super) fn publish(&self, state: State) {
        let size = state.head.size;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.sizes.send_replace(size);
    }
}

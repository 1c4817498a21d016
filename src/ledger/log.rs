//! The state of a log: what its sequencer writes and its readers share.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::watch;

use super::cache::TileCache;
use super::clock::LogClock;
use super::rows::LogId;
use super::tree::Tree;
use crate::base::Timestamp;
use crate::store::Store;
use crate::trust::Signer;
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

/// What the sequencer and the readers share.
pub(super) struct Log {
    pub(super) store: Arc<dyn Store>,
    pub(super) id: LogId,
    pub(super) origin: String,
    pub(super) signer: RwLock<Arc<dyn Signer>>,
    pub(super) clock: LogClock,
    /// Nothing is appended any more.
    pub(super) closed: AtomicBool,
    /// Replaced whole; a reader holds the lock for the copy of a pointer.
    pub(super) state: RwLock<Arc<State>>,
    pub(super) sizes: watch::Sender<u64>,
    /// The newest head with cosignatures: proofs lead to it where it covers the entry.
    pub(super) cosigned: RwLock<Option<Arc<Head>>>,
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
    pub(super) fn state(&self) -> Arc<State> {
        // Only a pointer is replaced under the lock, so it is whole even if poisoned.
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The head that a proof of an entry leads to.
    pub(super) fn proving(&self, state: &State, index: u64) -> Arc<Head> {
        let cosigned = self.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone();
        cosigned.filter(|head| index < head.size).unwrap_or_else(|| state.head.clone())
    }

    pub(super) fn signer(&self) -> Arc<dyn Signer> {
        self.signer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn publish(&self, state: State) {
        let size = state.head.size;
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        self.sizes.send_replace(size);
    }
}

//! Change notification: who waits for a space wakes when a committed batch touched it.
//!
//! A notice says that something changed, never what: many batches may be one notice, and whoever wakes reads. None is lost: a batch that
//! is committed after the watch began, or after it last woke, wakes it.

use tokio::sync::watch;

use super::Space;
use crate::base::{Error, Reason, Result};

/// Wakes when a space changes.
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits for a change since the watch began or last woke; returns at once if there was one. Fails with
    /// [`ShuttingDown`](Reason::ShuttingDown) once the store is closed.
    pub async fn next(&mut self) -> Result<()> {
        self.0.changed().await.map_err(|_| Error::new(Reason::ShuttingDown, "the store is closed"))
    }
}

/// Where an adapter tells of changes: one counter for each space.
#[derive(Debug)]
pub struct ChangeBoard(Vec<watch::Sender<u64>>);

impl Default for ChangeBoard {
    fn default() -> Self {
        Self(Space::ALL.iter().map(|_| watch::Sender::new(0)).collect())
    }
}

impl ChangeBoard {
    /// Watches a space from now on.
    pub fn watch(&self, space: Space) -> Changes {
        Changes(self.0[space.index()].subscribe())
    }

    /// Wakes those who watch a space. Costs next to nothing while nobody does.
    pub fn note(&self, space: Space) {
        let counter = &self.0[space.index()];
        if counter.receiver_count() > 0 {
            counter.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}
